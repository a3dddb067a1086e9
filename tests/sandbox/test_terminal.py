"""`courtyard mp run` on a real terminal: a prompt, what was shown, and both ways to end."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from bridge.miniprograms import builtin
from tests.sandbox.made import artifact

ROOT = Path(__file__).parents[2]


def read_until(terminal: int, wanted: str, before: str = "") -> str:
    """What the program writes until `wanted` is at its end."""
    text = before
    while not text.endswith(wanted):
        text += os.read(terminal, 4096).decode().replace("\r", "")
    return text


def _at_a_terminal() -> None:
    """Ctrl-C is a signal only to whose terminal it is, and who does not ignore it: a job in the background would."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize(("key", "status"), [(b"\x04", 0), (b"\x03", 130)], ids=["ctrl-d", "ctrl-c"])
def test_it_is_played_and_left(key: bytes, status: int) -> None:
    artifact()
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "bridge", "mp", "run", str(builtin.FOLDER / "split")],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=_at_a_terminal,
    )
    os.close(theirs)
    try:
        shown = read_until(ours, "\nalice> ")
        assert shown.startswith("alice> open\n| Everybody types")
        os.write(ours, b"join Alice\n")
        assert "| Alice takes part." in read_until(ours, "part.\nalice> ")
        os.write(ours, key)
        assert process.wait(timeout=60) == status
    finally:
        process.kill()
        process.wait()
        os.close(ours)
