"""Who may no longer see a moment is no longer seen under it: counts, names and comments on the copies of others follow.

Bob posted; Carol liked and commented it; Alice, a friend of both, and Bob himself have copies that show her.
"""

from collections.abc import Iterator

import pytest

from tests.features.settled import Settled
from tests.features.village import MINUTE, Village

CAROL, BOB = "@carol:x.org", "@bob:x.org"
HERS = "Said-by-carol"

# The audience that Bob chose, and by what Carol loses her place: said by Bob but for the last ones.
CHANGES = {
    "block": ("friends", [("bob", f"block {CAROL}")]),
    "shut out": ("friends", [("bob", f"privacy set mine {CAROL} off")]),
    "shut out by a tag": ("friends", [("bob", f"tag add #s {CAROL}"), ("bob", "privacy set mine #s off")]),
    "put into a tag that is shut out": (
        "friends",
        [("bob", "privacy set mine #t off"), ("bob", f"tag add #t {CAROL}")],
    ),
    "chats only": ("friends", [("bob", f"privacy set chats-only {CAROL} on")]),
    "unfriended": ("friends", [("bob", f"friend remove {CAROL}")]),
    "put into a tag left out": ("friends except #t", [("bob", f"tag add #t {CAROL}")]),
    "taken out of a live tag": ("#in live", [("bob", f"tag remove #in {CAROL}")]),
    "live tag deleted": ("#in live", [("bob", "tag delete #in")]),
    "she unfriends": ("friends", [("carol", f"friend remove {BOB}")]),
}


@Settled
def _know_each_other(village: Village) -> None:
    village.open("alice", "bob", "carol", "dave")
    for a, b in (("alice", "bob"), ("carol", "bob"), ("alice", "carol"), ("dave", "bob")):
        village.befriend(a, b)
    village.say("bob", f"tag add #in {CAROL} @alice:x.org @dave:x.org")
    village.say("bob", "tag add #t @dave:x.org")
    village.say("bob", "tag remove #t @dave:x.org")


@pytest.fixture
def place() -> Iterator[Village]:
    village = _know_each_other()
    yield village
    village.close()


def _answered(village: Village, audience: str) -> None:
    village.say("bob", f"post to {audience} | Look")
    village.say("carol", "feed")
    village.say("carol", "like 1")
    village.say("carol", f"comment 1 {HERS}")
    village.wait(2 * MINUTE)
    for name in ("alice", "bob", "dave"):
        village.say(name, "feed")


def _shows(village: Village, name: str) -> list[str]:
    return [body for body in village.bodies(name) if HERS in body or "♥" in body or "carol" in body]


@pytest.mark.parametrize("how", CHANGES)
def test_copies_of_others_follow(place: Village, how: str) -> None:
    audience, changes = CHANGES[how]
    _answered(place, audience)
    assert HERS in str(_shows(place, "alice"))
    marks = {name: len(place.rooms[name].events) for name in ("alice", "bob", "dave")}
    for who, text in changes:
        place.say(who, text)
    for name, mark in marks.items():
        events = place.rooms[name].events
        left = [e.body for e in events[:mark] if not e.redacted and (HERS in e.body or "♥" in e.body)]
        assert not left, name
        assert not [body for body in place.say(name, "moment 1") if HERS in body or "♥" in body]
    # Dave, who is no friend of Carol, was never shown her: nothing of his goes, or it would tell him.
    if "live tag" not in how:
        assert not any(event.redacted for event in place.rooms["dave"].events)


@pytest.mark.parametrize("how", CHANGES)
def test_notices_of_comments_follow(place: Village, how: str) -> None:
    """Carol answered a comment of Alice's, who was told."""
    audience, changes = CHANGES[how]
    place.say("bob", f"post to {audience} | Look")
    place.say("alice", "feed")
    place.say("alice", "comment 1 Mine")
    place.say("carol", "feed")
    target = next(e for e in reversed(place.rooms["bob"].events) if "Mine" in e.body).event_id
    place.say("bob", "Yours", target)
    theirs = place.rooms["alice"].events[-1]
    assert "Yours" in theirs.body
    place.say("carol", f"comment 1 {HERS}")
    place.wait(2 * MINUTE)
    assert HERS in str(place.bodies("bob"))
    for who, text in changes:
        place.say(who, text)
    assert HERS not in str(place.bodies("bob"))
    assert how == "live tag deleted" or not theirs.redacted


def test_nobody_is_told_of_a_like_twice(place: Village) -> None:
    """Of two notices the one that named Carol goes; the next one tells nothing but what is new."""
    place.say("bob", "post Look")
    for name in ("carol", "dave"):
        place.say(name, "feed")
        place.say(name, "like 1")
        place.wait(2 * MINUTE)
    place.say("bob", f"friend remove {CAROL}")
    assert "likes" not in str(place.bodies("bob"))
    place.say("alice", "feed")
    place.say("alice", "like 1")
    place.wait(2 * MINUTE)
    notices = [body for body in place.bodies("bob") if body.startswith("♥")]
    assert len(notices) == 1
    assert "alice" in notices[0]
    assert "dave" not in notices[0]


def test_a_copy_that_is_on_its_way_follows(place: Village) -> None:
    place.say("bob", "post Look")
    place.say("carol", "feed")
    place.say("carol", f"comment 1 {HERS}")
    place.say_only("alice", "feed")
    claimed = place.take("alice")
    assert HERS in str(claimed.outgoing.content)
    place.stuck.add("alice")
    place.say("bob", f"block {CAROL}")
    place.stuck.clear()
    place.settle(claimed, place.arrive(claimed))
    place.restart()
    place.wait(1)
    assert HERS not in str(place.bodies("alice"))


def test_what_waits_is_shown_without_her(place: Village) -> None:
    place.say("bob", "post Look")
    place.say("carol", "feed")
    place.say("carol", f"comment 1 {HERS}")
    place.stuck.add("alice")
    place.say("alice", "feed")
    place.say("bob", f"friend remove {CAROL}")
    place.stuck.clear()
    place.wait(1)
    assert "Look" in place.bodies("alice")[-1]
    assert HERS not in str(place.rooms["alice"].log)


def test_what_carol_decides_about_her_own_eyes_takes_nothing_away(place: Village) -> None:
    _answered(place, "friends")
    place.say("carol", f"privacy set theirs {BOB} off")
    place.say("carol", f"block {BOB}")
    assert not any(event.redacted for event in place.rooms["alice"].events)
    assert not any(event.redacted for event in place.rooms["bob"].events)
    assert HERS in place.one("alice", "moment 1")
