"""The encryption machine's talk with the homeserver: upload, query, claim, share. Each step commits before it sends."""

import asyncio
import itertools
import secrets
import time
from collections.abc import Iterable, Sequence

import structlog

from bridge.ids import RoomId
from bridge.matrix.cryptostore import CryptoStore, GroupSession
from bridge.matrix.http import Homeserver, MatrixError, segment
from bridge.matrix.machine import Machine

log = structlog.get_logger(__name__)

_QUERY_USERS = 250
_SHARE_DEVICES = 100
_CLAIM_PAUSE_S = 60.0
_QUERY_PAUSE_S = 60.0


class Keys:
    """Key traffic of one device."""

    def __init__(self, homeserver: Homeserver, machine: Machine, store: CryptoStore) -> None:
        self._http = homeserver
        self.machine = machine
        self._store = store
        self._query_lock = asyncio.Lock()
        self._upload_lock = asyncio.Lock()
        # A device whose key could not be claimed is tried again, but not with every message.
        self._claim_after: dict[tuple[str, str], float] = {}
        # Nor does a message wait each time for a server that is down.
        self._query_after: dict[str, float] = {}
        # Transaction ids of to-device sends: random per start, counted within.
        self._txn = (f"{secrets.token_hex(8)}.{n}" for n in itertools.count())

    async def upload(self, one_time_keys: int | None, fallback_unused: bool) -> None:
        """Bring device keys, one-time keys and the fallback key to the server, as far as they lack."""
        async with self._upload_lock:
            body = self.machine.upload_body(one_time_keys, fallback_unused)
            if body is None:
                return
            await self._store.commit()
            try:
                await self._http.request("POST", "/_matrix/client/v3/keys/upload", body)
            except MatrixError as error:
                if error.temporary:
                    raise
                # A key with this id is there already: an earlier upload arrived and its answer was lost.
                log.warning("key upload refused", status=error.status, code=error.errcode)
            self.machine.uploaded()
            await self._store.commit()

    async def query(self, among: Iterable[str] | None = None) -> None:
        """Ask for the devices of tracked users whose lists are outdated (spec: `POST /keys/query`).

        Raises:
            Unreachable, MatrixError: nothing may be encrypted to them until it succeeds.
        """
        async with self._query_lock:
            users = [u for u in self.machine.users_to_query(among) if self.may_query(u)]
            for start in range(0, len(users), _QUERY_USERS):
                part = users[start : start + _QUERY_USERS]
                answer = await self._http.request(
                    "POST", "/_matrix/client/v3/keys/query", {"device_keys": {u: [] for u in part}, "timeout": 10000}
                )
                self.machine.receive_devices(answer, part)
            now = time.monotonic()
            self._query_after = {u: t for u, t in self._query_after.items() if t > now}
            self._query_after.update({u: now + _QUERY_PAUSE_S for u in self.machine.users_to_query(users)})
            if users:
                await self._store.commit()

    def may_query(self, user: str) -> bool:
        """Whether a query for this user would be sent now: their server has not just failed to answer one."""
        return self._query_after.get(user, 0.0) <= time.monotonic()

    async def session_for(self, room_id: RoomId, members: Sequence[str], rotation: tuple[int, int]) -> GroupSession:
        """The room's outbound session, in the hands of every device of its members that can be reached.

        Who can't be reached (their server is down) is not marked as served and gets the key with a later message.

        Raises:
            Unreachable, MatrixError
        """
        for user in members:
            self._store.track(user)
        await self.query(members)
        devices = self.machine.devices_of(members)
        session = self.machine.room_session(room_id, devices, *rotation)
        lacking = [d for d in devices if d.device_id not in session.shared_with.get(d.user_id, {})]
        if not lacking:
            return session
        now = time.monotonic()
        claim = self.machine.without_session(
            d for d in lacking if self._claim_after.get((d.user_id, d.device_id), 0.0) <= now
        )
        if claim:
            answer = await self._http.request(
                "POST", "/_matrix/client/v3/keys/claim", {"one_time_keys": claim, "timeout": 10000}, timeout_s=60
            )
            self.machine.receive_claimed(answer)
            still = self.machine.without_session(d for d in lacking if d.device_id in claim.get(d.user_id, {}))
            self._claim_after = {k: t for k, t in self._claim_after.items() if t > now}
            self._claim_after.update(
                {(user, device): now + _CLAIM_PAUSE_S for user, ds in still.items() for device in ds}
            )
        ready = self.machine.unshared(session, lacking)
        for start in range(0, len(ready), _SHARE_DEVICES):
            part = ready[start : start + _SHARE_DEVICES]
            messages = self.machine.encrypt_room_key(session, part)
            await self._store.commit()  # the Olm ratchets have moved
            await self._http.request(
                "PUT",
                f"/_matrix/client/v3/sendToDevice/m.room.encrypted/{segment(next(self._txn))}",
                {"messages": messages},
            )
            self.machine.shared(session, part)
        return session
