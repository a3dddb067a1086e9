"""P7: what `view as` shows is what is delivered, in random worlds.

Left out on both sides: likes and comments, and what the viewer decided in silence about the owner (hiding, blocking,
chats only), which is not the owner's to know.
"""

import re
from collections.abc import Sequence
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.moments.model import MomentLimits
from tests.features.settled import Settled
from tests.features.village import MINUTE, Shown, Village, user_id

DAY = 24 * 60 * MINUTE
OWNER, VIEWER, MEMBER, STRANGER = "bob", "vera", "tom", "zed"
"""Tom has been in #tag all along, and nothing else is ever said about him. Zed is named nowhere."""
V = user_id(VIEWER)
PAGE = 4

_audiences = st.sampled_from(
    [
        *("friends", "friends", "public", "public", "private", "#tag", "#tag live", "#other", "#other live"),
        *(V, f"{V} {user_id('carol')}", user_id("carol"), f"friends except {V}", "friends except #other"),
        *(
            "friends except #tag",
            f"public except {V}",
            "public except #other",
            f"#tag except {V}",
            "#tag except #other",
        ),
        *("#other live except #tag", f"#tag live except {V}"),
    ]
)
_on_off = st.sampled_from(["on", "off"])
_fields = st.sampled_from(["name", "bio", "phone", "region", "hobby"])
_owner = st.one_of(
    st.builds("post to {} | T".format, _audiences),
    st.builds("post to {} | T".format, _audiences),
    st.builds("post to {} | T".format, _audiences),
    st.builds("tag {} #other {}".format, st.sampled_from(["add", "remove"]), st.sampled_from([V, user_id("carol")])),
    st.builds("tag {} #tag {}".format, st.sampled_from(["add", "remove"]), st.just(V)),
    st.sampled_from(["tag delete #other", "delete 2", "delete 3", "picture friends", "picture #tag"]),
    st.builds("privacy set window {}".format, st.sampled_from(["3d", "1m", "all"])),
    st.builds("privacy set strangers {}".format, _on_off),
    st.builds("privacy set {} {} {}".format, st.sampled_from(["mine", "chats-only", "theirs"]), st.just(V), _on_off),
    st.builds("privacy set mine #other {}".format, _on_off),
    st.builds("profile set {} T".format, _fields),
    st.builds("privacy set {} {}".format, _fields, _audiences),
    st.sampled_from([f"block {V}", f"unblock {V}", f"friend remove {V}", f"friend add {V}"]),
    st.sampled_from(["wait 1", "wait 4", "wait 40"]),
)
_viewer = st.sampled_from(
    [
        *(f"block {user_id(OWNER)}", f"unblock {user_id(OWNER)}", f"friend accept {user_id(OWNER)}", "feed"),
        *(f"privacy set theirs {user_id(OWNER)} off", f"privacy set chats-only {user_id(OWNER)} on"),
        *("like 1", "comment 1 Nice", f"privacy set mine {user_id(OWNER)} off"),
    ]
)
_events = st.lists(
    st.one_of(*(_owner.map(lambda text: (OWNER, text)) for _ in range(4)), _viewer.map(lambda text: (VIEWER, text))),
    min_size=4,
    max_size=30,
)


def _settle(village: Village) -> None:
    village.open(OWNER, VIEWER, MEMBER, STRANGER, "carol")
    for name in (VIEWER, MEMBER, "carol"):
        village.befriend(OWNER, name)
    village.befriend(VIEWER, "carol")
    village.say(OWNER, f"tag add #tag {user_id(MEMBER)}")
    village.say(OWNER, f"tag add #other {user_id('carol')}")


_settled = Settled(_settle, partial(Village, moment_limits=MomentLimits(page=PAGE, confirm_wider=False)))


def _world(events: Sequence[tuple[str, str]]) -> Village:
    """A village in which this happened. Each T is another text."""
    village = _settled()
    for number, (who, text) in enumerate(events):
        village.now += 1000
        word, _, rest = text.partition(" ")
        if word == "wait":
            village.wait(int(rest) * DAY)
        elif word == "picture":
            village.picture(who, f"post to {rest} | T{number}")
        else:
            village.say(who, re.sub(r"\bT\b", f"T{number}", text))
    village.wait(2 * MINUTE)
    return village


def _texts(body: str) -> list[str]:
    """The texts of a moment: behind its head, which names the author, and before what others say."""
    return re.findall(r"\bT[0-9]+\b", body.partition("\n")[2].split("\n\n♥")[0])


def _shown(events: Sequence[Shown]) -> list[object]:
    """Texts, pictures and marks of moments, in order."""
    return [
        (
            _texts(event.body),
            event.content["msgtype"],
            event.content.get("file"),
            "Edited" in event.body,
        )
        for event in events
        if re.match(r"#[0-9]+ ", event.body)
    ]


def _profile(events: Sequence[Shown]) -> list[str]:
    """The fields of a profile, in order."""
    return [line for line in events[0].body.split("\n") if re.search(r"\bT[0-9]+\b", line)]


def _assert_equal(village: Village, words: str, reader: str) -> None:
    seen = village.get(OWNER, f"view as {words}")
    album = village.get(reader, f"album {user_id(OWNER)}")
    assert _shown(seen[1:]) == _shown(album)
    assert _profile(seen[:1]) == _profile(village.get(reader, f"profile {user_id(OWNER)}"))


_slow = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.property
@_slow
@given(_events)
def test_view_as_somebody_is_what_they_get(events: list[tuple[str, str]]) -> None:
    village = _world(events)
    before = village.say(OWNER, f"view as {V}")
    # What the viewer decided in silence is not in it ...
    owner = user_id(OWNER)
    for text in (f"unblock {owner}", f"privacy set theirs {owner} on", f"privacy set chats-only {owner} off"):
        village.say(VIEWER, text)
    assert village.say(OWNER, f"view as {V}") == before
    # ... and without that, it is what they get.
    _assert_equal(village, V, VIEWER)
    village.close()


@pytest.mark.property
@_slow
@given(_events)
def test_view_as_a_tag_and_as_a_stranger(events: list[tuple[str, str]]) -> None:
    village = _world(events)
    _assert_equal(village, "#tag", MEMBER)
    _assert_equal(village, "stranger", STRANGER)
    _assert_equal(village, user_id(STRANGER), STRANGER)
    assert village.say(OWNER, "view as @nobody:x.org")[1:] == village.say(OWNER, "view as stranger")[1:]
    village.close()


@pytest.mark.property
@_slow
@given(_events, st.integers(1, 12))
def test_why_says_the_same(events: list[tuple[str, str]], number: int) -> None:
    """`why` answers yes exactly for what `view as` would show; it shows a page, so here the page has room for all."""
    village = _world(events)
    answer = village.one(OWNER, f"why can {V} see {number}")
    if "There is no moment" not in answer:
        shown = village.one(OWNER, f"moment {number}")
        pages: list[str] = []
        owner = user_id(OWNER)
        for text in (f"unblock {owner}", f"privacy set theirs {owner} on", f"privacy set chats-only {owner} off"):
            village.say(VIEWER, text)
        page = village.say(VIEWER, f"album {owner}")
        while page and page[0].startswith("#"):
            pages += page
            page = village.say(VIEWER, "feed more")
        texts = {text for body in pages for text in _texts(body)}
        [text] = _texts(shown)
        assert (text in texts) == answer.startswith("Yes")
    village.close()
