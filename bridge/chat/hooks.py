"""What features do with events that are no commands: registered by kind, called by the pipeline."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from bridge.chat.command import Person, Request
from bridge.chat.inbound import Inbound, PictureMessage, RoomView
from bridge.chat.reply import CopyRef, Message, Reply
from bridge.db import Tx
from bridge.ids import AccountId, EventId, PersonId, RoomId

OnReply: TypeAlias = Callable[[Request, CopyRef, str], Reply]
"""A message that answers a copy of this kind (as a reply or in its thread), with its text."""
OnReaction: TypeAlias = Callable[[Request, CopyRef, str], Reply]
"""A reaction to a copy of this kind, with its key. Return NOTHING for keys without a meaning."""
OnChoice: TypeAlias = Callable[[Request, int, str], Reply]
"""A numbered choice: ref_id of the prompt and the name of the chosen option."""
OnSource: TypeAlias = Callable[[Request, int], Reply]
"""The event that made the thing `ref_id` of this kind was redacted by its sender."""
OnEdit: TypeAlias = Callable[[Request, int, str], Reply]
"""The event that made the thing `ref_id` was edited; the new text of the whole message."""
OnPerson: TypeAlias = Callable[[Request], Reply]


@dataclass(frozen=True, slots=True)
class Hooks:
    on_reply: Mapping[str, OnReply] = field(default_factory=dict)
    on_reaction: Mapping[str, OnReaction] = field(default_factory=dict)
    on_choice: Mapping[str, OnChoice] = field(default_factory=dict)
    on_redaction: Mapping[str, OnSource] = field(default_factory=dict)
    on_edit: Mapping[str, OnEdit] = field(default_factory=dict)
    on_opened: tuple[Callable[[Tx, Person], None], ...] = ()
    """A person's first DM has just come into being: what waited for them is queued."""
    on_device: Callable[[Tx, Person, str], None] | None = None
    """A device of a person, by its id, has spoken to us for the first time. One feature listens."""
    on_spoke: Callable[[Tx, Person], None] | None = None
    """A person has said something in their DM. One feature listens."""
    is_guarded: Callable[[Tx, Person], bool] | None = None
    """Whether a person asked that nobody who only has their password passes for them."""
    on_identity_changed: Callable[[Tx, Person], Message] | None = None
    """A person's encryption identity is another one: what they are told."""
    harmless_choices: frozenset[str] = frozenset()
    """Kinds of questions that a homeserver may answer in somebody's name, because nothing comes of it: these alone take
    reactions, which nothing protects. No kind that gives anybody access to anything belongs here."""
    on_file: Callable[[Request], Reply | None] | None = None
    """A person has sent a file without a command, in their DM. None: it is for nothing. One feature listens."""
    gather: "Gather | None" = None
    """What people say joins something of theirs while that is open. One feature gathers."""
    talk: "Talk | None" = None
    """What people say goes to something that is open in their chat. One feature talks."""
    when_gone: frozenset[str] = frozenset()
    """Kinds of copies whose `on_reply` and `on_reaction` are also called for copies that were taken back, without a
    subject: they say that it is not there, in the same words as of a subject that can't be seen."""
    menus: frozenset[str] = frozenset()
    """Kinds of questions that a person calls up. While the newest question is one, a bare number is for it."""


class Gather(Protocol):
    """Something of a person's that plain messages in their DM join while it is open. Commands still run."""

    @property
    def commands(self) -> frozenset[str]:
        """Names of commands with free text that mean it; others ask for their prefix meanwhile."""
        ...

    def is_open(self, tx: Tx, person: Person, /) -> bool: ...

    def check_picture(self, tx: Tx, person: Person, /) -> None:
        """Raises UserError when no further picture can join: it is then not even fetched."""
        ...

    def text(self, request: Request, text: str, reply_to: EventId | None, question: int | None, /) -> Reply:
        """A text joins, or answers what was said about a part: `reply_to` is the event that it answers, `question` the
        id of the prompt that was sent with that event."""
        ...

    def picture(self, request: Request, caption: str, /) -> Reply:
        """A picture joins; it is prepared."""
        ...

    def place(self, request: Request, geo_uri: str, /) -> Reply:
        """A place joins."""
        ...


