"""`python -m tests.e2e.recording run -c …`: `courtyard`, with a record of all that goes to the processes that run
mini-programs, byte for byte. Nothing of the kind is in the program itself."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.miniprograms import builtin, sandbox
from bridge.miniprograms.frames import read_part
from bridge.miniprograms.strict_json import parse

VARIABLE = "COURTYARD_TEST_RECORD"


@dataclass(frozen=True, slots=True)
class Told:
    """What a program was told at one time."""

    program: str
    raw: str
    """All of it but the program's own code."""
    event: Mapping[str, Any]


def read(file: Path, sources: Mapping[str, str]) -> list[Told]:
    """What was recorded. `sources`: the code of programs, by name, beside those that come with Courtyard."""
    known = {folder.joinpath("main.js").read_text("utf-8"): folder.name for folder in builtin.folders()}
    known |= {source: name for name, source in sources.items()}
    return [
        Told(known.get(source.decode(), "?"), f"{head.decode()}\n{event.decode()}", _object(event))
        for head, source, event in _jobs(file)
    ]


def _jobs(file: Path) -> Iterator[tuple[bytes, bytes, bytes]]:
    with file.open("rb") as opened:
        while (sent := read_part(opened)) is not None:
            parts = list(_parts(sent))
            if len(parts) == 3:  # the first thing that a worker is sent is the engine
                yield parts[0], parts[1], parts[2]


def _parts(sent: bytes) -> Iterator[bytes]:
    while sent:
        length = int.from_bytes(sent[:4], "big")
        yield sent[4 : 4 + length]
        sent = sent[4 + length :]


def _object(event: bytes) -> Mapping[str, Any]:
    found = parse(event, len(event) + 1)
    assert isinstance(found, dict)
    return found


def _record(file: str) -> None:
    send = sandbox._Worker._send

    async def recorded(self: sandbox._Worker, data: bytes) -> None:
        with open(file, "ab") as opened:
            opened.write(len(data).to_bytes(4, "big") + data)
        await send(self, data)

    sandbox._Worker._send = recorded  # type: ignore[method-assign]


if __name__ == "__main__":
    from bridge.cli import main

    _record(os.environ[VARIABLE])
    main()
