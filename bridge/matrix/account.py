"""One Matrix account, running: login, device, sync loop, invites. Composes the rest of this package."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from bridge.chat.inbound import Inbound, RoomView
from bridge.contacts.private_chats import PrivateChats
from bridge.db import Database, Tx
from bridge.db.engine import now_ms
from bridge.delivery import queue
from bridge.delivery.ports import Later
from bridge.errors import OperatorError
from bridge.ids import AccountId, DeviceId, UserId
from bridge.matrix import generation
from bridge.matrix.account_settings import AccountSettings
from bridge.matrix.cross_signing import CrossSigningKeys
from bridge.matrix.cryptostore import CryptoStore
from bridge.matrix.dispatch import Dispatcher
from bridge.matrix.doorstep import Doorstep
from bridge.matrix.farewells import FarewellWorker
from bridge.matrix.generation import ACCOUNT_DATA, Generation, keep_advancing
from bridge.matrix.http import Homeserver, MatrixError, TokenRevoked, TooLarge, Unreachable, retrying
from bridge.matrix.identity import Identity, Standing, stored_keys
from bridge.matrix.keys import Keys
from bridge.matrix.late import LateKeys
from bridge.matrix.machine import Machine
from bridge.matrix.mending import mend_rooms
from bridge.matrix.newcomers import Newcomers
from bridge.matrix.own_devices import recorded_devices
from bridge.matrix.pause import Pause
from bridge.matrix.private_rooms import PrivateRooms
from bridge.matrix.rooms import Rooms
from bridge.matrix.seal import Sealer
from bridge.matrix.sender import RoomSender
from bridge.matrix.sync import Batch, SyncReader, account_data, sync_filter
from bridge.matrix.upkeep import Readable, Upkeep, nobody_waits
from bridge.matrix.verification import Operator, Verification
from bridge.rights.farewells import Farewells

log = structlog.get_logger(__name__)

Handle = Callable[[Inbound, RoomView], Awaitable[None]]

_REVOKED_PAUSE_S = 60.0
_EQUIPPING_PAUSE_MS = 500
_SYNC_SLACK_S = 30.0
_TOO_LARGE_PAUSE_S, _CLOSE_S = 60.0, 2.0
_ENTERING_MS, _ENTERING_SLACK_S = 1_000, 8.0
_ASK_AGAIN_MS = 5_000
_IDENTITY_RETRY_S, _CONFIRMATION_RETRY_S = 3600.0, 300.0
_WHILE_ASKING_MS = 500
"""Events may wait for an answer that is on its way."""


@dataclass(slots=True)
class _Device:
    """What belongs to the device that we are logged in as; replaced as a whole when the token is revoked."""

    id: DeviceId
    since: int
    machine: Machine
    keys: Keys
    generation: Generation


class MatrixAccount:
    """`await start()`, then `await run()` until cancelled."""

    def __init__(
        self,
        db: Database,
        homeserver: Homeserver,
        sealer: Sealer,
        settings: AccountSettings,
        handle: Handle,
        accepts_invite: Callable[[UserId, bool], bool],
        accepts_verification: Callable[[UserId], bool] = lambda user: True,
        operator: Operator | None = None,
        has_turn: Callable[[UserId], bool] = lambda user: True,
        chats: PrivateChats | None = None,
        guards: Callable[[str], bool] = lambda user: False,
        farewells: Farewells | None = None,
        readable: Readable = nobody_waits,
    ) -> None:
        """`operator`: who is asked in operator-confirmed verification. `accepts_invite`, `has_turn`: see `Doorstep`.
        `chats`: private rooms that are to be made. `guards`: see `Machine.guards`. `farewells`: chats to be left.
        `readable`: see `Upkeep`."""
        self._db = db
        self.http = homeserver
        self._sealer = sealer
        self._settings = settings
        self._handle = handle
        self._guards = guards
        self.me = settings.user_id
        self.id = db.run_sync(self._ensure_row)
        self._store = CryptoStore(db, self.id, sealer)
        self.rooms = Rooms(self.id, self.me, sealer)
        self.sender = RoomSender(
            self.me,
            homeserver,
            self._store,
            self.rooms,
            self._keys_to_send,
            lambda: self._current.since,
            settings.look_back_after_ms,
            lambda event_id: db.run(lambda tx: queue.is_copy(tx, self.id, event_id)),
            self._is_unsettled,
        )
        self._private = None if chats is None else PrivateRooms(db, homeserver, self.id, self.rooms, chats)
        self._farewells = (
            None
            if farewells is None
            else FarewellWorker(db, homeserver, self.id, self.rooms, self._store, self.sender, farewells)
        )
        self._doorstep = Doorstep(homeserver, self.me, self.rooms, self._store, accepts_invite, has_turn)
        self.verification = Verification(
            self.me,
            homeserver,
            self._store,
            self.rooms,
            self.sender,
            lambda: self._current.keys,
            self._identity_keys,
            settings.verification,
            accepts_verification,
            operator,
        )
        self._dispatcher = Dispatcher(self._settle, self._save_token)
        self._device: _Device | None = None
        self._last_device: DeviceId | None = None
        """The one that the crypto store belongs to."""
        self._equipped = False
        self._since: str | None = None  # the token that the first sync goes on from
        self.identity: Identity | None = None
        self.standing: Standing | None = None
        self._reader: SyncReader | None = None
        self._upkeep = Upkeep(lambda: self._current.keys, self.rooms, readable)
        self._reset_found = asyncio.Event()
        self._timeline = settings.timeline_limit
        self._pause = Pause(settings.sync_pause_ms / 1000)
        self._suspicion = asyncio.Event()
        """Somebody else may be counting the generations of the store."""

    @property
    def _current(self) -> _Device:
        assert self._device is not None, "start() comes first"
        return self._device

    def _keys_to_send(self) -> Keys:
        # In mid-work after a new login: nobody can read or trust a device whose keys and signature are not out yet.
        if not self._equipped:
            raise Later(_EQUIPPING_PAUSE_MS)
        return self._current.keys

    @property
    def device_id(self) -> DeviceId:
        return self._current.id

    # --- starting ---
    async def start(self) -> None:
        """Log in, or go on as the device that we were; have keys and identity on the server.

        Raises:
            OperatorError: the homeserver refuses the login; the store key is wrong.
        """
        device_id, token = await self._db.run(self._load)
        settings = self._settings
        if settings.access_token is not None:
            await self._use_token(settings.access_token, device_id)
        elif device_id is not None and token is not None:
            self.http.token = token
            try:
                await retrying(lambda: self.http.request("GET", "/_matrix/client/v3/account/whoami"), "checking login")
                self._adopt(device_id)
                if not await retrying(self._current.generation.is_current, "checking the crypto store"):
                    await self._db.run(queue.mark_tried)
                    log.warning("the crypto store is an older copy: it is not used; logging in as a new device")
                    await self._login()
            except TokenRevoked as error:
                await self._login_again(error)
        else:
            await self._login()
        await mend_rooms(self.http, self.rooms)
        await self._equip(starting=True)

    def _ensure_row(self, tx: Tx) -> AccountId:
        tx.sql(
            "INSERT INTO accounts (user_id, instance, created_at) VALUES (?, ?, ?) ON CONFLICT (user_id) DO NOTHING",
            (self.me, secrets.token_hex(4), tx.now),
        )
        return AccountId(tx.sql("SELECT id FROM accounts WHERE user_id = ?", (self.me,)).one()[0])

    def _load(self, tx: Tx) -> tuple[DeviceId | None, str | None]:
        device_id, sealed, self._since = tx.sql(
            "SELECT device_id, access_token, sync_token FROM accounts WHERE id = ?", (self.id,)
        ).one()
        token = self._sealer.open("access token", bytes(sealed)).decode() if sealed is not None else None
        self._last_device = device_id
        self._store.load(tx)
        self.rooms.load(tx)
        if self._private is not None:
            self._private.load(tx)
        if self._farewells is not None:
            self._farewells.load(tx)
        return device_id, token

    async def _use_token(self, token: str, known_device: DeviceId | None) -> None:
        self.http.token = token
        try:
            answer = await retrying(
                lambda: self.http.request("GET", "/_matrix/client/v3/account/whoami"), "checking the access token"
            )
        except TokenRevoked:
            raise OperatorError(
                "matrix: the homeserver does not know the access token; get a new one with a new device_id."
            ) from None
        if answer.get("user_id") != self.me or answer.get("device_id") != self._settings.device_id:
            raise OperatorError("matrix: the access token belongs to another user_id or device_id than configured.")
        device_id = DeviceId(str(answer["device_id"]))
        if known_device != device_id:
            if device_id in recorded_devices(self._store):
                raise OperatorError(
                    "matrix: the database is a restored copy, and the access token belongs to a former device of the "
                    "bot, whose encryption keys are gone; get an access token for a new device_id (or configure the "
                    "password)."
                )
            await self._new_device(device_id, token)
        self._adopt(device_id)
        if not await retrying(self._current.generation.is_current, "checking the crypto store"):
            raise OperatorError(
                "matrix: the database is an older copy of what this device used, so its encryption keys must not be "
                "used again; get an access token for a new device_id (or configure the password)."
            )

    async def _login(self, device_id: DeviceId | None = None) -> None:
        body = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": self.me},
            "password": self._settings.password,
            "initial_device_display_name": self._settings.device_name,
        }
        if device_id is not None:
            body["device_id"] = device_id
        self.http.token = None
        try:
            answer = await retrying(
                lambda: self.http.request("POST", "/_matrix/client/v3/login", body, auth=False), "logging in"
            )
        except MatrixError as error:
            raise OperatorError(
                f"matrix: the homeserver refused the login of the bot ({error.errcode}); check user_id and password."
            ) from None
        token, given = answer.get("access_token"), answer.get("device_id")
        if not isinstance(token, str) or not isinstance(given, str):
            raise OperatorError("matrix: the homeserver's answer to the login makes no sense; check its address.")
        if given == device_id:
            await self._store.commit(lambda tx: self._write_login(tx, DeviceId(given), token))
        else:
            await self._new_device(DeviceId(given), token)
        self._adopt(DeviceId(given))
        # Not before: what the former device had encrypted must not go out in the name of this one.
        self.http.token = token

    async def _new_device(self, device_id: DeviceId, token: str) -> None:
        """Begin as a device without a past. Login and empty key store are written together."""
        self._store.forget_device((self.me, self._last_device) if self._last_device is not None else None)
        self._store.save_secret("device since", str(now_ms()).encode())
        await self._store.commit(lambda tx: self._write_login(tx, device_id, token))

    def _write_login(self, tx: Tx, device_id: DeviceId, token: str) -> None:
        sealed = self._sealer.seal("access token", token.encode())
        tx.sql("UPDATE accounts SET device_id = ?, access_token = ? WHERE id = ?", (device_id, sealed, self.id))

    def _adopt(self, device_id: DeviceId) -> None:
        self._last_device = device_id
        self._equipped = False
        machine = Machine(self.me, device_id, self._store)
        machine.is_private = self.rooms.is_private
        machine.exclude_unsigned = self._settings.exclude_unsigned
        machine.guards = self._guards
        machine.newcomers = Newcomers(self._settings.first_key_wait_s)
        keys = Keys(self.http, machine, self._store)
        since = int(self._store.secrets.get("device since", b"0"))
        counter = Generation(self.http, self._store, self._sealer, self.me, device_id)
        self._device = _Device(device_id, since, machine, keys, counter)
        self._reader = SyncReader(
            self.id,
            self.me,
            self.http,
            self._store,
            keys,
            self.rooms,
            max_backfill=self._settings.max_backfill,
            late=LateKeys(self.id, self._settings.key_wait_ms, self._settings.key_notice_ms, self._sealer),
            hear=self.verification.hear,
            guards=self._guards,
        )

    async def _equip(self, starting: bool = False) -> None:
        """Device keys, one-time keys, identity: before anybody is talked to."""
        device, reader = self._current, self._reader
        assert reader is not None
        if starting:
            generation.begin(self._store)
        await self._store.commit()
        await self._db.run(reader.late.load)
        await retrying(device.generation.advance, "counting the start")
        if not device.machine.account.shared:
            await retrying(lambda: device.keys.upload(None, False), "uploading keys")
        settings = self._settings
        self.identity = Identity(
            self.http,
            self._store,
            device.keys,
            self.me,
            settings.password,
            settings.recovery_key_file,
            settings.recover_from,
        )
        identity = self.identity
        self.standing = await retrying(lambda: identity.ensure(starting), "checking the identity")
        self._equipped = True

    def _identity_keys(self) -> CrossSigningKeys | None:
        if self.identity is None or self.standing is not Standing.OURS:
            return None
        return stored_keys(self._store)

    async def _login_again(self, error: TokenRevoked) -> None:
        """The token was revoked. With a password: log in, as a new device unless the logout was soft."""
        if self._settings.password is None:
            log.error("the access token was revoked; configure a new one with its device_id and start again")
            await asyncio.sleep(_REVOKED_PAUSE_S)
            return
        log.warning("the access token was revoked; logging in again", soft_logout=error.soft_logout)
        await self._login(self._device.id if self._device is not None and error.soft_logout else None)

    # --- running ---
    async def run(self, ready: Callable[[], None]) -> None:
        """Sync and handle until cancelled. `ready` is called once people are answered."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._dispatcher.run())
                tasks.create_task(self._doorstep.run())
                tasks.create_task(self._upkeep.run())
                tasks.create_task(self.verification.run())
                tasks.create_task(self._keep_identity())
                tasks.create_task(self._settle_resets())
                tasks.create_task(keep_advancing(lambda: self._current.generation, self._store, self._suspicion))
                tasks.create_task(self._sync(tasks, ready))
        finally:
            await self._current.keys.stop()

    @property
    def handling(self) -> bool:
        """Whether anything that was said is being handled."""
        return self._dispatcher.pending > 0

    async def forget_unused_keys(self, before: int) -> None:
        """Forget room keys of others that opened nothing since `before` (ms)."""
        self._store.drop_unused_groups(before)
        await self._store.commit()

    async def close(self) -> None:
        """When nothing is sent or received any more: leave a store that the next start can go on with as it is."""
        if self._device is not None:
            await generation.end(self._store, self._device.generation, _CLOSE_S)

    async def _sync(self, tasks: asyncio.TaskGroup, ready: Callable[[], None]) -> None:
        since, first = self._since, True
        for room in self.rooms.invited():
            self._doorstep.invited(room.room_id)
        while True:
            try:
                batch = await self._sync_once(since, first)
            except TokenRevoked as error:
                await self._login_again(error)
                try:
                    await self._equip()
                except TokenRevoked:
                    await asyncio.sleep(_REVOKED_PAUSE_S)
                continue
            except TooLarge:
                if self._timeline == 1:
                    log.error("the homeserver's answer to a sync is too large to be read")
                    await asyncio.sleep(_TOO_LARGE_PAUSE_S)
                # Ask for less of each room: the gaps are fetched page by page.
                self._timeline = max(1, self._timeline // 8)
                continue
            self._timeline = self._settings.timeline_limit
            self._upkeep.synced(batch.one_time_keys, batch.fallback_unused)
            for room_id in batch.invites:
                self._doorstep.invited(room_id)
            for room_id in batch.clear_rooms:
                self._doorstep.not_encrypted(room_id)
            for room_id, inviter in batch.crowded:
                self._doorstep.crowded(room_id, inviter)
            for room_id in batch.incomplete:
                self._doorstep.leave(room_id)
            for change in batch.identities:
                await self._dispatcher.handle_first(change)
            await self._dispatcher.submit(batch.token, batch.events)
            since = batch.token
            if self._private is not None:
                self._private.synced()
            if first:
                first = False
                ready()
                if self._private is not None:
                    tasks.create_task(self._private.run())
                if self._farewells is not None:
                    tasks.create_task(self._farewells.run())

    async def _sync_once(self, since: str | None, first: bool) -> Batch:
        await self._pause.wait()
        # The first sync answers at once, so that the bot is ready without waiting for an event.
        assert self._reader is not None
        timeout_ms = 0 if first else int(self._settings.sync_timeout_s * 1000)
        for due in (self._reader.late.next_ms(), self._current.keys.settle_in_ms()):
            if due is not None:
                timeout_ms = min(timeout_ms, due)
        if self._current.keys.asking:
            timeout_ms = min(timeout_ms, _WHILE_ASKING_MS)
        elif self._reader.late.asks_again:
            timeout_ms = min(timeout_ms, _ASK_AGAIN_MS)
        slack_s = _SYNC_SLACK_S
        if self._doorstep.entering:
            # A Synapse that never gets a room's members (we were invited and kicked while it fetched them) hangs in
            # each sync that should tell that we left it. Notice it soon.
            timeout_ms, slack_s = min(timeout_ms, _ENTERING_MS), _ENTERING_SLACK_S
        lazy = False

        async def ask() -> dict[str, Any]:
            nonlocal lazy
            params = {
                "filter": sync_filter(self._timeline, lazy=lazy),
                "timeout": str(timeout_ms),
                "set_presence": "offline",
                **({} if since is None else {"since": since}),
            }
            try:
                return await self.http.request(
                    "GET", "/_matrix/client/v3/sync", params=params, timeout_s=timeout_ms / 1000 + slack_s
                )
            except Unreachable as error:
                if error.timed_out:
                    lazy = not lazy  # without members it doesn't hang
                raise

        answer = await retrying(ask, "syncing")
        self._pause.begin()
        if any(self._current.generation.is_strange(content) for content in account_data(answer, ACCOUNT_DATA)):
            self._suspicion.set()
        return await self._reader.read(answer, since, lazy=lazy)

    async def _settle(self, event: Inbound) -> None:
        await self._handle(event, self.rooms.view(event.origin.room_id))
        if self._reader is not None:
            self._reader.handled(event)

    def _is_unsettled(self, person: UserId) -> bool:
        """Whether nothing personal may be sent to them yet: their identity was reset, and that has not been handled."""
        known = self._store.users.get(person)
        if known is None or known.new_master_key is None or not self._guards(person):
            return False
        self._reset_found.set()
        return True

    async def _settle_resets(self) -> None:
        """Handle what was found between two syncs, by asking for somebody's devices to write to them."""
        while True:
            await self._reset_found.wait()
            self._reset_found.clear()
            for change in self._reader.identities() if self._reader is not None else ():
                await self._dispatcher.handle_first(change)

    async def _save_token(self, token: str) -> None:
        await self._db.run(lambda tx: tx.sql("UPDATE accounts SET sync_token = ? WHERE id = ?", (token, self.id)))

    async def _keep_identity(self) -> None:
        """While the identity is not in place: what was missing (an approval, the right password) may have come."""
        while True:
            await asyncio.sleep(_CONFIRMATION_RETRY_S if self.standing is Standing.UNPUBLISHED else _IDENTITY_RETRY_S)
            identity = self.identity
            if identity is None or self.standing is Standing.OURS:
                continue
            try:
                standing = await identity.ensure()
            except (Unreachable, MatrixError, TokenRevoked, TooLarge, OperatorError) as error:
                log.warning("the bot's identity could not be checked; it is tried again", error=str(error))
                continue
            if self.identity is identity:  # else we are another device now, with a standing of its own
                self.standing = standing
                if standing is Standing.OURS:
                    log.info("the bot's identity is in place now")
