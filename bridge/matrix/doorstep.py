"""What happens before there is a conversation: answering invites, and turning encryption on."""

import asyncio
from collections.abc import Callable

import structlog

from bridge.ids import RoomId, UserId
from bridge.matrix.cryptostore import CryptoStore
from bridge.matrix.http import Homeserver, MatrixError, TokenRevoked, Unreachable, retrying, segment
from bridge.matrix.machine import MEGOLM
from bridge.matrix.rooms import Room, Rooms, write_rooms

log = structlog.get_logger(__name__)

NOTICE = (
    "This chat is not encrypted, so I stay silent here. Please turn on encryption in its settings, "
    "or open a new encrypted chat with me. / "
    "这个聊天没有加密，所以我在这里不说话。请在设置里打开加密，或者和我新建一个加密聊天。"
)
"""The only plaintext that ever leaves the bot; constant, so that it tells nothing about anybody."""

_JOIN_TRIES = 6
_MAX_QUEUE = 10_000


class Doorstep:
    """A worker beside the sync loop."""

    def __init__(
        self,
        homeserver: Homeserver,
        me: UserId,
        rooms: Rooms,
        store: CryptoStore,
        accepts_invite: Callable[[UserId, bool], bool],
    ) -> None:
        self._http = homeserver
        self._me = me
        self._rooms = rooms
        self._store = store
        self._accepts = accepts_invite
        self._queue: asyncio.Queue[tuple[str, RoomId]] = asyncio.Queue(_MAX_QUEUE)
        self._queued: set[tuple[str, RoomId]] = set()
        self._parallel = asyncio.Semaphore(8)

    def invited(self, room_id: RoomId) -> None:
        self._put("invite", room_id)

    def not_encrypted(self, room_id: RoomId) -> None:
        self._put("encrypt", room_id)

    def _put(self, what: str, room_id: RoomId) -> None:
        if (what, room_id) not in self._queued and not self._queue.full():
            self._queued.add((what, room_id))
            self._queue.put_nowait((what, room_id))

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                job = await self._queue.get()
                await self._parallel.acquire()
                tasks.create_task(self._do(*job))

    async def _do(self, what: str, room_id: RoomId) -> None:
        try:
            await (self._answer_invite(room_id) if what == "invite" else self._encrypt(room_id))
        except (MatrixError, Unreachable, TokenRevoked) as error:
            log.warning("could not answer an invite or encrypt a room", doing=what, error=str(error))
        finally:
            self._queued.discard((what, room_id))
            self._parallel.release()

    async def _answer_invite(self, room_id: RoomId) -> None:
        room = self._rooms.get(room_id)
        if room is None or room.invite is None or room.joined:
            return
        path = f"/_matrix/client/v3/rooms/{segment(room_id)}"
        if not self._accepts(UserId(room.invite["sender"]), room.invite["direct"]):
            await self._forget_invite(room)
            await retrying(lambda: self._http.request("POST", f"{path}/leave", {}), "declining an invite")
            return
        for tries in range(1, _JOIN_TRIES + 1):
            try:
                await retrying(lambda: self._http.request("POST", f"{path}/join", {}, timeout_s=90), "joining")
                return  # the sync brings the room
            except MatrixError as error:
                # Right after an invite over federation a join is refused for a moment.
                if error.status not in (403, 404) or tries == _JOIN_TRIES:
                    log.warning("an invite could not be followed", code=error.errcode)
                    await self._forget_invite(room)
                    return
                await asyncio.sleep(0.25 * 2**tries)

    async def _forget_invite(self, room: Room) -> None:
        room.invite = None
        self._rooms.changed(room.room_id)
        await self._commit()

    async def _commit(self) -> None:
        rows = self._rooms.take_changes()
        await self._store.commit(lambda tx: write_rooms(tx, self._rooms.account, rows))

    async def _encrypt(self, room_id: RoomId) -> None:
        room = self._rooms.get(room_id)
        if room is None or not room.joined or room.encryption is not None:
            return
        base = f"/_matrix/client/v3/rooms/{segment(room_id)}"
        if room.may_send_state(self._me, "m.room.encryption"):
            try:
                await retrying(
                    lambda: self._http.request("PUT", f"{base}/state/m.room.encryption/", {"algorithm": MEGOLM}),
                    "turning on encryption",
                )
                return
            except MatrixError as error:
                log.warning("encryption could not be turned on", code=error.errcode)
        if room.noticed:
            return
        room.noticed = True
        self._rooms.changed(room_id)
        await self._commit()
        content = {"msgtype": "m.notice", "body": NOTICE, "m.mentions": {}}
        await retrying(
            lambda: self._http.request("PUT", f"{base}/send/m.room.message/courtyard-not-encrypted", content),
            "sending the notice",
        )
