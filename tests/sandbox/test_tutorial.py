"""`docs/mini-programs.md` is followed literally: files written, commands typed, and what they print compared."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp.test_utils import unused_port

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(?P<info>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_KEY = r"ed25519:[A-Za-z0-9+/=]+"


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


@dataclass
class World:
    """What is not the same each time that it is followed."""

    key: str = ""
    """The public key that was printed last."""
    port: int = 0
    """Instead of 8400, which may be taken."""
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def words(self, line: str) -> list[str]:
        return line.replace("ed25519:…", self.key).replace("8400", str(self.port)).split()


def follow(command: Command, here: Path, world: World) -> Path:
    """Do it as a shell would; returns where one is then."""
    words = world.words(command.line)
    if words[0] == "cd":
        return here / words[1]
    if words[0] == "rm":
        (here / words[1]).unlink()
        return here
    if words[0] == "python":
        assert words[-1] == "&"
        world.running.append(subprocess.Popen([sys.executable, *words[1:-1]], cwd=here, start_new_session=True))
        wait_for(world.port)
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
    world.key = (re.findall(_KEY, ran.stdout) or [world.key])[-1]
    shown = re.sub(_KEY, "ed25519:…", ran.stdout)
    assert shown.rstrip("\n").splitlines() == _trimmed(command.printed), f"{command.line}\n{ran.stdout}\n{ran.stderr}"
    assert ran.stderr == ""
    assert ran.returncode == int("FAIL" in ran.stdout)
    return here


def _trimmed(lines: list[str]) -> list[str]:
    return "\n".join(lines).rstrip("\n").splitlines()


def wait_for(port: int) -> None:
    """Until something listens there."""
    deadline = time.monotonic() + 30
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        assert time.monotonic() < deadline, "the server does not listen"
        time.sleep(0.05)


def followed(text: str, here: Path, world: World) -> int:
    """Do all that stands there; how many commands those were."""
    ran = 0
    for block in _BLOCK.finditer(text):
        language, *rest = block["info"].split()
        if language == "console":
            for command in commands(block["body"]):
                here = follow(command, here, world)
                ran += 1
        elif len(rest) == 1:
            (here / rest[0]).write_text(block["body"], "utf-8")
        else:
            name, line = rest
            lines = (here / name).read_text("utf-8").splitlines(keepends=True)
            lines[int(line) - 1] = block["body"]
            (here / name).write_text("".join(lines), "utf-8")
    return ran


def test_the_tutorial(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "mini-programs.md").read_text("utf-8").partition("## Events")[0]
    assert followed(text, tmp_path, World()) >= 13


def test_your_own_server(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "mini-programs.md").read_text("utf-8")
    text = text.partition("## Your own server")[2].partition("## Tools")[0]
    world = World(port=unused_port())
    try:
        assert followed(text, tmp_path, world) >= 7
    finally:
        for process in world.running:
            process.kill()
            process.wait()
