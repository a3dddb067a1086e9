"""Handling events off the sync loop: in order within a room, side by side between rooms.

A sync token is stored when every event of its batch, and of all batches before, has settled. So a crash makes the
homeserver send again what was not handled; what was handled is known by its event id.
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from bridge.chat.inbound import Inbound
from bridge.ids import RoomId

log = structlog.get_logger(__name__)

Handle = Callable[[Inbound], Awaitable[None]]

_MAX_PAUSE_S = 30.0
_BETWEEN_TOKENS_S = 0.1
"""An older token only makes the homeserver repeat itself: not each needs a commit of its own."""


@dataclass(slots=True)
class _Batch:
    token: str
    open: int


class Dispatcher:
    """One per account. `run` lives in the account's TaskGroup."""

    def __init__(
        self,
        handle: Handle,
        save_token: Callable[[str], Awaitable[None]],
        *,
        max_pending: int = 2000,
        max_parallel: int = 64,
    ) -> None:
        self._handle = handle
        self._save_token = save_token
        self._max_pending = max_pending
        self._parallel = asyncio.Semaphore(max_parallel)
        self._batches: deque[_Batch] = deque()
        self._rooms: dict[RoomId, deque[tuple[Inbound, _Batch]]] = {}
        self._pending = 0
        self._room = asyncio.Event()
        self._room.set()
        self._settled = asyncio.Event()
        self._new: asyncio.Queue[RoomId] = asyncio.Queue()

    @property
    def pending(self) -> int:
        """Events that have not settled yet."""
        return self._pending

    async def submit(self, token: str, events: list[Inbound]) -> None:
        """Take one batch. Waits while too much is pending: the sync loop then waits as well."""
        await self._room.wait()
        batch = _Batch(token, len(events))
        self._batches.append(batch)
        self._pending += len(events)
        if self._pending >= self._max_pending:
            self._room.clear()
        for event in events:
            room = event.origin.room_id
            queue = self._rooms.get(room)
            if queue is None:
                self._rooms[room] = deque([(event, batch)])
                self._new.put_nowait(room)
            else:
                queue.append((event, batch))
        if not events:
            self._settled.set()

    async def handle_first(self, event: Inbound) -> None:
        """Handle what must be settled before the events of its batch are taken: again and again, until it is."""
        await self._settle(event)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._store_tokens())
            while True:
                room = await self._new.get()
                tasks.create_task(self._work(room))

    async def _work(self, room: RoomId) -> None:
        queue = self._rooms[room]
        while queue:
            event, batch = queue[0]
            async with self._parallel:
                await self._settle(event)
            queue.popleft()
            batch.open -= 1
            self._pending -= 1
            if self._pending < self._max_pending:
                self._room.set()
            if batch.open == 0:
                self._settled.set()
        del self._rooms[room]

    async def _settle(self, event: Inbound) -> None:
        pause = 0.2
        while True:
            try:
                await self._handle(event)
                return
            except Exception as error:  # the database is away: nothing is given up, everything waits
                log.error("an event could not be handled; it is tried again", error=type(error).__name__)
                await asyncio.sleep(pause * random.uniform(1, 1.5))
                pause = min(pause * 2, _MAX_PAUSE_S)

    async def _store_tokens(self) -> None:
        while True:
            await self._settled.wait()
            self._settled.clear()
            token = None
            while self._batches and self._batches[0].open == 0:
                token = self._batches.popleft().token
            if token is not None:
                try:
                    await self._save_token(token)
                except Exception as error:
                    log.error("the sync token could not be stored", error=type(error).__name__)
                await asyncio.sleep(_BETWEEN_TOKENS_S)
