"""Room keys reach whom they are for, also late."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bridge.db.engine import now_ms
from bridge.delivery.ports import Later
from bridge.matrix.generation import begin
from bridge.matrix.machine import NoKey
from tests.unit.matrix.conftest import Device
from tests.unit.matrix.fake_homeserver import FakeHomeserver
from tests.unit.matrix.talk import (
    ROOM,
    Make,
    a_minute_later,
    deliver,
    know,
    outgoing,
    read,
    say,
    sender_of,
)


@pytest.mark.parametrize("trouble", ["devices", "keys"])
async def test_nothing_is_sent_to_somebody_who_could_not_read_it(
    device: Make, homeserver: FakeHomeserver, trouble: str
) -> None:
    bot, alice = device("bot"), device("alice")
    sender = sender_of(bot, [bot.user_id, alice.user_id], homeserver)
    kept = homeserver.one_time_keys[(alice.user_id, "ALICE")]
    if trouble == "devices":
        homeserver.failures = {"example.org"}
    else:
        homeserver.one_time_keys[(alice.user_id, "ALICE")] = {}
    with pytest.raises(Later) as soon:
        await sender.send(outgoing(alice.user_id))
    with pytest.raises(Later) as after_long:
        await sender.send(outgoing(alice.user_id, 1))
    assert homeserver.sent == []
    assert soon.value.after_ms < after_long.value.after_ms == 60_000

    homeserver.failures, homeserver.one_time_keys[(alice.user_id, "ALICE")] = set(), kept
    a_minute_later(bot)
    await sender.send(outgoing(alice.user_id))
    await know(alice, bot)
    deliver(bot, alice, homeserver)
    (content,) = homeserver.sent
    assert read(alice, bot, content) == "hello"


async def test_a_list_that_changes_while_it_is_asked_for_costs_no_pause(
    device: Make, homeserver: FakeHomeserver
) -> None:
    bot, alice = device("bot"), device("alice")
    sender = sender_of(bot, [bot.user_id, alice.user_id], homeserver)
    claims = homeserver.request

    async def request(method: str, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        answer = await claims(method, path, body, **options)
        if path.endswith("/keys/claim"):
            bot.store.save_user(alice.user_id, outdated=True)
        return answer

    homeserver.request = request  # type: ignore[method-assign]
    assert await sender.send(outgoing(alice.user_id)) == "$sent1"


async def test_unsigned_devices_that_are_kept_out_hold_nothing_up(device: Make, homeserver: FakeHomeserver) -> None:
    bot, alice = device("bot"), device("alice")
    bot.machine.exclude_unsigned = True
    sender = sender_of(bot, [bot.user_id, alice.user_id], homeserver)
    assert await sender.send(outgoing(alice.user_id)) == "$sent1"
    assert homeserver.to_device[-1][alice.user_id]["ALICE"]["code"] == "m.unverified"


@pytest.mark.parametrize("trouble", ["devices", "keys"])
async def test_in_a_room_the_late_device_gets_the_key_from_what_it_missed_on(
    device: Make, homeserver: FakeHomeserver, trouble: str
) -> None:
    bot, alice, bob = device("bot"), device("alice"), device("bob")
    members: list[str] = [bot.user_id, alice.user_id]
    before = await say(bot, members, "before")
    members.append(bob.user_id)
    kept = homeserver.one_time_keys[(bob.user_id, "BOB")]
    if trouble == "devices":
        homeserver.failures = {"example.org"}
    else:
        homeserver.one_time_keys[(bob.user_id, "BOB")] = {}
    missed = await say(bot, members, "missed")
    await say(bot, members, "missed as well")

    await bot.stop()
    bot = device("bot")  # it is remembered over a restart
    homeserver.failures, homeserver.one_time_keys[(bob.user_id, "BOB")] = set(), kept
    after = await say(bot, members, "after")
    assert after["session_id"] == before["session_id"]
    await know(bob, bot)
    deliver(bot, bob, homeserver)
    assert [read(bob, bot, content) for content in (missed, after)] == ["missed", "after"]
    with pytest.raises(NoKey):
        read(bob, bot, before)  # it was said before Bob was there
    session = bot.store.outbound[ROOM]
    assert (session.lacking, session.kept) == ({}, {})


def cut_off(device: Device, homeserver: FakeHomeserver, trouble: str) -> Callable[[], None]:
    """A person whom nothing reaches; called, what is returned brings them back."""
    key = (device.user_id, device.machine.device_id)
    kept = homeserver.one_time_keys[key]
    if trouble == "devices":
        homeserver.failures = {"example.org"}
    else:
        homeserver.one_time_keys[key] = {}

    def back() -> None:
        homeserver.failures, homeserver.one_time_keys[key] = set(), kept

    return back


def a_while_later(device: Device) -> None:
    a_minute_later(device)
    device.keys._settle_after.clear()


@pytest.mark.parametrize("trouble", ["devices", "keys"])
@pytest.mark.parametrize("end", ["rotation", "unclean end", "crash", "stop"])
async def test_who_was_away_gets_the_key_of_what_they_missed_without_a_new_message(
    device: Make, homeserver: FakeHomeserver, trouble: str, end: str
) -> None:
    """Also when the session has been replaced since: by number or age, or since the bot was killed."""
    bot, alice, bob = device("bot"), device("alice"), device("bob")
    members: list[str] = [bot.user_id, alice.user_id]
    before = await say(bot, members, "before")
    members.append(bob.user_id)
    back = cut_off(bob, homeserver, trouble)
    missed = [await say(bot, members, "one"), await say(bot, members, "two")]
    if end == "rotation":
        session = await bot.keys.session_for(ROOM, members, (10**9, 2))
        assert session.session.session_id != before["session_id"]
        missed.append(await say(bot, members, "three"))
    elif end == "unclean end":
        begin(bot.store)
        assert bot.store.outbound == {}
    elif end == "stop":
        bot.store.rest_outbound()
    if end != "crash":
        await bot.store.commit()
    homeserver.to_device.clear()
    bot = device("bot")
    assert (ROOM in bot.store.outbound) == (end == "stop")
    await bot.keys.settle(lambda room: members)
    assert homeserver.to_device == [], "there is nobody yet"

    back()
    a_while_later(bot)
    await bot.keys.settle(lambda room: members)
    assert {user for messages in homeserver.to_device for user in messages} == {bob.user_id}
    await know(bob, bot)
    deliver(bot, bob, homeserver)
    assert [read(bob, bot, content) for content in missed] == ["one", "two", "three"][: len(missed)]
    with pytest.raises(NoKey):
        read(bob, bot, before)  # it was said before Bob was there
    homeserver.to_device.clear()
    a_while_later(bot)
    await bot.keys.settle(lambda room: members)
    assert homeserver.to_device == [], "once"
    bot = device("bot")
    assert bot.store.debts == {}
    assert all(not session.lacking for session in bot.store.outbound.values())


@pytest.mark.parametrize(
    ("trouble", "why"),
    [(t, w) for t in ("devices", "keys") for w in ("left", "we left", "other identity", "untracked")]
    + [("keys", "other device")],  # else nobody knew which device it would be
)
async def test_who_is_not_the_one_who_was_away_gets_nothing(
    device: Make, homeserver: FakeHomeserver, trouble: str, why: str
) -> None:
    bot, bob = device("bot"), device("bob")
    members: list[str] = [bot.user_id, bob.user_id]
    back = cut_off(bob, homeserver, trouble)
    await say(bot, members, "missed")
    if why != "other device":
        bot.store.drop_outbound(ROOM)
    back()
    bot.store.track(bob.user_id)
    if why == "left":
        members.remove(bob.user_id)
    elif why == "we left":
        members.clear()
    elif why == "other identity":
        bot.store.users[bob.user_id].master_key = "one"
        bot.store.save_user(bob.user_id, outdated=True, master_key="another")
        bot.store.accept_identity(bob.user_id)
    elif why == "untracked":
        bot.machine.untrack(bob.user_id)
        bot.store.track(bob.user_id)
        bot.store.save_user(bob.user_id, outdated=True)
    else:
        keys = homeserver.one_time_keys[(bob.user_id, "BOB")]
        homeserver.device_keys[bob.user_id] = {}
        homeserver.one_time_keys = {(bob.user_id, "NEW"): keys}
        bot.store.save_user(bob.user_id, outdated=True)
    homeserver.to_device.clear()
    a_while_later(bot)
    await bot.keys.settle(lambda room: members)
    assert homeserver.to_device == []
    a_while_later(bot)
    await bot.keys.settle(lambda room: [bot.user_id, bob.user_id])
    assert homeserver.to_device == [], "nor later"
    assert bot.store.debts == {}


async def test_who_stays_away_is_tried_less_and_less(
    device: Make, homeserver: FakeHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot, bob = device("bot"), device("bob")
    members = [bot.user_id, bob.user_id]
    cut_off(bob, homeserver, "devices")
    await say(bot, members, "missed")
    clock = 1e6
    monkeypatch.setattr("bridge.matrix.keys.time.monotonic", lambda: clock)
    homeserver.requests.clear()
    for _ in range(3600):
        clock += 1
        await bot.keys.settle(lambda room: members)
    assert 5 <= len(homeserver.requests) <= 15


async def test_what_is_owed_is_bounded(device: Make, homeserver: FakeHomeserver) -> None:
    bot, bob = device("bot"), device("bob")
    members = [bot.user_id, bob.user_id]
    back = cut_off(bob, homeserver, "keys")
    said = []
    for _ in range(30):
        said.append(await say(bot, members, "x"))
        bot.store.drop_outbound(ROOM)
    assert len(bot.store.debts[ROOM]) == 20
    back()
    a_while_later(bot)
    homeserver.to_device.clear()
    await bot.keys.settle(lambda room: members)
    await know(bob, bot)
    deliver(bot, bob, homeserver)
    assert [read(bob, bot, content) for content in said[10:]] == ["x"] * 20


async def test_what_is_owed_for_too_long_is_forgotten(
    device: Make, homeserver: FakeHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot, bob = device("bot"), device("bob")
    back = cut_off(bob, homeserver, "keys")
    await say(bot, [bot.user_id, bob.user_id], "x")
    bot.store.drop_outbound(ROOM)
    await bot.store.commit()
    now = now_ms()
    monkeypatch.setattr("bridge.matrix.outbound_store.now_ms", lambda: now + 31 * 24 * 3_600_000)
    back()
    bot = device("bot")
    homeserver.to_device.clear()
    await bot.keys.settle(lambda room: [bot.user_id, bob.user_id])
    assert homeserver.to_device == []
    assert device("bot").store.debts == {}


async def test_what_is_kept_for_late_devices_is_bounded(device: Make, homeserver: FakeHomeserver) -> None:
    bot = device("bot")
    homeserver.failures = {"example.org"}
    members: list[str] = [bot.user_id]
    for n in range(60):
        members.append(f"@late{n}:example.org")
        await say(bot, members, "x")
    session = bot.store.outbound[ROOM]
    assert 0 < len(session.kept) <= 20
    assert sum(map(len, session.lacking.values())) <= 60
