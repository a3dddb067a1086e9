"""Canonical JSON and Ed25519 signatures (spec: appendix "Signing JSON")."""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

import vodozemac
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def canonical(value: Mapping[str, Any]) -> bytes:
    """Canonical JSON without `signatures` and `unsigned`: what a signature covers."""
    bare = {k: v for k, v in value.items() if k not in ("signatures", "unsigned")}
    return json.dumps(bare, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8")


def unpadded(data: bytes) -> str:
    """Unpadded base64, as Matrix writes keys and signatures."""
    return b64encode(data).decode().rstrip("=")


def from_unpadded(text: str) -> bytes:
    """Bytes of unpadded (or padded) base64. Raises ValueError."""
    return b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True)


def verified(value: Mapping[str, Any], user_id: str, key_id: str, public_key: str) -> bool:
    """Whether `value` carries a right signature of `user_id`'s `ed25519:key_id` under `public_key`. Never raises."""
    try:
        signature = value["signatures"][user_id][f"ed25519:{key_id}"]
        key = vodozemac.Ed25519PublicKey.from_base64(public_key)
        key.verify_signature(canonical(value), vodozemac.Ed25519Signature.from_base64(signature))
    except (KeyError, TypeError, ValueError, RecursionError):
        return False
    return True


class SigningKey:
    """A private Ed25519 key with its public part."""

    def __init__(self, seed: bytes) -> None:
        self.seed = seed
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = unpadded(self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    def sign(self, value: dict[str, Any], user_id: str) -> dict[str, Any]:
        """`value` with the signature of this key added; its key id is the public key, as for cross-signing keys."""
        signatures = {u: dict(s) for u, s in value.get("signatures", {}).items()}
        signatures.setdefault(user_id, {})[f"ed25519:{self.public}"] = unpadded(self._key.sign(canonical(value)))
        return {**value, "signatures": signatures}
