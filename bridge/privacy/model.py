"""Who may see what. One pure function decides; every read path asks it.

Everything that is not allowed by a rule is denied, a rule that denies wins over all that allow, and what is unknown
to the world counts as "no". Reading code may narrow what it loads, it never decides.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from bridge.ids import PersonId


class Audience(Enum):
    """To whom an author shows a moment. An audience that is not in this list is nobody."""

    FRIENDS = "friends"
    PRIVATE = "private"
    PEOPLE = "people"
    """The people who were named when it was posted, as long as they are friends of the author."""

    @staticmethod
    def of(name: str) -> "Audience | None":
        """The audience with this stored name; None for one that this version doesn't know."""
        return next((a for a in Audience if a.value == name), None)


class Rule(Enum):
    """The rule that decided, with the id of the feature that it belongs to."""

    DEFAULT = "default: nothing allows it"
    OWN = "own: the owner sees it"
    PRIVATE = "M2: only the author"
    STRANGER = "I1: not friends"
    FRIENDS = "M2: friends of the author"
    NAMED = "M2: named by the author"
    NOT_NAMED = "M2: not among the people named"
    UNKNOWN_AUDIENCE = "M2: unknown audience"
    WRITER_OUTSIDE = "M6: who wrote it is no longer inside the audience"
    TO_AUTHOR = "M6: the author of the moment sees it"
    FRIEND_OF_WRITER = "M6: a friend of who wrote it"
    NOT_FRIEND_OF_WRITER = "M6: no friend of who wrote it"
    PROFILE_TO_FRIENDS = "I10: friends see the profile"
    ASKED = "I1: asked by this person"
    NOT_PENDING = "I1: the request is no longer open"


@dataclass(frozen=True, slots=True)
class Decision:
    allowed: bool
    rule: Rule

    def __bool__(self) -> bool:
        return self.allowed


@dataclass(frozen=True, slots=True)
class MomentItem:
    """A moment with its text, pictures and the fact that it exists."""

    author: PersonId
    audience: Audience | None
    people: frozenset[PersonId] = frozenset()
    """The people named; only for `Audience.PEOPLE`."""


@dataclass(frozen=True, slots=True)
class ResponseItem:
    """A like or a comment of a moment."""

    moment: MomentItem
    writer: PersonId


@dataclass(frozen=True, slots=True)
class ProfileItem:
    """A field of a profile."""

    owner: PersonId


@dataclass(frozen=True, slots=True)
class AccountItem:
    """The fact that this person uses Courtyard."""

    owner: PersonId


@dataclass(frozen=True, slots=True)
class RequestItem:
    """A friend request, its note included. `pending`: nobody answered it or took it back."""

    asker: PersonId
    asked: PersonId
    pending: bool


Item: TypeAlias = MomentItem | ResponseItem | ProfileItem | AccountItem | RequestItem


@dataclass(frozen=True, slots=True)
class World:
    """The facts that a decision may use. What is not in it is not so."""

    links: frozenset[tuple[PersonId, PersonId]] = field(default_factory=frozenset)
    """`(a, b)`: a counts b as a friend. People are friends when both directions are there."""

    @staticmethod
    def of_friends(pairs: Iterable[tuple[PersonId, PersonId]]) -> "World":
        """A world in which each pair is friends."""
        return World(frozenset(link for a, b in pairs for link in ((a, b), (b, a))))

    def friends(self, a: PersonId, b: PersonId) -> bool:
        return a != b and (a, b) in self.links and (b, a) in self.links


def may_see(viewer: PersonId, item: Item, world: World) -> Decision:
    """Whether `viewer` may learn of `item` at all; its content, its existence and its being counted go together."""
    match item:
        case MomentItem():
            return _moment(viewer, item, world)
        case ResponseItem():
            return _response(viewer, item, world)
        case ProfileItem(owner) | AccountItem(owner):
            if viewer == owner:
                return Decision(True, Rule.OWN)
            if world.friends(viewer, owner):
                return Decision(True, Rule.PROFILE_TO_FRIENDS)
            return Decision(False, Rule.STRANGER)
        case RequestItem():
            if not item.pending:
                return Decision(False, Rule.NOT_PENDING)
            if viewer == item.asker:
                return Decision(True, Rule.OWN)
            if viewer == item.asked:
                return Decision(True, Rule.ASKED)
            return Decision(False, Rule.DEFAULT)
    return Decision(False, Rule.DEFAULT)  # type: ignore[unreachable]  # an item of a later version


def _moment(viewer: PersonId, item: MomentItem, world: World) -> Decision:
    if viewer == item.author:
        return Decision(True, Rule.OWN)
    # Denials first: no audience reaches beyond the friends of the author.
    if item.audience is Audience.PRIVATE:
        return Decision(False, Rule.PRIVATE)
    if not world.friends(viewer, item.author):
        return Decision(False, Rule.STRANGER)
    if item.audience is Audience.PEOPLE:
        if viewer in item.people:
            return Decision(True, Rule.NAMED)
        return Decision(False, Rule.NOT_NAMED)
    if item.audience is Audience.FRIENDS:
        return Decision(True, Rule.FRIENDS)
    return Decision(False, Rule.UNKNOWN_AUDIENCE)


def _response(viewer: PersonId, item: ResponseItem, world: World) -> Decision:
    seen = _moment(viewer, item.moment, world)
    if not seen:
        return seen
    # Who lost the moment lost their place under it: author and writer who parted don't see each other there.
    if not _moment(item.writer, item.moment, world):
        return Decision(False, Rule.WRITER_OUTSIDE)
    if viewer == item.writer:
        return Decision(True, Rule.OWN)
    if viewer == item.moment.author:
        return Decision(True, Rule.TO_AUTHOR)
    if world.friends(viewer, item.writer):
        return Decision(True, Rule.FRIEND_OF_WRITER)
    return Decision(False, Rule.NOT_FRIEND_OF_WRITER)
