"""What happens before there is a conversation: answering invites, and turning encryption on."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

import structlog

from bridge.errors import CourtyardError
from bridge.ids import RoomId, UserId, server_name
from bridge.matrix.cryptostore import CryptoStore
from bridge.matrix.http import Homeserver, MatrixError, TokenRevoked, TooLarge, Unreachable, segment
from bridge.matrix.machine import MEGOLM
from bridge.matrix.rooms import Room, Rooms, write_rooms

log = structlog.get_logger(__name__)

NOTICE = (
    "This chat is not encrypted, so I stay silent here. Please turn on encryption in its settings, "
    "or open a new encrypted chat with me. / "
    "这个聊天没有加密，所以我在这里不说话。请在设置里打开加密，或者和我新建一个加密聊天。"
)
"""The only plaintext that ever leaves the bot; constant, so that it tells nothing about anybody."""

_EARLY_TRIES = 6
_TRIES = 20
_MAX_PAUSE_S = 120.0
_ENTERING_S = 120.0
_MAX_JOBS = 10_000
_MAX_JOBS_PER_SERVER = 500
_PARALLEL, _PARALLEL_PER_SERVER = 32, 2
_TURN_S = 5.0
_MAX_WAITING_PER_PERSON = 20
_DECLINE_AFTER_S = 3.0
"""A homeserver sends an invite to another one before it has it itself. What is declined in that moment it does not
understand, and ours then keeps the decline to itself and calls it done: there the invite would stand for ever."""


class _GaveUp(CourtyardError):
    """The homeserver did not take it for a long time."""


class Doorstep:
    """A worker beside the sync loop. One server that is slow, or invites without end, does not hold up the others."""

    def __init__(
        self,
        homeserver: Homeserver,
        me: UserId,
        rooms: Rooms,
        store: CryptoStore,
        accepts_invite: Callable[[UserId, bool], bool],
        has_turn: Callable[[UserId], bool] = lambda user: True,
    ) -> None:
        """`accepts_invite`: whether it is the operator's will, for this inviter and to a DM or another room.
        `has_turn`: whether one more invite of theirs may be followed now; it is asked again while not."""
        self._http = homeserver
        self._me = me
        self._rooms = rooms
        self._store = store
        self._accepts = accepts_invite
        self._has_turn = has_turn
        self._waiting: Counter[str] = Counter()
        """Invites that wait for their turn, by inviter."""
        self._queue: asyncio.Queue[tuple[str, RoomId, str]] = asyncio.Queue()
        self._jobs: dict[tuple[str, RoomId], bool] = {}
        """What is queued or being done, and whether it came up again meanwhile."""
        self._load: Counter[str] = Counter()
        self._left_out: dict[str, dict[RoomId, None]] = {}
        """Invites that found no place, by server."""
        self._parallel = asyncio.Semaphore(_PARALLEL)
        self._entering: dict[RoomId, float] = {}
        """Rooms that we may be joining, with since when."""
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def invited(self, room_id: RoomId) -> None:
        self._entering[room_id] = time.monotonic()
        self._put("invite", room_id)

    def not_encrypted(self, room_id: RoomId) -> None:
        self._put("encrypt", room_id)

    def crowded(self, room_id: RoomId, inviter: UserId) -> None:
        """We came by an invite to a chat of two, and there are more people: the invite's word is not enough."""
        if not self._accepts(inviter, False):
            log.info("a room is left: the invite called it a private chat, but there are more people in it")
            self.leave(room_id)

    def leave(self, room_id: RoomId) -> None:
        self._put("leave", room_id)

    @property
    def entering(self) -> bool:
        """Whether we are joining a room, or have joined one that has not come with a sync yet."""
        recent = time.monotonic() - _ENTERING_S
        for room_id, since in list(self._entering.items()):
            room = self._rooms.get(room_id)
            if since < recent or room is None or room.joined or room.invite is None:
                del self._entering[room_id]
        return bool(self._entering)

    def _put(self, what: str, room_id: RoomId) -> None:
        if (what, room_id) in self._jobs:
            self._jobs[(what, room_id)] = True
            return
        room = self._rooms.get(room_id)
        invite = room.invite if room is not None else None
        server = server_name(UserId(invite["sender"])) if what == "invite" and invite is not None else room_id
        if len(self._jobs) < _MAX_JOBS and self._load[server] < _MAX_JOBS_PER_SERVER:
            self._load[server] += 1
            self._jobs[(what, room_id)] = False
            self._queue.put_nowait((what, room_id, server))
        elif what == "invite":
            self._left_out.setdefault(server, {})[room_id] = None

    def _give_place(self, server: str) -> None:
        """A job of this server has ended: an invite that found no place gets it, of the same server if there is one."""
        if not self._left_out:
            return
        server = server if server in self._left_out else next(iter(self._left_out))
        waiting = self._left_out[server]
        room_id = next(iter(waiting))
        del waiting[room_id]
        if not waiting:
            del self._left_out[server]
        self.invited(room_id)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                tasks.create_task(self._do(*await self._queue.get()))

    async def _do(self, what: str, room_id: RoomId, server: str) -> None:
        try:
            self._jobs[(what, room_id)] = False
            match what:
                case "invite":
                    await self._answer_invite(room_id, server)
                case "encrypt":
                    await self._encrypt(room_id, server)
                case "leave":
                    await self._request(server, "POST", f"/_matrix/client/v3/rooms/{segment(room_id)}/leave", {})
        except (MatrixError, TooLarge, _GaveUp) as error:
            log.warning("could not answer an invite or encrypt a room", doing=what, error=str(error))
        finally:
            self._load[server] -= 1
            if not self._load[server]:
                del self._load[server]
            if self._jobs.pop((what, room_id)):
                self._put(what, room_id)
            self._give_place(server)

    async def _request(
        self, server: str, method: str, path: str, body: Any, *, early: Callable[[MatrixError], bool] = lambda _: False
    ) -> None:
        """One request, repeated while it may still succeed; only while it is under way does it take others' place.

        `early`: which refusals may be due to its having come too early.

        Raises:
            MatrixError: it was refused.
            _GaveUp
        """
        turn = self._turns.get(server)
        if turn is None:
            turn = self._turns[server] = asyncio.Semaphore(_PARALLEL_PER_SERVER)
        pause = 0.5
        for tries in range(1, _TRIES + 1):
            wait = pause
            try:
                async with turn, self._parallel:
                    await self._http.request(method, path, body, timeout_s=90)
                return
            except (Unreachable, TokenRevoked):
                pass
            except MatrixError as error:
                if not error.temporary and not (early(error) and tries < _EARLY_TRIES):
                    raise
                wait = pause if error.retry_after_ms is None else error.retry_after_ms / 1000
            await asyncio.sleep(min(wait, _MAX_PAUSE_S) * random.uniform(1.0, 1.2))
            pause = min(pause * 2, _MAX_PAUSE_S)
        raise _GaveUp("the homeserver did not do it for a long time")

    async def _answer_invite(self, room_id: RoomId, server: str) -> None:
        room = self._rooms.get(room_id)
        if room is None or room.invite is None or room.joined:
            return
        path = f"/_matrix/client/v3/rooms/{segment(room_id)}"
        inviter = UserId(room.invite["sender"])
        private = self._rooms.is_private(room_id)  # what we left to two people stays theirs
        accepted = not private and self._accepts(inviter, room.invite["direct"])
        if not accepted or not await self._turn_of(inviter, room):
            if server_name(inviter) != server_name(self._me):
                await asyncio.sleep(_DECLINE_AFTER_S)
            await self._forget_invite(room)
            await self._request(server, "POST", f"{path}/leave", {})
            return
        room = self._rooms.get(room_id)
        if room is None or room.invite is None or room.joined:
            return  # taken back while it waited
        self._entering[room_id] = time.monotonic()
        try:
            # Right after an invite over federation a join is refused for a moment.
            await self._request(server, "POST", f"{path}/join", {}, early=lambda error: error.status in (403, 404))
        except MatrixError as error:
            log.warning("an invite could not be followed", code=error.errcode)
            await self._forget_invite(room)

    async def _turn_of(self, inviter: UserId, room: Room) -> bool:
        """Wait until an invite may be followed. False: this person has sent too many at once."""
        if self._has_turn(inviter):
            return True
        if self._waiting[inviter] >= _MAX_WAITING_PER_PERSON:
            return False
        log.info("invites are followed later: there were many at once")
        self._waiting[inviter] += 1
        try:
            while room.invite is not None and not self._has_turn(inviter):  # noqa: ASYNC110 - time alone gives turns
                await asyncio.sleep(_TURN_S * random.uniform(1.0, 1.2))
        finally:
            self._waiting[inviter] -= 1
            if not self._waiting[inviter]:
                del self._waiting[inviter]
        return True

    async def _forget_invite(self, room: Room) -> None:
        room.invite = None
        self._rooms.changed(room.room_id)
        await self._commit()

    async def _commit(self) -> None:
        rows = self._rooms.take_changes()
        await self._store.commit(lambda tx: write_rooms(tx, self._rooms.account, rows))

    async def _encrypt(self, room_id: RoomId, server: str) -> None:
        room = self._rooms.get(room_id)
        if room is None or not room.joined or room.encryption is not None:
            return
        base = f"/_matrix/client/v3/rooms/{segment(room_id)}"
        if room.may_send_state(self._me, "m.room.encryption"):
            try:
                await self._request(server, "PUT", f"{base}/state/m.room.encryption/", {"algorithm": MEGOLM})
                return
            except MatrixError as error:
                log.warning("encryption could not be turned on", code=error.errcode)
        if room.noticed:
            return
        room.noticed = True
        self._rooms.changed(room_id)
        await self._commit()
        content = {"msgtype": "m.notice", "body": NOTICE, "m.mentions": {}}
        await self._request(server, "PUT", f"{base}/send/m.room.message/courtyard-not-encrypted", content)
