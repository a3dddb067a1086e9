"""The process that runs mini-programs. It has no secrets, sees nothing of the system, and may be killed at any time.

See `frames.py` for what it is told and answers.
"""

import gc
import json
import os
import sys
import threading
from typing import Any, BinaryIO

from bridge.miniprograms import confine
from bridge.miniprograms.frames import MAX_HEAD, frame, read_part
from bridge.miniprograms.machine import Job, Machine, read_prelude

_STACK = 16 * 1024 * 1024
"""Bytes: more than the guest may use, whatever the shell's limits are."""


def main() -> None:
    """Do jobs until the input ends."""
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (what a library prints must not get between the frames)
    os.environ.clear()
    head = read_part(source, MAX_HEAD)
    artifact = read_part(source)
    if head is None or artifact is None:
        return
    # From here on files may be out of reach: who becomes nobody can't read what is root's alone.
    prelude, library = read_prelude(), confine.load_filter()
    done = confine.confine(int(json.loads(head)["memory_bytes"]))
    threading.stack_size(_STACK)
    worker = threading.Thread(target=_work, args=(source, sink, artifact, prelude, library, done))
    worker.start()
    worker.join()


def _work(source: BinaryIO, sink: BinaryIO, artifact: bytes, prelude: str, library: object, done: list[str]) -> None:
    machine = Machine(artifact, prelude)
    del artifact
    # What is opened, mapped or imported at first use is there after this.
    machine.run(Job("", "{}", 0, "0" * 32, cpu_ms=100, memory_bytes=32 * 1024 * 1024, answer_bytes=65_536))
    confine.start_nothing_more()
    done += confine.filter_calls(library)
    gc.freeze()
    _say(sink, json.dumps({"confined": done}).encode())
    while (job := _next(source)) is not None:
        ran = machine.run(job)
        told = {"outcome": ran.outcome, "error": ran.error, "logs": ran.logs, "fuel": ran.fuel}
        _say(sink, json.dumps(told).encode(), ran.answer)


def _next(source: BinaryIO) -> Job | None:
    parts = [read_part(source, MAX_HEAD), read_part(source), read_part(source)]
    head, program, event = parts
    if head is None or program is None or event is None:
        return None
    numbers: dict[str, Any] = json.loads(head)
    return Job(source=program.decode("utf-8"), event=event.decode("utf-8"), **numbers)


def _say(sink: BinaryIO, *parts: bytes) -> None:
    sink.write(frame(*parts))
    sink.flush()


if __name__ == "__main__":
    main()
