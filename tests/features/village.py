"""The whole bot but Matrix, in one process: the real pipeline, features, outbox, claims and database.

People speak by name; what the bot sends lands in their rooms, numbered so that two villages can be compared.
"""

import asyncio
import json
import re
from collections.abc import Callable, Collection, Coroutine
from functools import partial
from typing import Any

from bridge.chat.again import AskAgain
from bridge.chat.catalogue import Catalogue
from bridge.chat.commands import build_registry
from bridge.chat.inbound import (
    DmOpened,
    EditedMessage,
    EncryptedFile,
    FileMessage,
    IdentityChanged,
    Inbound,
    LocationMessage,
    Origin,
    PictureMessage,
    Reaction,
    Redaction,
    Relation,
    RoomView,
    TextMessage,
)
from bridge.chat.people import People
from bridge.chat.picture import Publish, StoredPicture
from bridge.chat.pipeline import Pipeline
from bridge.chat.quota import Quotas, Rate
from bridge.chat.registry import Found
from bridge.config.programs import ProgramsConfig
from bridge.contacts.model import ContactLimits
from bridge.contacts.private_chats import Job, State
from bridge.db import Database, Tx
from bridge.delivery.claim import Claims
from bridge.delivery.claimed import Claimed, What
from bridge.delivery.outbox import Outbox
from bridge.delivery.settling import Sent, later
from bridge.errors import UserError
from bridge.features import compose
from bridge.ids import EventId, RoomId, UserId
from bridge.miniprograms.host import updating
from bridge.miniprograms.host.outside import Outside
from bridge.miniprograms.host.pictures import Miniature, Redraw
from bridge.miniprograms.package import Package
from bridge.miniprograms.program import Runtime
from bridge.moments.expiry import Expiry
from bridge.moments.model import MomentLimits
from bridge.privacy import recovery
from bridge.rights.archive.jobs import EXPORT, IMPORT
from bridge.rights.archive.layout import ArchiveSettings
from bridge.rights.archive.worker import ArchiveWorker
from bridge.rights.disclosure import Installation
from bridge.rights.farewells import Farewell
from bridge.vault import Vault
from tests.at_once import DatabaseAtOnce
from tests.features.begun import Begun
from tests.features.homes import ACCOUNT, HOUR, MINUTE, PICTURE, STORED, FakeFiles, Room, Shown, user_id
from tests.schema import create_tables
from tests.vaults import new_vault

__all__ = ["ACCOUNT", "HOUR", "MINUTE", "PICTURE", "STORED", "Room", "Shown", "Village", "user_id"]


