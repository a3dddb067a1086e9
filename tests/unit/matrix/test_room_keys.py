"""Room keys reach whom they are for, also late, and broken sessions are mended until it has worked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import vodozemac

from bridge.db.engine import now_ms
from bridge.delivery.ports import Later, Outgoing
from bridge.ids import AccountId, RoomId, UserId
from bridge.matrix import machine as machine_module
from bridge.matrix.generation import begin
from bridge.matrix.http import Unreachable
from bridge.matrix.machine import MEGOLM, OLM, NoKey
from bridge.matrix.rooms import Room, Rooms
from bridge.matrix.sender import RoomSender
from bridge.matrix.signing import unpadded
from tests.unit.matrix.conftest import Device, make_rooms
from tests.unit.matrix.fake_homeserver import FakeHomeserver

ROOM = RoomId("!room:example.org")
ROTATION = (7 * 24 * 3600 * 1000, 100)

Make = Callable[[str], Device]


async def is_copy(event_id: str) -> bool:
    return False


def event(sender: Device, content: dict[str, Any], event_id: str = "$1") -> dict[str, Any]:
    return {"type": "m.room.encrypted", "sender": sender.user_id, "event_id": event_id, "content": content}


def deliver(sender: Device, receiver: Device, homeserver: FakeHomeserver) -> None:
    """Hand the receiver what was sent to its device, once."""
    for messages in homeserver.to_device:
        content = messages.get(receiver.user_id, {}).pop(receiver.machine.device_id, None)
        if content is not None:
            receiver.machine.receive({"type": "m.room.encrypted", "sender": sender.user_id, "content": content})


async def know(one: Device, *others: Device) -> None:
    for other in others:
        one.store.track(other.user_id)
    await one.keys.query()


async def say(bot: Device, members: Sequence[str], body: str) -> dict[str, Any]:
    session = await bot.keys.session_for(ROOM, members, ROTATION)
    sent = bot.machine.encrypt_event(session, "m.room.message", {"body": body})
    await bot.store.commit()
    return sent


def read(receiver: Device, sender: Device, content: dict[str, Any]) -> object:
    opened = receiver.machine.decrypt_room_event(event(sender, content, f"${content['ciphertext'][:20]}"), ROOM)
    return opened.content["body"]


def a_minute_later(device: Device) -> None:
    device.keys._claim_after.clear()
    device.keys._query_after.clear()


# --- whoever can't be reached ---------------------------------------------------------------------------------------


def sender_of(bot: Device, members: Sequence[str], homeserver: FakeHomeserver) -> RoomSender:
    rooms: Rooms = make_rooms(bot)
    room = rooms.ensure(ROOM)
    room.joined, room.encryption, room.members = True, {"algorithm": MEGOLM}, dict.fromkeys(members, "join")
    return RoomSender(bot.user_id, homeserver, bot.store, rooms, lambda: bot.keys, lambda: 0, 10**9, is_copy)


def outgoing(person: str, first_try: int | None = None) -> Outgoing:
    return Outgoing(AccountId(1), ROOM, "txn", {"msgtype": "m.text", "body": "hello"}, UserId(person), first_try)


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
@pytest.mark.parametrize("end", ["rotation", "unclean end", "none"])
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
    await bot.store.commit()
    homeserver.to_device.clear()
    bot = device("bot")
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
    monkeypatch.setattr("bridge.matrix.outbound_store.now_ms", lambda: now + 31 * 24 * HOUR)
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


# --- broken Olm sessions --------------------------------------------------------------------------------------------


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
    bot.keys.wanted.append((alice.user_id, ROOM, "S" * 43))
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


# --- rotation -------------------------------------------------------------------------------------------------------

HOUR, WEEK = 3_600_000, 7 * 24 * 3_600_000


@pytest.mark.parametrize(
    ("age", "messages", "expected"),
    [
        (None, None, (WEEK, 100)),
        (1, 1, (HOUR, 1)),
        (HOUR - 1, 99, (HOUR, 99)),
        (2 * HOUR, 100, (2 * HOUR, 100)),
        (WEEK + 1, 101, (WEEK, 100)),
        (0, 0, (WEEK, 100)),
        (-1, -1, (WEEK, 100)),
        (True, True, (WEEK, 100)),
        ("5", "5", (WEEK, 100)),
    ],
)
def test_rotation_is_what_the_room_asks_for_within_bounds(
    age: object, messages: object, expected: tuple[int, int]
) -> None:
    settings = {"algorithm": MEGOLM, "rotation_period_ms": age, "rotation_period_msgs": messages}
    assert Room(ROOM, encryption=settings).rotation == expected


async def test_sessions_rotate_by_number_and_by_age(
    device: Make, homeserver: FakeHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot = device("bot")
    clock = 10**12
    monkeypatch.setattr("bridge.matrix.outgoing.now_ms", lambda: clock)

    async def session_of_next(rotation: tuple[int, int]) -> str:
        session = await bot.keys.session_for(ROOM, [bot.user_id], rotation)
        bot.machine.encrypt_event(session, "m.room.message", {"body": "x"})
        return str(session.session.session_id)

    by_number = [await session_of_next((HOUR, 2)) for _ in range(4)]
    assert by_number[0] == by_number[1] != by_number[2] == by_number[3]
    by_age = []
    for _ in range(4):
        by_age.append(await session_of_next((HOUR, 100)))
        clock += HOUR // 2
    assert by_age[0] == by_age[1] != by_age[2] == by_age[3]


def test_fallback_keys_rotate_and_the_last_one_still_opens(device: Make, homeserver: FakeHomeserver) -> None:
    bot, alice = device("bot"), device("alice")
    bodies = []
    for _ in range(2):
        body = bot.machine.upload_body(50, False)
        assert body is not None
        bot.machine.uploaded()
        bodies.append(body)
    first, second = (next(iter(body["fallback_keys"].values()))["key"] for body in bodies)
    assert first != second
    curve = bot.machine.account.identity_keys["curve25519"]
    for key in (first, second):
        session = alice.machine.account._account.create_outbound_session(
            vodozemac.Curve25519PublicKey.from_base64(curve), vodozemac.Curve25519PublicKey.from_base64(key)
        )
        kind, body = session.encrypt(b"{}").to_parts()
        assert kind == 0
        sender_key = vodozemac.Curve25519PublicKey.from_base64(alice.machine.account.identity_keys["curve25519"])
        bot.machine.account._account.create_inbound_session(
            sender_key, vodozemac.PreKeyMessage.from_base64(unpadded(bytes(body)))
        )
