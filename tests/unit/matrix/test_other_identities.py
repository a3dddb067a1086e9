"""Identities of other people that change, and sessions that nobody signed: what the bot makes of them on the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bridge.chat.inbound import NO_ROOM, IdentityChanged, Inbound, Origin, RoomView, TextMessage
from bridge.db import Database
from bridge.delivery.ports import Later, Outgoing
from bridge.ids import AccountId, DeviceId, EventId, RoomId, UserId
from bridge.matrix.account import Handle, MatrixAccount
from bridge.matrix.account_settings import AccountSettings
from bridge.matrix.cross_signing import CrossSigningKeys
from bridge.matrix.late import LateKeys
from bridge.matrix.machine import MEGOLM
from bridge.matrix.rooms import Rooms
from bridge.matrix.seal import Sealer
from bridge.matrix.sync import Batch, SyncReader
from tests.unit.matrix.conftest import STORE_KEY, Device, open_device, publish
from tests.unit.matrix.fake_homeserver import FakeHomeserver

Make = Callable[[str], Device]
ALICE, BOT = UserId("@alice:example.org"), UserId("@bot:example.org")
DM = RoomId("!dm:example.org")
ROTATION = (7 * 24 * 3600 * 1000, 100)


class IdentityHomeserver(FakeHomeserver):
    """As the fake one; people have identities."""

    def __init__(self) -> None:
        super().__init__()
        self.identities: dict[str, CrossSigningKeys] = {}

    def sign(self, device: Device) -> None:
        """Its owner verifies a device."""
        keys = self.device_keys[device.user_id][device.machine.device_id]
        self.device_keys[device.user_id][device.machine.device_id] = self.identities[device.user_id].self_signing.sign(
            keys, device.user_id
        )

    async def request(self, method: str, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        answer = await super().request(method, path, body, **options)
        if path.endswith("/keys/query"):
            bodies = {user: keys.upload_body(UserId(user)) for user, keys in self.identities.items()}
            for usage in ("master", "self_signing"):
                answer[f"{usage}_keys"] = {user: both[f"{usage}_key"] for user, both in bodies.items()}
        return answer


@pytest.fixture
def homeserver() -> IdentityHomeserver:
    return IdentityHomeserver()


class World:
    """The bot in a DM with Alice, and in a room with her and others."""

    def __init__(self, database: Database, homeserver: IdentityHomeserver) -> None:
        self.database, self.homeserver = database, homeserver
        self.bot = open_device(database, homeserver, "bot")
        publish(self.bot, homeserver)
        self.rooms = Rooms(self.bot.store.account, BOT, Sealer(STORE_KEY))
        self.guarded: set[str] = set()
        self.reader = self.start()
        self.alice = self.device("alice")
        homeserver.identities[ALICE] = CrossSigningKeys.generate()
        homeserver.sign(self.alice)
        self.events = 0

    def start(self) -> SyncReader:
        return SyncReader(
            self.bot.store.account,
            BOT,
            self.homeserver,
            self.bot.store,
            self.bot.keys,
            self.rooms,
            max_backfill=100,
            late=LateKeys(self.bot.store.account, 10**9, 10**9, Sealer(STORE_KEY)),
            hear=lambda heard: None,
            guards=lambda user: user in self.guarded,
        )

    def device(self, name: str) -> Device:
        """Another device of Alice, published and not signed."""
        made = open_device(self.database, self.homeserver, name)
        made.user_id = made.machine.user_id = ALICE
        body = made.machine.upload_body(None, False)
        assert body is not None
        self.homeserver.add_device(body)
        return made

    def enter(self, room_id: RoomId, *others: str) -> None:
        room = self.rooms.ensure(room_id)
        room.joined, room.encryption = True, {"algorithm": MEGOLM}
        room.members = dict.fromkeys((BOT, ALICE, *others), "join")

    async def says(self, device: Device, room_id: RoomId, body: str) -> dict[str, Any]:
        """A sync answer with a message of a device, and with its room key."""
        self.homeserver.to_device.clear()
        session = await device.keys.session_for(room_id, [BOT], ROTATION)
        content = device.machine.encrypt_event(session, "m.room.message", {"msgtype": "m.text", "body": body})
        self.events += 1
        event = {
            "type": "m.room.encrypted",
            "sender": ALICE,
            "event_id": f"${self.events}",
            "origin_server_ts": 1,
            "content": content,
        }
        keys = [
            {"type": "m.room.encrypted", "sender": ALICE, "content": sent[BOT]["BOT"]}
            for sent in self.homeserver.to_device
            if BOT in sent
        ]
        return {
            "next_batch": "n",
            "device_lists": {"changed": [ALICE]},
            "to_device": {"events": keys},
            "rooms": {"join": {room_id: {"timeline": {"events": [event]}}}},
        }

    async def read(self, answer: dict[str, Any]) -> Batch:
        return await self.reader.read(answer, "s")


@pytest.fixture
async def world(database: Database, homeserver: IdentityHomeserver) -> World:
    world = World(database, homeserver)
    world.enter(DM)
    batch = await world.read(await world.says(world.alice, DM, "hello"))
    assert [type(event) for event in batch.events] == [TextMessage]
    assert batch.identities == []
    return world


async def reset(world: World) -> Device:
    """Somebody with Alice's password resets her identity, and signs a device of their own."""
    world.homeserver.identities[ALICE] = CrossSigningKeys.generate()
    mallory = world.device("mallory")
    world.homeserver.sign(mallory)
    return mallory


