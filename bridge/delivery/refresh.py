"""Copies that were sent are edited in place when what they show has changed (`m.replace`), within a budget.

A row of kind `edit` is rendered when it is sent, like a copy, and dropped when its reader would read the same as
before: nobody is told of what they may not see, not even by an edit that changes nothing. The budget is each copy's
own, for the same reason: how many other copies of a moment there are, and what others were shown, must not be felt.
For the homeserver's sake, the more copies are edited in the whole installation, of whatever, the longer each waits: in
steps so coarse that they tell of nobody.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.db import Tx
from bridge.delivery import queue
from bridge.delivery.queue import EDIT
from bridge.ids import AccountId, EventId, PersonId, RoomId

_MINUTE_MS = 60 * 1000
_HOUR_MS = 60 * _MINUTE_MS
_SLOWEST = 64


@dataclass(frozen=True, slots=True)
class Budget:
    """How often one copy is edited."""

    per_hour: int = 2
    """0: copies stay as they were sent."""
    gather_ms: int = 60_000
    """Changes are gathered this long."""
    keep_ms: int = 3 * 24 * _HOUR_MS
    """Copies that were sent longer ago stay as they are."""

    busy: int = 2000
    """From so many edits in an hour on, of all copies there are, the waits double; they double again with each doubling
    of the number."""
    answers: frozenset[str] = frozenset({"program"})
    """Kinds of copies whose edits answer what their reader does, as a move in a game: these wait for nothing."""

    def earliest(self, edits: Sequence[int], slower: int = 1) -> int:
        """When the next edit of a copy may be made, ms. `edits`: when the former ones were; with each the wait grows.
        `slower`: so many times as long as usual."""
        if not edits or not self.per_hour:
            return 0
        return max(edits) + len(edits) * slower * _HOUR_MS // self.per_hour

    def due(self, now: int, edits: Sequence[int], slower: int = 1) -> int:
        """The same, with the time in which changes are gathered."""
        return max(now + slower * self.gather_ms, self.earliest(edits, slower))

    def slower(self, load: int) -> int:
        """How many times as long edits wait when so many were asked for within an hour."""
        return min(_SLOWEST, 1 << (load // self.busy).bit_length())


class Load:
    """How many edits were asked for within the last hour: of this process, to the minute. It begins anew with it."""

    def __init__(self) -> None:
        self._minutes: dict[int, int] = {}

    def add(self, now: int, count: int) -> None:
        minute = now // _MINUTE_MS
        self._minutes[minute] = self._minutes.get(minute, 0) + count
        for old in [one for one in self._minutes if one <= minute - 60]:
            del self._minutes[old]

    def within_an_hour(self, now: int) -> int:
        return sum(count for minute, count in self._minutes.items() if minute > now // _MINUTE_MS - 60)


def refresh(
    tx: Tx,
    kinds: Sequence[str],
    ref_id: int,
    people: Collection[PersonId],
    budget: Budget,
    load: Load,
    *,
    every: bool = False,
) -> bool:
    """Queue edits of what these people were shown of a thing: of the newest copy of each, or of `every` one. Whether
    any was queued."""
    if not budget.per_hour or not people:
        return False
    slower = budget.slower(load.within_an_hour(tx.now))
    marks = ",".join("?" * len(kinds))
    rows = tx.sql(
        f"SELECT account_id, event_id, room_id, person_id, kind, replaces, created_at FROM copies"
        f" WHERE kind IN ({marks}) AND ref_id = ? ORDER BY outbox_id",
        (*kinds, ref_id),
    ).all()
    waiting = set(
        tx.sql(
            f"SELECT target_event FROM outbox WHERE copy_kind IN ({marks}) AND copy_ref = ? AND kind = '{EDIT}'"
            " AND first_attempt_at IS NULL AND state <> 'failed'",
            (*kinds, ref_id),
        ).scalars()
    )
    edits: dict[EventId, list[int]] = {}
    for row in rows:
        if row.replaces is not None:
            edits.setdefault(row.replaces, []).append(row.created_at)
    wanted = _wanted(rows, people, tx.now - budget.keep_ms, every=every)
    new = [
        queue.NewRow(
            EDIT,
            account=AccountId(row.account_id),
            room_id=RoomId(row.room_id),
            person_id=PersonId(row.person_id),
            copy_kind=row.kind,
            copy_ref=ref_id,
            target_event=EventId(row.event_id),
            priority=queue.LAST,
            delay_ms=budget.due(tx.now, edits.get(row.event_id, ()), slower) - tx.now,
        )
        for row in wanted
        if row.event_id not in waiting
    ]
    queue.insert(tx, new)
    load.add(tx.now, len(new))
    return bool(new)


def not_before(tx: Tx, account: AccountId, target: EventId, budget: Budget) -> int:
    """When a copy may be edited next, ms: when an edit was queued, one before it may still have been on its way."""
    rows = tx.sql("SELECT created_at FROM copies WHERE account_id = ? AND replaces = ?", (account, target))
    return budget.earliest([int(at) for at in rows.scalars()])


def _wanted(rows: Iterable[Any], people: Collection[PersonId], oldest: int, *, every: bool) -> list[Any]:
    bases = [row for row in rows if row.replaces is None and row.person_id in people and row.created_at >= oldest]
    return bases if every else list({row.person_id: row for row in bases}.values())


def take_back_since(tx: Tx, kinds: Sequence[str], ref_id: int, person: PersonId, since: int) -> None:
    """Redact what a person was shown of a thing at or after a time (ms): whole copies, and edits of older ones."""
    marks = ",".join("?" * len(kinds))
    which = f"kind IN ({marks}) AND ref_id = ? AND person_id = ? AND created_at >= ?"
    params = (*kinds, ref_id, person, since)
    bases = tx.sql(
        f"SELECT account_id, event_id, room_id FROM copies WHERE {which} AND replaces IS NULL ORDER BY outbox_id",
        params,
    ).all()
    for row in bases:
        queue.redact(tx, queue.Copy(row.account_id, row.event_id, row.room_id))
    edits = tx.sql(
        f"SELECT account_id, event_id, room_id, replaces FROM copies WHERE {which} AND replaces IS NOT NULL"
        " ORDER BY outbox_id",
        params,
    ).all()
    for row in edits:
        queue.redact(tx, queue.Copy(row.account_id, row.event_id, row.room_id))
        # What it shows now is not what was sent last.
        tx.sql(
            "UPDATE copies SET rendering = NULL WHERE account_id = ? AND event_id = ?", (row.account_id, row.replaces)
        )
    # What is on its way was rendered before: it is redacted as soon as its event id is known.
    tx.sql(
        f"UPDATE outbox SET withdrawn = 1, sealed = NULL, priority = ? WHERE copy_kind IN ({marks}) AND copy_ref = ?"
        f" AND person_id = ? AND kind IN ('copy', '{EDIT}') AND first_attempt_at IS NOT NULL",
        (queue.URGENT, *kinds, ref_id, person),
    )
