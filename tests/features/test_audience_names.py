"""Friends in audiences by the names that one calls them by: `post to #family @bob except @carol | …`."""

from collections.abc import Iterator

import pytest

from tests.features.settled import Settled
from tests.features.village import Village


@Settled
def _know_alice(village: Village) -> None:
    village.open("alice", "bob", "carol", "dora", "bob:y.org")
    for name in ("bob", "carol", "dora"):
        village.befriend("alice", name)
    village.say("alice", "tag add #family @dora:x.org")


@pytest.fixture
def place() -> Iterator[Village]:
    village = _know_alice()
    yield village
    village.close()


def posted(village: Village, audience: str) -> str:
    return village.one("alice", f"post to {audience} | Hello")


def test_by_the_beginning_of_the_matrix_id(place: Village) -> None:
    assert posted(place, "#family @bob except @carol") == (
        "Posted as #1, for #family, @bob:x.org except @carol:x.org: 2 people."
    )
    assert posted(place, "friends except @Bob") == "Posted as #2, for your friends except @bob:x.org: 2 people."
    assert place.one("alice", "audience 2 @carol").startswith("#2 is for @carol:x.org now")
    place.say("alice", "privacy set post @dora")
    assert place.one("alice", "post Hello") == "Posted as #3, for @dora:x.org: one person."
    place.say("alice", "post")
    assert "@carol:x.org" in place.one("alice", "draft to @carol")


def test_a_tag_of_ones_own_before_the_bar_is_no_text_for_all(place: Village) -> None:
    for text in ("family | Hello", "Family| Hello", "cw Spiders | family | Hello"):
        assert place.one("alice", f"post {text}").startswith("That begins like an audience."), text
    assert place.one("bob", "feed").startswith("Nothing here yet")
    assert place.one("alice", "post family\nis everything").startswith("Posted")
    assert place.one("bob", "post family | is everything").startswith("Posted"), "his are others"


def test_by_remark(place: Village) -> None:
    place.say("alice", "remark @carol:x.org Lina")
    assert posted(place, "@lina") == "Posted as #1, for Lina (@carol:x.org): one person."


def test_what_people_call_themselves_does_not_count(place: Village) -> None:
    place.say("bob", "profile set name Eve")
    place.say("bob", "privacy set name everyone")
    assert posted(place, "@eve").startswith("I don't understand “@eve” in an audience.")
    place.say("bob", "profile set name carol")
    assert posted(place, "@carol") == "Posted as #1, for @carol:x.org: one person."


def test_what_may_mean_several_means_nobody(place: Village) -> None:
    place.befriend("alice", "bob:y.org")
    answer = posted(place, "@bob")
    assert answer.startswith("You know several friends as “@bob”: @bob:x.org / @bob:y.org.")
    assert posted(place, "friends except @bob") == answer
    place.say("alice", "remark @dora:x.org carol")
    assert posted(place, "@carol").startswith("You know several friends as “@carol”")
    assert not [body for body in place.say("bob", "feed") if "Hello" in body]


def test_strangers_have_no_names(place: Village) -> None:
    assert posted(place, "@nobody").startswith("I don't understand “@nobody” in an audience.")
    place.say("alice", "friend remove @bob:x.org")
    assert posted(place, "@bob").startswith("I don't understand “@bob” in an audience.")
    assert posted(place, "friends except @").startswith("I don't understand “@” in an audience.")


def test_editing_the_post_keeps_its_audience(place: Village) -> None:
    posted(place, "@bob")
    source = place.last_event
    assert place.edit("alice", source, "post to @bob | Hello again") == ["#1 is changed."]
    place.say("alice", "remark @carol:x.org bob")
    assert "several friends" in place.edit("alice", source, "post to @bob | Hello")[0]


def test_albums_by_name(place: Village) -> None:
    place.say("bob", "post From Bob")
    assert "From Bob" in place.one("alice", "album @bob")
    place.say("alice", "remark @bob:x.org Bobby")
    assert "From Bob" in place.one("alice", "album bobby")
    assert place.one("alice", "album @nobody").startswith("You know no friend as “@nobody”.")
    assert place.one("carol", "album @bob").startswith("You know no friend as “@bob”.")
