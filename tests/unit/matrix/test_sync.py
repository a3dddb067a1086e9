"""Batches of /sync: gaps, chats that open again; keys that come late, in part, or from others; people who leave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import vodozemac
from structlog.testing import capture_logs

from bridge.chat.inbound import DmOpened, Readable, TextMessage, Unreadable
from bridge.db import Database
from bridge.db.engine import now_ms
from bridge.ids import RoomId, UserId
from bridge.matrix.debts import Lacking
from bridge.matrix.late import LateKeys
from bridge.matrix.machine import MEGOLM
from bridge.matrix.outbound import GroupSession
from bridge.matrix.rooms import Rooms, write_rooms
from bridge.matrix.seal import Sealer
from bridge.matrix.sync import Batch, SyncReader
from tests.unit.matrix.conftest import STORE_KEY, Device, make_late, make_reader, make_rooms
from tests.unit.matrix.fake_homeserver import FakeHomeserver

ROOM = RoomId("!room:example.org")
ALICE, CAROL = UserId("@alice:example.org"), UserId("@carol:example.org")
ROTATION = (7 * 24 * 3600 * 1000, 100)

Make = Callable[[str], Device]


def member(user: str, membership: str) -> dict[str, Any]:
    return {"type": "m.room.member", "state_key": user, "sender": user, "content": {"membership": membership}}


@pytest.fixture
def reader(device: Callable[[str], Device], homeserver: FakeHomeserver) -> tuple[SyncReader, Rooms]:
    """The reader of a bot that has a DM with Alice."""
    bot = device("bot")
    rooms = Rooms(bot.store.account, bot.user_id, Sealer(STORE_KEY))
    room = rooms.ensure(ROOM)
    room.joined, room.encryption, room.members = True, {"algorithm": MEGOLM}, {bot.user_id: "join", ALICE: "join"}
    late = LateKeys(bot.store.account, 10**9, 10**9, Sealer(STORE_KEY))
    made = SyncReader(
        *(bot.store.account, bot.user_id, homeserver, bot.store, bot.keys, rooms),
        max_backfill=250,
        late=late,
        hear=lambda heard: None,
    )
    return made, rooms


def joined(token: str, *events: dict[str, Any], **timeline: Any) -> dict[str, Any]:
    return {"next_batch": token, "rooms": {"join": {ROOM: {"timeline": {"events": list(events), **timeline}}}}}


async def test_a_chat_opens_anew_each_time_that_a_third_member_goes(reader: tuple[SyncReader, Rooms]) -> None:
    facts = []
    for number in range(3):
        batch = await reader[0].read(joined(f"in{number}", member(CAROL, "join")), "s")
        assert batch.events == []
        answer = joined(f"out{number}", member(CAROL, "leave"))
        batch = await reader[0].read(answer, "s")
        [opened] = batch.events
        assert isinstance(opened, DmOpened)
        assert opened.origin.sender == ALICE
        facts.append(opened.origin.event_id)
    assert len(set(facts)) == 3


async def test_what_is_said_in_a_room_has_nothing_written_about_the_room(
    reader: tuple[SyncReader, Rooms], database: Database
) -> None:
    read, rooms = reader

    def written() -> int:
        return int(database.run_sync(lambda tx: tx.sql("SELECT COUNT(*) FROM rooms").scalar_one()))

    own = {"type": "m.room.encrypted", "sender": rooms.me, "event_id": "$own", "content": {}}
    rooms.take_changes()
    await read.read(joined("said", own), "s")
    assert written() == 0
    await read.read(joined("came", own, member(CAROL, "join")), "s")
    assert written() == 1
    rooms.forget(ROOM)
    rooms.take_changes()
    await read.read(joined("again", member(rooms.me, "join")), "s")
    room = rooms.get(ROOM)
    assert room is not None
    assert room.joined


async def test_an_invite_that_comes_once_more_after_the_join_changes_nothing(
    reader: tuple[SyncReader, Rooms],
) -> None:
    """Seen of Synapse: the state before an event that was said on another branch of the room's history."""
    read, rooms = reader
    stale = {"state": {"events": [member(rooms.me, "invite")]}, "timeline": {"events": []}}
    batch = await read.read({"next_batch": "t", "rooms": {"join": {ROOM: stale}}}, "s")
    room = rooms.get(ROOM)
    assert room is not None
    assert room.joined
    assert room.dm_with(rooms.me) == ALICE
    assert batch.events == []
    await read.read({"next_batch": "u", "rooms": {"leave": {ROOM: {}}}}, "t")
    left = rooms.get(ROOM)
    assert left is None or not left.joined


