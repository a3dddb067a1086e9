"""A homeserver's view of what the bot sends, in memory, and a household of people to send to."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bridge.chat.catalogue import Catalogue
from bridge.chat.command import Person
from bridge.chat.inbound import Origin, Relation, RoomView, TextMessage
from bridge.chat.people import People
from bridge.chat.reply import Message, Written
from bridge.db import Database, Tx
from bridge.delivery.outbox import Outbox
from bridge.delivery.ports import Held, Outgoing, Renderer
from bridge.delivery.queue import open_content
from bridge.delivery.worker import DeliveryWorker
from bridge.ids import AccountId, EventId, PersonId, RoomId, UserId

SECOND = 1000
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE


@dataclass
class Event:
    event_id: EventId
    content: Mapping[str, Any]
    txn_id: str
    redacted: bool = False

    @property
    def body(self) -> str:
        return str(self.content["body"])


class Homeserver:
    """Keeps the promise that matters: one transaction id makes one event, however often it is sent."""

    def __init__(self) -> None:
        self.rooms: dict[RoomId, list[Event]] = defaultdict(list)
        self.attempts: list[Outgoing] = []
        self.log: list[str] = []
        """What was sent and redacted, in the order of arrival."""
        self.errors: dict[RoomId, list[Exception]] = defaultdict(list)
        """Raised, one a try, before anything is taken."""
        self.errors_after: dict[RoomId, list[Exception]] = defaultdict(list)
        """Raised after the event was taken: the answer got lost."""
        self.gates: dict[RoomId, asyncio.Event] = {}
        """Answers of this room wait here, after the event was taken."""
        self.dms: dict[RoomId, UserId] | None = None
        """If set: rooms that are DMs now, else every room is."""
        self.in_flight = 0
        self.most_in_flight = 0
        self._by_txn: dict[str, EventId] = {}
        self._redactions: set[str] = set()

    def shown(self, room_id: RoomId) -> list[str]:
        """What a person sees in a room: bodies in order, edits applied, redacted events gone."""
        shown: dict[EventId, str] = {}
        for event in self.rooms[room_id]:
            relation = event.content.get("m.relates_to", {})
            if event.redacted:
                continue
            if relation.get("rel_type") == "m.replace":
                if relation["event_id"] in shown:
                    shown[relation["event_id"]] = event.content["m.new_content"]["body"]
            else:
                shown[event.event_id] = event.body
        return list(shown.values())

    async def send(self, event: Outgoing) -> EventId:
        self.attempts.append(event)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(0)
            dms = self.dms
            if dms is not None and event.only_dm_with is not None and dms.get(event.room_id) != event.only_dm_with:
                raise Held
            if self.errors[event.room_id]:
                raise self.errors[event.room_id].pop(0)
            if event.txn_id not in self._by_txn:
                event_id = EventId(f"${len(self._by_txn)}-{event.txn_id}")
                self._by_txn[event.txn_id] = event_id
                # As on the wire: later changes of the mapping must not matter.
                content = json.loads(json.dumps(dict(event.content)))
                self.rooms[event.room_id].append(Event(event_id, content, event.txn_id))
                self.log.append(f"send {content['body']}")
            if self.errors_after[event.room_id]:
                raise self.errors_after[event.room_id].pop(0)
            await self._gate(event.room_id)
            return self._by_txn[event.txn_id]
        finally:
            self.in_flight -= 1

    async def redact(self, account: AccountId, room_id: RoomId, event_id: EventId, txn_id: str) -> None:
        await asyncio.sleep(0)
        if self.errors[room_id]:
            raise self.errors[room_id].pop(0)
        if txn_id not in self._redactions:
            self._redactions.add(txn_id)
            [event] = [event for event in self.rooms[room_id] if event.event_id == event_id]
            assert not event.redacted
            event.redacted = True
            self.log.append(f"redact {event.body}")
        await self._gate(room_id)

    async def react(self, account: AccountId, room_id: RoomId, event_id: EventId, key: str, txn_id: str) -> None:
        raise AssertionError("nothing reacts here")

    async def _gate(self, room_id: RoomId) -> None:
        if room_id in self.gates:
            await self.gates[room_id].wait()


class Notes:
    """A feature with one kind of copy, `note`: a text by id, and a policy that may say no."""

    def __init__(self) -> None:
        self.texts: dict[int, str] = {}
        self.rendered: list[tuple[PersonId, int]] = []
        self.on_render: Callable[[Tx], None] = lambda tx: None

    def render(self, tx: Tx, person: Person, ref_id: int) -> Message | None:
        self.rendered.append((person.id, ref_id))
        self.on_render(tx)
        text = self.texts.get(ref_id)
        return None if text is None else Message((Written(text),))


@dataclass
class House:
    """The bot's account, its people, and everything between them and the homeserver."""

    db: Database
    people: People = field(default_factory=People)
    catalogue: Catalogue = field(default_factory=Catalogue.load)
    homeserver: Homeserver = field(default_factory=Homeserver)
    notes: Notes = field(default_factory=Notes)
    now: int = 1_750_000_000_000
    worker: DeliveryWorker | None = None
    renderers: dict[str, Renderer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.renderers["note"] = self.notes.render
        self.db.clock = lambda: self.now
        self.account: AccountId = AccountId(
            self.db.run_sync(
                lambda tx: tx.sql(
                    "INSERT INTO accounts (user_id, instance, created_at) VALUES ('@courtyard:example.org', 'abc', ?)"
                    " RETURNING id",
                    (tx.now,),
                ).scalar_one()
            )
        )
        self.outbox = Outbox(self.people, self.catalogue, self.wake)
        self._events = 0

    def wake(self) -> None:
        if self.worker is not None:
            self.worker.wake()

    async def person(self, name: str, *, dm: bool = True) -> Person:
        def work(tx: Tx) -> Person:
            person = self.people.ensure(tx, UserId(f"@{name}:example.org"))
            if dm:
                self.people.set_dm(tx, person.id, self.account, dm_of(name))
            return person

        return await self.db.run(work)

    def event(self, person: Person, room_id: RoomId, thread: EventId | None = None) -> TextMessage:
        self._events += 1
        origin = Origin(self.account, room_id, EventId(f"$asked{self._events}"), person.user_id, self.now, True)
        return TextMessage(origin, "anything", Relation(thread=thread))

    def new_worker(self, **options: Any) -> DeliveryWorker:
        self.worker = DeliveryWorker(
            self.db, self.homeserver, self.renderers, self.people, self.catalogue, jitter=lambda: 1.0, **options
        )
        self.outbox.at_once = self.worker.at_once
        return self.worker

    @asynccontextmanager
    async def delivering(self, **options: Any) -> AsyncIterator[DeliveryWorker]:
        """A worker runs meanwhile."""
        worker = self.new_worker(**options)
        task = asyncio.create_task(worker.run())
        try:
            yield worker
            assert not task.done(), task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def deliver(self) -> None:
        """Run a worker until nothing is left that is due."""
        async with self.delivering():
            await self.idle()

    async def idle(self) -> None:
        """Wait until nothing is being sent, or due without another before it that waits."""
        await until(lambda: self._due() == 0)

    def _due(self) -> int:
        return int(
            self.db.run_sync(
                lambda tx: tx.sql(
                    "SELECT COUNT(*) FROM outbox o WHERE state = 'sending' OR (state = 'queued' AND not_before <= ?"
                    " AND NOT EXISTS (SELECT 1 FROM outbox b WHERE b.room_id = o.room_id AND b.state = 'queued'"
                    " AND b.attempts > 0 AND b.not_before > ?))",
                    (tx.now, tx.now),
                ).scalar_one()
            )
        )

    def later(self, ms: int) -> None:
        """Let time pass."""
        self.now += ms
        self.wake()

    def rows(self, columns: str = "state", table: str = "outbox") -> list[Any]:
        """One column's values, or tuples of several, in the order of the rows."""
        order = "id" if table == "outbox" else "outbox_id"
        rows = self.db.run_sync(lambda tx: tx.sql(f"SELECT {columns} FROM {table} ORDER BY {order}").all())
        return [row[0] if len(row) == 1 else tuple(row) for row in rows]

    def contents(self) -> list[str]:
        """What stands in the rows that wait, opened."""

        def read(tx: Tx) -> list[str]:
            rows = tx.sql("SELECT id, person_id, sealed FROM outbox WHERE sealed IS NOT NULL ORDER BY id").all()
            return [json.dumps(open_content(tx, row.person_id, row.id, row.sealed)) for row in rows]

        return self.db.run_sync(read)


def dm_of(name: str) -> RoomId:
    return RoomId(f"!dm-{name}:example.org")


def dm_view(person: Person) -> RoomView:
    return RoomView(dm_of(person.user_id[1:].partition(":")[0]), person.user_id, True)


async def until(condition: Callable[[], bool], timeout: float = 10) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)  # the conditions are in the database: nothing tells when they change
