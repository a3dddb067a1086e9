"""What the worker does in the database: find rooms with work, claim a row, settle what became of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy.engine import Row

from bridge.chat.catalogue import Catalogue
from bridge.chat.reply import CopyRef
from bridge.db import Tx
from bridge.db.chunks import chunked
from bridge.db.sealing import Unreadable
from bridge.delivery.claimed import Claimed, What
from bridge.delivery.making import Ahead, Broken, Made, Maker, Same, Target
from bridge.delivery.ports import Again, Directory, Outgoing, Renderer
from bridge.delivery.queue import EDIT
from bridge.delivery.refresh import Budget, not_before
from bridge.delivery.settling import HOLD_MS, Sent, Settle, give_up, settle_sent
from bridge.ids import AccountId, PersonId, RoomId

SCAN_PEOPLE = 200
SCAN_ROOMS = 500
_DROPS_AT_ONCE = 50
_FEW, _IN_ONE = 3, 200
"""Rooms whose rows are found together: from so many on, and so many in one statement."""
_COLUMNS = (
    "id, person_id, kind, copy_kind, copy_ref, sealed, target_event, reply_to, thread, attempts, first_attempt_at,"
    " tried, not_before, withdrawn, source_event, created_at, account_id, room_id,"
    " (SELECT paused_at FROM people WHERE people.id = outbox.person_id) AS paused_at"
)

# Sent in place of what was withdrawn after a try. If the homeserver has that try, it answers with the id of the
# event that it has, and shows nothing; if not, it shows this, which is redacted like the other.
BLANK: Mapping[str, Any] = {"msgtype": "m.notice", "body": "…"}

_MORE = object()

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Scan:
    """Rooms with rows that are due."""

    claims: Mapping[Target, Claimed]
    """First rows of idle rooms, claimed already."""
    others: tuple[Target, ...]
    """Other rooms in which somebody waits."""
    later: tuple[Target, ...]
    """Other rooms with nothing but what nobody waits for."""
    more: bool
    """There was more than one scan takes."""
    more_asked: bool
    """Somebody may wait for some of that."""
    next_due: int | None
    """When the next row that waits will be due, ms."""


@dataclass(frozen=True, slots=True)
class Step:
    claimed: Claimed | None
    again: bool = False
    """Nothing was claimed yet, but there may be more: ask again."""


class Claims:
    """Finds and claims rows, and settles them. Each method runs inside a transaction."""

    def __init__(
        self,
        people: Directory,
        renderers: Mapping[str, Renderer],
        catalogue: Catalogue,
        again: Again | None = None,
        budget: Budget | None = None,
    ) -> None:
        """`again`: asks questions once more whose answers tell what is so when they are sent. `budget`: how often one
        copy is edited."""
        self._people = people
        self._renderers = renderers
        self._maker = Maker(people, renderers, catalogue, again)
        self._budget = budget or Budget()
        self._instances: dict[AccountId, str] = {}
        """Of each account, what its transaction ids begin with: it never changes while a program runs."""

    def txn_id(self, tx: Tx, account: AccountId, row_id: int) -> str:
        """The Matrix transaction id of a row: the same for each try."""
        instance = self._instances.get(account)
        if instance is None:
            instance = tx.sql("SELECT instance FROM accounts WHERE id = ?", (account,)).scalar_one()
            self._instances[account] = instance
        return f"{instance}.{row_id}"

    def recover(self, tx: Tx) -> None:
        """Queue again what was being sent when the last run ended."""
        tx.sql("UPDATE outbox SET state = 'queued', not_before = ? WHERE state = 'sending'", (tx.now,))

    def scan(self, tx: Tx, busy: Collection[Target], free: int, unasked: int = SCAN_ROOMS) -> Scan:
        """Rooms that have something due, and the claimed first rows of up to `free` of those that aren't busy. Of rooms
        with nothing but what nobody waits for, `unasked` at most."""
        people = tx.sql(
            "SELECT DISTINCT person_id FROM outbox WHERE state = 'queued' AND not_before <= ? AND room_id IS NULL"
            f" LIMIT {SCAN_PEOPLE}",
            (tx.now,),
        ).all()
        if people:
            self._bind(tx, [row.person_id for row in people])
        rooms = tx.sql(
            "SELECT account_id, room_id, MAX(priority) AS priority FROM outbox o"
            " WHERE state = 'queued' AND not_before <= ? AND room_id IS NOT NULL AND NOT EXISTS ("
            "  SELECT 1 FROM outbox b WHERE b.account_id = o.account_id AND b.room_id = o.room_id"
            "  AND b.state = 'queued' AND b.attempts > 0 AND b.not_before > ?"
            "  AND (b.priority > o.priority OR (b.priority = o.priority AND b.id < o.id)))"
            f" GROUP BY account_id, room_id ORDER BY MAX(priority) DESC, MIN(id) LIMIT {SCAN_ROOMS}",
            (tx.now, tx.now),
        ).all()
        idle: list[Target] = []
        others: list[Target] = []
        later: list[Target] = []
        for row in rooms:
            target = (AccountId(row.account_id), RoomId(row.room_id))
            is_asked = row.priority >= 0
            if target in busy or len(idle) >= free or not (is_asked or unasked):
                (others if is_asked else later).append(target)
            else:
                idle.append(target)
                unasked -= not is_asked
        steps = self.claim_all(tx, idle)
        claims = {target: step.claimed for target, step in steps.items() if step.claimed is not None}
        others += [target for target, step in steps.items() if step.again]
        next_due = tx.sql(
            "SELECT MIN(not_before) FROM outbox WHERE state = 'queued' AND not_before > ?", (tx.now,)
        ).scalar()
        more_people, more_rooms = len(people) == SCAN_PEOPLE, len(rooms) == SCAN_ROOMS
        more_asked = more_people or (more_rooms and not later)  # rooms in which somebody waits come first
        return Scan(claims, tuple(others), tuple(later), more_people or more_rooms, more_asked, next_due)

    def claim(self, tx: Tx, target: Target) -> Step:
        """The next row of a room, rendered: the policy is asked in the transaction that lets the row go."""
        return self.claim_all(tx, [target])[target]

    def claim_all(self, tx: Tx, targets: Sequence[Target]) -> dict[Target, Step]:
        """The same for several rooms: a copy of one thing for the people of many is looked up and rendered once."""
        only = self._only(tx, targets)
        rows = {target: self._next(tx, target, only.get(target)) for target in dict.fromkeys(targets)}
        ahead = self._maker.ahead(tx, [row for row in rows.values() if row is not None and row is not _MORE])
        tried: list[tuple[int, bytes | None, int]] = []
        steps = {target: self._claim(tx, target, row, ahead, tried) for target, row in rows.items()}
        if tried:
            tx.sql(
                "UPDATE outbox SET state = 'sending', attempts = attempts + 1, first_attempt_at = ?, tried = ?"
                " WHERE id = ?",
                tried,
            )
        return steps

    @staticmethod
    def _only(tx: Tx, targets: Sequence[Target]) -> dict[Target, Any]:
        """Of rooms in which nothing else is queued or being sent, the row that comes next."""
        if len(targets) < _FEW:
            return {}
        found: dict[Target, Any] = {}
        for some, marks in chunked(targets, _IN_ONE, "(?,?)"):
            rows = tx.sql(
                f"SELECT {_COLUMNS} FROM outbox WHERE state = 'queued' AND (not_before <= ? OR attempts > 0)"
                " AND id IN (SELECT MIN(id) FROM outbox WHERE state IN ('queued', 'sending')"
                f" AND (account_id, room_id) IN (VALUES {marks}) GROUP BY account_id, room_id HAVING COUNT(*) = 1)",
                (tx.now, *(part for target in some for part in target)),
            )
            found |= {(row.account_id, row.room_id): row for row in rows}
        return found

    def _claim(
        self, tx: Tx, target: Target, row: Any, ahead: Ahead, tried: list[tuple[int, bytes | None, int]]
    ) -> Step:
        """The row that comes next; when nothing is to be sent for it, the one after that. What stands in it from now
        on is added to `tried`."""
        for _ in range(_DROPS_AT_ONCE):
            if row is None or row is _MORE:
                return Step(None, again=row is _MORE)
            claimed = self._prepare(tx, target, row, ahead)
            if claimed is not None:
                first = tx.now if row.first_attempt_at is None else row.first_attempt_at
                tried.append((first, claimed.tried, row.id))
                return Step(claimed)
            row, ahead = self._next(tx, target), Ahead()
        return Step(None, again=True)

    def _next(self, tx: Tx, target: Target, first: Any = None) -> Any:
        """The row that comes next in a room; None: there is none now; `_MORE`: none was found yet. `first`: what
        `_only` found there."""
        for _ in range(_DROPS_AT_ONCE):
            # A row that waits after a failed try blocks those behind it, and so does one that is being sent: order
            # within a room is kept. A delayed one that was never tried blocks nobody.
            row, first = first, None
            if row is None:
                row = tx.sql(
                    f"SELECT {_COLUMNS} FROM outbox WHERE account_id = ? AND room_id = ? AND state = 'queued'"
                    " AND (not_before <= ? OR attempts > 0) AND NOT EXISTS ("
                    "  SELECT 1 FROM outbox s WHERE s.account_id = outbox.account_id AND s.room_id = outbox.room_id"
                    "  AND s.state = 'sending')"
                    " ORDER BY priority DESC, id LIMIT 1",
                    (*target, tx.now),
                ).first()
            if row is None or row.not_before > tx.now:
                return None
            if not self._is_kept_back(tx, row) and not self._is_too_soon(tx, row):
                return row
        return _MORE

    def settle(self, settle: Settle, tx: Tx, target: Target) -> Step:
        """Write down what became of a row and claim the next one of its room."""
        return self.settle_all(tx, [(settle, target)])[target]

    def settle_all(self, tx: Tx, settled: Sequence[tuple[Settle, Target]]) -> dict[Target, Step]:
        """The same for several rooms."""
        if sent := [settle for settle, _ in settled if isinstance(settle, Sent)]:
            settle_sent(tx, sent)
        for settle, _ in settled:
            if not isinstance(settle, Sent):
                settle(tx)
        targets = [target for _, target in settled]
        steps = {target: Step(None) for target in targets}
        # Most rooms had one answer to send: those with nothing left are found together.
        steps.update(self.claim_all(tx, self._with_more(tx, targets)))
        return steps

    @staticmethod
    def _with_more(tx: Tx, targets: Sequence[Target]) -> Sequence[Target]:
        """Rooms of these in which anything is queued, maybe for later."""
        if len(targets) == 1:
            return targets
        marks = ",".join(["(?,?)"] * len(targets))
        queued = tx.sql(
            f"SELECT DISTINCT account_id, room_id FROM outbox WHERE (account_id, room_id) IN (VALUES {marks})"
            " AND state = 'queued'",
            tuple(part for target in targets for part in target),
        )
        found = {(row.account_id, row.room_id) for row in queued}
        return [target for target in targets if target in found]

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

    def _bind(self, tx: Tx, people: Sequence[PersonId]) -> None:
        """Bind the floating rows of people to their current DMs, or hold them until there is one."""
        where = "WHERE room_id IS NULL AND person_id = ? AND state = 'queued' AND not_before <= ?"
        dms = self._people.dms(tx, people)
        bound = [(*dms[person], person, tx.now) for person in people if person in dms]
        held = [(tx.now + HOLD_MS, person, tx.now) for person in people if person not in dms]
        if bound:
            tx.sql(f"UPDATE outbox SET account_id = ?, room_id = ? {where}", bound)
        if held:
            tx.sql(f"UPDATE outbox SET state = 'held', not_before = ? {where}", held)

    def _is_kept_back(self, tx: Tx, row: Row[Any]) -> bool:
        """Hold a row of somebody who gets nothing personal now: all but the answers of that time, which aren't."""
        if row.person_id is None or row.kind == "redact" or row.withdrawn:
            return False
        if row.paused_at is None:
            return False
        if row.kind == "message" and row.source_event is not None and row.created_at >= row.paused_at:
            return False
        tx.sql("UPDATE outbox SET state = 'held', not_before = ? WHERE id = ?", (tx.now + HOLD_MS, row.id))
        return True

    def _is_too_soon(self, tx: Tx, row: Row[Any]) -> bool:
        """Let an edit wait whose copy was edited so lately that the budget has no room for another."""
        if row.kind != EDIT or row.withdrawn or row.first_attempt_at is not None:
            return False
        if row.copy_kind in self._budget.answers:
            return False
        at = not_before(tx, AccountId(row.account_id), row.target_event, self._budget)
        if at > tx.now:
            tx.sql("UPDATE outbox SET not_before = ? WHERE id = ?", (at, row.id))
        return at > tx.now

    def _prepare(self, tx: Tx, target: Target, row: Row[Any], ahead: Ahead) -> Claimed | None:
        """What to send for a row; None: the row is gone."""
        person = ahead.people.get(row.person_id)
        try:
            if person is None and row.person_id is not None:
                person = self._people.by_id(tx, row.person_id)
        except Unreadable:
            person = None
            if row.kind != "redact" and not row.withdrawn:
                log.error("delivery_unreadable", kind=row.kind)
                give_up(tx, row.id)
                return None
        made = Made({}, CopyRef(row.copy_kind or "answer", row.copy_ref))
        if row.kind != "redact":
            withdrawn = bool(row.withdrawn)
            if not withdrawn:
                try:
                    rendered = self._maker.made(tx, target, row, person, ahead)
                except Same:
                    tx.sql("DELETE FROM outbox WHERE id = ?", (row.id,))
                    return None
                except Broken:
                    give_up(tx, row.id)
                    return None
                withdrawn = rendered is None
                made = rendered or made
                self._note_copy(tx, row, made.copy)
            if withdrawn:
                if row.first_attempt_at is None:
                    tx.sql("DELETE FROM outbox WHERE id = ?", (row.id,))
                    return None
                tx.sql("UPDATE outbox SET withdrawn = 1, sealed = NULL WHERE id = ?", (row.id,))
                made = Made(BLANK, made.copy)
        # What was told otherwise before: the homeserver may have that, and calls it the same event.
        unsure = row.first_attempt_at is not None and row.tried is not None and bytes(row.tried) != made.fingerprint
        account, room_id = target
        return Claimed(
            row_id=row.id,
            what=What.REDACT if row.kind == "redact" else What.SEND,
            outgoing=Outgoing(
                account=account,
                room_id=room_id,
                txn_id=self.txn_id(tx, account, row.id),
                content=made.content,
                only_dm_with=None if person is None else person.user_id,
                first_attempt_at=row.first_attempt_at,
            ),
            attempts=row.attempts + 1,
            copy=made.copy,
            person_id=row.person_id,
            target_event=row.target_event,
            rendering=None if unsure else made.rendering,
            tried=b"" if unsure else made.fingerprint,
            # What can't be rendered anew stays as it was sent.
            unsure=unsure and made.copy.kind in self._renderers,
            answers=row.source_event,
            due_since=row.not_before,
        )

    @staticmethod
    def _note_copy(tx: Tx, row: Row[Any], copy: CopyRef) -> None:
        """What an answer is a copy of may be another thing by now: taking that back must find what is on its way."""
        if row.kind == "late" and (copy.kind, copy.ref_id) != (row.copy_kind, row.copy_ref):
            tx.sql("UPDATE outbox SET copy_kind = ?, copy_ref = ? WHERE id = ?", (copy.kind, copy.ref_id, row.id))
