"""What somebody's erasure forgets: with what is left in the store, no saved ciphertext of their chat opens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bridge.ids import RoomId
from bridge.matrix.forgetting import forget_rooms, forget_sessions, forget_user
from bridge.matrix.machine import NoKey
from tests.unit.matrix.conftest import Device
from tests.unit.matrix.fake_homeserver import FakeHomeserver
from tests.unit.matrix.talk import ROOM, event, know, read, say

OTHER = RoomId("!other:example.org")

Make = Callable[[str], Device]


def take(sender: Device, receiver: Device, homeserver: FakeHomeserver) -> list[dict[str, Any]]:
    """What was sent to the receiver's device: handed over, and given back as somebody may have saved it."""
    saved: list[dict[str, Any]] = []
    for messages in homeserver.to_device:
        content = messages.get(receiver.user_id, {}).pop(receiver.machine.device_id, None)
        if content is not None:
            saved.append({"type": "m.room.encrypted", "sender": sender.user_id, "content": content})
            receiver.machine.receive(saved[-1])
    return saved


def opens(bot: Device, to_device: dict[str, Any]) -> bool:
    """Whether an Olm message opens: only then a session is made or moves on."""
    before = {key: [s.id for s in sessions] for key, sessions in bot.machine.session_store._entries.items()}
    got = bot.machine.receive(to_device)
    after = {key: [s.id for s in sessions] for key, sessions in bot.machine.session_store._entries.items()}
    return got is not None or before != after


@pytest.mark.parametrize("retired", [False, True])
async def test_no_saved_ciphertext_opens(device: Make, homeserver: FakeHomeserver, retired: bool) -> None:
    bot, bob, carol = device("bot"), device("bob"), device("carol")
    await know(bot, bob, carol)
    await know(bob, bot)
    await know(carol, bot)
    saved: list[dict[str, Any]] = []
    theirs = await say(bob, [bot.user_id, bob.user_id], "From Bob")
    saved += take(bob, bot, homeserver)
    ours = await say(bot, [bot.user_id, bob.user_id], "For Bob")
    take(bot, bob, homeserver)
    # A second room key, over the session that there is: a normal Olm message, not one that begins a session.
    bob.store.drop_outbound(ROOM)
    later = await say(bob, [bot.user_id, bob.user_id], "Later")
    saved += take(bob, bot, homeserver)
    others = await say(carol, [bot.user_id, carol.user_id], "From Carol")
    take(carol, bot, homeserver)
    assert len(saved) == 2
    for content in (theirs, later):
        assert read(bot, bob, content)
    async with bot.store.awake(ROOM):
        assert read(bot, bot, ours) == "For Bob"
    if retired:
        bot.store.retire_sessions()
    await bot.store.commit()

    bob_key = bob.machine.account.identity_keys["curve25519"]
    assert bot.machine.session_store._entries.get(bob_key)
    forget_rooms(bot.store, [ROOM])
    forget_sessions(bot.store, bob.user_id)
    forget_user(bot.store, bob.user_id)
    await bot.store.commit()
    for now in (bot, device("bot")):  # in memory, and what a start finds
        assert not now.machine.session_store._entries.get(bob_key)
        assert bob.user_id not in now.store.users
        assert bob.user_id not in now.store.former
        assert not now.machine.device_store[bob.user_id]
        assert ROOM not in now.store.outbound
        async with now.store.awake(ROOM):
            for sender, content in ((bob, theirs), (bob, later), (bot, ours), (carol, others)):
                with pytest.raises(NoKey):
                    now.machine.decrypt_room_event(event(sender, content, "$new"), ROOM)
        assert not any(opens(now, message) for message in saved)


async def test_what_others_said_elsewhere_stays(device: Make, homeserver: FakeHomeserver) -> None:
    bot, bob, carol = device("bot"), device("bob"), device("carol")
    await know(bot, bob, carol)
    await know(carol, bot)
    session = await carol.keys.session_for(OTHER, [bot.user_id, carol.user_id], (10**9, 100))
    sent = carol.machine.encrypt_event(session, "m.room.message", {"body": "Elsewhere"})
    take(carol, bot, homeserver)
    forget_rooms(bot.store, [ROOM])
    forget_sessions(bot.store, bob.user_id)
    forget_user(bot.store, bob.user_id)
    await bot.store.commit()
    opened = bot.machine.decrypt_room_event(event(carol, sent, "$elsewhere"), OTHER)
    assert opened.content["body"] == "Elsewhere"
    assert carol.user_id in bot.store.users
