"""Keys for a room's messages: sharing Megolm sessions over Olm (client-server API, "Sending a message in a room")."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable
from secrets import token_hex
from typing import Any

from tests.e2e.clients.olm_directory import Device, DeviceDirectory
from tests.e2e.clients.olm_http import Homeserver, segment
from tests.e2e.clients.olm_machine import MEGOLM, OlmFailure, OlmMachine, OlmPayload
from tests.e2e.clients.olm_megolm import Megolm, OutboundMegolm
from tests.e2e.clients.olm_room import Room
from tests.e2e.clients.signed_json import text, thing

__all__ = ["RoomEncryption"]

Content = dict[str, Any]


class RoomEncryption:
    """Encrypts for rooms and for devices, and gives the keys to whom they belong."""

    def __init__(
        self,
        homeserver: Homeserver,
        machine: OlmMachine,
        megolm: Megolm,
        directory: DeviceDirectory,
        deprecated_fields: bool,
    ) -> None:
        self._homeserver = homeserver
        self._machine = machine
        self._megolm = megolm
        self._directory = directory
        self._deprecated_fields = deprecated_fields
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._olm_lock = asyncio.Lock()

    async def encrypt(self, room: Room, type: str, content: Content) -> Content:
        """The content of an ``m.room.encrypted`` event, once every device in the room that can be reached has the key.

        Raises MatrixHttpError, and RuntimeError if the room is not encrypted.
        """
        if room.encryption is None:
            raise RuntimeError("the room is not encrypted")
        machine = self._machine
        async with self._locks[room.room_id]:
            devices = [
                device
                for device in await self._directory.devices(room.readers)
                if device.curve25519 != machine.curve25519
            ]
            outbound = self._megolm.outbound.get(room.room_id)
            if outbound is None or outbound.worn_out(room.encryption, {(d.user_id, d.device_id) for d in devices}):
                owner = OlmPayload(machine.user_id, machine.curve25519, machine.ed25519, "", {})
                outbound = self._megolm.start(room.room_id, owner)
            await self._share(room.room_id, outbound, devices)
            return self._encrypted(room.room_id, outbound, type, content)

    def _encrypted(self, room_id: str, outbound: OutboundMegolm, type: str, content: Content) -> Content:
        payload = {"type": type, "content": content, "room_id": room_id}
        event: Content = {
            "algorithm": MEGOLM,
            "ciphertext": outbound.session.encrypt(json.dumps(payload)),
            "session_id": outbound.session.id,
        }
        if self._deprecated_fields:
            event |= {"sender_key": self._machine.curve25519, "device_id": self._machine.device_id}
        if "m.relates_to" in content:
            event["m.relates_to"] = content["m.relates_to"]
        return event

    async def _share(self, room_id: str, outbound: OutboundMegolm, devices: Iterable[Device]) -> None:
        missing = [device for device in devices if (device.user_id, device.device_id) not in outbound.shared_with]
        if not missing:
            return
        key = {
            "algorithm": MEGOLM,
            "room_id": room_id,
            "session_id": outbound.session.id,
            "session_key": outbound.session.session_key,
        }
        index = outbound.session.message_index
        keys, refusals, reached = await self._wrap(missing, "m.room_key", key)
        await self.send_to_device("m.room.encrypted", keys)
        outbound.shared_with |= reached
        for device in missing:
            if (device.user_id, device.device_id) in reached:
                outbound.given[device.user_id, device.device_id, device.curve25519] = index
        # Who has no key left to claim is told why ("m.room_key.withheld"), once, and tried again with the next message.
        withheld: dict[str, dict[str, Content]] = {}
        for device in refusals:
            if (device.user_id, device.device_id) not in outbound.told_no_olm:
                outbound.told_no_olm.add((device.user_id, device.device_id))
                withheld.setdefault(device.user_id, {})[device.device_id] = {
                    "algorithm": MEGOLM,
                    "sender_key": self._machine.curve25519,
                    "code": "m.no_olm",
                    "reason": "Unable to establish a secure channel.",
                }
        await self.send_to_device("m.room_key.withheld", withheld)

    async def give_again(self, user_id: str, request: Content) -> None:
        """Answer a device that asks for a key of ours which it was given before ("Key requests"): as matrix-js-sdk did
        on libolm, which finds the session by the ``sender_key`` of the request."""
        body, device_id = thing(request.get("body")), text(request.get("requesting_device_id"))
        room_id, session_id = text(body.get("room_id")), text(body.get("session_id"))
        if request.get("action") != "request" or body.get("sender_key") != self._machine.curve25519:
            return
        await self._directory.devices([user_id])
        device = self._directory.known(user_id).get(device_id)
        if device is None:
            return
        key = self._megolm.given_to(room_id, session_id, (user_id, device_id, device.curve25519))
        if key is None:
            return
        forwarded = {
            "algorithm": MEGOLM,
            "room_id": room_id,
            "session_id": session_id,
            "session_key": key,
            "sender_key": self._machine.curve25519,
            "sender_claimed_ed25519_key": self._machine.ed25519,
            "forwarding_curve25519_key_chain": [],
        }
        events, _, _ = await self._wrap([device], "m.forwarded_room_key", forwarded)
        await self.send_to_device("m.room.encrypted", events)

    async def _wrap(
        self, devices: list[Device], type: str, content: Content
    ) -> tuple[dict[str, dict[str, Content]], list[Device], set[tuple[str, str]]]:
        """Olm events by person and device; the devices without a session; those that have one."""
        await self.ensure_sessions(devices)
        events: dict[str, dict[str, Content]] = {}
        failed: list[Device] = []
        reached: set[tuple[str, str]] = set()
        for device in devices:
            try:
                wrapped = self._machine.encrypt(device, type, content)
            except OlmFailure:
                failed.append(device)
            else:
                events.setdefault(device.user_id, {})[device.device_id] = wrapped
                reached.add((device.user_id, device.device_id))
        return events, failed, reached

    async def ensure_sessions(self, devices: Iterable[Device], *, renew: bool = False) -> None:
        """Claim keys and start Olm sessions where there are none (with ``renew``: in any case)."""
        async with self._olm_lock:
            lacking = [device for device in devices if renew or not self._machine.has_session(device)]
            if not lacking:
                return
            claimed = await self.claim((device.user_id, device.device_id) for device in lacking)
            for device in lacking:
                key = claimed.get((device.user_id, device.device_id))
                if key is not None:
                    try:
                        self._machine.start_session(device, key)
                    except OlmFailure:
                        continue

    async def claim(self, targets: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Content]:
        """One-time (or fallback) keys of the devices that gave one: ``{"signed_curve25519:ID": {...}}`` each."""
        wanted: dict[str, dict[str, str]] = {}
        for user_id, device_id in targets:
            wanted.setdefault(user_id, {})[device_id] = "signed_curve25519"
        answer = await self._homeserver.request(
            "POST", "/_matrix/client/v3/keys/claim", {"one_time_keys": wanted, "timeout": 10_000}
        )
        return {
            (user_id, device_id): thing(key)
            for user_id, keys in thing(answer.get("one_time_keys")).items()
            for device_id, key in thing(keys).items()
        }

    async def send_to_device(self, type: str, messages: dict[str, dict[str, Content]]) -> None:
        """Send content by person and device; nothing for nobody."""
        if messages:
            path = f"/_matrix/client/v3/sendToDevice/{segment(type)}/{token_hex(12)}"
            await self._homeserver.request("PUT", path, {"messages": messages})
