"""What the sender makes of refusals, and of a device that is exchanged while it works."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bridge.delivery.ports import Held, Later, Outgoing, Refused
from bridge.ids import AccountId, EventId, RoomId, UserId
from bridge.matrix.http import MatrixError
from bridge.matrix.keys import Keys
from bridge.matrix.machine import MEGOLM
from bridge.matrix.rooms import Rooms
from bridge.matrix.seal import Sealer
from bridge.matrix.sender import RoomSender
from tests.unit.matrix.conftest import STORE_KEY, Device
from tests.unit.matrix.fake_homeserver import FakeHomeserver

Make = Callable[[str], Device]
ROOM = RoomId("!room:example.org")


async def _not_known(event_id: str) -> bool:
    return False


def _sender(bot: Device, alice: Device, homeserver: FakeHomeserver, keys: Callable[[], Keys]) -> RoomSender:
    rooms = Rooms(bot.store.account, UserId(bot.user_id), Sealer(STORE_KEY))
    room = rooms.ensure(ROOM)
    encryption = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": MEGOLM}, "sender": "@a:x"}
    room.apply(encryption, UserId(bot.user_id))
    room.members = {UserId(bot.user_id): "join", UserId(alice.user_id): "join"}
    room.joined = True
    return RoomSender(UserId(bot.user_id), homeserver, bot.store, rooms, keys, lambda: 0, 10**12, _not_known)


def _hello(bot: Device, alice: Device) -> Outgoing:
    content = {"msgtype": "m.text", "body": "hello"}
    return Outgoing(AccountId(bot.store.account), ROOM, "txn", content, UserId(alice.user_id), None)


async def test_what_a_former_device_encrypted_is_not_sent_by_the_next(device: Make, homeserver: FakeHomeserver) -> None:
    alice, bot = device("alice"), device("bot")
    bot.store.track(alice.user_id)
    asked: list[Any] = []

    def keys() -> Keys:
        asked.append(None)
        return bot.keys if len(asked) == 1 else Keys(homeserver, bot.machine, bot.store)

    with pytest.raises(Later):
        await _sender(bot, alice, homeserver, keys).send(_hello(bot, alice))
    assert homeserver.sent == []
    await _sender(bot, alice, homeserver, lambda: bot.keys).send(_hello(bot, alice))
    assert len(homeserver.sent) == 1


async def test_no_message_leaves_before_it_is_written_that_its_session_is_in_use(
    device: Make, homeserver: FakeHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or else a crash would be followed by a process that goes on with the session as it was before."""
    alice, bot = device("alice"), device("bot")
    bot.store.track(alice.user_id)
    await _sender(bot, alice, homeserver, lambda: bot.keys).send(_hello(bot, alice))
    await bot.stop()

    bot = device("bot")
    sender = _sender(bot, alice, homeserver, lambda: bot.keys)
    run, begun, goes_on = bot.store._db.run, asyncio.Event(), asyncio.Event()

    async def slow(work: Any) -> Any:
        begun.set()
        await goes_on.wait()
        return await run(work)

    with monkeypatch.context() as patched:
        patched.setattr(bot.store._db, "run", slow)
        tries = [asyncio.create_task(sender.send(_hello(bot, alice)))]
        async with asyncio.timeout(10):
            await begun.wait()
        tries[0].cancel()  # the commit goes on without it
        tries.append(asyncio.create_task(sender.send(_hello(bot, alice))))
        await asyncio.wait(tries, timeout=0.05)
        assert len(homeserver.sent) == 1, "the one of the process before"
        assert ROOM in device("bot").store.outbound, "nothing of it is in use as far as the database knows"
        goes_on.set()
        await tries[1]
    assert len(homeserver.sent) == 2
    assert ROOM not in device("bot").store.outbound


@pytest.mark.parametrize(
    ("status", "code", "expected", "final"),
    [
        (400, "M_TOO_LARGE", Refused, True),
        (413, "M_TOO_LARGE", Refused, True),
        (400, "M_UNKNOWN", Refused, True),  # Synapse: a thread can't begin there
        (404, None, Refused, False),  # the error page of a proxy
        (404, "M_UNRECOGNIZED", Refused, False),
        (401, "M_MISSING_TOKEN", Refused, False),
        (403, "M_FORBIDDEN", Held, None),
        (502, "M_UNKNOWN", Later, None),
        (429, "M_LIMIT_EXCEEDED", Later, None),
    ],
)
async def test_what_is_refused(
    device: Make,
    homeserver: FakeHomeserver,
    status: int,
    code: str | None,
    expected: type[Exception],
    final: bool | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alice, bot = device("alice"), device("bot")

    async def refuse(*args: Any, **options: Any) -> Any:
        raise MatrixError(status, code or "M_UNKNOWN", {} if code is None else {"errcode": code})

    monkeypatch.setattr(homeserver, "request", refuse)
    sender = _sender(bot, alice, homeserver, lambda: bot.keys)
    with pytest.raises(expected) as caught:
        await sender.redact(AccountId(bot.store.account), ROOM, EventId("$event"), "txn")
    assert getattr(caught.value, "final", None) is final
