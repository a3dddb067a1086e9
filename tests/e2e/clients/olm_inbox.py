"""What a device does with the answers of ``/sync``: to-device first, then device lists, then rooms."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any, TypeVar

import aiohttp

from tests.e2e.clients.message import Message
from tests.e2e.clients.olm_directory import DeviceDirectory
from tests.e2e.clients.olm_http import Homeserver, MatrixHttpError, segment
from tests.e2e.clients.olm_machine import OlmFailure, OlmMachine
from tests.e2e.clients.olm_megolm import Megolm, MegolmFailure
from tests.e2e.clients.olm_room import Entry, Room
from tests.e2e.clients.olm_room_encryption import RoomEncryption
from tests.e2e.clients.signed_json import text, thing

__all__ = ["Inbox"]

T = TypeVar("T")

ONE_TIME_KEYS = 50
_MAX_GAP = 2_000
"""Events that are fetched at most to close one gap."""
_UNWEDGE_PAUSE = 3_600.0
"""Seconds between two new Olm sessions with one device that sends what can't be decrypted."""
_OFFLINE = (aiohttp.ClientError, TimeoutError, MatrixHttpError)


class Inbox:
    """Rooms, to-device events and waits of one device."""

    def __init__(
        self,
        homeserver: Homeserver,
        machine: OlmMachine,
        megolm: Megolm,
        directory: DeviceDirectory,
        encryption: RoomEncryption,
        timeline_limit: int = 100,
    ) -> None:
        self.rooms: dict[str, Room] = {}
        self.to_device: deque[dict[str, Any]] = deque(maxlen=1_000)
        """To-device events, those that came through Olm decrypted; others' mistakes carry a ``failure``."""
        self.changes = 0
        self.ended: BaseException | None = None
        self._homeserver = homeserver
        self._machine = machine
        self._megolm = megolm
        self._directory = directory
        self._encryption = encryption
        self._filter = json.dumps({"room": {"timeline": {"limit": timeline_limit}}})
        self._since: str | None = None
        self._news = asyncio.Event()
        self._renewed: dict[str, float] = {}
        self._writers: set[str] = set()

    # -- the loop -------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Sync for ever. A homeserver that is away or fails is asked again; a token that is gone ends it."""
        try:
            while True:
                try:
                    await self.sync(timeout=30.0)
                except MatrixHttpError as error:
                    if error.status in (401, 403):
                        raise
                    await asyncio.sleep(0.5)
                except (aiohttp.ClientError, TimeoutError):
                    await asyncio.sleep(0.5)
        except BaseException as error:
            self.ended = error
            raise
        finally:
            self._news.set()

    async def sync(self, timeout: float) -> None:
        """One request and its answer; the token moves on only when all of it was taken in."""
        params = {"timeout": str(int(timeout * 1000)), "filter": self._filter}
        if self._since is not None:
            params["since"] = self._since
        batch = await self._homeserver.request("GET", "/_matrix/client/v3/sync", params=params, timeout=timeout + 30)
        for event in _events(batch.get("to_device")):
            await self._take_to_device(event)
        lists = thing(batch.get("device_lists"))
        self._directory.changed(_texts(lists.get("changed")))
        self._directory.forget(_texts(lists.get("left")))
        await self._take_rooms(thing(batch.get("rooms")))
        with contextlib.suppress(*_OFFLINE):
            await self._top_up(batch)
        self._since = text(batch.get("next_batch")) or self._since
        self._news.set()

    async def _top_up(self, batch: dict[str, Any]) -> None:
        """Never run out of one-time keys, and replace a used fallback key ("One-time and fallback keys")."""
        upload: dict[str, Any] = {}
        counts = batch.get("device_one_time_keys_count")
        left = counts.get("signed_curve25519", 0) if isinstance(counts, dict) else None
        if isinstance(left, int) and left < ONE_TIME_KEYS // 2:
            upload["one_time_keys"] = self._machine.one_time_keys(ONE_TIME_KEYS - left)
        unused = batch.get("device_unused_fallback_key_types")
        if isinstance(unused, list) and "signed_curve25519" not in unused:
            upload["fallback_keys"] = self._machine.fallback_key()
        if upload:
            await self._homeserver.request("POST", "/_matrix/client/v3/keys/upload", upload)
            self._machine.published()

    # -- to-device ------------------------------------------------------------------------------------------------

    async def _take_to_device(self, event: dict[str, Any]) -> None:
        sender, content = text(event.get("sender")), thing(event.get("content"))
        if event.get("type") == "m.room_key.withheld":
            key = text(content.get("room_id")), text(content.get("session_id"))
            self._megolm.withheld[key] = text(content.get("code")) or "unknown"
            self._retry(*key)
        if event.get("type") == "m.room_key_request":
            with contextlib.suppress(*_OFFLINE):
                await self._encryption.give_again(sender, content)
        if event.get("type") != "m.room.encrypted":
            self.to_device.append(event)
            return
        try:
            payload = self._machine.decrypt(sender, content)
        except OlmFailure as failure:
            self.to_device.append({**event, "failure": str(failure)})
            with contextlib.suppress(*_OFFLINE):
                await self._unwedge(sender, text(content.get("sender_key")))
            return
        self.to_device.append({"type": payload.type, "sender": sender, "content": payload.content})
        if payload.type == "m.room_key":
            session_id = self._megolm.add(payload)
            if session_id is not None:
                self._retry(text(payload.content.get("room_id")), session_id)

    async def _unwedge(self, sender: str, sender_key: str) -> None:
        """A new Olm session with a device whose messages can't be read ("Recovering from undecryptable messages")."""
        await self._directory.devices([sender])
        device = self._directory.find(sender, sender_key)
        if device is None or monotonic() - self._renewed.get(sender_key, -_UNWEDGE_PAUSE) < _UNWEDGE_PAUSE:
            return
        self._renewed[sender_key] = monotonic()
        await self._encryption.ensure_sessions([device], renew=True)
        with contextlib.suppress(OlmFailure):
            dummy = self._machine.encrypt(device, "m.dummy", {})
            await self._encryption.send_to_device("m.room.encrypted", {sender: {device.device_id: dummy}})

    # -- rooms ----------------------------------------------------------------------------------------------------

    async def _take_rooms(self, rooms: dict[str, Any]) -> None:
        for room_id, update in thing(rooms.get("invite")).items():
            for event in _events(thing(update).get("invite_state")):
                self._room(room_id).apply_state(event)
        news: list[tuple[Room, dict[str, Any]]] = []
        for section in ("join", "leave"):
            for room_id, update in thing(rooms.get(section)).items():
                room, timeline = self._room(room_id), thing(thing(update).get("timeline"))
                for event in _events(thing(update).get("state")):
                    room.apply_state(event)
                if timeline.get("limited") is True and room.entries:
                    missed = await self._gap(room, text(timeline.get("prev_batch")))
                    news.extend((room, event) for event in missed)
                news.extend((room, event) for event in _events(timeline))
        # Whose message is shown, that person's devices are known: a shield that goes away by itself helps nobody.
        self._writers |= {text(event.get("sender")) for _, event in news if event.get("type") == "m.room.encrypted"}
        with contextlib.suppress(*_OFFLINE):
            await self._directory.devices(self._writers)
        for room, event in news:
            self._take_event(room, event)

    async def _gap(self, room: Room, token: str) -> list[dict[str, Any]]:
        """The events between what is known and ``token``, oldest first."""
        missed: list[dict[str, Any]] = []
        while token and len(missed) < _MAX_GAP:
            path = f"/_matrix/client/v3/rooms/{segment(room.room_id)}/messages"
            page = await self._homeserver.request("GET", path, params={"dir": "b", "from": token, "limit": "100"})
            for event in _things(page.get("chunk")):
                if text(event.get("event_id")) in room.entries:
                    return missed[::-1]
                missed.append(event)
            token = text(page.get("end"))
        return missed[::-1]

    def _take_event(self, room: Room, event: dict[str, Any]) -> None:
        if "state_key" in event:
            room.apply_state(event)
        self.changes += 1
        entry = room.add(event, self.changes)
        if entry is not None:
            self._decrypt(room, entry)

    def _decrypt(self, room: Room, entry: Entry) -> None:
        if entry.event.get("type") == "m.room.encrypted" and not entry.redacted:
            content = thing(entry.event.get("content"))
            try:
                entry.plain = self._megolm.decrypt(room.room_id, entry.event_id, entry.sender, content)
                entry.failure = None
            except MegolmFailure as failure:
                entry.failure = str(failure)
        room.apply_effects(entry, self.changes)

    def _retry(self, room_id: str, session_id: str) -> None:
        """A key came, or the reason why none will: look again at what waits for it."""
        room = self.rooms.get(room_id)
        for entry in list(room.entries.values()) if room is not None else []:
            if entry.failure is not None and thing(entry.event.get("content")).get("session_id") == session_id:
                self.changes += 1
                entry.changed = self.changes
                assert room is not None
                self._decrypt(room, entry)

    def _room(self, room_id: str) -> Room:
        return self.rooms.setdefault(room_id, Room(room_id, self._machine.user_id))

    # -- what is shown --------------------------------------------------------------------------------------------

    def show(self, room: Room, entry: Entry) -> Message:
        """The event as a client shows it."""
        shield, failure = self._judge(room, entry)
        content = entry.content
        if entry.redacted:
            content, shield, failure = {}, None, None
        elif failure is not None:
            content = thing(entry.event.get("content"))
        elif entry.edit is not None:
            content = entry.edit
        formatted = content.get("formatted_body")
        return Message(
            event_id=entry.event_id,
            sender=entry.sender,
            type=entry.type if failure is None else text(entry.event.get("type")),
            content=content,
            body=text(content.get("body")),
            formatted_body=formatted if isinstance(formatted, str) else None,
            relates_to=entry.relates_to,
            shield=shield,
            decryption_failure=failure,
            redacted=entry.redacted,
        )

    def _judge(self, room: Room, entry: Entry) -> tuple[str | None, str | None]:
        """Shield and failure: the device that gave the key must be one that its sender published."""
        if entry.failure is not None:
            return None, entry.failure
        if entry.plain is None:
            plaintext = room.encryption is not None and entry.type == "m.room.message"
            return ("unencrypted" if plaintext else None), None
        session, wire = entry.plain.session, thing(entry.event.get("content"))
        device = self._directory.find(session.sender, session.sender_key)
        if device is None:
            return "unknown_device", None
        if device.ed25519 != session.ed25519:
            return None, "mismatched_device"
        if wire.get("sender_key", device.curve25519) != device.curve25519 or (
            wire.get("device_id", device.device_id) != device.device_id
        ):
            return "mismatched_sender_key", None
        return (None if device.cross_signed else "unsigned_device"), None

    async def until(self, probe: Callable[[], T | None], timeout: float, expected: str) -> T:
        """What ``probe`` finds, asked again after every sync. Raises TimeoutError, RuntimeError when syncing ended."""
        try:
            async with asyncio.timeout(timeout):
                while True:
                    self._news.clear()
                    found = probe()
                    if found is not None:
                        return found
                    if self.ended is not None:
                        raise RuntimeError("the client does not sync any more") from self.ended
                    await self._news.wait()
        except TimeoutError:
            raise TimeoutError(f"no {expected} within {timeout} s") from None


def _things(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _events(section: object) -> list[dict[str, Any]]:
    return _things(thing(section).get("events"))
