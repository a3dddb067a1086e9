"""The process that gives birth to `courtyard` processes: `python -m tests.e2e.nursery FD`.

It has imported the program and does nothing else, above all starts no thread. Each request over the socket FD makes it
fork; the child becomes `python -m bridge …` with its own session, descriptors, environment and working directory, and
ends as an interpreter ends. So a start costs a tenth of a second of CPU instead of a whole one. See births.py.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
from typing import Any

from bridge.chat.catalogue import Catalogue

REQUEST_BYTES = 262_144


def _serve(line: socket.socket) -> dict[str, Any] | None:
    """Give birth until the other end is closed: None. In each child it returns the request."""
    wakes, wake = os.pipe()
    os.set_blocking(wakes, False)
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    while True:
        readable, _, _ = select.select([line.fileno(), wakes], [], [])
        if wakes in readable:
            os.read(wakes, 4096)
            _report_ends(line)
        if line.fileno() not in readable:
            continue
        message, descriptors, _, _ = socket.recv_fds(line, REQUEST_BYTES, 3)
        if not message:
            return None
        request: dict[str, Any] = json.loads(message)
        child = os.fork()
        if child == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            for number, descriptor in enumerate(descriptors):
                os.dup2(descriptor, number)
            for descriptor in {*descriptors, wakes, wake, line.detach()}:
                os.close(descriptor)
            return request
        for descriptor in descriptors:
            os.close(descriptor)
        line.send(json.dumps({"born": child}).encode())


def _report_ends(line: socket.socket) -> None:
    while True:
        try:
            child, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if child == 0:
            return
        line.send(json.dumps({"ended": child, "status": os.waitstatus_to_exitcode(status)}).encode())


def _become(request: dict[str, Any]) -> None:
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["directory"])
    sys.argv = ["courtyard", *request["arguments"]]
    if request["guarded"]:
        import threading

        from bridge.demo.guarded import _end_with_the_caller

        threading.Thread(target=_end_with_the_caller, daemon=True).start()
    runpy.run_module("bridge", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    for module in ("bridge.cli.run", "bridge.app", "alembic.command"):  # all that `courtyard run` imports
        importlib.import_module(module)
    Catalogue.load().check()
    gc.collect()
    gc.freeze()
    if (wanted := _serve(socket.socket(fileno=int(sys.argv[1])))) is not None:
        _become(wanted)
