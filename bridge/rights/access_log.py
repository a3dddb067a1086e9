"""`log`: what read something of a person: programs, exports, operators, their own devices (P9). Never friends."""

from collections.abc import Mapping
from typing import Any

from bridge.chat.command import Command, Person, Request
from bridge.chat.reply import Lines, Message, Reply, Text, Time
from bridge.db import Tx, day_keys, two_keys
from bridge.ids import PersonId

_KEPT = 500
_SHOWN = 20


def record(tx: Tx, person: Person, kind: str, **details: Any) -> None:
    """Note that something read of a person. `kind` names the text `log-KIND`; `details` are its arguments."""
    [entry_id] = tx.new_ids("access_log")
    key = day_keys.key_of(tx, day_keys.LOG, person.id, tx.now)
    sealed = two_keys.seal(tx, key, person.id, "access_log", entry_id, "sealed", {"kind": kind, **details})
    tx.sql(
        "INSERT INTO access_log (id, person_id, at, sealed, key_id) VALUES (?, ?, ?, ?, ?)",
        (entry_id, person.id, tx.now, sealed, key),
    )
    tx.sql(
        "DELETE FROM access_log WHERE person_id = ? AND id <="
        " (SELECT id FROM access_log WHERE person_id = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
        (person.id, person.id, _KEPT),
    )


def device_spoke(tx: Tx, person: Person, device: str) -> None:
    """A device of the person has spoken to us for the first time: from now on it gets what they get."""
    record(tx, person, "device", device=device)


def entries(tx: Tx, person: PersonId, most: int = _KEPT) -> list[tuple[int, dict[str, Any]]]:
    """When (ms) and what, the newest first."""
    rows = tx.sql(
        "SELECT id, at, sealed, key_id FROM access_log WHERE person_id = ? ORDER BY id DESC LIMIT ?", (person, most)
    ).all()
    tx.vault.prepare({row.key_id for row in rows if row.key_id is not None})
    found = [
        (row.at, two_keys.read(tx, row.key_id, person, "access_log", row.id, "sealed", row.sealed)) for row in rows
    ]
    return [(at, entry) for at, entry in found if entry is not None]


def arguments(entry: Mapping[str, Any]) -> dict[str, str]:
    """Of the text that says what an entry says."""
    return {name: str(value) for name, value in entry.items() if name != "kind"}


def show(request: Request) -> Reply:
    lines = [
        Text(f"log-{entry['kind']}", {"time": Time(at), **arguments(entry)})
        for at, entry in entries(request.tx, request.person.id, _SHOWN)
    ]
    if not lines:
        return Reply.text("log-none")
    return Reply((Message((Text("log-head"), Lines(tuple(lines)), Text("log-foot"))),))


def build() -> list[Command]:
    return [Command("log", (), show, effect=False, group="privacy")]
