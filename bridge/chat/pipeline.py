"""The one chain that every event takes: errors, quota, lock, dedupe, parse, requirements, handler."""

import asyncio
import secrets
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import structlog

from bridge.chat import sources
from bridge.chat.command import Person, Prepare
from bridge.chat.grammar import WrongArguments
from bridge.chat.hooks import Delivery, Hooks, PicturePreparer
from bridge.chat.inbound import (
    DmOpened,
    EditedMessage,
    FileMessage,
    IdentityChanged,
    Inbound,
    LocationMessage,
    Origin,
    OtherMessage,
    PictureMessage,
    Reaction,
    Readable,
    Redaction,
    RoomView,
    TextMessage,
    Unreadable,
)
from bridge.chat.locks import KeyedLocks
from bridge.chat.people import People
from bridge.chat.quota import Quotas, Verdict
from bridge.chat.reading import Reader, Said
from bridge.chat.registry import Registry
from bridge.chat.reply import Lines, Message, Reply, Text
from bridge.chat.router import COMMAND_SOURCE, Outcome, Router, handled
from bridge.db import DATABASE_DOWN, Database, Tx, sealing
from bridge.db.recent import Recent
from bridge.errors import UserError
from bridge.ids import AccountId, EventId, PersonId, RoomId, UserId

OPENING = Message((Lines((Text("opening-what"), Text("opening-who"), Text("opening-help"))),))

# What people send as messages. Events of other types, and notices, are never answered: two bots would talk for ever.
_POLLS = ("m.poll.start", "org.matrix.msc3381.poll.start")
_UNUSABLE = frozenset(("m.video", "m.audio", "m.file", "m.location", "m.image", "m.sticker", *_POLLS))
# Refusals that say nothing about a person: they may stand in any room.
_NEUTRAL = frozenset(
    (
        "choice-gone",
        "edit-too-late",
        "picture-howto",
        "picture-not-here",
        "picture-unavailable",
        "quota-wait",
        "error-unexpected",
    )
)
_UNSIGNED_GRACE_MS = 60_000
_MOST_NOTED = 20_000
_PREPARE_S, _PREPARE_PARALLEL = 15.0, 8
"""How long what a command prepares may take, and how many may at once: the answer waits for it."""


@dataclass(slots=True)
class _Job:
    """An event that is to be handled."""

    event: Inbound
    room: RoomView
    sender: UserId
    said: Said | None = None
    quota: bool = True
    quiet: bool = False
    """Nobody spoke to the bot: a refusal by the quota is not worth an answer."""
    refusal: UserError | None = None
    """Nothing of it counts: this is the answer."""
    came_at: int = 0
    """Milliseconds since the epoch."""

    @property
    def in_dm(self) -> bool:
        return self.room.dm_with == self.sender


