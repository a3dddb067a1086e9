"""What the account knows of its rooms: who is in, whether and how they are encrypted, what we may do there.

Kept in memory and, as a snapshot per room, in the database: a sync that goes on from a token does not repeat it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from bridge.chat.inbound import RoomView
from bridge.db import Tx
from bridge.ids import AccountId, RoomId, UserId, parse_user_id
from bridge.matrix.machine import MEGOLM
from bridge.matrix.seal import Sealer

_DEFAULT_ROTATION_MS = 7 * 24 * 3600 * 1000
_DEFAULT_ROTATION_MESSAGES = 100
_MIN_ROTATION_MS = 3_600_000
"""A room that asks for less gets this: each new session is a message to every device."""

_ENCRYPTION = ("algorithm", "rotation_period_ms", "rotation_period_msgs")
_MAX_STRANGE = 100
_MAX_TRACES = 1_000

MARKER = "chat.courtyard.private"
"""In m.room.create of the rooms that we make for two others: which try made it."""

STATE_TYPES = ("m.room.member", "m.room.encryption", "m.room.power_levels", "m.room.create")


@dataclass(slots=True)
class Room:
    """One room that we are in or are invited to."""

    room_id: RoomId
    members: dict[str, str] = field(default_factory=dict)
    """user → `join` or `invite`; who left or was banned is not in it."""
    encryption: dict[str, Any] | None = None
    """Content of m.room.encryption. Once set it stays, whatever later state says (spec: "m.room.encryption")."""
    power_levels: dict[str, Any] | None = None
    """Of m.room.power_levels what concerns us."""
    creators: list[str] = field(default_factory=list)
    joined: bool = False
    noticed: bool = False
    """The constant notice about missing encryption was sent."""
    invite: dict[str, Any] | None = None
    """`{"sender", "direct"}` of an invite that was not answered yet."""
    strange: list[str] = field(default_factory=list)
    """Who is in or invited under what is no user id. Nobody encrypts to them, but they make it no private chat."""
    private: bool = False
    """We made it for two others. It is no chat with us, whoever is in it: nothing is read there, nothing is said."""
    marker: str | None = None

    @property
    def is_trace(self) -> bool:
        """Whether it is a room that we were in, and nothing but its notice is remembered."""
        return self.noticed and not self.joined and self.invite is None and not self.members

    @property
    def encrypted(self) -> bool:
        return self.encryption is not None and self.encryption.get("algorithm") == MEGOLM

    @property
    def rotation(self) -> tuple[int, int]:
        """Age in ms and number of messages after which the room's session rotates."""
        settings = self.encryption or {}
        age, messages = settings.get("rotation_period_ms"), settings.get("rotation_period_msgs")
        return (
            min(max(age, _MIN_ROTATION_MS), _DEFAULT_ROTATION_MS) if _is_positive(age) else _DEFAULT_ROTATION_MS,
            min(messages, _DEFAULT_ROTATION_MESSAGES) if _is_positive(messages) else _DEFAULT_ROTATION_MESSAGES,
        )

    def dm_with(self, me: UserId) -> UserId | None:
        """The one person of this DM: encrypted, joined by us, and nobody in or invited but them and us."""
        members = self.members
        if len(members) != 2 or not self.joined or self.strange or self.private or not self.encrypted:
            return None
        if members.get(me) != "join":
            return None
        # Copied in one step: the database's thread asks while the loop changes it.
        others = [user for user in list(members) if user != me]
        return UserId(others[0]) if len(others) == 1 else None

    def may_send_state(self, me: UserId, event_type: str) -> bool:
        """Whether our power suffices for a state event (spec: "m.room.power_levels")."""
        # From room version 12 on creators may do everything and stand in no m.room.power_levels. In older versions it
        # may be refused, which costs one request.
        if me in self.creators:
            return True
        if self.power_levels is None:
            return False
        levels = self.power_levels
        users, events = levels.get("users"), levels.get("events")
        mine = users.get(me) if isinstance(users, dict) else None
        if mine is None:
            mine = levels.get("users_default", 0)
        needed = events.get(event_type) if isinstance(events, dict) else None
        if needed is None:
            needed = levels.get("state_default", 50)
        return isinstance(mine, int) and isinstance(needed, int) and mine >= needed

    def may_take_back(self, me: UserId, user: UserId) -> bool:
        """Whether we can redact there what we said to this person: both of us are in, and nobody raised the power that
        redacting takes."""
        if not self.joined or self.members.get(me) != "join" or self.members.get(user) != "join":
            return False
        if me in self.creators or self.power_levels is None:
            return True
        levels = self.power_levels
        needed = levels.get("events", {}).get("m.room.redaction", levels.get("events_default", 0))
        mine = levels.get("users", {}).get(me, levels.get("users_default", 0))
        return bool(mine >= needed)

    def apply(self, event: Mapping[str, Any], me: UserId) -> bool:
        """Take one state event. Whether anything changed. What is malformed changes nothing."""
        kind, key, content = event.get("type"), event.get("state_key"), event.get("content")
        if not isinstance(content, dict) or not isinstance(key, str):
            return False
        if kind == "m.room.member":
            membership = content.get("membership")
            if parse_user_id(key) is None:
                return self._apply_strange(key[:255], membership in ("join", "invite"))
            before = self.members.get(key)
            if membership in ("join", "invite"):
                self.members[key] = membership
            else:
                self.members.pop(key, None)
            if key == me:
                self.joined = membership == "join"
                if membership != "invite":
                    self.invite = None
            return self.members.get(key) != before
        if key != "":
            return False
        if kind == "m.room.encryption":
            if isinstance(content.get("algorithm"), str):
                # An algorithm that we don't know still means: never send in the clear.
                if self.encrypted and content["algorithm"] != MEGOLM:
                    return False
                # Only what is used is kept: a stranger's event may hold 64 KB of anything.
                used = {name: content.get(name) for name in _ENCRYPTION}
                self.encryption = {name: value for name, value in used.items() if isinstance(value, str | int)}
                return True
            return False
        if kind == "m.room.power_levels":
            self.power_levels = _own_levels(content, me)
            return True
        if kind == "m.room.create":
            additional = content.get("additional_creators")
            names = [event.get("sender"), *(additional if isinstance(additional, list) else [])]
            self.creators = [name for name in names if isinstance(name, str)]
            marker = content.get(MARKER)
            if event.get("sender") == me and isinstance(marker, str):
                self.private, self.marker = True, marker[:255]
            return True
        return False

    def _apply_strange(self, key: str, there: bool) -> bool:
        if there and key not in self.strange and len(self.strange) < _MAX_STRANGE:
            self.strange.append(key)
            return True
        if not there and key in self.strange:
            self.strange.remove(key)
            return True
        return False

    def snapshot(self) -> dict[str, Any]:
        """All of it as JSON, for the database."""
        return {
            "members": self.members,
            "encryption": self.encryption,
            "power_levels": self.power_levels,
            "creators": self.creators,
            "joined": self.joined,
            "noticed": self.noticed,
            "invite": self.invite,
            "strange": self.strange,
            "private": self.private,
            "marker": self.marker,
        }


