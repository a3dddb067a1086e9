"""Who may see what. One pure function decides; every read path asks it.

Everything that is not allowed by a rule is denied, a rule that denies wins over all that allow, and what is unknown
to the world counts as "no". Reading code may narrow what it loads, it never decides.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from bridge.ids import PersonId
from bridge.privacy.audience import Addressed, Audience
from bridge.privacy.rules import Decision, Rule, allow, deny

STRANGERS_SEE = 10
"""How many of the newest public moments a stranger sees, where their author lets strangers see any (P4)."""

Pair: TypeAlias = tuple[PersonId, PersonId]


# --- what is looked at --------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class MomentItem:
    """A moment with its text, pictures and the fact that it exists: in feeds, albums, searches, notices, links."""

    author: PersonId
    to: Addressed
    created_at: int = 0
    """ms"""
    expires_at: int | None = None
    """ms; None: never."""
    newer_public: int | None = None
    """How many newer public moments the author has; None: not known, so nothing for strangers."""


@dataclass(frozen=True, slots=True)
class ResponseItem:
    """A like or a comment of a moment; what is counted is the same as what is shown."""

    moment: MomentItem
    writer: PersonId


@dataclass(frozen=True, slots=True)
class ProfileItem:
    """A field of a profile."""

    owner: PersonId
    to: Addressed


@dataclass(frozen=True, slots=True)
class AccountItem:
    """The fact that this person uses Courtyard."""

    owner: PersonId


@dataclass(frozen=True, slots=True)
class FriendshipItem:
    """The fact that two people are friends."""

    a: PersonId
    b: PersonId


@dataclass(frozen=True, slots=True)
class NoteItem:
    """A tag with its members, or a remark about somebody: what a person keeps for themselves."""

    owner: PersonId


@dataclass(frozen=True, slots=True)
class RequestItem:
    """A friend request, its note included. `pending`: nobody answered it or took it back."""

    asker: PersonId
    asked: PersonId
    pending: bool


Item: TypeAlias = MomentItem | ResponseItem | ProfileItem | AccountItem | FriendshipItem | NoteItem | RequestItem


# --- what a decision knows ----------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Shows:
    """What a person shows in general."""

    window_ms: int | None = None
    """P1: how old a moment may be for others to see it, ms; None: however old."""
    strangers: bool = False
    """P4: strangers see the newest public moments."""


_NOTHING_SET = Shows()
_nothing: frozenset[Pair] = frozenset()


@dataclass(frozen=True, slots=True)
class World:
    """The facts that a decision may use. What is not in it is not so."""

    now: int = 0
    """ms"""
    links: frozenset[Pair] = _nothing
    """`(a, b)`: a counts b as a friend. People are friends when both directions are there."""
    blocks: frozenset[Pair] = _nothing
    """`(a, b)`: a blocks b (I7)."""
    chats_only: frozenset[Pair] = _nothing
    """`(a, b)`: for a, b is a friend for chats only (I6)."""
    shut_out: frozenset[Pair] = _nothing
    """`(a, b)`: a does not let b see what is a's, by name or by a tag (P2)."""
    hidden: frozenset[Pair] = _nothing
    """`(a, b)`: a does not want to see what is b's (P3)."""
    tagged: frozenset[tuple[int, PersonId]] = frozenset()
    """`(tag, member)`, of the tags that audiences name."""
    shows: Mapping[PersonId, Shows] = field(default_factory=dict)

    @staticmethod
    def of_friends(pairs: Iterable[Pair]) -> "World":
        """A world in which each pair is friends."""
        return World(links=frozenset(link for a, b in pairs for link in ((a, b), (b, a))))

    def friends(self, a: PersonId, b: PersonId) -> bool:
        return a != b and (a, b) in self.links and (b, a) in self.links

    def in_tags(self, person: PersonId, tags: frozenset[int]) -> bool:
        return any((tag, person) in self.tagged for tag in tags)

    def known_to(self, owner: PersonId) -> "World":
        """The world as `owner` may know it: without what others decided in silence about seeing them. `why` and
        `view as` ask it, or they would tell who hides or blocks their owner."""

        def own(pairs: frozenset[Pair]) -> frozenset[Pair]:
            return frozenset(pair for pair in pairs if pair[1] != owner)

        return replace(self, blocks=own(self.blocks), chats_only=own(self.chats_only), hidden=own(self.hidden))


# --- the decision -------------------------------------------------------------------------------------------
def may_see(viewer: PersonId, item: Item, world: World) -> Decision:
    """Whether `viewer` may learn of `item` at all; its content, its existence and its being counted go together."""
    match item:
        case MomentItem():
            return _moment(viewer, item, world)
        case ResponseItem():
            return _response(viewer, item, world)
        case ProfileItem():
            return _field(viewer, item, world)
        case AccountItem(owner):
            if viewer == owner:
                return allow(Rule.OWN)
            # Also where one blocks the other: a block looks like a friend who shows nothing.
            return allow(Rule.ACCOUNT_TO_FRIENDS) if world.friends(viewer, owner) else deny(Rule.STRANGER)
        case FriendshipItem(a, b):
            return allow(Rule.FRIENDSHIP) if viewer in (a, b) and world.friends(a, b) else deny(Rule.DEFAULT)
        case NoteItem(owner):
            return allow(Rule.OWN) if viewer == owner else deny(Rule.OWNERS_NOTES)
        case RequestItem():
            return _request(viewer, item, world)
    return deny(Rule.DEFAULT)  # type: ignore[unreachable]  # an item of a later version


