"""M8: a page in one event, for who wants that: what it shows, what its numbers mean, and what becomes of it."""

from collections.abc import Iterator
from functools import partial

import pytest

from bridge.moments import pages
from bridge.moments.model import MomentLimits
from tests.features.settled import Settled
from tests.features.village import MINUTE, Shown, Village

DAY = 24 * 60 * MINUTE


def _read_pages(village: Village) -> None:
    village.open("alice", "bob", "carol", "dora")
    for name in ("bob", "carol", "dora"):
        village.befriend("alice", name)
    village.befriend("bob", "carol")
    assert village.one("bob", "feed compact").startswith("Nothing here yet")


_settled = Settled(_read_pages, partial(Village, moment_limits=MomentLimits(confirm_wider=False, compact_page=3)))


@pytest.fixture
def place() -> Iterator[Village]:
    """Bob reads pages; he and Alice are friends, Alice and Carol, and Bob and Carol. Dora knows Alice alone."""
    village = _settled()
    yield village
    village.close()


def page(village: Village, name: str, text: str = "feed") -> Shown:
    [event] = village.get(name, text)
    return event


def heads(event: Shown) -> list[str]:
    return [line for line in event.body.split("\n") if line.startswith("#")]


def test_a_page_is_one_event_with_what_it_is_about(place: Village) -> None:
    place.picture("alice", "post A lake\nat dawn")
    place.say("carol", "post From **Carol**")
    place.say("alice", "post cw Spiders | Eight legs")
    place.say("dora", "comment 1 Hidden from Bob")
    shown = page(place, "bob")
    lines = shown.body.split("\n")
    assert [line.split(" · ")[:3] for line in lines if line.startswith("#")] == [
        ["#1", "new", "@alice:x.org"],
        ["#2", "new", "@carol:x.org"],
        ["#3", "new", "@alice:x.org"],
    ]
    assert "Eight legs" not in str(shown.content)
    assert lines[1:3] == ["⚠ Spiders", ""]
    assert lines[4:6] == ["From **Carol**", ""]
    assert lines[7:10] == ["A lake at dawn", "one picture", ""]
    assert lines[10].startswith("`moment 1` shows one")
    assert shown.content["msgtype"] == "m.text"
    assert "new" not in page(place, "bob").body.split("`")[0]


def test_the_form_is_remembered_and_is_each_readers_own(place: Village) -> None:
    for number in range(5):
        place.say("alice", f"post Text {number}")
    assert len(place.say("carol", "feed")) == 5
    assert len(heads(page(place, "bob"))) == 3
    assert "feed more" in page(place, "bob").body
    more = page(place, "bob", "feed more")
    assert [line.split()[0] for line in heads(more)] == ["#4", "#5"]
    assert "feed more" not in more.body
    assert len(heads(page(place, "bob", "album @alice:x.org"))) == 3
    assert len(heads(place.get("bob", "search text")[0])) == 3
    assert len(place.say("bob", "feed full")) == 5
    assert len(place.say("bob", "feed")) == 5


def test_numbers_mean_what_was_read_under_them(place: Village) -> None:
    """Whatever is delivered in between, and for long."""
    place.say("alice", "post First")
    place.say("carol", "post Second")
    assert [line.split()[0] for line in heads(page(place, "bob"))] == ["#1", "#2"]
    place.say("alice", "post Third")
    page(place, "bob")
    place.wait(2 * DAY)
    assert "Second" in place.say("bob", "moment 1")[0]
    place.say("bob", "comment 2 How lovely")
    assert "How lovely" in place.one("alice", "moment 1")
    assert place.one("bob", "like 1") == "You like #1."
    assert "♥ @bob:x.org" in place.one("carol", "moment 1")


def test_an_answer_to_a_page_says_to_which(place: Village) -> None:
    place.say("alice", "post First")
    place.say("carol", "post Second")
    shown = page(place, "bob")
    assert "Which one is it about?" in place.one("bob", "How lovely", shown.event_id)
    assert "Which one is it about?" in place.one("bob", "#9 How lovely", shown.event_id)
    assert "comment" not in place.one("alice", "moment 1")
    assert place.one("bob", "#2 How lovely", shown.event_id) == "Your comment is on #2."
    assert "@bob:x.org: How lovely" in place.one("alice", "moment 1")
    assert "How lovely" not in place.one("carol", "moment 1")
    place.react("bob", shown.event_id, "❤️")
    assert "Which one do you like?" in place.bodies("bob")[-1]
    place.react("bob", shown.event_id, "🤔")
    assert "♥" not in place.one("alice", "moment 1")


