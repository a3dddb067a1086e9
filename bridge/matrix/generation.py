"""Is this store the newest, and the only one of its device?

An older copy knows ratchets that have moved on since: what it encrypts uses keys twice, and what others sent in between
it can't read. So a counter goes up in the store and, after that, in the account's data on the homeserver: at each start
and stop, and from time to time while the bot works. With each count goes a random id of whoever counted: of two that
begin from one copy, only one finds its own id there. A store that is behind, or a count that somebody else made, is
never used to encrypt: at a start the bot logs in as a new device; while it runs, it stops.
"""

import asyncio
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from bridge.errors import OperatorError
from bridge.ids import DeviceId, UserId
from bridge.matrix.cryptostore import CryptoStore
from bridge.matrix.http import Homeserver, MatrixError, TokenRevoked, TooLarge, Unreachable, segment
from bridge.matrix.seal import Sealer
from bridge.matrix.signing import from_unpadded, unpadded

log = structlog.get_logger(__name__)

ACCOUNT_DATA = "chat.courtyard.generation"
_SECRET = "generation"
_STOPPED = "stopped"
_EVERY_S = 300.0
_AGAIN_S = 5.0


@dataclass(frozen=True, slots=True)
class _Mark:
    """One count. `run` is the random id of who counted, `before` that of the count before."""

    count: int
    run: str
    before: str | None = None


_UNREADABLE = _Mark(2**62, "")
"""Another device's, another key's, or damaged: newer than anything of ours."""


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
        self._lock = asyncio.Lock()
        self._pending = False
        """The store's count may not have reached the homeserver."""
        self._first = False

    async def is_current(self) -> bool:
        """Whether the store may be used. A counter that is missing or can't be opened counts as unknown: not current.

        Raises:
            Unreachable, MatrixError, TokenRevoked
        """
        mine = self._mine()
        if mine is None:
            return True  # a device that has not used its store yet
        theirs = await self._theirs()
        return theirs is not None and _is_ours(theirs, mine)

    async def advance(self, *, stopped: bool = False) -> None:
        """Count up: in the store first, so that it is never behind because of a crash in between. `stopped`: note
        with it that the process ends in order.

        Raises:
            OperatorError: somebody else has counted.
            Unreachable, MatrixError, TokenRevoked
        """
        async with self._lock:
            mine = self._mine()
            if mine is not None and not self._first:
                await self._check(mine)
            if mine is None or not self._pending:
                self._first = mine is None
                mine = _Mark(1 if mine is None else mine.count + 1, secrets.token_hex(8), mine.run if mine else None)
                value = {"generation": mine.count, "run": mine.run, "before": mine.before}
                self._store.save_secret(_SECRET, json.dumps(value).encode())
                self._pending = True
            if stopped:
                self._store.save_secret(_STOPPED, b"1")
            await self._store.commit()
            sealed = self._sealer.seal(self._context, json.dumps({"generation": mine.count, "run": mine.run}).encode())
            await self._http.request("PUT", self._path, {"sealed": unpadded(sealed)})
            self._pending = self._first = False

    async def check(self) -> None:
        """Look whether somebody else has counted. Raises as `advance`."""
        async with self._lock:
            mine = self._mine()
            if mine is not None and not self._first:
                await self._check(mine)

    def is_strange(self, content: object) -> bool:
        """Whether this, which a sync brought of the counter, calls for a `check`. What is behind is an echo."""
        mine = self._mine()
        return mine is not None and isinstance(content, Mapping) and not _is_ours(self._opened(content), mine)

    async def _check(self, mine: _Mark) -> None:
        theirs = await self._theirs()
        if theirs is not None and not _is_ours(theirs, mine):
            raise OperatorError(
                "matrix: another courtyard works with this account: a copy of this one's data, or a second "
                "installation. Stop the other one, then start this one again."
            )

    def _mine(self) -> _Mark | None:
        value = self._store.secrets.get(_SECRET)
        if value is None:
            return None
        data = json.loads(value)
        if isinstance(data, int):  # written by an older version
            return _Mark(data, "")
        return _Mark(data["generation"], data["run"], data["before"])

    async def _theirs(self) -> _Mark | None:
        """What the homeserver has; None: nothing."""
        try:
            return self._opened(await self._http.request("GET", self._path))
        except MatrixError as error:
            if error.status != 404:
                raise
            return None

    def _opened(self, content: Mapping[str, object]) -> _Mark:
        sealed = content.get("sealed")
        try:
            assert isinstance(sealed, str)
            value = json.loads(self._sealer.open(self._context, from_unpadded(sealed)))
            return _Mark(int(value["generation"]), str(value.get("run", "")))
        except Exception:
            return _UNREADABLE


def _is_ours(theirs: _Mark, mine: _Mark) -> bool:
    """Whether the homeserver's count is the store's, or one that the store came after."""
    if theirs.count == mine.count:
        return theirs.run == mine.run
    if theirs.count == mine.count - 1:
        return mine.before is None or theirs.run == mine.before
    return theirs.count < mine.count


def begin(store: CryptoStore) -> None:
    """At a start: unless the last process ended in order, nothing is encrypted with a session from before, neither of
    a room nor with a device. A copy that was taken of a running store may be behind by messages that the counter knows
    nothing of."""
    if _STOPPED not in store.secrets:
        store.drop_all_outbound()
        store.retire_sessions()
    store.drop_secret(_STOPPED)


async def end(store: CryptoStore, generation: Generation, within_s: float) -> None:
    """At the very end, when nothing writes the store any more: note that it was an orderly one."""
    store.rest_outbound()
    try:
        async with asyncio.timeout(within_s):
            await generation.advance(stopped=True)
        return
    except OperatorError as error:
        log.error("the crypto store is not the only one of its device", error=str(error))
        return
    except (Unreachable, MatrixError, TokenRevoked, TooLarge, TimeoutError) as error:
        log.warning("the generation of the crypto store could not be written", error=type(error).__name__)
    store.save_secret(_STOPPED, b"1")
    await store.commit()


async def keep_advancing(generation: Callable[[], Generation], store: CryptoStore, suspicion: asyncio.Event) -> None:
    """Count up every few minutes in which anything was written or sent, so that copies made meanwhile fall behind; look
    at once when there is a suspicion.

    Raises:
        OperatorError: somebody else has counted.
    """
    written = store.activity
    while True:
        try:
            async with asyncio.timeout(_EVERY_S):
                await suspicion.wait()
        except TimeoutError:
            if store.activity == written:
                continue
        try:
            if suspicion.is_set():
                await generation().check()
                suspicion.clear()
            else:
                before = store.activity
                await generation().advance()
                written = before + 1  # what it has written itself
        except (Unreachable, MatrixError, TokenRevoked, TooLarge) as error:
            log.warning("the generation of the crypto store could not be written", error=str(error))
            await asyncio.sleep(_AGAIN_S)
