"""What a person did in a room, as values. `matrix` makes them from events; nothing else knows events."""

from dataclasses import dataclass
from typing import TypeAlias

from bridge.ids import AccountId, EventId, RoomId, UserId


@dataclass(frozen=True, slots=True)
class Origin:
    """Where and when it happened."""

    account: AccountId
    room_id: RoomId
    event_id: EventId
    sender: UserId
    sent_at: int
    """Origin time in ms as the sender's server claims it: for display, never for decisions."""
    encrypted: bool
    device: str | None = None
    """Device that encrypted it; None for what is not encrypted."""
    unsigned_ms: int = 0
    """How long we have known that the sender's own identity does not vouch for that device; 0: it does."""
    signed_at: int | None = None
    """Since when (ms) the sender's identity is known to vouch for that device; None: since the identity is new."""
    ciphertext: str | None = None
    """Which ciphertext it was, whatever event carried it: the same one in another event is a replay."""


@dataclass(frozen=True, slots=True)
class Relation:
    """How a message hangs on others (spec: "Rich replies", "Threading")."""

    reply_to: EventId | None = None
    """What it answers; None for the mere fall-back of a thread."""
    thread: EventId | None = None
    """Root of the thread that it stands in."""
    outside: bool = False
    """It was not in the ciphertext: a server could have made it up."""


@dataclass(frozen=True, slots=True)
class EncryptedFile:
    """An attachment, encrypted (spec: "Extensions to m.room.message msgtypes", EncryptedFile v2)."""

    url: str
    key: str
    iv: str
    sha256: str


@dataclass(frozen=True, slots=True)
class TextMessage:
    origin: Origin
    body: str
    relation: Relation = Relation()
    mentioned: bool = False
    """The bot is in `m.mentions` (spec: "User and room mentions")."""
    pressed: str | None = None
    """It is a choice, made by pressing a button with this token: what `body` says is for people (docs/buttons.md)."""


@dataclass(frozen=True, slots=True)
class PictureMessage:
    """A picture; `caption` is empty when it has none (spec 1.10: `filename` set and different from `body`)."""

    origin: Origin
    caption: str
    file: EncryptedFile
    mimetype: str
    size: int | None
    relation: Relation = Relation()


@dataclass(frozen=True, slots=True)
class FileMessage:
    """A file; `caption` is empty when it has none."""

    origin: Origin
    caption: str
    file: EncryptedFile
    relation: Relation = Relation()


@dataclass(frozen=True, slots=True)
class LocationMessage:
    """A place (spec: "m.location"). What else the message says, the sender's client wrote."""

    origin: Origin
    geo_uri: str
    relation: Relation = Relation()


@dataclass(frozen=True, slots=True)
class EditedMessage:
    """`m.replace` of one of the sender's own messages (spec: "Event replacements")."""

    origin: Origin
    target: EventId
    body: str
    outside: bool = False
    """The target was not in the ciphertext: a server could have put another message's there."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """`m.reaction`; never encrypted in Matrix."""

    origin: Origin
    target: EventId
    key: str


@dataclass(frozen=True, slots=True)
class Redaction:
    """Somebody redacted an event of their own."""

    origin: Origin
    target: EventId


@dataclass(frozen=True, slots=True)
class OtherMessage:
    """Something that can't be used here: video, voice. `what` is the msgtype or event type."""

    origin: Origin
    what: str
    relation: Relation = Relation()


@dataclass(frozen=True, slots=True)
class DmOpened:
    """A DM with a person came into being: the bot joined, or encryption was turned on."""

    origin: Origin


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message can't be decrypted, for longer than a late key takes. `origin.event_id` is that of the message."""

    origin: Origin
    withheld: bool
    """The sender's client said that it keeps the key from us on purpose."""
    relation: Relation = Relation()


@dataclass(frozen=True, slots=True)
class Readable:
    """Nothing in this room is unreadable any more."""

    origin: Origin


NO_ROOM = RoomId("")
"""Stands for the room of what happened in none."""


@dataclass(frozen=True, slots=True)
class IdentityChanged:
    """The person has a new cross-signing identity: they reset it, or somebody else did who has their account.

    It holds wherever they are: the room is a DM with them, or `NO_ROOM`.
    """

    origin: Origin


Inbound: TypeAlias = (
    TextMessage
    | PictureMessage
    | FileMessage
    | LocationMessage
    | EditedMessage
    | Reaction
    | Redaction
    | OtherMessage
    | DmOpened
    | Unreadable
    | Readable
    | IdentityChanged
)


@dataclass(frozen=True, slots=True)
class RoomView:
    """What handling needs to know of the room, taken when the event is handled."""

    room_id: RoomId
    dm_with: UserId | None
    """The one person of this DM; None: not a DM, so nothing personal is answered here."""
    encrypted: bool
