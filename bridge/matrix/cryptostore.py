"""The crypto store: nio's MatrixStore interface over our own tables.

The truth is in memory, in nio's own containers. Each `save_…` only notes what changed; `commit` writes all of it in
one transaction. Callers commit before the request that depends on it (a message index, a one-time key, a room key).
"""

import asyncio
from collections.abc import Generator, Iterable
from datetime import datetime

import vodozemac
from nio.crypto import (
    DeviceStore,
    OlmAccount,
    OlmDevice,
    OutgoingKeyRequest,
    SessionStore,
    TrustState,
)
from nio.crypto.sessions import Session

from bridge.db import Database, Tx
from bridge.db.engine import now_ms
from bridge.errors import OperatorError
from bridge.ids import AccountId, DeviceId, EventId, UserId
from bridge.matrix.cryptorows import Dirty, TrackedUser, Write, outbound_of, owed_context, write_of
from bridge.matrix.debts import Debt
from bridge.matrix.inbound_store import InboundStore, damage
from bridge.matrix.outbound_store import OutboundStore
from bridge.matrix.seal import Sealer, fact_id

_MAX_FORMER = 10_000


class CryptoStore(OutboundStore, InboundStore):
    """Keys and sessions of one account. One per running account; nothing else may write its tables."""

    def __init__(self, db: Database, account: AccountId, sealer: Sealer) -> None:
        OutboundStore.__init__(self)
        InboundStore.__init__(self, db, account, sealer)
        self._lock = asyncio.Lock()
        self.commits = 0
        """How often anything was written."""
        self.users: dict[str, TrackedUser] = {}
        self.former: dict[str, TrackedUser] = {}
        """Whom we shared rooms with, for the identity that they were known by; oldest first."""
        self.signed_at: dict[tuple[str, str], int] = {}
        """(user, device) → since when (ms) the identity that the user is known by is seen to vouch for it."""
        self.secrets: dict[str, bytes] = {}
        self._sessions = SessionStore()
        self._retired: set[str] = set()
        """Olm sessions that encrypt nothing any more."""
        self._devices = DeviceStore()
        self._requests: dict[str, OutgoingKeyRequest] = {}

    # --- loading ---
    def load(self, tx: Tx) -> None:
        """Read everything of the account.

        Raises:
            OperatorError: the store key is not the one that the store was written with.
        """
        try:
            self._load_keys(tx)
            self._load(tx)
        except (vodozemac.PickleException, vodozemac.LibolmPickleException):
            raise _wrong_key() from None

    def load_keys(self, tx: Tx) -> None:
        """Read our own keys only: to look at them beside a running bot. Raises as `load`."""
        try:
            self._load_keys(tx)
        except (vodozemac.PickleException, vodozemac.LibolmPickleException):
            raise _wrong_key() from None

    def _load_keys(self, tx: Tx) -> None:
        one = (self.account,)
        row = tx.sql("SELECT pickle, shared FROM crypto_accounts WHERE account_id = ?", one).first()
        if row is not None:
            self._loaded_account = OlmAccount.from_pickle(bytes(row[0]), self._key, bool(row[1]))
        for name, value in tx.sql("SELECT name, value FROM crypto_secrets WHERE account_id = ?", one):
            self.secrets[name] = self._sealer.open(f"secret {name}", bytes(value))

    def _load(self, tx: Tx) -> None:
        one = (self.account,)
        # The key is right, since our own account opened with it: what does not open now is damaged, and only that.
        for session_id, sender_key, pickle, created, used, retired in tx.sql(
            "SELECT session_id, sender_key, pickle, created_at, used_at, retired FROM crypto_olm_sessions"
            " WHERE account_id = ?",
            one,
        ):
            with damage("crypto_olm_sessions"):
                session = Session.from_pickle(bytes(pickle), _time(created), self._key, _time(used))
                if session.id == session_id:
                    self._sessions.add(sender_key, session)
                    if retired:
                        self._retired.add(session_id)
        self._load_groups(tx)
        for room, pickle, created, messages, sealed in tx.sql(
            "SELECT room_id, pickle, created_at, messages, sealed FROM crypto_megolm_outbound WHERE account_id = ?",
            one,
        ):
            with damage("crypto_megolm_outbound"):  # the room's next message begins a new session
                raw, shared = bytes(pickle), bytes(sealed or b"")
                self.outbound[room] = outbound_of(self._sealer, room, raw, created, messages, shared)
        for room, sealed in tx.sql("SELECT room_id, sealed FROM crypto_room_keys_owed WHERE account_id = ?", one):
            owed = self._sealer.read_json(owed_context(room), sealed, "crypto_room_keys_owed")
            if owed is not None:
                self.debts[room] = [Debt.of_json(debt) for debt in owed["debts"]]
        for room in [room for room, session in self.outbound.items() if not session.resting]:
            self.drop_outbound(room)  # it was in use when the last process crashed
        damaged: set[bytes] = set()
        for user_lookup, sealed in tx.sql("SELECT user_lookup, sealed FROM known_devices WHERE account_id = ?", one):
            known = self._sealer.read_json("device", sealed, "known_devices")
            if known is None:
                damaged.add(bytes(user_lookup))
                continue
            user, device = known["user"], known["device"]
            if known["signed_at"] is not None:
                self.signed_at[(user, device)] = known["signed_at"]
            keys = {"ed25519": known["ed25519"], "curve25519": known["curve25519"]}
            # Not by its `add`, which compares with all that are there.
            self._devices[user][device] = OlmDevice(
                user, device, keys, "", known["deleted"], TrustState(known["trust"])
            )
        for user_lookup, sealed in tx.sql("SELECT user_lookup, sealed FROM known_users WHERE account_id = ?", one):
            known = self._sealer.read_json("user", sealed, "known_users")
            if known is not None:
                outdated = known["outdated"] or bytes(user_lookup) in damaged
                tracked = TrackedUser(outdated, known["master"], known["new_master"])
                (self.former if known.get("former") else self.users)[known["user"]] = tracked
        for session_id, request_id, room, algorithm in tx.sql(
            "SELECT session_id, request_id, room_id, algorithm FROM crypto_key_requests WHERE account_id = ?", one
        ):
            self._requests[session_id] = OutgoingKeyRequest(request_id, session_id, room, algorithm)

    # --- MatrixStore: what nio's Olm machine calls ---
    def load_account(self) -> OlmAccount | None:
        return self._loaded_account

    def save_account(self, account: OlmAccount) -> None:
        self._loaded_account = account
        self._dirty.account = True

    def load_sessions(self) -> SessionStore:
        return self._sessions

    def save_session(self, curve_key: str, session: Session) -> None:
        self._dirty.sessions[session.id] = (curve_key, session)

    def load_device_keys(self) -> DeviceStore:
        return self._devices

    def save_device_keys(self, device_keys: dict[str, dict[str, OlmDevice]]) -> None:
        for user, devices in device_keys.items():
            for device_id, device in devices.items():
                self._dirty.devices[(user, device_id)] = device

    def load_outgoing_key_requests(self) -> dict[str, OutgoingKeyRequest]:
        return self._requests

    def add_outgoing_key_request(self, key_request: OutgoingKeyRequest) -> None:
        self._dirty.requests[key_request.session_id] = key_request

    def remove_outgoing_key_request(self, key_request: OutgoingKeyRequest) -> None:
        self._dirty.requests[key_request.session_id] = None

    def load_encrypted_rooms(self) -> set[str]:
        return set()  # `rooms` keeps them

    def save_encrypted_rooms(self, rooms: Iterable[str]) -> None:
        """Rooms are kept by `bridge.matrix.rooms`."""

    def delete_encrypted_room(self, room: str) -> None:
        """Rooms are kept by `bridge.matrix.rooms`."""

    def save_sync_token(self, token: str) -> None:
        """The token is stored when every event of its batch has settled, never by nio."""

    def load_sync_token(self) -> str | None:
        return None

    def _trust(self, device: OlmDevice, state: TrustState) -> bool:
        if device.trust_state == state:
            return False
        device.trust_state = state
        self._dirty.devices[(device.user_id, device.device_id)] = device
        return True

    def _distrust(self, device: OlmDevice, state: TrustState) -> bool:
        return device.trust_state == state and self._trust(device, TrustState.unset)

    def verify_device(self, device: OlmDevice) -> bool:
        return self._trust(device, TrustState.verified)

    def unverify_device(self, device: OlmDevice) -> bool:
        return self._distrust(device, TrustState.verified)

    def is_device_verified(self, device: OlmDevice) -> bool:
        return bool(device.verified)

    def blacklist_device(self, device: OlmDevice) -> bool:
        return self._trust(device, TrustState.blacklisted)

    def unblacklist_device(self, device: OlmDevice) -> bool:
        return self._distrust(device, TrustState.blacklisted)

    def is_device_blacklisted(self, device: OlmDevice) -> bool:
        return bool(device.blacklisted)

    def ignore_device(self, device: OlmDevice) -> bool:
        return self._trust(device, TrustState.ignored)

    def unignore_device(self, device: OlmDevice) -> bool:
        return self._distrust(device, TrustState.ignored)

    def is_device_ignored(self, device: OlmDevice) -> bool:
        return bool(device.ignored)

    def ignore_devices(self, devices: list[OlmDevice]) -> None:
        for device in devices:
            self._trust(device, TrustState.ignored)

    # --- what nio's interface lacks ---
    def retire_sessions(self) -> None:
        """Encrypt nothing with the Olm sessions that are there: new ones are made when something is to be sent. They
        still open what others send over them."""
        self._retired = {session.id for session in self._sessions}
        self._dirty.retire = True

    def session_to(self, curve25519: str) -> Session | None:
        """The Olm session to encrypt with for a device: the newest that may encrypt."""
        sessions = self._sessions._entries.get(curve25519, ())
        return next((session for session in sessions if session.id not in self._retired), None)

    def track(self, user_id: str) -> None:
        """Begin to keep the device list of a user."""
        if user_id not in self.users:
            former = self.former.pop(user_id, None)
            self.users[user_id] = TrackedUser(True, former.master_key if former is not None else None)
            self._dirty.users[user_id] = self.users[user_id]

    def save_user(self, user_id: str, *, outdated: bool, master_key: str | None = None) -> None:
        """Note what became of a user's device list, and their identity if it was in the answer."""
        user = self.users.setdefault(user_id, TrackedUser(outdated, None))
        user.outdated = outdated
        user.changes += outdated
        if master_key is not None:
            if user.master_key is None:
                user.master_key = master_key
            user.new_master_key = master_key if master_key != user.master_key else None
            if user.new_master_key is not None:
                self.forgive([user_id])  # what was said before was said to whom they were then
        self._dirty.users[user_id] = user

    def note_signed(self, device: OlmDevice) -> None:
        """The identity that the user is known by vouches for this device."""
        key = (device.user_id, device.device_id)
        if key not in self.signed_at:
            self.signed_at[key] = now_ms()
            self._dirty.devices[key] = device

    def accept_identity(self, user_id: str) -> None:
        """The person knows of their new identity."""
        user = self.users.get(user_id)
        if user is not None and user.new_master_key is not None:
            user.master_key, user.new_master_key = user.new_master_key, None
            self._dirty.users[user_id] = user

    def fact(self, kind: str, what: str) -> EventId:
        """See `bridge.matrix.seal.fact_id`."""
        return fact_id(self._sealer, kind, what)

    def untrack(self, user_id: str) -> None:
        """We share no room with a user any more: the server no longer tells of changes. The identity that they are
        known by is kept, so that they can't come back as somebody else without a word."""
        user = self.users.pop(user_id, None)
        if user is None:
            return
        self.forgive([user_id])
        for device_id in list(self._devices._entries.get(user_id, ())):
            self.drop_device(user_id, device_id)
        self._dirty.users[user_id] = None
        if user.master_key is not None:
            self.former[user_id] = self._dirty.users[user_id] = user
            while len(self.former) > _MAX_FORMER:
                oldest = next(iter(self.former))
                del self.former[oldest]
                self._dirty.users[oldest] = None

    def forget_user(self, user_id: str) -> None:
        """Forget also who somebody was known as."""
        self.users.pop(user_id, None)
        self.former.pop(user_id, None)
        self._dirty.users[user_id] = None

    def drop_device(self, user_id: str, device_id: str) -> None:
        """Forget a device."""
        devices = self._devices._entries.get(user_id, {})
        devices.pop(device_id, None)
        if not devices:
            self._devices._entries.pop(user_id, None)
        self.signed_at.pop((user_id, device_id), None)
        self._dirty.devices[(user_id, device_id)] = None

    def drop_session(self, session: Session) -> None:
        """Forget an Olm session."""
        self._retired.discard(session.id)
        self._dirty.sessions[session.id] = None

    def drop_sessions_of(self, sender_key: str) -> None:
        """Forget all Olm sessions and room keys of a device."""
        for session in self._sessions._entries.pop(sender_key, []):
            self.drop_session(session)
        for key in self.usage.of(sender_key):
            self.drop_group(key)

    def save_secret(self, name: str, value: bytes) -> None:
        self.secrets[name] = value
        self._dirty.secrets[name] = value

    def forget_device(self, own: tuple[UserId, DeviceId] | None = None) -> None:
        """A new device follows: drop what belonged to the old one. Room keys stay, to read what was sent to it.

        `own`: which one it was. As a deleted device of ours it is still known for the maker of what it sent, also when
        the homeserver tells nothing of it any more.
        """
        account, self._loaded_account = self._loaded_account, None
        self._sessions = SessionStore()
        self._retired.clear()
        self.outbound.clear()
        self.debts.clear()
        self._requests.clear()
        self._dirty.account = False
        # Of users, devices and room keys the changes count for the next device as well.
        self._dirty.retire = False
        self._dirty.sessions.clear()
        self._dirty.outbound.clear()
        self._dirty.debts.clear()
        self._dirty.requests.clear()
        self._dirty.wipe = True
        self.drop_secret("generation")  # it belongs to the device
        if own is not None and account is not None:
            user, device_id = own
            device = OlmDevice(user, device_id, dict(account.identity_keys), deleted=True)
            self._devices.add(device)
            self.save_device_keys({user: {device_id: device}})

    def drop_secret(self, name: str) -> None:
        """Forget a secret."""
        if self.secrets.pop(name, None) is not None:
            self._dirty.secrets[name] = None

    # --- writing ---
    @property
    def activity(self) -> int:
        """Grows with all that a copy of the store does not know."""
        return self.commits + self.encrypted

    @property
    def dirty(self) -> bool:
        return self._dirty.any

    async def commit(self, also: Write | None = None) -> None:
        """Write all changes, and `also`, in one transaction. What the caller does next may depend on them.

        After an error the changes are still to be written: the next call writes them before anything depends on them.
        `also` is the caller's to repeat, or to let the process end.
        """
        async with self._lock:
            if not self.dirty and also is None:
                return
            await _Turn()  # what others change in this turn of the loop is written with it
            unwritten = self._dirty
            outbound = [(session, session.changes) for session in unwritten.outbound.values() if session is not None]
            write = self._snapshot()

            def work(tx: Tx) -> None:
                write(tx)
                if also is not None:
                    also(tx)

            try:
                await self._db.run(work)
            except BaseException:
                self._dirty = unwritten.and_then(self._dirty)
                raise
            self.commits += 1
            for session, changes in outbound:
                session.written = changes
            self._rest(unwritten.groups)

    def _snapshot(self) -> Write:
        """Pickle what changed now, on the loop, where nobody can change it meanwhile; write it later in a thread."""
        dirty, self._dirty = self._dirty, Dirty()
        return write_of(
            dirty,
            self.account,
            self._sealer,
            self._loaded_account,
            self.signed_at,
            self.former,
            self.usage.used,
            self._retired,
        )


class _Turn:
    """Wait for the next turn of the event loop."""

    def __await__(self) -> Generator[None, None, None]:
        yield


def _wrong_key() -> OperatorError:
    return OperatorError(
        "the crypto store can't be opened: the store key is not the one that it was written with. "
        "Put the right key file back."
    )


def _time(ms: int) -> datetime:
    # nio compares with datetime.now(): naive local time.
    return datetime.fromtimestamp(ms / 1000)
