"""Sending, closed by default: nothing leaves unless the room is known, joined and encrypted, and the key is shared."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import structlog

from bridge.db.engine import now_ms
from bridge.delivery.ports import Held, Later, MaybeSent, Outgoing, Refused
from bridge.errors import CourtyardError
from bridge.ids import AccountId, EventId, RoomId, UserId
from bridge.matrix.cryptostore import CryptoStore
from bridge.matrix.http import Homeserver, MatrixError, TokenRevoked, TooLarge, Unreachable, segment
from bridge.matrix.keys import Keys
from bridge.matrix.rooms import Room, Rooms

T = TypeVar("T")
log = structlog.get_logger(__name__)

TXN_KEY = "chat.courtyard.txn"
"""Inside the ciphertext, each message carries its transaction id, so that an old try can be recognised."""

_LOOK_BACK_PAGES = 5
_CLOCKS_DIFFER_MS = 5 * 60_000
_PAUSE_MS = 2_000
_SOON_MS = 300
_MAX_UNREACHED_MS = 60_000
_SESSION_TRIES = 3


class RoomSender:
    """Implements `bridge.delivery.ports.Sender` for one account."""

    def __init__(
        self,
        me: UserId,
        homeserver: Homeserver,
        store: CryptoStore,
        rooms: Rooms,
        keys: Callable[[], Keys],
        device_since: Callable[[], int],
        look_back_after_ms: int,
        is_copy: Callable[[EventId], Awaitable[bool]],
        is_unsettled: Callable[[UserId], bool] = lambda user: False,
    ) -> None:
        """`look_back_after_ms`: homeservers forget transaction ids after about a day; a try older than this is looked
        for in the room before it is repeated. `is_copy`: whether it is known what an event of ours was sent for.
        `is_unsettled`: whether a person's identity was reset, and what they asked for in that case has not been done
        yet."""
        self._me = me
        self._http = homeserver
        self._store = store
        self._rooms = rooms
        self._keys = keys
        self._device_since = device_since
        self._look_back_after_ms = look_back_after_ms
        self._is_copy = is_copy
        self._is_unsettled = is_unsettled
        self._locks: WeakValueDictionary[RoomId, asyncio.Lock] = WeakValueDictionary()

    async def send(self, event: Outgoing) -> EventId:
        """See `Sender`. The content is encrypted; there is no way to send it in the clear."""
        return await self._guarded(lambda: self._send(event))

    async def redact(self, account: AccountId, room_id: RoomId, event_id: EventId, txn_id: str) -> None:
        """Redact, without a reason text: redactions are not encrypted."""
        path = f"/_matrix/client/v3/rooms/{segment(room_id)}/redact/{segment(event_id)}/{segment(txn_id)}"
        await self._guarded(lambda: self._http.request("PUT", path, {}))

    async def react(self, account: AccountId, room_id: RoomId, event_id: EventId, key: str, txn_id: str) -> None:
        """React: the homeserver can read it, so it is used only where the operator and the person allow it."""
        content = {"m.relates_to": {"rel_type": "m.annotation", "event_id": event_id, "key": key}}
        path = f"/_matrix/client/v3/rooms/{segment(room_id)}/send/m.reaction/{segment(txn_id)}"
        await self._guarded(lambda: self._http.request("PUT", path, content))

    async def _guarded(self, work: Callable[[], Awaitable[T]]) -> T:
        try:
            return await work()
        except Unreachable:
            raise Later(_PAUSE_MS) from None
        except TokenRevoked:
            raise Later(_PAUSE_MS) from None  # the sync loop logs in again, or tells the operator
        except TooLarge as error:
            raise Refused(str(error)) from None
        except MatrixError as error:
            if error.temporary:
                raise Later(error.retry_after_ms if error.retry_after_ms is not None else _PAUSE_MS) from None
            if error.status == 403:
                raise Held from None  # not in the room any more, or not allowed to speak there
            # Without a Matrix error in it the answer is a proxy's, and nobody refused the event.
            passing = not error.body or error.status == 401 or error.errcode == "M_UNRECOGNIZED"
            raise Refused(str(error), final=not passing) from None

    async def send_event(
        self, room_id: RoomId, only_dm_with: UserId, event_type: str, content: Mapping[str, Any], txn_id: str
    ) -> EventId:
        """Send an event of any type, encrypted, into this person's DM. Its content is sent as it is given.

        Raises:
            Held, Later, Refused: as for `send`.
        """

        async def work() -> EventId:
            async with self._lock(room_id):
                return await self._encrypted(room_id, only_dm_with, event_type, content, txn_id)

        return await self._guarded(work)

    async def prepare(self, room_id: RoomId, only_dm_with: UserId) -> None:
        """Share the key of what is to be said in this person's DM, as clients do when somebody begins to type.

        Raises:
            Held, Later, Refused: as for `send`.
        """

        async def work() -> None:
            async with self._lock(room_id):
                room = self._admitted(room_id, only_dm_with)
                await self._keys().session_for(room_id, sorted(room.members), room.rotation)

        await self._guarded(work)

    async def _send(self, event: Outgoing) -> EventId:
        async with self._lock(event.room_id):
            old = event.first_attempt_at
            if old is not None and (now_ms() - old > self._look_back_after_ms or old < self._device_since()):
                self._admitted(event.room_id, event.only_dm_with)
                async with self._store.awake(event.room_id):
                    found = await self._look_back(event, old)
                if found is not None:
                    return found
            content = {**event.content, TXN_KEY: event.txn_id}
            return await self._encrypted(
                event.room_id, event.only_dm_with, "m.room.message", content, event.txn_id, old
            )

    def _lock(self, room_id: RoomId) -> asyncio.Lock:
        lock = self._locks.get(room_id)
        if lock is None:
            lock = self._locks[room_id] = asyncio.Lock()
        return lock

    async def _encrypted(
        self,
        room_id: RoomId,
        only_dm_with: UserId | None,
        event_type: str,
        content: Mapping[str, Any],
        txn_id: str,
        first_try: int | None = None,
    ) -> EventId:
        """Share the key, encrypt, commit, send. The room's lock is held."""
        keys = self._keys()
        for _ in range(_SESSION_TRIES):
            room = self._admitted(room_id, only_dm_with)
            session = await keys.session_for(room_id, sorted(room.members), room.rotation)
            # Somebody may have come in while the key was on its way: check again, with no await until encryption.
            self._admitted(room_id, only_dm_with)
            if only_dm_with is None or keys.machine.reaches(session, only_dm_with):
                break
            if not keys.machine.users_to_query([only_dm_with]) or not keys.may_query(only_dm_with):
                raise _unreached(first_try, keys.machine.wait_ms(only_dm_with))
        else:
            raise _unreached(first_try)
        encrypted = keys.machine.encrypt_event(session, event_type, content)
        if not session.is_written:
            await self._store.commit()
        if keys is not self._keys():
            raise Later(_SOON_MS)  # encrypted by a device that we are no more
        path = f"/_matrix/client/v3/rooms/{segment(room_id)}/send/m.room.encrypted/{segment(txn_id)}"
        answer = await self._http.request("PUT", path, encrypted)
        event_id = answer.get("event_id")
        if not isinstance(event_id, str):
            raise Later(_PAUSE_MS)
        return EventId(event_id)

    def _admitted(self, room_id: RoomId, only_dm_with: UserId | None) -> Room:
        """The room, if it may be spoken in.

        Raises:
            Held: unknown, not joined, not encrypted, other people's, or not this person's DM.
            Later: their identity was reset, and what they asked for in that case has not been done yet.
        """
        room = self._rooms.get(room_id)
        if room is None or not room.joined or not room.encrypted or room.private:
            raise Held
        if only_dm_with is not None and room.dm_with(self._me) != only_dm_with:
            raise Held
        if only_dm_with is not None and self._is_unsettled(only_dm_with):
            raise Later(_SOON_MS)
        return room

    async def _look_back(self, event: Outgoing, since: int) -> EventId | None:
        """The event id under which an earlier try of this message arrived, if it did.

        Raises:
            MaybeSent: a former device of ours sent something like it since, which we can't read.
        """
        machine, token = self._keys().machine, ""
        by_former = since < self._device_since()
        relation = event.content.get("m.relates_to")
        for _ in range(_LOOK_BACK_PAGES):
            params = {"dir": "b", "limit": "100", **({"from": token} if token else {})}
            answer = await self._http.request(
                "GET", f"/_matrix/client/v3/rooms/{segment(event.room_id)}/messages", params=params
            )
            chunk = answer.get("chunk")
            for old in chunk if isinstance(chunk, list) else []:
                if isinstance(old, dict) and old.get("sender") == self._me and old.get("type") == "m.room.encrypted":
                    try:
                        inner = machine.decrypt_room_event(old, event.room_id)
                    except CourtyardError:
                        is_like = by_former and _is_like(old, relation, since - _CLOCKS_DIFFER_MS)
                        if is_like and not await self._is_copy(EventId(str(old.get("event_id")))):
                            raise MaybeSent from None
                        continue
                    if inner.content.get(TXN_KEY) == event.txn_id:
                        return EventId(old["event_id"])
                sent_at = old.get("origin_server_ts") if isinstance(old, dict) else None
                if isinstance(sent_at, int) and sent_at < since - 3_600_000:
                    return None
            end = answer.get("end")
            if not isinstance(end, str) or not chunk:
                return None
            token = end
        if by_former:
            raise MaybeSent  # too much was said since
        return None


def _is_like(event: Mapping[str, Any], relation: object, since: int) -> bool:
    """Whether an event of ours, unread, may be a certain message: what it answers stands outside of the ciphertext."""
    sent_at, content = event.get("origin_server_ts"), event.get("content")
    if isinstance(sent_at, int) and sent_at < since:
        return False
    return (content.get("m.relates_to") if isinstance(content, dict) else None) == relation


def _unreached(first_try: int | None, wait_ms: int = 0) -> Later:
    """What is for one person is not sent while nobody could read it: it waits until one of their devices can be given
    the key. The pause grows with the time that has passed, unless it is known when one may be given it."""
    if wait_ms:
        return Later(wait_ms)
    waited = 0 if first_try is None else now_ms() - first_try
    return Later(min(max(_PAUSE_MS, waited // 2), _MAX_UNREACHED_MS))
