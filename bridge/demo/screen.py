"""The demo's terminal: what is typed, and what the people's clients show."""

import asyncio
import codecs
import contextlib
import os
import sys
import threading
import time
import unicodedata
from collections.abc import AsyncGenerator, Callable

from bridge.chat.inbound import Inbound
from bridge.demo.person import Person, shown

_QUIET_S = 0.6
_LABEL = 6


class Screen:
    """The terminal: what arrives is printed above the line that is being typed."""

    def __init__(self) -> None:
        self.interactive = sys.stdin.isatty() and sys.stdout.isatty()
        """Somebody sits there. Else the input is a script."""
        self._latest = 0.0
        self._held: list[str] | None = []

    def show(self, person: Person, event: Inbound) -> None:
        """Print an event as this person's client shows it."""
        text = shown(event)
        if text is None:
            return
        self._latest = time.monotonic()
        first, *rest = _printable(text).split("\n")
        lines = [f"{person.name:>{_LABEL}} │ Courtyard: {first}", *(f"{'':>{_LABEL}} │   {line}" for line in rest)]
        block = "\n".join(line.rstrip() for line in lines)
        if self._held is not None:
            self._held.append(block)
            return
        # Nobody reads any more: what is typed next meets it too, and there it ends the demo.
        with contextlib.suppress(BrokenPipeError):
            print(block, flush=True)

    def open(self) -> None:
        """From now on print; what came meanwhile comes first."""
        held, self._held = self._held or [], None
        for block in held:
            print(block, flush=True)

    def complain(self, text: str) -> None:
        """Print why a line could not be carried out."""
        print(f"{'':>{_LABEL}} ! {text}", flush=True)

    async def lines(self, speaker: Callable[[], str]) -> AsyncGenerator[str, None]:
        """What is typed, line by line; `speaker` says whose name stands before it. Ends at Ctrl-D and Ctrl-C."""
        if not self.interactive:
            async for line in _stdin_lines():
                if line.strip():
                    print(f"{speaker():>{_LABEL}} > {line}", flush=True)
                yield line
            return
        # Here, because a script does without it.
        from prompt_toolkit import PromptSession
        from prompt_toolkit.patch_stdout import patch_stdout

        session: PromptSession[str] = PromptSession()
        with patch_stdout():
            while True:
                try:
                    # A signal is the demo's to handle; the key Ctrl-C comes as KeyboardInterrupt.
                    yield await session.prompt_async(lambda: f"{speaker():>{_LABEL}} > ", handle_sigint=False)
                except (EOFError, KeyboardInterrupt):
                    return

    async def quiet(self) -> None:
        """Wait until nothing more arrives: for the look of a script's output, not for its truth."""
        begin = None
        while begin != self._latest:
            begin = self._latest
            await asyncio.sleep(max(0.0, begin + _QUIET_S - time.monotonic()))


def _printable(text: str) -> str:
    """What a message may do to this terminal: nothing."""
    return "".join("�" if unicodedata.category(c) == "Cc" and c != "\n" else c for c in text)


async def _stdin_lines() -> AsyncGenerator[str, None]:
    """Lines of a pipe or a file. Reading happens in a thread that nobody has to wait for at the end."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str | None] = asyncio.Queue()
    decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def read() -> None:
        # Not sys.stdin: a thread that waits inside it holds a lock which the interpreter wants when it ends.
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            begun = ""
            while data := _read():
                *whole, begun = (begun + decoder.decode(data)).split("\n")
                for line in whole:
                    loop.call_soon_threadsafe(queue.put_nowait, line)
            if begun:
                loop.call_soon_threadsafe(queue.put_nowait, begun)
            loop.call_soon_threadsafe(queue.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    while (line := await queue.get()) is not None:
        yield line


def _read() -> bytes:
    try:
        return os.read(0, 65_536)
    except OSError:
        return b""
