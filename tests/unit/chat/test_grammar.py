"""Words, quotes, links, names."""

import pytest

from bridge.chat import grammar
from bridge.chat.clean import clean_text, strip_reply_fallback
from bridge.chat.command import Command, Kind, Param, Request
from bridge.chat.commands import build_registry, find_time_zone
from bridge.chat.grammar import WrongArguments, parse, parse_number, parse_user
from bridge.chat.people import People
from bridge.chat.reply import NOTHING, Reply
from tests.unit.chat.harness import CATALOGUE


def nothing(request: Request) -> Reply:
    return NOTHING


ADD = Command("friend add", (Param("user", (Kind.USER,)), Param("note", (Kind.REST,), required=False)), nothing)
ACCEPT = Command("friend accept", (Param("who", (Kind.USER, Kind.NUMBER)),), nothing)
SET = Command("profile set", (Param("field", (Kind.WORD,)), Param("value", (Kind.REST,))), nothing)
SHOW = Command("profile", (Param("user", (Kind.USER,), required=False),), nothing)
TWO = Command("two", (Param("first", (Kind.WORD,)), Param("second", (Kind.WORD,), required=False)), nothing)


def usage(command: Command, language: str = "en") -> str:
    return CATALOGUE.format(language, grammar.usage(command))


def test_usage_reads_like_the_documentation() -> None:
    assert usage(ADD) == "friend add @user [note]"
    assert usage(ACCEPT) == "friend accept @user|N"
    assert usage(SET) == "profile set FIELD VALUE"
    assert usage(SHOW) == "profile [@user]"
    assert [usage(command, "zh") for command in (ADD, ACCEPT, SET)] == [
        "friend add @用户 [附言]",
        "friend accept @用户|编号",
        "profile set 字段 内容",
    ]


@pytest.mark.parametrize(
    ("command", "text", "args"),
    [
        (ADD, " @bob:x.org", {"user": "@bob:x.org"}),
        (ADD, " @bob:x.org: hello\n there ", {"user": "@bob:x.org", "note": "hello\n there"}),
        (ADD, ' "@bob:x.org" "as written"', {"user": "@bob:x.org", "note": '"as written"'}),
        (ADD, " https://matrix.to/#/@bob:x.org", {"user": "@bob:x.org"}),
        (ADD, " <b>".replace("<b>", "https://matrix.to/#/%40bob%3Ax.org?via=x.org"), {"user": "@bob:x.org"}),
        (ADD, " [Bob B.](https://matrix.to/#/@bob:x.org) hi", {"user": "@bob:x.org", "note": "hi"}),
        (ADD, " matrix:u/bob:x.org?action=chat", {"user": "@bob:x.org"}),
        (ACCEPT, " 3", {"who": 3}),
        (ACCEPT, " #３", {"who": 3}),
        (ACCEPT, " @bob:[::1]:8448", {"who": "@bob:[::1]:8448"}),
        (SET, " name  Alice  B", {"field": "name", "value": "Alice  B"}),
        (SHOW, "  ", {}),
        (TWO, ' "a b" “c d”', {"first": "a b", "second": "c d"}),
        (TWO, r' "a \"b\" \\"', {"first": 'a "b" \\'}),
        (TWO, ' 5" it"s', {"first": '5"', "second": 'it"s'}),
    ],
)
def test_arguments(command: Command, text: str, args: dict[str, object]) -> None:
    assert parse(command, text) == args


@pytest.mark.parametrize(
    ("command", "text", "error"),
    [
        (ADD, "", "missing-argument"),
        (ADD, " bob", "bad-user"),
        (ACCEPT, " 0", "bad-user-or-number"),
        (ACCEPT, " 99999999999", "bad-user-or-number"),
        (ACCEPT, " 3 4", "too-many-arguments"),
        (TWO, ' "a b', "unclosed-quote"),
        (TWO, ' ""', "missing-argument"),
        (SHOW, " https://matrix.to/#/%FF", "bad-user"),
        (SHOW, " https://matrix.to/#/!room:x.org", "bad-user"),
    ],
)
def test_refusals_show_the_usage(command: Command, text: str, error: str) -> None:
    with pytest.raises(WrongArguments) as caught:
        parse(command, text)
    assert caught.value.message_id == error
    assert caught.value.texts["usage"] == grammar.usage(command)


def test_numbers() -> None:
    assert [parse_number(t) for t in ("1", "007", "#3", "＃４")] == [1, 7, 3, 4]
    assert [parse_number(t) for t in ("²", "-1", "1.5", "", "#", "##1", "2147483648")] == [None] * 7
    assert parse_user("@a:b.") == "@a:b"
    assert parse_user("@a") is None


def test_names_take_the_longest_match_on_one_line() -> None:
    post, post_to = Command("post", (), nothing), Command("post to", (), nothing)
    registry = build_registry([post, post_to, ADD], People(), CATALOGUE)
    found = registry.find("POST  to friends | x")
    assert found is not None
    assert (found.command, found.rest) == (post_to, " friends | x")
    found = registry.find("post\nto the moon")
    assert found is not None
    assert (found.command, found.rest) == (post, "\nto the moon")
    assert registry.find("poster") is None
    assert registry.get("帮助") is registry.get("help")
    assert registry.get("help me") is None
    glued = registry.find("时区@x")
    assert glued is not None
    assert glued.rest == "@x"
    assert registry.suggest("frined add x") == ("friend add",)
    assert registry.suggest("freind") == ()
    assert registry.suggest("psot") == ("post",)
    assert registry.suggest("something else entirely") == ()
    assert registry.suggest("x" * 100_000) == ()


def test_two_commands_cannot_share_a_name() -> None:
    with pytest.raises(ValueError, match="帮助"):
        build_registry([Command("帮助", (), nothing)], People(), CATALOGUE)


def test_time_zones() -> None:
    assert find_time_zone("europe/berlin") == "Europe/Berlin"
    assert find_time_zone("New York") == "America/New_York"
    assert find_time_zone("../../etc/passwd") is None


def test_cleaning() -> None:
    assert clean_text("a\x00\x07\x9f\ud800\u202e\u2066b\r\nc\u2028d\te") == "ab\nc\nd\te"
    assert clean_text("e" + "\u0301" * 1000) == "e" + "\u0301" * 4
    family = "👨\u200d👩\u200d👧"
    assert clean_text(family) == family


def test_only_a_real_fallback_is_stripped() -> None:
    assert strip_reply_fallback("> <@a:b> one\n> two\n\nanswer\n> mine") == "answer\n> mine"
    assert strip_reply_fallback("> * <@a:b> waves\n\nanswer") == "answer"
    assert strip_reply_fallback("> a quote\n\nanswer") == "> a quote\n\nanswer"
    assert strip_reply_fallback("> <@a:b> alone") == ""
