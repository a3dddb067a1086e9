"""When a room gets a new session, and a device new fallback keys."""

from __future__ import annotations

import pytest
import vodozemac

from bridge.matrix.machine import MEGOLM
from bridge.matrix.rooms import Room
from bridge.matrix.signing import unpadded
from tests.unit.matrix.fake_homeserver import FakeHomeserver
from tests.unit.matrix.talk import (
    ROOM,
    Make,
)

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
