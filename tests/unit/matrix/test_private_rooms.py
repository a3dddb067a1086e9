"""Rooms of two others: no key of them is kept, nothing is said or read in them, and nothing brings us back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import vodozemac

from bridge.delivery.ports import Held
from bridge.ids import AccountId, RoomId, UserId
from bridge.matrix.machine import MEGOLM, RoomKey
from bridge.matrix.private_rooms import closed_levels, open_levels
from bridge.matrix.rooms import MARKER, Room, Rooms, write_rooms
from bridge.matrix.seal import Sealer
from bridge.matrix.sender import RoomSender
from tests.unit.matrix.conftest import STORE_KEY, Device
from tests.unit.matrix.fake_homeserver import FakeHomeserver

Make = Callable[[str], Device]
ME, ALICE, BOB = UserId("@bot:example.org"), UserId("@alice:example.org"), UserId("@bob:example.org")
ROOM, OTHER = RoomId("!private:example.org"), RoomId("!other:example.org")


async def share(sender: Device, receiver: Device, room_id: RoomId) -> tuple[Any, str]:
    """What the receiver makes of a room key; the session's id."""
    await sender.keys.session_for(room_id, [receiver.user_id], (10**9, 100))
    session = vodozemac.GroupSession()
    content = {
        "algorithm": MEGOLM,
        "room_id": room_id,
        "session_id": session.session_id,
        "session_key": session.session_key.to_base64(),
    }
    [to] = sender.machine.devices_of([receiver.user_id])
    olm = sender.machine.session_store.get(to.curve25519)
    assert olm is not None
    encrypted = sender.machine._olm_encrypt(olm, to, "m.room_key", content)
    event = {"type": "m.room.encrypted", "sender": sender.user_id, "content": encrypted}
    return receiver.machine.receive(event), session.session_id


async def test_a_key_of_a_private_room_is_dropped_before_it_is_stored(device: Make) -> None:
    alice, bot = device("alice"), device("bot")
    alice.store.track(bot.user_id)
    bot.machine.is_private = lambda room_id: room_id == ROOM
    got, session_id = await share(alice, bot, ROOM)
    assert got is None
    assert not any(session_id in sessions for sessions in bot.machine.inbound_group_store[ROOM].values())
    # The same from the same device for another room is kept.
    got, session_id = await share(alice, bot, OTHER)
    assert got == RoomKey(OTHER, session_id)
    await bot.store.commit()
    again = device("bot")
    assert not list(again.machine.inbound_group_store[ROOM].values())
    assert any(session_id in sessions for sessions in again.machine.inbound_group_store[OTHER].values())


def state(kind: str, content: dict[str, Any], key: str = "", sender: str = ME) -> dict[str, Any]:
    return {"type": kind, "state_key": key, "content": content, "sender": sender}


def made(marker_by: str = ME) -> Room:
    """A room with the bot and one more person."""
    room = Room(ROOM)
    room.apply(state("m.room.create", {MARKER: "abc"}, sender=marker_by), ME)
    room.apply(state("m.room.encryption", {"algorithm": MEGOLM}), ME)
    for user in (ME, BOB):
        room.apply(state("m.room.member", {"membership": "join"}, user, user), ME)
    return room


def test_a_private_room_is_never_a_chat_with_us() -> None:
    assert made().dm_with(ME) is None
    # Nobody else can make a room look like one of ours.
    assert made(ALICE).dm_with(ME) == BOB
    assert not made(ALICE).private


async def test_private_rooms_are_known_after_they_were_left(database: Any, device: Make) -> None:
    bot = device("bot")
    rooms = Rooms(bot.store.account, ME, Sealer(STORE_KEY))
    rooms.keep_private([ROOM])
    rooms.ensure(OTHER).members = {ME: "join", ALICE: "join"}
    room = rooms.ensure(ROOM)
    room.apply(state("m.room.encryption", {"algorithm": MEGOLM}), ME)
    for user in (ME, ALICE, BOB):
        room.apply(state("m.room.member", {"membership": "join"}, user, user), ME)
    assert room.private
    assert rooms.users() == set()  # nobody's devices are tracked for it
    assert not rooms.share_room(ALICE, BOB)

    async def is_copy(event_id: str) -> bool:
        return False

    sender = RoomSender(ME, FakeHomeserver(), bot.store, rooms, lambda: bot.keys, lambda: 0, 1, is_copy)
    with pytest.raises(Held):
        sender._admitted(ROOM, None)

    changes = rooms.take_changes()
    database.run_sync(lambda tx: write_rooms(tx, bot.store.account, changes))
    again = Rooms(AccountId(bot.store.account), ME, Sealer(STORE_KEY))
    database.run_sync(again.load)
    assert [one.room_id for one in again.private()] == [ROOM]
    rooms.forget(ROOM)
    assert rooms.is_private(ROOM)
    assert not rooms.is_private(OTHER)


def test_nobody_can_do_anything_before_the_room_is_given_away() -> None:
    closed, opened = closed_levels(ME), open_levels((ALICE, BOB))
    assert closed["users"] == {ME: 100}
    assert closed["users_default"] == 0
    assert not closed["events"]
    needed = {"events_default", "state_default", "ban", "kick", "redact", "invite"}
    assert {closed[name] for name in needed} == {100}
    assert opened["users"] == {ALICE: 100, BOB: 100}  # and nothing for the bot
    assert opened["events_default"] == 0
    assert needed <= opened.keys()
