"""What a command answers: values that name texts; rendering and sending happen elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from bridge.errors import Arg
from bridge.ids import UserId


@dataclass(frozen=True, slots=True)
class Text:
    """A message of the catalogue with its arguments. Arguments are plain text: no markup in them takes effect."""

    id: str
    args: Mapping[str, "Arg | Text | Time"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Time:
    """A moment in time (ms since the epoch, UTC), shown in the reader's time zone and language."""

    ms: int


@dataclass(frozen=True, slots=True)
class Written:
    """What a person wrote: Markdown, sanitised, shown as a block of its own."""

    markdown: str


@dataclass(frozen=True, slots=True)
class Hidden:
    """What a person wrote, hidden until the reader opens it: a spoiler in HTML (spec: "Spoiler messages"), and nothing
    of it in the plain text, which notifications show."""

    markdown: str
    reason: str


@dataclass(frozen=True, slots=True)
class Lines:
    """Short lines directly below each other (a list of friends, the choices of a question)."""

    items: tuple[Text, ...]


Block: TypeAlias = Text | Written | Hidden | Lines


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that is already encrypted and uploaded, by reference."""

    file: Mapping[str, object]
    """EncryptedFile as in the spec, JSON-ready."""
    info: Mapping[str, object]
    """ImageInfo as in the spec, JSON-ready, thumbnail included."""
    name: str = "picture"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that is already encrypted and uploaded, by reference."""

    file: Mapping[str, object]
    """EncryptedFile as in the spec, JSON-ready."""
    name: str
    mimetype: str
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Button:
    """A choice that clients may draw as a button (docs/buttons.md)."""

    label: str
    token: str
    """What a client sends back when it is pressed."""


@dataclass(frozen=True, slots=True)
class CopyRef:
    """What the sent event is a copy of: answers and reactions to it find their subject by this."""

    kind: str
    ref_id: int | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One event. With a picture or an attachment, the blocks are its caption."""

    blocks: tuple[Block, ...]
    copy: CopyRef | None = None
    picture: Picture | None = None
    lasting: tuple[Block, ...] | None = None
    """The blocks without what only concerns the moment of sending: a copy is edited later when these differ. None: all
    of them."""
    attachment: Attachment | None = None
    pings: tuple[UserId, ...] = ()
    """Who is to be notified of it (spec: "User and room mentions")."""
    buttons: tuple[Button, ...] = ()
    """For clients that know how to draw them; the blocks say all of it in words."""
    place: str | None = None
    """A geo URI (RFC 5870): the event is a place (spec: "m.location"), and the blocks say it in words."""


@dataclass(frozen=True, slots=True)
class Question:
    """A command that only reads, as it was asked."""

    command: str
    args: Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one inbound event: messages now, and copies that are rendered when they are sent.

    `parts` are sent in order. A `CopyRef` among them is rendered for the reader at send time by the renderer of its
    kind, which asks the policy again: nothing is shown that was withdrawn in between.
    """

    parts: tuple[Message | CopyRef, ...] = ()
    personal: bool = True
    """True: may be shown in the person's DM alone. In another room a neutral line stands for it."""
    asked: Question | None = None
    """What is asked again when the messages are sent, so that they say what is so then. None: they are sent as they
    are."""

    @staticmethod
    def text(message_id: str, /, *, personal: bool = True, **args: "Arg | Text | Time") -> "Reply":
        """One message that consists of one text of the catalogue."""
        return Reply((Message((Text(message_id, args),)),), personal=personal)


NOTHING = Reply()
