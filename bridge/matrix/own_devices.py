"""The bot's own devices, one after the other: a new one signs the former ones out, and nobody else's."""

import json
from collections.abc import Mapping
from typing import Any

import structlog

from bridge.ids import DeviceId, UserId, is_device_id
from bridge.matrix.cross_signing import device_keys
from bridge.matrix.cryptostore import CryptoStore
from bridge.matrix.http import Homeserver, MatrixError
from bridge.matrix.uia import NotConfirmed, confirmed

log = structlog.get_logger(__name__)

_RECORD = "own devices"
_MAX = 100


def recorded_devices(store: CryptoStore) -> dict[str, str]:
    """The devices that this bot was, oldest first, with their Ed25519 keys."""
    return _parsed(store.secrets.get(_RECORD, b"{}").decode())


class OwnDevices:
    """The record of devices that this bot was, with their fingerprints. It is kept sealed in the crypto store."""

    def __init__(self, homeserver: Homeserver, store: CryptoStore, user_id: UserId, password: str | None) -> None:
        self._http = homeserver
        self._store = store
        self._user = user_id
        self._password = password

    def as_text(self) -> str:
        """The record, to be kept where a new installation finds it."""
        return json.dumps(self._read(), separators=(",", ":"), sort_keys=True)

    def ids(self) -> list[str]:
        """The recorded devices, oldest first; the current one is among them."""
        return list(self._read())

    def add(self, devices: Mapping[str, str]) -> None:
        """Record devices, by id, with their Ed25519 keys. The caller commits."""
        known = self._read()
        if not devices.items() <= known.items():
            self._write({**known, **devices})

    def add_text(self, text: str) -> None:
        """Record what `as_text` of an earlier installation gave."""
        self.add(_parsed(text))

    async def sign_out_former(self, current: DeviceId, answer: Mapping[str, Any]) -> None:
        """Sign out the recorded devices but the current one. Who can't be is left, and the log says why.

        `answer` is a fresh one of /keys/query: only a device that still has the recorded key is the bot's.
        """
        former = {device: key for device, key in self._read().items() if device != current}
        if not former:
            return
        listed = await self._listed()
        there = [device for device in former if device in listed]
        ours = [d for d in there if _ed25519(answer, self._user, d) == former[d]]
        if ours:
            body = {"devices": ours}
            path = "/_matrix/client/v3/delete_devices"
            try:
                await confirmed(self._http, "POST", path, body, self._user, self._password)
            except NotConfirmed as error:
                log.warning("former devices of the bot could not be signed out", devices=ours, reason=str(error))
            except MatrixError as error:
                if error.temporary:
                    raise
                # Where a service of its own keeps the accounts, there is no such request. All else is in place.
                log.warning("former devices of the bot could not be signed out", devices=ours, reason=error.errcode)
            else:
                listed = await self._listed()
                log.info("former devices of the bot were signed out", devices=[d for d in ours if d not in listed])
        for device in set(there) - set(ours):
            log.warning("a former device of the bot has another key now: it is left alone", device=device)
        self._write({d: key for d, key in self._read().items() if d == current or d in listed})
        await self._store.commit()

    async def _listed(self) -> set[str]:
        answer = await self._http.request("GET", "/_matrix/client/v3/devices")
        devices = answer.get("devices")
        if not isinstance(devices, list):
            raise MatrixError(502, "M_UNKNOWN", {})
        return {str(d.get("device_id")) for d in devices if isinstance(d, dict)}

    def _read(self) -> dict[str, str]:
        return recorded_devices(self._store)

    def _write(self, devices: dict[str, str]) -> None:
        text = json.dumps(dict(list(devices.items())[-_MAX:]))
        if self._store.secrets.get(_RECORD) != text.encode():
            self._store.save_secret(_RECORD, text.encode())


def _ed25519(answer: Mapping[str, Any], user_id: UserId, device_id: str) -> object:
    keys = (device_keys(answer, user_id, device_id) or {}).get("keys")
    return keys.get(f"ed25519:{device_id}") if isinstance(keys, dict) else None


def _parsed(text: str) -> dict[str, str]:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(record, dict):
        return {}
    return {d: k for d, k in record.items() if is_device_id(d) and isinstance(k, str)}
