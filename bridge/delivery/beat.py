"""When an answer leaves: at a beat of the clock, so that how long it took to find tells nothing of why it is so.

What somebody may not see takes as long as what never was, but for some microseconds of work. Whoever asks often enough
could measure these. An answer leaves at the first beat that is at least one whole beat after the question came: at the
same moment whatever the work took, as long as that was less than a beat (P6).
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable


def due(began: float, now: float, beat: float) -> float:
    """The beat at which what was begun at `began` leaves, and never before `now`. All in seconds."""
    return math.ceil(max(began + beat, now) / beat) * beat


class Beat:
    """Waits for beats, which are `ms` apart; 0: it never waits."""

    def __init__(
        self,
        ms: int = 0,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._seconds = ms / 1000
        self._clock = clock
        self._sleep = sleep

    async def wait(self, began_ms: int) -> None:
        """Wait until the beat of an answer that was begun at `began_ms` (since the epoch); two beats at most."""
        if not self._seconds:
            return
        now = self._clock()
        delay = due(began_ms / 1000, now, self._seconds) - now
        # A clock that was set back must not hold anything up.
        await self._sleep(min(max(delay, 0.0), 2 * self._seconds))
