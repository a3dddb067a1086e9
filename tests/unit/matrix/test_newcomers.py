"""Devices that the bot has just met wait for their first room key, and nobody else waits for them."""

from __future__ import annotations

import pytest

from bridge.delivery.ports import Held, Later
from bridge.ids import RoomId
from bridge.matrix.machine import NoKey
from bridge.matrix.newcomers import Newcomers
from bridge.matrix.upkeep import Upkeep
from tests.unit.matrix.conftest import Device
from tests.unit.matrix.fake_homeserver import FakeHomeserver
from tests.unit.matrix.talk import ROOM, ROTATION, Make, deliver, know, outgoing, read, say, sender_of

WAIT_S = 5.0


class Clock:
    """Seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make_it_wait(bot: Device, clock: Clock) -> None:
    bot.machine.newcomers = Newcomers(WAIT_S, clock)


async def write_to(bot: Device, person: Device, homeserver: FakeHomeserver) -> None:
    """The person's client gives the bot a room key, as clients do when somebody begins to type."""
    await know(person, bot)
    await person.keys.session_for(ROOM, [bot.user_id, person.user_id], ROTATION)
    deliver(person, bot, homeserver)


def keys_given(homeserver: FakeHomeserver, person: Device) -> int:
    return sum(person.user_id in messages for messages in homeserver.to_device)


# --- the first message to somebody ----------------------------------------------------------------------------------


async def test_the_first_message_waits_until_the_client_has_had_time_to_ask(
    device: Make, homeserver: FakeHomeserver, clock: Clock
) -> None:
    bot, alice = device("bot"), device("alice")
    make_it_wait(bot, clock)
    sender = sender_of(bot, [bot.user_id, alice.user_id], homeserver)
    with pytest.raises(Later) as later:
        await sender.send(outgoing(alice.user_id))
    assert 4900 < later.value.after_ms <= 5001
    clock.now += 4.9
    with pytest.raises(Later) as later:
        await sender.send(outgoing(alice.user_id, first_try=1))
    assert 0 < later.value.after_ms <= 101, "however long ago it was tried first"
    assert (homeserver.sent, homeserver.to_device) == ([], [])
    assert bot.keys.settle_in_ms() is None, "nothing was said that anybody lacks"

    clock.now += 0.2
    await sender.send(outgoing(alice.user_id))
    await know(alice, bot)
    deliver(bot, alice, homeserver)
    (content,) = homeserver.sent
    assert read(alice, bot, content) == "hello"
    assert keys_given(homeserver, alice) == 1


@pytest.mark.parametrize("when", ["before it was met", "while it waited"])
async def test_who_has_written_does_not_wait(device: Make, homeserver: FakeHomeserver, clock: Clock, when: str) -> None:
    bot, alice = device("bot"), device("alice")
    make_it_wait(bot, clock)
    sender = sender_of(bot, [bot.user_id, alice.user_id], homeserver)
    if when == "while it waited":
        with pytest.raises(Later):
            await sender.send(outgoing(alice.user_id))
    await write_to(bot, alice, homeserver)
    assert bot.machine.newcomers.take_shown() == ({alice.user_id} if when == "while it waited" else set())
    assert await sender.send(outgoing(alice.user_id)) == "$sent1"


async def test_beginning_to_type_shares_the_key_and_says_nothing(device: Make, homeserver: FakeHomeserver) -> None:
    bot, alice = device("bot"), device("alice")
    sender = sender_of(alice, [bot.user_id, alice.user_id], homeserver)
    await sender.prepare(ROOM, bot.user_id)
    await sender.send(outgoing(bot.user_id))
    assert (len(homeserver.sent), keys_given(homeserver, bot)) == (1, 1)
    await know(bot, alice)
    deliver(alice, bot, homeserver)
    assert read(bot, alice, homeserver.sent[0]) == "hello"
    with pytest.raises(Held):
        await sender.prepare(ROOM, alice.user_id)


async def test_who_is_known_from_before_does_not_wait(device: Make, homeserver: FakeHomeserver, clock: Clock) -> None:
    bot, alice = device("bot"), device("alice")
    await know(bot, alice)
    await bot.store.commit()
    bot = device("bot")
    make_it_wait(bot, clock)
    bot.store.save_user(alice.user_id, outdated=True)
    assert await sender_of(bot, [bot.user_id, alice.user_id], homeserver).send(outgoing(alice.user_id)) == "$sent1"


async def test_who_shared_no_room_with_the_bot_meanwhile_is_new_again(
    device: Make, homeserver: FakeHomeserver, clock: Clock
) -> None:
    bot, alice = device("bot"), device("alice")
    await know(bot, alice)
    make_it_wait(bot, clock)
    bot.machine.untrack(alice.user_id)
    with pytest.raises(Later):
        await sender_of(bot, [bot.user_id, alice.user_id], homeserver).send(outgoing(alice.user_id))


async def test_an_unreachable_person_is_not_tried_every_moment(
    device: Make, homeserver: FakeHomeserver, clock: Clock
) -> None:
    bot, alice = device("bot"), device("alice")
    make_it_wait(bot, clock)
    homeserver.one_time_keys[(alice.user_id, "ALICE")] = {}
    sender = sender_of(bot, [bot.user_id, alice.user_id], homeserver)
    with pytest.raises(Later):
        await sender.send(outgoing(alice.user_id))
    clock.now += 6
    with pytest.raises(Later) as later:
        await sender.send(outgoing(alice.user_id, first_try=1))
    assert later.value.after_ms == 60_000


