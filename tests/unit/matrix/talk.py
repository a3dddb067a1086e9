"""Devices that say something to each other in a room, and what becomes of their keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bridge.delivery.ports import Outgoing
from bridge.ids import AccountId, RoomId, UserId
from bridge.matrix.machine import MEGOLM
from bridge.matrix.rooms import Rooms
from bridge.matrix.sender import RoomSender
from tests.unit.matrix.conftest import Device, make_rooms
from tests.unit.matrix.fake_homeserver import FakeHomeserver

ROOM = RoomId("!room:example.org")
ROTATION = (7 * 24 * 3600 * 1000, 100)

Make = Callable[[str], Device]


async def is_copy(event_id: str) -> bool:
    return False


def event(sender: Device, content: dict[str, Any], event_id: str = "$1") -> dict[str, Any]:
    return {"type": "m.room.encrypted", "sender": sender.user_id, "event_id": event_id, "content": content}


def deliver(sender: Device, receiver: Device, homeserver: FakeHomeserver) -> None:
    """Hand the receiver what was sent to its device, once."""
    for messages in homeserver.to_device:
        content = messages.get(receiver.user_id, {}).pop(receiver.machine.device_id, None)
        if content is not None:
            receiver.machine.receive({"type": "m.room.encrypted", "sender": sender.user_id, "content": content})


async def know(one: Device, *others: Device) -> None:
    for other in others:
        one.store.track(other.user_id)
    await one.keys.query()


async def say(bot: Device, members: Sequence[str], body: str) -> dict[str, Any]:
    session = await bot.keys.session_for(ROOM, members, ROTATION)
    sent = bot.machine.encrypt_event(session, "m.room.message", {"body": body})
    await bot.store.commit()
    return sent


def read(receiver: Device, sender: Device, content: dict[str, Any]) -> object:
    opened = receiver.machine.decrypt_room_event(event(sender, content, f"${content['ciphertext'][:20]}"), ROOM)
    return opened.content["body"]


def a_minute_later(device: Device) -> None:
    device.keys._claim_after.clear()
    device.keys._query_after.clear()


def sender_of(bot: Device, members: Sequence[str], homeserver: FakeHomeserver) -> RoomSender:
    rooms: Rooms = make_rooms(bot)
    room = rooms.ensure(ROOM)
    room.joined, room.encryption, room.members = True, {"algorithm": MEGOLM}, dict.fromkeys(members, "join")
    return RoomSender(bot.user_id, homeserver, bot.store, rooms, lambda: bot.keys, lambda: 0, 10**9, is_copy)


def outgoing(person: str, first_try: int | None = None) -> Outgoing:
    return Outgoing(AccountId(1), ROOM, "txn", {"msgtype": "m.text", "body": "hello"}, UserId(person), first_try)
