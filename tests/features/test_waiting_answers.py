"""An answer that waits (the homeserver is down) says what is so when it is sent: what was narrowed or deleted meanwhile
is not in it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.contacts import names
from tests.features.settled import Settled
from tests.features.village import Village

ALICE, BOB = "@alice:x.org", "@bob:x.org"
NAME, NOTE, TEXT = "Bobby-name", "Note-of-carol", "Text-of-alice"
ASKED = ("friends", "tags", f"profile {BOB}", "feed", f"album {BOB}", "moment 1")

# Who does what while Alice's answers wait, and what may be in none of them then.
MEANWHILE = {
    "block": ("bob", f"block {ALICE}", (NAME,)),
    "unfriend": ("bob", f"friend remove {ALICE}", (NAME,)),
    "field for himself": ("bob", "privacy set name me", (NAME,)),
    "field for others": ("bob", f"privacy set name friends except {ALICE}", (NAME,)),
    "field cleared": ("bob", "profile set name", (NAME,)),
    "put into a tag left out": ("bob", f"tag add #out {ALICE}", (NAME,)),
    "request taken back": ("carol", f"friend remove {ALICE}", (NOTE, "@carol")),
}


@Settled
def _said_things(village: Village) -> None:
    village.open("alice", "bob", "carol")
    village.befriend("alice", "bob")
    village.say("bob", f"profile set name {NAME}")
    village.say("bob", "tag add #out @alice:x.org")
    village.say("bob", "privacy set name friends except #out")
    village.say("bob", f"tag remove #out {ALICE}")
    village.say("bob", "post Something")
    village.say("alice", f"tag add #t {BOB}")
    village.say("alice", "feed")
    village.say("carol", f"friend add {ALICE} {NOTE}")


@pytest.fixture
def place() -> Iterator[Village]:
    village = _said_things()
    yield village
    village.close()


def _waits(village: Village, *texts: str) -> None:
    village.stuck.add("alice")
    for text in texts:
        village.say("alice", text)


def _arrives(village: Village) -> list[str]:
    before = len(village.rooms["alice"].events)
    village.stuck.clear()
    village.wait(1)
    return [event.body for event in village.rooms["alice"].events[before:]]


def test_without_a_change_everything_is_in_them(place: Village) -> None:
    _waits(place, *ASKED)
    said = "\n".join(_arrives(place))
    assert NAME in said
    assert NOTE in said


@pytest.mark.parametrize("how", MEANWHILE)
def test_what_was_narrowed_while_an_answer_waits(place: Village, how: str) -> None:
    who, text, gone = MEANWHILE[how]
    _waits(place, *ASKED)
    place.say(who, text)
    said = _arrives(place)
    assert said
    assert not [body for body in said for one in gone if one in body]


@pytest.mark.parametrize("how", MEANWHILE)
def test_answers_are_what_they_would_be_now(place: Village, how: str) -> None:
    who, text, _ = MEANWHILE[how]
    _waits(place, "friends", "tags")
    place.say(who, text)
    late = _arrives(place)
    assert late == [*place.say("alice", "friends"), *place.say("alice", "tags")]


@pytest.mark.parametrize(
    "asked",
    [
        f"tag add #more {BOB}",
        f"tag remove #t {BOB}",
        f"post to {BOB} | Only he",
        f"privacy set phone {BOB}",
        f"privacy set mine {BOB} off",
        f"friend add {BOB}",
        f"post to friends except {BOB} | Others",
    ],
)
def test_what_one_did_is_confirmed_without_names_of_others(place: Village, asked: str) -> None:
    """These answers are rendered when they are asked: they call people as the speaker calls them."""
    _waits(place, asked, "privacy", "privacy checkup", f"why can {BOB} see phone", "moment 2")
    place.say("bob", f"block {ALICE}")
    assert not [body for body in _arrives(place) if NAME in body]


def test_a_moment_that_was_deleted_is_in_no_view(place: Village) -> None:
    place.say("alice", f"post {TEXT}")
    _waits(place, f"view as {BOB}", "view as #t", "view as stranger")
    place.say("alice", "delete 2")
    assert not [body for body in _arrives(place) if TEXT in body]


def test_a_view_that_was_shown_goes_with_the_moment(place: Village) -> None:
    place.say("alice", f"post {TEXT}")
    place.say("alice", f"view as {BOB}")
    assert [body for body in place.bodies("alice") if TEXT in body]
    place.say("alice", "delete 2")
    assert not [body for body in place.bodies("alice") if TEXT in body]


def test_a_view_that_is_on_its_way_goes_with_the_moment(place: Village) -> None:
    place.say("alice", f"post {TEXT}")
    place.say_only("alice", f"view as {BOB}")
    place.settle(place.take("alice"), None)  # the profile: no answer came
    place.now += 1000
    first = place.take("alice")
    moment = place.settle(first, place.arrive(first))
    assert moment is not None
    assert TEXT in str(moment.outgoing.content)
    place.say_only("alice", "delete 2")
    place.settle(moment, place.arrive(moment))
    place.restart()
    place.wait(1)
    assert not [body for body in place.bodies("alice") if TEXT in body]


def test_whose_code_it_was_is_not_told_once_they_parted(place: Village) -> None:
    place.open("erin")
    code = place.one("erin", "invite new").split("invite ")[1][:14]
    _waits(place, f"invite {code}")
    place.say("erin", f"friend remove {ALICE}")
    said = _arrives(place)
    assert "erin" not in str(said)
    assert said == place.say("alice", "invite AAAA-BBBB-CCCC")


def test_an_answer_for_elsewhere_waits_for_a_chat(place: Village) -> None:
    """Asked again, an answer may end earlier than it would have."""
    for number in range(3):
        place.say("alice", f"post {TEXT} {number}")
    _waits(place, f"view as {BOB}")
    place.say("alice", "delete 2")
    place.say("alice", "delete 3")
    assert sum(TEXT in body for body in _arrives(place)) == 1


def test_names_that_others_gave_themselves_are_only_where_it_is_rendered_late() -> None:
    """`labels` asks for names that may be withdrawn: only renderers and commands that are asked again may use it."""
    rendered_late = {
        "moments/copies.py",
        "moments/digests.py",
        "moments/page_copies.py",
        "contacts/commands.py",
        "contacts/tag_commands.py",
    }
    root = Path(names.__file__).parent.parent
    using = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if re.search(r"from bridge\.contacts\.names import [^\n]*\blabels\b", path.read_text())
    }
    assert using == rendered_late
