"""Recordings, to be replayed: each event that a program was given and what it came to, one JSON object a line."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bridge.errors import OperatorError
from bridge.miniprograms.events import Event
from bridge.miniprograms.program import Handled, Program, Runtime, Trapped
from bridge.miniprograms.strict_json import dump

MAX_BYTES = 64 * 1024 * 1024
_EVENT: TypeAdapter[Event] = TypeAdapter(Event)


@dataclass(frozen=True, slots=True)
class Entry:
    event: Event
    came_to: dict[str, Any]
    """`state` and `effects`, or `trap`."""


def came_to(handled: Handled | Trapped) -> dict[str, Any]:
    """What an event came to, as JSON."""
    if isinstance(handled, Trapped):
        return {"trap": handled.kind}
    effects = [
        {"type": wanted.effect.type, **wanted.effect.model_dump(mode="json", exclude_defaults=True)}
        for wanted in handled.answer.effects
    ]
    return {"state": handled.answer.state, "effects": effects}


def line(event: Event, handled: Handled | Trapped) -> str:
    """One line of a recording."""
    return dump({"event": event.model_dump(mode="json"), "answer": came_to(handled)}).decode() + "\n"


def read(file: Path) -> list[Entry]:
    """The recording in `file`.

    Raises:
        OperatorError: a line is no entry.
    """
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise OperatorError(f"{file}: {(error.strerror or 'can not be read').lower()}.") from None
    if len(raw) > MAX_BYTES:
        raise OperatorError(f"{file}: larger than {MAX_BYTES} bytes.")
    entries = []
    for number, text in enumerate(raw.split(b"\n"), 1):
        if text:
            try:
                entry = json.loads(text)
                entries.append(Entry(_EVENT.validate_json(dump(entry["event"])), dict(entry["answer"])))
            except (ValueError, LookupError, TypeError, RecursionError, ValidationError):
                raise OperatorError(f"{file}:{number}: is no line of a recording.") from None
    return entries


async def replayed(entries: list[Entry], program: Program, runtime: Runtime) -> list[tuple[int, Entry, dict[str, Any]]]:
    """The entries whose events come to something else now, with their number from 1."""
    different = []
    for number, entry in enumerate(entries, 1):
        try:
            now = came_to(await runtime.handle(program, entry.event))
        except Trapped as trapped:
            now = came_to(trapped)
        if dump(now) != dump(entry.came_to):
            different.append((number, entry, now))
    return different


def difference(before: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """Where two results differ, as lines."""
    for key in sorted(before.keys() | now.keys()):
        old, new = (json.dumps(side.get(key), ensure_ascii=False, sort_keys=True) for side in (before, now))
        if old != new:
            yield f"  {key} was {old[:500]}"
            yield f"  {key} is  {new[:500]}"
