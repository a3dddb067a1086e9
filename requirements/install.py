"""Install lock files with pip, one line of progress a package.

    python requirements/install.py requirements/build.txt requirements/demo.txt

Runs with the standard library alone: it is what fills an empty venv. Every package is checked against its
hash, nothing is resolved (the lock is complete), and source packages are built with the locked build tools
that the first file brings.

One pip unpacks one package at a time, and compiles it before the next. So two share the packages of a lock,
and what they brought is compiled afterwards, on all cores.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

PIP = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
LOCKED = ["--require-hashes", "--no-deps", "--no-build-isolation", "--no-compile", "--progress-bar", "off"]
NAME = re.compile(r"(?:Collecting|Requirement already satisfied:) ([A-Za-z0-9._-]+)")
ENTRY = re.compile(r"^[A-Za-z0-9._-]+==.*(?:\n[ \t].*)*", re.MULTILINE)
"""A package in a lock: its line, and those below that are indented (hashes, who needs it)."""
PIPS = 2
LINE = 1 << 20
"""Bytes. One line of pip names every package."""
# Nobody loads these: the places and carriers of the world's telephone numbers, tests of libraries, an SSH server,
# and the source of mypy, which comes as machine code.
UNCOMPILED = (
    r"[/\\](?:phonenumbers[/\\](?:geodata|carrierdata|tzdata|shortdata)|tests?|testing|SelfTest|conch|mypyc?)[/\\]"
)


@dataclass
class Progress:
    """What all pips have said of one lock."""

    total: int
    live: bool
    seen: int = 0
    tail: list[str] = field(default_factory=list)

    def hear(self, line: str) -> None:
        if name := NAME.match(line):
            self.seen += 1
            self.show(f"{self.seen} of {self.total}: {name[1]}", rarely=True)
        elif line.startswith("Installing collected packages"):
            self.show(f"unpacking {line.count(',') + 1} packages")

    def show(self, text: str, *, rarely: bool = False) -> None:
        if self.live:
            print(f"\r      {text:<64}", end="", flush=True)
        elif not rarely or self.seen % 25 == 0:
            print(f"      {text}", flush=True)


def shares(lock: str) -> list[str]:
    """The packages of a lock, dealt out to as many files."""
    packages = ENTRY.findall(lock)
    return ["\n".join(share) + "\n" for n in range(PIPS) if (share := packages[n::PIPS])]


async def _pip(file: Path, progress: Progress) -> int:
    pip = await asyncio.create_subprocess_exec(
        *(*PIP, *LOCKED, "-r", str(file)), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, limit=LINE
    )
    assert pip.stdout is not None
    tail: list[str] = []
    while raw := await pip.stdout.readline():
        line = raw.decode("utf-8", "replace")
        tail = [*tail[-14:], line]
        progress.hear(line)
    if status := await pip.wait():
        progress.tail += tail
    return status


def install(lock: Path, *, live: bool) -> int:
    """Install one lock file. Returns pip's exit status; its last lines are printed when that is not 0."""
    parts = shares(lock.read_text("utf-8"))
    progress = Progress(sum(len(ENTRY.findall(part)) for part in parts), live)
    with tempfile.TemporaryDirectory() as directory:
        files = [Path(directory, f"{number}-{lock.name}") for number in range(len(parts))]
        for file, part in zip(files, parts, strict=True):
            file.write_text(part, "utf-8")
        status = asyncio.run(_side_by_side(files, progress))
    if live and progress.seen:
        print(f"\r{'':<70}\r", end="", flush=True)
    if status:
        sys.stderr.write("".join(progress.tail))
        print(f"courtyard: pip could not install {lock}: see its message above.", file=sys.stderr)
    return status


async def _side_by_side(files: list[Path], progress: Progress) -> int:
    return max(await asyncio.gather(*(_pip(file, progress) for file in files)), key=abs)


def compile_all() -> None:
    """What is up to date is left alone. A file that is no Python of this version stays as it is: as with pip."""
    where = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    every = [sys.executable, "-m", "compileall", "-qq", "-j", "0", "-x", UNCOMPILED, *sorted(where)]
    subprocess.run(every, check=False)


def main() -> int:
    """Install every file named on the command line, in that order; stop at the first that fails."""
    live = sys.stdout.isatty()
    status = next((s for lock in sys.argv[1:] if (s := install(Path(lock), live=live))), 0)
    if not status:
        compile_all()
    return status


if __name__ == "__main__":
    sys.exit(main())
