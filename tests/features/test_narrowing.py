"""Races: what is narrowed while it is being sent never arrives later, and what was on its way is taken back."""

from collections.abc import Iterator

import pytest

from tests.features.settled import Settled
from tests.features.village import MINUTE, Village

DAY = 24 * 60 * MINUTE
SECRET = "The secret"
ALICE = "@alice:x.org"

# Who posts, what they had posted for Alice, and by what it is taken from her.
NARROWINGS = {
    "block": ("friends", [f"block {ALICE}"]),
    "shut out": ("friends", [f"privacy set mine {ALICE} off"]),
    "shut out by a tag": ("friends", [f"tag add #t {ALICE}", "privacy set mine #t off"]),
    "put into a tag that is shut out": ("friends", ["privacy set mine #shut off", f"tag add #shut {ALICE}"]),
    "chats only": ("friends", [f"privacy set chats-only {ALICE} on"]),
    "window": ("friends", ["privacy set window 3d"]),
    "unfriend": ("friends", [f"friend remove {ALICE}"]),
    "put into a tag left out": ("friends except #shut", [f"tag add #shut {ALICE}"]),
    "put into a tag left out, public": ("public except #shut", [f"tag add #shut {ALICE}"]),
    "taken out of a live tag": ("#live live", [f"tag remove #live {ALICE}"]),
    "live tag deleted": ("#live live", ["tag delete #live"]),
    "another audience": ("friends", ["audience 1 private", f"audience 2 friends except {ALICE}"]),
    "expired": ("friends", ["expire 1 1m", "expire 2 1m", "(time)"]),
    "deleted": ("friends", ["delete 1"]),
}


@Settled
def bobs_place(village: Village) -> None:
    """Bob is a friend of Alice's and of Carol's, and has tags for both."""
    village.open("alice", "bob", "carol")
    village.befriend("alice", "bob")
    village.befriend("carol", "bob")
    village.say("bob", f"tag add #live {ALICE}")
    village.say("bob", "tag add #shut @carol:x.org")


@pytest.fixture
def place() -> Iterator[Village]:
    village = bobs_place()
    yield village
    village.close()


def _posted(village: Village, how: str) -> list[str]:
    """Bob has posted for Alice, long enough ago for a window; what takes it from her."""
    audience, narrowing = NARROWINGS[how]
    village.say("bob", f"post to {audience} | {SECRET} 1")
    village.say("bob", f"post to {audience} | {SECRET} 2")
    village.wait(4 * DAY)
    return narrowing if how != "deleted" else ["delete 1", "delete 2"]


def _do(village: Village, texts: list[str]) -> None:
    for text in texts:
        if text == "(time)":
            village.wait(MINUTE)
        else:
            village.say("bob", text)


def _nothing_left(village: Village) -> None:
    village.wait(2 * MINUTE)
    assert not any(SECRET in event.body for event in village.rooms["alice"].events if not event.redacted)
    assert not any(
        SECRET in body for body in (*village.say("alice", "feed"), *village.say("alice", "album @bob:x.org"))
    )
    assert not any(SECRET in body for body in (*village.say("alice", "moment 1"), *village.say("alice", "moment 2")))


every = pytest.mark.parametrize("how", NARROWINGS)


@every
def test_what_was_shown_is_taken_back(place: Village, how: str) -> None:
    narrowing = _posted(place, how)
    place.say("alice", "feed")
    assert sum(SECRET in body for body in place.bodies("alice")) == 2
    _do(place, narrowing)
    assert sum(event.redacted for event in place.rooms["alice"].events) == 2
    _nothing_left(place)


@every
def test_what_waits_is_never_sent(place: Village, how: str) -> None:
    """A feed was asked for, and her room takes nothing until afterwards."""
    narrowing = _posted(place, how)
    place.stuck.add("alice")
    place.say("alice", "feed")
    _do(place, narrowing)
    place.stuck.clear()
    place.deliver()
    assert not any(SECRET in entry for entry in place.rooms["alice"].log), "it never arrived"
    _nothing_left(place)


@every
@pytest.mark.parametrize("arrived", [True, False], ids=["arrived", "lost"])
@pytest.mark.parametrize("then", ["answered", "tried again", "killed"])
def test_what_is_on_its_way_is_taken_back(place: Village, how: str, arrived: bool, then: str) -> None:
    """One of two rows of a feed is being sent when it is narrowed; whether it arrived, nobody knows yet."""
    narrowing = _posted(place, how)
    place.stuck.add("alice")
    place.say("alice", "feed")
    claimed = place.take("alice")
    event_id = place.arrive(claimed) if arrived else None
    _do(place, narrowing)
    sent = len(place.rooms["alice"].log)
    if then == "answered":
        following = place.settle(claimed, event_id if arrived else place.arrive(claimed))
        sent = max(sent, len(place.rooms["alice"].log))
        while following is not None:
            following = place.settle(following, place.arrive(following))
    elif then == "tried again":
        assert place.settle(claimed, None) is None
        place.wait(2000)
    else:
        place.restart()
    place.stuck.clear()
    place.deliver()
    late = place.rooms["alice"].log[sent:]
    assert not any(SECRET in entry for entry in late), "nothing of it is sent after the narrowing"
    _nothing_left(place)


