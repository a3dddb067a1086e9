"""`courtyard demo`: a real homeserver, the real bot, three people, and a chat in the terminal. All on this machine."""

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import secrets
import signal
from asyncio.subprocess import Process
from collections.abc import Iterator
from pathlib import Path

import structlog

from bridge.demo.bot import running_bot, write_config
from bridge.demo.person import CannotSend, Person, logged_in
from bridge.demo.progress import Progress
from bridge.demo.screen import Screen
from bridge.demo.synapse import Homeserver, SynapseError, synapse
from bridge.errors import CourtyardError, OperatorError
from bridge.ids import EventId, UserId

PEOPLE = ("alice", "bob", "carol")
BOT = "courtyard"
PORT = 8008

_ANSWER_S = 60.0
_HELP = """\
What you type is sent to Courtyard, end-to-end encrypted, as the person in the prompt. Try: help
  /as NAME             speak as alice, bob or carol
  /reply TEXT          answer Courtyard's latest message (a comment, if it shows a moment)
  /react SIGN          react to it (a heart likes a moment)
  /edit TEXT           edit your own latest message
  /remove              remove your own latest message
  /picture FILE TEXT   send a picture with a caption (post TEXT makes it a moment)
  /help                this list
  /quit                end the demo (also Ctrl-D and Ctrl-C)
A line break inside a message is written \\n."""


def run(data_dir: Path = Path(".demo"), port: int = PORT) -> int:
    """Run the demo. The exit status: 0 done, 1 a line of a script failed, 128 + N a script was ended by signal N.

    Raises:
        OperatorError: it can't be started, or a part of it ended by itself; one line says why.
    """
    data_dir = data_dir.resolve()
    with _only_one(data_dir):
        _log_to(data_dir / "people.log")
        try:
            return asyncio.run(_Demo(data_dir, port).run())
        except (CourtyardError, SynapseError, BaseExceptionGroup) as error:
            cause = _first(error)
            if isinstance(cause, BrokenPipeError):  # nobody reads its output any more
                raise cause from None
            if not isinstance(cause, CourtyardError | SynapseError):
                raise
            raise OperatorError(f"demo: {cause}") from None


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


@contextlib.contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (data_dir / "lock").open("w")
    except OSError as error:
        raise OperatorError(
            f"demo: {data_dir} can't be written ({error.strerror}); name another directory with --data-dir."
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OperatorError(
                f"demo: a demo is running already in {data_dir}; end that one first, "
                "or give this one --data-dir and --port of its own."
            ) from None
        yield


def _log_to(file: Path) -> None:
    """What the people's clients log is no part of the chat on the screen."""
    logging.basicConfig(filename=file, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, structlog.processors.KeyValueRenderer(key_order=["event"])],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


class _Demo:
    """One run, from the homeserver to the last line."""

    def __init__(self, data_dir: Path, port: int) -> None:
        self._data_dir = data_dir
        self._port = port
        self._screen = Screen()
        self._ended_by: int | None = None

    async def run(self) -> int:
        task = asyncio.current_task()
        assert task is not None

        def end(number: int) -> None:
            self._ended_by = number
            task.cancel()  # a second signal cancels the orderly end: what still runs is then killed

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, end, number)
        try:
            status = await self._run()
        except asyncio.CancelledError:
            if self._ended_by is None:
                raise
            # A script did not get to its end, and whoever runs it has to know.
            status = 0 if self._screen.interactive else 128 + self._ended_by
        if self._screen.interactive:
            print(f"The demo has ended. Its data stays in {self._data_dir} for the next time.", flush=True)
        return status

    async def _run(self) -> int:
        passwords = _passwords(self._data_dir / "passwords.json")
        progress = Progress(4)
        async with contextlib.AsyncExitStack() as stack:
            async with progress.step("starting the homeserver (Synapse)"):
                hs = await stack.enter_async_context(synapse(self._data_dir / "synapse", "localhost", self._port))
            async with progress.step("registering courtyard, alice, bob and carol"):
                for name in (BOT, *PEOPLE):
                    await hs.register(name, passwords[name])
            bot = UserId(f"@{BOT}:{hs.server_name}")
            async with progress.step("starting the bot"):
                config = write_config(self._data_dir / "bot", hs.url, bot, passwords[BOT])
                process = await stack.enter_async_context(running_bot(config, self._data_dir / "bot.log"))
            people: dict[str, Person] = {}
            directory = self._data_dir / "people"
            directory.mkdir(mode=0o700, exist_ok=True)
            async with progress.step("logging alice, bob and carol in, each with an encrypted chat"):
                for name in PEOPLE:
                    people[name] = await stack.enter_async_context(
                        logged_in(name, passwords[name], hs.url, hs.server_name, directory, bot, self._screen.show)
                    )
            self._introduce(hs, passwords)
            self._screen.open()
            return await self._while_all_runs(hs, process, people)

    async def _while_all_runs(self, hs: Homeserver, bot: Process, people: dict[str, Person]) -> int:
        """The chat, until it ends or one of the processes behind it does."""
        chat = asyncio.create_task(_chat(people, self._screen))
        bot_gone = asyncio.create_task(bot.wait())
        hs_gone = asyncio.create_task(hs.wait())
        tasks = (chat, bot_gone, hs_gone)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if chat.done():
                return chat.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        what, log = ("bot", self._data_dir / "bot.log") if not bot_gone.cancelled() else ("homeserver", hs.log_file)
        raise OperatorError(f"the {what} ended unexpectedly: see {log}")

    def _introduce(self, hs: Homeserver, passwords: dict[str, str]) -> None:
        print(f"\nCourtyard runs. Any Matrix client on this machine can log in beside it, at {hs.url}")
        for name in PEOPLE:
            print(f"  {hs.user_id(name):<18} password: {passwords[name]}")
        print(f"\n{_HELP}\n" if self._screen.interactive else "", flush=True)


