"""Keys and sessions: shared, kept over a restart, never used twice, refused when forged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from bridge.chat.inbound import Relation, TextMessage
from bridge.db import Database
from bridge.errors import OperatorError
from bridge.ids import AccountId, DeviceId, EventId, RoomId
from bridge.matrix.cryptostore import CryptoStore
from bridge.matrix.events import origin, to_inbound
from bridge.matrix.machine import Machine, NoKey, Undecryptable, UnknownSender
from bridge.matrix.seal import Sealer
from tests.unit.matrix.conftest import Device, make_account
from tests.unit.matrix.fake_homeserver import FakeHomeserver

ROOM = RoomId("!room:example.org")
ROTATION = (7 * 24 * 3600 * 1000, 100)

Make = Callable[[str], Device]


def event(sender: Device, content: dict[str, Any], event_id: str = "$1") -> dict[str, Any]:
    return {
        "type": "m.room.encrypted",
        "sender": sender.user_id,
        "event_id": event_id,
        "origin_server_ts": 1,
        "content": content,
    }


async def share(sender: Device, members: Sequence[str], homeserver: FakeHomeserver) -> Any:
    return await sender.keys.session_for(ROOM, members, ROTATION)


def deliver(sender: Device, receiver: Device, homeserver: FakeHomeserver) -> None:
    """Hand the receiver what was sent to its device."""
    for messages in homeserver.to_device:
        content = messages.get(receiver.user_id, {}).get(receiver.machine.device_id)
        if content is not None:
            receiver.machine.receive({"type": "m.room.encrypted", "sender": sender.user_id, "content": content})


async def test_a_message_arrives_and_a_restart_uses_no_index_twice(device: Make, homeserver: FakeHomeserver) -> None:
    bot, alice = device("bot"), device("alice")
    members = [bot.user_id, alice.user_id]
    session = await share(bot, members, homeserver)
    deliver(bot, alice, homeserver)
    alice.store.track(bot.user_id)
    await alice.keys.query()
    first = bot.machine.encrypt_event(session, "m.room.message", {"body": "one"})
    assert alice.machine.decrypt_room_event(event(bot, first), ROOM).content == {"body": "one"}

    await bot.stop()
    bot = device("bot")  # the process starts again
    homeserver.to_device.clear()
    session = await share(bot, members, homeserver)
    assert homeserver.to_device == [], "the session was shared already"
    second = bot.machine.encrypt_event(session, "m.room.message", {"body": "two"})
    assert second["session_id"] == first["session_id"]
    assert session.session.message_index == 2
    assert alice.machine.decrypt_room_event(event(bot, second, "$2"), ROOM).content == {"body": "two"}


@pytest.mark.parametrize("after", ["begun", "one message", "a restart", "a restart and messages"])
async def test_a_session_that_was_in_use_at_a_crash_encrypts_nothing_more(
    device: Make, homeserver: FakeHomeserver, after: str
) -> None:
    """Nobody knows how far it had gone: what is written is its beginning."""
    bot, alice = device("bot"), device("alice")
    members = [bot.user_id, alice.user_id]
    session = await share(bot, members, homeserver)
    used: set[tuple[str, int]] = set()

    async def leaves(body: str) -> None:
        """A message goes out. Only what must be committed before it is committed."""
        index = (session.session.session_id, session.session.message_index)
        assert index not in used
        used.add(index)
        bot.machine.encrypt_event(session, "m.room.message", {"body": body})
        if not session.is_written:
            await bot.store.commit()

    if after != "begun":
        await leaves("one")
    if after.startswith("a restart"):
        await bot.stop()
        bot = device("bot")
        session = await share(bot, members, homeserver)
        assert (session.session.session_id, 0) in used, "an orderly end keeps it"
        for body in ("two", "three") if after.endswith("messages") else ("two",):
            await leaves(body)
    before = session.session.session_id
    bot = device("bot")  # killed
    assert ROOM not in bot.store.outbound
    session = await share(bot, members, homeserver)
    assert session.session.session_id != before
    await leaves("after")


async def test_of_a_session_in_use_nothing_is_written_for_each_message(
    device: Make, homeserver: FakeHomeserver
) -> None:
    bot, alice = device("bot"), device("alice")
    session = await share(bot, [bot.user_id, alice.user_id], homeserver)
    await bot.store.commit()
    commits, activity = bot.store.commits, bot.store.activity
    for _ in range(3):
        bot.machine.encrypt_event(session, "m.room.message", {"body": "x"})
        assert session.is_written
    await bot.store.commit()
    assert bot.store.commits == commits
    assert bot.store.activity == activity + 3, "copies of the store fall behind all the same"
    bot.store.rest_outbound()
    assert not session.is_written
    await bot.store.commit()
    bot.store.rest_outbound()
    assert not bot.store.dirty, "once is enough"
    bot.machine.encrypt_event(session, "m.room.message", {"body": "one more"})
    assert not session.is_written, "it is in use again, and that does not stand in the database"


@pytest.mark.parametrize("cancelled", [False, True])
async def test_what_could_not_be_written_is_written_the_next_time(
    device: Make, database: Database, homeserver: FakeHomeserver, monkeypatch: pytest.MonkeyPatch, cancelled: bool
) -> None:
    """Or else the index that was used before a crash would be used again after it."""
    bot, alice = device("bot"), device("alice")
    session = await share(bot, [bot.user_id, alice.user_id], homeserver)
    bot.machine.encrypt_event(session, "m.room.message", {"body": "one"})
    bot.store.rest_outbound()
    bot.store.save_secret("thing", b"secret")

    async def fails(work: object) -> None:
        raise asyncio.CancelledError if cancelled else RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(bot.store._db, "run", fails)
        with pytest.raises(asyncio.CancelledError if cancelled else RuntimeError):
            await bot.store.commit()
    assert not session.is_written
    bot.machine.encrypt_event(session, "m.room.message", {"body": "two"})
    assert not session.is_written
    await bot.stop()
    assert not bot.store.dirty
    bot = device("bot")
    assert bot.store.outbound[ROOM].session.message_index == 2
    assert bot.store.secrets["thing"] == b"secret"
    assert {d.device_id for d in bot.machine.device_store.active_user_devices(alice.user_id)} == {"ALICE"}


async def test_what_was_received_is_there_after_a_restart(device: Make, homeserver: FakeHomeserver) -> None:
    bot, alice = device("bot"), device("alice")
    bot.store.track(alice.user_id)
    await bot.keys.query()
    session = await share(alice, [bot.user_id, alice.user_id], homeserver)
    sent = alice.machine.encrypt_event(session, "m.room.message", {"body": "hello"})
    deliver(alice, bot, homeserver)
    await bot.store.commit()
    bot = device("bot")
    assert bot.machine.decrypt_room_event(event(alice, sent), ROOM).content == {"body": "hello"}


async def test_what_the_last_device_sent_is_readable_for_the_next_one(device: Make, homeserver: FakeHomeserver) -> None:
    """After a new login it looks for what may have arrived already."""
    bot = device("bot")
    session = await share(bot, [bot.user_id], homeserver)
    sent = event(bot, bot.machine.encrypt_event(session, "m.room.message", {"body": "hello"}))
    await bot.store.commit()
    bot.store.forget_device((bot.user_id, DeviceId("BOT")))
    machine = Machine(bot.user_id, DeviceId("NEXT"), bot.store)
    async with bot.store.awake(ROOM):
        opened = machine.decrypt_room_event(sent, ROOM)
    assert (opened.content, opened.device_id, opened.signed) == ({"body": "hello"}, "BOT", False)
    await bot.store.commit()
    bot = device("bot")
    again = bot.machine
    async with bot.store.awake(ROOM):
        assert again.decrypt_room_event(sent, ROOM).device_id == "BOT"
    assert not list(again.device_store.active_user_devices(bot.user_id))


async def test_deprecated_fields_are_not_needed_and_not_believed(device: Make, homeserver: FakeHomeserver) -> None:
    bot, alice = device("bot"), device("alice")
    bot.store.track(alice.user_id)
    await bot.keys.query()
    session = await share(alice, [bot.user_id, alice.user_id], homeserver)
    deliver(alice, bot, homeserver)
    sent = alice.machine.encrypt_event(session, "m.room.message", {"body": "hello"})
    del sent["sender_key"], sent["device_id"]
    assert bot.machine.decrypt_room_event(event(alice, sent), ROOM).content == {"body": "hello"}


async def test_a_ciphertext_under_another_name_is_refused(device: Make, homeserver: FakeHomeserver) -> None:
    bot, alice, mallory = device("bot"), device("alice"), device("mallory")
    for user in (alice.user_id, mallory.user_id):
        bot.store.track(user)
    await bot.keys.query()
    session = await share(mallory, [bot.user_id, mallory.user_id], homeserver)
    deliver(mallory, bot, homeserver)
    sent = mallory.machine.encrypt_event(session, "m.room.message", {"body": "delete 1"})
    forged = event(mallory, sent) | {"sender": alice.user_id}
    with pytest.raises(UnknownSender):
        bot.machine.decrypt_room_event(forged, ROOM)
    assert bot.machine.decrypt_room_event(event(mallory, sent), ROOM).content == {"body": "delete 1"}


async def test_a_replayed_or_moved_ciphertext_is_refused(device: Make, homeserver: FakeHomeserver) -> None:
    bot, alice = device("bot"), device("alice")
    bot.store.track(alice.user_id)
    await bot.keys.query()
    session = await share(alice, [bot.user_id, alice.user_id], homeserver)
    deliver(alice, bot, homeserver)
    sent = alice.machine.encrypt_event(session, "m.room.message", {"body": "like 1"})
    bot.machine.decrypt_room_event(event(alice, sent, "$1"), ROOM)
    again = bot.machine.decrypt_room_event(event(alice, sent, "$1"), ROOM)
    assert again.content == {"body": "like 1"}, "the same event may come again"
    with pytest.raises(Undecryptable):
        bot.machine.decrypt_room_event(event(alice, sent, "$2"), ROOM)
    with pytest.raises(NoKey):
        bot.machine.decrypt_room_event(event(alice, sent, "$1"), RoomId("!other:example.org"))


async def test_a_server_hangs_no_message_on_another_one(device: Make, homeserver: FakeHomeserver) -> None:
    bot, alice = device("bot"), device("alice")
    bot.store.track(alice.user_id)
    await bot.keys.query()
    session = await share(alice, [bot.user_id, alice.user_id], homeserver)
    deliver(alice, bot, homeserver)
    relation = {"rel_type": "m.thread", "event_id": "$mine", "m.in_reply_to": {"event_id": "$answered"}}
    sent = alice.machine.encrypt_event(session, "m.room.message", {"body": "nice", "m.relates_to": relation})
    for wrong in ({"m.in_reply_to": {"event_id": "$other"}}, relation | {"event_id": "$other"}, {}, None, "text"):
        with pytest.raises(Undecryptable):
            bot.machine.decrypt_room_event(event(alice, sent | {"m.relates_to": wrong}), ROOM)
    # What nobody looks at may differ (waiting events keep only what counts), and what is inside is enough.
    del sent["m.relates_to"]
    for outside in ({"m.relates_to": relation | {"org.example.more": {"a": [1]}}}, {}):
        opened = bot.machine.decrypt_room_event(event(alice, sent | outside), ROOM)
        assert opened.content["m.relates_to"] == relation
        assert not opened.related_outside


async def test_a_relation_outside_alone_counts_and_is_known_as_such(device: Make, homeserver: FakeHomeserver) -> None:
    bot, alice = device("bot"), device("alice")
    bot.store.track(alice.user_id)
    await bot.keys.query()
    session = await share(alice, [bot.user_id, alice.user_id], homeserver)
    deliver(alice, bot, homeserver)
    sent = alice.machine.encrypt_event(session, "m.room.message", {"msgtype": "m.text", "body": "nice"})
    relation = {"m.in_reply_to": {"event_id": "$answered"}}
    opened = bot.machine.decrypt_room_event(event(alice, sent | {"m.relates_to": relation}), ROOM)
    where = origin(event(alice, sent), ROOM, AccountId(1), encrypted=True)
    assert where is not None
    inbound = to_inbound(where, opened.type, opened.content, bot.user_id, related_outside=opened.related_outside)
    assert isinstance(inbound, TextMessage)
    assert inbound.relation == Relation(reply_to=EventId("$answered"), outside=True)


async def test_who_leaves_does_not_get_the_next_session(device: Make, homeserver: FakeHomeserver) -> None:
    bot, alice, bob = device("bot"), device("alice"), device("bob")
    everybody = [bot.user_id, alice.user_id, bob.user_id]
    first = await share(bot, everybody, homeserver)
    same = await share(bot, everybody, homeserver)
    assert same.session.session_id == first.session.session_id
    without_bob = await share(bot, [bot.user_id, alice.user_id], homeserver)
    assert without_bob.session.session_id != first.session.session_id
    assert bob.user_id not in without_bob.shared_with


async def test_who_could_not_be_reached_is_not_marked_as_served(device: Make, homeserver: FakeHomeserver) -> None:
    bot, alice = device("bot"), device("alice")
    keys, homeserver.one_time_keys[(alice.user_id, "ALICE")] = (
        homeserver.one_time_keys[(alice.user_id, "ALICE")],
        {},
    )
    session = await share(bot, [bot.user_id, alice.user_id], homeserver)
    assert session.shared_with == {}
    homeserver.one_time_keys[(alice.user_id, "ALICE")] = keys
    bot.keys._claim_after.clear()  # a minute later
    session = await share(bot, [bot.user_id, alice.user_id], homeserver)
    assert session.shared_with == {alice.user_id: {"ALICE": alice.machine.account.identity_keys["curve25519"]}}


async def test_a_server_that_does_not_answer_is_asked_again_but_not_with_each_message(
    device: Make, homeserver: FakeHomeserver
) -> None:
    bot, _alice = device("bot"), device("alice")
    homeserver.failures = {"example.org"}
    for _ in range(3):
        await share(bot, [bot.user_id, "@alice:example.org"], homeserver)
    queries = [path for _, path, _ in homeserver.requests if path.endswith("/keys/query")]
    assert len(queries) == 1
    assert bot.store.users["@alice:example.org"].outdated


def test_no_one_time_keys_left_is_a_number_too(device: Make) -> None:
    bot = device("bot")
    body = bot.machine.upload_body(0, True)
    assert body is not None
    assert len(body["one_time_keys"]) == 50
    assert "fallback_keys" not in body
    bot.machine.uploaded()
    assert bot.machine.upload_body(50, True) is None
    again = bot.machine.upload_body(50, False)
    assert again is not None
    (fallback,) = again["fallback_keys"].values()
    assert fallback["fallback"] is True


def test_an_upload_that_was_cut_off_is_repeated_with_the_same_keys(device: Make) -> None:
    bot = device("bot")
    first = bot.machine.upload_body(0, False)
    second = bot.machine.upload_body(0, False)
    assert first == second


async def test_a_device_that_changes_its_keys_is_not_believed(device: Make, homeserver: FakeHomeserver) -> None:
    bot, alice = device("bot"), device("alice")
    bot.store.track(alice.user_id)
    await bot.keys.query()
    known = bot.machine.device_store[alice.user_id]["ALICE"].ed25519
    mallory = device("mallory")
    forged = dict(homeserver.device_keys[mallory.user_id]["MALLORY"])
    homeserver.device_keys[alice.user_id]["ALICE"] = forged
    bot.store.save_user(alice.user_id, outdated=True)
    await bot.keys.query()
    assert bot.machine.device_store[alice.user_id]["ALICE"].ed25519 == known


async def test_one_malformed_device_costs_no_other(device: Make, homeserver: FakeHomeserver) -> None:
    bot, alice = device("bot"), device("alice")
    homeserver.device_keys[alice.user_id] |= {"X": {"user_id": 3}, "Y\0": {}, "Z": []}
    bot.store.track(alice.user_id)
    await bot.keys.query()
    assert [d.device_id for d in bot.machine.devices_of([alice.user_id])] == ["ALICE"]
    await bot.store.commit()


async def test_strangers_leave_a_bounded_number_of_sessions(device: Make, homeserver: FakeHomeserver) -> None:
    bot, mallory = device("bot"), device("mallory")
    for number in range(40):
        room = RoomId(f"!{number}:example.org")
        await mallory.keys.session_for(room, [bot.user_id], ROTATION)
    deliver(mallory, bot, homeserver)
    kept = sum(1 for _ in bot.machine.inbound_group_store)
    assert 0 < kept <= 20
    await bot.store.commit()


async def test_another_store_key_opens_nothing(device: Make, database: Database, homeserver: FakeHomeserver) -> None:
    bot = device("bot")
    await share(bot, [bot.user_id], homeserver)
    bot.store.save_secret("cross-signing master", b"x" * 32)
    await bot.store.commit()
    other = CryptoStore(database, make_account(database, bot.user_id), Sealer(bytes(32)))
    with pytest.raises(OperatorError, match="store key"):
        database.run_sync(other.load)
