"""What is written down when a row was tried."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bridge.db import Tx
from bridge.delivery import queue
from bridge.delivery.claimed import Claimed, What
from bridge.ids import EventId, PersonId

HOLD_MS = 60_000
"""Held rows are tried again after this time, should nobody release them earlier."""

Settle: TypeAlias = Callable[[Tx], None]


@dataclass(frozen=True, slots=True)
class Sent:
    """The homeserver took it: the row becomes a copy, or, withdrawn meanwhile, is redacted."""

    claimed: Claimed
    event_id: EventId

    def __call__(self, tx: Tx) -> None:
        settle_sent(tx, [self])


def settle_sent(tx: Tx, several: Sequence[Sent]) -> None:
    """What became of rows of different rooms, together."""
    marks = ",".join("?" * len(several))
    gone = tx.sql(
        f"DELETE FROM outbox WHERE id IN ({marks}) RETURNING id, withdrawn, thread, source_event, person_id",
        tuple(one.claimed.row_id for one in several),
    )
    rows = {row.id: row for row in gone}
    copies: list[tuple[object, ...]] = []
    for one in several:
        claimed, out, row = one.claimed, one.claimed.outgoing, rows.get(one.claimed.row_id)
        if claimed.what is What.REDACT:
            continue
        # Without a row the person was erased meanwhile: nothing of theirs may stay either.
        if row is None or row.withdrawn:
            if row is not None and claimed.target_event is None:
                queue.remember(tx, out.account, out.room_id, [one.event_id], row.person_id, claimed.copy.kind)
            queue.redact_events(tx, out.account, out.room_id, [one.event_id])
            continue
        if claimed.target_event is not None:
            tx.sql(
                "UPDATE copies SET kind = ?, ref_id = ?, rendering = ? WHERE account_id = ? AND event_id = ?",
                (claimed.copy.kind, claimed.copy.ref_id, claimed.rendering, out.account, claimed.target_event),
            )
        copies.append(
            (
                out.account,
                one.event_id,
                out.room_id,
                claimed.person_id,
                claimed.copy.kind,
                claimed.copy.ref_id,
                row.source_event,
                row.thread,
                claimed.target_event,
                claimed.row_id,
                claimed.rendering if claimed.target_event is None else None,
                tx.now,
            )
        )
        if claimed.unsure and claimed.target_event is None:
            queue.insert(tx, [_correction(claimed, one.event_id)])
    if copies:
        tx.sql(
            "INSERT INTO copies (account_id, event_id, room_id, person_id, kind, ref_id, source_event, thread,"
            " replaces, outbox_id, rendering, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            copies,
        )


def _correction(claimed: Claimed, event_id: EventId) -> queue.NewRow:
    """An edit of what may have arrived as it was before."""
    return queue.NewRow(
        queue.EDIT,
        account=claimed.outgoing.account,
        room_id=claimed.outgoing.room_id,
        person_id=None if claimed.person_id is None else PersonId(claimed.person_id),
        copy_kind=claimed.copy.kind,
        copy_ref=claimed.copy.ref_id,
        target_event=event_id,
        priority=queue.LAST,
    )


def later(claimed: Claimed, after_ms: int) -> Settle:
    """Try again after a while; what is behind it in the room waits with it."""

    def settle(tx: Tx) -> None:
        tx.sql("UPDATE outbox SET state = 'queued', not_before = ? WHERE id = ?", (tx.now + after_ms, claimed.row_id))

    return settle


def park(claimed: Claimed, after_ms: int) -> Settle:
    """Set this row aside for a while, and let those behind it pass."""

    def settle(tx: Tx) -> None:
        tx.sql("UPDATE outbox SET state = 'held', not_before = ? WHERE id = ?", (tx.now + after_ms, claimed.row_id))

    return settle


def held(claimed: Claimed) -> Settle:
    """The room can't take it now: neither this row nor what else is due there for the same person."""

    def settle(tx: Tx) -> None:
        out = claimed.outgoing
        first = out.first_attempt_at
        until = tx.now + HOLD_MS
        # Held means that nothing left the house: the row is as untried as it was.
        tx.sql(
            "UPDATE outbox SET state = 'held', not_before = ?, attempts = attempts - 1, first_attempt_at = ?"
            " WHERE id = ?",
            (until, first, claimed.row_id),
        )
        person = "person_id IS NULL" if claimed.person_id is None else "person_id = ?"
        mine = () if claimed.person_id is None else (claimed.person_id,)
        if claimed.what is not What.REDACT:
            tx.sql(
                f"UPDATE outbox SET state = 'held', not_before = ? WHERE account_id = ? AND room_id = ? AND {person}"
                " AND state = 'queued' AND kind <> 'redact' AND (not_before <= ? OR attempts > 0)",
                (until, out.account, out.room_id, *mine, tx.now),
            )
        # What floats and was never tried may go to another DM than this.
        tx.sql(
            f"UPDATE outbox SET account_id = NULL, room_id = NULL WHERE account_id = ? AND room_id = ? AND {person}"
            " AND state = 'held' AND floating = 1 AND first_attempt_at IS NULL",
            (out.account, out.room_id, *mine),
        )
        # Withdrawn while it was tried, and it never left: there is nothing to redact.
        tx.sql("DELETE FROM outbox WHERE id = ? AND withdrawn = 1 AND first_attempt_at IS NULL", (claimed.row_id,))

    return settle


def dropped(claimed: Claimed) -> Settle:
    """Nobody knows whether it was sent: it is not sent again."""

    def settle(tx: Tx) -> None:
        tx.sql("DELETE FROM outbox WHERE id = ?", (claimed.row_id,))

    return settle


def refused(claimed: Claimed) -> Settle:
    """The homeserver will never take it."""

    def settle(tx: Tx) -> None:
        give_up(tx, claimed.row_id)

    return settle


def give_up(tx: Tx, row_id: int) -> None:
    """It will never be sent; that it was to be is kept for a while."""
    tx.sql("UPDATE outbox SET state = 'failed', sealed = NULL WHERE id = ?", (row_id,))
