"""What the demo is doing while nobody can type yet."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator

_EVERY_S = 0.25


class Progress:
    """Numbered steps, one line each; on a terminal the seconds count while a step runs."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._step = 0
        self._live = sys.stdout.isatty()

    @contextlib.asynccontextmanager
    async def step(self, what: str) -> AsyncIterator[None]:
        """The block is one step, called `what`."""
        self._step += 1
        line = f"[{self._step}/{self._steps}] {what}"
        began = time.monotonic()
        if not self._live:
            print(line, end="", flush=True)
        clock = asyncio.create_task(_count(line, began)) if self._live else None
        done = False
        try:
            yield
            done = True
        finally:
            if clock is not None:
                clock.cancel()
            if done:
                took = f"({time.monotonic() - began:.1f} s)"
                print(f"\r{line} {took}" if self._live else f" {took}", flush=True)
            else:
                print(flush=True)  # what went wrong is told on a line of its own


async def _count(line: str, began: float) -> None:
    while True:
        print(f"\r{line} … {time.monotonic() - began:.0f} s", end="", flush=True)
        await asyncio.sleep(_EVERY_S)
