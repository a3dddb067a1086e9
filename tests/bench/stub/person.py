"""A person of the crowd: one cross-signed device with its Olm account, and one encrypted chat with the bot."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import vodozemac
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.e2e.clients.signed_json import sign_json

OLM = "m.olm.v1.curve25519-aes-sha2"
MEGOLM = "m.megolm.v1.aes-sha2"


@dataclass(frozen=True, slots=True)
class DeviceKeys:
    """The identity keys of a device of the bot, as it uploaded them."""

    user_id: str
    device_id: str
    curve25519: str
    ed25519: str


class StubPerson:
    """What a client of this person would do. Without I/O: the stub carries things to and fro."""

    def __init__(self, user_id: str, room_id: str) -> None:
        self.user_id = user_id
        self.room_id = room_id
        self.device_id = secrets.token_hex(5).upper()
        self._account = vodozemac.Account()
        self._curve = self._account.curve25519_key.to_base64()
        self._group = vodozemac.GroupSession()
        self._sessions: dict[str, list[vodozemac.Session]] = {}
        self._rooms: dict[str, vodozemac.InboundGroupSession] = {}
        self._master, self._self_signing = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        self.master_key = self._cross_signing("master", self._master)
        self.self_signing_key = sign_json(
            self._cross_signing("self_signing", self._self_signing), user_id, _key_id(self._master), _by(self._master)
        )
        keys: dict[str, Any] = {
            "user_id": user_id,
            "device_id": self.device_id,
            "algorithms": [OLM, MEGOLM],
            "keys": {
                f"curve25519:{self.device_id}": self._curve,
                f"ed25519:{self.device_id}": self._account.ed25519_key.to_base64(),
            },
        }
        keys = self._signed(keys)
        self.device_keys = sign_json(keys, user_id, _key_id(self._self_signing), _by(self._self_signing))

    def one_time_key(self) -> dict[str, Any]:
        """A new signed one-time key, as `/keys/claim` gives it."""
        self._account.generate_one_time_keys(1)
        [(key_id, key)] = self._account.one_time_keys.items()
        self._account.mark_keys_as_published()
        return {f"signed_curve25519:{key_id}": self._signed({"key": key.to_base64()})}

    def share_room_key(self, bot: DeviceKeys, claim: Callable[[], str]) -> dict[str, Any]:
        """The content of a to-device event that gives the bot the key of what this person will say. `claim` gives a
        one-time key of the bot; it is needed unless the bot has begun a session already."""
        sessions = self._sessions.setdefault(bot.curve25519, [])
        if not sessions:
            keys = (bot.curve25519, claim())
            theirs, once = (vodozemac.Curve25519PublicKey.from_base64(key) for key in keys)
            sessions.append(self._account.create_outbound_session(theirs, once))
        session = sessions[-1]
        payload = {
            "type": "m.room_key",
            "sender": self.user_id,
            "recipient": bot.user_id,
            "recipient_keys": {"ed25519": bot.ed25519},
            "keys": {"ed25519": self._account.ed25519_key.to_base64()},
            "content": {
                "algorithm": MEGOLM,
                "room_id": self.room_id,
                "session_id": self._group.session_id,
                "session_key": self._group.session_key.to_base64(),
            },
        }
        kind, body = session.encrypt(json.dumps(payload).encode()).to_parts()
        ciphertext = {bot.curve25519: {"type": kind, "body": _base64(body)}}
        return {"algorithm": OLM, "sender_key": self._curve, "ciphertext": ciphertext}

    def said(self, body: str) -> dict[str, Any]:
        """The content of an encrypted event that says `body`."""
        content = {"msgtype": "m.text", "body": body}
        payload = {"type": "m.room.message", "room_id": self.room_id, "content": content}
        return {
            "algorithm": MEGOLM,
            "sender_key": self._curve,
            "device_id": self.device_id,
            "session_id": self._group.session_id,
            "ciphertext": self._group.encrypt(json.dumps(payload).encode()).to_base64(),
        }

    def take_to_device(self, content: dict[str, Any]) -> None:
        """Read what the bot sent to this device; room keys are kept. Raises what is wrong with it."""
        sender = content["sender_key"]
        message = content["ciphertext"][self._curve]
        plain = self._decrypt(sender, message["type"], message["body"])
        payload = json.loads(plain)
        if payload["type"] == "m.room_key":
            key = vodozemac.SessionKey(payload["content"]["session_key"])
            session = vodozemac.InboundGroupSession(key)
            known = self._rooms.get(session.session_id)
            if known is None or session.first_known_index < known.first_known_index:
                self._rooms[session.session_id] = session

    def read(self, content: dict[str, Any]) -> dict[str, Any]:
        """The content of an event of the bot, decrypted. Raises KeyError without its key."""
        session = self._rooms[content["session_id"]]
        message = vodozemac.MegolmMessage.from_base64(content["ciphertext"])
        payload: dict[str, Any] = json.loads(session.decrypt(message).plaintext)
        return dict(payload["content"])

    def _decrypt(self, sender: str, kind: int, body: str) -> bytes:
        if kind == 0:
            pre_key = vodozemac.PreKeyMessage.from_base64(body)
            for session in self._sessions.get(sender, []):
                if session.session_matches(pre_key):
                    return session.decrypt(pre_key.to_any())
            key = vodozemac.Curve25519PublicKey.from_base64(sender)
            session, plain = self._account.create_inbound_session(key, pre_key)
            self._sessions.setdefault(sender, []).append(session)
            return plain
        message = vodozemac.AnyOlmMessage.from_parts(kind, base64.b64decode(body + "=="))
        for session in self._sessions.get(sender, []):
            try:
                return session.decrypt(message)
            except vodozemac.OlmDecryptionException:
                continue
        raise LookupError("no Olm session opens it")

    def _signed(self, value: dict[str, Any]) -> dict[str, Any]:
        def sign(data: bytes) -> str:
            return self._account.sign(data).to_base64()

        return sign_json(value, self.user_id, f"ed25519:{self.device_id}", sign)

    def _cross_signing(self, usage: str, key: Ed25519PrivateKey) -> dict[str, Any]:
        key_id = _key_id(key)
        return {"user_id": self.user_id, "usage": [usage], "keys": {key_id: key_id.removeprefix("ed25519:")}}


def _key_id(key: Ed25519PrivateKey) -> str:
    return "ed25519:" + _base64(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def _by(key: Ed25519PrivateKey) -> Any:
    return lambda data: _base64(key.sign(data))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")
