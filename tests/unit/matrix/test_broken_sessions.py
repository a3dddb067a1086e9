"""Broken Olm sessions are mended until it has worked, and whoever had one gets the room key again."""

from __future__ import annotations

from typing import Any

import pytest
import vodozemac

from bridge.ids import RoomId
from bridge.matrix import keys as keys_module
from bridge.matrix import machine as machine_module
from bridge.matrix.http import Unreachable
from bridge.matrix.machine import MEGOLM, OLM
from bridge.matrix.signing import unpadded
from tests.unit.matrix.conftest import Device, make_late, make_reader, make_rooms
from tests.unit.matrix.fake_homeserver import FakeHomeserver
from tests.unit.matrix.talk import (
    ROOM,
    ROTATION,
    Make,
    deliver,
    event,
    know,
    read,
    say,
)


def over_an_unknown_key(sender: Device, receiver: Device) -> dict[str, Any]:
    """The first message of a session that was made with a one-time key which the receiver does not have."""
    identity = receiver.machine.account.identity_keys
    session = sender.machine.account._account.create_outbound_session(
        vodozemac.Curve25519PublicKey.from_base64(identity["curve25519"]),
        vodozemac.Curve25519SecretKey().public_key(),
    )
    kind, body = session.encrypt(b"{}").to_parts()
    content = {
        "algorithm": OLM,
        "sender_key": sender.machine.account.identity_keys["curve25519"],
        "ciphertext": {identity["curve25519"]: {"type": kind, "body": unpadded(bytes(body))}},
    }
    return {"type": "m.room.encrypted", "sender": sender.user_id, "content": content}


async def test_a_session_over_a_key_that_is_gone_is_mended(device: Make, homeserver: FakeHomeserver) -> None:
    bot, alice = device("bot"), device("alice")
    await know(bot, alice)
    assert bot.machine.receive(over_an_unknown_key(alice, bot)) is None
    await bot.keys.repair()
    assert "ALICE" in homeserver.to_device[-1][alice.user_id]


async def test_a_session_is_mended_with_a_device_that_was_not_known_yet(
    device: Make, homeserver: FakeHomeserver
) -> None:
    bot, alice = device("bot"), device("alice")
    bot.machine.receive(over_an_unknown_key(alice, bot))
    await bot.keys.repair()
    assert homeserver.to_device == []
    await know(bot, alice)
    await bot.keys.repair()
    [messages] = homeserver.to_device
    assert "ALICE" in messages[alice.user_id]
    await know(bot, alice)
    await bot.keys.repair()
    assert len(homeserver.to_device) == 1, "once is enough"