async def test_a_reset_identity_comes_with_the_first_message_under_it(world: World) -> None:
    mallory = await reset(world)
    batch = await world.read(await world.says(mallory, DM, "privacy recovery off"))
    [message], [changed] = batch.events, batch.identities
    assert isinstance(message, TextMessage)
    assert (message.origin.unsigned_ms, message.origin.signed_at) == (0, None)
    assert (changed.origin.sender, changed.origin.room_id) == (ALICE, DM)
    # Until it has been handled it comes again, also after a restart; and then no more.
    assert [c.origin.event_id for c in (await world.read({"next_batch": "n"})).identities] == [changed.origin.event_id]
    world.reader = world.start()
    assert [c.origin.event_id for c in (await world.read({"next_batch": "n"})).identities] == [changed.origin.event_id]
    world.reader.handled(changed)
    assert (await world.read({"next_batch": "n"})).identities == []


async def test_a_reset_without_a_chat_counts(world: World) -> None:
    room = RoomId("!room:example.org")
    world.enter(room, "@bob:example.org")
    world.rooms.forget(DM)
    mallory = await reset(world)
    batch = await world.read(await world.says(mallory, room, "!privacy recovery off"))
    assert [(c.origin.sender, c.origin.room_id) for c in batch.identities] == [(ALICE, NO_ROOM)]


@pytest.mark.parametrize("at_once", [True, False], ids=["in one sync", "in two"])
async def test_who_leaves_and_comes_back_is_known_by_the_old_identity(world: World, at_once: bool) -> None:
    world.guarded.add(ALICE)
    left: dict[str, Any] = {"rooms": {"leave": {DM: {}}}}
    lists: dict[str, Any] = {"device_lists": {"left": [ALICE]}}
    for part in [{**left, **lists}] if at_once else [left, lists]:
        await world.read({"next_batch": "n", **part})
    mallory = await reset(world)
    world.enter(DM)
    batch = await world.read(await world.says(mallory, DM, "feed"))
    assert [c.origin.sender for c in batch.identities] == [ALICE]


async def test_who_leaves_is_forgotten(world: World) -> None:
    await world.read({"next_batch": "n", "rooms": {"leave": {DM: {}}}, "device_lists": {"left": [ALICE]}})
    assert ALICE not in world.bot.store.users


async def test_an_identity_that_changes_again_while_it_is_handled_is_told_too(world: World) -> None:
    [first] = (await world.read(await world.says(await reset(world), DM, "one"))).identities
    world.homeserver.identities[ALICE] = CrossSigningKeys.generate()
    world.bot.store.save_user(ALICE, outdated=True)
    await world.bot.keys.query([ALICE])
    world.reader.handled(first)
    [second] = (await world.read({"next_batch": "n"})).identities
    assert second.origin.event_id != first.origin.event_id


