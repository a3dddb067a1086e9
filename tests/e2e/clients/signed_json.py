"""Canonical JSON, and signatures over it (specification appendices, "Canonical JSON" and "Signing JSON")."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

with contextlib.suppress(ModuleNotFoundError):  # it is not made for newer Pythons: `bridge` runs without
    from olm.utility import OlmVerifyError, ed25519_verify


__all__ = ["canonical_json", "sign_json", "text", "thing", "verify_json"]

_MAX_INT = 2**53 - 1


def thing(value: object) -> dict[str, Any]:
    """``value`` if it is a JSON object, else an empty one: what comes from others may have any shape."""
    return value if isinstance(value, dict) else {}


def text(value: object) -> str:
    """``value`` if it is a string, else ``""``."""
    return value if isinstance(value, str) else ""


def canonical_json(value: object) -> bytes:
    """The one encoding of ``value``: keys sorted by code point, no white space, UTF-8, integers within 2**53 only.

    Raises ValueError for what has no canonical form: floats, big integers, lone surrogates.
    """
    _check(value)
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True).encode()


def _check(value: object) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ValueError("canonical JSON has no keys but strings")
            _check(item)
    elif isinstance(value, list):
        for item in value:
            _check(item)
    elif isinstance(value, float) or (isinstance(value, int) and abs(value) > _MAX_INT):
        raise ValueError("canonical JSON has no numbers but integers within ±(2**53 - 1)")


def _signable(value: dict[str, Any]) -> bytes:
    return canonical_json({key: item for key, item in value.items() if key not in ("signatures", "unsigned")})


def sign_json(value: dict[str, Any], user_id: str, key_id: str, sign: Callable[[bytes], str]) -> dict[str, Any]:
    """A copy of ``value`` with one more signature; those that are there stay. ``sign`` gives unpadded base64."""
    signatures = {user: dict(keys) for user, keys in thing(value.get("signatures")).items()}
    signatures.setdefault(user_id, {})[key_id] = sign(_signable(value))
    return {**value, "signatures": signatures}


def verify_json(value: dict[str, Any], user_id: str, key_id: str, public_key: str) -> bool:
    """Whether ``value`` carries that user's valid Ed25519 signature; any malformed input is a plain no."""
    signature = text(thing(thing(value.get("signatures")).get(user_id)).get(key_id))
    if not signature or not public_key:
        return False
    try:
        ed25519_verify(public_key.encode(), _signable(value), signature.encode())
    except (OlmVerifyError, ValueError):
        return False
    return True
