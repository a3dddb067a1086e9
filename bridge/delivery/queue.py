"""The rows of `outbox` and `copies`: what features queue, and what they take back. All inside their transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.db import Tx
from bridge.db.sealing import HOUSE
from bridge.delivery import gone
from bridge.ids import AccountId, EventId, PersonId, RoomId

URGENT = 10
"""Priority of redactions: ahead of all else in their room."""
FIRST = 5
"""Priority of what a chat begins with: ahead of what had waited for the chat."""
UNASKED = -5
"""Priority of what nobody waits for: after what was asked for."""
LAST = -10
"""Priority of edits of what was sent: after all that somebody waits for."""
ANSWER = "answer"
"""Kind of the copies of plain answers, which are a copy of nothing."""
EDIT = "edit"
"""Kind of rows that edit a copy: rendered when they are sent."""


@dataclass(frozen=True, slots=True)
class NewRow:
    """A row to queue. Without a room it floats: it goes to the person's current DM when it is sent."""

    kind: str
    account: AccountId | None = None
    room_id: RoomId | None = None
    person_id: PersonId | None = None
    copy_kind: str | None = None
    copy_ref: int | None = None
    content: Mapping[str, Any] | None = None
    """Of a rendered message; of an answer that is asked for again, the question."""
    target_event: EventId | None = None
    reply_to: EventId | None = None
    thread: EventId | None = None
    source_event: EventId | None = None
    priority: int = 0
    delay_ms: int = 0
    since: int | None = None
    """When it became due, ms since the epoch; None: now, in the transaction that queues it."""

    def due(self, tx: Tx) -> int:
        """When it may be sent, ms since the epoch."""
        return (tx.now if self.since is None else min(self.since, tx.now)) + self.delay_ms


@dataclass(frozen=True, slots=True)
class Copy:
    """A row of `copies`, as far as taking it back needs it."""

    account: AccountId
    event_id: EventId
    room_id: RoomId
    of: tuple[str, int | None] | None = None
    """Kind and subject of what it is a copy of, where that is asked for."""


def insert(tx: Tx, rows: Sequence[NewRow], *, sending: bool = False) -> Sequence[int]:
    """Queue rows; within a room they are sent in this order. Their ids. `sending`: they are claimed, and about to be
    tried for the first time."""
    if not rows:
        return []
    ids = tx.new_ids("outbox", len(rows))
    claim = ("sending", 1, tx.now) if sending else ("queued", 0, None)
    tx.sql(
        "INSERT INTO outbox (id, account_id, room_id, floating, person_id, kind, copy_kind, copy_ref, sealed,"
        " target_event, reply_to, thread, source_event, priority, not_before, created_at, state, attempts,"
        " first_attempt_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                row_id,
                row.account,
                row.room_id,
                int(row.room_id is None),
                row.person_id,
                row.kind,
                row.copy_kind,
                row.copy_ref,
                None if row.content is None else seal(tx, row.person_id, row_id, row.content),
                row.target_event,
                row.reply_to,
                row.thread,
                row.source_event,
                row.priority,
                row.due(tx),
                tx.now,
                *claim,
            )
            for row_id, row in zip(ids, rows, strict=True)
        ],
    )
    return ids


def seal(tx: Tx, person_id: int | None, row_id: int, content: Mapping[str, Any]) -> bytes:
    """The content of a row, under the key of the person that it is for."""
    return tx.vault.seal(HOUSE if person_id is None else person_id, "outbox", row_id, "sealed", content)


def open_content(tx: Tx, person_id: int | None, row_id: int, sealed: bytes | None) -> dict[str, Any]:
    """What `seal` sealed.

    Raises:
        Unreadable
    """
    return dict(tx.vault.open(HOUSE if person_id is None else person_id, "outbox", row_id, "sealed", sealed))


