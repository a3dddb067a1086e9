"""The encryption machine: nio's Olm over vodozemac, with the parts replaced that strangers could break. No I/O.

Everything that comes from outside is checked here before nio sees it, one device and one message at a time: what is
wrong with one never costs another.
"""

import json
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
import vodozemac
from cachetools import LRUCache, TTLCache
from nio.crypto import InboundGroupSession, OlmDevice
from nio.events import ForwardedRoomKeyEvent, RoomKeyEvent

from bridge.db.engine import now_ms
from bridge.errors import CourtyardError
from bridge.ids import DeviceId, RoomId, UserId, is_room_id
from bridge.matrix.cryptostore import CryptoStore
from bridge.matrix.known_devices import KEY32
from bridge.matrix.known_devices import MEGOLM as MEGOLM
from bridge.matrix.known_devices import OLM as OLM
from bridge.matrix.outgoing import Outgoing
from bridge.matrix.strangers import Strangers

log = structlog.get_logger(__name__)

_MAX_OLM_BODY = 65_536
_MAX_SESSIONS_PER_SENDER_AND_ROOM = 500
_MAX_SESSIONS_PER_SENDER = 2_000
_MAX_OLM_SESSIONS_PER_DEVICE = 10
_MAX_STRANGERS = 500
"""Devices that nobody's list names and that may have Olm sessions and room keys here at the same time."""
_MAX_STRANGERS_KEYS = 20
_MAX_WITHHELD = 5_000
_MAX_SEEN = 5_000
"""Messages that a replay is compared with here; what was said is compared with all that the database has as handled."""
_MAX_REPAIRED = 10_000
_MAX_REPAIRS_PER_HOUR = 4
_MAX_UNKNOWN = 1_000


class NoKey(CourtyardError):
    """The room key has not come yet."""

    def __init__(self, session_id: str) -> None:
        super().__init__("room key missing")
        self.session_id = session_id


class UnknownSender(CourtyardError):
    """The room key belongs to none of the sender's devices that we know. Ask for their devices once, try again."""


class Undecryptable(CourtyardError):
    """It will never be readable: damaged, replayed, forged, or no Megolm at all."""


@dataclass(frozen=True, slots=True)
class RoomKey:
    """A room key has come."""

    room_id: str
    session_id: str


@dataclass(frozen=True, slots=True)
class Withheld:
    """A sender said that they keep a room key from us."""

    sender: str
    room_id: str
    session_id: str


@dataclass(frozen=True, slots=True)
class OlmMessage:
    """A to-device message of a verification that came encrypted."""

    sender: str
    type: str
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Opened:
    """A decrypted room event, and who encrypted it."""

    type: str
    content: dict[str, Any]
    device_id: str
    signed: bool
    """The sender's own identity vouches for the device."""
    signed_at: int | None
    """Since when we know that, ms; None: the identity is a new one."""
    ciphertext: str
    """Session and message index: two events with the same are one ciphertext, replayed."""
    related_outside: bool
    """What it answers or edits stands outside the ciphertext alone: a server could have put it there."""


