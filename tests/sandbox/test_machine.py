"""The machine by itself: what ends a program, and what does not."""

from __future__ import annotations

import hashlib
import threading

import pytest

from bridge.miniprograms.machine import Job, Machine, read_prelude
from bridge.miniprograms.strict_json import dump
from tests.sandbox.made import NOW, SEED, artifact, opened


def test_what_other_threads_do_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program is ended by the instructions and the CPU time that it takes itself, however busy the process is."""
    busy = "function handle() { let x = 0; for (let i = 0; i < 1.2e6; i++) x += i; return { state: x, effects: [] } }"
    monkeypatch.setattr("bridge.miniprograms.machine.REAL_FACTOR", 1)
    stop = threading.Event()

    def burn() -> None:
        while not stop.is_set():
            hashlib.pbkdf2_hmac("sha256", b"x", b"y", 20_000)  # without the interpreter's lock

    others = [threading.Thread(target=burn) for _ in range(3)]
    for other in others:
        other.start()
    try:
        event = dump(opened().model_dump(mode="json")).decode()
        ran = Machine(artifact(), read_prelude()).run(Job(busy, event, NOW, SEED, 85, 32 * 1024 * 1024, 65_536))
    finally:
        stop.set()
        for other in others:
            other.join()
    assert ran.outcome == "answer"
