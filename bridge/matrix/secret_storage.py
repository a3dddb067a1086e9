"""Secrets in account data, encrypted under a recovery key (spec: "Secrets", m.secret_storage.v1.aes-hmac-sha2).

The homeserver keeps them and can't read them. Other clients of the account read and write the same.
"""

import hmac
import os
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bridge.ids import UserId
from bridge.matrix.http import Homeserver, MatrixError, segment
from bridge.matrix.signing import from_unpadded

ALGORITHM = "m.secret_storage.v1.aes-hmac-sha2"
_DEFAULT_KEY = "m.secret_storage.default_key"
_ZEROS = "\0" * 32
_MAX_SECRET = 65_536


def encrypt_secret(name: str, secret: str, key: bytes, iv: bytes | None = None) -> dict[str, str]:
    """`secret` as an encrypted item: iv, ciphertext and mac. `name` is part of the key, so items can't be swapped.

    `iv` is for the check of a key and for tests: an item needs one of its own.
    """
    if iv is None:
        random = bytearray(os.urandom(16))
        random[8] &= 0x7F  # bit 63 is 0: implementations differ in how the counter overflows
        iv = bytes(random)
    aes, mac = _derived(key, name)
    encryptor = Cipher(AES(aes), CTR(iv)).encryptor()
    ciphertext = encryptor.update(secret.encode()) + encryptor.finalize()
    return {
        "iv": b64encode(iv).decode(),
        "ciphertext": b64encode(ciphertext).decode(),
        "mac": b64encode(hmac.digest(mac, ciphertext, "sha256")).decode(),
    }


def decrypt_secret(name: str, item: object, key: bytes) -> str:
    """The secret of an encrypted item. Raises ValueError: it is damaged, or another key or name was used."""
    if not isinstance(item, Mapping):
        raise ValueError("no encrypted item")
    try:
        iv, ciphertext, mac = (from_unpadded(item[part]) for part in ("iv", "ciphertext", "mac"))
    except (KeyError, TypeError, AttributeError):
        raise ValueError("no encrypted item") from None
    if len(iv) != 16 or len(ciphertext) > _MAX_SECRET:
        raise ValueError("no encrypted item")
    aes, mac_key = _derived(key, name)
    if not hmac.compare_digest(mac, hmac.digest(mac_key, ciphertext, "sha256")):
        raise ValueError("wrong key, or damaged")
    decryptor = Cipher(AES(aes), CTR(iv)).decryptor()
    return (decryptor.update(ciphertext) + decryptor.finalize()).decode()


def describe_key(key: bytes) -> dict[str, str]:
    """The description of a key, by which it is recognised later: the MAC of encrypted zeros."""
    check = encrypt_secret("", _ZEROS, key)
    return {"algorithm": ALGORITHM, "iv": check["iv"], "mac": check["mac"]}


def is_key_of(description: Mapping[str, Any], key: bytes) -> bool | None:
    """Whether the description is this key's; None when it does not tell."""
    if description.get("algorithm") != ALGORITHM:
        return False
    if "iv" not in description and "mac" not in description:
        return None
    try:
        iv, mac = from_unpadded(description["iv"]), from_unpadded(description["mac"])
        if len(iv) != 16:
            return False
        own = from_unpadded(encrypt_secret("", _ZEROS, key, iv)["mac"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
    return hmac.compare_digest(mac, own)


def _derived(key: bytes, name: str) -> tuple[bytes, bytes]:
    both = HKDF(SHA256(), 64, salt=bytes(32), info=name.encode()).derive(key)
    return both[:32], both[32:]


@dataclass(frozen=True, slots=True)
class DefaultKey:
    """The key that the account's secrets are encrypted under, as the homeserver describes it."""

    id: str
    description: Mapping[str, Any]


class SecretStorage:
    """The secret storage of one account. Methods raise what `Homeserver.request` raises."""

    def __init__(self, homeserver: Homeserver, user_id: UserId) -> None:
        self._http = homeserver
        self._path = f"/_matrix/client/v3/user/{segment(user_id)}/account_data/"

    async def default_key(self) -> DefaultKey | None:
        """Which key is in use; None where the account has no secret storage."""
        key_id = (await self._get(_DEFAULT_KEY)).get("key")
        if not isinstance(key_id, str) or not key_id:
            return None
        return DefaultKey(key_id, await self._get(f"m.secret_storage.key.{key_id}"))

    async def set_up(self, key: bytes, secrets: Mapping[str, str]) -> DefaultKey:
        """Store `secrets` under a new key and make it the default. What was under another key remains as it is."""
        # The id follows from the key: a set-up that broke off is done again over its own remains.
        key_id = hmac.new(key, b"courtyard secret storage key id", "sha256").hexdigest()[:32]
        made = DefaultKey(key_id, describe_key(key))
        await self._put(f"m.secret_storage.key.{key_id}", made.description)
        for name, secret in secrets.items():
            await self.write(name, secret, made, key)
        await self._put(_DEFAULT_KEY, {"key": key_id})
        return made

    async def forget_key(self, default: DefaultKey) -> None:
        """Make the description of a key unusable. Account data can't be deleted; it is emptied."""
        await self._put(f"m.secret_storage.key.{default.id}", {})

    async def read(self, name: str, default: DefaultKey, key: bytes) -> str | None:
        """A secret; None when there is none, or none that `key` opens."""
        stored = (await self._get(name)).get("encrypted")
        try:
            return decrypt_secret(name, stored.get(default.id) if isinstance(stored, dict) else None, key)
        except ValueError:
            return None

    async def write(self, name: str, secret: str, default: DefaultKey, key: bytes) -> None:
        """Store a secret under the default key, in place of what was there."""
        await self._put(name, {"encrypted": {default.id: encrypt_secret(name, secret, key)}})

    async def _get(self, kind: str) -> dict[str, Any]:
        try:
            return await self._http.request("GET", self._path + segment(kind))
        except MatrixError as error:
            if error.status == 404:
                return {}
            raise

    async def _put(self, kind: str, content: Mapping[str, Any]) -> None:
        await self._http.request("PUT", self._path + segment(kind), content)