async def test_a_key_that_went_over_a_broken_session_is_asked_for_at_once_and_again_after_each_repair(
    device: Make, homeserver: FakeHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot, alice = device("bot"), device("alice")
    clock = 10**12
    for module in (machine_module, keys_module):
        monkeypatch.setattr(module, "now_ms", lambda: clock)
    await know(bot, alice)
    rooms = make_rooms(bot)
    room = rooms.ensure(ROOM)
    room.joined, room.encryption = True, {"algorithm": MEGOLM}
    room.members = {bot.user_id: "join", alice.user_id: "join"}
    reader = make_reader(bot, homeserver, rooms, make_late(bot))
    key = alice.machine.account.identity_keys["curve25519"]
    said = event(alice, await say(alice, [alice.user_id], "hello") | {"sender_key": key}) | {"origin_server_ts": 1}
    broken = over_an_unknown_key(alice, bot)

    async def asked(to_device: list[dict[str, Any]], *events: dict[str, Any]) -> list[dict[str, Any]]:
        """The requests of one sync; what tells of the new session goes out before them."""
        nonlocal clock
        clock += 1_000
        sent = len(homeserver.to_device)
        answer = {"to_device": {"events": to_device}, "rooms": {"join": {ROOM: {"timeline": {"events": list(events)}}}}}
        await reader.read({"next_batch": "t", **answer}, "s")
        await bot.keys.repair()
        contents = [messages[alice.user_id] for messages in homeserver.to_device[sent:]]
        assert all("ALICE" in content for content in contents[:1])
        return [content["*"]["body"] for content in contents if "*" in content]

    assert await asked([], said) == [], "it may still come by itself"
    [body] = await asked([broken])
    assert body == {
        "algorithm": MEGOLM,
        "room_id": ROOM,
        "session_id": said["content"]["session_id"],
        "sender_key": key,
    }
    assert await asked([]) == []
    assert await asked([broken]) == [body]
    assert len(bot.machine.outgoing_key_requests) == 1


async def test_four_repairs_an_hour(device: Make, homeserver: FakeHomeserver, monkeypatch: pytest.MonkeyPatch) -> None:
    bot, alice = device("bot"), device("alice")
    await know(bot, alice)
    clock = 10**12
    monkeypatch.setattr(machine_module, "now_ms", lambda: clock)
    broken = over_an_unknown_key(alice, bot)

    async def repairs() -> int:
        before = len(homeserver.to_device)
        for _ in range(10):
            bot.machine.receive(broken)
            await bot.keys.repair()
        return len(homeserver.to_device) - before

    assert await repairs() == 4
    clock += 3_599_000
    assert await repairs() == 0
    clock += 2_000
    assert await repairs() == 4


@pytest.mark.parametrize("step", ["/keys/claim", "/sendToDevice/"])
async def test_a_repair_that_fails_is_done_again(device: Make, homeserver: FakeHomeserver, step: str) -> None:
    bot, alice = device("bot"), device("alice")
    await know(bot, alice)
    bot.machine.receive(over_an_unknown_key(alice, bot))
    homeserver.broken = {step}
    with pytest.raises(Unreachable):
        await bot.keys.repair()
    homeserver.broken = set()
    await bot.keys.repair()
    assert "ALICE" in homeserver.to_device[-1][alice.user_id]
    sent = len(homeserver.to_device)
    await bot.keys.repair()
    assert len(homeserver.to_device) == sent, "once is enough"


async def test_no_word_over_an_old_session_to_who_got_no_new_one(device: Make, homeserver: FakeHomeserver) -> None:
    bot, alice = device("bot"), device("alice")
    await say(bot, [bot.user_id, alice.user_id], "hello")
    homeserver.to_device.clear()
    homeserver.one_time_keys[(alice.user_id, "ALICE")] = {}
    bot.machine.receive(over_an_unknown_key(alice, bot))
    await bot.keys.repair()
    assert homeserver.to_device == []


async def test_a_key_request_that_fails_is_made_again(device: Make, homeserver: FakeHomeserver) -> None:
    bot, alice = device("bot"), device("alice")
    await know(bot, alice)
    bot.keys.want(alice.user_id, ROOM, "S" * 43)
    homeserver.broken = {"/sendToDevice/"}
    with pytest.raises(Unreachable):
        await bot.keys.repair()
    assert bot.machine.outgoing_key_requests == {}
    homeserver.broken = set()
    await bot.keys.repair()
    await bot.keys.repair()
    (messages,) = homeserver.to_device
    assert messages[alice.user_id]["*"]["body"]["session_id"] == "S" * 43
    assert device("bot").machine.outgoing_key_requests.keys() == {"S" * 43}


async def test_whoever_lost_their_sessions_gets_the_current_room_key_again(
    device: Make, homeserver: FakeHomeserver
) -> None:
    bot, alice = device("bot"), device("alice")
    members = [bot.user_id, alice.user_id]
    await say(bot, members, "lost")
    homeserver.to_device.clear()  # Alice can't open it: her side of the session is gone
    await know(alice, bot)
    await alice.keys.session_for(RoomId("!other:example.org"), [bot.user_id], ROTATION)  # a new session of hers
    deliver(alice, bot, homeserver)
    await bot.store.commit()

    bot = device("bot")
    sent = await say(bot, members, "hello again")
    deliver(bot, alice, homeserver)
    assert read(alice, bot, sent) == "hello again"


async def test_whose_session_the_bot_mended_gets_the_current_room_key_again(
    device: Make, homeserver: FakeHomeserver
) -> None:
    bot, alice = device("bot"), device("alice")
    members = [bot.user_id, alice.user_id]
    await say(bot, members, "lost")
    homeserver.to_device.clear()
    bot.machine.receive(over_an_unknown_key(alice, bot))
    await bot.keys.repair()
    sent = await say(bot, members, "hello again")
    await know(alice, bot)
    deliver(bot, alice, homeserver)
    assert read(alice, bot, sent) == "hello again"
