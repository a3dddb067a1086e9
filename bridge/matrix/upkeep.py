"""What keys need between two syncs, off the sync loop: supplies, repairs, and keys for who could have none before."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import TypeAlias

import structlog

from bridge.ids import RoomId, UserId
from bridge.matrix.http import MatrixError, TokenRevoked, TooLarge, Unreachable
from bridge.matrix.keys import Keys
from bridge.matrix.rooms import Rooms

log = structlog.get_logger(__name__)


Readable: TypeAlias = Callable[[RoomId], Awaitable[None]]


async def nobody_waits(room_id: RoomId) -> None:
    """A `Readable` for when nothing is sent that could wait."""


class Upkeep:
    """Works on whatever device we are, after each sync."""

    def __init__(self, keys: Callable[[], Keys], rooms: Rooms, readable: Readable = nobody_waits) -> None:
        """`readable`: called when somebody's device need not wait for its first key any more, with their DM."""
        self._keys = keys
        self._rooms = rooms
        self._readable = readable
        self._one_time_keys: int | None = None
        self._fallback_unused = True
        self._synced = asyncio.Event()

    def synced(self, one_time_keys: int | None, fallback_unused: bool) -> None:
        """A sync was read, and the homeserver said how many of our keys it has left."""
        self._one_time_keys, self._fallback_unused = one_time_keys, fallback_unused
        self._synced.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._synced.wait()
            self._synced.clear()
            await self._tell_readable()
            try:
                await self._keys().upload(self._one_time_keys, self._fallback_unused)
                await self._keys().repair()
                await self._keys().settle(self._members_of)
            except (Unreachable, MatrixError, TokenRevoked, TooLarge) as error:
                log.warning("key upkeep failed; it is tried again with the next sync", error=str(error))

    async def _tell_readable(self) -> None:
        for user in self._keys().machine.newcomers.take_shown():
            for room_id in self._rooms.dms_with(UserId(user)):
                await self._readable(room_id)

    def _members_of(self, room_id: RoomId) -> Collection[str]:
        """Who may be given keys of a room that we are in."""
        room = self._rooms.get(room_id)
        return room.members.keys() if room is not None and room.joined and not room.private else ()
