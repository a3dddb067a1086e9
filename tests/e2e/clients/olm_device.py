"""One device of an account on libolm: logging in, cross-signing, and what hostile tests need below the surface.

The sections named are those of the client-server API.
"""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Any, Self

import pytest

from tests.e2e.clients.olm_directory import Device, DeviceDirectory
from tests.e2e.clients.olm_http import Homeserver, MatrixHttpError
from tests.e2e.clients.olm_identity import CrossSigningIdentity
from tests.e2e.clients.olm_inbox import ONE_TIME_KEYS, Inbox
from tests.e2e.clients.olm_machine import OlmMachine
from tests.e2e.clients.olm_megolm import Megolm
from tests.e2e.clients.olm_room import Room
from tests.e2e.clients.olm_room_encryption import RoomEncryption
from tests.e2e.clients.signed_json import thing

__all__ = ["API", "Content", "OlmDevice"]

API = "/_matrix/client/v3"

Content = dict[str, Any]


class OlmDevice:
    """What an :class:`OlmClient` is made of, without rooms and messages.

    For hostile tests, ``machine.account``, ``machine.sessions``, ``megolm``, ``directory`` and ``homeserver`` are open.
    """

    machine: OlmMachine
    megolm: Megolm
    directory: DeviceDirectory
    encryption: RoomEncryption
    inbox: Inbox
    homeserver: Homeserver

    def __init__(self, *, deprecated_fields: bool = True, timeline_limit: int = 100) -> None:
        self.user_id = ""
        self.device_id = ""
        self.identity: CrossSigningIdentity | None = None
        self._deprecated_fields = deprecated_fields
        self._timeline_limit = timeline_limit
        self._password = ""
        self._closers = contextlib.AsyncExitStack()
        self._loop: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        pytest.importorskip("olm", reason="there is no libolm for this Python")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.pause()
        await self._closers.aclose()

    # -- logging in -----------------------------------------------------------------------------------------------

    async def login(
        self,
        homeserver_url: str,
        user: str,
        password: str,
        *,
        cross_sign: bool = True,
        identity: CrossSigningIdentity | None = None,
        device_name: str = "libolm",
    ) -> None:
        """Log a new device in, publish its keys, cross-sign it, and sync; call it once.

        A further device of an account is signed only with the ``identity`` of the first: another's is not overwritten
        (:meth:`publish_identity` does that).
        """
        self.homeserver = Homeserver(homeserver_url)
        self._closers.push_async_callback(self.homeserver.close)
        session = await self.http(
            "POST",
            f"{API}/login",
            {
                "type": "m.login.password",
                "identifier": {"type": "m.id.user", "user": user},
                "password": password,
                "initial_device_display_name": device_name,
            },
        )
        self.user_id, self.device_id, self._password = session["user_id"], session["device_id"], password
        self.homeserver.access_token = session["access_token"]
        self.machine, self.megolm = OlmMachine(self.user_id, self.device_id), Megolm()
        self.directory = DeviceDirectory(self.homeserver)
        self.encryption = RoomEncryption(
            self.homeserver, self.machine, self.megolm, self.directory, self._deprecated_fields
        )
        self.inbox = Inbox(
            self.homeserver, self.machine, self.megolm, self.directory, self.encryption, self._timeline_limit
        )
        await self.http(
            "POST",
            f"{API}/keys/upload",
            {
                "device_keys": self.machine.device_keys(),
                "one_time_keys": self.machine.one_time_keys(ONE_TIME_KEYS),
                "fallback_keys": self.machine.fallback_key(),
            },
        )
        self.machine.published()
        if identity is not None:
            await self._sign_device(identity)
        elif cross_sign and not await self._has_identity():
            await self.publish_identity()
        await self.inbox.sync(timeout=0)
        self.resume()

    def resume(self) -> None:
        """Sync in the background until :meth:`pause` or the end of the block."""
        self.inbox.ended = None
        self._loop = asyncio.create_task(self.inbox.run(), name="libolm client's sync")

    async def pause(self) -> None:
        """Go offline: stop syncing. Waits raise RuntimeError until :meth:`resume`."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait([self._loop])
            if not self._loop.cancelled():
                self._loop.exception()  # whoever waited was told; nobody else needs to be

    @property
    def access_token(self) -> str:
        return self.homeserver.access_token or ""

    async def _has_identity(self) -> bool:
        answer = await self.http("POST", f"{API}/keys/query", {"device_keys": {self.user_id: []}})
        return self.user_id in thing(answer.get("master_keys"))

    async def publish_identity(self) -> None:
        """Make a new cross-signing identity, replacing any other, and sign this device with it ("Cross-signing")."""
        identity = CrossSigningIdentity(self.user_id)
        path, keys = f"{API}/keys/device_signing/upload", identity.upload()
        try:
            await self.http("POST", path, keys)
        except MatrixHttpError as error:
            # Only the replacement of an identity asks for the password ("User-Interactive Authentication API").
            if error.status != 401 or "session" not in error.answer:
                raise
            auth = {
                "type": "m.login.password",
                "identifier": {"type": "m.id.user", "user": self.user_id},
                "password": self._password,
                "session": error.answer["session"],
            }
            await self.http("POST", path, {**keys, "auth": auth})
        await self._sign_device(identity)

    async def _sign_device(self, identity: CrossSigningIdentity) -> None:
        """The self-signing key signs the device, the device signs the master key."""
        signed = {
            self.device_id: identity.sign_device(self.machine.device_keys()),
            identity.public("master"): self.machine.sign(identity.key_object("master")),
        }
        answer = await self.http("POST", f"{API}/keys/signatures/upload", {self.user_id: signed})
        if answer.get("failures"):
            raise RuntimeError(f"the homeserver refused a signature: {answer['failures']}")
        self.identity = identity

    # -- below the surface ----------------------------------------------------------------------------------------

    async def http(self, method: str, path: str, json: object = None) -> Content:
        """Any request with this device's token; ``path`` begins with ``/_matrix``."""
        return await self.homeserver.request(method, path, json)

    async def send_to_device_raw(self, type: str, messages: dict[str, dict[str, Content]]) -> None:
        """To-device events as they are: user id -> device id -> content."""
        await self.encryption.send_to_device(type, messages)

    async def device(self, user_id: str, device_id: str) -> Device:
        """A person's device as published now. Raises KeyError if there is none that proves itself."""
        await self.directory.devices([user_id])
        return self.directory.known(user_id)[device_id]

    async def claim_keys(self, user_id: str, device_id: str) -> Content:
        """One claimed key, ``{"signed_curve25519:ID": {...}}``, used for nothing; empty if there is none left."""
        return (await self.encryption.claim([(user_id, device_id)])).get((user_id, device_id), {})

    async def encrypt_olm(self, user_id: str, device_id: str, type: str, content: Content) -> Content:
        """An ``m.room.encrypted`` to-device content for one device, over a session that is made if there is none."""
        device = await self.device(user_id, device_id)
        await self.encryption.ensure_sessions([device])
        return self.machine.encrypt(device, type, content)

    async def encrypt_megolm(self, room_id: str, type: str, content: Content) -> Content:
        """An ``m.room.encrypted`` room content whose key everybody in the room has got, to be posted by whomever."""
        return await self.encryption.encrypt(self._room(room_id), type, content)

    def _room(self, room_id: str) -> Room:
        room = self.inbox.rooms.get(room_id)
        if room is None:
            raise KeyError("this client does not know the room; wait for the invite or the join first")
        return room
