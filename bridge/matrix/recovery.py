"""The recovery key in the bot's hands: what it needs to be the same bot again is in secret storage under it.

The key lies in the operator's file, and sealed in the crypto store, which holds what it protects anyway: so the file
may be moved to a safe place, and the bot can still repair its secret storage.
"""

import asyncio
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from bridge.config.private_file import write_over
from bridge.config.recovery_key import load_recovery_key, recovery_key_file, save_recovery_key
from bridge.errors import OperatorError
from bridge.ids import UserId
from bridge.matrix.cryptostore import CryptoStore
from bridge.matrix.http import Homeserver
from bridge.matrix.secret_storage import SecretStorage, is_key_of

log = structlog.get_logger(__name__)

_KEY = "recovery key"
_NEXT = "next recovery key"
_IS_NEW = "recovery key is new"


@dataclass(frozen=True, slots=True)
class Given:
    """What the operator gave to recover from."""

    key: bytes
    """A recovery key, tried before those that are known."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Secrets of an export, used instead of those on the homeserver."""


class Recovery:
    """Recovery key and secret storage of one account."""

    def __init__(
        self,
        homeserver: Homeserver,
        store: CryptoStore,
        user_id: UserId,
        file: Path | None,
        given: "Given | None" = None,
    ) -> None:
        """`file` None: the identity is not kept recoverable."""
        self.storage = SecretStorage(homeserver, user_id)
        self._store = store
        self._file = file
        self._given = given.key if given is not None else None
        self._given_secrets = given.secrets if given is not None else {}

    @property
    def key(self) -> bytes | None:
        """The key that the store knows."""
        return self._store.secrets.get(_KEY) or None

    async def candidates(self) -> list[bytes]:
        """All keys at hand, the most likely first.

        Raises:
            OperatorError: the key file can't be used.
        """
        from_file = await asyncio.to_thread(load_recovery_key, self._file) if self._file is not None else None
        return list(dict.fromkeys(key for key in (self._given, self.key, from_file) if key))

    async def holds(self, secrets: Mapping[str, str]) -> bool:
        """Whether these secrets are in secret storage, under a key at hand: an installation of nothing but that key
        would be the same bot."""
        default = await self.storage.default_key()
        if default is None:
            return False
        key = next((k for k in await self.candidates() if is_key_of(default.description, k)), None)
        if key is None:
            return False
        return all([await self.storage.read(name, default, key) == secret for name, secret in secrets.items()])

    async def fetch(self, names: Collection[str]) -> dict[str, str]:
        """Those of these secrets that a key at hand opens; the key is kept. Empty: none, or no such key."""
        if self._given_secrets:
            return {name: secret for name, secret in self._given_secrets.items() if name in names}
        default = await self.storage.default_key()
        if default is None:
            return {}
        for key in await self.candidates():
            if is_key_of(default.description, key) is False:
                continue
            found = {name: await self.storage.read(name, default, key) for name in names}
            secrets = {name: secret for name, secret in found.items() if secret is not None}
            if secrets:
                self._store.save_secret(_KEY, key)
                return secrets
        return {}

    async def keep(self, secrets: Mapping[str, str]) -> bool:
        """Have exactly these in secret storage, under a key that we have. False: it is not possible; the log says why.

        Raises:
            OperatorError: the key file can't be used or written.
        """
        if self._file is None:
            return False
        default = await self.storage.default_key()
        candidates = await self.candidates()
        renew = bool(self._store.secrets.get(_IS_NEW))
        if default is None or renew:
            key = self.key if renew else next(iter(candidates), None)
            await self._set_up(key or os.urandom(32), secrets, renew)
            return True
        key = next((k for k in candidates if is_key_of(default.description, k)), None)
        if key is None:
            log.error(
                "the account's secret storage has a recovery key that the bot does not have, so its identity can't be "
                "recovered if its data is lost; put that key into secrets.recovery_key_file, or make a new identity "
                "with `courtyard identity reset`"
            )
            return False
        for name, secret in secrets.items():
            if await self.storage.read(name, default, key) != secret:
                await self.storage.write(name, secret, default, key)
        await self._remember(key)
        if any(other != key for other in candidates if other != self._given):
            log.warning(
                "secrets.recovery_key_file holds another recovery key than the one in use; `courtyard identity "
                "export --recovery-key FILE` writes the right one"
            )
        return True

    def prepare_new(self) -> None:
        """Choose a new recovery key, used from `take_new` on. The caller commits."""
        self._store.save_secret(_NEXT, os.urandom(32))

    def take_new(self) -> None:
        """The new key is the key: the next `keep` writes everything under it. The caller commits."""
        key = self._store.secrets.get(_NEXT)
        if key:
            self._store.save_secret(_KEY, key)
            self._store.save_secret(_IS_NEW, b"1")
            self._store.save_secret(_NEXT, b"")

    async def _set_up(self, key: bytes, secrets: Mapping[str, str], renew: bool) -> None:
        assert self._file is not None
        await self._remember(key)  # before the homeserver has anything that only it opens
        if renew:
            await asyncio.to_thread(_replace, self._file, key)
        elif await asyncio.to_thread(load_recovery_key, self._file) is None:
            await asyncio.to_thread(save_recovery_key, self._file, key)
            log.info("a recovery key was made: keep a copy of this file on paper or elsewhere", file=str(self._file))
        await self.storage.set_up(key, secrets)
        if renew:
            self._store.save_secret(_IS_NEW, b"")
            await self._store.commit()

    async def _remember(self, key: bytes) -> None:
        if self._store.secrets.get(_KEY) != key:
            self._store.save_secret(_KEY, key)
        await self._store.commit()


def _replace(path: Path, key: bytes) -> None:
    try:
        write_over(path, recovery_key_file(key))
    except OSError as error:
        raise OperatorError(f"recovery key: {path} can't be written ({error.strerror}); check the directory.") from None
