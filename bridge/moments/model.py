"""Moments, comments and audiences as values; how an audience is written."""

import re
from dataclasses import dataclass

from bridge.chat.grammar import parse_user
from bridge.ids import PersonId, UserId
from bridge.privacy import Audience, MomentItem, ResponseItem


@dataclass(frozen=True, slots=True)
class MomentLimits:
    """Bounds. Lengths are in characters."""

    text: int = 4000
    text_bytes: int = 20_000
    """Of the text as JSON: with what stands around it, it must fit into one event."""
    comment: int = 1000
    comments_each: int = 100
    """Comments of one person on one moment."""
    named: int = 50
    """People that one moment may name."""
    page: int = 5
    likes_delay_ms: int = 60_000
    """How long likes are gathered before the author is told."""
    shown_names: int = 10
    shown_comments: int = 3
    whole_comments: int = 20
    """Comments that `moment N` shows."""
    shown_comment: int = 280
    """Characters of a comment that a feed shows."""


@dataclass(frozen=True, slots=True)
class Moment:
    id: int
    author: PersonId
    text: str
    audience: Audience | None
    """None: an audience that this version doesn't know, so nobody but the author."""
    people: frozenset[PersonId]
    created_at: int
    """ms"""
    edited_at: int | None
    damaged: bool = False
    """What was written can't be read any more: `text` is empty."""

    @property
    def item(self) -> MomentItem:
        """The moment as the policy knows it."""
        return MomentItem(self.author, self.audience, self.people)

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

    def item(self, moment: Moment) -> ResponseItem:
        """The comment as the policy knows it."""
        return ResponseItem(moment.item, self.writer)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: the ids in the order shown, newest first."""

    moments: tuple[int, ...]
    more: bool


# --- how an audience is written -----------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Addressed:
    """`post to AUDIENCE | TEXT`, understood: the audience, the people it names, the text."""

    audience: Audience
    users: tuple[UserId, ...]
    text: str


class AudienceError(Exception):
    """It can't be understood, so nothing may be published. `message_id` names the text that says why."""

    def __init__(self, message_id: str, value: str = "") -> None:
        super().__init__(message_id)
        self.message_id = message_id
        self.value = value


_SEPARATOR = re.compile(r"[|｜\n]")
_TO = re.compile(r"to(?![^\s|｜,，、:：@#])[:：]?", re.IGNORECASE)
_LINK = re.compile(r"\[[^\]\n]{0,255}\]\((?P<link>[^()\s]{1,1024})\)")
_BETWEEN = re.compile(r"[\s,，、]+")
_FRIENDS = frozenset(("friends", "好友", "朋友"))
_PRIVATE = frozenset(("private", "me", "私密", "自己"))
_LATER = frozenset(("public", "except", "everyone", "all", "公开", "除了", "所有人"))
_AND = frozenset(("and", "和", "&"))


def without_to(text: str) -> str | None:
    """What follows `to`, when `text` begins with that word; None when it does not.

    `post` asks this too: however the words were spaced, a post that names an audience never goes to the default one.
    """
    match = _TO.match(text)
    return text[match.end() :] if match else None


def parse_addressed(text: str) -> Addressed:
    """Understand what follows `post to`. All or nothing: no part of an audience is ever left out or widened.

    Raises:
        AudienceError: there is no separator, no audience, or a part of the audience that is not understood.
    """
    separator = _SEPARATOR.search(text)
    audience_text = text[: separator.start()] if separator else text
    words = [word for word in _BETWEEN.split(_LINK.sub(r" \g<link> ", audience_text)) if word]
    # Say what is not there yet before asking for a separator: that would only lead into the next refusal.
    for word in words:
        if word.casefold() in _LATER or word.startswith(("#", "＃")):
            raise AudienceError("audience-later", word)
    if separator is None:
        raise AudienceError("audience-no-separator")
    if not words:
        raise AudienceError("audience-missing")
    rest = text[separator.end() :].strip()
    if len(words) == 1 and words[0].casefold() in _FRIENDS:
        return Addressed(Audience.FRIENDS, (), rest)
    if len(words) == 1 and words[0].casefold() in _PRIVATE:
        return Addressed(Audience.PRIVATE, (), rest)
    users: list[UserId] = []
    for word in words:
        user = parse_user(word)
        if user is not None:
            users.append(user)
        elif word.casefold() not in _AND or not users:
            raise AudienceError("audience-unknown", word)
    return Addressed(Audience.PEOPLE, tuple(dict.fromkeys(users)), rest)


def looks_addressed(text: str) -> bool:
    """Whether a text without `to` begins like one that names its audience, e.g. `private | …`: better ask."""
    head, bar, _ = text.replace("｜", "|").partition("|")
    if not bar or "\n" in head or len(head) > 1000:
        return False
    try:
        parse_addressed(text)
    except AudienceError as error:
        return error.message_id == "audience-later" and len(head.split()) == 1
    return True


# --- reactions ----------------------------------------------------------------------------------------------
_LIKES = frozenset("❤♥🩷🧡💛💚💙🩵💜🤎🖤🩶🤍💕💖💗💓💞💘😍🥰👍👏🔥")
_IGNORED = re.compile("[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]")


def is_like(key: str) -> bool:
    """Whether a reaction with this key means "I like it": hearts, thumbs up, applause, in any skin tone."""
    return len(key) <= 16 and _IGNORED.sub("", key) in _LIKES
