"""Cleaning of text that people, or their servers, wrote. Pure functions that take any `str`."""

import re

MAX_TEXT = 16_000
"""Characters of one inbound message that are accepted; longer ones are refused, never cut silently."""
MAX_ARGUMENT = 2_000
"""Characters that one argument of a catalogue text may take."""

# C0 and C1 controls but tab and line feed, unpaired surrogates, interlinear annotations, non-characters, BOM, ZWSP.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u200b\ufeff\ufff9-\ufffb\ufffe\uffff\ufdd0-\ufdef"
    + "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(1, 17))
    + "]"
)
# Embeddings, overrides and isolates change the order of what stands after them (Unicode UAX #9).
_BIDI_CONTROL = re.compile("[\u202a-\u202e\u2066-\u2069]")
# Marks are harmless inside running text of a right-to-left script, but not in names and other short arguments.
_BIDI_MARK = re.compile("[\u200e\u200f\u061c]")
_STRONG_RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
_LINE_BREAK = re.compile("\r\n|[\r\u0085\u2028\u2029]")
_STACKED_MARKS = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{4})"
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
_SPACES = re.compile(r"\s+")
_FALLBACK_START = re.compile(r"> (?:\* )?<@[^>\n]{1,255}>")

_FSI, _PDI = "\u2068", "\u2069"


def clean_text(text: str) -> str:
    """`text` without control characters, unpaired surrogates, bidi overrides and stacks of combining marks.

    Line breaks of every kind become a line feed; nothing else is changed.
    """
    text = _LINE_BREAK.sub("\n", text)
    text = _CONTROL.sub("", text)
    if text.isascii():
        return text
    return _STACKED_MARKS.sub(r"\1", _BIDI_CONTROL.sub("", text))


def clean_argument(text: str) -> str:
    """`text` as one line of at most MAX_ARGUMENT characters that can't reorder what stands around it.

    Right-to-left text is wrapped in a first-strong isolate (U+2068, U+2069); other text gets no such characters, so
    that ids and commands can be copied from an answer.
    """
    text = _BIDI_MARK.sub("", clean_text(shorten(text, MAX_ARGUMENT)))
    text = _SPACES.sub(" ", text).strip()
    return f"{_FSI}{text}{_PDI}" if _STRONG_RTL.search(text) else text


def shorten(text: str, limit: int) -> str:
    """`text` with at most `limit` characters, the last of them an ellipsis when something was cut off."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def strip_reply_fallback(body: str) -> str:
    """`body` of a reply without the quoted lines that older clients put before it.

    Only lines that look like the fallback are taken away (Matrix specification up to 1.12, "Fallbacks for rich
    replies"): what a person quoted by hand stays.
    """
    if not _FALLBACK_START.match(body):
        return body
    lines = body.split("\n")
    for index, line in enumerate(lines):
        if not line.startswith(">"):
            return "\n".join(lines[index:]).lstrip("\n")
    return ""
