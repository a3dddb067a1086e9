"""What wakes a job before its time."""

import asyncio
import contextlib


class Alarm:
    """A job resets it, looks at the database, and sleeps until something is due, or until it rings. What happens while
    the job looks is not missed: then it does not sleep at all."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """There is something to do. On the loop."""
        self._event.set()

    def reset(self) -> None:
        """From now on, what happens counts."""
        self._event.clear()

    async def sleep(self, seconds: float) -> None:
        """Until it rings, but not longer than this."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()
