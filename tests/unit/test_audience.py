"""How an audience is written: what is understood, and that nothing ever goes to more people than was said."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.ids import UserId
from bridge.moments.audience import (
    AudienceError,
    Said,
    looks_addressed,
    parse_addressed,
    parse_audience,
    without_to,
)
from bridge.privacy import Audience

BOB, CAROL = UserId("@bob:x.org"), UserId("@carol:x.org")
PEOPLE, FRIENDS, PUBLIC, PRIVATE = Audience.PEOPLE, Audience.FRIENDS, Audience.PUBLIC, Audience.PRIVATE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("friends", Said(FRIENDS)),
        ("all", Said(FRIENDS)),
        ("Friends, friends", Said(FRIENDS)),
        ("public", Said(PUBLIC)),
        ("everyone", Said(PUBLIC)),
        ("private", Said(PRIVATE)),
        ("ME", Said(PRIVATE)),
        ("ｐｒｉｖａｔｅ", Said(PRIVATE)),
        *(
            (word, Said(kind))
            for kind, words in {PUBLIC: "公开 所有人", FRIENDS: "好友 朋友"}.items()
            for word in words.split()
        ),
        *((word, Said(PRIVATE)) for word in ("私密", "自己")),
        ("@bob:x.org", Said(PEOPLE, (BOB,))),
        ("@bob:x.org, @carol:x.org、@bob:x.org", Said(PEOPLE, (BOB, CAROL))),
        ("@bob:x.org and @carol:x.org", Said(PEOPLE, (BOB, CAROL))),
        ("@bob:x.org 和 @carol:x.org", Said(PEOPLE, (BOB, CAROL))),
        ("@bob:x.org和 @carol:x.org", None),
        ("#a", Said(PEOPLE, (), ("a",))),
        ("#a except #b live", "audience-unknown"),
        ("[Bob](https://matrix.to/#/@bob:x.org)", Said(PEOPLE, (BOB,))),
        ("#family & @bob:x.org", Said(PEOPLE, (BOB,), ("family",))),
        ("＃家人 ，#work", Said(PEOPLE, (), ("家人", "work"))),
        ("#family #family", Said(PEOPLE, (), ("family",))),
        ("#family live", Said(PEOPLE, (), ("family",), True)),
        ("#family 跟随 @bob:x.org", Said(PEOPLE, (BOB,), ("family",), True)),
        ("friends except @bob:x.org", Said(FRIENDS, except_users=(BOB,))),
        ("public but #work and @bob:x.org", Said(PUBLIC, except_users=(BOB,), except_tags=("work",))),
        ("好友 除了 #work", Said(FRIENDS, except_tags=("work",))),
        ("好友 不给 #work #work", Said(FRIENDS, except_tags=("work",))),
        ("#family live except #work", Said(PEOPLE, (), ("family",), True, (), ("work",))),
        ("#family except @bob:x.org @bob:x.org", Said(PEOPLE, (), ("family",), except_users=(BOB,))),
        ("#" + "x" * 40, Said(PEOPLE, (), ("x" * 40,))),
        # What contradicts itself, or is not understood in full.
        ("", "audience-missing"),
        (" ,，、 ", "audience-missing"),
        ("except @bob:x.org", "audience-missing"),
        ("except", "audience-except-whom"),
        ("friends except", "audience-except-whom"),
        ("friends except friends", "audience-unknown"),
        ("friends except live", "audience-unknown"),
        ("friends except and", "audience-unknown"),
        ("friends except #a except #b", "audience-unknown"),
        ("friends public", "audience-mixed"),
        ("friends @bob:x.org", "audience-mixed"),
        ("friends #family", "audience-mixed"),
        ("private except @bob:x.org", "audience-mixed"),
        ("private private except @bob:x.org", "audience-mixed"),
        ("live #family", "audience-unknown"),
        ("@bob:x.org live", "audience-unknown"),
        ("and @bob:x.org", "audience-unknown"),
        ("friends and", "audience-unknown"),
        ("friends, family", "audience-unknown"),
        ("@bob", "audience-unknown"),
        ("#", "audience-unknown"),
        ("#" + "x" * 41, "audience-unknown"),
        ("[friends](https://x.org)", "audience-unknown"),
    ],
)
def test_audiences(text: str, said: Said | str | None) -> None:
    if isinstance(said, Said):
        assert parse_audience(text) == said
        return
    with pytest.raises(AudienceError) as error:
        parse_audience(text)
    assert error.value.message_id == (said or "audience-unknown")


def test_an_error_says_which_word() -> None:
    with pytest.raises(AudienceError) as error:
        parse_audience("friends, familly")
    assert error.value.value == "familly"
    with pytest.raises(AudienceError) as missing:
        parse_audience("")
    assert missing.value.value == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("friends | Hello | world", (Said(FRIENDS), "Hello | world")),
        ("private｜ Hello ", (Said(PRIVATE), "Hello")),
        ("@bob:x.org\nHello\nworld", (Said(PEOPLE, (BOB,)), "Hello\nworld")),
        ("friends |", (Said(FRIENDS), "")),
        ("friends", "audience-no-separator"),
        ("", "audience-no-separator"),
        ("friends Hello", "audience-no-separator"),
        ("Hello friends", "audience-unknown"),
        ("| Hello", "audience-missing"),
    ],
)
def test_where_the_text_begins(text: str, expected: tuple[Said, str] | str) -> None:
    if not isinstance(expected, str):
        assert parse_addressed(text) == expected
        return
    with pytest.raises(AudienceError) as error:
        parse_addressed(text)
    assert error.value.message_id == expected


@pytest.mark.parametrize(
    ("text", "behind"),
    [
        ("to friends | x", " friends | x"),
        ("TO private", " private"),
        ("to: private", " private"),
        ("to：private", "private"),
        ("to@bob:x.org|x", "@bob:x.org|x"),
        ("to#family|x", "#family|x"),
        ("to|x", "|x"),
        ("to", ""),
        ("today", None),
        ("tomorrow | x", None),
        ("I to", None),
    ],
)
def test_to(text: str, behind: str | None) -> None:
    assert without_to(text) == behind


ADDRESSED = [
    "private | x",
    "private ｜ x",
    "private\nx",
    "friends | x",
    "public|x",
    "私密 | x",
    "ｐｒｉｖａｔｅ | x",
    "pri\u200dvate | x",
    "ｔｏ private | x",
    "only @bob:x.org | x",
    "just me | x",
    "for @bob | x",
    "给 @bob:x.org | x",
    "只给 好友 | x",
    "发给 好友 | x",
    "仅 自己 | x",
    "@bob | x",
    "@bob:x.org, @carol:x.org and #family | x",
    "＃family | x",
    "#family live | x",
    "friends except @bob:x.org | x",
    "except @bob:x.org | x",
    "private ¦ x",
    "private │ x",
    "private: x",
    "private：x",
    "me: x",
    "only me: x",
    "friends except @bob: x",
    "@bob:x.org " * 200 + "| x",
    "[Bob](https://matrix.to/#/@bob:x.org) | x",
]


@pytest.mark.parametrize("text", ADDRESSED)
def test_what_looks_addressed(text: str) -> None:
    assert looks_addressed(text)


@pytest.mark.parametrize(
    "text",
    [
        *("Hello", "today | tomorrow", "a | b", "I | you\nand they", "", " | x", "\nx", "12:30 at the lake", "for | x"),
        *("@bob:x.org: happy birthday", "all: come", "friends, lend me your ears", "private thoughts", "and | or"),
        *(
            "Look: private | x",
            "my friends | and foes",
            "only you: and me",
            "that is private: x",
            "#sunny: at the lake",
            "to and for | x",
        ),
    ],
)
def test_what_is_a_text(text: str) -> None:
    assert not looks_addressed(text)


# --- whatever is typed ---------------------------------------------------------------------------------------
def _words(text: str) -> list[str]:
    return text.split(" ")


_GOOD = _words(
    "friends public private all me everyone 好友 公开 私密 except but live and & @bob:x.org @carol:x.org #family #work"
    " ＃家 不给 跟随 [B](https://matrix.to/#/@bob:x.org)"
)
_BAD = _words("family friend everybody @bob bob:x.org # @ frends pubic exept liv 朋 to | for")
_good = st.sampled_from(_GOOD)
_bad = st.one_of(
    st.sampled_from(_BAD),
    st.text(
        st.characters(exclude_categories=["Z", "Cc", "Cs"], exclude_characters=",，、|｜"), min_size=1, max_size=12
    ),
)
_between = st.sampled_from([" ", ", ", "，", "、", "  "])


def _understood(word: str) -> bool:
    try:
        parse_audience(word)
    except AudienceError as error:
        return error.message_id != "audience-unknown"
    return True


@pytest.mark.property
@given(st.lists(_good, max_size=5), _bad, st.lists(_good, max_size=5), _between)
def test_a_word_that_is_not_understood_is_never_left_out(
    before: list[str], word: str, after: list[str], between: str
) -> None:
    if _understood(word) or word in ("and", "&", "和", "live", "跟随"):
        return
    with pytest.raises(AudienceError):
        parse_audience(between.join([*before, word, *after]))


@pytest.mark.property
@given(st.lists(_good, max_size=8), _between)
def test_what_is_understood_is_what_was_said(words: list[str], between: str) -> None:
    """Never wider than the words: nobody is let in who was not named, nobody left out is forgotten."""
    try:
        said = parse_audience(between.join(words))
    except AudienceError:
        return
    at = next((i for i, word in enumerate(words) if word in ("except", "but", "不给")), len(words))
    inside, outside = words[:at], words[at + 1 :]
    for kind, names in {
        PUBLIC: "public everyone 公开",
        PRIVATE: "private me 私密",
        FRIENDS: "friends all 好友",
    }.items():
        assert (said.kind is kind) == any(name in inside for name in names.split())
    assert (said.kind is PEOPLE) == bool(said.users or said.tags)
    for user, link in ((BOB, _GOOD[-1]), (CAROL, CAROL)):
        assert (user in said.users) == (user in inside or link in inside)
        assert (user in said.except_users) == (user in outside or link in outside)
    for tag in ("#family", "#work", "＃家"):
        assert (tag[1:] in said.tags) == (tag in inside)
        assert (tag[1:] in said.except_tags) == (tag in outside)
    assert said.live == any(word in inside for word in ("live", "跟随"))


_ERRORS = {f"audience-{what}" for what in ("missing", "unknown", "mixed", "except-whom", "no-separator")}


@pytest.mark.property
@given(st.text(max_size=60))
def test_anything_at_all(text: str) -> None:
    """It is understood, or it is an error that the catalogue has; nothing else, whatever is typed."""
    for parse in (parse_audience, parse_addressed):
        try:
            parse(text)
        except AudienceError as error:
            raised = error.message_id
        else:
            continue
        assert raised in _ERRORS
    looks_addressed(text)
    without_to(text)


@pytest.mark.property
@given(st.lists(_good, min_size=1, max_size=5), _between, st.sampled_from(["|", "｜", "\n"]), st.booleans())
def test_what_can_be_addressed_looks_addressed(words: list[str], between: str, separator: str, wide: bool) -> None:
    """`post` without `to` never takes an audience for a text."""
    text = between.join(words)
    try:
        parse_audience(text)
    except AudienceError:
        return
    if wide and "@" not in text and "[" not in text:
        text = "".join(chr(ord(c) + 0xFEE0) if "a" <= c <= "z" else c for c in text)
        assert unicodedata.normalize("NFKC", text)
    assert looks_addressed(f"{text}{separator} x")
