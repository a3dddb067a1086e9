"""How an audience is written: `friends`, `public except #work`, `#family @bob:example.org`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from bridge.chat.grammar import parse_user
from bridge.contacts.model import folded
from bridge.ids import UserId
from bridge.privacy import Audience


@dataclass(frozen=True, slots=True)
class Said:
    """An audience in the words of its author. Nothing in it is looked up yet."""

    kind: Audience
    users: tuple[UserId, ...] = ()
    tags: tuple[str, ...] = ()
    """Names without #."""
    live: bool = False
    """Tags are followed: who is in them later sees it too."""
    except_users: tuple[UserId, ...] = ()
    except_tags: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As it is sealed."""
        return {
            "kind": self.kind.value,
            "users": list(self.users),
            "tags": list(self.tags),
            "live": self.live,
            "except_users": list(self.except_users),
            "except_tags": list(self.except_tags),
        }

    @staticmethod
    def of_json(value: Mapping[str, Any]) -> "Said":
        return Said(
            Audience(value["kind"]),
            tuple(UserId(user) for user in value["users"]),
            tuple(value["tags"]),
            value["live"],
            tuple(UserId(user) for user in value["except_users"]),
            tuple(value["except_tags"]),
        )


Called: TypeAlias = Callable[[str], UserId | None]


def nobody(word: str) -> UserId | None:
    """Nobody is called by any name."""
    return None


class AudienceError(Exception):
    """It can't be understood, so nothing may be published. `message_id` names the text that says why."""

    def __init__(self, message_id: str, value: str = "") -> None:
        super().__init__(message_id)
        self.message_id = message_id
        self.value = value


MAX_TAG = 40
"""Characters of a tag's name."""
_SEPARATOR = re.compile(r"[|｜\n]")
_LIKE_SEPARATOR = re.compile(r"[|｜\n¦ǀ│┃∣❘❙⏐︱￨]")
_COLON = re.compile("[:：]")
_TO = re.compile(r"to(?![^\s|｜,，、:：@#＃])[:：]?", re.IGNORECASE)
_LINK = re.compile(r"\[[^\]\n]{0,255}\]\((?P<link>[^()\s]{1,1024})\)")
_BETWEEN = re.compile(r"[\s,，、]+")
_KINDS = {
    **dict.fromkeys(("public", "everyone", "公开", "所有人"), Audience.PUBLIC),
    **dict.fromkeys(("friends", "all", "好友", "朋友"), Audience.FRIENDS),
    **dict.fromkeys(("private", "me", "私密", "自己"), Audience.PRIVATE),
}
_EXCEPT = frozenset(("except", "but", "除了", "不给"))
_LIVE = frozenset(("live", "跟随"))
_AND = frozenset(("and", "和", "&"))
_FOR = frozenset(("to", "for", "only", "just", "给", "发给", "只给", "仅"))
"""What may stand before an audience in the words of somebody who does not know the grammar."""


def without_to(text: str) -> str | None:
    """What follows `to`, when `text` begins with that word; None when it does not.

    `post` asks this too: however the words were spaced, a post that names an audience never goes to the default one.
    """
    match = _TO.match(text)
    return text[match.end() :] if match else None


def parse_addressed(text: str, called: Called = nobody) -> tuple[Said, str]:
    """Understand what follows `post to`: the audience, and the text behind the separator.

    Raises:
        AudienceError: there is no separator, or the audience is not understood in full.
    """
    separator = _SEPARATOR.search(text)
    head = text[: separator.start()] if separator else text
    if separator is None:
        words = _words(head)
        if words:
            try:
                parse_audience(head, called)  # say what is wrong with it before asking for a separator
            except AudienceError as error:
                # Where it begins like one, the text has probably begun: `to @bob How are you?`
                if error.message_id != "audience-unknown" or error.value == words[0]:
                    raise
        raise AudienceError("audience-no-separator")
    return parse_audience(head, called), text[separator.end() :].strip()


def parse_audience(text: str, called: Called = nobody) -> Said:
    """Understand an audience. All or nothing: no part of it is ever left out or widened. `called`: whom it means
    by a word like `@bob`.

    Raises:
        AudienceError: it is empty, a word is not understood, or words contradict each other.
    """
    kinds: list[Audience] = []
    users: tuple[list[UserId], list[UserId]] = ([], [])
    tags: tuple[list[str], list[str]] = ([], [])
    live = False
    out = 0
    words = _words(text)
    if not words:
        raise AudienceError("audience-missing")
    for word in words:
        plain = folded(word)
        user = parse_user(word) or (called(word) if word.startswith(("@", "＠")) else None)
        if user is not None:
            users[out].append(user)
        elif word.startswith(("#", "＃")) and 1 < len(word) <= MAX_TAG + 1:
            tags[out].append(word[1:])
        elif plain in _EXCEPT and not out:
            out = 1
        elif plain in _KINDS and not out:
            kinds.append(_KINDS[plain])
        elif plain in _LIVE and not out and tags[0]:
            live = True
        elif plain not in _AND or not (users[out] or tags[out]):
            raise AudienceError("audience-unknown", word)
    if out and not (users[1] or tags[1]):
        raise AudienceError("audience-except-whom")
    named = bool(users[0] or tags[0])
    if len(set(kinds)) > 1 or (kinds and named) or (Audience.PRIVATE in kinds and out):
        raise AudienceError("audience-mixed")
    if not kinds and not named:
        # `except @bob` alone: the widest that could be meant is not assumed.
        raise AudienceError("audience-missing")
    return Said(
        kinds[0] if kinds else Audience.PEOPLE,
        tuple(dict.fromkeys(users[0])),
        tuple(dict.fromkeys(tags[0])),
        live,
        tuple(dict.fromkeys(users[1])),
        tuple(dict.fromkeys(tags[1])),
    )


def before_bar(text: str) -> str | None:
    """What stands before the first separator; None: that is no |, but a line's end, or there is none."""
    separator = _SEPARATOR.search(text)
    return None if separator is None or separator[0] == "\n" else text[: separator.start()].strip()


def looks_addressed(text: str) -> bool:
    """Whether a text without `to` begins like one that names its audience, e.g. `private | …`: better ask. Far more is
    understood here than `parse_addressed` takes: what is doubtful must not go to all friends."""
    separator = _LIKE_SEPARATOR.search(text)
    if separator is not None and _names_audience(_words(text[: separator.start()])):
        return True
    # `private: …` too, but not `@bob: …`, which is how people speak.
    for colon in _COLON.finditer(text[: separator.start()] if separator else text):
        words = _words(text[: colon.start()])
        if not all(_is_audience_word(word) for word in words):
            return False
        if any(_KINDS.get(folded(word)) is Audience.PRIVATE or folded(word) in _EXCEPT for word in words):
            return True
    return False


def _names_audience(words: list[str]) -> bool:
    return all(_is_audience_word(word) for word in words) and any(
        folded(word) not in _FOR and folded(word) not in _AND for word in words
    )


def _is_audience_word(word: str) -> bool:
    plain = folded(word)
    if plain in _KINDS or plain in _EXCEPT or plain in _LIVE or plain in _AND or plain in _FOR:
        return True
    return plain.startswith(("#", "@")) or parse_user(word) is not None


def _words(text: str) -> list[str]:
    return [word for word in _BETWEEN.split(_LINK.sub(r" \g<link> ", text)) if word]
