"""The words of a verification: message types, codes, and the values that cross the border of `sas`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from bridge.ids import DeviceId, EventId, RoomId, UserId

METHOD: Final = "m.sas.v1"
PREFIX: Final = "m.key.verification."
REQUEST: Final = PREFIX + "request"
READY: Final = PREFIX + "ready"
START: Final = PREFIX + "start"
ACCEPT: Final = PREFIX + "accept"
KEY: Final = PREFIX + "key"
MAC: Final = PREFIX + "mac"
DONE: Final = PREFIX + "done"
CANCEL: Final = PREFIX + "cancel"


class Code(Enum):
    """Why a verification was cancelled (spec: "m.key.verification.cancel"), with the text that goes with it."""

    USER = ("m.user", "The verification was declined.")
    TIMEOUT = ("m.timeout", "The verification took too long.")
    UNKNOWN_TRANSACTION = ("m.unknown_transaction", "There is no such verification.")
    UNKNOWN_METHOD = ("m.unknown_method", "There is no method that both sides know.")
    UNEXPECTED = ("m.unexpected_message", "The message does not fit the state of the verification.")
    KEY_MISMATCH = ("m.key_mismatch", "The keys did not match.")
    INVALID = ("m.invalid_message", "The message was malformed.")
    COMMITMENT = ("m.mismatched_commitment", "The key is not the one that was promised.")
    MISMATCHED_SAS = ("m.mismatched_sas", "The emoji did not match.")

    @property
    def code(self) -> str:
        return self.value[0]

    @property
    def reason(self) -> str:
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Flow:
    """Names one verification: by the id of the request event in a room, or by the id that the sender made up."""

    id: str
    room_id: RoomId | None = None

    def stamp(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """`content` with the reference to this flow in it."""
        if self.room_id is None:
            return {**content, "transaction_id": self.id}
        return {**content, "m.relates_to": {"rel_type": "m.reference", "event_id": EventId(self.id)}}

    def cancel(self, code: Code) -> "Send":
        """The message that ends this flow."""
        return Send(CANCEL, self.stamp({"code": code.code, "reason": code.reason}))


@dataclass(frozen=True, slots=True)
class Party:
    """One of the two sides."""

    user_id: UserId
    device_id: DeviceId
    keys: Mapping[str, str]
    """Key id (`ed25519:DEVICE`, and `ed25519:MASTERKEY` of the identity) → public key, unpadded base64."""

    @property
    def order(self) -> tuple[str, str]:
        """Of two starts that cross, that of the smaller side counts."""
        return self.user_id, self.device_id


@dataclass(frozen=True, slots=True)
class Send:
    """A message to the other side."""

    type: str
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ShortAuth:
    """What people compare."""

    emoji: tuple[int, ...] | None
    """Seven numbers from 0 to 63 of the spec's table; None: the other side can't show emoji."""
    decimals: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a flow ended."""

    done: bool
    code: str | None = None
    by_us: bool = True
    verified: Mapping[str, str] = field(default_factory=dict)
    """When done: the keys of the other side that the MACs vouch for, by key id."""
