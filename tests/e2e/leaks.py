"""What an account has let out, by its homeserver's own database, and what a log tells about people.

`running_bot` asks at the end of every bot: whatever flow ran, nothing readable may have left it.
"""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from bridge.demo.synapse import Homeserver
from bridge.ids import UserId
from bridge.matrix.doorstep import NOTICE
from bridge.matrix.private_rooms import closed_levels, open_levels
from bridge.matrix.rooms import MARKER

REACTIONS = frozenset({"👀", "✅", "❌"})
"""Keys that the bot may react with; they tell nothing but that it saw a message."""

# Client-server API, "m.megolm.v1.aes-sha2": these and the relation stand outside of the ciphertext.
_MEGOLM = {"algorithm", "ciphertext", "sender_key", "session_id", "device_id"}
_MEMBER = {"membership", "displayname", "avatar_url"}
_RELATION = {"rel_type", "event_id", "m.in_reply_to", "is_falling_back"}
_CANARY = "canary"
_PERSONAL = {
    "Matrix id": re.compile(r"@[a-z0-9._=/+-]+:[a-z0-9.-]+", re.IGNORECASE),
    "room id": re.compile(r"![A-Za-z0-9_-]{10,}"),
    "event id": re.compile(r"\$[A-Za-z0-9_-]{20,}"),
    "local part": re.compile(r"\b(?:alice|bob|carol)-[0-9a-f]{8}"),
    "text of a person": re.compile(rf"{_CANARY}[0-9a-f]{{8}}"),
}


def canary() -> str:
    """A word for texts, notes and names: should it stand in a log, `log_leaks` finds it."""
    return _CANARY + secrets.token_hex(4)


def event_leaks(hs: Homeserver, user_id: str) -> list[str]:
    """What this account of `hs` sent, into any room, that is readable without keys and shouldn't be.

    A short line for each: the type of the event and what is wrong with it. Empty: all is as it should be.
    """
    found: list[str] = []
    notices: set[str] = set()
    for event in _sent(hs, user_id):
        wrong = _wrong(event)
        if wrong is None and event["type"] == "m.room.message":
            wrong = "the notice a second time in one room" if event["room_id"] in notices else None
            notices.add(event["room_id"])
        if wrong is not None:
            found.append(f"{event['type']}: {wrong}")
    return found + _account_leaks(hs, user_id)


def sent_types(hs: Homeserver, user_id: str) -> dict[str, int]:
    """How many events of each type this account sent."""
    counts: dict[str, int] = {}
    for event in _sent(hs, user_id):
        counts[event["type"]] = counts.get(event["type"], 0) + 1
    return counts


def personal(text: str) -> list[str]:
    """What in a text names a person, a room or a message; with the text itself nowhere."""
    return [what for what, pattern in _PERSONAL.items() if pattern.search(text)]


def log_leaks(log: str) -> list[str]:
    """Lines that tell anything about a person, with what it is."""
    return [
        f"{what}: {line}" for line in log.splitlines() for what, pattern in _PERSONAL.items() if pattern.search(line)
    ]


def _wrong(event: Mapping[str, Any]) -> str | None:
    content = event["content"]
    match event["type"]:
        case "m.room.encrypted":
            relation = content.get("m.relates_to", {})
            inside = relation.get("m.in_reply_to", {})
            odd = (content.keys() - _MEGOLM - {"m.relates_to"}) | (relation.keys() - _RELATION)
            return _odd(odd | (inside.keys() - {"event_id"}))
        case "m.room.redaction":
            return _odd(content.keys() - {"redacts"})
        case "m.room.member" if event["state_key"] == event["sender"]:
            return _odd(content.keys() - _MEMBER)
        # A private room for two others is made of constants, an opaque marker, and who is in it.
        case "m.room.member" if content.get("membership") in ("invite", "leave"):
            return _odd(content.keys() - _MEMBER)
        case "m.room.create":
            return _odd(content.keys() - {"room_version", "creator", MARKER})
        case "m.room.join_rules" | "m.room.history_visibility" | "m.room.guest_access":
            return None if set(content.values()) <= {"invite", "joined", "forbidden"} else "what it says"
        case "m.room.power_levels":
            users = tuple(map(UserId, content["users"]))
            known = closed_levels(UserId(event["sender"])), open_levels((users[0], users[-1]))
            levels = {name: value for name, value in content.items() if name != "historical"}  # Synapse's own
            return None if levels in known else "other power levels than those of private rooms"
        case "m.room.encryption" if event.get("state_key") == "":
            return _odd(content.keys() - {"algorithm"})
        case "m.room.message":
            constant = {"msgtype": "m.notice", "body": NOTICE, "m.mentions": {}}
            return None if content == constant else "text that is not the constant notice"
        case "m.reaction":
            relation = content.get("m.relates_to", {})
            if relation.get("key") not in REACTIONS:
                return "a reaction that is not one of the bot's"
            return _odd((content.keys() - {"m.relates_to"}) | (relation.keys() - {"rel_type", "event_id", "key"}))
        # Synapse sends it by itself in the name of somebody who is there, to join the ends of a room that has many
        # (more than ten events at the same time make them): an empty one.
        case "org.matrix.dummy_event":
            return _odd(set(content))
    return "an event of this type"


def _odd(fields: set[str]) -> str | None:
    return f"readable {', '.join(sorted(fields))}" if fields else None


def _sent(hs: Homeserver, user_id: str) -> Iterator[dict[str, Any]]:
    # The server keeps what was redacted for a while: that counts as well, it had been readable.
    query = (
        "SELECT event_id, json FROM events JOIN event_json USING (event_id) WHERE sender = ? ORDER BY stream_ordering"
    )
    for event_id, text in server_rows(hs, query, user_id):
        yield json.loads(text) | {"event_id": event_id}


def _account_leaks(hs: Homeserver, user_id: str) -> list[str]:
    """What servers keep readable beside events: account data, files."""
    found: list[str] = []
    for table in ("account_data", "room_account_data"):
        query = f"SELECT account_data_type, content FROM {table} WHERE user_id = ?"
        for kind, content in server_rows(hs, query, user_id):
            # Secret storage holds ciphertext only (client-server API, "Secrets"), and its keys' descriptions.
            if not kind.startswith("m.secret_storage.") and content != "{}" and not _is_ciphertext(json.loads(content)):
                found.append(f"account data: {kind}")
    files = "SELECT media_type, upload_name FROM local_media_repository WHERE user_id = ?"
    for media_type, name in server_rows(hs, files, user_id):
        if media_type != "application/octet-stream" or name is not None:
            found.append("file: its type or name can be read")
    return found


def _is_ciphertext(content: Mapping[str, Any]) -> bool:
    if content.keys() == {"sealed"}:  # the generation of the crypto store, under the store key
        return re.fullmatch(r"[A-Za-z0-9+/]{40,100}", content["sealed"]) is not None
    items = content.get("encrypted", {}).values() if content.keys() == {"encrypted"} else ()
    return bool(items) and all(item.keys() == {"iv", "ciphertext", "mac"} for item in items)


def server_rows(hs: Homeserver, query: str, *params: object) -> list[tuple[Any, ...]]:
    """Rows of a homeserver's own database."""
    with closing(sqlite3.connect(f"file:{hs.data_dir / 'homeserver.db'}?mode=ro", uri=True, timeout=20)) as database:
        return database.execute(query, params).fetchall()
