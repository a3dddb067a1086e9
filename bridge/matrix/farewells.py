"""The last that the bot does for somebody who was erased: forget their encryption, give the receipt, leave the chat."""

import asyncio
import contextlib
import time

import structlog

from bridge.db import Database, Tx
from bridge.db.alarm import Alarm
from bridge.delivery import queue
from bridge.delivery.ports import Held, Later, Refused
from bridge.ids import AccountId, RoomId
from bridge.matrix.cryptostore import CryptoStore
from bridge.matrix.forgetting import forget_rooms, forget_sessions, forget_user
from bridge.matrix.http import Homeserver, MatrixError, TokenRevoked, Unreachable, segment
from bridge.matrix.rooms import Rooms, write_rooms
from bridge.matrix.sender import RoomSender
from bridge.rights.farewells import Farewell, Farewells

log = structlog.get_logger(__name__)

MAX_AGE_MS = 7 * 24 * 3600 * 1000
"""For so long the receipt is tried to be delivered, and what stands in the chat to be taken back."""
_LOOK_EVERY_S = 60.0
_PAUSE_S, _MAX_PAUSE_S = 1.0, 300.0
_REQUEST_S = 90.0


class FarewellWorker:
    """Carries out `Farewells` for one account, beside the sync loop. Each step may be repeated after a crash."""

    def __init__(
        self,
        db: Database,
        homeserver: Homeserver,
        account: AccountId,
        rooms: Rooms,
        store: CryptoStore,
        sender: RoomSender,
        farewells: Farewells,
        max_age_ms: int = MAX_AGE_MS,
    ) -> None:
        self._db = db
        self._http = homeserver
        self._account = account
        self._rooms = rooms
        self._store = store
        self._sender = sender
        self._farewells = farewells
        self._max_age_ms = max_age_ms
        self._wake = Alarm()
        self._forgotten: set[int] = set()
        """Farewells whose old encryption is gone."""
        self._failures: dict[int, int] = {}
        self._not_before: dict[int, float] = {}
        farewells.rooms_of = rooms.dms_with
        farewells.wake = self._wake.ring

    def load(self, tx: Tx) -> None:
        """Know which chats nothing counts in any more, before the first sync brings anything."""
        self._farewells.load(tx, self._account)

    async def run(self) -> None:
        """Work until cancelled; begin when the first sync has told which rooms there are."""
        while True:
            self._wake.reset()
            try:
                await self._look()
            except Exception as error:  # the database is away, most likely
                log.error("farewells wait: the database did not answer", error=type(error).__name__)
            now = time.monotonic()
            pause = min([_LOOK_EVERY_S, *(max(0.05, at - now) for at in self._not_before.values())])
            await self._wake.sleep(pause)

    async def _look(self) -> None:
        for farewell in await self._db.run(lambda tx: self._farewells.load(tx, self._account)):
            if self._not_before.get(farewell.id, 0.0) > time.monotonic():
                continue
            pause = await self._try(farewell)
            if pause is None:
                self._not_before.pop(farewell.id, None)
                self._failures.pop(farewell.id, None)
            else:
                self._not_before[farewell.id] = time.monotonic() + pause

    async def _try(self, farewell: Farewell) -> float | None:
        """Do what can be done. None: all is done; else after how many seconds to go on."""
        try:
            if farewell.id not in self._forgotten:
                await self._forget_keys(farewell)
                self._forgotten.add(farewell.id)
            over = self._db.clock() - farewell.created_at > self._max_age_ms
            if not over and await self._waits(farewell):
                return _PAUSE_S
            if not over:
                await self._tell(farewell)
            joined = [room_id for room_id in farewell.rooms if self._is_joined(room_id)]
            for room_id in joined:
                await self._leave(room_id, "leave")
            if joined:
                return _PAUSE_S  # until a sync has brought that we left, all that comes of these rooms is still heard
            for room_id in farewell.rooms:
                await self._leave(room_id, "forget")
            await self._end(farewell)
            return None
        except Exception as error:
            failures = self._failures[farewell.id] = self._failures.get(farewell.id, 0) + 1
            pause: float = min(_PAUSE_S * 2.0 ** min(failures, 16), _MAX_PAUSE_S)
            if isinstance(error, Later):
                return min(max(pause, error.after_ms / 1000), _MAX_PAUSE_S)
            if not isinstance(error, Unreachable | TokenRevoked):
                # The type alone: the text of an error may name rooms.
                log.warning("a chat of an erased account could not be left yet", error=type(error).__name__)
            return pause

    async def _waits(self, farewell: Farewell) -> bool:
        """Whether something is still being taken back in their chats: the receipt is the last word."""
        joined = [room_id for room_id in farewell.rooms if self._is_joined(room_id)]
        return await self._db.run(
            lambda tx: any(queue.has_redactions(tx, self._account, room_id) for room_id in joined)
        )

    def _is_joined(self, room_id: RoomId) -> bool:
        room = self._rooms.get(room_id)
        return room is not None and room.joined

    async def _tell(self, farewell: Farewell) -> None:
        """Send the receipt, if its chat is still theirs alone."""
        if farewell.room is None or not farewell.content:
            return
        with contextlib.suppress(Held, Refused):
            # The same transaction id for each try: the homeserver shows it once.
            txn_id = f"farewell.{farewell.id}.{farewell.created_at}"
            await self._sender.send_event(farewell.room, farewell.user, "m.room.message", farewell.content, txn_id)

    async def _leave(self, room_id: RoomId, what: str) -> None:
        try:
            path = f"/_matrix/client/v3/rooms/{segment(room_id)}/{what}"
            await self._http.request("POST", path, {}, timeout_s=_REQUEST_S)
        except MatrixError as error:
            if error.temporary:
                raise  # else: we are not in it any more

    async def _forget_keys(self, farewell: Farewell) -> None:
        """With these keys, what was said in their chats could be read in the copies that homeservers keep."""
        self._forget(farewell)
        await self._store.commit()

    def _forget(self, farewell: Farewell) -> None:
        forget_rooms(self._store, farewell.rooms)
        forget_sessions(self._store, farewell.user)

    async def _end(self, farewell: Farewell) -> None:
        """Nothing of them is left: also what came with the receipt goes, and who they were known as."""
        self._forget(farewell)
        for room_id in farewell.rooms:
            self._rooms.drop(room_id)
        if farewell.user not in self._rooms.users():
            forget_user(self._store, farewell.user)
        rows = self._rooms.take_changes()

        def end(tx: Tx) -> None:
            write_rooms(tx, self._account, rows)
            self._farewells.ended(tx, farewell.id)

        await self._store.commit(end)
        self._farewells.left(farewell)
        self._forgotten.discard(farewell.id)
        if not await asyncio.to_thread(self._db.scrub):
            log.warning("deleted rows may still lie in the database file; cleaned up later")
