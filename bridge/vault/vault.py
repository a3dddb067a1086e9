"""Seals and opens personal values: the implementation of `bridge.db.sealing`."""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import structlog
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from bridge.db.sealing import Row, Unreadable
from bridge.vault import envelope
from bridge.vault.keystore import COMMON, LOOKUP, KeyStore

MAX_CACHED_KEYS = 20_000
"""Data keys that are kept in memory, about 0.5 KB each."""

log = structlog.get_logger(__name__)


class Vault:
    """Values by owner. Thread-safe. Keeps the keys that were used last."""

    def __init__(self, keys: KeyStore, *, max_cached: int = MAX_CACHED_KEYS) -> None:
        self.keys = keys
        self._max_cached = max_cached
        self._cache: OrderedDict[int, AESGCMSIV] = OrderedDict()
        self._gone: set[int] = set()
        """Erased since the start: a key that was being read meanwhile must not be kept."""
        self._lock = threading.Lock()
        self._lookup = HMAC(self._fetch(LOOKUP), SHA256())

    def seal(self, owner: int, table: str, row: Row, column: str, value: Any) -> bytes:
        return envelope.seal(self._key(owner), envelope.place(owner, table, row, column), value)

    def open(self, owner: int, table: str, row: Row, column: str, sealed: bytes | None) -> Any:
        if sealed is None:
            raise Unreadable("damaged")
        return envelope.open_(self._key(owner), envelope.place(owner, table, row, column), bytes(sealed))

    def read(self, owner: int, table: str, row: Row, column: str, sealed: bytes | None) -> Any | None:
        try:
            return self.open(owner, table, row, column, sealed)
        except Unreadable as error:
            if error.reason != "erased":
                log.error("a row of the database can't be opened", table=table, column=column, reason=error.reason)
            return None

    def prepare(self, owners: Iterable[int]) -> None:
        wanted = set(owners)
        with self._lock:
            missing = sorted(wanted - self._cache.keys())
        # More than fit would push each other out again.
        for owner, key in self.keys.get(missing[: self._max_cached]).items() if missing else ():
            if key is not None:
                with contextlib.suppress(Unreadable):  # erased at this moment
                    self._keep(owner, AESGCMSIV(key))

    def create(self, owner: int) -> None:
        with self._lock:
            if owner in self._cache:
                return
        self.create_all([owner])

    def create_all(self, owners: Iterable[int]) -> None:
        """`create` for several, in one commit."""
        for owner, key in self.keys.create_all(owners).items():
            self._keep(owner, AESGCMSIV(key))

    def lookup(self, kind: str, value: str) -> bytes:
        mac = self._lookup.copy()
        mac.update(kind.encode() + b"\0" + value.encode("utf-8", "surrogatepass"))
        return mac.finalize()

    def destroy(self, owners: Iterable[int]) -> None:
        """Destroy the keys of these owners: what was sealed under them is unreadable from now on, everywhere."""
        gone = set(owners)
        assert not gone & set(COMMON), "these keys are everybody's"
        with self._lock:
            self._gone |= gone
            for owner in gone:
                self._cache.pop(owner, None)
        self.keys.destroy(gone)

    def _key(self, owner: int) -> AESGCMSIV:
        with self._lock:
            key = self._cache.get(owner)
            if key is not None:
                self._cache.move_to_end(owner)
                return key
        return self._keep(owner, AESGCMSIV(self._fetch(owner)))

    def _fetch(self, owner: int) -> bytes:
        found = self.keys.get([owner])
        if owner not in found:
            raise Unreadable("erased")
        key = found[owner]
        if key is None:
            raise Unreadable("damaged")
        return key

    def _keep(self, owner: int, key: AESGCMSIV) -> AESGCMSIV:
        with self._lock:
            if owner in self._gone:
                raise Unreadable("erased")
            self._cache[owner] = key
            self._cache.move_to_end(owner)
            while len(self._cache) > self._max_cached:
                self._cache.popitem(last=False)
        return key
