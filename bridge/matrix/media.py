"""Encrypted attachments (spec: "Sending encrypted attachments"): AES-256-CTR, fresh key, SHA-256."""

import hashlib
import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from bridge.chat.inbound import EncryptedFile
from bridge.errors import CourtyardError
from bridge.matrix.signing import from_unpadded, unpadded


class DamagedMedia(CourtyardError):
    """The attachment is not what its sender encrypted, or its key is malformed."""


def decrypt(file: EncryptedFile, ciphertext: bytes) -> bytes:
    """The attachment.

    Raises:
        DamagedMedia: wrong hash, malformed key.
    """
    try:
        key = urlsafe_b64decode(file.key + "=" * (-len(file.key) % 4))
        iv, digest = from_unpadded(file.iv), from_unpadded(file.sha256)
    except ValueError:
        raise DamagedMedia("malformed key") from None
    if len(key) != 32 or len(iv) != 16:
        raise DamagedMedia("malformed key")
    if not hmac.compare_digest(hashlib.sha256(ciphertext).digest(), digest):
        raise DamagedMedia("wrong hash")
    decryptor = Cipher(AES(key), CTR(iv)).decryptor()
    return decryptor.update(ciphertext) + decryptor.finalize()


def encrypt(data: bytes) -> tuple[bytes, dict[str, Any]]:
    """Ciphertext, and its EncryptedFile without `url`, under a fresh key."""
    key = os.urandom(32)
    iv = os.urandom(8) + bytes(8)  # the counter half starts at zero, so that it can't overflow
    encryptor = Cipher(AES(key), CTR(iv)).encryptor()
    ciphertext = encryptor.update(data) + encryptor.finalize()
    return ciphertext, {
        "v": "v2",
        "key": {
            "kty": "oct",
            "alg": "A256CTR",
            "ext": True,
            "key_ops": ["encrypt", "decrypt"],
            "k": urlsafe_b64encode(key).decode().rstrip("="),
        },
        "iv": unpadded(iv),
        "hashes": {"sha256": unpadded(hashlib.sha256(ciphertext).digest())},
    }
