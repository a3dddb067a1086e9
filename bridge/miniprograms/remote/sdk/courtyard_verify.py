"""Is this request from the Courtyard that I know? For the server of a mini-program, in Python.

Copy this file beside your server; it needs the package `cryptography` and nothing else. See docs/mini-programs.md,
"Your own server".
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

TOLERANCE = 300
"""Seconds that a request may be old, or your clock be wrong."""
REMEMBERED = 3600
"""Seconds for which answers are kept: longer than a delivery is repeated, and longer than TOLERANCE, so that nothing
which was recorded on its way does anything a second time."""


class Rejected(Exception):
    """Answer with status 401, and do nothing."""


def verify(
    headers: Mapping[str, str], body: bytes, keys: Iterable[str], now: float | None = None, tolerance: int = TOLERANCE
) -> str:
    """Check a request; the id of the delivery.

    Args:
        headers: of the request; upper and lower case make no difference.
        body: the bytes as they came, before anything reads them as JSON.
        keys: the keys (`ed25519:…`) of the installations that you serve: two of one while it changes its key.

    Raises:
        Rejected: it is from nobody whom you know, was changed on its way, or is too old.
    """
    given = {name.lower(): value for name, value in headers.items()}
    version, delivery, timestamp, key, signature = (
        given.get(f"courtyard-{name}", "") for name in ("version", "delivery", "timestamp", "key", "signature")
    )
    if version != "1":
        raise Rejected("version")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", delivery, re.ASCII):
        raise Rejected("delivery")
    if not re.fullmatch(r"[1-9][0-9]{0,11}", timestamp, re.ASCII):
        raise Rejected("timestamp")
    if abs((time.time() if now is None else now) - int(timestamp)) > tolerance:
        raise Rejected("time")
    if key not in tuple(keys):
        raise Rejected("key")
    signed = f"courtyard delivery 1\n{timestamp}\n{delivery}\n{hashlib.sha256(body).hexdigest()}\n".encode()
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.removeprefix("ed25519:"), validate=True))
        made = base64.b64decode(signature, validate=True)
        if base64.b64encode(made).decode() != signature:
            raise ValueError("a signature has one spelling")
        public.verify(made, signed)
    except (InvalidSignature, ValueError):
        raise Rejected("signature") from None
    return delivery


class Answers:
    """What was answered to which delivery, so that one that comes again gets the same and does nothing.

    In memory. What must outlive a restart of yours belongs into your database, in the transaction that changes it.
    """

    def __init__(self, seconds: float = REMEMBERED, most: int = 10_000) -> None:
        self._seconds = seconds
        self._most = most
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    def recall(self, delivery: str, now: float | None = None) -> bytes | None:
        """What was answered; None: it is new."""
        at, answer = self._kept.get(delivery, (0.0, None))
        return answer if (time.time() if now is None else now) - at <= self._seconds else None

    def remember(self, delivery: str, answer: bytes, now: float | None = None) -> bytes:
        """Keep an answer, and give it back."""
        moment = time.time() if now is None else now
        self._kept[delivery] = (moment, answer)
        self._kept.move_to_end(delivery)
        while len(self._kept) > self._most or moment - next(iter(self._kept.values()))[0] > self._seconds:
            self._kept.popitem(last=False)
        return answer


def receipt(key: Ed25519PrivateKey, delivery: str, user: str, now: float | None = None) -> dict[str, object]:
    """The receipt for an answer to `close` with `left`: what you kept of this user is deleted.

    Args:
        key: secret, of the public key that stands under `deletion` in your manifest.
        user: `event.user.id`.
    """
    at = int(time.time() if now is None else now)
    signed = f"courtyard erasure 1\n{delivery}\n{user}\n{at}\n".encode()
    return {"at": at, "signature": base64.b64encode(key.sign(signed)).decode("ascii")}
