"""Calling a program later."""

from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from bridge.db import Tx
from bridge.ids import PersonId
from bridge.miniprograms.effects import MAX_TIMERS
from bridge.miniprograms.host.sessions import Session


@dataclass(frozen=True, slots=True)
class Timer:
    id: int
    session_id: int
    person_id: PersonId
    tag: str
    payload: JsonValue
    due_at: int


def set_timer(tx: Tx, session: Session, tag: str, due_at: int | None, payload: JsonValue) -> None:
    """Set the timer of that tag, or take it back. One of the same tag is replaced."""
    lookup = tx.vault.lookup("program timer", f"{session.id} {tag}")
    tx.sql("DELETE FROM program_timers WHERE lookup = ?", (lookup,))
    if due_at is None:
        return
    tx.sql(
        "DELETE FROM program_timers WHERE session_id = ? AND id NOT IN"
        " (SELECT id FROM program_timers WHERE session_id = ? ORDER BY due_at, id LIMIT ?)",
        (session.id, session.id, MAX_TIMERS - 1),
    )
    [timer_id] = tx.new_ids("program_timers")
    sealed = tx.vault.seal(session.person_id, "program_timers", timer_id, "sealed", {"tag": tag, "payload": payload})
    tx.sql(
        "INSERT INTO program_timers (id, session_id, person_id, lookup, sealed, due_at) VALUES (?, ?, ?, ?, ?, ?)",
        (timer_id, session.id, session.person_id, lookup, sealed, due_at),
    )


def take_due(tx: Tx, most: int) -> list[Timer]:
    """Timers that ring now; they are gone."""
    rows = tx.sql(
        "SELECT id, session_id, person_id, sealed, due_at FROM program_timers WHERE due_at <= ?"
        " ORDER BY due_at, id LIMIT ?",
        (tx.now, most),
    ).all()
    tx.sql("DELETE FROM program_timers WHERE id = ?", [(row.id,) for row in rows])
    return [timer for timer in (_timer(tx, row) for row in rows) if timer is not None]


def next_due(tx: Tx) -> int | None:
    """When the next one rings, ms."""
    due: int | None = tx.sql("SELECT MIN(due_at) FROM program_timers").scalar()
    return due


def _timer(tx: Tx, row: Any) -> Timer | None:
    sealed = tx.vault.read(row.person_id, "program_timers", row.id, "sealed", row.sealed)
    if sealed is None:
        return None
    return Timer(row.id, row.session_id, row.person_id, sealed["tag"], sealed["payload"], row.due_at)
