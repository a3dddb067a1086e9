"""Rooms whose rows were damaged: the homeserver is asked for what stood there."""

from typing import Any

from bridge.ids import RoomId
from bridge.matrix.http import Homeserver, MatrixError, TooLarge, retrying, segment
from bridge.matrix.rooms import Rooms


async def mend_rooms(homeserver: Homeserver, rooms: Rooms) -> None:
    """Ask the homeserver for what stood in damaged rows: a sync tells only what is new."""
    while rooms.damaged:
        room_id = rooms.damaged.pop()
        room = rooms.ensure(room_id)
        members = await _look(homeserver, room_id, "members")
        for event in members.get("chunk") or ():
            if isinstance(event, dict):
                room.apply(event, rooms.me)
        for kind in ("m.room.encryption", "m.room.power_levels"):
            content = await _look(homeserver, room_id, f"state/{kind}")
            room.apply({"type": kind, "state_key": "", "content": content}, rooms.me)
        if not room.joined:
            rooms.forget(room_id)


async def _look(homeserver: Homeserver, room_id: RoomId, what: str) -> dict[str, Any]:
    """One thing about a room; empty when the homeserver does not tell."""
    path = f"/_matrix/client/v3/rooms/{segment(room_id)}/{what}"
    try:
        return await retrying(lambda: homeserver.request("GET", path), "reading a room")
    except (MatrixError, TooLarge):
        return {}
