"""Sealing what the store keeps of the account under the store key, AES-256-GCM: private keys, the access token, and
whom the account meets in which rooms.
"""

import json
import os
from typing import Any

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bridge.errors import OperatorError
from bridge.ids import EventId

_NONCE = 12
_encoded = json.JSONEncoder(separators=(",", ":")).encode

log = structlog.get_logger(__name__)


class Sealer:
    """Seals small values with one key; `context` says what a value is, so that none can stand in for another."""

    def __init__(self, store_key: bytes) -> None:
        if len(store_key) != 32:
            raise OperatorError("the store key must be 32 bytes; restore the key file from your backup.")
        self._aead = AESGCM(_derive(store_key, b"courtyard sealed values"))
        self._lookup = HMAC(_derive(store_key, b"courtyard keyed hashes"), SHA256())
        self.pickle_passphrase = _derive(store_key, b"courtyard pickles").hex()
        """What the pickles of the Olm account and its sessions are encrypted with."""

    def seal(self, context: str, value: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._aead.encrypt(nonce, value, context.encode())

    def open(self, context: str, sealed: bytes) -> bytes:
        """The value.

        Raises:
            OperatorError: another key sealed it, or it was changed.
        """
        try:
            return self._aead.decrypt(sealed[:_NONCE], sealed[_NONCE:], context.encode())
        except (InvalidTag, ValueError):  # the latter: too short to hold anything
            raise OperatorError(
                "the crypto store can't be opened: the store key is not the one that it was written with. "
                "Put the right key file back."
            ) from None

    def seal_json(self, context: str, value: Any) -> bytes:
        return self.seal(context, _encoded(value).encode())

    def open_json(self, context: str, sealed: bytes) -> Any:
        """What `seal_json` sealed. Raises as `open`."""
        return json.loads(self.open(context, bytes(sealed)))

    def read_json(self, context: str, sealed: bytes | None, table: str) -> Any | None:
        """The same for a row that must not spoil its neighbours: None, and a line in the log, when it is damaged."""
        try:
            return self.open_json(context, sealed or b"")
        except OperatorError:
            log_damaged(table)
            return None

    def lookup(self, kind: str, value: str) -> bytes:
        """A keyed hash, 32 bytes: finds a row by an id that does not stand in it."""
        mac = self._lookup.copy()
        mac.update(kind.encode() + b"\0" + value.encode("utf-8", "surrogatepass"))
        return mac.finalize()


def fact_id(sealer: Sealer, kind: str, what: str) -> EventId:
    """Id of what is handled like an event and is none, the same each time: tells nothing of what it is about."""
    return EventId(f"${kind} {sealer.lookup(kind, what).hex()}")


def log_damaged(table: str) -> None:
    """Say that a row can't be opened."""
    log.error("a row of the database can't be opened", table=table, column="sealed", reason="damaged")


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=purpose).derive(key)
