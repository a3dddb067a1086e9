"""Whatever a homeserver, another server or a stranger writes: no exception, and nothing that a database can't hold."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.chat.inbound import Origin
from bridge.db import Database
from bridge.ids import AccountId, EventId, RoomId, UserId
from bridge.matrix.events import origin, to_inbound
from bridge.matrix.late import LateKeys
from bridge.matrix.machine import MEGOLM
from bridge.matrix.rooms import Room, Rooms
from bridge.matrix.seal import Sealer
from bridge.matrix.sync import SyncReader
from tests.schema import create_tables
from tests.unit.matrix.conftest import STORE_KEY, Device, open_device, publish
from tests.unit.matrix.fake_homeserver import FakeHomeserver

pytestmark = [pytest.mark.property, pytest.mark.hostile]

ME = UserId("@bot:example.org")
ALICE = "@alice:example.org"
ROOM = RoomId("!room:example.org")

# Python strings may hold lone surrogates and NUL, as JSON may; SQLite and PostgreSQL can't store them all.
texts = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["", "\0", "\ud800", "\u202e", "$", "$a", "!a", ALICE, ME, ROOM, "m.text", "m.replace", "join"]),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def damaged(shape: Any) -> st.SearchStrategy[Any]:
    """Values like `shape`, in which any part may be missing or something else."""
    if isinstance(shape, dict):
        right: st.SearchStrategy[Any] = st.fixed_dictionaries(
            {}, optional={key: damaged(value) for key, value in shape.items()}
        )
    elif isinstance(shape, list):
        right = st.lists(st.one_of([damaged(item) for item in shape] or [values]), max_size=3)
    else:
        right = st.just(shape)
    return st.one_of(right, right, right, st.just(shape), values)


FILE = {"v": "v2", "url": "mxc://a/b", "key": {"alg": "A256CTR", "k": "k"}, "iv": "i", "hashes": {"sha256": "h"}}
RELATION = {"rel_type": "m.thread", "event_id": "$a", "is_falling_back": True, "m.in_reply_to": {"event_id": "$b"}}
CONTENTS = {
    "m.room.message": {
        "msgtype": "m.image",
        "body": "x",
        "filename": "y",
        "file": FILE,
        "info": {"mimetype": "image/png", "size": 3},
        "m.relates_to": RELATION,
        "m.new_content": {"msgtype": "m.text", "body": "z"},
        "m.mentions": {"user_ids": [ME]},
        "chat.courtyard.choice": {"token": "abc"},
    },
    "m.reaction": {"m.relates_to": {"rel_type": "m.annotation", "event_id": "$a", "key": "+"}},
    "m.room.redaction": {"redacts": "$a"},
    "m.room.member": {"membership": "join", "is_direct": True},
    "m.room.encryption": {"algorithm": "m.megolm.v1.aes-sha2", "rotation_period_ms": 1, "rotation_period_msgs": 1},
    "m.room.power_levels": {"users": {ME: 100}, "events": {"m.room.encryption": 1}, "state_default": 50},
    "m.room.create": {"additional_creators": [ALICE]},
    "m.room.encrypted": {
        "algorithm": "m.megolm.v1.aes-sha2",
        "ciphertext": "AwgAEpAB",
        "session_id": "A" * 43,
        "sender_key": "B" * 43,
    },
}
kinds = st.sampled_from(sorted(CONTENTS))
contents = kinds.flatmap(lambda kind: st.tuples(st.just(kind), damaged(CONTENTS[kind])))
WHERE = Origin(AccountId(1), ROOM, EventId("$1"), UserId(ALICE), 0, True)

quiet = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=300)


@quiet
@given(contents, values)
def test_reading_events(kind_and_content: tuple[str, Any], redacts: Any) -> None:
    kind, content = kind_and_content
    if not isinstance(content, dict):
        return  # callers check that much
    inbound = to_inbound(WHERE, kind, content, ME, redacts)
    if inbound is not None and hasattr(inbound, "target"):
        assert inbound.target.isascii()
        assert inbound.target.isprintable()


@quiet
@given(damaged({"event_id": "$1", "sender": ALICE, "origin_server_ts": 5, "type": "m.room.message"}))
def test_reading_origins(event: Any) -> None:
    if isinstance(event, dict):
        where = origin(event, ROOM, AccountId(1), encrypted=True)
        assert where is None or (0 <= where.sent_at <= 2**53 and where.event_id.isascii())


def event_shape(kind: str, content: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "event_id": "$1",
        "sender": ALICE,
        "origin_server_ts": 5,
        "state_key": ME if kind == "m.room.member" else "",
        "content": content,
        "unsigned": {"prev_content": {"membership": "invite"}},
    }


events = contents.flatmap(lambda both: damaged(event_shape(*both)))


@quiet
@given(st.lists(events, max_size=6))
def test_room_state(state: list[Any]) -> None:
    room = Room(ROOM)
    for event in state:
        if isinstance(event, dict):
            room.apply(event, ME)
    room.dm_with(ME)
    room.may_send_state(ME, "m.room.encryption")
    age, messages = room.rotation
    assert age >= 3_600_000
    assert 1 <= messages <= 100
    json.dumps(room.snapshot())


TO_DEVICE = {
    "type": "m.room.encrypted",
    "sender": ALICE,
    "content": {
        "algorithm": "m.olm.v1.curve25519-aes-sha2",
        "sender_key": "C" * 43,
        "ciphertext": {"KEY": {"type": 0, "body": "AwogXXXX"}},
    },
}


def sync_shape(own_key: str) -> dict[str, Any]:
    to_device = json.loads(json.dumps(TO_DEVICE).replace("KEY", own_key))
    room = {
        "timeline": {"events": [], "limited": False, "prev_batch": "p"},
        "state": {"events": []},
        "invite_state": {"events": [event_shape("m.room.member", CONTENTS["m.room.member"])]},
    }
    return {
        "next_batch": "n",
        "device_one_time_keys_count": {"signed_curve25519": 50},
        "device_unused_fallback_key_types": ["signed_curve25519"],
        "device_lists": {"changed": [ALICE], "left": [ALICE]},
        "to_device": {"events": [to_device]},
        "rooms": {"join": {ROOM: room}, "invite": {ROOM: room}, "leave": {ROOM: {}}},
    }


class World:
    """A reader over a real database, for many examples."""

    def __init__(self, directory: Path) -> None:
        self.database = Database.open(f"sqlite:///{directory / 'c.db'}")
        create_tables(self.database)
        self.homeserver = FakeHomeserver()
        self.device: Device = open_device(self.database, self.homeserver, "bot")
        publish(self.device, self.homeserver)

    def reader(self) -> SyncReader:
        account = self.device.store.account
        rooms = Rooms(account, ME, Sealer(STORE_KEY))
        self.database.run_sync(rooms.load)
        room = rooms.ensure(ROOM)
        room.joined, room.encryption = True, {"algorithm": MEGOLM}
        room.members = {ME: "join", ALICE: "join"}
        reader = SyncReader(
            account,
            ME,
            self.homeserver,
            self.device.store,
            self.device.keys,
            rooms,
            max_backfill=100,
            late=LateKeys(account, 10**9, 0, Sealer(STORE_KEY)),
            hear=lambda heard: None,
        )
        self.database.run_sync(reader.late.load)
        return reader


def test_whole_syncs() -> None:
    with TemporaryDirectory() as directory:
        world = World(Path(directory))
        own_key = world.device.machine.account.identity_keys["curve25519"]

        @quiet
        @given(damaged(sync_shape(own_key)), st.lists(events, max_size=5), st.booleans())
        def check(answer: Any, timeline: list[Any], first: bool) -> None:
            if not isinstance(answer, dict):
                return
            answer["next_batch"] = "n"
            with_timeline = answer.get("rooms")
            if isinstance(with_timeline, dict):
                with_timeline.setdefault("join", {})
                if isinstance(with_timeline["join"], dict):
                    with_timeline["join"][ROOM] = {"timeline": {"events": timeline}}
            asyncio.run(world.reader().read(answer, None if first else "s"))

        try:
            check()
        finally:
            world.database.close_sync()


@quiet
@given(damaged(TO_DEVICE))
def test_to_device_leaves_nothing_behind(event: Any) -> None:
    with TemporaryDirectory() as directory:
        world = World(Path(directory))
        try:
            machine = world.device.machine
            if isinstance(event, dict):
                machine.receive(event)
            assert not list(machine.session_store)
            assert not machine.session_store._entries
            assert not machine.device_store._entries
        finally:
            world.database.close_sync()


KEYS = {
    "device_keys": {
        ALICE: {
            "DEV": {
                "user_id": ALICE,
                "device_id": "DEV",
                "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
                "keys": {"ed25519:DEV": "A" * 43, "curve25519:DEV": "B" * 43},
                "signatures": {ALICE: {"ed25519:DEV": "C" * 86}},
            }
        }
    },
    "master_keys": {ALICE: {"keys": {"ed25519:M": "M" * 43}}},
    "failures": {"example.com": {}},
}


def test_key_answers() -> None:
    with TemporaryDirectory() as directory:
        world = World(Path(directory))

        @quiet
        @given(damaged(KEYS), damaged({"one_time_keys": {ALICE: {"DEV": {"signed_curve25519:A": {"key": "K"}}}}}))
        def check(answer: Any, claimed: Any) -> None:
            if isinstance(answer, dict) and isinstance(claimed, dict):
                world.device.machine.receive_devices(answer, [ALICE])
                world.device.machine.receive_claimed(claimed)
                asyncio.run(world.device.store.commit())

        try:
            check()
        finally:
            world.database.close_sync()
