"""`courtyard …` and Synapse as processes, started quickly: born by a nursery (see nursery.py), no new interpreters.

What is born is a process like any other: signals, kill -9, standard streams, exit status and environment are its own.
On macOS, where a process that has loaded frameworks can't fork, it is a new interpreter after all.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.demo.synapse import Process, launch

ROOT = Path(__file__).parents[2]
CAN_FORK = sys.platform == "linux"


class Born:
    """A child of the nursery, to be used like asyncio.subprocess.Process. Every stream is a pipe, but those given."""

    def __init__(self, stdin: int) -> None:
        self.pid = 0
        self.returncode: int | None = None
        self.stdin: asyncio.StreamWriter | None = None
        """Nobody writes to it bit by bit; the pipe is closed at the end, or by `communicate`."""
        self.stdout = asyncio.StreamReader()
        self.stderr = asyncio.StreamReader()
        self._stdin: int | None = stdin
        self._ended = asyncio.Event()

    def end(self, status: int) -> None:
        """For the one who hears of it."""
        self.returncode = status
        self._close_stdin()
        self._ended.set()

    async def wait(self) -> int:
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    async def communicate(self, input: bytes = b"") -> tuple[bytes, bytes]:
        """Write `input` (no more than a pipe holds), close, read everything, wait for the end."""
        if input and self._stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                os.write(self._stdin, input)
        self._close_stdin()
        out, err = await asyncio.gather(self.stdout.read(), self.stderr.read())
        await self.wait()
        return out, err

    def _close_stdin(self) -> None:
        if self._stdin is not None:
            os.close(self._stdin)
            self._stdin = None


class _Nursery:
    """A line to the nursery of one program. All processes of a run share that: the first to need it starts it."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._line.setblocking(False)
        self._children: dict[int, Born] = {}
        self._birth: asyncio.Future[int] | None = None
        self._unborn: Born | None = None
        self._turn = asyncio.Lock()
        asyncio.get_running_loop().add_reader(self._line, self._hear)
        atexit.register(self._line.close)

    async def bear(
        self,
        arguments: Sequence[str],
        settings: Mapping[str, Any],
        *,
        stdout: int | None = None,
        stderr: int | None = None,
        held: Sequence[int] = (),
    ) -> Born:
        """stdout, stderr: descriptors in place of pipes. held: one that the child holds open as long as it lives."""
        their_in, stdin = os.pipe()
        printed, their_out = os.pipe() if stdout is None else (None, os.dup(stdout))
        errors, their_errors = os.pipe() if stderr is None else (None, os.dup(stderr))
        request = json.dumps({"arguments": arguments, **settings}).encode()
        async with self._turn:
            child = self._unborn = Born(stdin)
            self._birth = asyncio.get_running_loop().create_future()
            socket.send_fds(self._line, [request], [their_in, their_out, their_errors, *held])
            for descriptor in (their_in, their_out, their_errors):
                os.close(descriptor)
            await self._birth
        for pipe, reader in ((printed, child.stdout), (errors, child.stderr)):
            if pipe is None:
                reader.feed_eof()
            else:
                await _read_from(pipe, reader)
        return child

    def _hear(self) -> None:
        while True:
            try:
                raw = self._line.recv(4096)
            except BlockingIOError:
                return
            if not raw:
                asyncio.get_running_loop().remove_reader(self._line)
                if self._birth is not None and not self._birth.done():
                    self._birth.set_exception(RuntimeError("the nursery ended; its standard error tells why"))
                return
            said = json.loads(raw)
            if "born" in said:
                assert self._unborn is not None
                assert self._birth is not None
                self._unborn.pid = said["born"]
                self._children[said["born"]] = self._unborn
                self._birth.set_result(said["born"])
            else:
                self._children.pop(said["ended"]).end(said["status"])


def _connect(program: str) -> socket.socket:
    """A connection that the nursery has greeted, when it has imported its program.

    It ends when nobody is connected. Who comes at that very moment starts another one.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    address = f"\0courtyard-nursery-{run}-{program}"  # of Linux, without a file
    while True:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door, contextlib.suppress(OSError):
            door.bind(address)  # an error: it is there already
            door.listen(64)
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.e2e.nursery", str(door.fileno()), program],
                cwd=ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                pass_fds=[door.fileno()],
                start_new_session=True,
            )
            _started.append(process)
        line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            line.connect(address)
            if line.recv(4096):
                return line
        except OSError:
            pass
        line.close()


async def _read_from(descriptor: int, reader: asyncio.StreamReader) -> None:
    pipe = os.fdopen(descriptor, "rb", 0)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)


_nurseries: dict[str, _Nursery] = {}
_connecting = asyncio.Lock()
_started: list[subprocess.Popen[bytes]] = []
"""Nurseries that this process has started. They end by themselves, perhaps after it."""


async def _nursery(program: str) -> _Nursery:
    async with _connecting:
        if program not in _nurseries:
            _nurseries[program] = _Nursery(await asyncio.to_thread(_connect, program))
        return _nurseries[program]


async def bear(
    *arguments: str, environment: Mapping[str, str] | None = None, stderr: int | None = None, guarded: bool = False
) -> Born | asyncio.subprocess.Process:
    """Start `courtyard` with these arguments, in the root of the project.

    environment: what differs from ours. stderr: a descriptor, in place of a pipe.
    guarded: it ends when we are gone; then its standard input has to be left alone.
    """
    environment = {**os.environ, **(environment or {}), "PYTHONUNBUFFERED": "1"}
    if not CAN_FORK:
        module = ("bridge.demo.guarded", "bridge") if guarded else ("bridge",)
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *module, *arguments),
            stdin=pipe,
            stdout=pipe,
            stderr=pipe if stderr is None else stderr,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
        )
    settings = {"environment": environment, "directory": str(ROOT), "guarded": guarded}
    return await (await _nursery("courtyard")).bear(arguments, settings, stderr=stderr)


async def launch_synapse(config: Path, output: int, lock: int) -> Process:
    """For `bridge.demo.synapse`, in place of its own `launch`."""
    if not CAN_FORK:
        return await launch(config, output, lock)
    settings = {"environment": dict(os.environ), "directory": str(config.parent), "guarded": True}
    nursery = await _nursery("synapse")
    return await nursery.bear(["-c", str(config)], settings, stdout=output, stderr=output, held=[lock])


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


async def courtyard(*arguments: str, stdin: str = "", timeout: float = 60.0) -> Done:
    """Run a command to its end."""
    process = await bear(*arguments)
    try:
        async with asyncio.timeout(timeout):
            out, err = await process.communicate(stdin.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Done(process.returncode, out.decode(), err.decode())


async def printed(*arguments: str) -> str:
    """Run a command that must succeed; what it prints."""
    done = await courtyard(*arguments)
    assert done.code == 0, done.err
    return done.out
