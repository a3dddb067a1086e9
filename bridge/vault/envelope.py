"""One sealed value: AES-256-GCM-SIV (RFC 8452) of its padded JSON.

    version (1 byte) ‖ nonce (12 bytes) ‖ ciphertext and tag

SIV, so that a nonce that repeats (a copied machine, a bad random source) tells no more than that two values are equal.
Padding (ISO/IEC 7816-4) to steps of 64 bytes, from 1 KiB on of a sixteenth to an eighth, leaves of a length only its
magnitude.
"""

import json
import os
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from bridge.db.sealing import Row, Unreadable

KEY_BYTES = 32
_VERSION = b"\x01"
_NONCE = 12
_STEP = 64
_SEPARATOR = "\x1f"
_encoded = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def place(owner: int, table: str, row: Row, column: str) -> bytes:
    """The associated data of a value: where it belongs. Only the row, which comes last, may hold any character."""
    kind = "i" if isinstance(row, int) else "s"
    return _SEPARATOR.join((table, column, str(owner), kind, str(row))).encode("utf-8", "surrogatepass")


def seal(key: AESGCMSIV, where: bytes, value: Any) -> bytes:
    """Seal anything that JSON can say."""
    nonce = os.urandom(_NONCE)
    plain = _encoded(value).encode("utf-8", "surrogatepass")
    return _VERSION + nonce + key.encrypt(nonce, _pad(plain), where)


def open_(key: AESGCMSIV, where: bytes, sealed: bytes) -> Any:
    """What was sealed at this place with this key.

    Raises:
        Unreadable: anything else stands there.
    """
    if sealed[:1] != _VERSION:
        raise Unreadable("newer" if sealed[:1] > _VERSION else "damaged")
    try:
        padded = key.decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], where)
    except (InvalidTag, ValueError):
        raise Unreadable("damaged") from None
    return json.loads(_unpad(padded).decode("utf-8", "surrogatepass"))


def _pad(plain: bytes) -> bytes:
    length = len(plain) + 1
    step = max(_STEP, 1 << max(length.bit_length() - 4, 0))
    return plain + b"\x80" + bytes(-length % step)


def _unpad(padded: bytes) -> bytes:
    # What gets here is authentic: it was padded by us.
    return padded[: padded.rindex(b"\x80")]
