"""Queueing what is to be sent, inside the transaction that decides it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from bridge.chat.catalogue import Catalogue
from bridge.chat.command import Person
from bridge.chat.hooks import SentCopy
from bridge.chat.inbound import (
    DmOpened,
    EditedMessage,
    FileMessage,
    Inbound,
    LocationMessage,
    OtherMessage,
    PictureMessage,
    Reaction,
    RoomView,
    TextMessage,
    Unreadable,
)
from bridge.chat.render import render
from bridge.chat.reply import CopyRef, Message, Question, Reply, Text
from bridge.chat.router import UNREADABLE, WITHHELD
from bridge.db import Tx
from bridge.delivery import gone, queue
from bridge.delivery.at_once import AtOnce
from bridge.delivery.ports import Directory
from bridge.delivery.refresh import Budget, Load, refresh, take_back_since
from bridge.ids import AccountId, EventId, PersonId, RoomId

ANSWER = queue.ANSWER


@dataclass(frozen=True, slots=True)
class _Late:
    """A message of an answer that is asked for again when it is sent."""

    question: Question
    part: int
    """Which of the answer's parts, from 0."""
    copy: CopyRef | None


_Part: TypeAlias = Message | CopyRef | _Late


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an answer goes; `floating`: to whatever is the person's current DM when it is sent."""

    account: AccountId
    room_id: RoomId
    person_id: PersonId | None
    floating: bool = False
    reply_to: EventId | None = None
    thread: EventId | None = None
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Queued:
    """A copy for one person; `delay_ms` from now on."""

    person_id: PersonId
    kind: str
    ref_id: int
    delay_ms: int = 0


