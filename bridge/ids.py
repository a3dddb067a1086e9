"""Identifiers. Matrix ids follow the grammar of the Matrix specification, appendix "Identifier grammar"."""

import re
from typing import NewType, TypeGuard

UserId = NewType("UserId", str)
"""A Matrix user id, `@localpart:server`, at most 255 bytes."""
RoomId = NewType("RoomId", str)
EventId = NewType("EventId", str)
DeviceId = NewType("DeviceId", str)

AccountId = NewType("AccountId", int)
"""Row id of one Matrix account of the bot (a shard); every room and every crypto row carries it."""
PersonId = NewType("PersonId", int)
"""Row id of a person who uses Courtyard. Never shown to anybody."""

MAX_ID_BYTES = 255

_SERVER = r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,230})(?::\d{1,5})?"
# Historical user ids may hold any printable ASCII in the localpart (spec: "Historical User IDs").
_USER_ID = re.compile(rf"@[\x21-\x39\x3B-\x7E]{{1,250}}:{_SERVER}", re.ASCII)


_OPAQUE = re.compile(r"[$!][\x21-\x7E]{1,254}", re.ASCII)
_DEVICE_ID = re.compile(r"[\x21-\x7E]{1,255}", re.ASCII)


def is_event_id(value: object) -> TypeGuard[str]:
    """Whether `value` can be an event id. Only printable ASCII: it goes into databases and URLs."""
    return isinstance(value, str) and value.startswith("$") and _OPAQUE.fullmatch(value) is not None


def is_room_id(value: object) -> TypeGuard[str]:
    """Whether `value` can be a room id."""
    return isinstance(value, str) and value.startswith("!") and _OPAQUE.fullmatch(value) is not None


def is_device_id(value: object) -> TypeGuard[str]:
    """Whether `value` can be a device id."""
    return isinstance(value, str) and _DEVICE_ID.fullmatch(value) is not None


def parse_user_id(text: str) -> UserId | None:
    """The user id that `text` spells, or None when it spells none."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_ID_BYTES or not _USER_ID.fullmatch(text):
        return None
    return UserId(text)


def server_name(user_id: UserId) -> str:
    """The server part of a user id, port included."""
    return user_id.partition(":")[2]
