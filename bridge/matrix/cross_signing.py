"""The three keys of a cross-signing identity (spec: "Cross-signing")."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.ids import UserId
from bridge.matrix.signing import SigningKey, from_unpadded, unpadded, verified

USAGES = ("master", "self_signing", "user_signing")
SECRETS = {usage: f"m.cross_signing.{usage}" for usage in USAGES}
"""Their names in secret storage."""


@dataclass(frozen=True, slots=True)
class CrossSigningKeys:
    """The private keys, in the order of `USAGES`."""

    master: SigningKey
    self_signing: SigningKey
    user_signing: SigningKey

    @classmethod
    def generate(cls) -> "CrossSigningKeys":
        return cls(*(SigningKey(os.urandom(32)) for _ in USAGES))

    @classmethod
    def from_seeds(cls, seeds: Mapping[str, bytes | None]) -> "CrossSigningKeys | None":
        """The keys with these seeds, by usage; None when one is missing."""
        found = [seed for usage in USAGES if (seed := seeds.get(usage)) is not None and len(seed) == 32]
        return cls(*(SigningKey(seed) for seed in found)) if len(found) == len(USAGES) else None

    @classmethod
    def from_secrets(cls, secrets: Mapping[str, str | None]) -> "CrossSigningKeys | None":
        """The keys as they are kept in secret storage; None when one is missing or is no key."""
        try:
            return cls.from_seeds({usage: from_unpadded(secrets.get(SECRETS[usage]) or "") for usage in USAGES})
        except ValueError:
            return None

    def seeds(self) -> dict[str, bytes]:
        return {
            "master": self.master.seed,
            "self_signing": self.self_signing.seed,
            "user_signing": self.user_signing.seed,
        }

    def secrets(self) -> dict[str, str]:
        """As they go into secret storage: name to unpadded base64."""
        return {SECRETS[usage]: unpadded(seed) for usage, seed in self.seeds().items()}

    def bare_master(self, user_id: UserId) -> dict[str, Any]:
        """The public master key, not signed by anything yet."""
        return _public_part("master", self.master.public, user_id)

    def upload_body(self, user_id: UserId) -> dict[str, Any]:
        """The public parts (spec: `POST /keys/device_signing/upload`)."""
        body: dict[str, Any] = {"master_key": self.bare_master(user_id)}
        for usage, key in (("self_signing", self.self_signing), ("user_signing", self.user_signing)):
            body[f"{usage}_key"] = self.master.sign(_public_part(usage, key.public, user_id), user_id)
        return body

    def are_published(self, answer: Mapping[str, Any], user_id: UserId) -> bool:
        """Whether an answer of /keys/query, asked as the account itself, holds all three, rightly signed."""
        if public_key(answer, "master", user_id) != self.master.public:
            return False
        for usage, key in (("self_signing", self.self_signing), ("user_signing", self.user_signing)):
            part = _part(answer, f"{usage}_keys", user_id)
            if public_key(answer, usage, user_id) != key.public:
                return False
            if not verified(part, user_id, self.master.public, self.master.public):
                return False
        return True


def public_key(answer: Mapping[str, Any], usage: str, user_id: UserId) -> str | None:
    """The public key of this usage in an answer of /keys/query."""
    keys = _part(answer, f"{usage}_keys", user_id).get("keys")
    values = list(keys.values()) if isinstance(keys, dict) else []
    return values[0] if len(values) == 1 and isinstance(values[0], str) else None


def device_keys(answer: Mapping[str, Any], user_id: UserId, device_id: str) -> dict[str, Any] | None:
    """What an answer of /keys/query says of a device."""
    found = _part(answer, "device_keys", user_id).get(device_id)
    return found if isinstance(found, dict) else None


def _part(answer: Mapping[str, Any], section: str, user_id: UserId) -> dict[str, Any]:
    users = answer.get(section)
    part = users.get(user_id) if isinstance(users, dict) else None
    return part if isinstance(part, dict) else {}


def _public_part(usage: str, public: str, user_id: UserId) -> dict[str, Any]:
    return {"user_id": user_id, "usage": [usage], "keys": {f"ed25519:{public}": public}}
