"""Moments, comments and pages as values."""

import re
from dataclasses import dataclass

from bridge.ids import PersonId
from bridge.moments.content import Content
from bridge.privacy import Addressed, MomentItem, ResponseItem

LIKES = "❤♥🩷🧡💛💚💙🩵💜🤎🖤🩶🤍💕💖💗💓💞💘😍🥰👍👏🔥"
"""Emoji that mean "I like it" where nothing else is configured."""


@dataclass(frozen=True, slots=True)
class MomentLimits:
    """Bounds. Lengths are in characters."""

    text: int = 4000
    text_bytes: int = 20_000
    """Of the text as JSON: with what stands around it, it must fit into one event."""
    pictures: int = 9
    """Pictures of one moment, at most 9: each has a kind of copies of its own."""
    alt: int = 500
    comment: int = 1000
    comments_each: int = 100
    """Comments of one person on one moment."""
    named: int = 50
    """People and tags that one moment may name, and as many that it may leave out."""
    undo_ms: int = 30_000
    """How long a post, a deletion or a change of privacy can be taken back. 0: not at all."""
    gone_ms: int = 30 * 24 * 3_600_000
    """How long it is remembered for whom a moment was that is gone: as long as taking back is tried."""
    kept_days: int | None = None
    """When the operator lets moments go, of those without a limit of their own. Then each gets a key of its own, to be
    destroyed with it."""
    drafts: int = 20
    """Drafts of one person, scheduled posts counted in."""
    draft_texts: int = 50
    """Texts that one draft gathers."""
    draft_ms: int = 7 * 24 * 3_600_000
    """How long a draft is kept that nobody touches."""
    gather_ms: int = 3_600_000
    """How long after the last of it a draft is open for more."""
    schedule_ms: int = 30 * 24 * 3_600_000
    """How far ahead a post may be scheduled."""
    confirm_wider: bool = True
    """A post for others than the last one is asked about first."""
    reviewed: int = 20_000
    """Decisions that are made to say what a change of privacy changes; beyond, it says "at least"."""
    page: int = 5
    compact_page: int = 10
    """Moments of a page that is one event."""
    likes: frozenset[str] = frozenset(LIKES)
    """Reactions that count as likes: single characters, without skin tones and variation selectors."""
    searched: int = 500
    """Of so many of the newest moments that somebody sees a search looks at the texts."""
    likes_delay_ms: int = 60_000
    """How long likes are gathered before the author is told."""
    digest_minute: int = 18 * 60
    """When the digest comes, for who chose no time: minute of the day, in everybody's own zone."""
    shown_names: int = 10
    shown_comments: int = 3
    whole_comments: int = 20
    """Comments that `moment N` shows."""
    shown_comment: int = 280
    """Characters of a comment that a feed shows."""
    shown_text: int = 280
    """Characters of a text that a page in one event shows."""


@dataclass(frozen=True, slots=True)
class Moment:
    id: int
    author: PersonId
    content: Content
    to: Addressed
    named_tags: frozenset[int]
    """Tags that were named when it was posted; who was in them then is in `to.people`."""
    created_at: int
    """ms"""
    edited_at: int | None
    damaged: bool = False
    """What was written can't be read any more: `content` is empty."""
    expires_at: int | None = None
    """ms; None: never."""
    key: int | None = None
    """Id of its own key (see `bridge.db.two_keys`); None: what was written is under its author's key alone."""

    @property
    def text(self) -> str:
        return self.content.text

    @property
    def item(self) -> MomentItem:
        """The moment as the policy knows it, for friends of the author: strangers need `newer_public` too."""
        return MomentItem(self.author, self.to, self.created_at, self.expires_at)

    def item_for_strangers(self, newer_public: int) -> MomentItem:
        """The same for a stranger who may see this many newer public moments of the author."""
        return MomentItem(self.author, self.to, self.created_at, self.expires_at, newer_public)

    @property
    def position(self) -> "Position":
        return Position(self.created_at, self.id)


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Place of a moment in time; the later one is greater."""

    created_at: int
    id: int


@dataclass(frozen=True, slots=True)
class Comment:
    id: int
    moment_id: int
    writer: PersonId
    answer_to: int | None
    text: str
    created_at: int
    damaged: bool = False
    mentions: tuple[PersonId, ...] = ()

    def item(self, moment: MomentItem) -> ResponseItem:
        """The comment as the policy knows it."""
        return ResponseItem(moment, self.writer)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: the ids in the order shown, newest first."""

    moments: tuple[int, ...]
    more: bool
    end: Position | None = None
    """Of the last of them."""


# --- reactions ----------------------------------------------------------------------------------------------
_IGNORED = re.compile("[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]")


def is_like(key: str, likes: frozenset[str]) -> bool:
    """Whether a reaction with this key means "I like it": one of `likes`, in any skin tone."""
    return len(key) <= 16 and _IGNORED.sub("", key) in likes