def is_waiting(tx: Tx, person_id: PersonId, kind: str, ref_id: int) -> bool:
    """Whether such a copy is queued and was not rendered yet."""
    return (
        tx.sql(
            "SELECT 1 FROM outbox WHERE copy_kind = ? AND copy_ref = ? AND person_id = ? AND kind = 'copy'"
            " AND state IN ('queued', 'held') AND first_attempt_at IS NULL LIMIT 1",
            (kind, ref_id, person_id),
        ).first()
        is not None
    )


def is_copy(tx: Tx, account: AccountId, event_id: EventId) -> bool:
    """Whether an event of the bot is accounted for: the row that it was sent from is gone."""
    return tx.sql("SELECT 1 FROM copies WHERE account_id = ? AND event_id = ?", (account, event_id)).first() is not None


def answers_to(tx: Tx, account: AccountId, source: EventId) -> list[Copy]:
    """The answers that were sent to an inbound event, in the order of sending; without edits of them."""
    rows = tx.sql(
        "SELECT event_id, room_id, kind, ref_id FROM copies"
        " WHERE source_event = ? AND account_id = ? AND replaces IS NULL"
        " ORDER BY outbox_id",
        (source, account),
    )
    return [Copy(account, row.event_id, row.room_id, (row.kind, row.ref_id)) for row in rows]


def thread_of_answers(tx: Tx, account: AccountId, room_id: RoomId, source: EventId) -> EventId | None:
    """Root of the thread in which an inbound event was answered."""
    thread: EventId | None = tx.sql(
        "SELECT thread FROM copies WHERE source_event = ? AND account_id = ? AND room_id = ? AND thread IS NOT NULL"
        " UNION ALL"
        " SELECT thread FROM outbox WHERE source_event = ? AND account_id = ? AND room_id = ? AND thread IS NOT NULL"
        " LIMIT 1",
        (source, account, room_id) * 2,
    ).scalar()
    return thread


def thread_of(tx: Tx, account: AccountId, event_id: EventId) -> EventId | None:
    """Root of the thread in which a copy stands."""
    thread: EventId | None = tx.sql(
        "SELECT thread FROM copies WHERE account_id = ? AND event_id = ?", (account, event_id)
    ).scalar()
    return thread


def drop_unsent_answers(tx: Tx, account: AccountId, source: EventId) -> None:
    """Drop what is queued as an answer to an inbound event; what may have been sent is redacted once it is known."""
    _drop(tx, "source_event = ? AND (account_id = ? OR account_id IS NULL)", (source, account))


def withdraw(tx: Tx, kind: str, ref_id: int, only_for: PersonId | None) -> int:
    """Take back every copy of a thing: delivered ones are redacted, queued ones dropped. The number of the former."""
    person = "" if only_for is None else " AND person_id = ?"
    params = (kind, ref_id) if only_for is None else (kind, ref_id, only_for)
    rows = tx.sql(
        f"SELECT account_id, event_id, room_id FROM copies WHERE kind = ? AND ref_id = ?{person}"
        " AND replaces IS NULL ORDER BY outbox_id",
        params,
    ).all()
    for row in rows:
        redact(tx, Copy(row.account_id, row.event_id, row.room_id))
    _drop(tx, f"copy_kind = ? AND copy_ref = ?{person}", params)
    return len(rows)


def redact(tx: Tx, copy: Copy) -> None:
    """Queue the redaction of a copy and of all edits of it; it is no copy of anything from now on."""
    edits = tx.sql(
        "DELETE FROM copies WHERE account_id = ? AND replaces = ? RETURNING event_id", (copy.account, copy.event_id)
    ).all()
    rows = tx.sql(
        "DELETE FROM copies WHERE account_id = ? AND event_id = ? RETURNING person_id, kind, replaces",
        (copy.account, copy.event_id),
    ).all()
    events = [copy.event_id, *(row.event_id for row in edits)]
    for row in rows:
        if row.replaces is None:
            remember(tx, copy.account, copy.room_id, events, row.person_id, row.kind)
    redact_events(tx, copy.account, copy.room_id, events)


