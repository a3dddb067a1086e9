"""What the worker does in the database: find rooms with work, claim a row, settle what became of it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

import structlog
from sqlalchemy.engine import Row

from bridge.chat.catalogue import Catalogue
from bridge.chat.command import Person
from bridge.chat.render import relate, render
from bridge.chat.reply import CopyRef, Message, Text
from bridge.db import Tx, is_conflict
from bridge.db.sealing import Unreadable
from bridge.delivery import queue
from bridge.delivery.ports import Directory, Outgoing, Renderer
from bridge.ids import AccountId, EventId, PersonId, RoomId

HOLD_MS = 60_000
"""Held rows are tried again after this time, should nobody release them earlier."""
SCAN_PEOPLE = 200
SCAN_ROOMS = 500
_DROPS_AT_ONCE = 50

# Sent in place of what was withdrawn after a try. If the homeserver has that try, it answers with the id of the
# event that it has, and shows nothing; if not, it shows this, which is redacted like the other.
BLANK: Mapping[str, Any] = {"msgtype": "m.notice", "body": "…"}

log = structlog.get_logger(__name__)

Target: TypeAlias = tuple[AccountId, RoomId]


class What(Enum):
    SEND = "send"
    REDACT = "redact"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row that is being sent: nobody else takes it until it is settled."""

    row_id: int
    what: What
    outgoing: Outgoing
    attempts: int
    """This one included."""
    copy: CopyRef
    person_id: int | None
    target_event: EventId | None


@dataclass(frozen=True, slots=True)
class Scan:
    """Rooms with rows that are due."""

    claims: Mapping[Target, Claimed]
    """First rows of idle rooms, claimed already."""
    others: tuple[Target, ...]
    more: bool
    """There was more than one scan takes."""
    next_due: int | None
    """When the next row that waits will be due, ms."""


@dataclass(frozen=True, slots=True)
class Step:
    claimed: Claimed | None
    again: bool = False
    """Nothing was claimed yet, but there may be more: ask again."""