class Pipeline:
    """Handles inbound events, each exactly once, whatever is in them."""

    def __init__(
        self,
        db: Database,
        registry: Registry,
        hooks: Hooks,
        delivery: Delivery,
        people: People,
        quotas: Quotas,
        prefix: str = "!",
        pictures: PicturePreparer | None = None,
        log: Any = None,
        unsigned: str = "warn",
        is_leaving: Callable[[RoomId], bool] = lambda room_id: False,
    ) -> None:
        """`unsigned`: what becomes of messages from devices that their owners have not signed: `strict` (refused),
        `warn` (answered, and said once how to mend it) or `allow`. `is_leaving`: whether a room is the chat of somebody
        who was erased, which the bot is about to leave; it is asked in the database's thread."""
        self._db = db
        self._hooks = hooks
        self._delivery = delivery
        self._people = people
        self._quotas = quotas
        self._pictures = pictures
        self._unsigned = unsigned
        self._is_leaving = is_leaving
        self._reader = Reader(registry, prefix)
        self._router = Router(hooks, delivery, people)
        self._locks = KeyedLocks()
        self._preparing = asyncio.Semaphore(_PREPARE_PARALLEL)
        self._noted_devices: Recent[tuple[AccountId, PersonId, str]] = Recent(_MOST_NOTED)
        """Of whom it is known that they were noted, as it is committed. An erased person's id is never used again."""
        self._log = log or structlog.get_logger(__name__)

    async def handle(self, event: Inbound, room: RoomView) -> None:
        """Handle one event: what it changes, its answer and the mark that it was handled are one transaction.

        Events of one person in one room are handled in the order in which this is called. Returns when the event has
        settled, also when that meant an error for the person.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database is down; nothing has happened, call again later.
        """
        if isinstance(event, IdentityChanged):
            await self._identity_changed(event, room)
            return
        job = self._job(event, room)
        if job is None:
            return
        job.came_at = self._db.clock()
        # The quota comes before the lock and the database, so that a flood costs next to nothing.
        verdict = self._quotas.take(job.sender) if job.quota else Verdict.PASS
        if verdict is Verdict.SILENT or (verdict is Verdict.TELL and job.quiet):
            return
        async with self._locks.hold((room.room_id, job.sender)):
            fresh = await self._settle(job, refused=verdict is Verdict.TELL)
        if not fresh and verdict is Verdict.PASS and job.quota:
            self._quotas.refund(job.sender)

    # --- before the transaction ---------------------------------------------------------------------------------

    def _job(self, event: Inbound, room: RoomView) -> _Job | None:
        """The work that `event` means, or None when it is nothing for the bot."""
        if not room.encrypted:
            return None
        sender = event.origin.sender
        dm = room.dm_with == sender
        match event:
            case DmOpened():
                return None if room.dm_with is None else _Job(event, room, room.dm_with, quota=False)
            case Redaction():
                # Never refused: what somebody takes back must go.
                return _Job(event, room, sender, quota=False)
            case Unreadable() | Readable():
                return _Job(event, room, sender, quota=False) if dm else None
            case IdentityChanged():
                return None  # handled on its own, wherever the person is
            case Reaction():
                return _Job(event, room, sender, quiet=True) if dm else None
            case LocationMessage():
                return self._location(event, room, sender) if dm else None
            case OtherMessage():
                return _Job(event, room, sender) if dm and event.what in _UNUSABLE else None
            case TextMessage() | PictureMessage() | FileMessage() | EditedMessage():
                return self._message(event, room, sender, dm)

    def _location(self, event: LocationMessage, room: RoomView, sender: UserId) -> _Job:
        refusal = None if event.origin.encrypted else UserError("not-encrypted")
        if refusal is None and self._unsigned == "strict" and event.origin.unsigned_ms:
            refusal = UserError("unsigned-refused")
        return _Job(event, room, sender, refusal=refusal)

    def _message(
        self,
        event: TextMessage | PictureMessage | FileMessage | EditedMessage,
        room: RoomView,
        sender: UserId,
        dm: bool,
    ) -> _Job | None:
        if not event.origin.encrypted:
            # In an encrypted room a server could have made it up. Nothing in it counts.
            return _Job(event, room, sender, refusal=UserError("not-encrypted")) if dm else None
        if self._unsigned == "strict" and event.origin.unsigned_ms:
            return _Job(event, room, sender, refusal=UserError("unsigned-refused")) if dm else None
        match event:
            case TextMessage(pressed=str()):
                said = Said("", explicit=True)
            case TextMessage():
                said = self._reader.read(event.body, event.relation, dm=dm, mentioned=event.mentioned)
            case PictureMessage() | FileMessage():
                said = self._reader.read(event.caption, event.relation, dm=dm)
            case EditedMessage():
                said = self._reader.read(event.body, dm=dm)
        speaks = dm or (said.explicit and (said.is_near_command or self._is_listening(room, event)))
        if isinstance(event, EditedMessage):
            return _Job(event, room, sender, said, quiet=not speaks)
        return _Job(event, room, sender, said) if speaks else None

    def _is_listening(self, room: RoomView, event: Inbound) -> bool:
        """Whether what speaks to the bot in a room is for something that is open there."""
        talk = self._hooks.talk
        return isinstance(event, TextMessage) and talk is not None and talk.listens(event.origin.account, room.room_id)

    # --- one event ----------------------------------------------------------------------------------------------

    async def _identity_changed(self, event: IdentityChanged, room: RoomView) -> None:
        """What a person asked for in that case is done, and they are told. It waits for nothing else of theirs."""

        def work(tx: Tx) -> None:
            origin = event.origin
            person = self._people.get(tx, origin.sender)
            if person is None or self._is_leaving(origin.room_id) or not _claim(tx, origin.account, origin.event_id):
                return
            message = self._router.identity_changed(tx, person)
            if room.encrypted and room.dm_with == person.user_id:
                self._delivery.answer(tx, event, room, person, Reply((message,)))
            else:
                self._delivery.message(tx, person, message)  # in their next DM

        await self._db.run(work)

    async def _settle(self, job: _Job, *, refused: bool) -> bool:
        """Do the work. False when the event had been handled before, or was nothing after all."""
        try:
            if refused:
                return await self._refuse(job, UserError("quota-wait"))
            if job.refusal is not None:
                return await self._refuse(job, job.refusal)
            try:
                return await self._transact(job, await self._prepare(job))
            except UserError as error:
                return await self._refuse(job, error)
        except Exception as error:
            reference = secrets.token_hex(4)
            try:
                fresh = await self._refuse(job, UserError("error-unexpected", ref=reference))
            except DATABASE_DOWN:
                raise
            except Exception as second:
                # Not even the answer could be written. Mark the event, or it would come back for ever.
                self._report(reference, second, job)
                fresh = await self._db.run(lambda tx: _claim(tx, job.event.origin.account, _mark(job.event)))
            self._report(reference, error, job)
            return fresh

    async def _prepare(self, job: _Job) -> Any:
        """What the command needs and what can't be done inside a transaction: the picture, or what it asks for."""
        event, said = job.event, job.said
        if said is None:
            return None
        command = said.command
        if isinstance(event, TextMessage) and command is not None and command.prepare is not None:
            return await self._prepare_command(job, said, command.prepare)
        if not isinstance(event, PictureMessage):
            return None

        def ready(tx: Tx) -> bool:
            origin = event.origin
            person = self._people.known(tx, job.sender)
            if handled(tx, origin.account, origin.event_id) is not None:
                return False
            if person is not None and self._router.is_unproven(tx, person, event):
                return False  # the refusal follows
            if command is not None and command.picture and said.error is None:
                return job.in_dm or self._router.may_run(tx, person, job.room, said)
            return person is not None and self._router.gathers_picture(tx, person, job.room, said)

        if not await self._db.run(ready):
            return None
        if self._pictures is None:
            raise UserError("picture-unavailable")
        return await self._pictures(event)

    async def _prepare_command(self, job: _Job, said: Said, prepare: Prepare) -> Any:
        def look(tx: Tx) -> Callable[[], Awaitable[Any]] | None:
            origin, person = job.event.origin, self._people.get(tx, job.sender)
            if person is None or not self._router.may_run(tx, person, job.room, said):
                return None
            if person.paused or handled(tx, origin.account, origin.event_id) is not None:
                return None
            return prepare(tx, person, said.args)

        work = await self._db.run(look)
        if work is None:
            return None
        try:
            async with asyncio.timeout(_PREPARE_S), self._preparing:
                return await work()
        except Exception as error:
            self._log.info("a command runs without what it prepares", error=type(error).__name__)
            return None

    async def _transact(self, job: _Job, prepared: Any) -> bool:
        def work(tx: Tx) -> bool:
            return self._write(
                tx, job, lambda person: self._router.route(tx, person, job.event, job.room, job.said, prepared)
            )

        try:
            return await self._db.run(work)
        except DATABASE_DOWN:
            # A connection that the server closed while it was idle is replaced at the second try.
            return await self._db.run(work)

    async def _refuse(self, job: _Job, error: UserError) -> bool:
        """Write the answer that says why, in a transaction of its own: the work's has been rolled back."""
        # What the grammar found belongs to what was said, and so do the frames it went through: no circle of them.
        error.__traceback__ = None
        said = job.said
        # What a command says may be personal; what the grammar says comes from the message alone.
        own = said is not None and (error is said.error or (said.command is not None and said.command.anywhere))
        personal = not own and error.message_id not in _NEUTRAL
        texts = error.texts if isinstance(error, WrongArguments) else {}
        reply = Reply.text(error.message_id, personal=personal, **error.args_, **texts)
        return await self._db.run(lambda tx: self._write(tx, job, lambda _: Outcome(reply)))

    def _write(self, tx: Tx, job: _Job, produce: Callable[[Person], Outcome]) -> bool:
        event, origin = job.event, job.event.origin
        if self._is_leaving(origin.room_id):
            return False
        if not job.in_dm and not isinstance(event, DmOpened) and self._is_unknown(tx, event):
            return False
        # Of most commands it is known already what will be written of them.
        said = job.said.command if job.said is not None else None
        expected = (None, False) if said is None else (said.name, said.effect)
        if not _claim(tx, origin.account, _mark(event), *expected, ciphertext=origin.ciphertext):
            return False
        try:
            person, current = self._people.ensure_with_dm(tx, job.sender)
        except sealing.Unreadable:
            _note(tx, origin, None, False)
            return self._say_unreadable(tx, job)
        if job.in_dm:
            self._enter_dm(tx, job, person, current)
            spoken = isinstance(
                event, TextMessage | PictureMessage | FileMessage | LocationMessage | EditedMessage | Reaction
            )
            if spoken and self._hooks.on_spoke is not None:
                self._hooks.on_spoke(tx, person)
        outcome = produce(person)
        if (outcome.command, outcome.effect) != expected:
            _note(tx, origin, outcome.command, outcome.effect)
        if not job.in_dm and isinstance(event, TextMessage | PictureMessage):
            self._remember_sender(tx, event, person)
        if outcome.reply.parts:
            if outcome.effect:
                # The command may have changed the language in which it is answered.
                person = self._people.by_id(tx, person.id) or person
            self._delivery.answer(tx, event, job.room, person, outcome.reply, since=job.came_at)
        if job.in_dm:
            self._warn_of_unsigned(tx, event, person)
            self._note_device(tx, event, person)
        return True

    def _say_unreadable(self, tx: Tx, job: _Job) -> bool:
        """What is known of this person is damaged: all that can be done is to say so. The line is for anybody."""
        self._log.error("what is known of a person can't be read; they were told")
        if job.said is not None:
            # To whoever is in the room, in the default language: a person's own key may be what is damaged.
            room = replace(job.room, dm_with=None)
            line = Reply.text("person-unreadable", personal=False)
            self._delivery.answer(tx, job.event, room, self._people.stranger(job.sender), line)
        return True

    def _warn_of_unsigned(self, tx: Tx, event: Inbound, person: Person) -> None:
        """Say once for each device that its owner has not signed it. Signatures may come late: not at once."""
        origin = event.origin
        if self._unsigned != "warn" or origin.unsigned_ms < _UNSIGNED_GRACE_MS:
            return
        if _claim(tx, origin.account, device_mark(tx, "unsigned", origin.sender, origin.device)):
            self._delivery.message(tx, person, Message((Text("unsigned-device"),)))

    def _note_device(self, tx: Tx, event: Inbound, person: Person) -> None:
        """Tell the features once of each device of a person that speaks to us."""
        origin = event.origin
        if origin.device is None or origin.sender != person.user_id or self._hooks.on_device is None:
            return
        if (noted := (origin.account, person.id, origin.device)) in self._noted_devices:
            return
        if _claim(tx, origin.account, device_mark(tx, "device", origin.sender, origin.device)):
            self._hooks.on_device(tx, person, origin.device)
        tx.after_commit(lambda: self._noted_devices.add(noted))

    @staticmethod
    def _remember_sender(tx: Tx, event: TextMessage | PictureMessage, person: Person) -> None:
        """Outside a DM an edit must come from who gave the command; in a DM there is nobody else."""
        account, event_id = event.origin.account, event.origin.event_id
        if sources.find(tx, account, event_id) is None:
            sources.record(tx, account, event_id, person.id, COMMAND_SOURCE, 0)

    @staticmethod
    def _is_unknown(tx: Tx, event: Inbound) -> bool:
        """Whether it changes a message that was never for the bot. Rooms are full of those: nothing is written."""
        if not isinstance(event, EditedMessage | Redaction):
            return False
        return sources.find(tx, event.origin.account, event.target) is None

    def _enter_dm(self, tx: Tx, job: _Job, person: Person, current: tuple[AccountId, RoomId] | None) -> None:
        """Make the room the person's current DM; greet once per room, and hand out what waited for the first."""
        origin, room_id = job.event.origin, job.room.room_id
        known = current == (origin.account, room_id)
        if isinstance(job.event, DmOpened) or not known:
            self._delivery.release(tx, person_id=person.id)
        if known:
            return
        first = self._people.set_dm(tx, person.id, origin.account, room_id)
        opening = opening_mark(room_id)
        if _claim(tx, origin.account, opening):
            # Not the answer to the event itself, which an edit of the event would replace.
            greeting = DmOpened(replace(origin, event_id=opening))
            self._delivery.answer(tx, greeting, job.room, person, Reply((OPENING,)))
        if first:
            for hook in self._hooks.on_opened:
                hook(tx, person)

    def _report(self, reference: str, error: BaseException, job: _Job) -> None:
        """Log types and frames only: the text of an exception may hold what a person wrote."""
        chain: list[str] = []
        frames: list[str] = []
        current: BaseException | None = error
        while current is not None and len(chain) < 5:
            chain.append(type(current).__name__)
            frames += [
                f"{'/'.join(f.filename.split('/')[-3:])}:{f.lineno} {f.name}"
                for f in traceback.extract_tb(current.__traceback__)[-20:]
            ]
            current = current.__cause__ or current.__context__
        self._log.error(
            "event could not be handled", ref=reference, inbound=type(job.event).__name__, error=chain, frames=frames
        )


