"""The account's cross-signing identity (spec: "Cross-signing"): three keys, and our device signed with them.

The private parts are sealed in the crypto store, and in secret storage under the recovery key, so that a new
installation is the same bot to everybody. An identity that somebody else put on the account is never replaced, but by
`reset`, which the operator asks for.
"""

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import structlog

from bridge.ids import DeviceId, UserId
from bridge.matrix.cross_signing import SECRETS, USAGES, CrossSigningKeys, device_keys, public_key
from bridge.matrix.cryptostore import CryptoStore
from bridge.matrix.http import Homeserver, MatrixError
from bridge.matrix.keys import Keys
from bridge.matrix.own_devices import OwnDevices
from bridge.matrix.recovery import Given, Recovery
from bridge.matrix.signing import verified
from bridge.matrix.uia import NotConfirmed, confirmed

log = structlog.get_logger(__name__)

DEVICES_SECRET = "chat.courtyard.devices"
"""Name of the record of our own devices in secret storage."""
_NOW, _NEXT = "cross-signing", "next cross-signing"


class Standing(Enum):
    """What the bot's identity is like."""

    OURS = "ours"
    UNPUBLISHED = "unpublished"
    """The homeserver does not take it without a confirmation that the bot can't give."""
    FOREIGN = "foreign"
    """The account has another one."""
    DEVICE = "device"
    """The homeserver has other keys for our device than we have."""
    REFUSED = "refused"
    """The homeserver refuses a request that should work."""


def stored_keys(store: CryptoStore, which: str = _NOW) -> CrossSigningKeys | None:
    """The private keys of the identity, as far as the store has them."""
    return CrossSigningKeys.from_seeds({usage: store.secrets.get(f"{which} {usage}") for usage in USAGES})