def _own_levels(content: Mapping[str, Any], me: UserId) -> dict[str, Any]:
    """Of m.room.power_levels what `Room.may_send_state` looks at; what is no number counts as not there."""

    def numbers(of: object, *names: str) -> dict[str, int]:
        return {name: of[name] for name in names if isinstance(of.get(name), int)} if isinstance(of, dict) else {}

    return {
        **numbers(content, "users_default", "state_default", "events_default"),
        "users": numbers(content.get("users"), me),
        "events": numbers(content.get("events"), "m.room.encryption", "m.room.redaction"),
    }


def _is_positive(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


class Rooms:
    """All rooms of one account."""

    def __init__(self, account: AccountId, me: UserId, sealer: Sealer) -> None:
        self.account = account
        self.me = me
        self._sealer = sealer
        self._rooms: dict[RoomId, Room] = {}
        self._changed: set[RoomId] = set()
        self.changes = 0
        """Grows with each change of any room."""
        self.damaged: list[RoomId] = []
        """Rooms whose rows could not be read: the homeserver must be asked."""
        self._private: set[str] = set()
        """Rooms that we made for two others, also those that we have left."""
        self.private_news: set[RoomId] = set()
        """Of these, where a sync brought something; whoever acts on it empties it."""

    def load(self, tx: Tx) -> None:
        for room_id, sealed in tx.sql("SELECT room_id, sealed FROM rooms WHERE account_id = ?", (self.account,)):
            data = self._sealer.read_json(room_context(room_id), sealed, "rooms")
            if data is None:
                self.damaged.append(room_id)
                continue
            room = Room(
                room_id,
                data["members"],
                data["encryption"],
                data["power_levels"],
                data["creators"],
                data["joined"],
                data["noticed"],
                data["invite"],
                data.get("strange", []),
                data.get("private", False),
                data.get("marker"),
            )
            self._rooms[room_id] = room

    def get(self, room_id: RoomId) -> Room | None:
        return self._rooms.get(room_id)

    def ensure(self, room_id: RoomId) -> Room:
        if room_id not in self._rooms:
            self._rooms[room_id] = Room(room_id, private=room_id in self._private)
        self.changed(room_id)
        return self._rooms[room_id]

    def changed(self, room_id: RoomId) -> None:
        """Note that the room's snapshot must be written."""
        self._changed.add(room_id)
        self.changes += 1

    def forget(self, room_id: RoomId) -> None:
        """We are no longer in it. Kept is only that the notice about missing encryption was sent: once is enough,
        however often somebody invites us and throws us out."""
        gone = self._rooms.pop(room_id, None)
        if gone is not None and gone.noticed:
            self._rooms[room_id] = Room(room_id, noticed=True)
            traces = [room.room_id for room in self._rooms.values() if room.is_trace]
            for old in traces[:-_MAX_TRACES]:
                del self._rooms[old]
                self.changed(old)
        self.changed(room_id)

    def drop(self, room_id: RoomId) -> None:
        """We have left it, and nothing of it is remembered."""
        self._rooms.pop(room_id, None)
        self.changed(room_id)

    def users(self) -> set[str]:
        """Everybody whom we share an encrypted room with: whose devices are tracked."""
        rooms = [room for room in self._rooms.values() if room.encrypted and not room.private]
        return {user for room in rooms for user in room.members}

    def view(self, room_id: RoomId) -> RoomView:
        room = self._rooms.get(room_id)
        if room is None:
            return RoomView(room_id, None, False)
        return RoomView(room_id, room.dm_with(self.me), room.encrypted)

    def dms_with(self, user: UserId) -> list[RoomId]:
        """Rooms that are a DM with this person."""
        return [room.room_id for room in self._rooms.values() if room.dm_with(self.me) == user]

    def share_room(self, a: UserId, b: UserId) -> bool:
        """Whether two people are both in a room that we are in. May be asked from another thread."""
        return any(
            room.joined and room.members.get(a) == "join" and room.members.get(b) == "join"
            for room in list(self._rooms.values())
            if not room.private
        )

    def keep_private(self, rooms: Iterable[RoomId]) -> None:
        """Note that these rooms are other people's: for ever."""
        for room_id in rooms:
            self._private.add(room_id)
            room = self._rooms.get(room_id)
            if room is not None and not room.private:
                room.private = True
                self.changed(room_id)

    def is_private(self, room_id: str) -> bool:
        """Whether we made this room for two others, be we still in it or not."""
        room = self._rooms.get(RoomId(room_id))
        return room_id in self._private or (room is not None and room.private)

    def private(self) -> Iterator[Room]:
        """The rooms for two others that we are still in."""
        return (room for room in self._rooms.values() if room.private)

    def invited(self) -> list[Room]:
        return [room for room in self._rooms.values() if room.invite is not None]

    def take_changes(self) -> "list[tuple[RoomId, bytes | None]]":
        """(room, sealed snapshot) of what changed since the last call; None: the room is gone."""
        rows: list[tuple[RoomId, bytes | None]] = []
        for room_id in self._changed:
            room = self._rooms.get(room_id)
            sealed = None if room is None else self._sealer.seal_json(room_context(room_id), room.snapshot())
            rows.append((room_id, sealed))
        self._changed.clear()
        return rows


def room_context(room_id: str) -> str:
    """What a room's sealed snapshot is bound to."""
    return f"room {room_id}"


def write_rooms(tx: Tx, account: AccountId, rows: "list[tuple[RoomId, bytes | None]]") -> None:
    """Store what `Rooms.take_changes` gave."""
    keep = [(account, room, sealed) for room, sealed in rows if sealed is not None]
    gone = [(account, room) for room, sealed in rows if sealed is None]
    if keep:
        tx.sql(
            "INSERT INTO rooms (account_id, room_id, sealed) VALUES (?, ?, ?)"
            " ON CONFLICT (account_id, room_id) DO UPDATE SET sealed = excluded.sealed",
            keep,
        )
    if gone:
        tx.sql("DELETE FROM rooms WHERE account_id = ? AND room_id = ?", gone)
