"""The published test vectors of the signature, made anew: the same bytes each time."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bridge.miniprograms.remote import signing

FILE = Path(__file__).parents[2] / "bridge" / "miniprograms" / "remote" / "sdk" / "vectors.json"
SEED, OTHER_SEED = bytes(range(32)), bytes(range(32, 64))
"""Secret keys that everybody knows."""
NOW = 1_767_268_800
DELIVERY = "0a1b2c3d4e5f60718293a4b5"
BODY = '{"data":{"text":"你好 é \\n"},"id":"0a1b2c3d4e5f60718293a4b5","type":"text","v":1}'


def render() -> str:
    """The file."""
    about = "Requests as Courtyard signs them, and others. `reason`: why one is refused; null: it is good."
    keys = {"secret": SEED.hex(), "public": signing.public_key(SEED)}
    receipt = signing.receipt_message(DELIVERY, "uabc", NOW)
    document = {
        "about": about,
        "key": keys,
        "signed": signing.message(NOW, DELIVERY, BODY.encode()).decode(),
        "receipt": {"delivery": DELIVERY, "user": "uabc", "at": NOW, "signed": receipt.decode()},
        "requests": list(_requests()),
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _requests() -> Iterator[dict[str, Any]]:
    good = signing.headers(SEED, NOW, DELIVERY, BODY.encode())
    public, other = signing.public_key(SEED), signing.public_key(OTHER_SEED)

    def one(name: str, reason: str | None, headers: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
        given = {"name": name, "keys": [public], "now": NOW, "headers": headers or good, "body": BODY, **more}
        return {**given, "reason": reason}

    def without(name: str) -> dict[str, str]:
        return {key: value for key, value in good.items() if key != name}

    def changed(name: str, value: str) -> dict[str, str]:
        return {**good, name: value}

    yield one("as it is sent", None)
    yield one("names of headers in small letters", None, {name.lower(): value for name, value in good.items()})
    yield one("one of two keys", None, keys=[other, public])
    yield one("an empty body", None, signing.headers(SEED, NOW, DELIVERY, b""), body="")
    yield one(
        "the other key, which is known as well",
        None,
        signing.headers(OTHER_SEED, NOW, DELIVERY, BODY.encode()),
        keys=[other],
    )
    yield one(
        "sent again later, with a new time",
        None,
        signing.headers(SEED, NOW + 600, DELIVERY, BODY.encode()),
        now=NOW + 600,
    )
    yield one("five minutes old", None, now=NOW + 300)
    yield one("five minutes ahead", None, now=NOW - 300)
    yield one("older than five minutes: recorded, and sent again", "time", now=NOW + 301)
    yield one("more than five minutes ahead", "time", now=NOW - 301)
    yield one("the time was changed", "signature", changed(signing.TIMESTAMP, str(NOW + 1)))
    yield one("the time is missing", "timestamp", without(signing.TIMESTAMP))
    yield one("the time has a fraction", "timestamp", changed(signing.TIMESTAMP, f"{NOW}.0"))
    yield one("the time has a sign", "timestamp", changed(signing.TIMESTAMP, f"+{NOW}"))
    yield one("the time has foreign digits", "timestamp", changed(signing.TIMESTAMP, "１７６７２６８８００"))
    yield one("the time is in milliseconds", "timestamp", changed(signing.TIMESTAMP, f"{NOW}000"))
    yield one("the id was changed: one delivery as another", "signature", changed(signing.DELIVERY, DELIVERY[::-1]))
    yield one("the id is missing", "delivery", without(signing.DELIVERY))
    yield one("the id has a line in it", "delivery", changed(signing.DELIVERY, f"{DELIVERY}\nx"))
    yield one("the body was changed", "signature", body=BODY.replace("text", "test"))
    yield one("a blank after the body", "signature", body=BODY + " ")
    yield one("the body is missing", "signature", body="")
    yield one("the version is missing", "version", without(signing.OF_VERSION))
    yield one("another version", "version", changed(signing.OF_VERSION, "2"))
    yield one("the key is not known", "key", keys=[other])
    yield one("no key is known", "key", keys=[])
    yield one("the key is missing", "key", without(signing.KEY))
    yield one("signed by one key, said to be another", "signature", changed(signing.KEY, other), keys=[public, other])
    yield one("nobody has signed it", "signature", without(signing.SIGNATURE))
    yield one("the signature is no base64", "signature", changed(signing.SIGNATURE, "*" * 88))
    yield one(
        "the signature is spelled differently",
        "signature",
        changed(signing.SIGNATURE, good[signing.SIGNATURE].rstrip("=")),
    )
    yield one(
        "the signature is cut",
        "signature",
        changed(signing.SIGNATURE, base64.b64encode(base64.b64decode(good[signing.SIGNATURE])[:63]).decode()),
    )
    yield one(
        "the signature of another delivery",
        "signature",
        changed(signing.SIGNATURE, signing.headers(SEED, NOW, "other", BODY.encode())[signing.SIGNATURE]),
    )
