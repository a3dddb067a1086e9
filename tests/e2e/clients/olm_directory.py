"""Other people's devices, if their keys prove themselves (client-server API, "Tracking the device list for a user")."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.e2e.clients.olm_http import Homeserver
from tests.e2e.clients.signed_json import text, thing, verify_json

__all__ = ["Device", "DeviceDirectory"]

_ALGORITHM = "m.megolm.v1.aes-sha2"


@dataclass(frozen=True, slots=True)
class Device:
    """A device whose keys carry their own signature. ``cross_signed``: also its owner's, by way of the master key."""

    user_id: str
    device_id: str
    curve25519: str
    ed25519: str
    cross_signed: bool


class DeviceDirectory:
    """Devices of everybody whose list was asked for; a list is fetched again once it was said to have changed."""

    def __init__(self, homeserver: Homeserver) -> None:
        self._homeserver = homeserver
        self._devices: dict[str, dict[str, Device]] = {}
        self._pinned: dict[tuple[str, str], str] = {}
        self._changes: dict[str, int] = {}
        self._known: dict[str, int] = {}
        self._lock = asyncio.Lock()
        self.version = 0
        """Counts up whenever anything here may have changed."""

    def changed(self, user_ids: Iterable[str]) -> None:
        """These people's lists are out of date now (``device_lists.changed``)."""
        for user_id in user_ids:
            self._changes[user_id] = self._changes.get(user_id, 0) + 1

    def forget(self, user_ids: Iterable[str]) -> None:
        """No room is shared with these people any more (``device_lists.left``): nobody tells of changes."""
        self.changed(user_ids)

    def known(self, user_id: str) -> dict[str, Device]:
        """What is known of a person's devices without asking, by device id."""
        return self._devices.get(user_id, {})

    def find(self, user_id: str, curve25519: str) -> Device | None:
        """The person's known device with that identity key."""
        return next((device for device in self.known(user_id).values() if device.curve25519 == curve25519), None)

    async def devices(self, user_ids: Iterable[str]) -> list[Device]:
        """All devices of these people, fetched where the list is missing or out of date. Raises MatrixHttpError."""
        wanted = sorted(set(user_ids))
        async with self._lock:
            stale = {
                user: self._changes.get(user, 0)
                for user in wanted
                if self._known.get(user) != self._changes.get(user, 0)
            }
            if stale:
                answer = await self._homeserver.request(
                    "POST",
                    "/_matrix/client/v3/keys/query",
                    {"device_keys": {user: [] for user in stale}, "timeout": 10_000},
                )
                for user, change in stale.items():
                    # A server that could not be asked leaves its people out: then the list stays stale.
                    if user in thing(answer.get("device_keys")):
                        self._devices[user] = self._read(user, answer)
                        # A change that was announced while the query was under way makes it stale again.
                        self._known[user] = change
                self.version += 1
        return [device for user in wanted for device in self.known(user).values()]

    def _read(self, user_id: str, answer: dict[str, Any]) -> dict[str, Device]:
        self_signing = _self_signing_key(user_id, answer)
        found: dict[str, Device] = {}
        for device_id, keys in thing(thing(answer["device_keys"]).get(user_id)).items():
            keys = thing(keys)
            own = thing(keys.get("keys"))
            curve25519, ed25519 = text(own.get(f"curve25519:{device_id}")), text(own.get(f"ed25519:{device_id}"))
            if keys.get("user_id") != user_id or keys.get("device_id") != device_id or not curve25519:
                continue
            if not verify_json(keys, user_id, f"ed25519:{device_id}", ed25519):
                continue
            # A device's signing key is its name: a server that exchanges it is not believed.
            if self._pinned.setdefault((user_id, device_id), ed25519) != ed25519:
                continue
            algorithms = keys.get("algorithms")
            if not isinstance(algorithms, list) or _ALGORITHM not in algorithms:
                continue
            signed = self_signing is not None and verify_json(keys, user_id, f"ed25519:{self_signing}", self_signing)
            found[device_id] = Device(user_id, device_id, curve25519, ed25519, signed)
        return found


def _self_signing_key(user_id: str, answer: dict[str, Any]) -> str | None:
    """The person's self-signing key if their master key signed it."""
    master = _public_key(thing(thing(answer.get("master_keys")).get(user_id)), user_id, "master")
    lower = thing(thing(answer.get("self_signing_keys")).get(user_id))
    public = _public_key(lower, user_id, "self_signing")
    if master is None or public is None or not verify_json(lower, user_id, f"ed25519:{master}", master):
        return None
    return public


def _public_key(key: dict[str, Any], user_id: str, usage: str) -> str | None:
    usages, keys = key.get("usage"), list(thing(key.get("keys")).items())
    if key.get("user_id") != user_id or not isinstance(usages, list) or usage not in usages or len(keys) != 1:
        return None
    key_id, public = keys[0]
    return public if isinstance(public, str) and key_id == f"ed25519:{public}" else None
