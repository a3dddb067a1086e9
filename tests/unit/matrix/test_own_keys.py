"""The room keys that we made: written down, out of memory, and there when it is looked for what we have sent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.db import Database
from bridge.ids import RoomId
from bridge.matrix.machine import NoKey
from bridge.matrix.sender import RoomSender
from tests.unit.matrix.conftest import Device
from tests.unit.matrix.fake_homeserver import FakeHomeserver
from tests.unit.matrix.talk import ROOM, ROTATION, Make, deliver, event, is_copy, know, outgoing, read, say, sender_of

DAY = 24 * 3600 * 1000


def in_memory(device: Device) -> int:
    return sum(1 for _ in device.machine.inbound_group_store)


async def test_they_are_in_memory_only_while_they_are_asked_for(device: Make, homeserver: FakeHomeserver) -> None:
    bot, alice = device("bot"), device("alice")
    await know(bot, alice)
    await know(alice, bot)
    said = []
    for n in range(3):
        bot.store.drop_outbound(ROOM)
        said.append(await say(bot, [bot.user_id, alice.user_id], f"answer {n}"))
        deliver(bot, alice, homeserver)
        assert read(alice, bot, said[n]) == f"answer {n}"
    elsewhere = await bot.keys.session_for(RoomId("!other:example.org"), [bot.user_id], ROTATION)
    assert in_memory(bot) == 1, "what is not written yet has to stay"
    await bot.store.commit()
    theirs = await say(alice, [bot.user_id], "hello")
    deliver(alice, bot, homeserver)
    await bot.store.commit()
    for now in (bot, device("bot")):
        own = now.machine.account.identity_keys["curve25519"]
        assert (in_memory(now), now.store.usage.count(own)) == (1, 4)
        assert read(now, alice, theirs) == "hello"
        async with now.store.awake(ROOM):
            assert [read(now, now, content) for content in said] == ["answer 0", "answer 1", "answer 2"]
            assert in_memory(now) == 4
        assert in_memory(now) == 1
        with pytest.raises(NoKey):
            read(now, now, said[0])
    assert elsewhere.session.session_id


async def test_what_is_written_meanwhile_takes_none_away(
    device: Make, homeserver: FakeHomeserver, database: Database
) -> None:
    bot = device("bot")
    sent = await say(bot, [bot.user_id], "once")
    key = (ROOM, bot.machine.account.identity_keys["curve25519"], sent["session_id"])
    bot.store.usage.note(key, database.clock() - 2 * DAY)
    async with bot.store.awake(ROOM):
        assert read(bot, bot, sent) == "once"
        assert bot.store.dirty, "that it was used is written down"
        await bot.store.commit()
        assert read(bot, bot, sent) == "once"
    assert in_memory(bot) == 0
    assert device("bot").store.usage.used[key] > database.clock() - DAY


async def test_what_was_forgotten_does_not_come_back(device: Make, homeserver: FakeHomeserver) -> None:
    bot = device("bot")
    sent = await say(bot, [bot.user_id], "once")
    [key] = bot.store.usage.used
    bot.store.drop_group(key)  # and the row is still there
    async with bot.store.awake(ROOM):
        with pytest.raises(NoKey):
            read(bot, bot, sent)


async def test_a_message_that_arrived_is_found_and_not_sent_again(device: Make, homeserver: FakeHomeserver) -> None:
    bot, alice = device("bot"), device("alice")
    await know(bot, alice)
    await alice.keys.query()
    members = [bot.user_id, alice.user_id]
    first = outgoing(alice.user_id)
    assert await sender_of(bot, members, homeserver).send(first) == "$sent1"
    bot.store.drop_outbound(ROOM)
    assert await sender_of(bot, members, homeserver).send(replace(first, txn_id="other")) == "$sent2"
    history = [
        event(bot, content, f"$sent{number}") | {"origin_server_ts": 0}
        for number, content in enumerate(homeserver.sent, 1)
    ]
    homeserver.answers[f"/_matrix/client/v3/rooms/{ROOM.replace('!', '%21').replace(':', '%3A')}/messages"] = {
        "chunk": history[::-1]
    }

    def again(now: Device) -> RoomSender:
        rooms = sender_of(now, members, homeserver)._rooms
        return RoomSender(now.user_id, homeserver, now.store, rooms, lambda: now.keys, lambda: 0, 0, is_copy)

    for now in (bot, device("bot")):
        assert await again(now).send(replace(first, first_attempt_at=1)) == "$sent1"
    assert len(homeserver.sent) == 2
