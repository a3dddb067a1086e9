"""One device's identity and its Olm sessions, on libolm (client-server API, "m.olm.v1.curve25519-aes-sha2"). No I/O."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import Any

from tests.e2e.clients.olm_directory import Device
from tests.e2e.clients.signed_json import sign_json, text, thing, verify_json

with contextlib.suppress(ModuleNotFoundError):  # it is not made for newer Pythons: `bridge` runs without
    from olm.account import Account, OlmAccountError
    from olm.session import InboundSession, OlmMessage, OlmPreKeyMessage, OlmSessionError, OutboundSession

__all__ = ["OLM", "OlmFailure", "OlmMachine", "OlmPayload"]

OLM = "m.olm.v1.curve25519-aes-sha2"
MEGOLM = "m.megolm.v1.aes-sha2"

_MAX_SESSIONS = 10
"""Sessions that are kept per device; the specification asks for at least four."""


class OlmFailure(Exception):
    """A to-device message could not be encrypted or decrypted, or is not what it claims. The text is the reason."""


@dataclass(frozen=True, slots=True)
class OlmPayload:
    """What came through an Olm session. ``sender_key`` is proved by Olm itself, ``ed25519`` is the sender's claim."""

    sender: str
    sender_key: str
    ed25519: str
    type: str
    content: dict[str, Any]


class OlmMachine:
    """Account and sessions of one device. ``account`` and ``sessions`` are open to hostile tests."""

    def __init__(self, user_id: str, device_id: str) -> None:
        self.user_id = user_id
        self.device_id = device_id
        self.account = Account()
        self.sessions: dict[str, list[Any]] = {}
        """Olm sessions by the other device's identity key, the one that was last used for receiving first."""

    @property
    def curve25519(self) -> str:
        return str(self.account.identity_keys["curve25519"])

    @property
    def ed25519(self) -> str:
        return str(self.account.identity_keys["ed25519"])

    # -- keys to publish ------------------------------------------------------------------------------------------

    def sign(self, value: dict[str, Any]) -> dict[str, Any]:
        """A copy of ``value``, signed by this device."""
        return sign_json(value, self.user_id, f"ed25519:{self.device_id}", self.account.sign)

    def device_keys(self) -> dict[str, Any]:
        """The device's keys as ``/keys/upload`` wants them."""
        return self.sign(
            {
                "user_id": self.user_id,
                "device_id": self.device_id,
                "algorithms": [OLM, MEGOLM],
                "keys": {
                    f"curve25519:{self.device_id}": self.curve25519,
                    f"ed25519:{self.device_id}": self.ed25519,
                },
            }
        )

    def one_time_keys(self, count: int) -> dict[str, Any]:
        """``count`` unpublished one-time keys, signed. Call :meth:`published` once the server has them."""
        missing = count - len(self.account.one_time_keys["curve25519"])
        if missing > 0:
            self.account.generate_one_time_keys(missing)
        keys = self.account.one_time_keys["curve25519"]
        return {f"signed_curve25519:{key_id}": self.sign({"key": key}) for key_id, key in keys.items()}

    def fallback_key(self) -> dict[str, Any]:
        """A new fallback key, signed. Call :meth:`published` once the server has it."""
        self.account.generate_fallback_key()
        keys = self.account.fallback_key["curve25519"]
        return {
            f"signed_curve25519:{key_id}": self.sign({"key": key, "fallback": True}) for key_id, key in keys.items()
        }

    def published(self) -> None:
        self.account.mark_keys_as_published()

    # -- sessions -------------------------------------------------------------------------------------------------

    def start_session(self, device: Device, claimed: dict[str, Any]) -> None:
        """A session from ``{"signed_curve25519:ID": {...}}``. Raises OlmFailure if the key is not the device's."""
        key = next((thing(value) for name, value in claimed.items() if name.startswith("signed_curve25519:")), {})
        if not verify_json(key, device.user_id, f"ed25519:{device.device_id}", device.ed25519):
            raise OlmFailure("the claimed one-time key is missing or not signed by its device")
        try:
            session = OutboundSession(self.account, device.curve25519, text(key.get("key")))
        except (OlmSessionError, ValueError) as error:
            raise OlmFailure("the claimed one-time key is unusable") from error
        self._use(device.curve25519, session)

    def has_session(self, device: Device) -> bool:
        return bool(self.sessions.get(device.curve25519))

    def encrypt(self, device: Device, type: str, content: dict[str, Any]) -> dict[str, Any]:
        """The content of the ``m.room.encrypted`` to-device event. Raises OlmFailure without a session."""
        sessions = self.sessions.get(device.curve25519)
        if not sessions:
            raise OlmFailure("there is no Olm session with the device")
        payload = {
            "type": type,
            "content": content,
            "sender": self.user_id,
            "recipient": device.user_id,
            "recipient_keys": {"ed25519": device.ed25519},
            "keys": {"ed25519": self.ed25519},
        }
        message = sessions[0].encrypt(json.dumps(payload))
        return {
            "algorithm": OLM,
            "sender_key": self.curve25519,
            "ciphertext": {device.curve25519: {"type": int(message.message_type), "body": message.ciphertext}},
        }

    def decrypt(self, sender: str, content: dict[str, Any]) -> OlmPayload:
        """What the event of ``sender`` says, after the checks that the specification demands. Raises OlmFailure."""
        if content.get("algorithm") != OLM:
            raise OlmFailure("unknown algorithm")
        sender_key = text(content.get("sender_key"))
        ours = thing(thing(content.get("ciphertext")).get(self.curve25519))
        body, kind = text(ours.get("body")), ours.get("type")
        if not sender_key or not body or kind not in (0, 1):
            raise OlmFailure("not encrypted for this device")
        try:
            payload = thing(json.loads(self._decrypt(sender_key, int(kind), body)))
        except (OlmSessionError, OlmAccountError, ValueError, RecursionError) as error:
            raise OlmFailure(f"Olm: {error}") from error
        ed25519 = text(thing(payload.get("keys")).get("ed25519"))
        if payload.get("sender") != sender:
            raise OlmFailure("the payload names another sender")
        if payload.get("recipient") != self.user_id:
            raise OlmFailure("the payload was meant for another person")
        if thing(payload.get("recipient_keys")).get("ed25519") != self.ed25519:
            raise OlmFailure("the payload was meant for another device")
        return OlmPayload(sender, sender_key, ed25519, text(payload.get("type")), thing(payload.get("content")))

    def _decrypt(self, sender_key: str, kind: int, body: str) -> str:
        known = self.sessions.get(sender_key, [])
        if kind == 1:
            message = OlmMessage(body)
            for session in known:
                with contextlib.suppress(OlmSessionError):
                    plain = str(session.decrypt(message))
                    self._use(sender_key, session)
                    return plain
            raise OlmFailure("no session decrypts the message")
        prekey = OlmPreKeyMessage(body)
        for session in known:
            if session.matches(prekey, sender_key):
                plain = str(session.decrypt(prekey))
                self._use(sender_key, session)
                return plain
        session = InboundSession(self.account, prekey, sender_key)
        # The key is given up only once the message proved to be real: else garbage would burn one-time keys.
        plain = str(session.decrypt(prekey))
        # (A fallback key stays where it is: it serves until the next one.)
        self.account.remove_one_time_keys(session)
        self._use(sender_key, session)
        return plain

    def _use(self, key: str, session: Any) -> None:
        others = [other for other in self.sessions.get(key, []) if other is not session]
        self.sessions[key] = [session, *others][:_MAX_SESSIONS]