class Claims:
    """Finds and claims rows, and settles them. Each method runs inside a transaction."""

    def __init__(self, people: Directory, renderers: Mapping[str, Renderer], catalogue: Catalogue) -> None:
        self._people = people
        self._renderers = renderers
        self._catalogue = catalogue

    def recover(self, tx: Tx) -> None:
        """Queue again what was being sent when the last run ended."""
        tx.sql("UPDATE outbox SET state = 'queued', not_before = ? WHERE state = 'sending'", (tx.now,))

    def scan(self, tx: Tx, busy: Collection[Target], free: int) -> Scan:
        """Rooms that have something due, and the claimed first rows of up to `free` of those that aren't busy."""
        people = tx.sql(
            "SELECT DISTINCT person_id FROM outbox WHERE state = 'queued' AND not_before <= ? AND room_id IS NULL"
            f" LIMIT {SCAN_PEOPLE}",
            (tx.now,),
        ).all()
        for row in people:
            self._bind(tx, row.person_id)
        rooms = tx.sql(
            "SELECT account_id, room_id FROM outbox o"
            " WHERE state = 'queued' AND not_before <= ? AND room_id IS NOT NULL AND NOT EXISTS ("
            "  SELECT 1 FROM outbox b WHERE b.account_id = o.account_id AND b.room_id = o.room_id"
            "  AND b.state = 'queued' AND b.attempts > 0 AND b.not_before > ?"
            "  AND (b.priority > o.priority OR (b.priority = o.priority AND b.id < o.id)))"
            f" GROUP BY account_id, room_id ORDER BY MAX(priority) DESC, MIN(id) LIMIT {SCAN_ROOMS}",
            (tx.now, tx.now),
        ).all()
        claims: dict[Target, Claimed] = {}
        others: list[Target] = []
        for row in rooms:
            target = (AccountId(row.account_id), RoomId(row.room_id))
            if target in busy or len(claims) >= free:
                others.append(target)
                continue
            step = self.claim(tx, target)
            if step.claimed is not None:
                claims[target] = step.claimed
            elif step.again:
                others.append(target)
        next_due = tx.sql(
            "SELECT MIN(not_before) FROM outbox WHERE state = 'queued' AND not_before > ?", (tx.now,)
        ).scalar()
        return Scan(claims, tuple(others), len(people) == SCAN_PEOPLE or len(rooms) == SCAN_ROOMS, next_due)

    def claim(self, tx: Tx, target: Target) -> Step:
        """The next row of a room, rendered: the policy is asked in the transaction that lets the row go."""
        for _ in range(_DROPS_AT_ONCE):
            # A row that waits after a failed try blocks those behind it: order within a room is kept. A delayed
            # one that was never tried blocks nobody.
            row = tx.sql(
                "SELECT id, person_id, kind, copy_kind, copy_ref, sealed, target_event, reply_to, thread,"
                " attempts, first_attempt_at, not_before, withdrawn, source_event, created_at FROM outbox"
                " WHERE account_id = ? AND room_id = ? AND state = 'queued' AND (not_before <= ? OR attempts > 0)"
                " ORDER BY priority DESC, id LIMIT 1",
                (*target, tx.now),
            ).first()
            if row is None or row.not_before > tx.now:
                return Step(None)
            if self._is_kept_back(tx, row):
                continue
            claimed = self._prepare(tx, target, row)
            if claimed is not None:
                tx.sql(
                    "UPDATE outbox SET state = 'sending', attempts = attempts + 1, first_attempt_at = ? WHERE id = ?",
                    (tx.now if row.first_attempt_at is None else row.first_attempt_at, row.id),
                )
                return Step(claimed)
        return Step(None, again=True)

    def settle(self, settle: "Settle", tx: Tx, target: Target) -> Step:
        """Write down what became of a row and claim the next one of its room: one transaction a message."""
        settle(tx)
        return self.claim(tx, target)

    def maintain(self, tx: Tx, max_age_ms: int) -> None:
        """Queue held rows again; drop those that nobody could take for `max_age_ms`, and old traces of answers."""
        oldest = tx.now - max_age_ms
        dropped = tx.sql(
            "DELETE FROM outbox WHERE created_at < ? AND not_before <= ? AND state IN ('held', 'failed')",
            (oldest, tx.now),
        ).rowcount
        if dropped:
            log.info("delivery_rows_expired", count=dropped)
        tx.sql(
            "UPDATE outbox SET state = 'queued', not_before = ? WHERE state = 'held' AND not_before <= ?",
            (tx.now, tx.now),
        )

    def forget(self, tx: Tx, max_age_ms: int) -> None:
        """Forget plain answers after `max_age_ms`: nothing but an edit of the question asks for them."""
        tx.sql("DELETE FROM copies WHERE kind = 'answer' AND created_at < ?", (tx.now - max_age_ms,))

    def _bind(self, tx: Tx, person_id: PersonId) -> None:
        """Bind the floating rows of a person to their current DM, or hold them until there is one."""
        dm = self._people.dm(tx, person_id)
        where = "WHERE room_id IS NULL AND person_id = ? AND state = 'queued' AND not_before <= ?"
        if dm is None:
            tx.sql(f"UPDATE outbox SET state = 'held', not_before = ? {where}", (tx.now + HOLD_MS, person_id, tx.now))
        else:
            tx.sql(f"UPDATE outbox SET account_id = ?, room_id = ? {where}", (*dm, person_id, tx.now))

    def _is_kept_back(self, tx: Tx, row: Row[Any]) -> bool:
        """Hold a row of somebody who gets nothing personal now: all but the answers of that time, which aren't."""
        if row.person_id is None or row.kind == "redact" or row.withdrawn:
            return False
        paused_at = self._people.paused_at(tx, row.person_id)
        if paused_at is None:
            return False
        if row.kind == "message" and row.source_event is not None and row.created_at >= paused_at:
            return False
        tx.sql("UPDATE outbox SET state = 'held', not_before = ? WHERE id = ?", (tx.now + HOLD_MS, row.id))
        return True

    def _prepare(self, tx: Tx, target: Target, row: Row[Any]) -> Claimed | None:
        """What to send for a row; None: the row is gone."""
        try:
            person = None if row.person_id is None else self._people.by_id(tx, row.person_id)
        except Unreadable:
            person = None
            if row.kind != "redact" and not row.withdrawn:
                log.error("delivery_unreadable", kind=row.kind)
                _give_up(tx, row.id)
                return None
        content: Mapping[str, Any] = {}
        if row.kind != "redact":
            withdrawn = bool(row.withdrawn)
            if not withdrawn:
                try:
                    rendered = self._content(tx, row, person)
                except _Broken:
                    _give_up(tx, row.id)
                    return None
                withdrawn = rendered is None
                content = rendered or {}
            if withdrawn:
                if row.first_attempt_at is None:
                    tx.sql("DELETE FROM outbox WHERE id = ?", (row.id,))
                    return None
                tx.sql("UPDATE outbox SET withdrawn = 1, sealed = NULL WHERE id = ?", (row.id,))
                content = BLANK
        account, room_id = target
        instance = tx.sql("SELECT instance FROM accounts WHERE id = ?", (account,)).scalar_one()
        return Claimed(
            row_id=row.id,
            what=What.REDACT if row.kind == "redact" else What.SEND,
            outgoing=Outgoing(
                account=account,
                room_id=room_id,
                txn_id=f"{instance}.{row.id}",
                content=content,
                only_dm_with=None if person is None else person.user_id,
                first_attempt_at=row.first_attempt_at,
            ),
            attempts=row.attempts + 1,
            copy=CopyRef(row.copy_kind or "answer", row.copy_ref),
            person_id=row.person_id,
            target_event=row.target_event,
        )

    def _content(self, tx: Tx, row: Row[Any], person: Person | None) -> dict[str, Any] | None:
        content: dict[str, Any] | None
        if row.kind == "message":
            try:
                content = queue.open_content(tx, row.person_id, row.id, row.sealed)
            except Unreadable:
                log.error("delivery_unreadable", kind=row.kind)
                language, time_zone = ("en", "UTC") if person is None else (person.language, person.time_zone)
                content = render(Message((Text("answer-damaged"),)), language, time_zone, self._catalogue)
        else:
            content = self._rendered(tx, row, person)
            if content is None:
                return None
        return relate(content, row.reply_to, row.thread, row.target_event)

    def _rendered(self, tx: Tx, row: Row[Any], person: Person | None) -> dict[str, Any] | None:
        renderer = self._renderers.get(row.copy_kind)
        if renderer is None or person is None or row.copy_ref is None:
            log.warning("delivery_not_renderable", kind=row.copy_kind)
            raise _Broken
        savepoint = tx.conn.begin_nested()
        try:
            message = renderer(tx, person, row.copy_ref)
            content = None if message is None else render(message, person.language, person.time_zone, self._catalogue)
            savepoint.commit()
        except Exception as error:
            if is_conflict(error):
                raise
            savepoint.rollback()
            # The type alone: the text of an error may hold what the person wrote.
            log.error("delivery_render_failed", kind=row.copy_kind, error=type(error).__name__)
            raise _Broken from error
        return content


