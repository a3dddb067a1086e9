"""Processes that open what strangers wrote start with nothing, also where libraries are found by the environment."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from bridge import bare

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="as Linux tells about processes")

PROBE = """
import ctypes, pathlib

def main():
    print(pathlib.Path("/proc/self/environ").read_bytes())
    try:
        ctypes.CDLL("libofours.so")
        print("found")
    except OSError:
        print("not found")
"""


def started(folder: Path, monkeypatch: pytest.MonkeyPatch, **environment: str) -> Sequence[str]:
    """What a module of ours sees that is started so, in another folder than ours."""
    (folder / "probing.py").write_text(PROBE)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    done = subprocess.run(bare.command("probing"), env={}, cwd="/", capture_output=True, text=True, check=True)
    return done.stdout.split("\n")[:2]


def test_the_environment_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    assert started(tmp_path, monkeypatch, COURTYARD_MATRIX__PASSWORD="opensesame") == ["b''", "not found"]


@pytest.mark.parametrize("relative", [False, True])
def test_it_is_empty_where_libraries_are_found_by_it(
    relative: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapped = Path("/proc/self/maps").read_text().splitlines()
    library = next(Path(line.split()[-1]) for line in mapped if "/libc.so" in line)
    (tmp_path / "libraries").mkdir()
    shutil.copy(library.with_name("libm.so.6"), tmp_path / "libraries" / "libofours.so")
    monkeypatch.chdir(tmp_path)
    where = "libraries" if relative else str(tmp_path / "libraries")
    assert started(tmp_path, monkeypatch, LD_LIBRARY_PATH=where) == ["b''", "found"]


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", b"\x7fELF\x01" + b"\0" * 80, b"\x7fELF\x02" + b"\xff" * 80])
def test_what_names_no_loader_is_started_by_itself(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "it").write_bytes(content)
    assert bare.interpreter(tmp_path / "it") is None
    assert bare.interpreter(tmp_path / "nowhere") is None
