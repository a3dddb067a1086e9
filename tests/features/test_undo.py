"""X10: what can be taken back, for how long, and what is there meanwhile."""

import pytest

from bridge.db import Tx
from bridge.moments.model import MomentLimits
from tests.features.village import MINUTE, Village

SECOND, DAY = 1000, 24 * 60 * MINUTE
NONE = "There is nothing to take back: `undo` is for the last post, deletion or change of privacy, within 30 seconds."


def rows(village: Village) -> int:
    def work(tx: Tx) -> int:
        return sum(int(tx.sql(f"SELECT COUNT(*) FROM {table}").scalar_one()) for table in ("moments", "comments"))

    return village.db.run_sync(work)


def test_a_post_is_taken_back(village: Village) -> None:
    village.say("alice", "post Oops")
    [shown] = village.get("bob", "feed")
    assert village.one("alice", "undo") == "Taken back. #1 is gone, with every copy that I can reach."
    assert shown.redacted
    assert rows(village) == 0, "nothing of it is kept"
    assert village.one("bob", "feed").startswith("Nothing here yet")
    assert village.one("alice", "undo") == NONE


def test_a_deletion_is_taken_back(village: Village) -> None:
    village.say("alice", "post Hello")
    village.say("bob", "feed")
    village.say("bob", "comment 1 Hi")
    village.say("bob", "like 1")
    [shown] = village.get("carol", "feed")
    village.say("alice", "delete 1")
    assert shown.redacted
    # Out of everybody's sight at once, its author's included, by every way.
    for name in ("alice", "bob", "carol"):
        assert village.one(name, "feed").startswith(("Nothing here yet", "You have")), name
        assert village.one(name, "moment 1") == village.one(name, "moment 999").replace("999", "1")
        assert village.one(name, "like 1") == village.one(name, "like 999").replace("999", "1")
    assert "Hello" not in "".join(village.say("alice", "view as @bob:x.org"))
    assert "There is no moment 1" in village.one("alice", "delete 1")
    assert village.one("alice", "undo") == "#1 is back. Whoever may see it sees it again when they read."
    body = village.one("bob", "feed")
    assert "Hello" in body
    assert "Hi" in body
    assert "♥" in village.one("alice", "feed")


def test_time_is_over(village: Village) -> None:
    village.say("alice", "post Hello")
    village.say("bob", "feed")
    village.say("bob", "comment 1 Hi")
    village.say("alice", "delete 1")
    village.wait(29 * SECOND)
    assert rows(village) == 2
    village.wait(2 * SECOND)
    assert rows(village) == 0, "destroyed, whether or not anybody asks"
    assert village.one("alice", "undo") == NONE
    village.say("alice", "post Hello")
    village.wait(31 * SECOND)
    assert village.one("alice", "undo") == NONE
    assert "Hello" in village.one("bob", "feed")


def test_only_the_last_thing(village: Village) -> None:
    village.say("alice", "post One")
    village.say("alice", "post Two")
    village.say("alice", "delete 1")
    village.say("alice", "delete 2")
    village.wait(1 * SECOND)
    assert rows(village) == 1, "the first deletion is final"
    assert village.one("alice", "undo").startswith("#2 is back")
    assert village.one("alice", "undo") == NONE
    assert village.one("bob", "undo") == NONE


def test_what_others_take_back_meanwhile_stays_away(village: Village) -> None:
    village.say("alice", "post Hello")
    village.say("bob", "feed")
    village.say("bob", "comment 1 Hi")
    comment = village.last_event
    village.say("carol", "feed")
    village.say("carol", "comment 1 Ho")
    village.say("alice", "delete 1")
    village.redact("bob", comment)
    village.say("alice", "friend remove @carol:x.org")
    village.say("alice", "undo")
    body = village.one("alice", "feed")
    assert "Hi" not in body
    assert "Ho" not in body
    assert village.one("carol", "feed").startswith("Nothing here yet")


def test_an_expired_one_does_not_come_back(village: Village) -> None:
    village.say("alice", "post Hello")
    village.say("alice", "expire 1 2min")
    village.wait(2 * MINUTE - 10 * SECOND)
    village.say("alice", "delete 1")
    village.wait(11 * SECOND)
    assert village.one("alice", "undo") == NONE
    assert village.one("bob", "feed").startswith("Nothing here yet")