class Outbox:
    """Writes outbox rows; the worker sends them. `wake` is called on the loop after each commit that queued a row."""

    def __init__(
        self, people: Directory, catalogue: Catalogue, wake: Callable[[], None], budget: Budget | None = None
    ) -> None:
        self._people = people
        self._catalogue = catalogue
        self._wake = wake
        self.budget = budget or Budget()
        """How often copies are edited."""
        self._edits = Load()
        self.at_once: AtOnce | None = None
        """Lets answers go without a look of the worker."""

    @property
    def wake(self) -> Callable[[], None]:
        """To be registered with `after_commit` by who queues rows by other means."""
        return self._wake

    def answer(
        self, tx: Tx, event: Inbound, room: RoomView, person: Person, reply: Reply, *, since: int | None = None
    ) -> None:
        """See `bridge.chat.hooks.Delivery.answer`. An empty reply leaves the earlier answers as they are."""
        if not reply.parts:
            return
        # The reason why a message can't be read takes the place of what was said without it.
        edited = isinstance(event, EditedMessage) or (isinstance(event, Unreadable) and event.withheld)
        source = event.target if isinstance(event, EditedMessage) else event.origin.event_id
        if edited:
            queue.drop_unsent_answers(tx, event.origin.account, source)
        parts = self._parts(tx, event, room, person, reply)
        if not edited:
            rows = [self._row(place, part, person, source, since) for place, part in parts]
            if self.at_once is not None and self.at_once.answer(tx, rows, person):
                return
            queue.insert(tx, rows)
        else:
            self._replace_answers(tx, event.origin.account, source, parts, person)
        tx.after_commit(self._wake)

    def find_copy(self, tx: Tx, account: AccountId, room_id: RoomId, event_id: EventId) -> SentCopy | None:
        """What the event that the bot sent is a copy of, or was until it was taken back; kind `answer` for a plain
        answer. None: not the bot's, or forgotten."""
        row = tx.sql(
            "SELECT kind, ref_id, person_id FROM copies WHERE account_id = ? AND event_id = ? AND room_id = ?",
            (account, event_id, room_id),
        ).first()
        if row is not None:
            return SentCopy(CopyRef(row.kind, row.ref_id), row.person_id)
        before = gone.find(tx, account, room_id, event_id)
        return None if before is None else SentCopy(CopyRef(before[0]), before[1], is_gone=True)

    def tell_gone(self, tx: Tx, account: AccountId, room_id: RoomId, event_id: EventId) -> bool:
        """See `bridge.chat.hooks.Delivery.tell_gone`."""
        return gone.told(tx, account, room_id, event_id)

    def message(self, tx: Tx, person: Person, message: Message) -> None:
        """Queue a rendered message to a person's current DM."""
        content = self.render(message, person)
        ref = message.copy or CopyRef(ANSWER)
        queue.insert(
            tx,
            [queue.NewRow("message", person_id=person.id, copy_kind=ref.kind, copy_ref=ref.ref_id, content=content)],
        )
        tx.after_commit(self._wake)

    def copy(
        self,
        tx: Tx,
        person_id: PersonId,
        kind: str,
        ref_id: int,
        *,
        delay_ms: int = 0,
        once: bool = False,
        unasked: bool = False,
    ) -> None:
        """Queue a copy to a person's current DM; it is rendered, and the policy asked, when it is sent.

        Without a DM yet the row waits for one. With `once`, nothing is added while the same one is still queued. What
        nobody waits for (`unasked`) is sent after all answers, of everybody.
        """
        if once and self.is_waiting(tx, person_id, kind, ref_id):
            return
        row = queue.NewRow(
            "copy",
            person_id=person_id,
            copy_kind=kind,
            copy_ref=ref_id,
            delay_ms=delay_ms,
            priority=queue.UNASKED if unasked else 0,
        )
        queue.insert(tx, [row])
        tx.after_commit(self._wake)

    def copies(self, tx: Tx, several: Sequence[Queued]) -> None:
        """Queue copies that nobody waits for, as `copy` does."""
        rows = [
            queue.NewRow(
                "copy",
                person_id=one.person_id,
                copy_kind=one.kind,
                copy_ref=one.ref_id,
                delay_ms=one.delay_ms,
                priority=queue.UNASKED,
            )
            for one in several
        ]
        queue.insert(tx, rows)
        tx.after_commit(self._wake)

    def put_off(self, tx: Tx, person_id: PersonId, kinds: Sequence[str], delay_ms: int) -> None:
        """Such copies for a person as wait for their time are sent in `delay_ms`, earlier or later than before."""
        if queue.put_off(tx, person_id, kinds, delay_ms):
            tx.after_commit(self._wake)

    def is_waiting(self, tx: Tx, person_id: PersonId, kind: str, ref_id: int) -> bool:
        """Whether such a copy is queued, and was not rendered yet."""
        return queue.is_waiting(tx, person_id, kind, ref_id)

    def withdraw(self, tx: Tx, kind: str, ref_id: int, *, only_for: PersonId | None = None) -> int:
        """Redact every delivered copy, ahead of other rows, and drop the queued ones. The number of delivered ones.

        A copy that is being sent at this moment is redacted as soon as its event id is known.
        """
        count = queue.withdraw(tx, kind, ref_id, only_for)
        tx.after_commit(self._wake)
        return count

    def refresh(
        self, tx: Tx, kinds: Sequence[str], ref_id: int, people: Collection[PersonId], *, every: bool = False
    ) -> None:
        """Edit in place, after a while, what these people were shown of a thing: the newest copy of each, or `every`
        one. What reads the same as before is left alone. Name only people whose view has changed."""
        if refresh(tx, kinds, ref_id, people, self.budget, self._edits, every=every):
            tx.after_commit(self._wake)

    def take_back_since(self, tx: Tx, kinds: Sequence[str], ref_id: int, person: PersonId, since: int) -> None:
        """Redact what a person was shown of a thing at or after a time (ms); older copies stay, as they were then."""
        take_back_since(tx, kinds, ref_id, person, since)
        tx.after_commit(self._wake)

    def holders(self, tx: Tx, kind: str, ref_id: int) -> list[PersonId]:
        """Who was sent such a copy that was not withdrawn, or may be getting one just now."""
        rows = tx.sql(
            "SELECT person_id FROM copies WHERE kind = ? AND ref_id = ? AND person_id IS NOT NULL"
            " UNION SELECT person_id FROM outbox WHERE copy_kind = ? AND copy_ref = ? AND person_id IS NOT NULL"
            " AND first_attempt_at IS NOT NULL AND withdrawn = 0",
            (kind, ref_id, kind, ref_id),
        )
        return sorted(PersonId(row.person_id) for row in rows)

    def is_out(self, tx: Tx, person_id: PersonId, kind: str, ref_id: int) -> bool:
        """Whether such a copy was sent to the person and not withdrawn, or is about to be sent."""
        if self.is_sent(tx, person_id, kind, ref_id):
            return True
        queued = tx.sql(
            "SELECT 1 FROM outbox WHERE copy_kind = ? AND copy_ref = ? AND person_id = ?"
            " AND state <> 'failed' AND withdrawn = 0 LIMIT 1",
            (kind, ref_id, person_id),
        )
        return queued.first() is not None

    def is_sent(self, tx: Tx, person_id: PersonId, kind: str, ref_id: int) -> bool:
        """Whether such a copy was sent to the person and not withdrawn."""
        sent = tx.sql(
            "SELECT 1 FROM copies WHERE kind = ? AND ref_id = ? AND person_id = ? LIMIT 1", (kind, ref_id, person_id)
        )
        return sent.first() is not None

    def release(self, tx: Tx, *, room_id: RoomId | None = None, person_id: PersonId | None = None) -> None:
        """Try again what was held for this room, or for this person: the room or their DM can take it now."""
        if queue.release(tx, room_id, person_id):
            tx.after_commit(self._wake)

    def _parts(
        self, tx: Tx, event: Inbound, room: RoomView, person: Person, reply: Reply
    ) -> list[tuple[_Place, _Part]]:
        """What goes where: a personal answer never leaves the person's DM."""
        reply_to, thread = self._relation(tx, event, room)
        in_dm = room.dm_with == person.user_id
        here = _Place(
            event.origin.account,
            room.room_id,
            person.id if in_dm else None,
            reply_to=reply_to,
            thread=thread,
            priority=queue.FIRST if isinstance(event, DmOpened) else 0,
        )
        # A copy is rendered for one reader, so it is personal whatever the reply says.
        personal = reply.personal or any(isinstance(part, CopyRef) for part in reply.parts)
        said: list[_Part] = [
            part if reply.asked is None or isinstance(part, CopyRef) else _Late(reply.asked, number, part.copy)
            for number, part in enumerate(reply.parts)
        ]
        if in_dm or not personal:
            return [(here, part) for part in said]
        dm = self._people.dm(tx, person.id)
        line = Message((Text("answer-in-dm" if dm else "answer-needs-dm"),))
        parts: list[tuple[_Place, _Part]] = [(here, line)]
        if dm is not None:
            there = _Place(dm[0], dm[1], person.id, floating=True)
            parts += [(there, part) for part in said]
        return parts

    @staticmethod
    def _relation(tx: Tx, event: Inbound, room: RoomView) -> tuple[EventId | None, EventId | None]:
        """The event to reply to and the root of its thread."""
        account = event.origin.account
        match event:
            case TextMessage() | PictureMessage() | FileMessage() | LocationMessage() | OtherMessage() | Unreadable():
                return event.origin.event_id, event.relation.thread
            case EditedMessage():
                # An edit doesn't tell its thread; the earlier answers stand in it.
                return event.target, queue.thread_of_answers(tx, account, room.room_id, event.target)
            case Reaction():
                return event.target, queue.thread_of(tx, account, event.target)
            case _:
                return None, None  # nothing is left to reply to

    def _replace_answers(
        self,
        tx: Tx,
        account: AccountId,
        source: EventId,
        parts: Sequence[tuple[_Place, _Part]],
        person: Person,
    ) -> None:
        """Edit the earlier answers in place, in order; redact those that are left over, send what is new.

        A copy of a thing never becomes something else: an edit hides what was shown, but does not take it away, so
        that nobody could take it back later.
        """
        accounts = {account, *(place.account for place, _ in parts)}
        old: dict[tuple[AccountId, RoomId], list[queue.Copy]] = {}
        for one in sorted(accounts):
            for copy in queue.answers_to(tx, one, source):
                old.setdefault((one, copy.room_id), []).append(copy)
        rows: list[queue.NewRow] = []
        for place, part in parts:
            row = self._row(place, part, person, source)
            earlier = old.get((place.account, place.room_id), [])
            of = [(ANSWER, None), (row.copy_kind, row.copy_ref)]
            if row.copy_kind == WITHHELD:
                of.append((UNREADABLE, row.copy_ref))  # the reason takes the place of the notice
            index = next((i for i, copy in enumerate(earlier) if copy.of in of), None)
            if index is not None:
                # An edit can only be made where the event is: the row is bound to that room.
                row = replace(
                    row,
                    account=place.account,
                    room_id=place.room_id,
                    target_event=earlier.pop(index).event_id,
                )
            rows.append(row)
        for copies in old.values():
            for copy in copies:
                queue.redact(tx, copy)
        queue.insert(tx, rows)

    def _row(
        self, place: _Place, part: _Part, person: Person, source: EventId, since: int | None = None
    ) -> queue.NewRow:
        ref = part if isinstance(part, CopyRef) else part.copy or CopyRef(ANSWER)
        content: Mapping[str, Any] | None = None
        match part:
            case Message():
                kind, content = "message", self.render(part, person)
            case _Late(question, number, _):
                kind, content = "late", {"command": question.command, "args": dict(question.args), "part": number}
            case CopyRef():
                kind = "copy"
        return queue.NewRow(
            kind=kind,
            account=None if place.floating else place.account,
            room_id=None if place.floating else place.room_id,
            person_id=place.person_id,
            copy_kind=ref.kind,
            copy_ref=ref.ref_id,
            content=content,
            reply_to=place.reply_to,
            thread=place.thread,
            source_event=source,
            priority=place.priority,
            since=since,
        )

    def render(self, message: Message, person: Person) -> dict[str, Any]:
        """The content of an event for this reader."""
        return render(message, person.language, person.time_zone, self._catalogue)

    def plain(self, text: Text, person: Person) -> str:
        """A text for this reader, for what is no event."""
        return self._catalogue.format(person.language, text, person.time_zone)
