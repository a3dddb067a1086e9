"""Copies that were taken back: for a while it is known that an event was one, and for whom.

Whoever answers such an event is told that it is no longer there, whatever the reason. A row is a keyed hash of the
event with the kind of the copy: neither of what it was a copy nor why it is gone. So the answer can't depend on it.
"""

from collections.abc import Iterable

from bridge.db import Tx
from bridge.ids import AccountId, EventId, PersonId, RoomId


def remember(
    tx: Tx, account: AccountId, room_id: RoomId, events: Iterable[EventId], person_id: PersonId, kind: str
) -> None:
    """These events of the bot were a copy of this kind for a person, and are taken back now."""
    tx.sql(
        "INSERT INTO gone_copies (lookup, person_id, kind, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [(_lookup(tx, account, room_id, event), person_id, kind, tx.now) for event in events],
    )


def find(tx: Tx, account: AccountId, room_id: RoomId, event_id: EventId) -> tuple[str, PersonId] | None:
    """The kind of the copy that an event was, and for whom."""
    lookup = _lookup(tx, account, room_id, event_id)
    row = tx.sql("SELECT kind, person_id FROM gone_copies WHERE lookup = ?", (lookup,)).first()
    return None if row is None else (row.kind, PersonId(row.person_id))


def told(tx: Tx, account: AccountId, room_id: RoomId, event_id: EventId) -> bool:
    """Its reader is told that it is gone. False when they were told before."""
    lookup = _lookup(tx, account, room_id, event_id)
    return tx.sql("UPDATE gone_copies SET told = 1 WHERE lookup = ? AND told = 0", (lookup,)).rowcount > 0


def forget_old(tx: Tx, keep_ms: int) -> None:
    """Forget what was taken back longer ago than `keep_ms`."""
    tx.sql("DELETE FROM gone_copies WHERE at < ?", (tx.now - keep_ms,))


def _lookup(tx: Tx, account: AccountId, room_id: RoomId, event_id: EventId) -> bytes:
    return tx.vault.lookup("gone copy", f"{account} {room_id} {event_id}")
