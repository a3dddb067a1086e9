"""Sealing what the store keeps of the account: private keys and the access token, AES-256-GCM under the store key."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bridge.errors import OperatorError

_NONCE = 12


class Sealer:
    """Seals small values with one key; `context` says what a value is, so that none can stand in for another."""

    def __init__(self, store_key: bytes) -> None:
        if len(store_key) != 32:
            raise OperatorError("the store key must be 32 bytes; restore the key file from your backup.")
        self._aead = AESGCM(_derive(store_key, b"courtyard sealed values"))
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
        except InvalidTag:
            raise OperatorError(
                "the crypto store can't be opened: the store key is not the one that it was written with. "
                "Put the right key file back."
            ) from None


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=purpose).derive(key)