async def test_a_room_of_many_that_an_invite_called_a_private_chat_is_noticed(
    reader: tuple[SyncReader, Rooms], homeserver: FakeHomeserver
) -> None:
    read, rooms = reader
    bot = member(rooms.me, "join")
    for number, (direct, others, found) in enumerate(
        [(True, [ALICE, CAROL], True), (True, [ALICE], False), (False, [ALICE, CAROL], False), (True, [], False)]
    ):
        room_id = RoomId(f"!{number}:example.org")
        rooms.ensure(room_id).invite = {"sender": ALICE, "direct": direct}
        answer = {
            "next_batch": "n",
            "rooms": {"join": {room_id: {"state": {"events": [member(o, "join") for o in others]}}}},
        }
        answer["rooms"]["join"][room_id]["timeline"] = {"events": [bot]}  # type: ignore[index]
        batch = await read.read(answer, "s")
        assert batch.crowded == ([(room_id, ALICE)] if found else [])
        batch = await read.read(
            {"next_batch": "n", "rooms": {"join": {room_id: {"timeline": {"events": [member(CAROL, "invite")]}}}}}, "s"
        )
        assert batch.crowded == []  # they came later


async def test_who_leaves_gets_no_key_any_more_of_what_they_could_not_read(
    reader: tuple[SyncReader, Rooms], device: Make
) -> None:
    read, rooms = reader
    store = read._store
    rooms.ensure(ROOM).members[CAROL] = "join"
    lacking: Lacking = {ALICE: {"": 0}, CAROL: {"": 0}}
    session = GroupSession(ROOM, vodozemac.GroupSession(), now_ms(), lacking=dict(lacking), kept={0: "key"})
    store.save_outbound(session)
    store.drop_outbound(ROOM)
    assert [debt.lacking.keys() for debt in store.debts[ROOM]] == [lacking.keys()]
    await read.read(joined("n", member(CAROL, "leave"), member(CAROL, "join")), "s")
    assert [debt.lacking.keys() for debt in store.debts[ROOM]] == [lacking.keys()], "they were never gone for us"
    await read.read(joined("n", member(CAROL, "leave")), "s")
    assert [debt.lacking.keys() for debt in store.debts[ROOM]] == [{ALICE}]
    await read.read({"next_batch": "n", "rooms": {"leave": {ROOM: {}}}}, "s")
    assert store.debts == {}