@every
def test_narrowed_while_the_viewer_pages(place: Village, how: str) -> None:
    narrowing = _posted(place, how)
    for number in range(7):
        place.now += 1000
        place.say("bob", f"post to {ALICE} | Open {number}")
    assert len(place.say("alice", "feed")) == 5
    _do(place, narrowing)
    assert not any(SECRET in body for body in place.say("alice", "feed more"))
    _nothing_left(place)


@pytest.mark.parametrize("field", ["name", "phone", "hobby"])
@pytest.mark.parametrize(
    "narrowing",
    [
        ["privacy set FIELD me"],
        ["profile set FIELD"],
        ["profile set FIELD Other"],
        ["privacy set FIELD @carol:x.org"],
        [f"privacy set FIELD friends except {ALICE}"],
        [f"tag add #shut {ALICE}"],
        [f"tag remove #live {ALICE}"],
        ["tag delete #live"],
        [f"block {ALICE}"],
        [f"friend remove {ALICE}"],
    ],
)
@pytest.mark.parametrize("moment", ["shown", "waits", "arrived", "lost"])
def test_a_field_of_a_profile(place: Village, field: str, narrowing: list[str], moment: str) -> None:
    place.say("bob", f"profile set {field} {SECRET}")
    audience = "#live" if "#live" in narrowing[0] else "friends except #shut"
    place.say("bob", f"privacy set {field} {audience}")
    if moment != "shown":
        place.stuck.add("alice")
    place.say("alice", "profile @bob:x.org")
    claimed = place.take("alice") if moment in ("arrived", "lost") else None
    if moment == "arrived" and claimed is not None:
        place.arrive(claimed)
    _do(place, [text.replace("FIELD", field) for text in narrowing])
    sent = len(place.rooms["alice"].log)
    if claimed is not None:
        place.settle(claimed, None)
        place.now += 2000
    place.stuck.clear()
    place.deliver()
    assert not any(SECRET in entry for entry in place.rooms["alice"].log[sent:])
    assert not any(SECRET in body for body in place.bodies("alice"))
    assert not any(SECRET in body for body in place.say("alice", "profile @bob:x.org"))


def test_an_accepted_request_for_chats_only_takes_back_what_strangers_saw(place: Village) -> None:
    place.open("zed")
    place.say("bob", "privacy set strangers on")
    place.say("bob", f"post to public | {SECRET}")
    place.say("zed", "album @bob:x.org")
    place.say("zed", "friend add @bob:x.org")
    place.say("bob", "3")
    assert not any(SECRET in body for body in place.bodies("zed"))


@pytest.mark.parametrize("narrowing", [f"privacy set mine {ALICE} off", f"block {ALICE}", f"friend remove {ALICE}"])
def test_a_comment_is_taken_back_with_what_it_stands_under(place: Village, narrowing: str) -> None:
    place.say("bob", "post Look")
    place.say("alice", "feed")
    place.say("alice", "comment 1 Nice")
    place.say("bob", SECRET, place.rooms["bob"].events[-1].event_id)
    assert SECRET in place.bodies("alice")[-1]
    place.say("bob", narrowing)
    assert not any(SECRET in body for body in place.bodies("alice"))


@every
def test_what_an_edited_question_showed_before(place: Village, how: str) -> None:
    """Alice asked for her feed, and made another question of it."""
    narrowing = _posted(place, how)
    place.say("alice", "feed")
    place.edit("alice", place.last_event, "ping")
    _do(place, narrowing)
    _nothing_left(place)


@every
def test_what_was_edited_in_place(place: Village, how: str) -> None:
    """The copies that Alice has were edited since, as somebody liked the moments."""
    narrowing = _posted(place, how)
    place.say("alice", "feed")
    place.say("bob", "like 1")
    place.say("bob", "edit 2 " + SECRET + " anew")
    place.wait(2 * MINUTE)
    assert sum(SECRET in body for body in place.bodies("alice")) == 4
    _do(place, narrowing)
    _nothing_left(place)


def test_a_picture_of_a_profile_that_is_taken_out_or_replaced(place: Village) -> None:
    for change in ("profile set avatar", "picture"):
        place.picture("bob", "profile set avatar")
        shown = place.get("alice", "profile @bob:x.org")[-1]
        assert "file" in shown.content
        if change == "picture":
            place.picture("bob", "profile set avatar")  # the same one again: nothing that was shown is gone
            assert not shown.redacted
        else:
            place.say("bob", change)
            assert shown.redacted


def test_what_is_added_to_a_profile_takes_nothing_back(place: Village) -> None:
    place.say("bob", "profile set bio Hello")
    place.say("alice", "profile @bob:x.org")
    place.say("bob", "profile set region Here")
    place.say("bob", "profile set bio Hello")
    assert not any(event.redacted for event in place.rooms["alice"].events)
