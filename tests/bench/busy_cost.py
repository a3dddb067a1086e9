"""What others wait while one person's post goes to many.

    python -m tests.bench.busy_cost

Ten people ask something, ten times a second in all. Beside them somebody posts for 500 friends who want that at once,
again and again. The answers to what was asked between a post and its last copy are compared with all others of the run.
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench.rooms_cost import befriend
from tests.bench.stub import bots
from tests.bench.stub.homeserver import Answer, StubHomeserver
from tests.bench.stub.person import StubPerson
from tests.bench.stub.process import running
from tests.bench.stub.talk import Crowd

FRIENDS, TALKERS, POSTS = 500, 10, 10
_PAUSE_S, _CALM_S, _SPREAD_S = 0.1, 2.0, 60.0
TARGET, ACCEPTED_TARGET_MS = 2.0, 100.0


@dataclass(frozen=True, slots=True)
class Busy:
    """One homeserver: what others waited, in milliseconds, 95th percentiles."""

    delay_ms: float
    friends: int
    asked: tuple[int, int]
    """Questions while nothing else went on, and beside a post."""
    calm_ms: float
    beside_ms: float
    ratio: float
    accepted_ms: float
    """Median time that the author waits for the confirmation."""
    spread_s: float
    """Median time from a post to its last copy."""


@dataclass(frozen=True, slots=True)
class _Waited:
    asked_at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class _Posted:
    at: float
    accepted: float
    """Seconds until the author's confirmation."""
    ended: float


class _Copies:
    """Waits until so many of the friends were told something. The crowd goes on hearing what it waits for."""

    def __init__(self, stub: StubHomeserver, rooms: Collection[str]) -> None:
        self._rooms, self._crowd = rooms, stub.on_said
        self._count, self._news = 0, asyncio.Event()
        stub.on_said = self._said

    def _said(self, room: str, content: Answer, at: float) -> None:
        if room in self._rooms:
            self._count += 1
            self._news.set()
        self._crowd(room, content, at)

    async def more(self, count: int) -> None:
        """Wait for `count` from now on."""
        end = self._count + count
        async with asyncio.timeout(_SPREAD_S):
            while self._count < end:
                self._news.clear()
                await self._news.wait()


async def measure(delay_ms: float) -> Busy:
    with tempfile.TemporaryDirectory() as temporary:
        directory, stub = Path(temporary), StubHomeserver()
        await stub.start()
        try:
            crowd = Crowd(stub)
            author, *friends = [stub.add_person(f"p{n}") for n in range(FRIENDS + 1)]
            talkers = [stub.add_person(f"t{n}") for n in range(TALKERS)]
            bot = bots.courtyard(stub.url, directory)
            async with running(bot.command, bot.env, directory / "bot.log"):
                await crowd.all_joined(seconds=60 + FRIENDS)
                while not all(stub.heard(one) for one in (author, *friends, *talkers)):
                    crowd.news.clear()
                    await crowd.news.wait()
                for one in (author, *talkers):
                    stub.give_room_key(one)
                    await crowd.ask(one, "ping")
            await asyncio.to_thread(befriend, directory, author.user_id, [one.user_id for one in friends])
            async with running(bot.command, bot.env, directory / "bot.log"):
                stub.delay_s = delay_ms / 1000
                copies = _Copies(stub, {one.room_id for one in friends})
                return await _measured(crowd, copies, author, talkers, delay_ms)
        finally:
            await stub.stop()


async def _measured(
    crowd: Crowd, copies: _Copies, author: StubPerson, talkers: Sequence[StubPerson], delay_ms: float
) -> Busy:
    loop, answers, posts = asyncio.get_running_loop(), list[_Waited](), list[_Posted]()

    async def talk(person: StubPerson, number: int) -> None:
        await asyncio.sleep(_PAUSE_S * number)
        while True:
            began = loop.time()
            answers.append(_Waited(began, await crowd.ask(person, "ping")))
            await asyncio.sleep(max(began + TALKERS * _PAUSE_S - loop.time(), 0))

    gc.disable()  # of this process: the crowd must not be what others wait for
    async with asyncio.TaskGroup() as tasks:
        talking = [tasks.create_task(talk(person, number)) for number, person in enumerate(talkers)]
        await _post(crowd, copies, author)  # the first, for which everything is loaded
        await asyncio.sleep(_CALM_S)
        answers.clear()
        for _ in range(POSTS):
            posts.append(await _post(crowd, copies, author))
            await asyncio.sleep(_CALM_S)
        for one in talking:
            one.cancel()
    gc.enable()
    beside = [one.seconds for one in answers if any(p.at <= one.asked_at <= p.ended for p in posts)]
    # What was asked right before a post may have been answered beside it.
    calm = [one.seconds for one in answers if not any(p.at - 0.5 <= one.asked_at <= p.ended for p in posts)]
    calm_ms, beside_ms = (round(1000 * statistics.quantiles(some, n=20)[-1], 1) for some in (calm, beside))
    spread = statistics.median(post.ended - post.at for post in posts)
    accepted = 1000 * statistics.median(post.accepted for post in posts)
    return Busy(
        delay_ms,
        FRIENDS,
        (len(calm), len(beside)),
        calm_ms,
        beside_ms,
        round(beside_ms / calm_ms, 2),
        round(accepted, 1),
        round(spread, 2),
    )


async def _post(crowd: Crowd, copies: _Copies, author: StubPerson) -> _Posted:
    """Post, and wait until the last friend has it."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(copies.more(FRIENDS))
        accepted = await crowd.ask(
            author, "post The first frost came in the night, and the pumpkins are all in the barn by now"
        )
    return _Posted(began, accepted, loop.time())


def run() -> list[Busy]:
    """The homeserver near, and 50 ms away."""
    return [asyncio.run(measure(delay_ms)) for delay_ms in (0.0, 50.0)]


def told(rows: Sequence[Busy]) -> list[str]:
    """Print the table. What is over the target."""
    print(f"\nAnswers to others while a post goes to {FRIENDS} at once\n")
    print(
        f"{'away, ms':>9}{'calm, p95 ms':>14}{'beside, p95 ms':>16}{'ratio':>7}"
        f"{'answers':>12}{'accepted, ms':>14}{'spread, s':>11}"
    )
    for row in rows:
        print(
            f"{row.delay_ms:>9.0f}{row.calm_ms:>14.1f}{row.beside_ms:>16.1f}{row.ratio:>7.2f}"
            f"{f'{row.asked[0]}, {row.asked[1]}':>12}{row.accepted_ms:>14.1f}{row.spread_s:>11.2f}"
        )
    missed = [f"answers beside a post, {row.delay_ms:.0f} ms" for row in rows if row.ratio > TARGET]
    return missed + ["accepting a post" for row in rows if row.accepted_ms - row.delay_ms > ACCEPTED_TARGET_MS]


if __name__ == "__main__":
    print(json.dumps([asdict(row) for row in run()], indent=2))
