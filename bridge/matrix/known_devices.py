"""The devices of other people, as `/keys/query` tells them: checked, bounded, signed by their owners or not. No I/O."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import structlog
import vodozemac
from nio.crypto import Olm, OlmDevice, TrustState

from bridge.ids import DeviceId, UserId, is_device_id
from bridge.matrix.cryptostore import CryptoStore
from bridge.matrix.newcomers import Newcomers
from bridge.matrix.signing import verified

log = structlog.get_logger(__name__)

MEGOLM = "m.megolm.v1.aes-sha2"
OLM = "m.olm.v1.curve25519-aes-sha2"

_MAX_DEVICES_PER_USER = 200
_MAX_DELETED_DEVICES_PER_USER = 50
KEY32 = re.compile(r"[A-Za-z0-9+/]{43}")
"""32 bytes in unpadded base64: a session id, a public key."""


class KnownDevices(Olm):  # type: ignore[misc]
    """The part of the machine that knows devices."""

    store: CryptoStore

    def __init__(self, user_id: UserId, device_id: DeviceId, store: CryptoStore) -> None:
        super().__init__(user_id, device_id, store)
        self.self_signing_key: str | None = None
        """Our own account's self-signing key: devices of ours that it signed get room keys too."""
        self.exclude_unsigned = False
        """Give no room keys to devices that their owners have not signed (MSC4153)."""
        self.guards: Callable[[str], bool] = lambda user: False
        """People who asked for more care than the setting gives: to them it is as if it were on."""
        self.newcomers = Newcomers()
        """Devices that wait for their first room key."""

    def users_to_query(self, among: Iterable[str] | None = None) -> list[str]:
        """Tracked users whose devices must be asked for before anything is encrypted to them."""
        users = self.store.users
        names = users if among is None else among
        return [user for user in names if user in users and users[user].outdated]

    def receive_devices(self, answer: Mapping[str, Any], asked: Iterable[str]) -> None:
        """Take the answer of `POST /keys/query`. What is malformed in it counts as not there."""
        failures = answer.get("failures")
        failed = set(failures) if isinstance(failures, dict) else set()
        device_keys = answer.get("device_keys")
        for user in asked:
            if user.partition(":")[2] in failed:
                continue  # their server did not answer: stays outdated, asked again
            theirs = device_keys.get(user) if isinstance(device_keys, dict) else None
            master, signer = _identity(user, answer)
            if user == self.user_id:
                signer = self.self_signing_key  # what we hold, not what the server says that we hold
            self._receive_devices_of(user, theirs if isinstance(theirs, dict) else {}, signer)
            self._note_signed(user, master)
            self.store.save_user(user, outdated=False, master_key=master)

    def _receive_devices_of(self, user: str, devices: Mapping[str, Any], signer: str | None) -> None:
        changed: dict[str, OlmDevice] = {}
        known = self.device_store[user]
        for device_id, keys in list(devices.items())[:_MAX_DEVICES_PER_USER]:
            if user == self.user_id and device_id == self.device_id:
                continue
            found = self._checked_device(user, device_id, keys)
            if found is None:
                continue
            old = known.get(device_id)
            if old is not None and (old.ed25519, old.curve25519) != (found.ed25519, found.curve25519):
                # A device never changes its keys (spec: "a device's identity keys must not change").
                log.warning("a device changed its keys: ignored")
                continue
            signed = signer is not None and verified(keys, user, signer, signer)
            found.trust_state = TrustState.verified if signed else TrustState.unset
            known[device_id] = changed[device_id] = found
            # With whom there is an Olm session before we know of them has made it, and knows us.
            if old is None and user != self.user_id and not self.session_store._entries.get(found.curve25519):
                self.newcomers.met(user, found.curve25519)
        for device_id, old in list(known.items()):
            if device_id not in devices and not old.deleted:
                old.deleted = True
                changed[device_id] = known[device_id] = known.pop(device_id)  # the last of those that are deleted
        if changed:
            self.store.save_device_keys({user: changed})
        deleted = [device_id for device_id, device in known.items() if device.deleted]
        for device_id in deleted[:-_MAX_DELETED_DEVICES_PER_USER]:
            curve25519 = known[device_id].curve25519
            self.store.drop_device(user, device_id)
            self.store.drop_sessions_of(curve25519)

    def _note_signed(self, user: str, master: str | None) -> None:
        """Remember since when devices are signed by the identity that the user is known by: what a new identity signs
        later can't pass for a device that was there before."""
        known = self.store.users.get(user)
        if master is None or (known is not None and known.master_key not in (None, master)):
            return
        for device in self.device_store.active_user_devices(user):
            if device.verified:
                self.store.note_signed(device)

    def _checked_device(self, user: str, device_id: str, keys: object) -> OlmDevice | None:
        try:
            assert isinstance(keys, dict)
            if keys["user_id"] != user or keys["device_id"] != device_id or not is_device_id(device_id):
                return None
            ed25519, curve = keys["keys"][f"ed25519:{device_id}"], keys["keys"][f"curve25519:{device_id}"]
            vodozemac.Curve25519PublicKey.from_base64(curve)
            if MEGOLM not in keys["algorithms"] or OLM not in keys["algorithms"]:
                return None
        except (AssertionError, KeyError, TypeError, ValueError):
            return None
        if not verified(keys, user, device_id, ed25519):
            return None
        return OlmDevice(user, device_id, {"ed25519": ed25519, "curve25519": curve})

    def devices_of(self, users: Iterable[str]) -> list[OlmDevice]:
        """Devices that room keys go to: other people's (signed ones only, if so set), and those that we signed."""
        return [
            device
            for user in users
            for device in self.device_store.active_user_devices(user)
            if (device.verified and device.device_id != self.device_id)
            or (user != self.user_id and not self._excludes_unsigned(user))
        ]

    def wait_ms(self, user: str) -> int:
        """How long it takes until one of a user's devices that are to get room keys has waited enough, ms; 0: there is
        one that has, or none at all."""
        waits = [self.newcomers.wait_ms(user, device.curve25519) for device in self.devices_of([user])]
        return min(waits, default=0)

    def excluded(self, users: Iterable[str]) -> list[OlmDevice]:
        """Other people's devices that get no room keys, because their owners have not signed them."""
        return [
            device
            for user in users
            if user != self.user_id and self._excludes_unsigned(user)
            for device in self.device_store.active_user_devices(user)
            if not device.verified
        ]

    def _excludes_unsigned(self, user: str) -> bool:
        return self.exclude_unsigned or self.guards(user)


def _identity(user: str, answer: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Master and self-signing key of a user in an answer of /keys/query; the second only if the first signed it."""
    masters, signers = answer.get("master_keys"), answer.get("self_signing_keys")
    master = masters.get(user) if isinstance(masters, dict) else None
    signer = signers.get(user) if isinstance(signers, dict) else None
    public, signing = _only_key(master, user, "master"), _only_key(signer, user, "self_signing")
    if public is None or signing is None or not isinstance(signer, dict):
        return public, None
    return public, signing if verified(signer, user, public, public) else None


def _only_key(key: object, user: str, usage: str) -> str | None:
    """The public key of a user's CrossSigningKey for one usage, which holds exactly one."""
    try:
        assert isinstance(key, dict)
        (value,) = key["keys"].values()
        if key["user_id"] != user or usage not in key["usage"]:
            return None
    except (AssertionError, KeyError, TypeError, ValueError, AttributeError):
        return None
    return value if isinstance(value, str) and KEY32.fullmatch(value) else None
