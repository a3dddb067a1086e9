"""Many rooms whose keys are needed in the same moment: few requests, and what is wrong with one costs no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bridge.delivery.ports import Later, Outgoing, Refused
from bridge.ids import AccountId, RoomId, UserId
from bridge.matrix.http import MatrixError, Unreachable
from bridge.matrix.keys import Keys
from bridge.matrix.machine import MEGOLM
from bridge.matrix.sender import RoomSender
from bridge.matrix.together import Together
from tests.unit.matrix.conftest import Device, make_rooms
from tests.unit.matrix.fake_homeserver import FakeHomeserver

PEOPLE = 120

Make = Callable[[str], Device]


async def is_copy(event_id: str) -> bool:
    return False


def a_dm_with_each(bot: Device, people: list[UserId], homeserver: FakeHomeserver) -> RoomSender:
    rooms = make_rooms(bot)
    for person in people:
        room = rooms.ensure(room_of(person))
        room.joined, room.encryption = True, {"algorithm": MEGOLM}
        room.members = {bot.user_id: "join", person: "join"}
    return RoomSender(bot.user_id, homeserver, bot.store, rooms, lambda: bot.keys, lambda: 0, 10**9, is_copy)


def room_of(person: UserId) -> RoomId:
    return RoomId(f"!{person}")


def hello(person: UserId) -> Outgoing:
    content = {"msgtype": "m.text", "body": "hello"}
    return Outgoing(AccountId(1), room_of(person), f"txn {person}", content, person, None)


def a_crowd(device: Make, homeserver: FakeHomeserver, count: int) -> list[UserId]:
    """People whose devices have the keys of one that was really made, under names of their own."""
    made = [device(f"person{number}") for number in range(count)]
    return [one.user_id for one in made]


def requests_to(homeserver: FakeHomeserver, part: str) -> list[Any]:
    return [body for _, path, body in homeserver.requests if part in path]


async def test_keys_for_many_rooms_are_asked_for_and_given_in_few_requests(
    device: Make, homeserver: FakeHomeserver
) -> None:
    bot = device("bot")
    people = a_crowd(device, homeserver, PEOPLE)
    sender = a_dm_with_each(bot, people, homeserver)
    before = bot.store.commits
    await asyncio.gather(*(sender.send(hello(person)) for person in people))
    assert len(homeserver.sent) == PEOPLE
    assert len(requests_to(homeserver, "/keys/query")) == 1
    assert len(requests_to(homeserver, "/keys/claim")) == 1
    given = requests_to(homeserver, "/sendToDevice/")
    assert [len(body["messages"]) for body in given] == [100, 20]
    assert bot.store.commits - before < 10


async def test_a_server_that_is_slow_delays_its_own_people_alone(device: Make, homeserver: FakeHomeserver) -> None:
    bot, alice = device("bot"), device("alice")
    far = UserId("@carol:far.org")
    sender = a_dm_with_each(bot, [alice.user_id, far], homeserver)
    answers, here = homeserver.request, asyncio.Event()

    async def request(method: str, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        if path.endswith("/keys/query") and far in body["device_keys"]:
            await here.wait()
        return await answers(method, path, body, **options)

    homeserver.request = request  # type: ignore[method-assign]
    waiting = asyncio.create_task(sender.send(hello(far)))
    await sender.send(hello(alice.user_id))
    assert len(homeserver.sent) == 1
    assert not waiting.done()
    here.set()
    with pytest.raises(Later):  # nobody is there
        await waiting


async def test_what_is_refused_for_one_room_is_sent_for_the_others(device: Make, homeserver: FakeHomeserver) -> None:
    bot = device("bot")
    people = a_crowd(device, homeserver, 3)
    sender = a_dm_with_each(bot, people, homeserver)
    answers = homeserver.request

    async def request(method: str, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        if "/sendToDevice/" in path and people[1] in body["messages"]:
            raise MatrixError(400, "M_INVALID_PARAM", {"errcode": "M_INVALID_PARAM"})
        return await answers(method, path, body, **options)

    homeserver.request = request  # type: ignore[method-assign]
    done = await asyncio.gather(*(sender.send(hello(person)) for person in people), return_exceptions=True)
    assert [isinstance(one, Refused) for one in done] == [False, True, False]
    assert len(homeserver.sent) == 2


async def test_a_device_in_two_rooms_gets_the_keys_of_both(device: Make, homeserver: FakeHomeserver) -> None:
    bot, alice = device("bot"), device("alice")
    bot.store.track(alice.user_id)
    await bot.keys.query()
    keys: Keys = bot.keys
    await asyncio.gather(
        *(keys.session_for(RoomId(f"!{n}"), [alice.user_id], (10**9, 100)) for n in range(3)),
    )
    assert [list(messages) for messages in homeserver.to_device] == [[alice.user_id]] * 3
    assert all(bot.store.outbound[RoomId(f"!{n}")].shared_with for n in range(3))


async def test_who_is_given_up_learns_it_and_who_left_is_not_waited_for() -> None:
    asked: list[list[int]] = []
    go = asyncio.Event()

    async def do(items: Any) -> None:
        asked.append(list(items))
        await go.wait()

    together: Together[int] = Together(do, 10)
    one, other = (asyncio.create_task(together.add([n])) for n in (1, 2))
    await asyncio.sleep(0)
    other.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert asked == [[1]]
    await together.stop()
    with pytest.raises(Unreachable):
        await one