class _Broken(Exception):
    """This row can't be rendered, now or later."""


Settle: TypeAlias = Callable[[Tx], None]


def sent(claimed: Claimed, event_id: EventId) -> Settle:
    """The homeserver took it: the row becomes a copy, or, withdrawn meanwhile, is redacted."""

    def settle(tx: Tx) -> None:
        row = tx.sql("SELECT withdrawn, thread, source_event FROM outbox WHERE id = ?", (claimed.row_id,)).first()
        tx.sql("DELETE FROM outbox WHERE id = ?", (claimed.row_id,))
        if claimed.what is What.REDACT:
            return
        out = claimed.outgoing
        # Without a row the person was erased meanwhile: nothing of theirs may stay either.
        if row is None or row.withdrawn:
            queue.redact_events(tx, out.account, out.room_id, [event_id])
            return
        if claimed.target_event is not None:
            tx.sql(
                "UPDATE copies SET kind = ?, ref_id = ? WHERE account_id = ? AND event_id = ?",
                (claimed.copy.kind, claimed.copy.ref_id, out.account, claimed.target_event),
            )
        tx.sql(
            "INSERT INTO copies (account_id, event_id, room_id, person_id, kind, ref_id, source_event, thread,"
            " replaces, outbox_id, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                out.account,
                event_id,
                out.room_id,
                claimed.person_id,
                claimed.copy.kind,
                claimed.copy.ref_id,
                row.source_event,
                row.thread,
                claimed.target_event,
                claimed.row_id,
                tx.now,
            ),
        )

    return settle


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
        _give_up(tx, claimed.row_id)

    return settle


def _give_up(tx: Tx, row_id: int) -> None:
    tx.sql("UPDATE outbox SET state = 'failed', sealed = NULL WHERE id = ?", (row_id,))
