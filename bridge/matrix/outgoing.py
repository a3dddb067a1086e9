"""What the machine gives to others: our own keys, Olm sessions, room keys, encrypted events. No I/O."""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import structlog
import vodozemac
from nio.crypto import OlmDevice

from bridge.db.engine import now_ms
from bridge.ids import RoomId
from bridge.matrix.debts import Debt, Lacking, owed_to
from bridge.matrix.known_devices import MEGOLM, OLM, KnownDevices
from bridge.matrix.outbound import GroupSession
from bridge.matrix.signing import SigningKey, unpadded, verified

log = structlog.get_logger(__name__)
_encoded = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Outgoing(KnownDevices):
    """The part of the machine that speaks."""

    _vouched: dict[str, Any] | None = None
    """Our DeviceKeys with the signatures that we have."""

    # --- our own keys ---
    def device_keys(self) -> dict[str, Any]:
        """Our DeviceKeys, signed by the device (spec: `POST /keys/upload`)."""
        identity = self.account.identity_keys
        keys = {
            "user_id": self.user_id,
            "device_id": self.device_id,
            "algorithms": [OLM, MEGOLM],
            "keys": {
                f"curve25519:{self.device_id}": identity["curve25519"],
                f"ed25519:{self.device_id}": identity["ed25519"],
            },
        }
        return self._signed(keys)

    def vouch(self, signer: SigningKey) -> None:
        """Have the identity's signature in what we tell others of our device."""
        self._vouched = signer.sign(self.device_keys(), self.user_id)

    def _olm_encrypt(
        self, session: Any, recipient_device: OlmDevice, message_type: str, content: dict[str, Any]
    ) -> dict[str, Any]:
        """Encrypt for one device, with our own DeviceKeys inside (`sender_device_keys`, spec 1.15, MSC4147): whoever
        never asked for our devices still knows whose key it is, and need not call us unknown until they did."""
        theirs = recipient_device
        payload = {
            "sender": self.user_id,
            "sender_device": self.device_id,
            "sender_device_keys": self._own_device(),
            "keys": {"ed25519": self.account.identity_keys["ed25519"]},
            "recipient": theirs.user_id,
            "recipient_keys": {"ed25519": theirs.ed25519},
            "type": message_type,
            "content": content,
        }
        message = session.encrypt(json.dumps(payload, separators=(",", ":")))
        self.store.save_session(theirs.curve25519, session)
        kind, body = message.to_parts()
        return {
            "algorithm": OLM,
            "sender_key": self.account.identity_keys["curve25519"],
            "ciphertext": {theirs.curve25519: {"type": kind, "body": unpadded(body)}},
        }

    def _own_device(self) -> dict[str, Any]:
        """Our DeviceKeys with the signatures that we have."""
        if self._vouched is None:
            self._vouched = self.device_keys()
        return self._vouched

    def _signed(self, value: dict[str, Any]) -> dict[str, Any]:
        signature = self.account.sign(json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True))
        return {**value, "signatures": {self.user_id: {f"ed25519:{self.device_id}": signature}}}

    def upload_body(self, one_time_keys: int | None, fallback_unused: bool) -> dict[str, Any] | None:
        """What `POST /keys/upload` needs now, or None. Commit before it is sent.

        `one_time_keys` is how many the server still has (None: it did not say). Zero is a number as well: a
        stranger may have claimed them all.
        """
        raw = self.account._account
        body: dict[str, Any] = {}
        if not self.account.shared:
            body["device_keys"] = self.device_keys()
            one_time_keys, fallback_unused = 0, False
        unpublished = raw.one_time_keys
        if one_time_keys is not None:
            wanted = raw.max_number_of_one_time_keys - one_time_keys
            # Refill below half; keys that an earlier upload may not have brought home go first.
            if wanted > raw.max_number_of_one_time_keys // 2 or unpublished:
                if wanted > len(unpublished):
                    raw.generate_one_time_keys(wanted - len(unpublished))
                body["one_time_keys"] = {
                    f"signed_curve25519:{key_id}": self._signed({"key": key.to_base64()})
                    for key_id, key in raw.one_time_keys.items()
                }
        if not fallback_unused:
            if not raw.fallback_key:
                raw.generate_fallback_key()
            body["fallback_keys"] = {
                f"signed_curve25519:{key_id}": self._signed({"key": key.to_base64(), "fallback": True})
                for key_id, key in raw.fallback_key.items()
            }
        if body:
            self.save_account()
        return body or None

    def uploaded(self) -> None:
        """The server has what `upload_body` gave."""
        self.account.shared = True
        self.account.mark_keys_as_published()
        self.save_account()

    def without_session(self, devices: Iterable[OlmDevice]) -> dict[str, dict[str, str]]:
        """The body of `POST /keys/claim` for the devices that we have no Olm session to encrypt with."""
        claim: dict[str, dict[str, str]] = {}
        for device in devices:
            if self.store.session_to(device.curve25519) is None:
                claim.setdefault(device.user_id, {})[device.device_id] = "signed_curve25519"
        return claim

    def receive_claimed(self, answer: Mapping[str, Any]) -> list[OlmDevice]:
        """Take the answer of `POST /keys/claim`: an Olm session for each key that is rightly signed. Whose."""
        got: list[OlmDevice] = []
        users = answer.get("one_time_keys")
        for user, devices in users.items() if isinstance(users, dict) else ():
            for device_id, keys in devices.items() if isinstance(devices, dict) else ():
                device = self.device_store[user].get(device_id)
                try:
                    key = next(iter(keys.values()))
                    if device is not None and verified(key, user, device_id, device.ed25519):
                        self.create_session(key["key"], device.curve25519)
                        got.append(device)
                except (AttributeError, StopIteration, KeyError, TypeError, ValueError):
                    log.debug("claimed key dropped")
        return got

    # --- room keys out ---
    def room_session(
        self, room_id: RoomId, devices: list[OlmDevice], max_age_ms: int, max_messages: int
    ) -> GroupSession:
        """The room's outbound session; a new one when it is used up, or when somebody has it who no longer may."""
        session = self.store.outbound.get(room_id)
        wanted = {(d.user_id, d.device_id) for d in devices}
        if session is not None:
            has = {(user, device) for user, ds in session.shared_with.items() for device in ds}
            used_up = session.messages >= max_messages or now_ms() - session.created_at >= max_age_ms
            if used_up or not has <= wanted:
                session = None
        if session is None:
            raw = vodozemac.GroupSession()
            session = GroupSession(room_id, raw, now_ms())
            identity = self.account.identity_keys
            self.create_group_session(
                identity["curve25519"], identity["ed25519"], room_id, raw.session_id, raw.session_key.to_base64()
            )
            self.store.save_outbound(session)
        return session

    def unshared(self, session: GroupSession, devices: Iterable[OlmDevice]) -> list[OlmDevice]:
        """Devices that still lack the session, that we have an Olm session with, and that need not wait."""
        return [
            d
            for d in devices
            if d.device_id not in session.shared_with.get(d.user_id, {})
            and self.store.session_to(d.curve25519) is not None
            and not self.newcomers.wait_ms(d.user_id, d.curve25519)
        ]

    def encrypt_room_key(self, session: GroupSession, devices: Iterable[OlmDevice]) -> dict[str, dict[str, Any]]:
        """`m.room_key` for each device, encrypted: the `messages` of `PUT /sendToDevice/m.room.encrypted`."""
        keys = [(device, session.key_for(device.user_id, device.device_id)) for device in devices]
        return self._encrypt_room_keys(session.room_id, session.session.session_id, keys)

    def encrypt_owed(self, room_id: RoomId, debt: Debt, devices: Iterable[OlmDevice]) -> dict[str, dict[str, Any]]:
        """The same for the key of a former session."""
        keys = [(device, debt.key_for(device.user_id, device.device_id)) for device in devices]
        return self._encrypt_room_keys(room_id, debt.session_id, [(d, key) for d, key in keys if key is not None])

    def _encrypt_room_keys(
        self, room_id: RoomId, session_id: str, keys: Iterable[tuple[OlmDevice, str]]
    ) -> dict[str, dict[str, Any]]:
        content = {"algorithm": MEGOLM, "room_id": room_id, "session_id": session_id}
        messages: dict[str, dict[str, Any]] = {}
        for device, key in keys:
            olm = self.store.session_to(device.curve25519)
            assert olm is not None
            messages.setdefault(device.user_id, {})[device.device_id] = self._olm_encrypt(
                olm, device, "m.room_key", {**content, "session_key": key}
            )
        return messages

    def lacking(self, room_id: RoomId, members: Collection[str]) -> list[OlmDevice]:
        """Members' devices that lack the room's session for something that was said, as far as we know their devices
        now. Who is no member any more lacks nothing."""
        session = self.store.outbound.get(room_id)
        if session is None or not session.lacking:
            return []
        found = self._owed(session.lacking, members, session.shared_with)
        self.store.save_outbound(session)
        return found

    def owed(self, room_id: RoomId, members: Collection[str]) -> list[tuple[Debt, list[OlmDevice]]]:
        """The same for the room's former sessions; without devices that are to wait."""
        owed = [(debt, self._owed(debt.lacking, members, {})) for debt in self.store.debts.get(room_id, [])]
        if owed:
            self.store.save_debts(room_id)
        wait_ms = self.newcomers.wait_ms
        return [(debt, [d for d in devices if not wait_ms(d.user_id, d.curve25519)]) for debt, devices in owed]

    def due_ms(self, room_id: RoomId) -> int:
        """When the first device that is to wait, and lacks a key of what was said in a room, has waited enough, ms; 0:
        there is none."""
        lacking = [debt.lacking for debt in self.store.debts.get(room_id, [])]
        session = self.store.outbound.get(room_id)
        if session is not None and session.messages:
            lacking.append(session.lacking)
        waits = [
            self.newcomers.wait_ms(user, device.curve25519)
            for theirs in lacking
            for user, devices in theirs.items()
            for device in self.device_store.active_user_devices(user)
            if device.device_id in devices
        ]
        return min(filter(None, waits), default=0)

    def _owed(self, lacking: Lacking, members: Collection[str], have: Mapping[str, Collection[str]]) -> list[OlmDevice]:
        found: list[OlmDevice] = []
        for user in list(lacking):
            if user not in members:
                del lacking[user]
            elif not self.users_to_query([user]):
                theirs = {d.device_id: d for d in self.devices_of([user]) if d.device_id not in have.get(user, ())}
                found += [theirs[device_id] for device_id in owed_to(lacking, user, theirs)]
        return found

    def paid(self, room_id: RoomId, debt: Debt, devices: Iterable[OlmDevice]) -> None:
        """The server took the key of a former session for these devices."""
        for device in devices:
            debt.paid(device.user_id, device.device_id)
        self.store.save_debts(room_id)

    def shared(self, session: GroupSession, devices: Iterable[OlmDevice]) -> None:
        """The server took the room key for these devices."""
        for device in devices:
            session.got(device.user_id, device.device_id, device.curve25519)
        self.store.save_outbound(session)

    def note_lacking(self, session: GroupSession, users: Iterable[str]) -> None:
        """Right before encryption: remember who of these users' devices lacks the key, so that they get it from this
        message on when they can be reached."""
        names = list(users)
        lack = [
            (d.user_id, d.device_id)
            for d in self.devices_of(names)
            if d.device_id not in session.shared_with.get(d.user_id, {})
        ]
        lack += [(user, "") for user in self.users_to_query(names)]
        if session.note_lacking(lack):
            self.store.save_outbound(session)

    def reaches(self, session: GroupSession, user: str) -> bool:
        """Whether a person can read what is encrypted now: their devices are known and one of them has the key, or
        all of them are excluded on purpose and told so."""
        if self.users_to_query([user]):
            return False
        return bool(session.shared_with.get(user)) or (not self.devices_of([user]) and bool(self.excluded([user])))

    def encrypt_event(self, session: GroupSession, event_type: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """Content of an m.room.encrypted event. Unless the session `is_written`, commit before it is sent: its index
        must never be used again."""
        payload = {"type": event_type, "content": content, "room_id": session.room_id}
        plaintext = _encoded(payload).encode("utf-8", "replace")
        encrypted: dict[str, Any] = {
            "algorithm": MEGOLM,
            "ciphertext": session.session.encrypt(plaintext).to_base64(),
            "device_id": self.device_id,
            "sender_key": self.account.identity_keys["curve25519"],
            "session_id": session.session.session_id,
        }
        relation = content.get("m.relates_to")
        if relation is not None:
            encrypted["m.relates_to"] = relation  # in the clear, where the server needs it (spec: "Relationships")
        self.store.use_outbound(session)
        return encrypted
