"""Encrypted attachments, EncryptedFile v2 (client-server API, "Sending encrypted attachments")."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.e2e.clients.olm_identity import unpadded
from tests.e2e.clients.signed_json import text, thing

__all__ = ["AttachmentError", "decrypt_attachment", "encrypt_attachment"]


class AttachmentError(Exception):
    """The encrypted file or its description is not what it should be."""


def encrypt_attachment(plain: bytes) -> tuple[bytes, dict[str, Any]]:
    """The ciphertext to upload, and the EncryptedFile that describes it, still without ``url``."""
    key = os.urandom(32)
    # The lower half is the block counter: it begins at zero, so that it cannot overflow into the random part.
    iv = os.urandom(8) + bytes(8)
    cipher = _ctr(key, iv, plain)
    file = {
        "v": "v2",
        "key": {
            "kty": "oct",
            "key_ops": ["encrypt", "decrypt"],
            "alg": "A256CTR",
            "k": base64.urlsafe_b64encode(key).decode().rstrip("="),
            "ext": True,
        },
        "iv": unpadded(iv),
        "hashes": {"sha256": unpadded(hashlib.sha256(cipher).digest())},
    }
    return cipher, file


def decrypt_attachment(cipher: bytes, file: dict[str, Any]) -> bytes:
    """The file itself. Raises AttachmentError if the hash is wrong or the description is unusable."""
    key_object = thing(file.get("key"))
    if file.get("v") != "v2" or key_object.get("alg") != "A256CTR" or key_object.get("kty") != "oct":
        raise AttachmentError("the encrypted file is not of version v2")
    try:
        key = base64.urlsafe_b64decode(_padded(text(key_object.get("k"))))
        iv = base64.b64decode(_padded(text(file.get("iv"))), validate=True)
        digest = base64.b64decode(_padded(text(thing(file.get("hashes")).get("sha256"))), validate=True)
    except ValueError as error:
        raise AttachmentError("the encrypted file is described with bad base64") from error
    if len(key) != 32 or len(iv) != 16:
        raise AttachmentError("the encrypted file's key or counter block has a wrong length")
    # The hash is over the ciphertext and is checked before anything is decrypted: CTR alone authenticates nothing.
    if not hmac.compare_digest(digest, hashlib.sha256(cipher).digest()):
        raise AttachmentError("the encrypted file's hash does not match")
    return _ctr(key, iv, cipher)


def _ctr(key: bytes, iv: bytes, data: bytes) -> bytes:
    context = Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor()
    return context.update(data) + context.finalize()


def _padded(value: str) -> str:
    return value + "=" * (-len(value) % 4)
