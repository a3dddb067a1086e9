"""Requests that many rooms need in the same moment, made once for all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from bridge.matrix.http import MatrixError, Unreachable

T = TypeVar("T")


@dataclass(slots=True)
class _Call(Generic[T]):
    items: Sequence[T]
    done: "asyncio.Future[None]"


@dataclass(slots=True)
class _Batch(Generic[T]):
    calls: "list[_Call[T]]" = field(default_factory=list)
    size: int = 0


class Together(Generic[T]):
    """Gathers what is asked for until the loop has come round, then does it: in one go for all who asked."""

    def __init__(self, do: Callable[[Sequence[T]], Awaitable[None]], most: int) -> None:
        """`do`: one request. `most`: items that it takes at a time, unless somebody asks for more at once."""
        self._do = do
        self._most = most
        self._open: dict[str, _Batch[T]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def add(self, items: Sequence[T], kind: str = "") -> None:
        """Have it done with these, and with what others add of this `kind` meanwhile.

        Raises:
            whatever came of it; Unreachable after `stop`.
        """
        loop = asyncio.get_running_loop()
        batch = self._open.get(kind)
        if batch is None or batch.size + len(items) > self._most:
            batch = self._open[kind] = _Batch()
            task = loop.create_task(self._run(kind, batch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        batch.size += len(items)
        call = _Call(items, loop.create_future())
        batch.calls.append(call)
        await call.done

    async def stop(self) -> None:
        """Give up what is being done."""
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _run(self, kind: str, batch: _Batch[T]) -> None:
        if self._open.get(kind) is batch:
            del self._open[kind]
        try:
            # Who does not wait any more needs nothing.
            await self._settle([call for call in batch.calls if not call.done.done()])
        finally:
            for call in batch.calls:
                _end(call, Unreachable("given up"))

    async def _settle(self, calls: Sequence[_Call[T]]) -> None:
        error: Exception | None = None
        try:
            await self._do([item for call in calls for item in call.items])
        except MatrixError as refused:
            error = refused
            if not refused.temporary and len(calls) > 1:
                # Whatever is wrong with one of them must cost no other.
                for call in calls:
                    await self._settle([call])
        except Exception as other:
            error = other
        for call in calls:
            _end(call, error)


def _end(call: _Call[T], error: Exception | None) -> None:
    if call.done.done():
        return
    if error is None:
        call.done.set_result(None)
    else:
        call.done.set_exception(error)
