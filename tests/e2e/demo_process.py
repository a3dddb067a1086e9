"""`courtyard demo` as a process, driven through a pipe or a terminal as a person would."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import sys
from collections.abc import AsyncIterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_S = 90.0

# Becomes the demo, with standard input as its controlling terminal: so that Ctrl-C reaches it as a signal.
_ON_TERMINAL = "import os, sys; os.login_tty(0); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"


class DemoProcess:
    """What it prints is collected; `until` waits for a part of it."""

    def __init__(self, process: asyncio.subprocess.Process, write_to: int, read_from: int) -> None:
        self._process = process
        self._input = write_to
        self._output = read_from
        self._seen = ""
        self._searched = 0
        self._more = asyncio.Event()
        asyncio.get_running_loop().add_reader(read_from, self._read)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> str:
        """Everything so far; from a terminal with its control sequences."""
        return self._seen

    def type(self, text: str) -> None:
        os.write(self._input, text.encode())

    async def until(self, text: str, timeout: float = START_S) -> None:
        """Wait for `text` after what earlier calls have found."""
        try:
            async with asyncio.timeout(timeout):
                while (at := self._seen.find(text, self._searched)) < 0:
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError(f"{text!r} did not come; there was:\n{self._seen}") from None
        self._searched = at + len(text)

    async def ended(self, timeout: float = 40.0) -> tuple[int, str]:
        """Wait for its end. Exit status, and what it wrote to standard error (a terminal has it in `output`)."""
        async with asyncio.timeout(timeout):
            error = await self._process.stderr.read() if self._process.stderr is not None else b""
            return await self._process.wait(), error.decode()

    async def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._output)
        for descriptor in {self._input, self._output}:
            os.close(descriptor)
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def _read(self) -> None:
        try:
            data = os.read(self._output, 65_536)
        except OSError:  # how a terminal says that nobody is at its other end
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._output)
        self._seen += data.decode("utf-8", "replace").replace("\r\n", "\n")
        self._more.set()


@contextlib.asynccontextmanager
async def demo(data_dir: Path, port: int, *, terminal: bool = False) -> AsyncIterator[DemoProcess]:
    """Start the demo; it is killed at the end of the block if it still runs."""
    arguments = ["-m", "bridge", "demo", "--data-dir", str(data_dir), "--port", str(port)]
    # The sequences that ask a terminal for the place of its cursor need a terminal that answers.
    env = {**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
    if terminal:
        ours, theirs = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _ON_TERMINAL, *arguments), cwd=ROOT, env=env, stdin=theirs, stdout=theirs
        )
        os.close(theirs)
        running = DemoProcess(process, ours, ours)
    else:
        (theirs_in, write_to), (read_from, theirs_out) = os.pipe(), os.pipe()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *arguments),
            cwd=ROOT,
            env=env,
            stdin=theirs_in,
            stdout=theirs_out,
            stderr=asyncio.subprocess.PIPE,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        running = DemoProcess(process, write_to, read_from)
    try:
        yield running
    finally:
        await running.close()


async def run(data_dir: Path, port: int, script: str) -> tuple[int, str, str]:
    """Run the demo with a script. Exit status, output, standard error."""
    pipe = asyncio.subprocess.PIPE
    arguments = ("-m", "bridge", "demo", "--data-dir", str(data_dir), "--port", str(port))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *arguments), cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe
    )
    try:
        async with asyncio.timeout(2 * START_S):
            out, err = await process.communicate(script.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def processes_of(data_dir: Path) -> dict[int, str]:
    """Command lines, by process id, of all that runs on this data."""
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                if str(data_dir) in line:
                    found[int(entry.name)] = line
    return found


async def none_left(data_dir: Path, timeout: float = 15.0) -> None:
    """Wait until nothing runs on this data."""
    try:
        async with asyncio.timeout(timeout):
            while processes_of(data_dir):  # noqa: ASYNC110  # /proc tells nobody when it changes
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"still running: {processes_of(data_dir)}") from None
