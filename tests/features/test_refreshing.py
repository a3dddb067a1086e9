"""Copies that were sent are edited in place when their own reader would read something else now, within a budget."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from bridge.config.chat import MomentsConfig
from bridge.delivery.refresh import Budget, Load
from tests.features.settled import Settled
from tests.features.village import MINUTE, Shown, Village

HOUR = 60 * MINUTE
DAY = 24 * HOUR
POST = "The lake"


@Settled
def _were_shown_a_moment(village: Village) -> None:
    village.open("alice", "bob", "carol", "dora")
    for name in ("bob", "carol", "dora"):
        village.befriend("alice", name)
    village.befriend("bob", "carol")
    village.say("alice", f"post {POST}")
    for name in ("alice", "bob", "carol", "dora"):
        village.say(name, "feed")
        village.say(name, "ping")
    village.now += 1000


@pytest.fixture
def place() -> Iterator[Village]:
    """Alice is a friend of Bob and Carol, and they of each other; Dora knows Alice alone. All were shown a moment."""
    village = _were_shown_a_moment()
    yield village
    village.close()


def copies(village: Village, name: str) -> list[Shown]:
    return [event for event in village.rooms[name].events if POST in event.body and "commented" not in event.body]


def edits(village: Village, name: str) -> list[Shown]:
    return [event for event in village.rooms[name].events if "m.new_content" in event.content]


def test_a_new_comment_and_a_like_edit_the_copies_of_those_who_see_them(place: Village) -> None:
    [first] = copies(place, "carol")
    place.say("bob", "comment 1 How lovely")
    place.say("bob", "like 1")
    assert not edits(place, "carol"), "changes are gathered"
    place.wait(2 * MINUTE)
    [edit] = edits(place, "carol")
    assert edit.content["m.relates_to"] == {"rel_type": "m.replace", "event_id": first.event_id}
    assert "How lovely" in edit.body
    assert "♥ @bob:x.org" in edit.body
    assert "· new ·" not in edit.body
    assert len(edits(place, "alice")) == 1
    assert not edits(place, "dora"), "Dora and Bob are no friends"
    assert not edits(place, "bob"), "Bob knows what he did"
    place.wait(DAY)
    assert len(edits(place, "carol")) == 1


def test_only_the_newest_copy_is_edited(place: Village) -> None:
    place.say("carol", "feed")
    newest = copies(place, "carol")[-1]
    place.say("bob", "like 1")
    place.wait(2 * MINUTE)
    [edit] = edits(place, "carol")
    assert edit.content["m.relates_to"]["event_id"] == newest.event_id


def test_what_reads_the_same_is_left_alone(place: Village) -> None:
    place.say("bob", "like 1")
    place.say("bob", "unlike 1")
    place.wait(DAY)
    for name in ("alice", "carol", "dora"):
        assert not edits(place, name)


def test_another_text_reaches_every_copy(place: Village) -> None:
    place.say("carol", "feed")
    place.say("carol", "moment 1")
    place.say("alice", f"edit 1 {POST} at night")
    place.wait(2 * MINUTE)
    assert [f"{POST} at night" in edit.body for edit in edits(place, "carol")] == [True] * 3
    assert [f"{POST} at night" in edit.body for edit in edits(place, "dora")] == [True]
    assert {edit.content["m.relates_to"]["event_id"] for edit in edits(place, "carol")} == {
        copy.event_id for copy in copies(place, "carol") if "m.new_content" not in copy.content
    }


def test_a_like_taken_back_goes(place: Village) -> None:
    place.say("bob", "like 1")
    place.wait(2 * MINUTE)
    place.say("bob", "unlike 1")
    place.wait(2 * HOUR)
    assert ["♥" in edit.body for edit in edits(place, "carol")] == [True, False]


def test_a_comment_that_was_edited(place: Village) -> None:
    place.say("bob", "comment 1 Nise")
    mine = place.last_event
    place.wait(2 * MINUTE)
    place.edit("bob", mine, "comment 1 Nice")
    place.wait(2 * HOUR)
    assert ["Nice" in edit.body for edit in edits(place, "carol")] == [False, True]


def test_a_withdrawn_comment_is_redacted_where_an_edit_showed_it(place: Village) -> None:
    """The first copy never showed it and stays; a copy that was sent with it goes."""
    place.say("bob", "comment 1 A slip")
    mine = place.last_event
    place.wait(2 * MINUTE)
    place.say("alice", "moment 1")
    place.redact("bob", mine)
    assert not any("A slip" in body for name in ("alice", "carol") for body in place.bodies(name))
    assert [copy.redacted for copy in copies(place, "carol")] == [False, True]
    assert [copy.redacted for copy in copies(place, "alice")] == [False, True, True]
    events = len(place.rooms["dora"].log)
    place.say("bob", "comment 1 Better")
    place.wait(2 * HOUR)
    assert "Better" in edits(place, "carol")[-1].body
    assert "A slip" not in edits(place, "carol")[-1].body
    assert len(place.rooms["dora"].log) == events


def test_an_edit_on_its_way_is_taken_back(place: Village) -> None:
    place.say("bob", "comment 1 A slip")
    mine = place.last_event
    place.stuck.add("carol")
    place.wait(2 * MINUTE)
    place.db.run_sync(lambda tx: place._claims.scan(tx, set(), 0))
    claimed = place.take("carol")
    event_id = place.arrive(claimed)
    place.redact("bob", mine)
    place.settle(claimed, event_id)
    place.stuck.clear()
    place.restart()
    place.wait(2 * HOUR)
    assert not any("A slip" in body for body in place.bodies("carol"))


def test_the_budget_is_kept_and_grows_tighter(place: Village) -> None:
    shown: list[int] = []
    for minute in range(24 * 60):
        if minute % 5 == 0:
            place.say("bob", "unlike 1" if minute % 10 else "like 1")
        before = len(edits(place, "carol"))
        place.wait(MINUTE)
        shown += [minute] * (len(edits(place, "carol")) - before)
    assert shown[0] <= 2
    gaps = [later - earlier for earlier, later in pairwise(shown)]
    assert all(gap >= 30 * (n + 1) - 1 for n, gap in enumerate(gaps)), gaps
    assert len(shown) >= 7


def test_old_copies_stay_as_they_are(place: Village) -> None:
    place.wait(4 * DAY)
    place.say("bob", "like 1")
    place.wait(DAY)
    assert not edits(place, "carol")
    assert "♥" in place.one("carol", "moment 1")


def test_no_edit_follows_what_was_taken_away(place: Village) -> None:
    place.say("bob", "comment 1 How lovely")
    place.say("alice", "audience 1 friends except @carol:x.org")
    place.wait(DAY)
    assert not edits(place, "carol")
    assert [copy.redacted for copy in copies(place, "carol")] == [True]


def test_edits_go_with_the_moment(place: Village) -> None:
    place.say("bob", "comment 1 How lovely")
    place.wait(2 * MINUTE)
    place.say("bob", "like 1")
    place.wait(HOUR)
    place.say("alice", "delete 1")
    assert all(copy.redacted for copy in copies(place, "carol"))
    assert len(copies(place, "carol")) == 3


def test_answers_wait_for_no_edit(place: Village) -> None:
    """Edits are the last thing that is sent in a chat."""
    place.say("bob", "like 1")
    place.stuck.add("carol")
    place.now += 2 * MINUTE
    place.deliver()
    place.say_only("carol", "ping")
    place.stuck.clear()
    place.deliver()
    *_, answer, edit = place.rooms["carol"].events
    assert "m.new_content" in edit.content
    assert "m.new_content" not in answer.content


def test_a_rendering_that_may_have_arrived_is_not_relied_upon(place: Village) -> None:
    """The first try of an edit got no answer; what it showed, nobody knows, so the next change is sent for sure."""
    place.say("bob", "like 1")
    place.stuck.add("carol")
    place.wait(2 * MINUTE)
    place.db.run_sync(lambda tx: place._claims.scan(tx, set(), 0))
    claimed = place.take("carol")
    place.arrive(claimed)
    place.restart()
    place.stuck.clear()
    place.wait(2 * MINUTE)
    assert len(edits(place, "carol")) == 1
    place.say("bob", "unlike 1")
    place.wait(HOUR)
    assert "♥" not in edits(place, "carol")[-1].body
    assert len(edits(place, "carol")) == 2


def test_a_budget() -> None:
    budget = Budget(per_hour=2, gather_ms=MINUTE)
    assert budget.due(0, []) == MINUTE
    assert budget.due(HOUR, [HOUR - MINUTE]) == HOUR + 29 * MINUTE
    assert budget.due(HOUR, [0, HOUR - MINUTE]) == 2 * HOUR - MINUTE
    assert budget.due(9 * HOUR, [0, HOUR]) == 9 * HOUR + MINUTE
    assert budget.due(HOUR, [HOUR - MINUTE], slower=4) == HOUR - MINUTE + 2 * HOUR
    assert budget.due(0, [], slower=4) == 4 * MINUTE


def test_the_default_is_two_edits_of_a_copy_an_hour() -> None:
    config = MomentsConfig()
    assert config.copy_edits_per_hour == Budget().per_hour == 2
    assert config.copy_edits_busy == Budget().busy


def test_the_more_edits_there_are_in_all_the_longer_each_waits() -> None:
    budget = Budget(busy=100)
    loads = [0, 99, 100, 199, 200, 399, 400, 10**9]
    assert [budget.slower(load) for load in loads] == [1, 1, 2, 2, 4, 4, 8, 64]
    load = Load()
    load.add(0, 70)
    load.add(30 * MINUTE, 30)
    assert load.within_an_hour(59 * MINUTE) == 100
    assert load.within_an_hour(60 * MINUTE) == 30
    load.add(91 * MINUTE, 1)
    assert load.within_an_hour(91 * MINUTE) == 1


def test_a_busy_installation_edits_more_seldom(place: Village) -> None:
    """Whoever's copies they are: Carol's waits because others are edited, and not longer than theirs."""
    place.outbox._edits.add(place.now, Budget().busy)
    place.say("bob", "like 1")
    place.wait(MINUTE + 1000)
    assert not edits(place, "carol")
    place.wait(MINUTE)
    assert len(edits(place, "carol")) == len(edits(place, "alice")) == 1
    place.say("bob", "unlike 1")
    place.wait(31 * MINUTE)
    assert len(edits(place, "carol")) == 1
    place.wait(30 * MINUTE)
    assert len(edits(place, "carol")) == 2