def _mark(event: Inbound) -> EventId:
    """What stands in `handled` for an event. A notice about a message is not the message."""
    match event:
        case Unreadable():
            # Why it can't be read may become known later: that is said as well.
            return EventId(f"{'withheld' if event.withheld else 'unreadable'}:{event.origin.event_id}")
        case Readable():
            return EventId(f"readable:{event.origin.event_id}")
    return event.origin.event_id


def device_mark(tx: Tx, what: str, user: str, device: str | None) -> EventId:
    """Stands in `handled` for something that happens once for each device. Whose it is does not stand there."""
    return EventId(f"{what}:{tx.vault.lookup('device', f'{user} {device}').hex()}")


def opening_mark(room_id: RoomId) -> EventId:
    """Stands in `handled` for the greeting of a room. Real event ids begin with `$`."""
    return EventId(f"opened:{room_id}")


def _note(tx: Tx, origin: Origin, command: str | None, effect: bool) -> None:
    """What came of an event that is marked as handled, where that was expected otherwise."""
    tx.sql(
        "UPDATE handled SET command = ?, effect = ? WHERE account_id = ? AND event_id = ?",
        (command, int(effect), origin.account, origin.event_id),
    )


def _claim(
    tx: Tx,
    account: AccountId,
    event_id: EventId,
    command: str | None = None,
    effect: bool = False,
    *,
    ciphertext: str | None = None,
) -> bool:
    """Mark an event as handled, with the Megolm message that it was, if any. False when either is marked already: then
    the same ciphertext came in another event, a server played it again."""
    rows = "(?, ?, ?, ?, ?)"
    marks: tuple[Any, ...] = (account, event_id, tx.now, command, int(effect))
    if ciphertext is not None:
        rows += ", (?, ?, ?, NULL, 0)"
        marks += (account, f"megolm:{ciphertext}", tx.now)
    done = tx.sql(
        f"INSERT INTO handled (account_id, event_id, at, command, effect) VALUES {rows}"
        " ON CONFLICT (account_id, event_id) DO NOTHING",
        marks,
    )
    return done.rowcount == 1 + (ciphertext is not None)
