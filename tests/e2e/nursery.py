"""The process that gives birth to processes of one program: `python -m tests.e2e.nursery FD courtyard|synapse`.

It has imported the program and does nothing else, above all starts no thread. It accepts connections from the socket
FD. Each request over one of them makes it fork; the child becomes `python -m bridge …` or `python -m
synapse.app.homeserver …` with its own session, descriptors, environment and working directory, and ends as an
interpreter ends. So a start costs a tenth of a second of CPU (Synapse: a quarter) and not a whole one. See births.py.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

REQUEST_BYTES = 262_144
DESCRIPTORS = 4
"""Standard streams, and what the child is to hold open."""


class _Nursery:
    """Gives birth until nobody is connected any more."""

    def __init__(self, door: socket.socket) -> None:
        self._door = door
        self._lines: dict[int, socket.socket] = {}
        self._children: dict[int, socket.socket] = {}
        """Who asked for each child that lives."""
        self._wakes, self._wake = os.pipe()
        os.set_blocking(self._wakes, False)
        os.set_blocking(self._wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake)

    def serve(self) -> dict[str, Any] | None:
        """In each child it returns the request, at the end None."""
        self._greet()
        while self._lines:
            readable, _, _ = select.select([self._door.fileno(), self._wakes, *self._lines], [], [])
            for number in readable:
                if number == self._wakes:
                    os.read(self._wakes, 4096)
                    self._report_ends()
                elif number == self._door.fileno():
                    self._greet()
                elif (request := self._hear(self._lines[number])) is not None:
                    return request
        return None

    def _greet(self) -> None:
        line, _ = self._door.accept()
        self._lines[line.fileno()] = line
        _say(line, {"hello": os.getpid()})

    def _hear(self, line: socket.socket) -> dict[str, Any] | None:
        try:
            message, descriptors, _, _ = socket.recv_fds(line, REQUEST_BYTES, DESCRIPTORS)
        except ConnectionError:
            message, descriptors = b"", []
        if not message:
            del self._lines[line.fileno()]
            line.close()
            return None
        child = os.fork()
        if child == 0:
            self._leave(descriptors)
            request: dict[str, Any] = json.loads(message)
            return request
        for descriptor in descriptors:
            os.close(descriptor)
        self._children[child] = line
        _say(line, {"born": child})
        return None

    def _leave(self, descriptors: list[int]) -> None:
        """In the child: what it was given is left to it, the first three descriptors as standard streams."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        for number, descriptor in enumerate(descriptors[:3]):
            os.dup2(descriptor, number)
        for descriptor in (*descriptors[:3], self._wakes, self._wake):
            os.close(descriptor)
        for line in (*self._lines.values(), self._door):
            line.close()

    def _report_ends(self) -> None:
        while self._children:
            child, status = os.waitpid(-1, os.WNOHANG)
            if child == 0:
                return
            _say(self._children.pop(child), {"ended": child, "status": os.waitstatus_to_exitcode(status)})


def _say(line: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # who has gone does not hear it
        line.send(json.dumps(message).encode())


def _courtyard() -> Callable[[], None]:
    from bridge.chat.catalogue import Catalogue

    for module in ("bridge.cli.run", "bridge.app", "alembic.command"):  # all that `courtyard run` imports
        importlib.import_module(module)
    Catalogue.load().check()
    return lambda: _run("bridge")


def _run(module: str) -> None:
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _synapse() -> Callable[[], None]:
    from tests.e2e import nursed_synapse

    return nursed_synapse.main


def _become(program: Callable[[], None], request: dict[str, Any]) -> None:
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["directory"])
    sys.argv = [sys.argv[2], *request["arguments"]]
    if request["guarded"]:
        import threading

        from bridge.demo.guarded import _end_with_the_caller

        threading.Thread(target=_end_with_the_caller, daemon=True).start()
    _to_the_end(program)


def _to_the_end(program: Callable[[], None]) -> None:
    """Run it, and end as an interpreter ends, but leave it to the system to take the memory apart."""
    status: int | None = None

    def end() -> None:  # the last that is called, when all threads have ended
        if status is not None:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    atexit.register(end)
    try:
        program()
        status = 0
    except SystemExit as ending:
        if ending.code is None or isinstance(ending.code, int):
            status = ending.code or 0
        raise


if __name__ == "__main__":
    program = {"courtyard": _courtyard, "synapse": _synapse}[sys.argv[2]]()
    gc.collect()
    gc.freeze()
    if (wanted := _Nursery(socket.socket(fileno=int(sys.argv[1]))).serve()) is not None:
        _become(program, wanted)
