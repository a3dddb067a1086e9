"""Megolm sessions of one device, on libolm (client-server API, "m.megolm.v1.aes-sha2"). No I/O."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from time import time
from typing import Any

from tests.e2e.clients.olm_machine import MEGOLM, OlmPayload
from tests.e2e.clients.signed_json import text, thing

with contextlib.suppress(ModuleNotFoundError):  # it is not made for newer Pythons: `bridge` runs without
    from olm.group_session import InboundGroupSession, OlmGroupSessionError, OutboundGroupSession

__all__ = ["Decrypted", "InboundMegolm", "Megolm", "MegolmFailure", "OutboundMegolm"]


class MegolmFailure(Exception):
    """A room event could not be decrypted; the text is a short reason without ids."""


@dataclass(slots=True)
class InboundMegolm:
    """A session to read with, and whom its key came from: nobody else's messages are believed to be its."""

    session: Any
    sender: str
    sender_key: str
    ed25519: str
    seen: dict[int, str] = field(default_factory=dict)
    """Message index -> event id, so that a replayed ciphertext shows."""


@dataclass(slots=True)
class OutboundMegolm:
    """The session that a room's messages are written with."""

    session: Any = field(default_factory=lambda: OutboundGroupSession())
    created: float = field(default_factory=time)
    shared_with: set[tuple[str, str]] = field(default_factory=set)
    told_no_olm: set[tuple[str, str]] = field(default_factory=set)
    given: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """(person, device, its identity key) -> message index that it was given the key at."""

    def worn_out(self, encryption: dict[str, Any], present: set[tuple[str, str]]) -> bool:
        """Whether to rotate: by number, by age, or as somebody who has the key is gone ("m.room.encryption")."""
        messages, period = encryption.get("rotation_period_msgs"), encryption.get("rotation_period_ms")
        most = messages if isinstance(messages, int) and messages > 0 else 100
        age = period / 1000 if isinstance(period, int) and period > 0 else 604_800
        return self.session.message_index >= most or time() - self.created >= age or not self.shared_with <= present


@dataclass(frozen=True, slots=True)
class Decrypted:
    type: str
    content: dict[str, Any]
    session: InboundMegolm


class Megolm:
    """All Megolm sessions of a device; ``inbound`` and ``outbound`` are open to hostile tests."""

    def __init__(self) -> None:
        self.inbound: dict[tuple[str, str], InboundMegolm] = {}
        self.outbound: dict[str, OutboundMegolm] = {}
        self.withheld: dict[tuple[str, str], str] = {}

    def add(self, payload: OlmPayload) -> str | None:
        """Take an ``m.room_key``; returns its session id if it made anything readable that was not."""
        content = payload.content
        room_id, session_id = text(content.get("room_id")), text(content.get("session_id"))
        if content.get("algorithm") != MEGOLM or not room_id:
            return None
        try:
            session = InboundGroupSession(text(content.get("session_key")))
        except (OlmGroupSessionError, ValueError):
            return None
        if session.id != session_id:
            return None
        known = self.inbound.get((room_id, session_id))
        if known is None:
            self.inbound[room_id, session_id] = InboundMegolm(
                session, payload.sender, payload.sender_key, payload.ed25519
            )
            return session_id
        # From another device it may be a theft of somebody's words; from its owner it may reach further back.
        if known.sender_key == payload.sender_key and session.first_known_index < known.session.first_known_index:
            known.session = session
            return session_id
        return None

    def start(self, room_id: str, owner: OlmPayload) -> OutboundMegolm:
        """A new session for what this device writes, readable by itself; ``owner`` names the device."""
        outbound = OutboundMegolm()
        self.outbound[room_id] = outbound
        self.inbound[room_id, outbound.session.id] = InboundMegolm(
            InboundGroupSession(outbound.session.session_key), owner.sender, owner.sender_key, owner.ed25519
        )
        return outbound

    def given_to(self, room_id: str, session_id: str, device: tuple[str, str, str]) -> str | None:
        """The key of a session of this device's own, as another device was given it; None if it was not."""
        outbound, inbound = self.outbound.get(room_id), self.inbound.get((room_id, session_id))
        if outbound is None or inbound is None or outbound.session.id != session_id or device not in outbound.given:
            return None
        return str(inbound.session.export_session(outbound.given[device]))

    def decrypt(self, room_id: str, event_id: str, sender: str, content: dict[str, Any]) -> Decrypted:
        """The event inside. Raises MegolmFailure; who its sender's device is, is for the caller to check."""
        if content.get("algorithm") != MEGOLM:
            raise MegolmFailure("unknown_algorithm")
        session_id, ciphertext = text(content.get("session_id")), text(content.get("ciphertext"))
        inbound = self.inbound.get((room_id, session_id))
        if inbound is None:
            code = self.withheld.get((room_id, session_id))
            raise MegolmFailure(f"withheld:{code}" if code else "missing_key")
        try:
            plain, index = inbound.session.decrypt(ciphertext)
            payload = thing(json.loads(plain))
        except (OlmGroupSessionError, ValueError, RecursionError) as error:
            raise MegolmFailure(f"bad_ciphertext:{error}") from error
        if inbound.sender != sender:
            raise MegolmFailure("mismatched_sender")
        if payload.get("room_id") != room_id:
            raise MegolmFailure("mismatched_room")
        if inbound.seen.setdefault(index, event_id) != event_id:
            raise MegolmFailure("replayed_index")
        return Decrypted(text(payload.get("type")), thing(payload.get("content")), inbound)
