"""Opening what was said: decrypting, asking for devices that are not known yet, letting wait what has no key yet."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from cachetools import LRUCache, TTLCache

from bridge.chat.inbound import Inbound, Origin
from bridge.db.engine import now_ms
from bridge.ids import AccountId, RoomId, UserId
from bridge.matrix.cryptostore import CryptoStore
from bridge.matrix.events import origin, to_inbound
from bridge.matrix.keys import Keys
from bridge.matrix.late import LateKeys
from bridge.matrix.loose import as_dict
from bridge.matrix.machine import NoKey, Opened, Undecryptable, UnknownSender
from bridge.matrix.rooms import Room, Rooms
from bridge.matrix.verification import Heard, heard_in_room

log = structlog.get_logger(__name__)

_RECHECK_S = 300.0
_MAX_REMEMBERED = 10_000
"""People and devices of whom is remembered when we asked last: who comes later drives out who came first."""
_BRIEFLY_S = 2.0
"""How long a batch may wait for other people's servers."""
_ASK_S = 2.0
_CLEAR_TYPES = frozenset({"m.reaction", "m.room.redaction"})


class Opener:
    """Opens events one by one. One per running device."""

    def __init__(
        self,
        account: AccountId,
        me: UserId,
        store: CryptoStore,
        keys: Keys,
        rooms: Rooms,
        late: LateKeys,
        hear: Callable[[Heard], None],
    ) -> None:
        """`hear`: see `SyncReader`."""
        self._account = account
        self._me = me
        self._store = store
        self._keys = keys
        self._rooms = rooms
        self._late = late
        self._hear = hear
        self._unsigned: LRUCache[tuple[str, str], int] = LRUCache(_MAX_REMEMBERED)
        """Devices that their owners have not signed, with when we first saw it."""
        self._rechecked: LRUCache[str, float] = LRUCache(_MAX_REMEMBERED)
        self._asked: LRUCache[str, float] = LRUCache(_MAX_REMEMBERED)
        self._refused: TTLCache[tuple[str, str], None] = TTLCache(_MAX_REMEMBERED, ttl=_RECHECK_S)
        """Senders with sessions that were none of theirs when we asked."""
        self.patience_ends = 0.0
        self._answered: LRUCache[str, None] = LRUCache(10_000)
        """What our former devices answered."""

    def begin(self) -> None:
        """A batch begins: for so long it may wait for others."""
        self.patience_ends = time.monotonic() + _BRIEFLY_S

    def note_own(self, event: Mapping[str, Any]) -> None:
        """A device that we were has answered something: if its key does not come to us, nobody misses it.

        After an older copy of the database was restored, what was said since comes once more.
        """
        content = as_dict(event.get("content"))
        answers = as_dict(as_dict(content.get("m.relates_to")).get("m.in_reply_to")).get("event_id")
        if event.get("type") != "m.room.encrypted" or content.get("device_id") == self._keys.machine.device_id:
            return  # among our own is the line that says that the event can't be read
        if isinstance(answers, str):
            self._answered[answers] = None
            self._late.settled(answers)

    async def open(self, room_id: RoomId, event: Mapping[str, Any]) -> Inbound | None:
        """Decrypt and read one event; what can't be decrypted yet waits."""
        where = origin(event, room_id, self._account, encrypted=event.get("type") == "m.room.encrypted")
        room = self._rooms.get(room_id)
        if where is None or room is None or not room.joined:
            return None
        if not where.encrypted:
            return self._open_clear(room, where, event)
        opened: Opened | None
        try:
            opened = self._keys.machine.decrypt_room_event(event, room_id)
        except NoKey as error:
            if where.event_id in self._answered:
                return None
            self._late.add(room_id, event, error.session_id)
            return None
        except UnknownSender:
            opened = await self._ask_and_decrypt(room_id, where, event)
        except Undecryptable as error:
            log.info("an event can't be decrypted", reason=str(error))
            self._late.dropped(where.event_id)
            return None
        if opened is None:
            return None
        unsigned_ms = 0 if opened.signed else await self._unsigned_ms(where.sender, opened.device_id)
        where = Origin(
            where.account,
            room_id,
            where.event_id,
            where.sender,
            where.sent_at,
            True,
            opened.device_id,
            unsigned_ms,
            opened.signed_at if opened.signed else None,
            opened.ciphertext,
        )
        heard = heard_in_room(where, opened.type, opened.content)
        if heard is not None:
            self._hear(heard)
        inbound = to_inbound(where, opened.type, opened.content, self._me, related_outside=opened.related_outside)
        if inbound is None:
            self._late.settled(where.event_id)
        return inbound

    def _open_clear(self, room: Room, where: Origin, event: Mapping[str, Any]) -> Inbound | None:
        kind = event.get("type")
        heard = heard_in_room(where, kind, event.get("content"))
        if heard is not None:
            self._hear(heard)  # the flow itself protects what is said in it
            return None
        if not isinstance(kind, str) or not room.encrypted or kind not in _CLEAR_TYPES:
            return None  # in an encrypted room, nobody's clear text is taken for their word
        return to_inbound(where, kind, as_dict(event.get("content")), self._me, event.get("redacts"))

    async def _ask_and_decrypt(self, room_id: RoomId, where: Origin, event: Mapping[str, Any]) -> Opened | None:
        """The sender's device is not known: it may have come with this very batch. Ask once."""
        session_id = str(as_dict(event.get("content")).get("session_id"))
        changed = self._keys.machine.users_to_query([where.sender])
        if changed or (where.sender, session_id) not in self._refused:
            if not await self._ask(where.sender):
                # Their server has not told their devices yet. Try again later.
                self._late.add(room_id, event, session_id, ask_again=True)
                return None
            try:
                return self._keys.machine.decrypt_room_event(event, room_id)
            except Undecryptable as error:
                log.info("an event can't be decrypted", reason=str(error))
                self._late.dropped(where.event_id)
                return None
            except NoKey:
                pass
            except UnknownSender:
                log.warning("an event was not believed: its room key belongs to no device of its sender")
                self._refused[(where.sender, session_id)] = None
        # Whoever was given a room key can pass it on as their own: the one from the sender may still come.
        if where.event_id not in self._answered:
            self._late.add(room_id, event, session_id)
        return None

    async def _ask(self, user: UserId) -> bool:
        """Ask for a user's devices anew, not for every event and without waiting long. Whether there is an answer."""
        now = time.monotonic()
        if not self._keys.machine.users_to_query([user]):
            if self._asked.get(user, -_ASK_S) + _ASK_S > now:
                return False
            self._store.save_user(user, outdated=True)
        self._asked[user] = now
        return await self._keys.query_briefly(user, max(0.0, self.patience_ends - now))

    async def _unsigned_ms(self, user: UserId, device_id: str) -> int:
        """How long the device has been without its owner's signature. Over federation signatures come late: look
        again from time to time."""
        key, now = (user, device_id), time.monotonic()
        tracked = self._store.users.get(user)
        changed = tracked is None or tracked.outdated
        if changed or self._rechecked.get(user, -_RECHECK_S) + _RECHECK_S <= now:
            self._rechecked[user] = now
            self._store.save_user(user, outdated=True)
            if not await self._keys.query_briefly(user, max(0.0, self.patience_ends - now)):
                log.info("devices could not be checked for signatures")
            device = self._keys.machine.device_store[user].get(device_id)
            if device is not None and device.verified:
                self._unsigned.pop(key, None)
                return 0
        first = self._unsigned.setdefault(key, now_ms())
        return max(1, now_ms() - first)
