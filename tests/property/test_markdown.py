"""Markdown of strangers: whatever they write, what others' clients get is their text, inert, and inside its frame."""

import json
import time
from html.parser import HTMLParser
from urllib.parse import urlparse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.chat.catalogue import Catalogue
from bridge.chat.clean import clean_text
from bridge.chat.render import ATTRIBUTES, MAX_MARKDOWN, TAGS, URL_SCHEMES, render, render_written
from bridge.chat.reply import Hidden, Message, Text, Written

CATALOGUE = Catalogue.load(strict=True)
_VOID = {"br", "hr"}

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<mx-reply>somebody said</mx-reply>",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt&colon;alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:x)",
    "[x](//evil.example/x)",
    "[x](/etc/passwd)",
    "[x](  \tjavascript:alert(1))",
    "[x](<javascript:alert(1)>)",
    "![x](https://evil.example/see-who-reads.png)",
    "![x](mxc://evil.example/picture)",
    "[![x](https://evil.example/a.png)](https://evil.example)",
    '<https://evil.example/" onmouseover="alert(1)>',
    '[x](https://evil.example/"onmouseover="alert(1))',
    "[x](https://evil.example 'title\" onclick=\"x')",
    "[x]: javascript:alert(1)\n\n[x]",
    "</blockquote></p><h1>#1 · @alice:x.org</h1>",
    "> quote\n</blockquote>\noutside",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;",
    "<span data-mx-spoiler>x</span>",
    "</span><b>shown</b>",
    "<font color=red data-mx-color=red>x</font>",
    "@room everybody up",
    "[@alice:x.org](https://matrix.to/#/@alice:x.org)",
    "[click](matrix:u/alice:x.org)",
    "<style>*{display:none}</style>",
    "<iframe src=https://evil.example></iframe>",
    "<svg/onload=alert(1)>",
    "<!-- comment --> <![CDATA[x]]> <?php x ?>",
    "```html\n<script>alert(1)</script>\n```",
    "`</code><script>alert(1)</script>`",
    "\u202ereversed \u2066isolated",
    "null\x00byte \x1b[31mred",
    "\ue0000\ue001 tokens of the catalogue",
    "**bold*_ __nested **_`mixed~~",
    "- " * 500,
]
BOMBS = [
    "[" * 6000,
    "](" * 3000,
    "*" * 6000,
    "*a " * 2000,
    "_*" * 3000,
    "`" * 5999 + "a",
    "<" * 6000,
    ">" * 6000,
    "> " * 3000,
    "- " * 3000,
    "1. " * 2000,
    "![" * 3000,
    "[a](" * 1500,
    "a**b" * 1500,
    "\\" * 6000,
    "~~" * 3000,
    "# " * 3000,
    "\n" * 6000,
    "&amp;" * 1200,
    "<a " * 2000,
    "[x](<" * 1200,
    "".join(f"{'  ' * n}- x\n" for n in range(70)),
    "".join("`" * n + " " for n in range(1, 108)),
]


class _Tree(HTMLParser):
    """Reads HTML as a client does, and asserts what it may consist of."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.text: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS | {"span"}, tag
        allowed = ATTRIBUTES.get(tag, frozenset()) | ({"data-mx-spoiler"} if tag == "span" else set())
        for name, value in attrs:
            assert name in allowed, (tag, name)
            if name == "href":
                assert value is not None
                assert urlparse(value.strip()).scheme in URL_SCHEMES, value
                self.links.append(value)
        if tag not in _VOID:
            self.open.append(tag)
        assert len(self.open) < 60

    def handle_endtag(self, tag: str) -> None:
        assert self.open, "more is closed than was opened"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append((data, tuple(self.open)))

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError("a declaration")

    def handle_pi(self, data: str) -> None:
        raise AssertionError("an instruction")


def tree(html: str) -> _Tree:
    parser = _Tree()
    parser.feed(html)
    parser.close()
    assert not parser.open, "all that was opened is closed"
    return parser


def shown(text: str) -> dict[str, object]:
    """A moment as it is sent: a head, what its author wrote, and what the bot says below."""
    blocks = (Text("page-text", {"text": "HEAD"}), Written(text), Text("page-text", {"text": "FOOT"}))
    return render(Message(blocks), "en", "UTC", CATALOGUE)


def check(text: str) -> None:
    start = time.process_time()
    content = shown(text)
    assert time.process_time() - start < 20, "it does not hang"
    assert content["m.mentions"] == {}, "nobody is pinged by what somebody writes"
    assert len(json.dumps(content)) <= 40_000
    html = content.get("formatted_body")
    assert isinstance(html, str)
    read = tree(html)
    # What the author wrote stands in a quote, and nothing else does: it can't pass for a line of the bot.
    inside = [where for data, where in read.text if data.strip() and data.strip() not in ("HEAD", "FOOT")]
    assert all("blockquote" in where for where in inside)
    for word in ("HEAD", "FOOT"):
        assert [where for data, where in read.text if data.strip() == word][0 if word == "HEAD" else -1] == ("p",)
    # The plain text is what was typed.
    body = content["body"]
    assert isinstance(body, str)
    if len(text) < 3000:
        assert clean_text(text).strip("\n") in body
    written = render_written(text)
    assert (written is None) == (len(clean_text(text)) > MAX_MARKDOWN)


@pytest.mark.hostile
@pytest.mark.parametrize("text", ATTACKS)
def test_what_is_written_to_do_harm_does_none(text: str) -> None:
    check(text)
    check(f"> {text}\n\n- {text}\n\n**{text}**")


@pytest.mark.hostile
@pytest.mark.parametrize("text", BOMBS, ids=lambda text: text[:8].strip())
def test_what_is_written_to_take_long_does_not(text: str) -> None:
    check(text)


_pieces = st.sampled_from(
    [*ATTACKS, *"[]()*_`~<>#-!|\\&\n\"' ", "https://x.org", "javascript:", "\n\n", "@room", "é", "中"]
)


@pytest.mark.property
@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(_pieces, st.text(max_size=20)), max_size=40).map("".join))
def test_anything_is_inert(text: str) -> None:
    check(text or "x")


@pytest.mark.property
@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(_pieces, st.text(max_size=20)), max_size=20).map("".join), st.text(max_size=60))
def test_what_is_hidden_stays_hidden(text: str, reason: str) -> None:
    """All of a text behind a warning is in the spoiler, whatever it consists of, and none of it in the plain text."""
    secret = f"planted-4be1{text}planted-4be1"
    message = Message(
        (Text("page-text", {"text": "HEAD"}), Hidden(secret, reason), Text("page-text", {"text": "FOOT"}))
    )
    content = render(message, "en", "UTC", CATALOGUE)
    assert "planted-4be1" not in content["body"]
    read = tree(content["formatted_body"])
    hidden = [where for data, where in read.text if data.strip() and data.strip() not in ("HEAD", "FOOT")]
    assert hidden
    assert all("span" in where for where in hidden)
