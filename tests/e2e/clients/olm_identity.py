"""A person's cross-signing identity (client-server API, end-to-end encryption, "Cross-signing")."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.e2e.clients.signed_json import sign_json

__all__ = ["CrossSigningIdentity", "unpadded"]


def unpadded(raw: bytes) -> str:
    """Unpadded base64, as the specification's appendices want it."""
    return base64.b64encode(raw).decode().rstrip("=")


class CrossSigningIdentity:
    """Master, self-signing and user-signing key with their private parts."""

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self._keys = {usage: Ed25519PrivateKey.generate() for usage in ("master", "self_signing", "user_signing")}

    def public(self, usage: str) -> str:
        """The public key for ``usage``: ``master``, ``self_signing`` or ``user_signing``."""
        return unpadded(self._keys[usage].public_key().public_bytes_raw())

    def key_object(self, usage: str) -> dict[str, Any]:
        """The key as it is published, the two lower ones signed by the master key."""
        public = self.public(usage)
        key = {"user_id": self.user_id, "usage": [usage], "keys": {f"ed25519:{public}": public}}
        return key if usage == "master" else self._signed(key, "master")

    def upload(self) -> dict[str, Any]:
        """The body of ``POST /keys/device_signing/upload``, without interactive authentication."""
        return {f"{usage}_key": self.key_object(usage) for usage in self._keys}

    def sign_device(self, device_keys: dict[str, Any]) -> dict[str, Any]:
        """One's own device keys, signed by the self-signing key."""
        return self._signed(device_keys, "self_signing")

    def _signed(self, value: dict[str, Any], usage: str) -> dict[str, Any]:
        return sign_json(value, self.user_id, f"ed25519:{self.public(usage)}", self._signer(usage))

    def _signer(self, usage: str) -> Callable[[bytes], str]:
        return lambda message: unpadded(self._keys[usage].sign(message))