class Talk(Protocol):
    """Something that is open in a person's DM, and that plain messages there are for; or in a room with several people,
    where what speaks to the bot is. Commands always win."""

    def listens(self, account: AccountId, room_id: RoomId, /) -> bool:
        """Whether something is open in a room with several people. Asked for every message there: from memory."""
        ...

    def is_open(self, tx: Tx, person: Person, room: RoomView, account: AccountId, /) -> bool: ...

    def takes_number(self, tx: Tx, person: Person, room: RoomView, account: AccountId, /) -> bool:
        """Whether a bare number is for it, and not for a question that came later."""
        ...

    def addressed(self, tx: Tx, person: Person, room: RoomView, account: AccountId, text: str, /) -> str | None:
        """What a text that names it says to it; None: the text does not begin with its name."""
        ...

    def text(self, request: Request, text: str, /) -> Reply: ...

    def pressed(self, request: Request, token: str, /) -> Reply | None:
        """A button was pressed. None: this person was offered nothing by that token, or can't choose it any more."""
        ...


@dataclass(frozen=True, slots=True)
class SentCopy:
    """A copy that the bot sent, found by its event id."""

    ref: CopyRef
    person_id: PersonId | None
    """For whom; None: for everybody in the room."""
    is_gone: bool = False
    """It was taken back: nothing but its kind is known, whatever the reason."""


class Delivery(Protocol):
    """What the pipeline needs from the outbox. All of it happens in the transaction that it is given."""

    def answer(
        self, tx: Tx, event: Inbound, room: RoomView, person: Person, reply: Reply, *, since: int | None = None
    ) -> None:
        """Queue `reply` as the answer to `event`: in its room and thread, as a reply to it. `since`: when the event
        came, ms since the epoch; None: now.

        A personal reply goes to the person's DM; when `room` is another room, that room gets the neutral line
        `answer-in-dm` instead. When `event` is an EditedMessage, the answers to its target are replaced (m.replace); so
        is the notice that a message is unreadable, once its sender says that they keep the key.
        """
        ...

    def message(self, tx: Tx, person: Person, message: Message) -> None:
        """Queue a message to a person's current DM, as an answer to nothing."""
        ...

    def is_out(self, tx: Tx, person_id: PersonId, kind: str, ref_id: int) -> bool:
        """Whether such a copy was sent to the person and not withdrawn, or is about to be sent."""
        ...

    def is_sent(self, tx: Tx, person_id: PersonId, kind: str, ref_id: int) -> bool:
        """Whether such a copy was sent to the person and not withdrawn."""
        ...

    def withdraw(self, tx: Tx, kind: str, ref_id: int) -> int:
        """Redact every delivered copy and drop the queued ones. The number of delivered ones."""
        ...

    def release(self, tx: Tx, *, person_id: PersonId) -> None:
        """Try again at once what was held because the person had no DM, or not this one."""
        ...

    def find_copy(self, tx: Tx, account: AccountId, room_id: RoomId, event_id: EventId) -> SentCopy | None:
        """What an event of the bot is a copy of, or was before it was taken back."""
        ...

    def tell_gone(self, tx: Tx, account: AccountId, room_id: RoomId, event_id: EventId) -> bool:
        """Who reacted to a copy that was taken back is to be told. False when they were told before."""
        ...


class PicturePreparer(Protocol):
    """Makes a person's picture safe to pass on: downloads, decrypts, checks, strips, encrypts and uploads it."""

    def __call__(self, event: PictureMessage) -> Awaitable[Any]:
        """Raises UserError when the picture can't be used. The result reaches the handler as `Request.prepared`."""
        ...
