"""Between two syncs: what many say within a few milliseconds comes in one answer, is opened and handled together, and
costs the homeserver and us one sync."""

import asyncio


class Pause:
    """Counts from the last answer: what is said while nobody else speaks is heard at once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = 0.0

    def begin(self) -> None:
        """An answer has come."""
        self._until = asyncio.get_running_loop().time() + self._seconds

    async def wait(self) -> None:
        """Wait until the next may be asked for."""
        left = self._until - asyncio.get_running_loop().time()
        if left > 0:
            await asyncio.sleep(left)