class Village:
    def __init__(
        self,
        database: Database | None = None,
        *,
        contact_limits: ContactLimits | None = None,
        moment_limits: MomentLimits | None = None,
        publish: Publish | None = None,
        digests: bool = False,
        new_id: Callable[[], int] | None = None,
        archives: ArchiveSettings | None = None,
        serves: Callable[[UserId], bool] = lambda user: True,
        installation: Installation | None = None,
        runtime: Runtime | None = None,
        apps_limits: ProgramsConfig | None = None,
        outside: Outside | None = None,
        redraw: Redraw | None = None,
        miniature: Miniature | None = None,
        begun: Begun | None = None,
    ) -> None:
        """`new_id`: ids of people; counted unless it says otherwise. `begun`: what was before (see `Settled`)."""
        self.now = 1_750_000_000_000
        self._apps_limits = apps_limits or ProgramsConfig()
        self.has_digests = digests
        """Whether people get their daily digest."""
        if begun is not None:
            self.db = begun.database() if database is None else begun.pour(database)
        else:
            self.db = database or DatabaseAtOnce.open("sqlite://", vault=new_vault())
            create_tables(self.db)
            self.db.run_sync(lambda tx: tx.sql(_ACCOUNT))
        self.db.clock = lambda: self.now
        self.rooms: dict[str, Room] = {}
        self.meeting: set[frozenset[UserId]] = set()
        """Pairs of people who share a room with the bot."""
        self.counted = 0
        """Ids of people. They break ties, and two villages that are compared must break them alike."""
        self._events = 0
        self._by_txn: dict[str, EventId] = {}
        self.last_event = EventId("")
        """The event that somebody sent last."""
        self.stuck: set[str] = set()
        """Whose rooms take nothing just now: what is for them waits."""
        self.next_event: EventId | None = None
        """A name for the next event that somebody sends."""
        self.prepared = 0
        """Pictures that were fetched, made safe and uploaded."""
        self.stored = STORED
        """What becomes of the next pictures."""
        self.broken_upload: UserError | None = None
        """The same, when it fails."""
        self.unencrypted = False
        """Somebody else than the speaker may have made up what is said now."""
        self.session: dict[str, Any] = {}
        """What is known of the session that is spoken from, as fields of `Origin`."""
        # A loop of its own, since the tests that use it are plain functions.
        self._loop = asyncio.new_event_loop()
        self.left: list[Room] = []
        """Chats that the bot has left."""
        self._owns_db = database is None
        catalogue = _CATALOGUE
        self.thrown_out: set[str] = set()
        """Who has thrown the bot out of their chat."""

        def is_in(room_id: RoomId) -> bool:
            return all(self.rooms[name].room_id != room_id for name in self.thrown_out) and room_id not in self.shut

        self.absent: set[tuple[RoomId, UserId]] = set()
        """Who has left a room with several people."""
        self.shut: set[RoomId] = set()
        """Chats that the bot is out of, whosever they were."""
        self.people = people = People(
            is_dm=lambda account, room_id, user: is_in(room_id),
            new_id=new_id or self._next_id,
            reaches=lambda account, room_id, user: is_in(room_id),
            is_in=lambda account, room_id, user: (room_id, user) not in self.absent,
        )
        self.on_queued: Callable[[], None] = lambda: None
        """Called when something was queued."""
        self.outbox = outbox = Outbox(people, catalogue, lambda: self.on_queued())

        def find(text: str) -> Found | None:
            return registry.find(text)

        self.guarded = recovery.Guarded()
        features = compose(
            outbox,
            people,
            find,
            contact_limits=contact_limits,
            moment_limits=moment_limits or MomentLimits(confirm_wider=False),
            meeting=lambda a, b: frozenset((a, b)) in self.meeting,
            publish=publish,
            guarded=self.guarded,
            archives=archives,
            serves=serves,
            installation=installation,
            apps_limits=apps_limits,
        )
        self.files = FakeFiles()
        exports = features.exports
        self.archives = ArchiveWorker(
            self.db, self.files, people, outbox, {EXPORT: exports.step, IMPORT: features.imports.step}, exports.settings
        )
        self.programs = features.programs
        self._new_host = partial(features.host, self.db, runtime, redraw, outside, miniature) if runtime else None
        self.host = self._new_host() if self._new_host else None
        """Runs mini-programs; without a runtime they wait."""
        self.chats = features.chats
        vault = self.db.vault
        assert isinstance(vault, Vault)
        self.moments = features.moments
        self.renderers = features.renderers
        self.fanout, self.digests = features.moments.fanout, features.digests
        self.vault = vault
        self.expiry = Expiry(self.db, features.moments, vault.destroy)
        self.deletions = features.deletions
        self.commands = features.commands
        self.catalogue = catalogue
        registry = build_registry(features.commands, people, catalogue, features.help_here)
        endless = Quotas(Rate(10**9, 10**9), Rate(10**9, 10**9))

        async def prepare(event: PictureMessage) -> StoredPicture:
            self.prepared += 1
            if self.broken_upload is not None:
                raise self.broken_upload
            return self.stored

        self._pipeline = Pipeline(
            self.db,
            registry,
            features.hooks,
            outbox,
            people,
            endless,
            pictures=prepare,
            is_leaving=features.deletions.farewells.is_leaving,
        )
        self.renderers, self.again = features.renderers, AskAgain(registry)
        self._claims = Claims(people, self.renderers, catalogue, self.again, outbox.budget)
        if begun is not None:
            begun.hand_on(self)

    def _next_id(self) -> int:
        self.counted += 1
        return self.counted

    def close(self) -> None:
        if self._owns_db:
            self._loop.run_until_complete(self.db.close())
        self._loop.close()

    def install(self, *packages: Package) -> None:
        """Install mini-programs."""
        self.db.run_sync(lambda tx: [updating.install(tx, self.programs, one, self._apps_limits) for one in packages])

    def run_programs(self) -> None:
        """Tell mini-programs all that they are to be told."""
        if self.host is not None:
            self._loop.run_until_complete(self.host.settle())

    # --- what people do ---------------------------------------------------------------------------------------
    def open(self, *names: str) -> None:
        """These people open their chats with the bot."""
        for name in names:
            self.rooms[name] = Room(RoomId(f"!{name}:x.org"))
            self._handle(name, lambda origin: DmOpened(origin))

    def open_again(self, name: str) -> None:
        """Somebody opens another chat; the old one is theirs no more."""
        self.left.append(self.rooms[name])
        self.rooms[name] = Room(RoomId(f"!again-{len(self.left)}-{name}:x.org"))
        self._handle(name, lambda origin: DmOpened(origin))

    def know(self, *names: str) -> None:
        """Somebody has named these people before: they have a row, and no chat."""
        self.db.run_sync(lambda tx: [self.people.ensure(tx, user_id(name)) for name in names])

    def befriend(self, a: str, b: str) -> None:
        self.say(a, f"friend add {user_id(b)}")
        self.say(b, f"friend accept {user_id(a)}")

    def say(self, name: str, text: str, to: EventId | None = None) -> list[str]:
        """Send a text; returns the bodies of what the speaker got since."""
        return [event.body for event in self.get(name, text, to)]

    def meet_in(self, room: str) -> None:
        """There is a room with the bot and several people."""
        self.rooms[room] = Room(RoomId(f"!{room}:x.org"))

    def say_in(self, room: str, name: str, text: str) -> list[str]:
        """Somebody says something in a room with several people; what the bot said there since."""
        before = len(self.rooms[room].events)
        self._handle(name, lambda origin: TextMessage(origin, text), room=self.rooms[room])
        return [event.body for event in self.rooms[room].events[before:]]

    def press(self, name: str, token: str, body: str = "pressed", room: str | None = None) -> list[str]:
        """Somebody's client sends the token of a button, in their own chat or a room; what the bot said there since."""
        where = self.rooms[room or name]
        before = len(where.events)
        self._handle(
            name, lambda origin: TextMessage(origin, body, pressed=token), room=None if room is None else where
        )
        return [event.body for event in where.events[before:]]

    def live(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something on the village's loop."""
        self._loop.run_until_complete(work)

    async def hear(self, name: str, text: str) -> None:
        """Somebody says something, while other things run; nothing is sent yet."""
        self._events += 1
        room = self.rooms[name]
        event_id = EventId(f"$in-{self._events}")
        origin = Origin(ACCOUNT, room.room_id, event_id, user_id(name), self.now, True, **self.session)
        await self._pipeline.handle(TextMessage(origin, text), RoomView(room.room_id, user_id(name), True))

    def say_only(self, name: str, text: str) -> None:
        """Send a text when the bot has no hand free: what is to be sent gets its room, and waits there."""
        self._handle(name, lambda origin: TextMessage(origin, text), sending=False)
        self.db.run_sync(lambda tx: self._claims.scan(tx, set(), 0))

    def get(self, name: str, text: str, to: EventId | None = None, *, thread: EventId | None = None) -> list[Shown]:
        """The same, with the whole events."""
        before = len(self.rooms[name].events)
        self._handle(name, lambda origin: TextMessage(origin, text, Relation(reply_to=to, thread=thread)))
        return self.rooms[name].events[before:]

    def one(self, name: str, text: str, to: EventId | None = None) -> str:
        """The same, for what has exactly one answer."""
        [body] = self.say(name, text, to)
        return body

    def picture(self, name: str, caption: str, to: EventId | None = None) -> list[str]:
        before = len(self.rooms[name].events)
        file = EncryptedFile("mxc://x.org/original", "key", "iv", "hash")
        relation = Relation(reply_to=to)
        self._handle(name, lambda origin: PictureMessage(origin, caption, file, "image/png", 10, relation))
        return [event.body for event in self.rooms[name].events[before:]]

    def send_file(self, name: str, data: bytes, caption: str = "") -> list[str]:
        """Somebody sends a file; what they got since, when all that is due was done."""
        before = len(self.rooms[name].events)
        url = f"mxc://x.org/sent{len(self.files.kept)}"
        self.files.kept[url] = data
        file = EncryptedFile(url, "key", "iv", "hash")
        self._handle(name, lambda origin: FileMessage(origin, caption, file))
        self.work()
        return [event.body for event in self.rooms[name].events[before:]]

    def share_place(self, name: str, geo_uri: str) -> list[str]:
        before = len(self.rooms[name].events)
        self._handle(name, lambda origin: LocationMessage(origin, geo_uri))
        return [event.body for event in self.rooms[name].events[before:]]

    def react(self, name: str, target: EventId, key: str) -> EventId:
        return self._handle(name, lambda origin: Reaction(origin, target, key))

    def redact(self, name: str, target: EventId) -> list[str]:
        before = len(self.rooms[name].events)
        self._handle(name, lambda origin: Redaction(origin, target))
        return [event.body for event in self.rooms[name].events[before:]]

    def edit(self, name: str, target: EventId, text: str) -> list[str]:
        before = len(self.rooms[name].events)
        self._handle(name, lambda origin: EditedMessage(origin, target, text))
        return [event.body for event in self.rooms[name].events[before:]]

    def reset_identity(self, name: str, key: str, room: RoomView | None = None) -> None:
        """Somebody's encryption identity is another one now; nothing is sent yet."""
        room = room or RoomView(self.rooms[name].room_id, user_id(name), True)
        origin = Origin(ACCOUNT, room.room_id, EventId(f"$identity {key}"), user_id(name), self.now, True)
        self._loop.run_until_complete(self._pipeline.handle(IdentityChanged(origin), room))

    # --- what people see --------------------------------------------------------------------------------------
    def bodies(self, name: str) -> list[str]:
        """What stands in somebody's room now, the answers to edits as they were sent."""
        return [event.body for event in self.rooms[name].events if not event.redacted]

    def wait(self, ms: int) -> None:
        """Let time pass, and what is due be done and sent."""
        self.now += ms
        while self.db.run_sync(self.expiry.sweep):
            pass
        self.expiry.destroy_keys()
        while self.has_digests and self.db.run_sync(self.digests.step):
            pass
        self.run_programs()
        self.deliver()

    def work(self) -> None:
        """Do what is due of exports and imports, and send what comes of it."""
        self._loop.run_until_complete(self.archives.look())
        self.deliver()

    def carry_out(self, joining: Collection[str] = ()) -> None:
        """What `bridge.matrix.private_rooms` does for private chats; whom it invites comes at once, or never."""
        coming = {user_id(name) for name in joining}
        while True:
            jobs, _, _ = self.db.run_sync(lambda tx: self.chats.jobs(tx, ACCOUNT))
            if not self.db.run_sync(lambda tx: sum(self._carry_out(tx, job, coming) for job in jobs)):  # noqa: B023
                self.deliver()
                return

    def _carry_out(self, tx: Tx, job: Job, coming: Collection[UserId]) -> bool:
        """One step. Whether it did anything."""
        if tx.now >= job.until or (job.state is not State.SILENT and not self.chats.may(tx, job)):
            self.chats.closed(tx, job)
        elif job.state is State.CREATE:
            self.chats.made(tx, job, ACCOUNT, RoomId(f"!private-{job.id}:x.org"))
            self.chats.invited(tx, job, 1)
        elif job.state is State.FIRST and job.other_user in coming:
            self.chats.other_is_in(tx, job)
            self.chats.invited(tx, job, 2)
        elif job.state is State.SECOND and job.asker_user in coming:
            self.chats.move(tx, job, State.DONE)
        else:
            return False
        return True

    def deliver(self) -> None:
        """Send all that is due, as the worker does."""
        spread = None
        while True:
            self.db.run_sync(self.fanout.step)
            stuck = {(ACCOUNT, self.rooms[name].room_id) for name in self.stuck | self.thrown_out if name in self.rooms}
            stuck |= {(ACCOUNT, room_id) for room_id in self.shut}
            scan = self.db.run_sync(lambda tx: self._claims.scan(tx, stuck, 1000))  # noqa: B023
            if not scan.claims:
                left = self.db.run_sync(lambda tx: tx.sql("SELECT * FROM fanouts ORDER BY moment_id").all())
                if left == spread:
                    return
                spread = left
            for first in scan.claims.values():
                claimed: Claimed | None = first
                while claimed is not None:
                    claimed = self.settle(claimed, self.arrive(claimed))

    def take(self, name: str) -> Claimed:
        """Begin to send what is next for somebody: it is on its way until it is settled."""
        step = self.db.run_sync(lambda tx: self._claims.claim(tx, (ACCOUNT, self.rooms[name].room_id)))
        assert step.claimed is not None
        return step.claimed

    def arrive(self, claimed: Claimed) -> EventId:
        """The homeserver takes it; what it has by this transaction id already it shows no second time."""
        known = self._by_txn.get(claimed.outgoing.txn_id)
        if known is not None:
            return known
        [room] = [room for room in self.rooms.values() if room.room_id == claimed.outgoing.room_id]
        if claimed.what is What.REDACT:
            [event] = [event for event in room.events if event.event_id == claimed.target_event]
            assert not event.redacted
            event.redacted = True
            room.log.append(f"redacted {event.event_id}")
            self._by_txn[claimed.outgoing.txn_id] = event.event_id
            return event.event_id
        event_id = EventId(f"$out-{len(room.events)}-{room.room_id}")
        content = json.loads(json.dumps(dict(claimed.outgoing.content)))
        room.events.append(Shown(event_id, content))
        room.log.append(json.dumps(content, sort_keys=True))
        self._by_txn[claimed.outgoing.txn_id] = event_id
        return event_id

    def settle(self, claimed: Claimed, event_id: EventId | None) -> Claimed | None:
        """Write down that it was sent; None: no answer came, so it is tried again. What is sent next in that room."""
        target = (claimed.outgoing.account, claimed.outgoing.room_id)
        write = later(claimed, 1000) if event_id is None else Sent(claimed, event_id)
        return self.db.run_sync(lambda tx: self._claims.settle(write, tx, target)).claimed

    # --- the end of accounts ----------------------------------------------------------------------------------
    def ask_for_the_end(self, name: str) -> None:
        """Somebody deletes their account: nothing comes of it before its time."""
        asked = self.one(name, "account delete")
        [code] = re.findall(r"account delete ([A-Z]{4}-[A-Z]{4})", asked)
        assert "ends on" in self.one(name, f"account delete {code}")

    def erase(self, name: str, steps: int | None = None) -> Farewell | None:
        """Somebody deletes their account, and its time comes; what the bot would tell them last, before it leaves.
        With `steps` the bot is killed after so many of them."""
        self.ask_for_the_end(name)
        self.now += self.deletions.settings.grace_ms
        return self.end(name, steps)

    def end(self, name: str, steps: int | None = None) -> Farewell | None:
        """Carry out what is due."""
        for person in self.db.run_sync(self.deletions.due):
            assert self.db.run_sync(lambda tx: self.deletions.begin(tx, person))  # noqa: B023
            while self.db.run_sync(lambda tx: self.deletions.step(tx, person)):  # noqa: B023
                if steps is not None:
                    steps -= 1
                    if steps <= 0:
                        return None
        farewells = self.deletions.farewells
        for owner in self.db.run_sync(farewells.owners):
            self.vault.destroy([owner])
            self.db.run_sync(lambda tx: farewells.destroyed(tx, owner))  # noqa: B023
        self.deliver()
        [farewell] = self.db.run_sync(lambda tx: farewells.load(tx, ACCOUNT))
        self.db.run_sync(lambda tx: farewells.ended(tx, farewell.id))
        farewells.left(farewell)
        self.left.append(self.rooms.pop(name))
        return farewell

    def restart(self) -> None:
        """The bot was killed: what was on its way is sent again, and what ran programs has forgotten all."""
        self.host = self._new_host() if self._new_host else None
        self.db.run_sync(self._claims.recover)

    def _handle(
        self, name: str, make: Callable[[Origin], Inbound], *, sending: bool = True, room: Room | None = None
    ) -> EventId:
        self._events += 1
        self.last_event, self.next_event = self.next_event or EventId(f"$in-{self._events}"), None
        user, encrypted = user_id(name), not self.unencrypted
        view = RoomView((room or self.rooms[name]).room_id, user if room is None else None, True)
        origin = Origin(ACCOUNT, view.room_id, self.last_event, user, self.now, encrypted, **self.session)
        self._loop.run_until_complete(self._pipeline.handle(make(origin), view))
        if sending:
            self.run_programs()
            self.deliver()
        return self.last_event


_CATALOGUE = Catalogue.load(strict=True)
_ACCOUNT = "INSERT INTO accounts (id, user_id, instance, created_at) VALUES (1, '@bot:x', 'i', 0)"
