"""`docs/mini-programs.md` is followed literally: files written, commands typed, and what they print compared."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(?P<info>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Command:
    line: str
    printed: list[str] = field(default_factory=list)


def commands(body: str) -> list[Command]:
    """The commands of a block, each with what it prints."""
    found: list[Command] = []
    for line in body.splitlines():
        if line.startswith("$ "):
            found.append(Command(line[2:]))
        else:
            found[-1].printed.append(line)
    return found


def follow(command: Command, here: Path) -> Path:
    """Do it as a shell would; returns where one is then."""
    words = command.line.split()
    if words[0] == "cd":
        return here / words[1]
    if words[0] == "rm":
        (here / words[1]).unlink()
        return here
    assert words[0] == "courtyard", command.line
    typed = [line.removeprefix("alice> ") for line in command.printed if line.startswith("alice> ")][1:]
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "bridge", *words[1:]],
        input="".join(f"{line}\n" for line in typed),
        cwd=here,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    shown = re.sub(r"ed25519:[A-Za-z0-9+/=]+", "ed25519:…", ran.stdout)
    assert shown.rstrip("\n").splitlines() == _trimmed(command.printed), f"{command.line}\n{ran.stdout}\n{ran.stderr}"
    assert ran.stderr == ""
    assert ran.returncode == int("FAIL" in ran.stdout)
    return here


def _trimmed(lines: list[str]) -> list[str]:
    return "\n".join(lines).rstrip("\n").splitlines()


def test_the_tutorial(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "mini-programs.md").read_text("utf-8").partition("## Events")[0]
    here, ran = tmp_path, 0
    for block in _BLOCK.finditer(text):
        language, *rest = block["info"].split()
        if language == "console":
            for command in commands(block["body"]):
                here = follow(command, here)
                ran += 1
        elif len(rest) == 1:
            (here / rest[0]).write_text(block["body"], "utf-8")
        else:
            name, line = rest
            lines = (here / name).read_text("utf-8").splitlines(keepends=True)
            lines[int(line) - 1] = block["body"]
            (here / name).write_text("".join(lines), "utf-8")
    assert ran >= 13
