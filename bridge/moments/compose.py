"""How a post is written: heads, then the text, each behind a |: `to AUDIENCE | at WHEN | cw WARNING | TEXT`. Each head
comes at most once, in any order. Pure.

All or nothing: what begins like a head and is none in full is refused with a word on why, and never taken for text.
"""

import json
import re
from dataclasses import dataclass, field, replace

from bridge.contacts.model import cleaned, folded, one_line
from bridge.errors import UserError
from bridge.moments.audience import (
    AudienceError,
    Called,
    Said,
    before_bar,
    looks_addressed,
    nobody,
    parse_addressed,
    without_to,
)
from bridge.moments.ends import parse_end
from bridge.moments.origin import Heads
from bridge.moments.place import Place, parse_geo
from bridge.moments.when import WhenError, looks_like_time, may_be_time, parse_when

MAX_WARNING = 200
"""Characters of a content warning."""
MIN_ANSWERS, MAX_ANSWERS, MAX_ANSWER = 2, 10, 80
"""Answers of a poll, and characters of each."""
_SEPARATOR = re.compile(r"[|｜\n]")
_SLASH = re.compile(r"[/／]")
_WARN = re.compile(r"(?:cw|内容警告|预警)(?![^\s|｜:：])[:：]?", re.IGNORECASE)
_AT = re.compile(r"(?:at(?=\s)|定时)\s*", re.IGNORECASE)
_POLL = re.compile(r"(?:poll|投票)(?![^\s|｜:：])[:：]?", re.IGNORECASE)
_ENDS = re.compile(r"(?:expire(?=\s)|到期)\s*", re.IGNORECASE)
_WHO = re.compile(r"(?:responses(?=\s)|回应)\s*", re.IGNORECASE)
_ALT = re.compile(r"(?:alt|图片说明)(?![^\s|｜:：])[:：]?", re.IGNORECASE)
_GEO = re.compile(r"geo:(?=[+-]?\d)", re.IGNORECASE)
_EXACT = re.compile(r"\s+(?:exact|精确)\s*$", re.IGNORECASE)
_LIKE_END = re.compile(r"\d|in \d|never|永不")
_ALIKE_END = re.compile(
    r"(?:today|tonight|tomorrow|in|on|at|by|after|next|this|an?|one|two|three|half|end|soon|later|noon|midnight"
    r"|(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?)(?!\w)"
)
"""What a time at which something ends may begin with, beside what is understood."""
_LIKE_ANSWERS = re.compile(r"[,，、;；]|\sor\s|还是", re.IGNORECASE)
"""What people put between answers who don't know that a / belongs there."""
RESPONSES_NOBODY = frozenset(("nobody", "none", "off", "没有人", "关"))
RESPONSES_ALL = frozenset(("all", "everybody", "everyone", "on", "所有人", "开"))


class ComposeError(UserError):
    """It can't be understood, so nothing may be published."""


@dataclass(frozen=True, slots=True)
class Composed:
    """A post in the words of its author. Nothing in it is looked up yet."""

    text: str
    to: Said | None = None
    """None: the author's usual audience."""
    warning: str | None = None
    """M12: what a reader is told before they open it."""
    at: int | None = None
    """M16: when it is to be published, ms; None: now."""
    poll: tuple[str, ...] = ()
    """M17: the answers to choose from."""
    expires: str | None = None
    """M11: when it ends, in words: they count from when it is published."""
    responses: str | None = None
    """M13: who may respond: `nobody`, `all` or a tag with its #."""
    place: Place | None = None
    """M14: as it was said; others get what is `shown` of it."""
    alt: str = ""
    """M15: what the picture shows."""
    heads: Heads = field(default=(), compare=False)
    """M9: all this but the text, as it was said, to tell whether an edit changes anything else."""


def parse_post(
    text: str, now: int, time_zone: str, *, picture: bool = False, called: Called = nobody, past: bool = False
) -> Composed:
    """Understand what follows `post`; `picture`: it is the caption of one; `called`: see `parse_audience`; `past`: its
    time may be over.

    Raises:
        ComposeError: a head is not understood in full, or the text begins like an audience without `to`.
    """
    composed, rest = Composed(""), cleaned(text)
    heads: dict[str, str] = {}
    while True:
        behind = without_to(rest) if composed.to is None else None
        if behind is not None:
            try:
                to, rest = parse_addressed(behind, called)
            except AudienceError as error:
                raise ComposeError(error.message_id, **({"value": error.value[:60]} if error.value else {})) from None
            composed = replace(composed, to=to)
            heads["to"] = json.dumps(to.to_json(), sort_keys=True)
        elif composed.warning is None and (head := _WARN.match(rest)):
            warning, rest = _split(rest[head.end() :], "warning-no-separator")
            composed = replace(composed, warning=checked_warning(warning))
            heads["cw"] = composed.warning or ""
        elif composed.at is None and (head := _AT.match(rest)) and _begins_with_time(rest, head, now, time_zone):
            when, rest = _split(rest[head.end() :], "when-no-separator")
            composed = replace(composed, at=checked_when(when, now, time_zone, past=past))
            heads["at"] = folded(when)
        elif not composed.poll and (head := _POLL.match(rest)) and _begins_with_answers(rest[head.end() :]):
            answers, rest = _split(rest[head.end() :], "poll-no-separator")
            composed = replace(composed, poll=checked_poll(answers))
            heads["poll"] = " / ".join(composed.poll)
        elif composed.expires is None and (head := _ENDS.match(rest)) and _begins_with_end(rest, head):
            ends, rest = _split(rest[head.end() :], "expire-no-separator")
            composed = replace(composed, expires=checked_end(ends, now, time_zone))
            heads["expire"] = composed.expires or ""
        elif composed.responses is None and (head := _WHO.match(rest)) and _begins_with_responders(rest, head):
            who, rest = _split(rest[head.end() :], "responses-no-separator")
            composed = replace(composed, responses=checked_responders(who))
            heads["responses"] = composed.responses or ""
        elif composed.place is None and _GEO.match(rest):
            said, rest = _split(rest, None)
            composed = replace(composed, place=checked_place(said))
            heads["geo"] = "" if composed.place is None else composed.place.shown.uri
        elif picture and not composed.alt and (head := _ALT.match(rest)):
            said, rest = _split(rest[head.end() :], None)
            composed = replace(composed, alt=one_line(said))
            heads["alt"] = composed.alt
        else:
            break
    if composed.to is None and looks_addressed(rest):
        raise ComposeError("audience-without-to")
    return replace(composed, text=rest, heads=tuple(sorted(heads.items())))


