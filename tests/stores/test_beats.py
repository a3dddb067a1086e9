"""Answers leave at beats of the clock, over both engines; what is no answer leaves at once."""

import asyncio
import time
from types import SimpleNamespace

import pytest

from bridge.chat.command import Person
from bridge.chat.reply import Message, Reply, Written
from bridge.db import Tx
from bridge.delivery import beat as beat_module
from bridge.delivery.beat import Beat, ExactSleep
from tests.stores.delivery import House, dm_of, dm_view

ALICE = dm_of("alice")
BEAT_MS = 10


class _Waits:
    """A clock that stands still but while somebody waits."""

    def __init__(self, now_ms: float) -> None:
        self.now = now_ms / 1000
        self.waited: list[float] = []

    def beat(self) -> Beat:
        return Beat(BEAT_MS, lambda: self.now, self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.waited.append(round(seconds * 1000, 3))


async def _answer(house: House, person: Person, *texts: str, since: int | None = None) -> None:
    reply = Reply(tuple(Message((Written(text),)) for text in texts))
    event = house.event(person, ALICE)
    await house.db.run(lambda tx: house.outbox.answer(tx, event, dm_view(person), person, reply, since=since))


async def _deliver(house: House, waits: _Waits) -> None:
    async with house.delivering(beat=waits.beat()):
        await house.idle()


@pytest.mark.parametrize("took", [0, 3, 9])
async def test_it_leaves_at_the_same_beat_whatever_the_work_took(house: House, took: int) -> None:
    came, alice = house.now // BEAT_MS * BEAT_MS + 4, await house.person("alice")
    house.now = came + took
    await _answer(house, alice, "no", since=came)
    waits = _Waits(house.now)
    await _deliver(house, waits)
    assert house.homeserver.shown(ALICE) == ["no"]
    # It came at 4 of a beat: the first beat that is a whole one later is at 20.
    assert waits.waited == [16 - took]


async def test_a_long_work_ends_at_the_next_beat(house: House) -> None:
    came, alice = house.now // BEAT_MS * BEAT_MS + 4, await house.person("alice")
    house.now = came + 33
    await _answer(house, alice, "no", since=came)
    waits = _Waits(house.now)
    await _deliver(house, waits)
    assert waits.waited == [3]


async def test_an_answer_waits_once(house: House) -> None:
    alice = await house.person("alice")
    house.now = house.now // BEAT_MS * BEAT_MS
    await _answer(house, alice, "one", "two", "three")
    await _answer(house, alice, "four")
    waits = _Waits(house.now)
    await _deliver(house, waits)
    assert house.homeserver.shown(ALICE) == ["one", "two", "three", "four"]
    assert waits.waited == [BEAT_MS, BEAT_MS]


async def test_what_is_no_answer_leaves_at_once(house: House) -> None:
    alice = await house.person("alice")

    def work(tx: Tx) -> None:
        house.outbox.message(tx, alice, Message((Written("news"),)))

    await house.db.run(work)
    waits = _Waits(house.now)
    await _deliver(house, waits)
    assert house.homeserver.shown(ALICE) == ["news"]
    assert waits.waited == []


async def test_a_clock_that_was_set_back_holds_nothing_up(house: House) -> None:
    alice = await house.person("alice")
    await _answer(house, alice, "no")
    waits = _Waits(house.now - 3_600_000)
    await _deliver(house, waits)
    assert house.homeserver.shown(ALICE) == ["no"]
    assert waits.waited == [2 * BEAT_MS]


async def test_all_of_a_beat_wait_together() -> None:
    """And who does not wait any more takes it from nobody."""
    waits, go = list[float](), asyncio.Event()

    async def sleep(seconds: float) -> None:
        waits.append(round(seconds * 1000))
        await go.wait()

    beat = Beat(BEAT_MS, lambda: 1000.004, sleep)
    waiting = [asyncio.create_task(beat.wait(began)) for began in (1_000_001, 1_000_003, 1_000_003, 999_985)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert waits == [16, 6]
    waiting[0].cancel()
    await asyncio.sleep(0)
    assert [task.done() for task in waiting] == [True, False, False, False]
    go.set()
    async with asyncio.timeout(10):
        await asyncio.gather(*waiting[1:])
        await beat.wait(1_000_003)  # nothing is left of what has been
    assert waits == [16, 6, 16]


async def test_the_end_of_a_wait_tells_nothing_of_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop's timers count in milliseconds from when they were set. So what is left is waited for elsewhere, to the
    moment that was meant from the first: neither the timer's lateness nor what the loop did meanwhile moves it."""
    ends: list[float] = []
    monkeypatch.setattr(beat_module, "_sleep_until", ends.append)
    timers: list[float] = []

    async def late(seconds: float) -> None:
        timers.append(seconds)
        now[0] += seconds + 0.0009

    now = [50.0]
    loop = SimpleNamespace(sleep=late, get_running_loop=asyncio.get_running_loop)
    monkeypatch.setattr(beat_module, "asyncio", loop)
    monkeypatch.setattr(beat_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    sleep = ExactSleep()
    for took in (0.0, 0.0003, 0.0007, 0.0096):
        now[0] = 50.0 + took
        await sleep(0.01 - took)
    assert ends == pytest.approx([50.01] * 4)
    assert timers == pytest.approx([0.0085, 0.0082, 0.0078])  # what is left of the last is less than they can tell


async def test_no_wait_ends_too_early() -> None:
    sleep = ExactSleep()
    for seconds in (0.0, 0.0004, 0.003):
        began = time.monotonic()
        await sleep(seconds)
        assert time.monotonic() - began >= seconds
