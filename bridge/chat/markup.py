"""The two marks that texts of the catalogue may use: `**bold**` and `` `code` ``. Arguments never take part.

A text is formatted with opaque tokens in the place of its arguments; the tokens are replaced last, in one pass, so
that nothing in an argument can become markup.
"""

import re
from collections.abc import Sequence
from html import escape

from bridge.chat.clean import clean_argument

_OPEN, _CLOSE = "\ue000", "\ue001"
_TOKEN = re.compile(f"{_OPEN}([0-9]+){_CLOSE}")
_MARK = re.compile(r"\*\*(?P<bold>[^*]+)\*\*|`(?P<code>[^`\n]+)`")


def token(index: int) -> str:
    """What stands for argument `index` in a template. Private-use characters: no text of the catalogue has them."""
    return f"{_OPEN}{index}{_CLOSE}"


def to_plain(template: str, arguments: Sequence[str]) -> str:
    """The plain text: bold marks go, code marks stay, since they show what is to be typed."""
    text = _MARK.sub(lambda m: m["bold"] if m["bold"] is not None else m[0], template)
    return _TOKEN.sub(lambda m: clean_argument(arguments[int(m[1])]), text)


def to_html(template: str, arguments: Sequence[str]) -> str:
    """HTML of inline elements and `<br>`; every argument is escaped."""

    def mark(match: re.Match[str]) -> str:
        return f"<strong>{match['bold']}</strong>" if match["bold"] is not None else f"<code>{match['code']}</code>"

    html = _MARK.sub(mark, escape(template, quote=False)).replace("\n", "<br>")
    return _TOKEN.sub(lambda m: escape(clean_argument(arguments[int(m[1])]), quote=False), html)
