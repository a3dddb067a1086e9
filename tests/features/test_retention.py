"""O4: what the operator lets go when it is old."""

from collections.abc import Callable

import pytest

from bridge.rights.retention import Retention, RetentionSettings, count
from tests.features.village import MINUTE, Village, user_id

DAY = 24 * 60 * MINUTE
Keep = Callable[..., None]


@pytest.fixture
def keep(village: Village) -> Keep:
    """`keep(inactive_ms=…)`: do what the bot does every hour."""

    def run(**settings: int) -> None:
        deletions = village.deletions
        retention = Retention(
            RetentionSettings(**settings), village.people, deletions.outbox, village.moments, deletions
        )
        while village.db.run_sync(retention.step):
            pass
        village.deliver()

    return run


def due(village: Village) -> list[int]:
    return list(village.db.run_sync(village.deletions.due))


def test_nothing_goes_unless_it_is_asked_for(village: Village, keep: Keep) -> None:
    village.say("bob", "post Old")
    village.wait(10_000 * DAY)
    before = village.bodies("alice"), village.bodies("bob")
    keep()
    assert (village.bodies("alice"), village.bodies("bob")) == before
    assert village.db.run_sync(lambda tx: count(tx, RetentionSettings())) == dict.fromkeys(
        ("moments", "log_entries", "requests", "inactive_people")
    )


def test_old_moments_go_with_their_copies(village: Village, keep: Keep) -> None:
    village.say("bob", "post Old")
    village.say("alice", "feed")
    village.wait(20 * DAY)
    village.say("bob", "post New")
    village.say("alice", "feed")
    settings = RetentionSettings(moments_ms=10 * DAY)
    assert village.db.run_sync(lambda tx: count(tx, settings))["moments"] == 1
    assert any("Old" in body for body in village.bodies("alice")), "counting changes nothing"
    keep(moments_ms=10 * DAY)
    assert not [body for body in village.bodies("alice") if "Old" in body]
    assert any("New" in body for body in village.bodies("alice"))
    assert village.db.run_sync(lambda tx: count(tx, settings))["moments"] == 0


def test_old_requests_and_log_entries_go(village: Village, keep: Keep) -> None:
    village.session["device"] = "PHONE"
    village.say("carol", f"friend add {user_id('bob')} Please")
    assert "PHONE" in village.one("carol", "log")
    village.wait(100 * DAY)
    keep(requests_ms=90 * DAY, log_ms=90 * DAY)
    assert not [body for body in village.bodies("bob") if "Please" in body]
    assert "PHONE" not in village.one("carol", "log")
    assert "carol" not in village.one("bob", "friends")


def test_who_says_nothing_for_long_is_told_and_then_erased(village: Village, keep: Keep) -> None:
    village.say("bob", "post Of Bob")
    village.say("alice", "feed")
    village.wait(99 * DAY)
    village.say("alice", "ping")
    village.say("carol", "ping")
    keep(inactive_ms=100 * DAY)
    assert "for long" not in village.bodies("bob")[-1]
    village.wait(2 * DAY)
    keep(inactive_ms=100 * DAY)
    keep(inactive_ms=100 * DAY)
    assert [body for body in village.bodies("bob") if "for long" in body] == [village.bodies("bob")[-1]], "told once"
    village.wait(29 * DAY)
    assert due(village) == []
    village.wait(2 * DAY)
    assert len(due(village)) == 1
    village.end("bob")
    assert not [body for body in village.bodies("alice") if "Of Bob" in body]


def test_who_says_anything_stays(village: Village, keep: Keep) -> None:
    village.wait(101 * DAY)
    keep(inactive_ms=100 * DAY)
    village.wait(29 * DAY)
    village.say("bob", "ping")
    village.wait(40 * DAY)
    assert village.db.run_sync(lambda tx: village.people.known(tx, user_id("bob"))) is not None
    names = {row for row in due(village)}
    bob = village.db.run_sync(lambda tx: village.people.known(tx, user_id("bob")))
    assert bob is not None
    assert bob.id not in names
    assert len(names) == 2, "the others said nothing"
