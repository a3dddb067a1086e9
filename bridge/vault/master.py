"""Master keys: they wrap the data keys, and are kept in no database.

`MasterKey` is the port: a key that lives in a hardware module or a key service implements these three names, and
never shows itself. `LocalMasterKey` is 32 bytes from a file, the environment or a systemd credential.
"""

import base64
import binascii
import os
from collections.abc import Callable, Sequence
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bridge.errors import OperatorError

KEY_BYTES = 32
_NONCE = 12
_MAX_KEYS = 16


class MasterKey(Protocol):
    """Wraps data keys."""

    @property
    def id(self) -> str:
        """Tells this key from others and nothing about it; stored with each key that it wraps."""
        ...

    def wrap(self, context: bytes, key: bytes) -> bytes: ...

    def unwrap(self, context: bytes, wrapped: bytes) -> bytes:
        """The key.

        Raises:
            ValueError: it was wrapped by another key, in another context, or was changed.
        """
        ...


class LocalMasterKey:
    """A master key that is just bytes."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError("a master key has 32 bytes")
        self._aead = AESGCMSIV(_derive(key, b"courtyard master key: wrap"))
        self._id = _derive(key, b"courtyard master key: id")[:8].hex()

    @property
    def id(self) -> str:
        return self._id

    def wrap(self, context: bytes, key: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._aead.encrypt(nonce, key, context)

    def unwrap(self, context: bytes, wrapped: bytes) -> bytes:
        try:
            return self._aead.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], context)
        except InvalidTag:
            raise ValueError("not wrapped by this key") from None


class MasterKeys:
    """The current master key and former ones, which only unwrap. `reload` reads them again after a rotation."""

    def __init__(self, load: Callable[[], Sequence[MasterKey]]) -> None:
        """`load` gives the keys, the current one first.

        Raises:
            OperatorError: from `load`.
        """
        self._load = load
        self.reload()

    def reload(self) -> None:
        keys = tuple(self._load())
        self.keys = keys
        """The current one first."""
        self._by_id = {key.id: key for key in keys}

    @property
    def current(self) -> MasterKey:
        return self.keys[0]

    def by_id(self, key_id: str) -> MasterKey | None:
        """The key with this id; the keys are read again when it is not among them."""
        if key_id not in self._by_id:
            self.reload()
        return self._by_id.get(key_id)


def parse_master_keys(text: str, source: str) -> list[MasterKey]:
    """Keys as base64, one a line or separated by commas; the first is the current one.

    Raises:
        OperatorError: `source`, which is named, holds no such keys.
    """
    words = text.replace(",", " ").split()
    keys: list[MasterKey] = []
    for word in words[: _MAX_KEYS + 1]:
        try:
            keys.append(LocalMasterKey(base64.b64decode(word, validate=True)))
        except (binascii.Error, ValueError):
            keys.clear()
            break
    if not keys or len(keys) > _MAX_KEYS:
        raise OperatorError(
            f"master key: {source} does not hold 32 bytes in base64 (or several such keys, the current one first). "
            "Put back what was there."
        )
    return keys


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=purpose).derive(key)