def test_deleting_ones_message_can_be_taken_back_too(village: Village) -> None:
    village.say("alice", "post Hello")
    village.redact("alice", village.last_event)
    assert village.one("alice", "undo").startswith("#1 is back")
    assert "Hello" in village.one("bob", "feed")


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ("privacy set window 3d", "privacy set window all"),
        ("privacy set mine @bob:x.org off", "privacy set mine @bob:x.org on"),
        ("privacy set mine #work off", "privacy set mine #work on"),
        ("privacy set chats-only @bob:x.org on", "privacy set chats-only @bob:x.org off"),
    ],
)
def test_a_grant_is_taken_back(village: Village, before: str, change: str) -> None:
    village.say("alice", "tag add #work @bob:x.org")
    village.say("alice", "post Old")
    village.wait(4 * DAY)
    village.say("alice", before)
    assert village.one("bob", "feed").startswith("Nothing here yet")
    village.say("alice", change)
    [shown] = village.get("bob", "feed")
    assert "Old" in shown.body
    village.say("alice", "undo")
    assert shown.redacted
    assert village.one("bob", "feed").startswith("Nothing here yet")
    assert village.one("alice", "undo") == NONE


def test_a_grant_of_a_field_is_taken_back(village: Village) -> None:
    village.say("alice", "profile set phone 5551234")
    village.say("alice", "privacy set phone friends")
    assert "5551234" in village.one("bob", "profile @alice:x.org")
    assert village.one("alice", "undo") == "It is as it was before."
    assert "5551234" not in village.one("bob", "profile @alice:x.org")
    village.say("alice", "privacy set phone @bob:x.org")
    village.say("alice", "privacy set phone everyone")
    village.say("alice", "undo")
    assert "5551234" in village.one("bob", "profile @alice:x.org")
    assert "5551234" not in village.one("carol", "profile @alice:x.org")


def test_another_audience_is_taken_back(village: Village) -> None:
    village.say("alice", "post to @bob:x.org | Hello")
    village.wait(31 * SECOND)
    village.say("alice", "audience 1 friends")
    village.say("alice", "1")
    [shown] = village.get("carol", "feed")
    assert village.one("alice", "undo").startswith("#1 is for @bob:x.org now: one friend.")
    assert shown.redacted
    assert village.one("carol", "feed").startswith("Nothing here yet")
    assert village.one("alice", "undo") == NONE
    assert "Hello" in village.one("bob", "feed")
    village.say("alice", "audience 1 private")
    assert village.one("bob", "feed").startswith("Nothing here yet")
    assert village.one("alice", "undo").startswith("#1 is for @bob:x.org now: one friend.")
    assert "Hello" in village.one("bob", "feed")
    village.say("alice", "audience 1 private")
    village.wait(31 * SECOND)
    assert village.one("alice", "undo") == NONE


def test_an_audience_that_names_a_tag_that_is_gone(village: Village) -> None:
    village.say("alice", "tag add #work @bob:x.org")
    village.say("alice", "post to #work | Hello")
    village.say("alice", "audience 1 private")
    village.say("alice", "tag delete #work")
    assert village.one("alice", "undo").startswith("A tag in that audience is gone meanwhile")
    assert village.one("bob", "feed").startswith("Nothing here yet")
    assert village.one("alice", "undo").startswith("A tag in that audience is gone meanwhile")
    assert "Hello" in village.one("alice", "moment 1"), "the post is not taken for what was meant"


def test_an_audience_of_a_moment_that_has_ended(village: Village) -> None:
    village.say("alice", "post expire 1m | Hello")
    village.wait(50 * SECOND)
    village.say("alice", "audience 1 private")
    village.now += 11 * SECOND
    assert village.one("alice", "undo") == NONE


def test_the_default_audience_is_taken_back(village: Village) -> None:
    village.say("alice", "privacy set post @bob:x.org")
    village.say("alice", "privacy set post friends")
    village.say("alice", "undo")
    assert village.one("alice", "post Hello") == "Posted as #1, for @bob:x.org: one person."


def test_it_can_be_turned_off() -> None:
    village = Village(moment_limits=MomentLimits(undo_ms=0, confirm_wider=False))
    village.open("alice")
    village.say("alice", "post Hello")
    assert village.one("alice", "undo").startswith("There is nothing to take back")
    assert village.one("alice", "delete 1").endswith("a copy stays.")
    assert rows(village) == 0
    village.close()
