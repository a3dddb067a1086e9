"""How a post is written: `to AUDIENCE | at WHEN | cw WARNING | TEXT`, each head at most once and in any order. Pure.

All or nothing: what begins like a head and is none in full is refused with a word on why, and never taken for text.
"""

import re
from dataclasses import dataclass, replace

from bridge.contacts.model import cleaned
from bridge.errors import UserError
from bridge.moments.audience import AudienceError, Said, looks_addressed, parse_addressed, without_to
from bridge.moments.when import WhenError, looks_like_time, parse_when

MAX_WARNING = 200
"""Characters of a content warning."""
_SEPARATOR = re.compile(r"[|｜\n]")
_WARN = re.compile(r"(?:cw|内容警告|预警)(?![^\s|｜:：])[:：]?", re.IGNORECASE)
_AT = re.compile(r"(?:at(?=\s)|定时)\s*", re.IGNORECASE)


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


def parse_post(text: str, now: int, time_zone: str) -> Composed:
    """Understand what follows `post`.

    Raises:
        ComposeError: a head is not understood in full, or the text begins like an audience without `to`.
    """
    composed, rest = Composed(""), cleaned(text)
    while True:
        behind = without_to(rest) if composed.to is None else None
        if behind is not None:
            try:
                to, rest = parse_addressed(behind)
            except AudienceError as error:
                raise ComposeError(error.message_id, **({"value": error.value[:60]} if error.value else {})) from None
            composed = replace(composed, to=to)
        elif composed.warning is None and (head := _WARN.match(rest)):
            warning, rest = _split(rest[head.end() :], "warning-no-separator")
            composed = replace(composed, warning=checked_warning(warning))
        elif composed.at is None and (head := _AT.match(rest)) and looks_like_time(rest[head.end() :]):
            when, rest = _split(rest[head.end() :], "when-no-separator")
            composed = replace(composed, at=checked_when(when, now, time_zone))
        else:
            break
    if composed.to is None and looks_addressed(rest):
        raise ComposeError("audience-without-to")
    return replace(composed, text=rest)


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


def checked_when(text: str, now: int, time_zone: str) -> int:
    """A time to come, ms.

    Raises:
        ComposeError: it is none.
    """
    try:
        return parse_when(text, now, time_zone)
    except WhenError as error:
        raise ComposeError(error.message_id) from None


def _split(text: str, missing: str) -> tuple[str, str]:
    separator = _SEPARATOR.search(text)
    if separator is None:
        raise ComposeError(missing)
    return text[: separator.start()], text[separator.end() :].strip()
