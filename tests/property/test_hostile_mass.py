"""Ten thousand malformed events, from a stranger and from somebody with a chat: nothing breaks and nothing grows."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import vodozemac

from bridge.db import Database
from bridge.db.tables import metadata
from bridge.ids import RoomId, UserId
from bridge.matrix import machine as machine_module
from bridge.matrix.machine import MEGOLM
from bridge.matrix.sender import RoomSender
from bridge.matrix.signing import unpadded
from bridge.matrix.sync import SyncReader
from bridge.matrix.verification import Verification, VerificationSettings
from tests.e2e import attacks
from tests.schema import create_tables
from tests.unit.matrix.conftest import Device, make_late, make_rooms, open_device, publish
from tests.unit.matrix.fake_homeserver import FakeHomeserver
from tests.unit.matrix.test_strangers import greeting

pytestmark = [pytest.mark.property, pytest.mark.hostile]

ROOM = RoomId("!room:example.org")
STRANGER = UserId("@mallory:example.com")
BATCHES, BATCH = 100, 100
WARM = 30
"""Batches after which everything that has a bound should have reached it."""

SMALL = {
    "_MAX_STRANGERS": 40,
    "_MAX_STRANGERS_KEYS": 5,
    "_MAX_SESSIONS_PER_SENDER": 60,
    "_MAX_SESSIONS_PER_SENDER_AND_ROOM": 40,
    "_MAX_WITHHELD": 100,
}


async def is_copy(event_id: str) -> bool:
    return False


def opened(directory: Path, name: str) -> Database:
    database = Database.open(f"sqlite:///{directory / name}")
    create_tables(database)
    return database


class World:
    """The bot, with Alice's DM, and what Alice and a stranger need to write to it."""

    def __init__(self, directory: Path) -> None:
        self.databases = [opened(directory, "bot.db"), opened(directory, "others.db")]
        self.homeserver = FakeHomeserver()
        self.bot = self._device(0, "bot")
        self.alice = self._device(1, "alice")
        rooms = make_rooms(self.bot)
        room = rooms.ensure(ROOM)
        room.joined, room.encryption = True, {"algorithm": MEGOLM}
        room.members = {self.bot.user_id: "join", self.alice.user_id: "join"}
        sender = RoomSender(
            self.bot.user_id, self.homeserver, self.bot.store, rooms, lambda: self.bot.keys, int, 1, is_copy
        )
        self.verification = Verification(
            self.bot.user_id,
            self.homeserver,
            self.bot.store,
            rooms,
            sender,
            lambda: self.bot.keys,
            lambda: None,
            VerificationSettings(),
            lambda user: True,
        )
        self.late = make_late(self.bot, notice_ms=0)
        self.reader = SyncReader(
            self.bot.store.account,
            self.bot.user_id,
            self.homeserver,
            self.bot.store,
            self.bot.keys,
            rooms,
            max_backfill=100,
            late=self.late,
            hear=self.verification.hear,
        )

    def _device(self, which: int, name: str) -> Device:
        device = open_device(self.databases[which], self.homeserver, name)
        publish(device, self.homeserver)
        return device

    async def begin(self) -> None:
        for one, other in ((self.bot, self.alice), (self.alice, self.bot)):
            one.store.track(other.user_id)
            await one.keys.query()
        self.session = await self.alice.keys.session_for(ROOM, [self.bot.user_id], (10**12, 10**9))
        (messages,) = self.homeserver.to_device
        content = messages[self.bot.user_id]["BOT"]
        await self.read([{"type": "m.room.encrypted", "sender": self.alice.user_id, "content": content}], [])

    async def read(self, to_device: list[Any], timeline: list[Any]) -> None:
        """One sync, and the upkeep that follows each."""
        answer = {
            "next_batch": "n",
            "to_device": {"events": to_device},
            "rooms": {"join": {ROOM: {"timeline": {"events": timeline}}}},
        }
        for event in (await self.reader.read(json.loads(json.dumps(answer)), "s")).events:
            self.reader.handled(event)
        await self.bot.keys.repair()
        self.verification._heard.clear()  # its task would have taken them
        self.homeserver.requests.clear()
        self.homeserver.to_device.clear()

    def sizes(self) -> dict[str, int]:
        """How much every container holds that outlives a sync."""
        found: dict[str, int] = {}
        machine, store = self.bot.machine, self.bot.store
        for holder in (machine, store, store.usage, self.bot.keys, self.reader, self.late, self.verification):
            for name, value in vars(holder).items():
                value = getattr(value, "_entries", value)
                if hasattr(value, "__len__") and not isinstance(value, str | bytes):
                    found[f"{type(holder).__name__}.{name}"] = len(value)
        found["olm sessions"] = sum(map(len, machine.session_store._entries.values()))
        found["room keys"] = sum(1 for _ in machine.inbound_group_store)
        found["devices"] = sum(map(len, machine.device_store._entries.values()))
        return found

    def rows(self) -> dict[str, int]:
        def work(tx: Any) -> dict[str, int]:
            names = [table.name for table in metadata.sorted_tables]
            return {name: int(tx.sql(f"SELECT count(*) FROM {name}").scalar_one()) for name in names}

        return self.databases[0].run_sync(work)


