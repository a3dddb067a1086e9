"""A pipeline on a real database in memory; only the sending is replaced, by a recorder."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from structlog.testing import LogCapture

from bridge.chat import sources
from bridge.chat.catalogue import Catalogue
from bridge.chat.command import Command, Kind, Param, Person, Request
from bridge.chat.commands import build_registry
from bridge.chat.hooks import Hooks, PicturePreparer, SentCopy
from bridge.chat.inbound import (
    DmOpened,
    EditedMessage,
    EncryptedFile,
    Inbound,
    Origin,
    OtherMessage,
    PictureMessage,
    Reaction,
    Redaction,
    Relation,
    RoomView,
    TextMessage,
)
from bridge.chat.people import People
from bridge.chat.pipeline import OPENING, Pipeline
from bridge.chat.quota import Quotas, Rate
from bridge.chat.render import render
from bridge.chat.reply import CopyRef, Message, Reply, Text
from bridge.db import Database, Tx
from bridge.errors import UserError
from bridge.ids import AccountId, EventId, PersonId, RoomId, UserId
from tests.schema import create_tables
from tests.vaults import new_vault

ALICE = UserId("@alice:one.example.org")
BOB = UserId("@bob:two.example.org")
ACCOUNT = AccountId(1)
DM = RoomView(RoomId("!dm:one.example.org"), ALICE, True)
BOBS_DM = RoomView(RoomId("!bob:two.example.org"), BOB, True)
ROOM = RoomView(RoomId("!room:one.example.org"), None, True)
CATALOGUE = Catalogue.load(strict=True)


@dataclass
class Answer:
    event: Inbound
    room: RoomView
    person: Person
    reply: Reply

    @property
    def body(self) -> str:
        messages = [part for part in self.reply.parts if isinstance(part, Message)]
        return "\n".join(render(m, self.person.language, self.person.time_zone, CATALOGUE)["body"] for m in messages)


@dataclass
class Recorder:
    """What the pipeline hands to delivery, once its transaction is committed."""

    answers: list[Answer] = field(default_factory=list)
    copies: dict[EventId, SentCopy] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    withdrawn: list[tuple[str, int]] = field(default_factory=list)
    released: list[PersonId] = field(default_factory=list)
    failing: bool = False

    def answer(
        self, tx: Tx, event: Inbound, room: RoomView, person: Person, reply: Reply, *, since: int | None = None
    ) -> None:
        if self.failing:
            raise RuntimeError("alice wrote: secret")
        tx.after_commit(lambda: self.answers.append(Answer(event, room, person, reply)))

    def message(self, tx: Tx, person: Person, message: Message) -> None:
        tx.after_commit(lambda: self.messages.append(message))

    def is_out(self, tx: Tx, person_id: PersonId, kind: str, ref_id: int) -> bool:
        refs = [part.copy for answer in self.answers for part in answer.reply.parts if isinstance(part, Message)]
        return CopyRef(kind, ref_id) in refs and (kind, ref_id) not in self.withdrawn

    def is_sent(self, tx: Tx, person_id: PersonId, kind: str, ref_id: int) -> bool:
        return SentCopy(CopyRef(kind, ref_id), person_id) in self.copies.values()

    def withdraw(self, tx: Tx, kind: str, ref_id: int) -> int:
        self.withdrawn.append((kind, ref_id))
        return 1

    def release(self, tx: Tx, *, person_id: PersonId) -> None:
        self.released.append(person_id)

    def find_copy(self, tx: Tx, account: AccountId, room_id: RoomId, event_id: EventId) -> SentCopy | None:
        return self.copies.get(event_id)

    def tell_gone(self, tx: Tx, account: AccountId, room_id: RoomId, event_id: EventId) -> bool:
        return True

    def take(self) -> list[str]:
        """Bodies of the answers since the last call, greetings apart."""
        bodies = [answer.body for answer in self.answers if answer.reply.parts != (OPENING,)]
        self.answers.clear()
        return bodies


@dataclass
class World:
    db: Database
    pipeline: Pipeline
    delivery: Recorder
    people: People
    logs: LogCapture
    calls: list[tuple[Any, ...]]
    number: int = 0

    session: dict[str, Any] = field(default_factory=dict)
    """What is known of the session that is spoken from, as fields of `Origin`."""

    def origin(self, sender: UserId, room: RoomView, event_id: str | None, encrypted: bool = True) -> Origin:
        self.number += 1
        named = EventId(event_id or f"${self.number}")
        return Origin(ACCOUNT, room.room_id, named, sender, 0, encrypted, **(self.session if encrypted else {}))

    async def text(
        self,
        body: str,
        *,
        sender: UserId = ALICE,
        room: RoomView = DM,
        id: str | None = None,
        reply_to: str | None = None,
        thread: str | None = None,
        mentioned: bool = False,
        encrypted: bool = True,
        outside: bool = False,
    ) -> list[str]:
        relation = Relation(EventId(reply_to) if reply_to else None, EventId(thread) if thread else None, outside)
        origin = self.origin(sender, room, id, encrypted)
        return await self.send(TextMessage(origin, body, relation, mentioned), room)

    async def edit(
        self,
        target: str,
        body: str,
        *,
        sender: UserId = ALICE,
        room: RoomView = DM,
        id: str | None = None,
        outside: bool = False,
        encrypted: bool = True,
    ) -> list[str]:
        origin = self.origin(sender, room, id, encrypted)
        return await self.send(EditedMessage(origin, EventId(target), body, outside), room)

    async def react(self, target: str, key: str, *, sender: UserId = ALICE, room: RoomView = DM) -> list[str]:
        return await self.send(Reaction(self.origin(sender, room, None, False), EventId(target), key), room)

    async def redact(self, target: str, *, sender: UserId = ALICE, room: RoomView = DM) -> list[str]:
        return await self.send(Redaction(self.origin(sender, room, None, False), EventId(target)), room)

    async def picture(self, caption: str, *, room: RoomView = DM, id: str | None = None) -> list[str]:
        file = EncryptedFile("mxc://one.example.org/x", "key", "iv", "hash")
        return await self.send(PictureMessage(self.origin(ALICE, room, id), caption, file, "image/png", 3), room)

    async def other(self, what: str, room: RoomView = DM) -> list[str]:
        return await self.send(OtherMessage(self.origin(ALICE, room, None), what), room)

    async def opened(self, room: RoomView = DM) -> None:
        await self.pipeline.handle(DmOpened(self.origin(UserId("@bot:one.example.org"), room, None)), room)

    async def send(self, event: Inbound, room: RoomView) -> list[str]:
        await self.pipeline.handle(event, room)
        return self.delivery.take()

    def copy(self, event_id: str, kind: str, ref_id: int, sender: UserId = ALICE) -> None:
        """Pretend that the bot had sent this copy to the person."""
        person = self.db.run_sync(lambda tx: self.people.ensure(tx, sender))
        self.delivery.copies[EventId(event_id)] = SentCopy(CopyRef(kind, ref_id), person.id)

    def last(self) -> tuple[Any, ...]:
        """What a handler or hook noted last."""
        return self.calls[-1]

    def rows(self, statement: str) -> list[Any]:
        return self.db.run_sync(lambda tx: list(tx.sql(statement).all()))


def commands(calls: list[tuple[Any, ...]]) -> list[Command]:
    """Commands that leave traces in the database and in `calls`."""

    def post(request: Request) -> Reply:
        calls.append(("post", request.args["text"], request.prepared))
        sources.record_request(request, "moment", 7)
        return Reply.text("pong", personal=False)

    def add(request: Request) -> Reply:
        calls.append(("add", request.args["who"]))
        return Reply.text("language-set")

    def refuse(request: Request) -> Reply:
        sources.record_request(request, "moment", 8)
        raise UserError("timezone-unknown", name=request.args["name"])

    def crash(request: Request) -> Reply:
        sources.record_request(request, "moment", 9)
        raise RuntimeError("alice wrote: secret")

    return [
        Command("post", (Param("text", (Kind.REST,)),), post, picture=True),
        Command("friend add", (Param("who", (Kind.USER, Kind.NUMBER)),), add),
        Command("refuse", (Param("name", (Kind.REST,)),), refuse),
        Command("crash", (), crash, hidden=True),
    ]


def hooks(calls: list[tuple[Any, ...]]) -> Hooks:
    def said(name: str) -> Any:
        def hook(request: Request, *details: Any) -> Reply:
            calls.append((name, request.person.user_id, *details))
            return Reply.text("pong")

        return hook

    return Hooks(
        on_reply={"moment": said("reply")},
        on_reaction={"moment": said("reaction")},
        on_choice={"friend": said("choice"), "taste": said("choice"), "menu": said("choice")},
        menus=frozenset({"menu"}),
        harmless_choices=frozenset({"taste"}),
        on_redaction={"moment": said("redaction")},
        on_edit={"moment": said("edit")},
        on_opened=(lambda tx, person: calls.append(("opened", person.user_id)),),
    )


@asynccontextmanager
async def world(
    *,
    capacity: int = 1000,
    pictures: PicturePreparer | None = None,
    clock: Any = None,
    prefix: str = "!",
    people: People | None = None,
    unsigned: str = "warn",
) -> AsyncIterator[World]:
    db = Database.open("sqlite://", vault=new_vault())
    create_tables(db)
    db.run_sync(
        lambda tx: tx.sql("INSERT INTO accounts (id, user_id, instance, created_at) VALUES (1, '@bot:x', 'i', 0)")
    )
    calls: list[tuple[Any, ...]] = []
    people = people or People()
    delivery = Recorder()
    logs = LogCapture()
    rate = Rate(capacity, 60)
    quotas = Quotas(rate, Rate(10_000, 10_000), **({"clock": clock} if clock else {}))
    pipeline = Pipeline(
        db,
        build_registry(commands(calls), people, CATALOGUE),
        hooks(calls),
        delivery,
        people,
        quotas,
        prefix,
        pictures,
        structlog.wrap_logger(structlog.PrintLogger(), processors=[logs]),
        unsigned,
    )
    try:
        yield World(db, pipeline, delivery, people, logs, calls)
    finally:
        await db.close()


def say(message_id: str, language: str = "en", **args: Any) -> str:
    """A text of the catalogue, as a person reads it."""
    return CATALOGUE.format(language, Text(message_id, args))