async def test_unsigned_devices_of_guarded_people_get_no_keys(world: World) -> None:
    phone = world.device("phone")
    world.bot.store.save_user(ALICE, outdated=True)
    await world.bot.keys.query([ALICE])
    machine = world.bot.machine
    machine.guards = lambda user: user in world.guarded

    def split() -> tuple[set[str], set[str]]:
        gets, lacks = machine.devices_of([ALICE]), machine.excluded([ALICE])
        return {d.device_id for d in gets}, {d.device_id for d in lacks}

    assert split() == ({"ALICE", "PHONE"}, set())
    world.guarded.add(ALICE)
    assert split() == ({"ALICE"}, {"PHONE"})
    world.homeserver.sign(phone)
    world.bot.store.save_user(ALICE, outdated=True)
    await world.bot.keys.query([ALICE])
    assert split() == ({"ALICE", "PHONE"}, set())


async def test_what_is_remembered_of_strangers_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.matrix.opening._MAX_REMEMBERED", 5)
    reader = world.start()
    for number in range(20):
        await reader.opener._unsigned_ms(UserId(f"@{number}:example.org"), "DEVICE")
    assert len(reader.opener._unsigned) == len(reader.opener._rechecked) == 5


class Running:
    """An account that runs over syncs that a test makes up."""

    def __init__(self, database: Database, homeserver: FakeHomeserver, handle: Handle, *batches: Batch) -> None:
        settings = AccountSettings(BOT)
        self.account = MatrixAccount(
            database,
            homeserver,
            Sealer(STORE_KEY),
            settings,
            handle,
            lambda user, direct: False,
            guards=lambda user: user == ALICE,
        )
        self.account._adopt(DeviceId("BOT"))
        self.batches = list(batches)
        self.account._sync_once = self._sync_once  # type: ignore[method-assign]

    async def _sync_once(self, since: str | None, first: bool) -> Batch:
        if not self.batches:
            await asyncio.Event().wait()
        return self.batches.pop()

    async def until(self, holds: Callable[[], bool]) -> None:
        running = asyncio.create_task(self.account.run(lambda: None))
        try:
            async with asyncio.timeout(10):
                while not holds():  # noqa: ASYNC110 - nobody announces it
                    await asyncio.sleep(0.01)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_an_identity_is_handled_before_anything_of_its_batch(
    database: Database, homeserver: IdentityHomeserver
) -> None:
    done: list[str] = []
    failed = False

    async def handle(event: Inbound, room: RoomView) -> None:
        nonlocal failed
        if isinstance(event, IdentityChanged) and not failed:
            failed = True
            raise OSError("the database is away")
        done.append(type(event).__name__)

    origin = Origin(AccountId(1), DM, EventId("$1"), ALICE, 1, True)
    batch = Batch("t", [TextMessage(origin, "privacy recovery off")], [IdentityChanged(origin)])
    await Running(database, homeserver, handle, batch).until(lambda: len(done) == 2)
    assert done == ["IdentityChanged", "TextMessage"]


async def test_a_reset_that_is_found_when_writing_is_handled_before_anything_is_sent(
    database: Database, homeserver: IdentityHomeserver
) -> None:
    def sent() -> list[str]:
        return [path for _, path, _ in homeserver.requests if "/send/" in path]

    handled: list[tuple[UserId, list[str]]] = []

    async def handle(event: Inbound, room: RoomView) -> None:
        assert isinstance(event, IdentityChanged)
        handled.append((event.origin.sender, sent()))

    running = Running(database, homeserver, handle)
    account = running.account
    account._equipped = True
    room = account.rooms.ensure(DM)
    room.joined, room.encryption, room.members = True, {"algorithm": MEGOLM}, dict.fromkeys((BOT, ALICE), "join")
    outgoing = Outgoing(account.id, DM, "t", {"msgtype": "m.text", "body": "secret"}, ALICE, None)
    homeserver.identities[ALICE] = CrossSigningKeys.generate()
    publish(open_device(database, homeserver, "alice"), homeserver)
    account._equipped = True
    await account.sender.send(outgoing)
    assert len(sent()) == 1
    homeserver.requests.clear()

    homeserver.identities[ALICE] = CrossSigningKeys.generate()
    account._store.save_user(ALICE, outdated=True)
    with pytest.raises(Later):
        await account.sender.send(outgoing)
    assert sent() == []
    await running.until(lambda: bool(handled))
    assert handled == [(ALICE, [])]
    await account.sender.send(outgoing)
    assert len(sent()) == 1
