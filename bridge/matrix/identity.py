"""The account's cross-signing identity (spec: "Cross-signing"): three keys, and our device signed with them.

The private parts are sealed in the crypto store. An identity that somebody else put on the account is never replaced.
"""

import os
from typing import Any

import structlog

from bridge.ids import DeviceId, UserId
from bridge.matrix.cryptostore import CryptoStore
from bridge.matrix.http import Homeserver, MatrixError, segment
from bridge.matrix.machine import Machine
from bridge.matrix.signing import SigningKey, verified

log = structlog.get_logger(__name__)

_USAGES = ("master", "self_signing", "user_signing")


class Identity:
    """Cross-signing of one account."""

    def __init__(
        self, homeserver: Homeserver, store: CryptoStore, machine: Machine, user_id: UserId, password: str | None
    ) -> None:
        self._http = homeserver
        self._store = store
        self._machine = machine
        self._user = user_id
        self._password = password

    async def ensure(self, device_id: DeviceId) -> bool:
        """Have an identity on the server and our device signed by it. False: it can't be had; the log says why.

        Device keys must have been uploaded before.
        """
        answer = await self._query()
        theirs = _public(answer.get("master_keys", {}).get(self._user))
        keys = self._keys()
        if theirs is None:
            if keys is None:
                keys = await self._create()
            if not await self._upload(keys):
                return False
        elif keys is None or keys["master"].public != theirs:
            log.error(
                "the account has a cross-signing identity that is not ours; it is left as it is, and the bot's device "
                "stays unsigned: clients that exclude insecure devices will not talk to it"
            )
            return False
        assert keys is not None
        self._machine.self_signing_key = keys["self_signing"].public
        await self._sign_device(device_id, keys, answer)
        return True

    def _keys(self) -> dict[str, SigningKey] | None:
        if any(f"cross-signing {usage}" not in self._store.secrets for usage in _USAGES):
            return None
        return {usage: SigningKey(self._store.secrets[f"cross-signing {usage}"]) for usage in _USAGES}

    async def _create(self) -> dict[str, SigningKey]:
        for usage in _USAGES:
            self._store.save_secret(f"cross-signing {usage}", os.urandom(32))
        await self._store.commit()  # before anybody can see the public parts
        keys = self._keys()
        assert keys is not None
        return keys

    async def _query(self) -> dict[str, Any]:
        return await self._http.request("POST", "/_matrix/client/v3/keys/query", {"device_keys": {self._user: []}})

    async def _upload(self, keys: dict[str, SigningKey]) -> bool:
        body: dict[str, Any] = {}
        for usage in _USAGES:
            public = keys[usage].public
            key: dict[str, Any] = {"user_id": self._user, "usage": [usage], "keys": {f"ed25519:{public}": public}}
            body[f"{usage}_key"] = key if usage == "master" else keys["master"].sign(key, self._user)
        path = "/_matrix/client/v3/keys/device_signing/upload"
        try:
            # The first upload needs no interactive authentication on today's servers.
            await self._http.request("POST", path, body)
        except MatrixError as error:
            if error.status != 401 or "flows" not in error.body:
                raise
            if self._password is None:
                log.error(
                    "the homeserver wants the password before it takes a cross-signing identity; "
                    "set `matrix.password_file` once and start again"
                )
                return False
            auth = {
                "type": "m.login.password",
                "identifier": {"type": "m.id.user", "user": self._user},
                "password": self._password,
                "session": error.body.get("session"),
            }
            await self._http.request("POST", path, {**body, "auth": auth})
        return True

    async def _sign_device(self, device_id: DeviceId, keys: dict[str, SigningKey], answer: dict[str, Any]) -> None:
        ours = answer.get("device_keys", {}).get(self._user, {}).get(device_id)
        signer = keys["self_signing"]
        signed: dict[str, Any] = {}
        if isinstance(ours, dict) and not verified(ours, self._user, signer.public, signer.public):
            # What is signed is what we hold, not what the server says that we hold.
            signed[device_id] = signer.sign(self._machine.device_keys(), self._user)
        master = answer.get("master_keys", {}).get(self._user)
        identity = self._machine.account.identity_keys["ed25519"]
        if not isinstance(master, dict) or not verified(master, self._user, device_id, identity):
            # The device vouches for the master key, so that a client which verified the device trusts the identity.
            key = {
                "user_id": self._user,
                "usage": ["master"],
                "keys": {f"ed25519:{keys['master'].public}": keys["master"].public},
            }
            signed[keys["master"].public] = self._machine._signed(key)
        if not signed:
            return
        result = await self._http.request("POST", "/_matrix/client/v3/keys/signatures/upload", {self._user: signed})
        if result.get("failures"):
            log.error("the homeserver refused a signature of the bot's device")


async def delete_device(homeserver: Homeserver, user_id: UserId, device_id: DeviceId, password: str) -> None:
    """Sign out one of our own devices (spec: `DELETE /devices/{deviceId}`, password authentication)."""
    path = f"/_matrix/client/v3/devices/{segment(device_id)}"
    try:
        await homeserver.request("DELETE", path, {})
    except MatrixError as error:
        if error.status != 401:
            raise
        auth = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": user_id},
            "password": password,
            "session": error.body.get("session"),
        }
        await homeserver.request("DELETE", path, {"auth": auth})


def _public(key: object) -> str | None:
    try:
        assert isinstance(key, dict)
        (value,) = key["keys"].values()
    except (AssertionError, KeyError, TypeError, ValueError, AttributeError):
        return None
    return value if isinstance(value, str) else None