def _moment(viewer: PersonId, item: MomentItem, world: World) -> Decision:
    author, to = item.author, item.to
    if item.expires_at is not None and item.expires_at <= world.now:
        return deny(Rule.EXPIRED)
    if viewer == author:
        return allow(Rule.OWN)
    # Denials first, the widest before the narrower ones.
    if (author, viewer) in world.blocks:
        return deny(Rule.BLOCKED)
    if (viewer, author) in world.blocks:
        return deny(Rule.BLOCKED_BY_VIEWER)
    if to.kind is Audience.PRIVATE:
        return deny(Rule.PRIVATE)
    if to.kind is None:
        return deny(Rule.UNKNOWN_AUDIENCE)
    if (author, viewer) in world.chats_only:
        return deny(Rule.CHATS_ONLY)
    if (viewer, author) in world.chats_only:
        return deny(Rule.CHATS_ONLY_BY_VIEWER)
    if (author, viewer) in world.shut_out:
        return deny(Rule.SHUT_OUT)
    if (viewer, author) in world.hidden:
        return deny(Rule.HIDDEN)
    if viewer in to.except_people:
        return deny(Rule.EXCLUDED)
    if world.in_tags(viewer, to.except_tags):
        return deny(Rule.EXCLUDED_TAG)
    shows = world.shows.get(author, _NOTHING_SET)
    if shows.window_ms is not None and item.created_at < world.now - shows.window_ms:
        return deny(Rule.WINDOW)
    if not world.friends(viewer, author):
        if to.kind is not Audience.PUBLIC:
            return deny(Rule.STRANGER)
        if not shows.strangers:
            return deny(Rule.STRANGERS_OFF)
        if item.newer_public is None or item.newer_public >= STRANGERS_SEE:
            return deny(Rule.STRANGERS_OLDER)
        return allow(Rule.STRANGERS)
    match to.kind:
        case Audience.PUBLIC:
            return allow(Rule.PUBLIC)
        case Audience.FRIENDS:
            return allow(Rule.FRIENDS)
        case Audience.PEOPLE:
            if viewer in to.people:
                return allow(Rule.NAMED)
            return allow(Rule.TAGGED) if world.in_tags(viewer, to.tags) else deny(Rule.NOT_NAMED)
    return deny(Rule.DEFAULT)  # type: ignore[unreachable]  # an audience of a later version


def _response(viewer: PersonId, item: ResponseItem, world: World) -> Decision:
    moment, writer = item.moment, item.writer
    seen = _moment(viewer, moment, world)
    if not seen:
        return seen
    # Who lost the moment lost their place under it: author and writer who parted don't see each other there. But what
    # the writer decided about their own eyes stays undetectable: it takes nothing away from others.
    known = writer == moment.author or world.friends(writer, moment.author)
    if not known or not _moment(writer, moment, world.known_to(moment.author)):
        return deny(Rule.WRITER_OUTSIDE)
    if viewer == writer:
        return allow(Rule.OWN)
    if (viewer, writer) in world.blocks:
        return deny(Rule.WRITER_BLOCKED)
    if viewer == moment.author:
        return allow(Rule.TO_AUTHOR)
    if not world.friends(viewer, writer):
        return deny(Rule.NOT_FRIEND_OF_WRITER)
    pair = (writer, viewer)
    # To the viewer a block looks like somebody who shows them nothing any more.
    if (
        pair in world.shut_out
        or pair in world.blocks
        or pair in world.chats_only
        or (viewer, writer) in world.chats_only
    ):
        return deny(Rule.WRITER_SHUT_OUT)
    return allow(Rule.FRIEND_OF_WRITER)


def _field(viewer: PersonId, item: ProfileItem, world: World) -> Decision:
    owner, to = item.owner, item.to
    if viewer == owner:
        return allow(Rule.OWN)
    if (owner, viewer) in world.blocks:
        return deny(Rule.BLOCKED)
    if (viewer, owner) in world.blocks:
        return deny(Rule.BLOCKED_BY_VIEWER)
    if to.kind is None or to.kind is Audience.PRIVATE:
        return deny(Rule.FIELD_PRIVATE)
    if viewer in to.except_people or world.in_tags(viewer, to.except_tags):
        return deny(Rule.FIELD_LEFT_OUT)
    if to.kind is Audience.PUBLIC:
        return allow(Rule.FIELD_EVERYONE)
    if not world.friends(viewer, owner):
        return deny(Rule.STRANGER)
    if to.kind is Audience.FRIENDS:
        return allow(Rule.FIELD_FRIENDS)
    if viewer in to.people or world.in_tags(viewer, to.tags):
        return allow(Rule.FIELD_TAGGED)
    return deny(Rule.FIELD_LEFT_OUT)


def _request(viewer: PersonId, item: RequestItem, world: World) -> Decision:
    if not item.pending:
        return deny(Rule.NOT_PENDING)
    if viewer == item.asker:
        return allow(Rule.OWN)
    if viewer != item.asked:
        return deny(Rule.DEFAULT)
    if (item.asked, item.asker) in world.blocks:
        return deny(Rule.BLOCKED)
    return allow(Rule.ASKED)
