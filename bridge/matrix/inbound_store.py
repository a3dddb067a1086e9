"""The part of the crypto store that keeps inbound Megolm sessions: the room keys that we were given, and our own.

A room key that we made ourselves opens what we have said. That is looked at when it is not known whether a message
arrived, hardly ever, and there is a key for each hundred messages in each room. So these are in memory for as long as
somebody looks back (`awake`), and only known by their names otherwise.
"""

import contextlib
import json
from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from typing import Any

import vodozemac
from nio.crypto import GroupSessionStore, InboundGroupSession, OlmAccount

from bridge.db import Database, Tx
from bridge.db.engine import now_ms
from bridge.errors import OperatorError
from bridge.ids import AccountId, RoomId
from bridge.matrix.cryptorows import Dirty
from bridge.matrix.seal import Sealer, log_damaged
from bridge.matrix.usage import GroupKey, Usage


class InboundStore:
    """Room keys by room, device and session. What changes is noted in `_dirty`."""

    _dirty: Dirty

    def __init__(self, db: Database, account: AccountId, sealer: Sealer) -> None:
        self._db = db
        self.account = account
        self._sealer = sealer
        self._key = sealer.pickle_passphrase
        self._loaded_account: OlmAccount | None = None
        self._groups = GroupSessionStore()
        self.usage = Usage()
        """Which room keys there are, and when each was used last."""
        self._awake: set[RoomId] = set()

    def _load_groups(self, tx: Tx) -> None:
        own = self._own_key
        for room_id, sender_key, session_id, used, *row in tx.sql(
            "SELECT room_id, sender_key, session_id, used_at, ed25519, forwarding_chain, pickle"
            " FROM crypto_megolm_inbound WHERE account_id = ?",
            (self.account,),
        ):
            if sender_key == own or self._read(room_id, sender_key, row):
                self.usage.note((room_id, sender_key, session_id), used)

    def _read(self, room_id: str, sender_key: str, row: Iterable[Any]) -> bool:
        """Take the rest of a row into memory. Whether it is whole."""
        ed25519, chain, pickle = row
        group = None
        with damage("crypto_megolm_inbound"):
            forwarded = json.loads(chain)
            group = InboundGroupSession.from_pickle(bytes(pickle), ed25519, sender_key, room_id, self._key, forwarded)
            self._groups.add(group)
        return group is not None

    @property
    def _own_key(self) -> str | None:
        """The curve25519 key of our device."""
        return None if self._loaded_account is None else self._loaded_account.identity_keys["curve25519"]

    @contextlib.asynccontextmanager
    async def awake(self, room_id: RoomId) -> AsyncIterator[None]:
        """Our own keys of a room can be used in this block. One at a time for a room."""
        self._awake.add(room_id)
        try:
            for sender_key, session_id, *row in await self._db.run(lambda tx: self._rows(tx, room_id)):
                there = self._groups._entries.get(room_id, {}).get(sender_key, {})
                if session_id not in there and (room_id, sender_key, session_id) in self.usage.used:
                    self._read(room_id, sender_key, row)
            yield
        finally:
            self._awake.discard(room_id)
            senders = self._groups._entries.get(room_id, {})
            self._rest([(room_id, key, session_id) for key in senders for session_id in senders[key]])

    def _rows(self, tx: Tx, room_id: RoomId) -> list[tuple[Any, ...]]:
        return tx.sql(
            "SELECT sender_key, session_id, ed25519, forwarding_chain, pickle FROM crypto_megolm_inbound"
            " WHERE account_id = ? AND room_id = ?",
            (self.account, room_id),
        ).all()

    def _rest(self, keys: Collection[GroupKey]) -> None:
        """Our own keys among these that have been written leave the memory."""
        own = self._own_key if keys else None
        for key in keys:
            if key[1] == own and key not in self._dirty.groups and key[0] not in self._awake:
                self._let_go(key)

    def _let_go(self, key: GroupKey) -> None:
        room_id, sender_key, session_id = key
        senders = self._groups._entries.get(room_id, {})
        sessions = senders.get(sender_key, {})
        sessions.pop(session_id, None)
        if not sessions:
            senders.pop(sender_key, None)
        if not senders:
            self._groups._entries.pop(room_id, None)

    def load_inbound_group_sessions(self) -> GroupSessionStore:
        return self._groups

    def save_inbound_group_session(self, session: InboundGroupSession) -> None:
        key = (session.room_id, session.sender_key, session.id)
        self._dirty.groups[key] = session
        self.usage.note(key, now_ms())

    def use_group(self, session: InboundGroupSession) -> None:
        """A room key opened something."""
        if self.usage.use((session.room_id, session.sender_key, session.id), now_ms()):
            self.save_inbound_group_session(session)

    def drop_group(self, key: GroupKey) -> None:
        """Forget a room key."""
        self._let_go(key)
        self.usage.drop(key)
        self._dirty.groups[key] = None

    def drop_unused_groups(self, before: int) -> None:
        """Forget room keys that opened nothing since `before` (ms)."""
        for key in self.usage.unused(before):
            self.drop_group(key)


@contextlib.contextmanager
def damage(table: str) -> Iterator[None]:
    """One damaged row is passed over."""
    try:
        yield
    except (OperatorError, ValueError, vodozemac.PickleException, vodozemac.LibolmPickleException):
        log_damaged(table)
