"""Install lock files with pip, one line of progress a package.

    python requirements/install.py requirements/build.txt requirements/demo.txt

Runs with the standard library alone: it is what fills an empty venv. Every package is checked against its
hash, nothing is resolved (the lock is complete), and source packages are built with the locked build tools
that the first file brings.
"""

import re
import subprocess
import sys
from pathlib import Path

PIP = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
LOCKED = ["--require-hashes", "--no-deps", "--no-build-isolation", "--progress-bar", "off"]
NAME = re.compile(r"(?:Collecting|Requirement already satisfied:) ([A-Za-z0-9._-]+)")


def install(lock: Path, *, live: bool) -> int:
    """Install one lock file. Returns pip's exit status; its last lines are printed when that is not 0."""
    total = len(re.findall(r"^[A-Za-z0-9._-]+==", lock.read_text(), re.MULTILINE))
    pip = subprocess.Popen(
        [*PIP, *LOCKED, "-r", str(lock)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert pip.stdout is not None
    seen = 0
    tail: list[str] = []
    for line in pip.stdout:
        tail = [*tail[-14:], line]
        if name := NAME.match(line):
            seen += 1
            text = f"      {seen} of {total}: {name[1]}"
        elif line.startswith("Installing collected packages"):
            text = f"      unpacking {line.count(',') + 1} packages"
        else:
            continue
        if live:
            print(f"\r{text:<70}", end="", flush=True)
        elif seen % 25 == 0 or "unpacking" in text:
            print(text, flush=True)
    status = pip.wait()
    if live and seen:
        print(f"\r{'':<70}\r", end="", flush=True)
    if status:
        sys.stderr.write("".join(tail))
        print(f"courtyard: pip could not install {lock}: see its message above.", file=sys.stderr)
    return status


def main() -> int:
    """Install every file named on the command line, in that order; stop at the first that fails."""
    return next((s for lock in sys.argv[1:] if (s := install(Path(lock), live=sys.stdout.isatty()))), 0)


if __name__ == "__main__":
    sys.exit(main())
