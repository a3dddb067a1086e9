"""What one device knows of a room: members, encryption, and its timeline in the order of arrival."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.e2e.clients.olm_megolm import Decrypted
from tests.e2e.clients.signed_json import text, thing

__all__ = ["Entry", "Room"]


@dataclass(slots=True)
class Entry:
    """A timeline event: as it came, and decrypted if that was possible."""

    event: dict[str, Any]
    plain: Decrypted | None = None
    failure: str | None = None
    redacted: bool = False
    edit: dict[str, Any] | None = None
    """``m.new_content`` of the sender's last edit."""
    changed: int = 0
    """Number of the client's change that made it look as it does."""

    @property
    def event_id(self) -> str:
        return text(self.event.get("event_id"))

    @property
    def sender(self) -> str:
        return text(self.event.get("sender"))

    @property
    def type(self) -> str:
        return self.plain.type if self.plain is not None else text(self.event.get("type"))

    @property
    def content(self) -> dict[str, Any]:
        return self.plain.content if self.plain is not None else thing(self.event.get("content"))

    @property
    def relates_to(self) -> dict[str, Any] | None:
        outer, inner = thing(self.event.get("content")).get("m.relates_to"), self.content.get("m.relates_to")
        return next((value for value in (outer, inner) if isinstance(value, dict)), None)

    @property
    def minor(self) -> bool:
        """Whether clients show it by its effect on other events only."""
        return (
            "state_key" in self.event
            or self.type == "m.room.redaction"
            or (self.relates_to or {}).get("rel_type") == "m.replace"
        )


class Room:
    """A room that this account is or was in, or is invited to."""

    def __init__(self, room_id: str, user_id: str) -> None:
        self.room_id = room_id
        self.members: dict[str, str] = {}
        self.inviter: str | None = None
        self.encryption: dict[str, Any] | None = None
        self.entries: dict[str, Entry] = {}
        self._user_id = user_id

    @property
    def membership(self) -> str | None:
        """This account's own membership."""
        return self.members.get(self._user_id)

    @property
    def readers(self) -> list[str]:
        """Who gets the keys of what is written now: joined and invited people."""
        return [user for user, membership in self.members.items() if membership in ("join", "invite")]

    def apply_state(self, event: dict[str, Any]) -> None:
        """Follow a state event, full or stripped. Encryption once on stays on, whatever anybody says later."""
        content, key = thing(event.get("content")), event.get("state_key")
        if event.get("type") == "m.room.member" and isinstance(key, str):
            membership = text(content.get("membership"))
            self.members[key] = membership
            if key == self._user_id and membership == "invite":
                self.inviter = text(event.get("sender")) or None
        elif event.get("type") == "m.room.encryption" and key == "" and (self.encryption is None or content):
            self.encryption = content

    def add(self, event: dict[str, Any], change: int) -> Entry | None:
        """Put a timeline event at the end; None if it was there already or has no id."""
        event_id = text(event.get("event_id"))
        if not event_id or event_id in self.entries:
            return None
        entry = Entry(event, redacted="redacted_because" in thing(event.get("unsigned")), changed=change)
        self.entries[event_id] = entry
        return entry

    def apply_effects(self, entry: Entry, change: int) -> None:
        """Let a redaction or an edit act on its target ("Redactions", "Event replacements": same sender, same type)."""
        if entry.type == "m.room.redaction":
            # Top level up to room version 10, in the content from 11 on.
            target = self.entries.get(text(entry.event.get("redacts")) or text(entry.content.get("redacts")))
            if target is not None:
                target.redacted, target.changed = True, change
            return
        relation = entry.relates_to or {}
        if relation.get("rel_type") != "m.replace" or entry.redacted:
            return
        target, content = self.entries.get(text(relation.get("event_id"))), entry.content.get("m.new_content")
        if target is None or not isinstance(content, dict) or "state_key" in target.event:
            return
        # What was encrypted can be edited by what was encrypted only.
        same = target.sender == entry.sender and target.type == entry.type and (not target.plain or entry.plain)
        if same and not target.minor:
            target.edit, target.changed = content, change