def to_device(world: World, rng: random.Random) -> Iterator[dict[str, Any]]:
    """Events that come to the bot's device, without an end."""
    identity = world.bot.machine.account.identity_keys
    curve = identity["curve25519"]
    alices = world.alice.machine.account.identity_keys["curve25519"]
    real = greeting(world.bot, world.homeserver, STRANGER)["content"]
    contents = [("m.room.encrypted", c) for key in (alices, "C" * 43) for c in attacks.olm_garbage(curve, key, real)]
    contents += attacks.plain_to_device(ROOM)
    frame: dict[str, Any] = {"sender": world.alice.user_id, "recipient": world.bot.user_id}
    frame |= {"recipient_keys": {"ed25519": identity["ed25519"]}, "keys": {"ed25519": "A" * 43}}
    key = vodozemac.GroupSession()
    payloads = attacks.olm_payloads(frame, ROOM, key.session_id, key.session_key.to_base64())
    olm = world.alice.machine.session_store.get(curve)
    while True:
        sender = rng.choice([world.alice.user_id, STRANGER, f"@m{rng.randrange(10**6)}:example.com"])
        kind = rng.random()
        if kind < 0.1:
            yield greeting(world.bot, world.homeserver, sender)  # a made-up device, with a session that works
        elif kind < 0.2:
            made = vodozemac.GroupSession()  # a key that nobody needs, for a room that is none
            room = rng.choice([ROOM, f"!{rng.randrange(10**6)}:example.com"])
            content = {"algorithm": MEGOLM, "room_id": room, "session_id": made.session_id}
            content["session_key"] = made.session_key.to_base64()
            key_ = json.dumps({**frame, "type": "m.room_key", "content": content})
            yield over_olm(world, olm, alices, curve, key_ if rng.random() < 0.5 else rng.choice(payloads))
        elif kind < 0.3:
            withheld = {"code": "m.unverified", "room_id": ROOM, "algorithm": MEGOLM}
            withheld["session_id"] = f"{rng.randrange(10**9):043}"
            yield {"type": "m.room_key.withheld", "sender": sender, "content": withheld}
        else:
            event_type, content = rng.choice(contents)
            yield {"type": event_type, "sender": sender, "content": attacks.mutated(content, rng)}


def over_olm(world: World, olm: Any, sender_key: str, curve: str, payload: str) -> dict[str, Any]:
    kind, body = olm.encrypt(payload).to_parts()
    content = attacks.olm(curve, sender_key, kind, unpadded(bytes(body)))
    return {"type": "m.room.encrypted", "sender": world.alice.user_id, "content": content}


def in_room(world: World, rng: random.Random) -> Iterator[dict[str, Any]]:
    """Events of the room, without an end."""
    contents = attacks.room_contents("$own", "$foreign")
    payloads = attacks.raw_payloads(ROOM)
    session = world.session
    number = 0
    while True:
        number += 1
        kind, content = rng.choice(contents)
        event_type = "m.room.encrypted"
        if rng.random() < 0.3:
            event_type = kind
        elif rng.random() < 0.5:
            content = attacks.mutated(content, rng)
            content = world.alice.machine.encrypt_event(session, kind, content)
        elif rng.random() < 0.5:
            plain = rng.choice(payloads).encode("utf-8", "surrogatepass")
            content = {"algorithm": MEGOLM, "session_id": session.session.session_id}
            content["ciphertext"] = session.session.encrypt(plain).to_base64()
        else:
            content = {"algorithm": MEGOLM, "session_id": f"{rng.randrange(10**9):043}", "ciphertext": "A" * 500}
        yield {
            "type": event_type,
            "sender": rng.choice([world.alice.user_id, world.alice.user_id, STRANGER]),
            "event_id": f"${number}",
            "origin_server_ts": 1,
            "content": attacks.mutated(content, rng) if rng.random() < 0.5 else content,
        }


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(logging.getLogger("nio"), "disabled", True)  # what pytest keeps of its log grows
    monkeypatch.setattr(logging.root, "disabled", True)
    for name, value in SMALL.items():
        monkeypatch.setattr(machine_module, name, value)
    world = World(tmp_path)
    yield world
    for database in world.databases:
        database.close_sync()


async def test_ten_thousand_events(world: World) -> None:
    rng = random.Random(5)
    await world.begin()
    devices, timeline = to_device(world, rng), in_room(world, rng)
    warm: dict[str, int] = {}
    before = 0
    for batch in range(BATCHES):
        half = BATCH // 2
        await world.read([next(devices) for _ in range(half)], [next(timeline) for _ in range(half)])
        if batch == WARM:
            warm = world.sizes() | world.rows()
            gc.collect()
            tracemalloc.start()
            before = tracemalloc.get_traced_memory()[0]
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 8_000_000
    for name, size in (world.sizes() | world.rows()).items():
        if name == "Machine._seen":
            continue  # what was opened: bounded by 100,000
        assert size <= warm[name] + 30 or size <= 100, (name, warm[name], size)

    # And it still works.
    content = {"msgtype": "m.text", "body": "ping"}
    words = world.alice.machine.encrypt_event(world.session, "m.room.message", content)
    event = {"type": "m.room.encrypted", "sender": world.alice.user_id, "event_id": "$last", "content": words}
    answer = {"next_batch": "n", "rooms": {"join": {ROOM: {"timeline": {"events": [event | {"origin_server_ts": 1}]}}}}}
    batch_ = await asyncio.wait_for(world.reader.read(answer, "s"), 10)
    assert "ping" in [getattr(said, "body", None) for said in batch_.events]