@pytest.mark.parametrize(("pages", "cut"), [(2, False), (9, True)])
async def test_a_gap_that_is_too_long_is_said(
    reader: tuple[SyncReader, Rooms], homeserver: FakeHomeserver, monkeypatch: pytest.MonkeyPatch, pages: int, cut: bool
) -> None:
    async def page(method: str, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        if not path.endswith("/messages"):
            return {}
        number = int(options["params"]["from"])
        chunk = [{"type": "m.reaction", "event_id": f"${number}.{n}"} for n in range(100)]
        return {"chunk": chunk, **({"end": str(number + 1)} if number < pages - 1 else {})}

    monkeypatch.setattr(homeserver, "request", page)
    with capture_logs() as logs:
        await reader[0].read(joined("n", limited=True, prev_batch="0"), "s")
    said = [entry for entry in logs if entry["event"].startswith("a gap was filled in part only")]
    assert [entry["events"] for entry in said] == ([300] if cut else [])


def test_the_notice_about_encryption_is_remembered_when_the_bot_is_thrown_out(
    device: Callable[[str], Device], database: Database
) -> None:
    bot = device("bot")
    rooms = Rooms(bot.store.account, bot.user_id, Sealer(STORE_KEY))
    for number in range(1_100):
        room = rooms.ensure(RoomId(f"!{number}:example.org"))
        room.joined, room.noticed, room.members = True, True, {bot.user_id: "join", ALICE: "join"}
        rooms.forget(room.room_id)
    rooms.ensure(ROOM).joined = True
    rooms.forget(ROOM)
    rows = rooms.take_changes()
    database.run_sync(lambda tx: write_rooms(tx, bot.store.account, rows))
    rooms = Rooms(bot.store.account, bot.user_id, Sealer(STORE_KEY))
    database.run_sync(rooms.load)
    assert rooms.get(ROOM) is None
    assert rooms.get(RoomId("!99:example.org")) is None  # so many are remembered, no more
    last = rooms.ensure(RoomId("!1099:example.org"))
    assert (last.noticed, last.joined, last.members) == (True, False, {})
    assert len(rooms._rooms) == 1_000


class Chat:
    """The bot's DM with Alice, and what a homeserver would bring of it."""

    def __init__(self, bot: Device, alice: Device, homeserver: FakeHomeserver) -> None:
        self.bot, self.alice, self.homeserver = bot, alice, homeserver
        self.rooms: Rooms = make_rooms(bot)
        room = self.rooms.ensure(ROOM)
        room.joined, room.encryption = True, {"algorithm": MEGOLM}
        room.members = {bot.user_id: "join", alice.user_id: "join"}
        self.reader: SyncReader = make_reader(bot, homeserver, self.rooms, make_late(bot, notice_ms=0))
        self.first_key = ""
        """The session key as it was shared first."""
        self._events = 0

    async def says(self, text: str) -> dict[str, Any]:
        """Something that Alice says; the key goes to the bot's device as far as it lacks it."""
        session = await self.alice.keys.session_for(ROOM, [self.bot.user_id, self.alice.user_id], ROTATION)
        self.first_key = self.first_key or session.session.session_key.to_base64()
        content = {"msgtype": "m.text", "body": text}
        return self.event(self.alice.machine.encrypt_event(session, "m.room.message", content))

    def event(self, content: dict[str, Any]) -> dict[str, Any]:
        self._events += 1
        return {
            "type": "m.room.encrypted",
            "sender": self.alice.user_id,
            "event_id": f"${self._events}",
            "origin_server_ts": 1,
            "content": content,
        }

    def key(self, sender: Device | None = None, **changed: str) -> dict[str, Any]:
        """The to-device event that gives the bot the room key of Alice's session: as it is now, or changed."""
        sender = sender or self.alice
        session = self.alice.store.outbound[ROOM]
        device = sender.machine.device_store[self.bot.user_id]["BOT"]
        olm = sender.machine.session_store.get(device.curve25519)
        content = {
            "algorithm": MEGOLM,
            "room_id": ROOM,
            "session_id": session.session.session_id,
            "session_key": session.session.session_key.to_base64(),
            **changed,
        }
        sent = sender.machine._olm_encrypt(olm, device, "m.room_key", content)
        return {"type": "m.room.encrypted", "sender": sender.user_id, "content": sent}

    async def sync(self, *events: dict[str, Any], to_device: list[dict[str, Any]] | None = None, **more: Any) -> Batch:
        rooms = {"join": {ROOM: {"timeline": {"events": list(events)}}}} if events else {}
        answer = {"next_batch": "n", "to_device": {"events": to_device or []}, "rooms": rooms, **more}
        return await self.reader.read(answer, "s")

    def sent_keys(self) -> list[dict[str, Any]]:
        """What Alice sent to the bot's device."""
        taken = [messages[self.bot.user_id].pop("BOT") for messages in self.homeserver.to_device]
        self.homeserver.to_device.clear()
        return [{"type": "m.room.encrypted", "sender": self.alice.user_id, "content": content} for content in taken]


@pytest.fixture
async def chat(device: Make, homeserver: FakeHomeserver) -> Chat:
    return Chat(device("bot"), device("alice"), homeserver)


def kinds(batch: Batch) -> list[type]:
    return [type(event) for event in batch.events]


async def test_a_key_that_starts_too_late_solves_nothing(chat: Chat) -> None:
    first = await chat.says("one")
    whole = chat.sent_keys()
    from_here_on = chat.key()
    assert kinds(await chat.sync(first)) == [Unreadable]
    assert kinds(await chat.sync(to_device=[from_here_on])) == [], "the notice stays: it is still unreadable"
    batch = await chat.sync(to_device=whole)
    (said,) = batch.events
    assert isinstance(said, TextMessage)
    assert said.body == "one"
    chat.reader.handled(said)
    assert kinds(await chat.sync()) == [Readable]


async def test_what_turns_out_to_be_damaged_is_not_solved_either(chat: Chat) -> None:
    first = await chat.says("one")
    first["content"]["ciphertext"] = first["content"]["ciphertext"][:-8] + "AAAAAAAA"
    whole = chat.sent_keys()
    assert kinds(await chat.sync(first)) == [Unreadable]
    assert kinds(await chat.sync(to_device=whole)) == []
    assert not chat.reader.late._waiting


async def test_somebody_who_passes_a_key_on_as_their_own_costs_its_owner_no_message(
    chat: Chat, device: Make, homeserver: FakeHomeserver
) -> None:
    first = await chat.says("one")
    whole = chat.sent_keys()
    mallory = device("mallory")
    await mallory.keys.session_for(RoomId("!other:example.org"), [chat.bot.user_id], ROTATION)
    homeserver.to_device.clear()
    stolen = chat.key(mallory, session_key=chat.first_key)  # Mallory is in the room and has it as well
    batch = await chat.sync(first, to_device=[stolen])
    assert TextMessage not in kinds(batch), "nobody's words are taken for Alice's on Mallory's word"
    (said,) = [e for e in (await chat.sync(to_device=whole)).events if isinstance(e, TextMessage)]
    assert said.body == "one"


def withheld(chat: Chat, session_id: str, code: str = "m.unverified", sender: str | None = None) -> dict[str, Any]:
    content = {"algorithm": MEGOLM, "room_id": ROOM, "session_id": session_id, "sender_key": "x", "code": code}
    return {"type": "m.room_key.withheld", "sender": sender or chat.alice.user_id, "content": content}


async def test_that_a_key_is_withheld_is_said_when_it_comes_after_the_notice(chat: Chat, device: Make) -> None:
    first, second = await chat.says("one"), await chat.says("two")
    session_id = first["content"]["session_id"]
    (notice, other) = (await chat.sync(first, second)).events
    assert isinstance(notice, Unreadable)
    assert isinstance(other, Unreadable)
    assert not notice.withheld
    for nothing in (
        withheld(chat, session_id, code="m.no_olm"),
        withheld(chat, session_id, sender="@mallory:example.org"),
        withheld(chat, "A" * 43),
    ):
        assert kinds(await chat.sync(to_device=[nothing])) == []
    told = (await chat.sync(to_device=[withheld(chat, session_id)])).events
    assert [(type(e), e.withheld, e.origin.event_id) for e in told if isinstance(e, Unreadable)] == [
        (Unreadable, True, notice.origin.event_id),
        (Unreadable, True, other.origin.event_id),
    ]
    assert kinds(await chat.sync(to_device=[withheld(chat, session_id)])) == [], "once"
