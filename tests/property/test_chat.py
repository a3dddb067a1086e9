"""Whatever people send, parsing ends in arguments or a UserError, and what is rendered is safe and bounded."""

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.chat.catalogue import Catalogue
from bridge.chat.clean import clean_argument, clean_text, strip_reply_fallback
from bridge.chat.command import Command, Kind, Param, Request
from bridge.chat.commands import build_registry
from bridge.chat.grammar import WrongArguments, parse
from bridge.chat.inbound import Relation
from bridge.chat.people import People
from bridge.chat.prompts import number_of_reaction, number_of_text
from bridge.chat.reading import Reader
from bridge.chat.render import ATTRIBUTES, MAX_CONTENT, TAGS, URL_SCHEMES, relate, render
from bridge.chat.reply import NOTHING, Lines, Message, Reply, Text, Written
from bridge.ids import EventId, UserId, parse_user_id

pytestmark = pytest.mark.property

CATALOGUE = Catalogue.load(strict=True)


def nothing(request: Request) -> Reply:
    return NOTHING


_kinds = st.lists(st.sampled_from(Kind), min_size=1, max_size=3, unique=True).map(tuple)
_params = st.lists(st.builds(Param, st.sampled_from(["name", "note", "text"]), _kinds, st.booleans()), max_size=4).map(
    tuple
)
_commands = st.builds(Command, st.just("do it"), _params, st.just(nothing))

# Anything a `str` can hold, unpaired surrogates included, and what is special to the grammar or to Markdown.
_special = st.sampled_from(
    [
        *('"', "“", "”", "\\", "[x](", ")", "@bob:x.org", "https://matrix.to/#/", "%40", "%ff", "3", " ", "\n", "!"),
        *("**", "`", "<b>", "</blockquote>", "<img src=x onerror=y>", "](javascript:x)", "&lt;", "> ", "\u202e", "~~"),
        *(
            "\ue000",
            "0",
            "\ue001",
            "ping",
            "help",
            "friend add ",
            "> <@a:b> ",
            "1. ",
            "- ",
            "[a](https://x.org)",
            "שלום",
        ),
    ]
)
_text = st.lists(st.one_of(_special, st.text(max_size=8), st.characters()), max_size=40).map("".join)


class _Tags(HTMLParser):
    """Asserts that only allowed tags, attributes and schemes are there, and that everything is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS | {"p"}
        for name, value in attrs:
            assert name in ATTRIBUTES.get(tag, ())
            if name == "href":
                assert value is not None
                assert value.split(":")[0].casefold() in URL_SCHEMES
        if tag not in ("br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("br", "hr"):
            assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")


def check_html(html: str) -> None:
    tags = _Tags()
    tags.feed(html)
    tags.close()
    assert not tags.open


@given(_commands, _text)
def test_the_grammar_raises_nothing_but_user_errors(command: Command, text: str) -> None:
    try:
        args = parse(command, text)
    except WrongArguments as error:
        for language in ("en", "zh"):
            CATALOGUE.format(language, Text(error.message_id, {**error.args_, **error.texts}))
        return
    for name, value in args.items():
        kinds = {kind for param in command.params if param.name == name for kind in param.kinds}
        if isinstance(value, int):
            assert Kind.NUMBER in kinds
            assert value > 0
        else:
            assert value
            assert kinds & {Kind.WORD, Kind.REST} or parse_user_id(UserId(value))


@given(_text, st.booleans(), st.booleans(), st.booleans())
def test_reading_never_raises(text: str, reply: bool, mentioned: bool, dm: bool) -> None:
    add = Command("friend add", (Param("user", (Kind.USER,)),), nothing)
    reader = Reader(build_registry([add], People(), CATALOGUE), "!", max_text=150)
    relation = Relation(EventId("$x")) if reply else Relation()
    said = reader.read(text, relation, dm=dm, mentioned=mentioned)
    assert said.error is not None or said.command is not None
    said.text.encode()  # nothing that can't be sent is left
    number_of_text(text)
    number_of_reaction(text)


@given(_text)
def test_cleaning_is_idempotent_and_complete(text: str) -> None:
    cleaned = clean_text(text)
    assert clean_text(cleaned) == cleaned
    cleaned.encode()
    assert not set(cleaned) & set("\x00\r\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    strip_reply_fallback(cleaned)
    argument = clean_argument(text)
    assert "\n" not in argument
    assert argument.count("\u2068") == argument.count("\u2069") <= 1


_blocks = st.lists(
    st.one_of(
        st.builds(Written, _text),
        st.builds(lambda name: Text("help-unknown", {"name": name}), _text),
        st.builds(lambda name: Lines((Text("help-usage", {"usage": name}), Text("pong"))), _text),
    ),
    max_size=4,
).map(tuple)


@settings(deadline=None)
@given(_blocks, st.sampled_from(["en", "zh"]), st.integers(1, 3_000))
def test_what_is_rendered_is_safe_bounded_and_complete(blocks: Any, language: str, times: int) -> None:
    repeated = tuple(
        Written(block.markdown * min(times, 20_000 // (len(block.markdown) + 1) + 1))
        if isinstance(block, Written) and times > 2_000
        else block
        for block in blocks
    )
    content = render(Message(repeated), language, "UTC", CATALOGUE)
    assert content["m.mentions"] == {}
    size = len(json.dumps(content))
    assert size <= MAX_CONTENT + 300
    assert len(json.dumps(relate(content, replaces=EventId("$x")))) * 4 / 3 < 62_000
    json.dumps(content, ensure_ascii=False).encode()
    if "formatted_body" in content:
        check_html(content["formatted_body"])


@given(_text)
def test_an_argument_never_becomes_markup(name: str) -> None:
    shown = render(Message((Text("help-usage", {"usage": name}),)), "en", "UTC", CATALOGUE)
    tags = _Count()
    tags.feed(shown.get("formatted_body", "<code></code>"))
    tags.close()
    assert tags.seen == ["code"]
    assert tags.text.strip() in ("", clean_argument(name))


class _Count(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data