def remember(
    tx: Tx, account: AccountId, room_id: RoomId, events: Sequence[EventId], person_id: int | None, kind: str
) -> None:
    """Keep for a while that a copy, with its edits, was taken back: from one person, and more than a plain answer."""
    if person_id is not None and kind != ANSWER:
        gone.remember(tx, account, room_id, events, PersonId(person_id), kind)


def redact_events(tx: Tx, account: AccountId, room_id: RoomId, events: Sequence[EventId]) -> None:
    """Queue redactions of events of the bot."""
    insert(
        tx,
        [NewRow("redact", account=account, room_id=room_id, target_event=event, priority=URGENT) for event in events],
    )


def disown(tx: Tx, person_id: PersonId) -> None:
    """A person is about to be erased: drop what is queued for them. What may have been sent is redacted once it is
    known; the row that learns it is nobody's."""
    tx.sql("DELETE FROM outbox WHERE person_id = ? AND first_attempt_at IS NULL", (person_id,))
    tx.sql(
        "UPDATE outbox SET withdrawn = 1, sealed = NULL, priority = ?, person_id = NULL"
        " WHERE person_id = ? AND room_id IS NOT NULL",
        (URGENT, person_id),
    )


def has_redactions(tx: Tx, account: AccountId, room_id: RoomId) -> bool:
    """Whether anything waits to be taken back in a room."""
    return (
        tx.sql(
            "SELECT 1 FROM outbox WHERE account_id = ? AND room_id = ? AND (kind = 'redact' OR withdrawn = 1)"
            " AND state <> 'failed' LIMIT 1",
            (account, room_id),
        ).first()
        is not None
    )


def release(tx: Tx, room_id: RoomId | None, person_id: PersonId | None) -> bool:
    """Queue again what was held for a room or for a person. Whether there was any."""
    released = tx.sql(
        "UPDATE outbox SET state = 'queued', not_before = ? WHERE state = 'held' AND (room_id = ? OR person_id = ?)",
        (tx.now, room_id, person_id),
    )
    return released.rowcount > 0


def put_off(tx: Tx, person_id: PersonId, kinds: Sequence[str], ms: int) -> bool:
    """Such copies for a person as are not due yet are due in `ms`. Whether there are any."""
    marks = ",".join("?" * len(kinds))
    waiting = tx.sql(
        "UPDATE outbox SET not_before = ? WHERE person_id = ? AND state = 'queued' AND not_before > ?"
        f" AND room_id IS NULL AND kind = 'copy' AND first_attempt_at IS NULL AND copy_kind IN ({marks})",
        (tx.now + ms, person_id, tx.now, *kinds),
    )
    return waiting.rowcount > 0


def hurry(tx: Tx, room_id: RoomId) -> None:
    """What waits in a room after a failed try is due now."""
    tx.sql(
        "UPDATE outbox SET not_before = ? WHERE room_id = ? AND state = 'queued' AND attempts > 0 AND not_before > ?",
        (tx.now, room_id, tx.now),
    )


def mark_tried(tx: Tx) -> None:
    """The database is an older copy of itself: whatever was queued then may have been sent since, by a device that we
    are no longer. The sender looks before it sends. (A redaction may be repeated.)"""
    tx.sql("UPDATE outbox SET first_attempt_at = created_at WHERE first_attempt_at IS NULL AND kind <> 'redact'")


def _drop(tx: Tx, where: str, params: tuple[object, ...]) -> None:
    tx.sql(f"DELETE FROM outbox WHERE {where} AND kind <> 'redact' AND first_attempt_at IS NULL", params)
    # A try may have reached the homeserver, or is under way now: its event id must be learnt before it can be redacted.
    tx.sql(
        f"UPDATE outbox SET withdrawn = 1, sealed = NULL, priority = ? WHERE {where} AND kind <> 'redact'",
        (URGENT, *params),
    )
