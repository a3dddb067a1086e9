"""A command is data: name, parameters, requirements, help, handler. It returns a Reply and sends nothing."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

from bridge.chat.inbound import (
    EditedMessage,
    FileMessage,
    LocationMessage,
    PictureMessage,
    Reaction,
    Redaction,
    RoomView,
    TextMessage,
)
from bridge.chat.reply import Reply
from bridge.db import Tx
from bridge.ids import AccountId, PersonId, UserId


@dataclass(frozen=True, slots=True)
class Person:
    """A person as the chat knows them."""

    id: PersonId
    user_id: UserId
    language: str
    """A locale that the catalogue has: `en` or `zh`."""
    time_zone: str
    """IANA name."""
    paused: bool = False
    """Whether they get nothing personal until they have proved who they are; as it was when they were read."""


class Kind(Enum):
    """What a parameter takes."""

    WORD = "word"
    """One word, or several in quotes."""
    USER = "user"
    """A Matrix user id; a matrix.to link or pill of one is understood."""
    NUMBER = "number"
    """A positive whole number."""
    REST = "rest"
    """Everything that is left, line breaks included, as written."""


@dataclass(frozen=True, slots=True)
class Param:
    name: str
    kinds: tuple[Kind, ...]
    """The first kind that fits is taken: `(USER, NUMBER)` takes `@bob:example.org` or `3`."""
    required: bool = True


@dataclass(frozen=True, slots=True)
class Request:
    """What a handler gets. It runs inside one transaction and is synchronous."""

    tx: Tx
    person: Person
    room: RoomView
    account: AccountId
    event: TextMessage | PictureMessage | FileMessage | LocationMessage | EditedMessage | Reaction | Redaction
    args: Mapping[str, Any] = field(default_factory=dict)
    """Parsed arguments by parameter name: str, int or UserId; absent optional ones are missing."""
    prepared: Any = None
    """What the command's `prepare` returned, for work that can't be done inside a transaction."""
    again: bool = False
    """A late command is run again, and what it returns is about to be sent."""


Handler: TypeAlias = Callable[[Request], Reply]
Prepare: TypeAlias = Callable[[Tx, Person, Mapping[str, Any]], "Callable[[], Awaitable[Any]] | None"]
"""Says what is to be done before the command's transaction, outside of any: uploading, for instance. It is asked in a
transaction in which it only reads, with the parsed arguments, and only when the command may run. It raises UserError
for what the command would refuse anyway, and returns None when there is nothing to do. What the work returns reaches
the handler as `Request.prepared`; work that fails or takes too long leaves None there, and the command runs all the
same."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command. Its help text is the catalogue's `help-NAME` (spaces as dashes): one line, then details."""

    name: str
    """English words, e.g. `friend add`. Translated aliases are in the catalogue: `alias-friend-add`."""
    params: tuple[Param, ...]
    handler: Handler
    effect: bool = True
    """False: it only reads, and an edit of the message runs it again."""
    late: bool = False
    """True: it only reads, and tells things of other people, or things that may be deleted: it is run again when its
    answer is sent, since that may be long after it was asked. It uses nothing of the request but who asks, and what."""
    anywhere: bool = False
    """True: it may be answered in any room, because its answer holds nothing personal."""
    aloud: bool = False
    """True: it decides itself which of its replies are personal; the others are said in the room it was given in."""
    hidden: bool = False
    group: str = "more"
    """Heading in `help`: the catalogue's `help-group-GROUP`, e.g. `contacts`."""
    when_paused: bool = False
    """True: it works while the person's personal data waits for them to prove who they are."""
    prepare: Prepare | None = None
    picture: bool = False
    """True: it may be the caption of a picture, which reaches the handler prepared."""
    file: bool = False
    """True: it may be the caption of a file, which reaches the handler as it is: not fetched."""
