"""When the next part of a post is queued."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from bridge.db import Database
from bridge.moments.digests import Digests
from bridge.moments.fanout import Fanout
from bridge.moments.telling import Telling


class Steps:
    """Stands for the database and what is done in it: each step answers what it was told to, then that all is done."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.done = 0
        self.clock: Callable[[], int] = lambda: 0

    async def run(self, work: Callable[[Any], Any]) -> Any:
        await asyncio.sleep(0)
        return work(None)

    def step(self, _: Any) -> int | None:
        self.done += 1
        return self.answers.pop(0) if self.answers else None

    def no_digests(self, _: Any) -> bool:
        return False


@asynccontextmanager
async def telling(steps: Steps) -> AsyncIterator[Telling]:
    class _NoDigests:
        step = staticmethod(steps.no_digests)

    telling = Telling(cast(Database, steps), cast(Fanout, steps), cast(Digests, _NoDigests))
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(telling.run())
        yield telling
        task.cancel()


async def done(steps: Steps, count: int) -> None:
    async with asyncio.timeout(10):
        while steps.done < count:  # noqa: ASYNC110
            await asyncio.sleep(0)


async def settled(steps: Steps) -> int:
    """How many steps there were when nothing more happens by itself."""
    for _ in range(20):
        await asyncio.sleep(0)
    return steps.done


async def test_the_next_part_follows_when_enough_has_left() -> None:
    steps = Steps(30, 100)
    async with telling(steps) as job:
        await done(steps, 1)
        for _ in range(29):
            job.left(1)
        assert await settled(steps) == 1, "there is no room for it yet"
        job.left(1)
        await done(steps, 2)
        job.left(64)
        assert await settled(steps) == 2
        job.left(64)
        await done(steps, 3)
        job.left(1000)
        assert await settled(steps) == 3, "nothing is left to do"


async def test_where_there_is_room_the_next_part_follows_at_once() -> None:
    steps = Steps(0, 0, 0)
    async with telling(steps):
        await done(steps, 4)
        assert await settled(steps) == 4


async def test_what_left_without_a_word_is_seen_a_little_later() -> None:
    steps = Steps(30)
    async with telling(steps):
        await done(steps, 2)


async def test_a_new_post_is_looked_at_at_once() -> None:
    steps = Steps()
    async with telling(steps) as job:
        await done(steps, 1)
        assert await settled(steps) == 1
        job.wake()
        await done(steps, 2)
