"""How a program's server knows that a request comes from the installation that it is for.

Ed25519 (RFC 8032) over `courtyard delivery 1`, the time, the id of the delivery and the SHA-256 of the body, each on a
line. Every program has a key of its own in an installation: what was signed for one server says nothing to another. An
answer needs no signature: it comes back on the connection whose certificate the server has shown.
"""

import base64
import binascii
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from bridge.miniprograms.package import public_name

VERSION = "1"
DELIVERY, TIMESTAMP = "Courtyard-Delivery", "Courtyard-Timestamp"
KEY, SIGNATURE, OF_VERSION = "Courtyard-Key", "Courtyard-Signature", "Courtyard-Version"
SEED_BYTES = 32


def message(timestamp: int, delivery: str, body: bytes) -> bytes:
    """The bytes that are signed."""
    return f"courtyard delivery {VERSION}\n{timestamp}\n{delivery}\n{hashlib.sha256(body).hexdigest()}\n".encode()


def headers(seed: bytes, timestamp: int, delivery: str, body: bytes) -> dict[str, str]:
    """What stands above a request.

    Args:
        seed: 32 bytes, the secret key.
        timestamp: seconds since 1970, UTC, when it is sent.
        delivery: the id of the event; the same for each try.
    """
    key = Ed25519PrivateKey.from_private_bytes(seed)
    return {
        OF_VERSION: VERSION,
        DELIVERY: delivery,
        TIMESTAMP: str(timestamp),
        KEY: public_name(key.public_key()),
        SIGNATURE: base64.b64encode(key.sign(message(timestamp, delivery, body))).decode("ascii"),
    }


def public_key(seed: bytes) -> str:
    """The key that developers are given, `ed25519:…`."""
    return public_name(Ed25519PrivateKey.from_private_bytes(seed).public_key())


def receipt_message(delivery: str, user: str, at: int) -> bytes:
    """The bytes that a developer signs to say: what was kept of this user is deleted, at this time (seconds, UTC)."""
    return f"courtyard erasure {VERSION}\n{delivery}\n{user}\n{at}\n".encode()


def is_signed_by(key: str, signature: str, signed: bytes) -> bool:
    """Whether `key` (`ed25519:…`) has signed exactly this."""
    try:
        raw = base64.b64decode(key.removeprefix("ed25519:"), validate=True)
        public = Ed25519PublicKey.from_public_bytes(raw)
        if public_name(public) != key:
            return False
        public.verify(base64.b64decode(signature, validate=True), signed)
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True
