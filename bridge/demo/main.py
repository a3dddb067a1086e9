"""`courtyard demo`: a real homeserver, the real bot, three people, and a chat in the terminal. All on this machine."""

import asyncio
import contextlib
import fcntl
import json
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from bridge.chat.inbound import Inbound
from bridge.demo.bot import running_bot, write_config
from bridge.demo.person import CannotSend, Person, logged_in, shown
from bridge.demo.synapse import SynapseError, synapse
from bridge.errors import CourtyardError, OperatorError
from bridge.ids import UserId

PEOPLE = ("alice", "bob", "carol")
BOT = "courtyard"
PORT = 8008

_ANSWER_S = 60.0
_QUIET_S = 0.6
_HELP = """\
What you type is sent to Courtyard, end-to-end encrypted, as the person in the prompt. Try: help
  /as NAME             speak as alice, bob or carol
  /reply TEXT          answer Courtyard's latest message (a comment, if it shows a moment)
  /react SIGN          react to it (a heart likes a moment)
  /edit TEXT           edit your own latest message
  /remove              remove your own latest message
  /picture FILE TEXT   send a picture with a caption (post TEXT makes it a moment)
  /quit                end the demo (also Ctrl-D)"""


def run(data_dir: Path = Path(".demo"), port: int = PORT) -> int:
    """Run the demo. The exit status: 0, or 1 when a message was not answered.

    Raises:
        OperatorError: it can't be started; one line says why.
    """
    data_dir = data_dir.resolve()
    with _only_one(data_dir):
        try:
            return asyncio.run(_main(data_dir, port))
        except KeyboardInterrupt:
            return 0
        except (CourtyardError, SynapseError, BaseExceptionGroup) as error:
            cause = _first(error)
            if not isinstance(cause, CourtyardError | SynapseError):
                raise
            raise OperatorError(f"demo: {cause}") from None


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


@contextlib.contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data_dir / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OperatorError(f"demo: a demo is running already (in {data_dir}); end that one first.") from None
        yield


async def _main(data_dir: Path, port: int) -> int:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    screen = Screen()
    passwords = _passwords(data_dir / "passwords.json")
    try:
        async with contextlib.AsyncExitStack() as stack:
            with _step("starting the homeserver (Synapse)"):
                hs = await stack.enter_async_context(synapse(data_dir / "synapse", "localhost", port))
            with _step("registering courtyard, alice, bob and carol"):
                for name in (BOT, *PEOPLE):
                    await hs.register(name, passwords[name])
            bot = UserId(f"@{BOT}:{hs.server_name}")
            with _step("starting the bot"):
                config = write_config(data_dir / "bot", hs.url, bot, passwords[BOT])
                process = await stack.enter_async_context(running_bot(config, data_dir / "bot.log"))
            people: dict[str, Person] = {}
            directory = data_dir / "people"
            directory.mkdir(mode=0o700, exist_ok=True)
            with _step("logging alice, bob and carol in, each with an encrypted chat"):
                for name in PEOPLE:
                    people[name] = await stack.enter_async_context(
                        logged_in(name, passwords[name], hs.url, hs.server_name, directory, bot, screen.show)
                    )
            _introduce(hs.url, hs.server_name, passwords)
            screen.open()
            chat = asyncio.create_task(_chat(people, screen))
            gone = asyncio.create_task(process.wait())
            try:
                await asyncio.wait((chat, gone), return_when=asyncio.FIRST_COMPLETED)
                if not chat.done():
                    raise OperatorError(f"the bot ended unexpectedly: see {data_dir / 'bot.log'}")
                return await chat
            finally:
                chat.cancel()
                gone.cancel()
                await asyncio.gather(chat, gone, return_exceptions=True)
    except asyncio.CancelledError:
        return 0


def _passwords(path: Path) -> dict[str, str]:
    if path.exists():
        saved: dict[str, str] = json.loads(path.read_text())
        return saved
    passwords = {name: secrets.token_urlsafe(9) for name in (BOT, *PEOPLE)}
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w") as file:
        json.dump(passwords, file)
    return passwords


