"""Is this store the newest, or an older copy of it?

An older copy knows ratchets that have moved on since: what it encrypts uses keys twice, and what others sent in between
it can't read. So a counter goes up in the store and, after that, in the account's data on the homeserver, at each start
and from time to time while the bot works. A store that is behind the homeserver's counter is an older copy: it is never
used to encrypt again; the bot logs in as a new device.
"""

import asyncio
import json
from collections.abc import Callable

import structlog

from bridge.ids import DeviceId, UserId
from bridge.matrix.cryptostore import CryptoStore
from bridge.matrix.http import Homeserver, MatrixError, TokenRevoked, Unreachable, segment
from bridge.matrix.seal import Sealer
from bridge.matrix.signing import from_unpadded, unpadded

log = structlog.get_logger(__name__)

ACCOUNT_DATA = "chat.courtyard.generation"
_SECRET = "generation"
_EVERY_S = 300.0


class Generation:
    """The counter of one device. What the homeserver keeps of it is sealed with the store key."""

    def __init__(
        self, homeserver: Homeserver, store: CryptoStore, sealer: Sealer, me: UserId, device_id: DeviceId
    ) -> None:
        self._http = homeserver
        self._store = store
        self._sealer = sealer
        self._device = device_id
        self._context = f"generation {device_id}"
        self._path = f"/_matrix/client/v3/user/{segment(me)}/account_data/{ACCOUNT_DATA}"

    async def is_current(self) -> bool:
        """Whether the store may be used. A counter that is missing or can't be opened counts as unknown: not current.

        Raises:
            Unreachable, MatrixError, TokenRevoked
        """
        mine = self._mine()
        if mine is None:
            return True  # a device that has not used its store yet
        try:
            answer = await self._http.request("GET", self._path)
        except MatrixError as error:
            if error.status != 404:
                raise
            return False
        theirs = self._opened(answer)
        return theirs is not None and mine >= theirs

    async def advance(self) -> None:
        """Count up: in the store first, so that it is never behind because of a crash in between.

        Raises:
            Unreachable, MatrixError, TokenRevoked
        """
        count = (self._mine() or 0) + 1
        self._store.save_secret(_SECRET, str(count).encode())
        await self._store.commit()
        sealed = self._sealer.seal(self._context, json.dumps({"generation": count}).encode())
        await self._http.request("PUT", self._path, {"sealed": unpadded(sealed)})

    def _mine(self) -> int | None:
        value = self._store.secrets.get(_SECRET)
        return int(value) if value is not None else None

    def _opened(self, answer: dict[str, object]) -> int | None:
        sealed = answer.get("sealed")
        try:
            assert isinstance(sealed, str)
            value = json.loads(self._sealer.open(self._context, from_unpadded(sealed)))["generation"]
        except Exception:  # another device's, another key's, or damaged: unknown
            return None
        return value if isinstance(value, int) else None


async def keep_advancing(generation: Callable[[], Generation], store: CryptoStore) -> None:
    """Count up every few minutes in which anything was written, so that copies made meanwhile fall behind."""
    written = store.commits
    while True:
        await asyncio.sleep(_EVERY_S)
        if store.commits == written:
            continue
        try:
            await generation().advance()
        except (Unreachable, MatrixError, TokenRevoked) as error:
            log.warning("the generation of the crypto store could not be written", error=str(error))
        written = store.commits
