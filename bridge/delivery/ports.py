"""What delivery needs from others: people, renderers from the features, a sender from `matrix`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from bridge.chat.command import Person
from bridge.chat.reply import CopyRef, Message, Question
from bridge.db import Tx
from bridge.ids import AccountId, EventId, PersonId, RoomId, UserId

Renderer: TypeAlias = Callable[[Tx, Person, int], Message | None]
"""Renders one copy for one reader at send time. It asks the policy; None: they may not see it (any more), drop it."""


@dataclass(frozen=True, slots=True)
class ForMany:
    """A renderer that also renders one thing for several readers at once: the policy is asked about each of them."""

    one: Renderer
    many: Callable[[Tx, Sequence[Person], int], Mapping[PersonId, Message | None]]
    """What `one` gives for each reader; who is left out is to be rendered alone."""

    def __call__(self, tx: Tx, reader: Person, ref_id: int, /) -> Message | None:
        return self.one(tx, reader, ref_id)


Again: TypeAlias = Callable[[Tx, Person, Question, AccountId, RoomId], tuple[Message | CopyRef, ...]]
"""Asks a question again when its answer is sent; the parts of the answer as it is now."""


class Directory(Protocol):
    """Who people are and where they are reached; `bridge.chat.people.People` is one."""

    def by_id(self, tx: Tx, person_id: PersonId, /) -> Person | None: ...

    def several(self, tx: Tx, ids: Sequence[PersonId], /) -> dict[PersonId, Person]:
        """The same for several; who can't be read is left out."""
        ...

    def dm(self, tx: Tx, person_id: PersonId, /) -> tuple[AccountId, RoomId] | None:
        """The person's current DM; None: they have none (yet)."""
        ...

    def dms(self, tx: Tx, ids: Sequence[PersonId], /) -> dict[PersonId, tuple[AccountId, RoomId]]:
        """The same for several; who has none is left out."""
        ...


class Held(Exception):
    """The room can't take it now (no longer a DM with this person, not joined, not encrypted). Keep it."""


class Later(Exception):
    """The homeserver asks to wait, or can't be reached. Try again after `after_ms`."""

    def __init__(self, after_ms: int) -> None:
        super().__init__(after_ms)
        self.after_ms = after_ms


class MaybeSent(Exception):
    """A former device may have sent it already; what that one sent can't be read. Leave it: never twice."""


class Refused(Exception):
    """The homeserver does not take it. `final`: nor will it ever; else its reason may pass: a proxy's error page, say.
    `why` is for the log, and tells nothing of what was to be sent."""

    def __init__(self, why: str = "", *, final: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.final = final


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One event to send. `txn_id` is the Matrix transaction id: the same for each try."""

    account: AccountId
    room_id: RoomId
    txn_id: str
    content: Mapping[str, Any]
    """Content of an m.room.message, before encryption."""
    only_dm_with: UserId | None
    """Fail with Held unless the room is this person's DM at the moment of encryption."""
    first_attempt_at: int | None
    """ms; None: never tried. A try long ago may have been delivered: the sender looks before it sends again."""


class Sender(Protocol):
    """Sends encrypted events. Fails closed. Raises Held, Later, MaybeSent or Refused."""

    async def send(self, event: Outgoing) -> EventId: ...

    async def redact(self, account: AccountId, room_id: RoomId, event_id: EventId, txn_id: str) -> None: ...

    async def react(self, account: AccountId, room_id: RoomId, event_id: EventId, key: str, txn_id: str) -> None: ...
