"""A message as the JavaScript client shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.e2e.clients.message import Message


@dataclass(frozen=True, slots=True)
class JsMessage(Message):
    """What :class:`Message` says, with the edits applied, as Element shows it: the content is that of the last edit.

    ``shield`` is the client's own reason in lower case (``unsigned_device``, ``unverified_identity`` ...), or
    ``unencrypted`` for plaintext in an encrypted room. ``decryption_failure`` is the client's own code, such as
    ``UNSIGNED_SENDER_DEVICE`` or ``MEGOLM_KEY_WITHHELD_FOR_UNVERIFIED_DEVICE``.
    """

    room_id: str
    msgtype: str | None
    edited: bool
    encrypted: bool  # as it came over the wire
    shield_color: str | None  # "red" or "grey"
    timestamp: int  # milliseconds, by the sender's server

    @property
    def readable(self) -> bool:
        return not self.redacted and self.decryption_failure is None and self.type != "m.room.encrypted"

    @classmethod
    def parse(cls, view: Mapping[str, Any]) -> JsMessage:
        shield = view["shield"]
        return cls(
            event_id=view["eventId"],
            sender=view["sender"],
            type=view["type"],
            content=view["content"],
            body=view["body"] or "",
            formatted_body=view["formattedBody"],
            relates_to=view["relatesTo"],
            shield=shield["reason"] if shield else None,
            decryption_failure=view["decryptionFailure"],
            redacted=view["redacted"],
            room_id=view["roomId"],
            msgtype=view["msgtype"],
            edited=view["edited"],
            encrypted=view["encrypted"],
            shield_color=shield["color"] if shield else None,
            timestamp=view["timestamp"],
        )