def test_an_answer_to_a_page_of_one_needs_no_number(place: Village) -> None:
    place.say("alice", "post First")
    shown = page(place, "bob")
    assert place.one("bob", "How lovely", shown.event_id) == "Your comment is on #1."
    place.react("bob", shown.event_id, "❤️")
    assert "♥ @bob:x.org" in place.one("alice", "moment 1")


@pytest.mark.parametrize(
    "happens",
    [
        [("alice", "delete 1")],
        [("alice", "audience 1 @carol:x.org")],
        [("alice", "privacy set mine @bob:x.org off")],
        [("alice", "block @bob:x.org")],
        [("alice", "friend remove @bob:x.org")],
        [("bob", "privacy set theirs @alice:x.org off")],
        [("alice", "tag add #out @bob:x.org"), ("alice", "audience 1 friends except #out")],
    ],
)
def test_a_page_goes_with_what_may_no_longer_be_seen(place: Village, happens: list[tuple[str, str]]) -> None:
    place.say("alice", "post First")
    place.say("carol", "post Second")
    shown, other = page(place, "bob"), page(place, "bob", "album @carol:x.org")
    for who, text in happens:
        place.say(who, text)
    assert shown.redacted
    assert not other.redacted, "nothing of Alice's stands on it"
    again = page(place, "bob")
    assert "Second" in again.body
    assert "First" not in again.body
    assert place.one("bob", "moment 2").startswith("There is no moment 2.")


def test_an_expired_moment_takes_its_pages_along(place: Village) -> None:
    place.say("alice", "post First")
    place.say("alice", "expire 1 1h")
    shown = page(place, "bob")
    place.wait(DAY)
    assert shown.redacted


def test_pages_that_stand_nowhere_are_forgotten(place: Village) -> None:
    place.say("alice", "post First")
    place.say("carol", "post Second")
    page(place, "bob")
    kept = page(place, "bob", "album @carol:x.org")
    place.say("alice", "delete 1")
    place.wait(2 * DAY)
    place.db.run_sync(pages.forget_gone)
    assert place.db.run_sync(lambda tx: tx.sql("SELECT COUNT(*) FROM pages").scalar()) == 1
    place.say("carol", "delete 1")
    assert kept.redacted


def test_a_page_that_waits_is_made_of_what_is_left(place: Village) -> None:
    place.say("alice", "post First")
    place.say("carol", "post Second")
    place.stuck.add("bob")
    place.say("bob", "feed")
    place.say("alice", "delete 1")
    place.stuck.discard("bob")
    place.deliver()
    body = place.bodies("bob")[-1]
    assert "Second" in body
    assert "First" not in body


def test_a_page_is_edited_when_it_reads_otherwise(place: Village) -> None:
    place.say("alice", "post First")
    shown = page(place, "bob")
    place.say("dora", "feed")
    place.say("dora", "like 1")
    place.say("dora", "comment 1 Hidden")
    place.wait(2 * MINUTE)
    assert not [event for event in place.rooms["bob"].events if "m.new_content" in event.content], "Dora is a stranger"
    place.say("carol", "feed")
    place.say("carol", "like 1")
    place.say("carol", "comment 1 Oh")
    place.say("alice", "edit 1 First, and better")
    place.wait(2 * MINUTE)
    [edit] = [event for event in place.rooms["bob"].events if "m.new_content" in event.content]
    assert edit.content["m.relates_to"]["event_id"] == shown.event_id
    assert edit.body.split("\n")[1:3] == ["First, and better", "♥ 1 · one comment · edited"]


def test_a_comment_that_is_deleted_is_counted_no_more(place: Village) -> None:
    place.say("alice", "post First")
    place.say("carol", "feed")
    place.say("carol", "comment 1 Oh")
    written = place.last_event
    shown = page(place, "bob")
    assert "one comment" in shown.body
    place.redact("carol", written)
    place.wait(2 * MINUTE)
    assert not shown.redacted
    assert "comment" not in place.bodies("bob")[-1].split("`")[0]
    assert "comment" not in page(place, "bob").body.split("`")[0]


def test_what_was_read_on_a_page_is_not_new(place: Village) -> None:
    place.say("alice", "post First")
    page(place, "bob")
    place.say("bob", "feed full")
    assert "· new ·" not in place.bodies("bob")[-1]


def test_after_an_erasure_nothing_is_counted_any_more(place: Village) -> None:
    place.say("alice", "post First")
    place.say("carol", "feed")
    place.say("carol", "like 1")
    shown = page(place, "bob")
    assert "♥ 1" in shown.body
    place.erase("carol")
    assert shown.redacted
    assert "♥" not in page(place, "bob").body