class Machine(Outgoing):
    """Olm and Megolm for one device."""

    wedged_devices: list[OlmDevice]

    def __init__(self, user_id: UserId, device_id: DeviceId, store: CryptoStore) -> None:
        super().__init__(user_id, device_id, store)
        self._seen: LRUCache[tuple[str, str, int], str] = LRUCache(_MAX_SEEN)
        self.is_private: Callable[[str], bool] = lambda room_id: False
        """Whether a room is other people's: no key of it is kept, from whomever."""
        known = {device.curve25519 for devices in self.device_store._entries.values() for device in devices.values()}
        self._strangers = Strangers(key for key in self.session_store._entries if key not in known)
        self._withheld: LRUCache[tuple[str, str, str], str] = LRUCache(_MAX_WITHHELD)
        self._repairs: LRUCache[str, list[int]] = LRUCache(_MAX_REPAIRED)
        self._unknown: LRUCache[tuple[str, str], None] = LRUCache(_MAX_UNKNOWN)
        """(user, curve25519 key) of devices that need a new session and are not known yet."""
        self.broken: TTLCache[str, int] = TTLCache(_MAX_REPAIRED, 3600.0)
        """Users → when a session with a device of theirs was last found broken, ms: room keys sent over it are lost."""

    # --- to-device ---
    def handle_key_verification(self, event: object) -> None:
        """nio's own flow is not the one of today's clients; nothing of it may run."""

    def _handle_olm_event(self, sender: str, sender_key: str, payload: dict[str, Any]) -> object:
        self.newcomers.heard_from(sender, sender_key)
        if payload["type"].startswith("m.key.verification."):
            return OlmMessage(sender, payload["type"], payload["content"])
        return super()._handle_olm_event(sender, sender_key, payload)

    def receive(self, event: Mapping[str, Any]) -> RoomKey | OlmMessage | Withheld | None:
        """Take one to-device event. Whatever it holds, it raises nothing."""
        try:
            return self._receive(event)
        except Exception as error:  # hostile input: vodozemac and nio raise many kinds
            log.debug("to-device event dropped", error=type(error).__name__)
            return None

    def _receive(self, event: Mapping[str, Any]) -> RoomKey | OlmMessage | Withheld | None:
        sender, content = event.get("sender"), event.get("content")
        if event.get("type") == "m.room_key.withheld" and isinstance(sender, str) and isinstance(content, dict):
            return self._receive_withheld(sender, content)
        if event.get("type") != "m.room.encrypted" or not isinstance(sender, str) or not isinstance(content, dict):
            return None
        sender_key = content.get("sender_key")
        mine = content["ciphertext"][self.account.identity_keys["curve25519"]]
        body = mine["body"]
        if content.get("algorithm") != OLM or not isinstance(sender_key, str) or len(body) > _MAX_OLM_BODY:
            return None
        vodozemac.Curve25519PublicKey.from_base64(sender_key)  # raises when it is none
        message: vodozemac.PreKeyMessage | vodozemac.AnyOlmMessage
        if mine["type"] == 0:
            message = vodozemac.PreKeyMessage.from_base64(body)
        elif mine["type"] == 1:
            message = vodozemac.AnyOlmMessage.normal(b64decode(body + "=" * (-len(body) % 4), validate=True))
        else:
            return None
        before = len(self.session_store._entries.get(sender_key, ()))
        try:
            got = self.decrypt(sender, sender_key, message)
        except vodozemac.SessionCreationException:
            # Made with a one-time key that we don't have (any more): the other side believes in a session that is none.
            self._mark_device_for_unwedging(sender, sender_key)
            return None
        finally:
            # A new session proves that the sender has the key: before that, anybody could name any key.
            if len(self.session_store._entries.get(sender_key, ())) > before:
                self._met(sender, sender_key)
                device = self.device_store.device_from_sender_key(sender, sender_key)
                if device is not None:
                    # Its side of the old session may be broken, and then it never read the room keys sent over that.
                    self.store.share_again(device.user_id, device.device_id)
            self._tidy(sender, sender_key)
            # nio queues cancellations of answered key requests, for a loop that is not run.
            self.outgoing_to_device_messages.clear()
        if isinstance(got, OlmMessage):
            return got
        if isinstance(got, RoomKeyEvent):
            return RoomKey(got.room_id, got.session_id)
        if isinstance(got, ForwardedRoomKeyEvent):
            return RoomKey(got.room_id, got.session_id)
        return None

    def _receive_withheld(self, sender: str, content: Mapping[str, Any]) -> Withheld | None:
        """The sender says that it keeps a room key from us (spec: "m.room_key.withheld"). Good for an explanation only:
        it is not encrypted, anybody can say it."""
        code, room_id, session_id = content["code"], content.get("room_id"), content.get("session_id")
        if code == "m.no_olm" and isinstance(content.get("sender_key"), str):
            # It has no Olm session with us: begin one.
            self._mark_device_for_unwedging(sender, content["sender_key"])
        elif is_room_id(room_id) and isinstance(session_id, str) and KEY32.fullmatch(session_id):
            self._withheld[(sender, room_id, session_id)] = str(code)[:64]
            if self.is_withheld(sender, room_id, session_id):
                return Withheld(sender, room_id, session_id)
        return None

    def is_withheld(self, sender: str, room_id: str, session_id: str) -> bool:
        """Whether the sender's client said that it keeps this room key from us on purpose."""
        return self._withheld.get((sender, room_id, session_id), "m.no_olm") != "m.no_olm"

    def _mark_device_for_unwedging(self, sender: str, sender_key: str) -> None:
        """The Olm session with a device is broken: have a new one made, a few times an hour at most.

        nio's own rule forbids it for an hour after any new session, which is just when restored clients need it.
        """
        device = self.device_store.device_from_sender_key(sender, sender_key)
        if device is None:
            self._unknown[(sender, sender_key)] = None
            if sender in self.store.users:
                self.store.save_user(sender, outdated=True)
            return
        now = now_ms()
        times = [t for t in self._repairs.get(sender_key, []) if t > now - 3_600_000]
        if len(times) >= _MAX_REPAIRS_PER_HOUR or device in self.wedged_devices:
            return
        self._repairs[sender_key] = [*times, now]
        self.broken[sender] = now
        self.wedged_devices.append(device)

    def receive_devices(self, answer: Mapping[str, Any], users: Iterable[str]) -> None:
        """Read an answer to `/keys/query`. Who wrote over a session that is none before we knew them gets a new one."""
        asked = set(users)
        super().receive_devices(answer, asked)
        for user, key in [unknown for unknown in self._unknown if unknown[0] in asked]:
            if self.device_store.device_from_sender_key(user, key) is not None:
                del self._unknown[(user, key)]
                self._mark_device_for_unwedging(user, key)

    def take_wedged(self) -> list[OlmDevice]:
        """Devices that need a new Olm session now."""
        wedged: list[OlmDevice] = self.wedged_devices
        self.wedged_devices = []
        return wedged

    def put_back_wedged(self, devices: list[OlmDevice]) -> None:
        """Devices whose repair could not be begun."""
        self.wedged_devices = [*devices, *(d for d in self.wedged_devices if d not in devices)]

    def encrypt_dummy(self, devices: Iterable[OlmDevice]) -> dict[str, dict[str, Any]]:
        """`m.dummy` over the newest session of each device: it tells them to use that one from now on."""
        messages: dict[str, dict[str, Any]] = {}
        for device in devices:
            olm = self.store.session_to(device.curve25519)
            if olm is not None:
                messages.setdefault(device.user_id, {})[device.device_id] = self._olm_encrypt(
                    olm, device, "m.dummy", {}
                )
        return messages

    def _should_accept_forward(self, sender: str, sender_key: str, event: ForwardedRoomKeyEvent) -> bool:
        """A room key that we asked for, from the very device that made it. Nobody else's word counts."""
        asked = self.outgoing_key_requests.get(event.session_id)
        return (
            asked is not None
            and event.algorithm == MEGOLM
            and event.room_id == asked.room_id
            and not self.is_private(event.room_id)
            and event.sender_key == sender_key
            and self.device_store.device_from_sender_key(sender, sender_key) is not None
        )

    def _met(self, sender: str, sender_key: str) -> None:
        """A device has a session here that it did not have. Its owner's list may not name it: being known as a person
        allows nobody to make up devices."""
        self._strangers.forget(sender_key)
        if self.device_store.device_from_sender_key(sender, sender_key) is not None:
            return
        self._strangers.met(sender, sender_key)
        while len(self._strangers) > _MAX_STRANGERS:
            key = self._strangers.first_to_go()
            if self._is_strangers(key):
                self.store.drop_sessions_of(key)
            self._strangers.forget(key)

    def _is_strangers(self, sender_key: str) -> bool:
        """Whether nobody's list names the device. Strangers become known without a word."""
        if sender_key not in self._strangers:
            return False
        known = self.device_store._entries.values()
        return not any(device.curve25519 == sender_key for devices in known for device in devices.values())

    def untrack(self, user: str) -> None:
        """We share no room with a user any more: their devices are strangers' again."""
        keys = [device.curve25519 for device in self.device_store._entries.get(user, {}).values()]
        self.store.untrack(user)
        for key in keys:
            if key in self.session_store._entries:
                self._met(user, key)
            else:
                self.store.drop_sessions_of(key)

    def _tidy(self, sender: str, sender_key: str) -> None:
        """nio's containers grow with each name that is asked for."""
        sessions = self.session_store._entries
        if not sessions.get(sender_key):
            sessions.pop(sender_key, None)
            self._strangers.forget(sender_key)
        elif len(sessions[sender_key]) > _MAX_OLM_SESSIONS_PER_DEVICE:
            sessions[sender_key].sort(key=lambda session: session.use_time, reverse=True)
            while len(sessions[sender_key]) > _MAX_OLM_SESSIONS_PER_DEVICE:
                self.store.drop_session(sessions[sender_key].pop())
        if not self.device_store._entries.get(sender):
            self.device_store._entries.pop(sender, None)

    def create_group_session(
        self, sender_key: str, sender_fp_key: str, room_id: str, session_id: str, session_key: str
    ) -> None:
        """Keep a room key, unless we have it from an earlier index. Of too many of one device the oldest go."""
        session = InboundGroupSession(session_key, sender_fp_key, sender_key, room_id)
        if session.id != session_id or not is_room_id(room_id):
            raise Undecryptable("the session id does not belong to the session key")
        if self.is_private(room_id):
            raise Undecryptable("a key of a room that is not ours")
        known = self.inbound_group_store._entries.get(room_id, {}).get(sender_key, {})
        old = known.get(session_id)
        if old is not None and old.first_known_index <= session.first_known_index:
            return
        if old is None and sender_key != self.account.identity_keys["curve25519"]:
            if len(known) >= _MAX_SESSIONS_PER_SENDER_AND_ROOM:
                self.store.drop_group(self.store.usage.oldest(sender_key, room_id))
            most = _MAX_STRANGERS_KEYS if self._is_strangers(sender_key) else _MAX_SESSIONS_PER_SENDER
            while self.store.usage.count(sender_key) >= most:  # names of rooms can be made up
                self.store.drop_group(self.store.usage.oldest(sender_key))
        self.inbound_group_store.add(session)
        self.save_inbound_group_session(session)

    # --- room events in ---
    def decrypt_room_event(self, event: Mapping[str, Any], room_id: RoomId) -> Opened:
        """What is in an m.room.encrypted event, with the relation that it carries in the clear.

        `sender_key` and `device_id` of the content are deprecated and not looked at: who sent it follows from whose
        device gave us the room key.

        Raises:
            NoKey, UnknownSender, Undecryptable
        """
        content = event.get("content")
        sender, event_id = event.get("sender"), event.get("event_id")
        if not isinstance(content, dict) or not isinstance(sender, str) or not isinstance(event_id, str):
            raise Undecryptable("malformed")
        session_id, ciphertext = content.get("session_id"), content.get("ciphertext")
        if content.get("algorithm") != MEGOLM or not isinstance(session_id, str) or not isinstance(ciphertext, str):
            raise Undecryptable("malformed")
        if not KEY32.fullmatch(session_id):
            raise Undecryptable("malformed")
        candidates = [
            sessions[session_id]
            for sessions in self.inbound_group_store._entries.get(room_id, {}).values()
            if session_id in sessions
        ]
        if not candidates:
            raise NoKey(session_id)
        for session in candidates:
            device_id, signed = self._maker(sender, session)
            if device_id is not None:
                break
        else:
            raise UnknownSender("the room key belongs to no device of the sender")
        try:
            message = vodozemac.MegolmMessage.from_base64(ciphertext)
            if message.message_index() < session.first_known_index:
                raise NoKey(session_id)  # the key that we have starts later; an earlier one may come
            decrypted = session._session.decrypt(message)
            payload = json.loads(decrypted.plaintext)
        except (ValueError, RecursionError) as error:  # vodozemac's errors are ValueErrors
            raise Undecryptable(type(error).__name__) from None
        key = (session.sender_key, session_id, decrypted.message_index)
        if self._seen.setdefault(key, event_id) != event_id:
            raise Undecryptable("replayed")
        self.store.use_group(session)
        if (
            not isinstance(payload, dict)
            or payload.get("room_id") != room_id
            or not isinstance(payload.get("type"), str)
            or not isinstance(payload.get("content"), dict)
        ):
            raise Undecryptable("malformed")
        inner = dict(payload["content"])
        related_outside = "m.relates_to" in content and "m.relates_to" not in inner
        if related_outside:
            inner["m.relates_to"] = content["m.relates_to"]
        elif "m.relates_to" in content and _related(content["m.relates_to"]) != _related(inner["m.relates_to"]):
            raise Undecryptable("its relation is not the one that its sender gave it")
        signed_at = self.store.signed_at.get((sender, device_id))
        ciphertext = f"{session_id}:{decrypted.message_index}"
        return Opened(payload["type"], inner, device_id, signed, signed_at, ciphertext, related_outside)

    def _maker(self, sender: str, session: InboundGroupSession) -> tuple[str | None, bool]:
        """The device of the sender that made the session, and whether it is signed; None: none of theirs did."""
        if sender == self.user_id and session.sender_key == self.account.identity_keys["curve25519"]:
            return self.device_id, True
        # Deleted devices count as well: what they sent while they were there arrives late.
        for d in self.device_store[sender].values():
            if d.curve25519 == session.sender_key and d.ed25519 == session.ed25519:
                return d.device_id, bool(d.verified)
        return None, False


def _related(relation: object) -> tuple[object, ...]:
    """What counts of a relation."""
    if not isinstance(relation, Mapping):
        return ()
    answers = relation.get("m.in_reply_to")
    answered = answers.get("event_id") if isinstance(answers, Mapping) else None
    kind, target, key = relation.get("rel_type"), relation.get("event_id"), relation.get("key")
    return kind, target, key, relation.get("is_falling_back") is True, answered