class Identity:
    """Cross-signing of one account, seen from one device."""

    def __init__(
        self,
        homeserver: Homeserver,
        store: CryptoStore,
        keys: Keys,
        user_id: UserId,
        password: str | None,
        recovery_key_file: Path | None = None,
        given: Given | None = None,
    ) -> None:
        """`recovery_key_file` None: the identity is not kept recoverable."""
        self._http = homeserver
        self._store = store
        self._keys = keys
        self._machine = keys.machine
        self._device = DeviceId(self._machine.device_id)
        self._user = user_id
        self._password = password
        self._told: str | None = None
        """Why the identity could not be published, as the log said it last."""
        self.recovery = Recovery(homeserver, store, user_id, recovery_key_file, given)
        self._devices = OwnDevices(homeserver, store, user_id, password)

    async def ensure(self, starting: bool = False) -> Standing:
        """Have our identity on the homeserver, our device signed by it, all of it recoverable. The log says what fails.

        Device keys must have been uploaded before. Repairs what the homeserver lost. `starting`: this is a start of the
        process, not a new login in the middle; only then a device counts as former that this store does not know of
        (two bots on one account would sign each other out without end).

        Raises:
            Unreachable, TokenRevoked, MatrixError: only temporary ones; do it again.
            OperatorError: the recovery key file can't be used.
        """
        try:
            return await self._ensure(starting)
        except NotConfirmed as error:
            if str(error) != self._told:  # it is tried often: an approval may be good for a few minutes only
                self._told = str(error)
                log.error(
                    "the bot's identity is not on the homeserver, and clients that exclude insecure devices will not "
                    "talk to it; it is tried again every few minutes",
                    reason=self._told,
                )
            return Standing.UNPUBLISHED
        except MatrixError as error:
            if error.temporary:
                raise
            log.error("the homeserver refused a request for the bot's identity", code=error.errcode)
            return Standing.REFUSED

    async def reset(self) -> Standing:
        """Make a new identity and a new recovery key, whatever was there: people see that it changed.

        A crash in the middle is mended by the next `ensure`.

        Raises:
            NotConfirmed: the homeserver does not take it; nothing has changed.
            MatrixError, Unreachable, TokenRevoked, OperatorError
        """
        keys = CrossSigningKeys.generate()
        self._save(_NEXT, keys)
        self.recovery.prepare_new()
        await self._store.commit()
        await self._publish(keys, replacing=True)
        return await self.ensure()

    async def _ensure(self, starting: bool) -> Standing:
        answer = await self._query()
        if not self._is_device_there(answer):
            log.warning("the homeserver has lost the keys of the bot's device; they are uploaded again")
            self._machine.account.shared = False
            await self._keys.upload(None, False)
            answer = await self._query()
        if not self._is_device_ours(answer):
            log.error(
                "the homeserver has other keys for the bot's device than the bot; this can't be repaired: have the "
                "device signed out (by the homeserver's admin, or another client), and the bot logs in as a new one",
                device=self._device,
            )
            return Standing.DEVICE
        theirs = public_key(answer, "master", self._user)
        keys = await self._held(theirs)
        if keys is None and theirs is None:
            keys = CrossSigningKeys.generate()
            self._save(_NOW, keys)
            await self._store.commit()  # before anybody can see the public parts
        elif keys is None:
            log.error(
                "the account has a cross-signing identity that is not the bot's; it is left as it is, and clients that "
                "exclude insecure devices will not talk to the bot; `courtyard identity recover` takes it over with "
                "its recovery key, `courtyard identity reset` replaces it"
            )
            return Standing.FOREIGN
        if not keys.are_published(answer, self._user):
            await self._publish(keys)
            answer = await self._query()
        self._machine.self_signing_key = keys.self_signing.public
        self._machine.vouch(keys.self_signing)
        await self._sign(keys, answer)
        if starting and self._device not in self._devices.ids():
            # The store may be an older copy, from before the device that we replace.
            self._devices.add_text((await self.recovery.fetch([DEVICES_SECRET])).get(DEVICES_SECRET, ""))
        self._devices.add({self._device: self._machine.account.identity_keys["ed25519"]})
        await self._store.commit()
        await self.recovery.keep({**keys.secrets(), DEVICES_SECRET: self._devices.as_text()})
        await self._devices.sign_out_former(self._device, answer)
        return Standing.OURS

    # --- the private keys ---
    async def _held(self, theirs: str | None) -> CrossSigningKeys | None:
        """The private keys of the published identity `theirs`: those that we have, or can get from secret storage."""
        keys, following = stored_keys(self._store), stored_keys(self._store, _NEXT)
        if following is not None and theirs == following.master.public:
            self._save(_NOW, following)
            self._save(_NEXT, None)
            self.recovery.take_new()
            await self._store.commit()
            return following
        if keys is not None and theirs in (None, keys.master.public):
            return keys
        secrets = await self.recovery.fetch([*SECRETS.values(), DEVICES_SECRET])
        found = CrossSigningKeys.from_secrets(secrets)
        if found is None or theirs not in (None, found.master.public):
            return None
        self._save(_NOW, found)
        self._devices.add_text(secrets.get(DEVICES_SECRET, ""))
        await self._store.commit()
        log.info("the bot's identity was recovered with the recovery key")
        return found

    def _save(self, which: str, keys: CrossSigningKeys | None) -> None:
        seeds = keys.seeds() if keys is not None else dict.fromkeys(USAGES, b"")
        for usage, seed in seeds.items():
            self._store.save_secret(f"{which} {usage}", seed)

    # --- the homeserver ---
    async def _query(self) -> dict[str, Any]:
        return await self._http.request("POST", "/_matrix/client/v3/keys/query", {"device_keys": {self._user: []}})

    def _is_device_there(self, answer: Mapping[str, Any]) -> bool:
        return device_keys(answer, self._user, self._device) is not None

    def _is_device_ours(self, answer: Mapping[str, Any]) -> bool:
        theirs = device_keys(answer, self._user, self._device) or {}
        return bool(theirs.get("keys") == self._machine.device_keys()["keys"])

    async def _publish(self, keys: CrossSigningKeys, *, replacing: bool = False) -> None:
        body = keys.upload_body(self._user)
        path = "/_matrix/client/v3/keys/device_signing/upload"

        async def is_free() -> bool:
            # A first identity needs no confirmation: where one is wanted, somebody else's may have come since we asked.
            return public_key(await self._query(), "master", self._user) in (None, keys.master.public)

        await confirmed(self._http, "POST", path, body, self._user, self._password, None if replacing else is_free)

    async def _sign(self, keys: CrossSigningKeys, answer: Mapping[str, Any]) -> None:
        signed: dict[str, Any] = {}
        signer = keys.self_signing
        device = device_keys(answer, self._user, self._device) or {}
        if not verified(device, self._user, signer.public, signer.public):
            # What is signed is what we hold, not what the server says that we hold.
            signed[self._device] = signer.sign(self._machine.device_keys(), self._user)
        masters = answer.get("master_keys")
        master = masters.get(self._user) if isinstance(masters, dict) else None
        ours = self._machine.account.identity_keys["ed25519"]
        if not isinstance(master, dict) or not verified(master, self._user, self._device, ours):
            # The device vouches for the master key, so that a client which verified the device trusts the identity.
            signed[keys.master.public] = self._machine._signed(keys.bare_master(self._user))
        if not signed:
            return
        result = await self._http.request("POST", "/_matrix/client/v3/keys/signatures/upload", {self._user: signed})
        if result.get("failures"):
            log.error("the homeserver refused a signature of the bot's device")
