"""What becomes of events whose key comes late, in part, or from somebody else; and of people who leave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bridge.chat.inbound import Readable, TextMessage, Unreadable
from bridge.ids import RoomId
from bridge.matrix.machine import MEGOLM
from bridge.matrix.rooms import Rooms
from bridge.matrix.sync import Batch, SyncReader
from tests.unit.matrix.conftest import Device, make_late, make_reader, make_rooms
from tests.unit.matrix.fake_homeserver import FakeHomeserver

ROOM = RoomId("!room:example.org")
ROTATION = (7 * 24 * 3600 * 1000, 100)

Make = Callable[[str], Device]


class Chat:
    """The bot's DM with Alice, and what a homeserver would bring of it."""

    def __init__(self, bot: Device, alice: Device, homeserver: FakeHomeserver) -> None:
        self.bot, self.alice, self.homeserver = bot, alice, homeserver
        self.rooms: Rooms = make_rooms(bot)
        room = self.rooms.ensure(ROOM)
        room.joined, room.encryption = True, {"algorithm": MEGOLM}
        room.members = {bot.user_id: "join", alice.user_id: "join"}
        self.reader: SyncReader = make_reader(bot, homeserver, self.rooms, make_late(bot, notice_ms=0))
        self.first_key = ""
        """The session key as it was shared first."""
        self._events = 0

    async def says(self, text: str) -> dict[str, Any]:
        """Something that Alice says; the key goes to the bot's device as far as it lacks it."""
        session = await self.alice.keys.session_for(ROOM, [self.bot.user_id, self.alice.user_id], ROTATION)
        self.first_key = self.first_key or session.session.session_key.to_base64()
        content = {"msgtype": "m.text", "body": text}
        return self.event(self.alice.machine.encrypt_event(session, "m.room.message", content))

    def event(self, content: dict[str, Any]) -> dict[str, Any]:
        self._events += 1
        return {
            "type": "m.room.encrypted",
            "sender": self.alice.user_id,
            "event_id": f"${self._events}",
            "origin_server_ts": 1,
            "content": content,
        }

    def key(self, sender: Device | None = None, **changed: str) -> dict[str, Any]:
        """The to-device event that gives the bot the room key of Alice's session: as it is now, or changed."""
        sender = sender or self.alice
        session = self.alice.store.outbound[ROOM]
        device = sender.machine.device_store[self.bot.user_id]["BOT"]
        olm = sender.machine.session_store.get(device.curve25519)
        content = {
            "algorithm": MEGOLM,
            "room_id": ROOM,
            "session_id": session.session.session_id,
            "session_key": session.session.session_key.to_base64(),
            **changed,
        }
        sent = sender.machine._olm_encrypt(olm, device, "m.room_key", content)
        return {"type": "m.room.encrypted", "sender": sender.user_id, "content": sent}

    async def sync(self, *events: dict[str, Any], to_device: list[dict[str, Any]] | None = None, **more: Any) -> Batch:
        rooms = {"join": {ROOM: {"timeline": {"events": list(events)}}}} if events else {}
        answer = {"next_batch": "n", "to_device": {"events": to_device or []}, "rooms": rooms, **more}
        return await self.reader.read(answer, "s")

    def sent_keys(self) -> list[dict[str, Any]]:
        """What Alice sent to the bot's device."""
        taken = [messages[self.bot.user_id].pop("BOT") for messages in self.homeserver.to_device]
        self.homeserver.to_device.clear()
        return [{"type": "m.room.encrypted", "sender": self.alice.user_id, "content": content} for content in taken]


@pytest.fixture
async def chat(device: Make, homeserver: FakeHomeserver) -> Chat:
    return Chat(device("bot"), device("alice"), homeserver)


def kinds(batch: Batch) -> list[type]:
    return [type(event) for event in batch.events]


async def test_a_key_that_starts_too_late_solves_nothing(chat: Chat) -> None:
    first = await chat.says("one")
    whole = chat.sent_keys()
    from_here_on = chat.key()
    assert kinds(await chat.sync(first)) == [Unreadable]
    assert kinds(await chat.sync(to_device=[from_here_on])) == [], "the notice stays: it is still unreadable"
    batch = await chat.sync(to_device=whole)
    (said,) = batch.events
    assert isinstance(said, TextMessage)
    assert said.body == "one"
    chat.reader.handled(said)
    assert kinds(await chat.sync()) == [Readable]


async def test_what_turns_out_to_be_damaged_is_not_solved_either(chat: Chat) -> None:
    first = await chat.says("one")
    first["content"]["ciphertext"] = first["content"]["ciphertext"][:-8] + "AAAAAAAA"
    whole = chat.sent_keys()
    assert kinds(await chat.sync(first)) == [Unreadable]
    assert kinds(await chat.sync(to_device=whole)) == []
    assert not chat.reader.late._waiting


async def test_somebody_who_passes_a_key_on_as_their_own_costs_its_owner_no_message(
    chat: Chat, device: Make, homeserver: FakeHomeserver
) -> None:
    first = await chat.says("one")
    whole = chat.sent_keys()
    mallory = device("mallory")
    await mallory.keys.session_for(RoomId("!other:example.org"), [chat.bot.user_id], ROTATION)
    homeserver.to_device.clear()
    stolen = chat.key(mallory, session_key=chat.first_key)  # Mallory is in the room and has it as well
    batch = await chat.sync(first, to_device=[stolen])
    assert TextMessage not in kinds(batch), "nobody's words are taken for Alice's on Mallory's word"
    (said,) = [e for e in (await chat.sync(to_device=whole)).events if isinstance(e, TextMessage)]
    assert said.body == "one"