# --- beside others --------------------------------------------------------------------------------------------------


async def test_nobody_waits_for_a_newcomer_and_they_get_all_that_was_said_since(
    device: Make, homeserver: FakeHomeserver, clock: Clock
) -> None:
    bot, alice, bob = device("bot"), device("alice"), device("bob")
    members: list[str] = [bot.user_id, alice.user_id]
    before = await say(bot, members, "before")
    make_it_wait(bot, clock)
    members.append(bob.user_id)
    said = [await say(bot, members, "one"), await say(bot, members, "two")]
    await know(alice, bot)
    deliver(bot, alice, homeserver)
    assert [read(alice, bot, content) for content in said] == ["one", "two"]
    assert keys_given(homeserver, bob) == 0

    await bot.keys.settle(lambda room: members)
    assert keys_given(homeserver, bob) == 0, "not yet"
    due = bot.keys.settle_in_ms()
    assert due is not None
    assert 4900 < due <= 5001
    clock.now += due / 1000
    assert bot.keys.settle_in_ms() is None
    await bot.keys.settle(lambda room: members)
    assert keys_given(homeserver, bob) == 1, "at once, whenever it was tried before"
    await know(bob, bot)
    deliver(bot, bob, homeserver)
    assert [read(bob, bot, content) for content in said] == ["one", "two"]
    with pytest.raises(NoKey):
        read(bob, bot, before)
    await bot.keys.settle(lambda room: members)
    await say(bot, members, "three")
    assert keys_given(homeserver, bob) == 1, "once"


@pytest.mark.parametrize("why", ["left", "we left", "other identity", "removed", "excluded", "rotation"])
async def test_what_a_newcomer_waits_for_is_given_to_nobody_else(
    device: Make, homeserver: FakeHomeserver, clock: Clock, why: str
) -> None:
    """While it waits, all can happen that shuts somebody out."""
    bot, alice, bob = device("bot"), device("alice"), device("bob")
    members: list[str] = [bot.user_id, alice.user_id, bob.user_id]
    await know(bot, alice)
    make_it_wait(bot, clock)
    said = await say(bot, members, "one")
    if why == "left":
        members.remove(bob.user_id)
    elif why == "we left":
        members.clear()
    elif why == "other identity":
        bot.store.users[bob.user_id].master_key = "one"
        bot.store.save_user(bob.user_id, outdated=False, master_key="another")
    elif why == "removed":
        homeserver.device_keys[bob.user_id] = {}
        bot.store.save_user(bob.user_id, outdated=True)
    elif why == "excluded":
        bot.machine.exclude_unsigned = True
    else:
        bot.store.drop_outbound(ROOM)
    clock.now += WAIT_S + 1
    await bot.keys.settle(lambda room: members)
    assert keys_given(homeserver, bob) == (why == "rotation")
    if why == "rotation":
        await know(bob, bot)
        deliver(bot, bob, homeserver)
        assert read(bob, bot, said) == "one"


async def test_a_restart_is_a_wait_too(device: Make, homeserver: FakeHomeserver, clock: Clock) -> None:
    bot, alice, bob = device("bot"), device("alice"), device("bob")
    members = [bot.user_id, alice.user_id, bob.user_id]
    await know(bot, alice)
    make_it_wait(bot, clock)
    said = await say(bot, members, "one")

    bot = device("bot")
    make_it_wait(bot, clock)
    await bot.keys.settle(lambda room: members)
    await know(bob, bot)
    deliver(bot, bob, homeserver)
    assert read(bob, bot, said) == "one"


# --- waking what waits ----------------------------------------------------------------------------------------------


async def test_what_waits_for_somebody_goes_out_when_they_write(
    device: Make, homeserver: FakeHomeserver, clock: Clock
) -> None:
    bot, alice, bob = device("bot"), device("alice"), device("bob")
    make_it_wait(bot, clock)
    await know(bot, alice, bob)
    rooms = sender_of(bot, [bot.user_id, alice.user_id], homeserver)._rooms
    hurried: list[RoomId] = []

    async def readable(room_id: RoomId) -> None:
        hurried.append(room_id)

    upkeep = Upkeep(lambda: bot.keys, rooms, readable)
    for person in (alice, bob):
        await write_to(bot, person, homeserver)
    await upkeep._tell_readable()
    await upkeep._tell_readable()
    assert hurried == [ROOM]


# --- the bookkeeping ------------------------------------------------------------------------------------------------


def test_the_wait_is_counted_from_the_first_sight(clock: Clock) -> None:
    newcomers = Newcomers(WAIT_S, clock)
    newcomers.met("@a:x", "key")
    clock.now += 3
    newcomers.met("@a:x", "key")
    assert newcomers.wait_ms("@a:x", "key") == 2001
    assert newcomers.wait_ms("@b:x", "key") == 0, "of that user only"
    clock.now += 2
    assert newcomers.wait_ms("@a:x", "key") == 0
    newcomers.heard_from("@a:x", "key")
    assert newcomers.take_shown() == set(), "nothing waited for them any more"
    assert not newcomers


def test_who_waits_is_bounded(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.matrix.newcomers._MAX", 3)
    newcomers = Newcomers(WAIT_S, clock)
    for n in range(5):
        newcomers.met("@a:x", str(n))
    assert [newcomers.wait_ms("@a:x", str(n)) > 0 for n in range(5)] == [False, False, True, True, True]


def test_without_a_wait_there_are_no_newcomers(clock: Clock) -> None:
    newcomers = Newcomers(0.0, clock)
    newcomers.met("@a:x", "key")
    assert not newcomers
