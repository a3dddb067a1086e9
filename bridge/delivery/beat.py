"""When an answer leaves: at a beat of the clock, so that how long it took to find tells nothing of why it is so.

What somebody may not see takes as long as what never was, but for some microseconds of work. Whoever asks often enough
could measure these. An answer leaves at the first beat that is at least one whole beat after the question came: at the
same moment whatever the work took, as long as that was less than a beat (P6).
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

_COARSE_S = 0.0015
"""A timer of the loop is late by up to one millisecond, and then some."""


def due(began: float, now: float, beat: float) -> float:
    """The beat at which what was begun at `began` leaves, and never before `now`. All in seconds."""
    return math.ceil(max(began + beat, now) / beat) * beat


class ExactSleep:
    """Sleeps that end when they should.

    epoll waits for whole milliseconds, rounded up: so a timer of the loop fires at a time that tells, within the
    millisecond, when the loop began to wait, and that is when the work was done. The end of a sleep is therefore
    waited for in a thread, to which the system is exact.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="beat")

    async def __call__(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        if seconds > _COARSE_S:
            await asyncio.sleep(seconds - _COARSE_S)
        await asyncio.get_running_loop().run_in_executor(self._thread, _sleep_until, end)


def _sleep_until(end: float) -> None:
    """Runs in the thread, for two milliseconds at most: the loop goes on meanwhile."""
    time.sleep(max(end - time.monotonic(), 0.0))


class Beat:
    """Waits for beats, which are `ms` apart; 0: it never waits."""

    def __init__(
        self,
        ms: int = 0,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] | None = None,
    ) -> None:
        self._seconds = ms / 1000
        self._clock = clock
        self._sleep = sleep or ExactSleep()
        self._coming: dict[float, asyncio.Task[None]] = {}
        """The beats that somebody waits for: one wait for all of a beat."""

    async def wait(self, began_ms: int) -> None:
        """Wait until the beat of an answer that was begun at `began_ms` (since the epoch); two beats at most."""
        if not self._seconds:
            return
        now = self._clock()
        at = due(began_ms / 1000, now, self._seconds)
        if (coming := self._coming.get(at)) is None:
            # A clock that was set back must not hold anything up.
            delay = min(max(at - now, 0.0), 2 * self._seconds)
            self._coming[at] = coming = asyncio.create_task(self._until(at, delay))
        await asyncio.shield(coming)  # others wait for it as well

    async def _until(self, at: float, delay: float) -> None:
        try:
            await self._sleep(delay)
        finally:
            del self._coming[at]