@contextlib.contextmanager
def _step(what: str) -> Iterator[None]:
    begin = time.monotonic()
    print(f"… {what}", end="", flush=True)
    try:
        yield
    except BaseException:
        print(flush=True)
        raise
    print(f" ({time.monotonic() - begin:.1f} s)", flush=True)


def _introduce(url: str, server_name: str, passwords: dict[str, str]) -> None:
    print(f"\nCourtyard runs. Homeserver: {url}   (log in beside it with any Matrix client on this machine)")
    for name in PEOPLE:
        print(f"  @{name}:{server_name:<12} password: {passwords[name]}")
    print(f"\n{_HELP}\n", flush=True)


class Screen:
    """The terminal: what arrives is printed above the line that is being typed."""

    def __init__(self) -> None:
        self.interactive = sys.stdin.isatty() and sys.stdout.isatty()
        self.latest = 0.0
        """Monotonic time of the last thing that arrived."""
        self._held: list[str] | None = []

    def show(self, person: Person, event: Inbound) -> None:
        """Print an event as this person's client shows it."""
        text = shown(event)
        if text is None:
            return
        self.latest = time.monotonic()
        lines = text.split("\n")
        label = f"{person.name:>6} │ "
        block = "\n".join([label + "Courtyard: " + lines[0], *(" " * 6 + " │   " + line for line in lines[1:])])
        if self._held is None:
            print(block, flush=True)
        else:
            self._held.append(block)

    def open(self) -> None:
        """From now on print; what came meanwhile comes first."""
        held, self._held = self._held or [], None
        for block in held:
            print(block, flush=True)

    async def lines(self, speaker: list[Person]) -> AsyncIterator[str]:
        """What is typed, line by line."""
        if not self.interactive:
            async for line in _stdin_lines():
                print(f"{speaker[0].name:>6} > {line}", flush=True)
                yield line
            return
        from prompt_toolkit import PromptSession
        from prompt_toolkit.patch_stdout import patch_stdout

        session: PromptSession[str] = PromptSession()
        with patch_stdout():
            while True:
                try:
                    yield await session.prompt_async(lambda: f"{speaker[0].name:>6} > ")
                except (EOFError, KeyboardInterrupt):
                    return

    async def quiet(self) -> None:
        """Wait until nothing more arrives: for the look of a script's output, not for its truth."""
        begin = None
        while begin != self.latest:
            begin = self.latest
            await asyncio.sleep(max(0.0, begin + _QUIET_S - time.monotonic()))


async def _stdin_lines() -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str | None] = asyncio.Queue()

    def read() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            for line in sys.stdin:
                loop.call_soon_threadsafe(queue.put_nowait, line.rstrip("\n"))
            loop.call_soon_threadsafe(queue.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    while (line := await queue.get()) is not None:
        yield line


async def _chat(people: dict[str, Person], screen: Screen) -> int:
    speaker = [people[PEOPLE[0]]]
    failed = 0
    async for line in screen.lines(speaker):
        text = line.strip()
        if not text:
            continue
        if text == "/quit":
            break
        try:
            answered = await _do(text, speaker, people, screen)
        except (CannotSend, OSError) as error:
            print(f"       ! not sent: {error}", flush=True)
            answered = False
        failed += not answered
        if not screen.interactive:
            await screen.quiet()
    return 1 if failed and not screen.interactive else 0


async def _do(text: str, speaker: list[Person], people: dict[str, Person], screen: Screen) -> bool:
    """Carry out one line. False: it was not answered, or makes no sense."""
    me = speaker[0]
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
        return True
    elif command == "/remove" and me.last_sent:
        await me.remove()
        return True
    elif command == "/picture" and rest:
        path, _, caption = rest.partition(" ")
        event_id = await me.send_picture(Path(path), caption)
    else:
        print("       ! that is no command of the demo; /help lists them", flush=True)
        return False
    if screen.interactive:
        return True
    if await me.answered(event_id, _ANSWER_S):
        return True
    print(f"       ! no answer within {_ANSWER_S:.0f} s", flush=True)
    return False
