"""The one shape in which every test client reports what it sees in a room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Message"]


@dataclass(frozen=True, slots=True)
class Message:
    """A timeline event as a person's client shows it: decrypted, with the sender's edits applied.

    ``type`` and ``content`` are those of the decrypted event; an event that could not be decrypted keeps the type
    ``m.room.encrypted`` and its encrypted content, and ``decryption_failure`` says why. ``body`` and ``formatted_body``
    are copies of the content's fields, ``""`` and ``None`` if there are none or they are no text.

    ``relates_to`` is the event's ``m.relates_to``, ``None`` without one. Clients put it outside of the encryption, so
    that servers can aggregate; one that is only inside counts as well. An edit doesn't change it.

    ``shield`` is ``None`` if the client has nothing to complain about, else a short name of the warning (such as
    ``unsigned_device`` or ``unencrypted``). ``redacted`` is true once a redaction of the event was seen.
    """

    event_id: str
    sender: str
    type: str
    content: dict[str, Any]
    body: str
    formatted_body: str | None
    relates_to: dict[str, Any] | None
    shield: str | None
    decryption_failure: str | None
    redacted: bool

    @property
    def reply_to(self) -> str | None:
        """The event that this one answers (``m.in_reply_to``), also when it is the fallback of a thread."""
        target = (self.relates_to or {}).get("m.in_reply_to")
        event_id = target.get("event_id") if isinstance(target, dict) else None
        return event_id if isinstance(event_id, str) else None

    @property
    def thread_root(self) -> str | None:
        """The root of the thread that this event belongs to, if it is in one."""
        return self._target("m.thread")

    @property
    def replaces(self) -> str | None:
        """The event that this one is an edit of, if it is one."""
        return self._target("m.replace")

    def _target(self, rel_type: str) -> str | None:
        relation = self.relates_to or {}
        event_id = relation.get("event_id")
        return event_id if relation.get("rel_type") == rel_type and isinstance(event_id, str) else None
