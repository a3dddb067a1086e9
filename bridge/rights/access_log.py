"""`log`: what read something of a person: programs, exports, operators, their own devices (P9). Never friends."""

from typing import Any

from bridge.chat.command import Command, Person, Request
from bridge.chat.reply import Lines, Message, Reply, Text, Time
from bridge.db import Tx

_KEPT = 500
_SHOWN = 20


def record(tx: Tx, person: Person, kind: str, **details: Any) -> None:
    """Note that something read of a person. `kind` names the text `log-KIND`; `details` are its arguments."""
    [entry_id] = tx.new_ids("access_log")
    sealed = tx.vault.seal(person.id, "access_log", entry_id, "sealed", {"kind": kind, **details})
    tx.sql(
        "INSERT INTO access_log (id, person_id, at, sealed) VALUES (?, ?, ?, ?)", (entry_id, person.id, tx.now, sealed)
    )
    tx.sql(
        "DELETE FROM access_log WHERE person_id = ? AND id <="
        " (SELECT id FROM access_log WHERE person_id = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
        (person.id, person.id, _KEPT),
    )


def device_spoke(tx: Tx, person: Person, device: str) -> None:
    """A device of the person has spoken to us for the first time: from now on it gets what they get."""
    record(tx, person, "device", device=device)


def show(request: Request) -> Reply:
    rows = request.tx.sql(
        "SELECT id, at, sealed FROM access_log WHERE person_id = ? ORDER BY id DESC LIMIT ?",
        (request.person.id, _SHOWN),
    ).all()
    lines: list[Text] = []
    for row in rows:
        entry = request.tx.vault.read(request.person.id, "access_log", row.id, "sealed", row.sealed)
        if entry is not None:
            args = {name: str(value) for name, value in entry.items() if name != "kind"}
            lines.append(Text(f"log-{entry['kind']}", {"time": Time(row.at), **args}))
    if not lines:
        return Reply.text("log-none")
    return Reply((Message((Text("log-head"), Lines(tuple(lines)), Text("log-foot"))),))


def build() -> list[Command]:
    return [Command("log", (), show, effect=False, group="privacy")]