def _passwords(path: Path) -> dict[str, str]:
    try:
        saved = json.loads(path.read_text("utf-8"))
        return {name: str(saved[name]) for name in (BOT, *PEOPLE)}
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, TypeError):
        raise OperatorError(f"{path} can't be read; delete {path.parent} to start afresh.") from None
    passwords = {name: secrets.token_urlsafe(9) for name in (BOT, *PEOPLE)}
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(passwords, file)
    return passwords


async def _chat(people: dict[str, Person], screen: Screen) -> int:
    speaker = [people[PEOPLE[0]]]
    failed = 0
    async with contextlib.aclosing(screen.lines(lambda: speaker[0].name)) as lines:
        async for line in lines:
            text = line.strip()
            if not text:
                continue
            if text == "/quit":
                break
            try:
                answered = await _do(text, speaker, people, screen)
            except CannotSend as error:
                screen.complain(f"not sent: {error}")
                answered = False
            failed += not answered
            if not screen.interactive:
                await screen.quiet()
    return 1 if failed and not screen.interactive else 0


async def _do(text: str, speaker: list[Person], people: dict[str, Person], screen: Screen) -> bool:
    """Carry out one line. False: it was not answered, or makes no sense."""
    me = speaker[0]
    event_id: EventId | None = None
    command, _, rest = text.partition(" ")
    rest = rest.strip()
    if not text.startswith("/"):
        event_id = await me.say(text.replace("\\n", "\n"))
    elif command == "/as" and rest in people:
        speaker[0] = people[rest]
        return True
    elif command == "/help":
        print(_HELP, flush=True)
        return True
    elif command == "/reply" and rest and me.last_answer:
        event_id = await me.reply(rest)
    elif command == "/edit" and rest and me.last_sent:
        event_id = await me.edit(rest)
    elif command == "/react" and rest and me.last_answer:
        await me.react(rest)
    elif command == "/remove" and me.last_sent:
        await me.remove()
    elif command == "/picture" and rest:
        path, _, caption = rest.partition(" ")
        event_id = await me.send_picture(Path(path), caption.strip())
    else:
        screen.complain("the demo has no such command, or it makes no sense here; /help lists them")
        return False
    if screen.interactive:
        return True
    # Nobody answers a reaction or a removal.
    if await (me.settled(_ANSWER_S) if event_id is None else me.answered(event_id, _ANSWER_S)):
        return True
    screen.complain(f"no answer within {_ANSWER_S:.0f} s")
    return False
