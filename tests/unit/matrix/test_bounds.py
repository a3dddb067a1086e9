"""What people leave here is bounded, and what has to stay stays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from nio.crypto import OlmDevice

from bridge.app import forget_handled
from bridge.chat.inbound import IdentityChanged
from bridge.db import Database
from bridge.ids import DeviceId, RoomId, UserId
from bridge.matrix import machine as machine_module
from bridge.matrix import verification as verification_module
from bridge.matrix.http import MatrixError, Unreachable
from bridge.matrix.known_devices import _identity
from bridge.matrix.machine import MEGOLM, NoKey
from bridge.matrix.sas_values import Code, Flow
from bridge.matrix.sender import RoomSender
from bridge.matrix.strangers import Strangers
from bridge.matrix.verification import Verification, VerificationSettings, _Live
from tests.unit.matrix.conftest import Device, make_late, make_reader, make_rooms
from tests.unit.matrix.fake_homeserver import FakeHomeserver
from tests.unit.matrix.talk import deliver, know, read, say
from tests.unit.matrix.test_strangers import greeting

ROOM = RoomId("!room:example.org")
ROTATION = (10**9, 100)
DAY = 24 * 3600 * 1000

Make = Callable[[str], Device]


async def is_copy(event_id: str) -> bool:
    return False


def rows(database: Database, table: str) -> int:
    return int(database.run_sync(lambda tx: tx.sql(f"SELECT count(*) FROM {table}").scalar_one()))


# --- sessions and devices -------------------------------------------------------------------------------------------


async def test_being_known_allows_nobody_to_make_up_devices(
    device: Make, homeserver: FakeHomeserver, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine_module, "_MAX_STRANGERS", 20)
    bot, alice = device("bot"), device("alice")
    await know(bot, alice)
    await alice.keys.session_for(ROOM, [bot.user_id], ROTATION)
    deliver(alice, bot, homeserver)
    for _ in range(60):
        bot.machine.receive(greeting(bot, homeserver, alice.user_id))
    await bot.store.commit()
    assert rows(database, "crypto_olm_sessions") <= 22
    assert len(bot.machine.session_store._entries) <= 21
    key = alice.machine.account.identity_keys["curve25519"]
    assert bot.machine.session_store.get(key) is not None
    assert bot.store.usage.count(key) == 1
    bot = device("bot")
    assert not bot.machine._is_strangers(key), "nor after a restart"


def test_whoever_brings_most_strangers_makes_room() -> None:
    strangers = Strangers([])
    strangers.met("@alice:example.org", "alice")
    strangers.met("@carol:example.com", "carol")
    for n in range(5):
        strangers.met(f"@m{n}:example.com", f"m{n}")
    strangers.met("@m4:example.com", "m4 again")
    gone = []
    for _ in range(6):
        gone.append(strangers.first_to_go())
        strangers.forget(gone[-1])
    assert gone[0] == "m4"
    assert "alice" not in gone


async def test_made_up_rooms_are_bounded_and_the_newest_keys_stay(
    device: Make, homeserver: FakeHomeserver, monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    monkeypatch.setattr(machine_module, "_MAX_SESSIONS_PER_SENDER", 10)
    bot, mallory = device("bot"), device("mallory")
    await know(bot, mallory)
    for n in range(30):
        await mallory.keys.session_for(RoomId(f"!{n}:example.org"), [bot.user_id], ROTATION)
    await say(mallory, [bot.user_id], "x")
    deliver(mallory, bot, homeserver)
    assert bot.store.usage.count(mallory.machine.account.identity_keys["curve25519"]) == 10
    assert len(bot.machine.inbound_group_store._entries) == 10
    for one in (bot, mallory):
        one.store.rest_outbound()
        await one.store.commit()
    assert rows(database, "crypto_megolm_inbound") - rows(database, "crypto_megolm_outbound") <= 10
    sent = await say(mallory, [bot.user_id], "the last one")
    assert read(bot, mallory, sent) == "the last one"


async def test_the_newest_session_of_a_room_counts_and_our_own_always_do(
    device: Make, homeserver: FakeHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine_module, "_MAX_SESSIONS_PER_SENDER_AND_ROOM", 5)
    monkeypatch.setattr(machine_module, "_MAX_SESSIONS_PER_SENDER", 6)
    bot, alice = device("bot"), device("alice")
    await know(bot, alice)
    await know(alice, bot)
    for n in range(12):
        alice.store.drop_outbound(ROOM)
        sent = await say(alice, [bot.user_id], f"words {n}")
        deliver(alice, bot, homeserver)
        assert read(bot, alice, sent) == f"words {n}"
    assert bot.store.usage.count(alice.machine.account.identity_keys["curve25519"]) == 5
    for n in range(3):  # what is in use is no old one
        await alice.keys.session_for(RoomId(f"!{n}:example.org"), [bot.user_id], ROTATION)
        deliver(alice, bot, homeserver)
        sent = await say(alice, [bot.user_id], f"words {n}")
        assert read(bot, alice, sent) == f"words {n}"
    for n in range(12):
        bot.store.drop_outbound(ROOM)
        sent = await say(bot, [bot.user_id, alice.user_id], f"answer {n}")
        deliver(bot, alice, homeserver)
        assert read(alice, bot, sent) == f"answer {n}"
    assert bot.store.usage.count(bot.machine.account.identity_keys["curve25519"]) == 12


async def test_deleted_devices_are_bounded(device: Make, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    bot, alice = device("bot"), device("alice")
    await know(bot, alice)
    bot.store.drop_device(alice.user_id, "ALICE")

    def checked(user: str, device_id: str, keys: object) -> OlmDevice:
        return OlmDevice(user, device_id, {"ed25519": "E" * 43, "curve25519": device_id.ljust(43, "x")})

    monkeypatch.setattr(bot.machine, "_checked_device", checked)
    for n in range(130):
        bot.machine._receive_devices_of(alice.user_id, {f"D{n}": {}}, None)
    known = bot.machine.device_store[alice.user_id]
    assert [d.device_id for d in known.values() if not d.deleted] == ["D129"]
    assert [d.device_id for d in known.values() if d.deleted] == [f"D{n}" for n in range(79, 129)]
    await bot.store.commit()
    assert rows(database, "known_devices") <= 52
    assert "D128" in device("bot").machine.device_store[alice.user_id]


async def test_a_new_device_of_ours_begins_without_the_old_ones_sessions_alone(
    device: Make, homeserver: FakeHomeserver
) -> None:
    bot, alice = device("bot"), device("alice")
    await know(bot, alice)
    bot.keys.want(alice.user_id, ROOM, "S" * 43)
    await bot.keys.repair()
    await alice.keys.session_for(ROOM, [bot.user_id], ROTATION)
    bot.store.accept_identity(alice.user_id)
    deliver(alice, bot, homeserver)  # not written yet
    bot.store.save_user(alice.user_id, outdated=False, master_key="M" * 43)
    bot.store.forget_device()
    await bot.store.commit()
    bot = device("bot")
    assert bot.store.users[alice.user_id].master_key == "M" * 43
    assert "ALICE" in bot.machine.device_store[alice.user_id]
    assert bot.store.usage.count(alice.machine.account.identity_keys["curve25519"]) == 1
    assert bot.machine.outgoing_key_requests == {}
    assert not list(bot.machine.session_store.values())


# --- replays --------------------------------------------------------------------------------------------------------


async def test_a_ciphertext_is_known_as_long_as_its_room_key_is_here(
    device: Make, homeserver: FakeHomeserver, database: Database
) -> None:
    bot, alice = device("bot"), device("alice")
    await know(bot, alice)
    sent = await say(alice, [bot.user_id], "once")
    deliver(alice, bot, homeserver)
    await bot.store.commit()
    now = database.clock()
    mark = f"megolm:{sent['session_id']}:0"

    def marks() -> set[str]:
        return {row[0] for row in database.run_sync(lambda tx: tx.sql("SELECT event_id FROM handled").all())}

    def add(tx: Any) -> None:
        for name in (mark, "megolm:" + "x" * 43 + ":0", "opened:!x", "unsigned:@a:b:C", "$event"):
            tx.sql(
                "INSERT INTO handled (account_id, event_id, at, command, effect) VALUES (?, ?, ?, NULL, 0)",
                (bot.store.account, name, now - 40 * DAY),
            )

    database.run_sync(add)
    database.run_sync(lambda tx: forget_handled(tx, 30 * DAY))
    assert marks() == {mark, "opened:!x", "unsigned:@a:b:C"}

    bot.store.drop_unused_groups(now - 30 * DAY)
    assert read(bot, alice, sent) == "once", "it was used just now"
    key = (ROOM, alice.machine.account.identity_keys["curve25519"], sent["session_id"])
    bot.store.usage.note(key, now - 31 * DAY)
    bot.store.drop_unused_groups(now - 30 * DAY)
    await bot.store.commit()
    for store in (bot, device("bot")):
        with pytest.raises(NoKey):
            read(store, alice, sent)
    database.run_sync(lambda tx: forget_handled(tx, 30 * DAY))
    assert marks() == {"opened:!x", "unsigned:@a:b:C"}


async def test_a_room_key_that_is_used_is_no_old_one(
    device: Make, homeserver: FakeHomeserver, database: Database
) -> None:
    bot, alice = device("bot"), device("alice")
    await know(bot, alice)
    sent = await say(alice, [bot.user_id], "hello")
    deliver(alice, bot, homeserver)
    key = (ROOM, alice.machine.account.identity_keys["curve25519"], sent["session_id"])
    await bot.store.commit()
    bot.store.usage.note(key, 1)
    assert read(bot, alice, sent) == "hello"
    await bot.store.commit()
    for store in (bot, device("bot")):
        assert store.store.usage.used[key] > database.clock() - DAY


# --- people who leave -----------------------------------------------------------------------------------------------


async def test_who_leaves_and_comes_back_as_somebody_else_is_noticed(
    device: Make, homeserver: FakeHomeserver, database: Database
) -> None:
    bot, alice = device("bot"), device("alice")
    rooms = make_rooms(bot)
    room = rooms.ensure(ROOM)
    room.joined, room.encryption = True, {"algorithm": MEGOLM}
    room.members = {bot.user_id: "join", alice.user_id: "join"}
    reader = make_reader(bot, homeserver, rooms, make_late(bot))
    await know(bot, alice)
    bot.store.save_user(alice.user_id, outdated=False, master_key="A" * 43)
    leave = {"type": "m.room.member", "state_key": alice.user_id, "content": {"membership": "leave"}}
    await reader.read(
        {
            "next_batch": "n",
            "device_lists": {"left": [alice.user_id]},
            "rooms": {"join": {ROOM: {"timeline": {"events": [leave]}}}},
        },
        "s",
    )
    assert alice.user_id not in bot.store.users
    assert not bot.machine.device_store._entries.get(alice.user_id)
    assert rows(database, "known_devices") == 0

    bot = device("bot")
    assert alice.user_id not in bot.store.users
    reader = make_reader(bot, homeserver, rooms, make_late(bot))
    room.members[alice.user_id] = "join"
    await reader.read({"next_batch": "n"}, "s")
    bot.store.save_user(alice.user_id, outdated=False, master_key="B" * 43)
    batch = await reader.read({"next_batch": "n"}, "s")
    assert [type(event) for event in batch.identities] == [IdentityChanged]


async def test_former_people_are_bounded(device: Make, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.matrix.cryptostore._MAX_FORMER", 5)
    bot = device("bot")
    for n in range(20):
        user = f"@m{n}:example.org"
        bot.store.save_user(user, outdated=False, master_key="A" * 43)
        bot.machine.untrack(user)
        await bot.store.commit()
    assert rows(database, "known_users") == 5
    assert list(bot.store.former) == [f"@m{n}:example.org" for n in range(15, 20)]
    assert set(device("bot").store.former) == set(bot.store.former)


async def test_somebody_who_leaves_while_their_devices_are_asked_for(device: Make, homeserver: FakeHomeserver) -> None:
    bot, alice = device("bot"), device("alice")
    bot.store.track(alice.user_id)
    asking = asyncio.create_task(bot.keys.query([alice.user_id]))
    await asyncio.sleep(0)
    bot.machine.untrack(alice.user_id)
    await asking


# --- what fails is done again -----------------------------------------------------------------------------------------


async def test_who_was_not_told_is_told_with_the_next_message(device: Make, homeserver: FakeHomeserver) -> None:
    bot, alice = device("bot"), device("alice")
    bot.machine.exclude_unsigned = True
    homeserver.broken = {"m.room_key.withheld"}
    with pytest.raises(Unreachable):
        await say(bot, [bot.user_id, alice.user_id], "x")
    homeserver.broken = set()
    await say(bot, [bot.user_id, alice.user_id], "x")
    assert homeserver.to_device[-1][alice.user_id]["ALICE"]["code"] == "m.unverified"


@pytest.mark.parametrize(
    ("text", "counts"),
    [("One time key signed_curve25519:AAAAHQ already exists. Old key: x; new key: y", True), ("Too many keys", False)],
)
async def test_an_upload_counts_only_if_the_keys_are_there(
    device: Make, homeserver: FakeHomeserver, text: str, counts: bool
) -> None:
    bot = device("bot")
    usual = homeserver.request

    async def request(method: str, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        if path.endswith("/keys/upload"):
            raise MatrixError(400, "M_UNKNOWN", {"errcode": "M_UNKNOWN", "error": text})
        return await usual(method, path, body, **options)

    homeserver.request = request  # type: ignore[method-assign]
    if counts:
        await bot.keys.upload(0, True)
    else:
        with pytest.raises(MatrixError):
            await bot.keys.upload(0, True)
    assert bool(bot.machine.account._account.one_time_keys) != counts


async def test_what_the_library_queues_for_its_own_loop_is_not_kept(device: Make, homeserver: FakeHomeserver) -> None:
    bot, alice = device("bot"), device("alice")
    await know(bot, alice)
    await know(alice, bot)
    await alice.keys.session_for(ROOM, [bot.user_id, alice.user_id], ROTATION)
    session = alice.store.outbound[ROOM]
    deliver(alice, bot, homeserver)
    curve = alice.machine.account.identity_keys["curve25519"]
    bot.store.drop_sessions_of(curve)
    async with alice.store.awake(ROOM):
        own = alice.machine.inbound_group_store.get(ROOM, curve, session.session.session_id)
    bot.keys.want(alice.user_id, ROOM, session.session.session_id)
    await bot.keys.repair()
    device_ = alice.machine.device_store[bot.user_id]["BOT"]
    content = {
        "algorithm": MEGOLM,
        "room_id": ROOM,
        "sender_key": curve,
        "session_id": session.session.session_id,
        "session_key": own.export_session(0),
        "sender_claimed_ed25519_key": alice.machine.account.identity_keys["ed25519"],
        "forwarding_curve25519_key_chain": [],
    }
    await alice.keys._share(session, [])
    alice.machine.create_session(homeserver.one_time_keys[(bot.user_id, "BOT")].popitem()[1]["key"], device_.curve25519)
    olm = alice.machine.session_store.get(device_.curve25519)
    sent = alice.machine._olm_encrypt(olm, device_, "m.forwarded_room_key", content)
    got = bot.machine.receive({"type": "m.room.encrypted", "sender": alice.user_id, "content": sent})
    assert got is not None
    assert bot.machine.outgoing_to_device_messages == []


# --- identities and verifications -----------------------------------------------------------------------------------


@pytest.mark.parametrize("usage", [["master"], ["self_signing"], [], None, "x"])
def test_a_key_counts_for_what_it_is_meant_for(usage: object) -> None:
    user = "@alice:example.org"
    key = {"user_id": user, "usage": usage, "keys": {"ed25519:" + "A" * 43: "A" * 43}}
    master, signer = _identity(user, {"master_keys": {user: key}})
    assert (master, signer) == ("A" * 43 if usage == ["master"] else None, None)


def test_verifications_make_room_for_others(device: Make, homeserver: FakeHomeserver) -> None:
    bot = device("bot")
    rooms = make_rooms(bot)
    sender = RoomSender(bot.user_id, homeserver, bot.store, rooms, lambda: bot.keys, lambda: 0, 10**9, is_copy)
    verification = Verification(
        bot.user_id,
        homeserver,
        bot.store,
        rooms,
        sender,
        lambda: bot.keys,
        lambda: None,
        VerificationSettings(),
        lambda user: True,
    )

    def begin(user: str, n: int) -> bool:
        if not verification._makes_room(UserId(user)):
            return False
        flow = Flow(f"{user} {n}")
        verification._live[(UserId(user), flow)] = _Live(flow, UserId(user), DeviceId("D"))
        return True

    for n in range(verification_module._MAX_FLOWS):
        assert begin(f"@m{n // 4}:example.com", n)
    assert begin("@alice:example.org", 0), "another server"
    assert begin("@bob:example.com", 0), "another user of the same server"
    assert not begin("@m15:example.com", 100), "whoever has most of them has to wait"
    evicted = [live for live in verification._live.values() if live.evicted]
    assert len(evicted) == 2
    assert all(live.inbox.get_nowait() is Code.TIMEOUT for live in evicted)
    for n in range(1000):
        begin(f"@x{n}:example.net", n)
    assert len(verification._live) <= 2 * verification_module._MAX_FLOWS


async def test_who_fills_the_waiting_room_makes_room(device: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.matrix.late._MAX_BYTES", 100_000)
    late = make_late(device("bot"))

    def add(sender: str, n: int, size: int) -> None:
        content = {"algorithm": MEGOLM, "session_id": "s", "ciphertext": "x" * size}
        event = {"event_id": f"${sender}{n}", "sender": sender, "type": "x", "origin_server_ts": 1, "content": content}
        late.add(RoomId(f"!{sender}:example.org"), event, "s")

    add("@alice:example.org", 0, 100)
    for n in range(100):
        add("@mallory:example.com", n, 10_000)
    add("@bob:example.org", 0, 100)
    assert {"$@alice:example.org0", "$@bob:example.org0"} <= set(late._waiting)
    assert late._senders.total() <= 100_000
    for event_id in list(late._waiting):
        late.settled(event_id)
    assert not late._senders


@pytest.mark.parametrize("size", [100, 20_000], ids=["many", "large"])
async def test_in_a_room_one_sender_drives_out_nobody_elses_waiting_events(device: Make, size: int) -> None:
    late = make_late(device("bot"))
    room, mallory = RoomId("!room:example.org"), "@mallory:example.org"
    number = 0

    def wait(sender: str, count: int, size: int = 100) -> set[str]:
        nonlocal number
        names = set()
        for _ in range(count):
            number += 1
            content = {"algorithm": MEGOLM, "session_id": "s", "ciphertext": "A" * size}
            event = {"event_id": f"${number}", "sender": sender, "type": "m.room.encrypted", "origin_server_ts": 1}
            late.add(room, {**event, "content": content}, "s")
            names.add(f"${number}")
        return names

    wait(mallory, 300, size)
    kept = {name for name, waiting in late._waiting.items() if waiting.sender == mallory}
    alices = wait("@alice:example.org", 20)
    wait(mallory, 300, size)
    bobs = wait("@bob:example.org", 20)
    assert alices | bobs <= set(late._waiting)
    theirs = [name for name, waiting in late._waiting.items() if waiting.sender == mallory]
    assert set(theirs) < kept, "of theirs the newest go"
    assert len(late._waiting) <= 200
    assert late._bytes[room] <= 1_000_000
    assert len(theirs) > (100 if size == 100 else 20), "no more than needed"
    late.forget_room(room)
    assert not late._waiting
    assert not late._rooms
    assert not late._bytes
    assert not late._senders