def checked_warning(text: str) -> str:
    """A content warning as it is kept.

    Raises:
        ComposeError: it is empty or too long.
    """
    warning = " ".join(cleaned(text).split())
    if not warning:
        raise ComposeError("warning-empty")
    if len(warning) > MAX_WARNING:
        raise ComposeError("warning-too-long", limit=MAX_WARNING)
    return warning


def checked_when(text: str, now: int, time_zone: str, *, past: bool = False) -> int:
    """A time to come, ms. `past`: or one that is over.

    Raises:
        ComposeError: it is none.
    """
    try:
        return parse_when(text, now, time_zone, past=past)
    except WhenError as error:
        raise ComposeError(error.message_id) from None


def checked_poll(text: str) -> tuple[str, ...]:
    """The answers of a poll, written with / between them.

    Raises:
        ComposeError: they are too few, too many or too long, or one is there twice.
    """
    answers = tuple(one_line(part) for part in _SLASH.split(text))
    if "" in answers or not MIN_ANSWERS <= len(answers) <= MAX_ANSWERS:
        raise ComposeError("poll-answers", least=MIN_ANSWERS, limit=MAX_ANSWERS)
    if any(len(answer) > MAX_ANSWER for answer in answers):
        raise ComposeError("poll-answer-long", limit=MAX_ANSWER)
    if len({folded(answer) for answer in answers}) < len(answers):
        raise ComposeError("poll-answer-twice")
    return answers


def checked_end(text: str, now: int, time_zone: str) -> str | None:
    """When it ends, in words that `parse_end` understands; None: never.

    Raises:
        UserError: it does not understand them.
    """
    words = " ".join(text.split())
    return None if parse_end(words, now, time_zone) is None else words


def looks_like_responders(text: str) -> bool:
    """Whether a text begins with a word that says who may respond."""
    word = folded(_SEPARATOR.split(text, maxsplit=1)[0])
    return word.startswith(("#", "＃")) or word in RESPONSES_NOBODY or word in RESPONSES_ALL


def checked_responders(text: str) -> str:
    """`nobody`, `all`, or a tag with its #.

    Raises:
        UserError: it is none of these.
    """
    word = text.strip()
    if word.startswith(("#", "＃")) and len(word) > 1:
        return f"#{word[1:]}"
    if folded(word) in RESPONSES_NOBODY:
        return "nobody"
    if folded(word) not in RESPONSES_ALL:
        raise UserError("responses-who")
    return "all"


def checked_place(text: str) -> Place:
    """A place: a geo URI, with `exact` behind it where it is not to be coarse.

    Raises:
        ComposeError: it is none.
    """
    exact = _EXACT.search(text)
    place = parse_geo(text[: exact.start()] if exact else text, exact=exact is not None)
    if place is None:
        raise ComposeError("place-unknown")
    return place


def _begins_with_time(rest: str, head: re.Match[str], now: int, time_zone: str) -> bool:
    behind = rest[head.end() :]
    if looks_like_time(behind):
        return True
    # Where a | follows, more may be a time: what was to come later must not come at once.
    said = before_bar(behind)
    return said is not None and (_is_alone(head) or may_be_time(said, now, time_zone))


def _begins_with_end(rest: str, head: re.Match[str]) -> bool:
    behind = rest[head.end() :]
    if _LIKE_END.match(folded(behind[:40])) is not None:
        return True
    # Where a separator follows, more may be one: what was to end must not stay for ever.
    if _is_alone(head) and before_bar(behind) is not None:
        return True
    return _SEPARATOR.search(behind) is not None and _ALIKE_END.match(folded(_first(behind))) is not None


def _begins_with_responders(rest: str, head: re.Match[str]) -> bool:
    behind = rest[head.end() :]
    if looks_like_responders(behind):
        return True
    said = before_bar(behind)
    return said is not None and (_is_alone(head) or len(said.split()) == 1)


def _begins_with_answers(behind: str) -> bool:
    if _SLASH.search(_first(behind)):
        return True
    said = before_bar(behind)
    return said is not None and _LIKE_ANSWERS.search(said) is not None


def _is_alone(head: re.Match[str]) -> bool:
    """Whether it is a Chinese head with a space behind it, as no text begins."""
    return head[0] != head[0].rstrip() and not head[0].isascii()


def _first(text: str) -> str:
    """What stands before the first separator."""
    return _SEPARATOR.split(text, maxsplit=1)[0]


def _split(text: str, missing: str | None) -> tuple[str, str]:
    """A head and what follows. `missing`: what is wrong without a separator; None: then all of it is the head."""
    separator = _SEPARATOR.search(text)
    if separator is None:
        if missing is None:
            return text, ""
        raise ComposeError(missing)
    return text[: separator.start()], text[separator.end() :].strip()
