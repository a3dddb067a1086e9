"""O4: limits that the operator sets for single people."""

from collections.abc import Iterator
from functools import partial

import pytest

from bridge.db import Tx, own_limits
from bridge.moments.model import MomentLimits
from bridge.rights.retention import Retention, RetentionSettings, count, dry_run
from tests.features.settled import Settled
from tests.features.test_retention import DAY, dated, due, opens, saved
from tests.features.village import MINUTE, Village, user_id

BOB, CAROL, NOBODY = user_id("bob"), user_id("carol"), user_id("nobody")


def _are_friends(village: Village) -> None:
    village.open("alice", "bob", "carol")
    village.befriend("alice", "bob")
    village.befriend("alice", "carol")


_settled = Settled(_are_friends, partial(Village, moment_limits=MomentLimits(confirm_wider=False, kept_days=100)))


@pytest.fixture
def village() -> Iterator[Village]:
    """With a limit for everybody, as `kept_days` says it to those who ask."""
    town = _settled()
    yield town
    town.close()


def keep(village: Village, settings: RetentionSettings) -> None:
    """What the bot does every hour."""
    deletions = village.deletions
    job = Retention(settings, village.people, deletions.outbox, village.moments, deletions)
    while village.db.run_sync(job.step):
        pass
    village.deliver()
    village.wait(0)  # keys are destroyed


def test_a_limit_of_ones_own_takes_the_place_of_everybodys(village: Village) -> None:
    """A shorter one, a longer one, and none at all; of one class alone."""
    settings = RetentionSettings(
        moments_ms=100 * DAY,
        log_ms=100 * DAY,
        people={BOB: {own_limits.MOMENTS: 10}, CAROL: {own_limits.MOMENTS: None, own_limits.LOG: 200}},
    )
    village.session["device"] = "PHONE"
    for name in ("alice", "bob", "carol"):
        village.say(name, f"post Of {name}")
    village.say("alice", "feed")
    keep(village, settings)
    village.wait(11 * DAY)
    assert village.db.run_sync(lambda tx: count(tx, settings))["moments"] == 1
    keep(village, settings)
    assert not [body for body in village.bodies("alice") if "Of bob" in body]
    assert [body for body in village.bodies("alice") if "Of carol" in body]
    village.wait(100 * DAY)
    assert village.db.run_sync(lambda tx: count(tx, settings))["moments"] == 1, "that of Alice"
    keep(village, settings)
    assert any("Of carol" in body for body in village.say("carol", "album"))
    assert "posted nothing yet" in village.one("alice", "album")
    assert "PHONE" not in village.one("bob", "log")
    assert "PHONE" in village.one("carol", "log")
    village.say("carol", "post Later, and for ever")
    keep(village, settings)
    assert village.db.run_sync(lambda tx: count(tx, settings))["moments_without_own_key"] == 0, "hers needs none"
    village.wait(100 * DAY)
    keep(village, settings)
    assert any("Of carol" in body for body in village.say("carol", "album"))
    assert "PHONE" not in village.one("carol", "log")


def test_the_shorter_of_the_operators_and_of_ones_own_wish_holds(village: Village) -> None:
    settings = RetentionSettings(
        moments_ms=100 * DAY, people={BOB: {own_limits.MOMENTS: 10}, CAROL: {own_limits.MOMENTS: None}}
    )
    keep(village, settings)
    assert "100 days after" in village.one("alice", "moments keep")
    assert "10 days after" in (said := village.one("bob", "moments keep"))
    assert "whoever runs me" in said
    assert "stay until" in village.one("carol", "moments keep")
    assert "10 days after" in village.one("bob", "moments keep 30d"), "longer than the operator keeps them"
    assert "2 days after" in village.one("carol", "moments keep 2d")
    assert "whoever runs me" not in village.one("carol", "moments keep")
    assert "10 days after" in village.one("bob", "moments keep all")
    village.say("bob", "moments keep 30d")
    for name in ("bob", "carol"):
        village.say(name, f"post Of {name}")
    village.wait(3 * DAY)
    keep(village, settings)
    assert "posted nothing yet" in village.one("carol", "album")
    village.wait(8 * DAY)
    keep(village, settings)
    assert "posted nothing yet" in village.one("bob", "album")


def test_the_keys_of_their_moments_are_destroyed(village: Village) -> None:
    """Where nobody else has a limit."""
    village.moments.limits = MomentLimits(confirm_wider=False)
    settings = RetentionSettings(people={BOB: {own_limits.MOMENTS: 10}})
    village.say("bob", "post From before there was a limit")
    village.say("carol", "post Of Carol")
    assert village.db.run_sync(lambda tx: count(tx, RetentionSettings()))["moments_without_own_key"] is None
    assert dry_run(village.db, settings)["moments_without_own_key"] == 1
    keep(village, settings)
    village.say("bob", "post New")
    assert village.db.run_sync(lambda tx: count(tx, settings))["moments_without_own_key"] == 0
    copied = saved(village)
    keys = list(village.db.run_sync(lambda tx: tx.sql("SELECT key_id FROM moments").scalars().all()))
    assert sum(key is not None for key in keys) == 2, "Bob's, and not Carol's"
    village.wait(11 * DAY)
    keep(village, settings)
    assert opens(village, copied, [*keys, None]) == 1
    assert {key for key in keys if key is not None} <= village.vault.keys.erased().keys()


def keys_of(village: Village, person: str) -> set[int | None]:
    """Of their log entries."""
    known = village.db.run_sync(lambda tx: village.people.known(tx, user_id(person)))
    assert known is not None
    query = "SELECT key_id FROM access_log WHERE person_id = ?"
    return set(village.db.run_sync(lambda tx: tx.sql(query, (known.id,)).scalars()))


def test_no_other_limit_holds_up_the_end_of_a_key(village: Village) -> None:
    """What was written on one day by people with different limits, before and after these were set."""
    settings = RetentionSettings(
        log_ms=50 * DAY,
        people={BOB: {own_limits.LOG: 10}, CAROL: {own_limits.LOG: None}},
    )
    for device in ("PHONE", "LAPTOP"):
        village.session["device"] = device
        for name in ("alice", "bob", "carol"):
            village.say(name, "ping")
        keep(village, settings)
    each = {name: keys_of(village, name) for name in ("alice", "bob", "carol")}
    assert [len(keys) for keys in each.values()] == [1, 1, 1], "one day, one limit, one key"
    assert len(set.union(*each.values())) == 3
    for name in each:
        assert "PHONE" in (log := village.one(name, "log"))
        assert "LAPTOP" in log
    gone = village.vault.keys.erased
    village.wait(12 * DAY)
    keep(village, settings)
    assert each["bob"] <= gone().keys()
    assert not (each["alice"] | each["carol"]) & gone().keys()
    village.wait(40 * DAY)
    keep(village, settings)
    assert each["alice"] <= gone().keys()
    assert "PHONE" in village.one("carol", "log")
    # The operator thinks better of it: Carol is like everybody.
    keep(village, RetentionSettings(log_ms=50 * DAY))
    keep(village, RetentionSettings(log_ms=50 * DAY))
    assert each["carol"] <= gone().keys()
    assert not village.db.run_sync(lambda tx: tx.sql("SELECT kind FROM day_keys WHERE kind LIKE '%/%'").scalars())


def test_requests_and_accounts_of_single_people(village: Village) -> None:
    settings = RetentionSettings(
        inactive_ms=100 * DAY,
        people={BOB: {own_limits.INACTIVE: None, own_limits.REQUESTS: 90}, CAROL: {own_limits.INACTIVE: 50}},
    )
    village.say("bob", f"friend add {CAROL} Please")
    village.say("alice", "ping")
    keep(village, settings)
    assert len([key for what, key in dated(village) if what == "request" and key is not None]) == 1
    village.wait(51 * DAY)
    village.say("alice", "ping")
    assert dry_run(village.db, settings)["inactive_people"] == 1
    keep(village, settings)
    assert "for long" in village.bodies("carol")[-1]
    village.wait(50 * DAY)
    keep(village, settings)
    assert not [body for body in village.bodies("carol") if "Please" in body]
    assert not [body for body in village.bodies("bob") if "for long" in body]
    assert len(due(village)) == 1
    assert "request" not in [what for what, _ in dated(village)]


def test_who_is_not_here_breaks_nothing(village: Village) -> None:
    """Nor is anybody made by it; a limit holds for who comes later, within the hour."""
    dave = user_id("dave")
    settings = RetentionSettings(people={NOBODY: {own_limits.MOMENTS: 1}, dave: {own_limits.MOMENTS: 10}})
    before = village.db.run_sync(lambda tx: tx.sql("SELECT COUNT(*) FROM people").scalar_one())
    keep(village, settings)
    assert dry_run(village.db, settings)["people_with_limits_of_their_own"] == 0
    assert village.db.run_sync(lambda tx: tx.sql("SELECT COUNT(*) FROM people").scalar_one()) == before
    village.open("dave")
    village.say("dave", "post Of Dave")
    keep(village, settings)
    assert village.db.run_sync(lambda tx: count(tx, settings))["people_with_limits_of_their_own"] == 1
    village.wait(11 * DAY)
    keep(village, settings)
    assert "posted nothing yet" in village.one("dave", "album")
    village.ask_for_the_end("dave")
    village.wait(8 * DAY)
    village.end("dave")
    keep(village, settings)
    assert village.db.run_sync(own_limits.count) == 0, "nothing of them stays"


def test_a_dry_run_changes_nothing(village: Village) -> None:
    village.say("bob", "post Old")
    village.wait(20 * DAY)

    def everything(tx: Tx) -> list[object]:
        return [tuple(tx.sql(f"SELECT * FROM {t} ORDER BY 1").all()) for t in ("own_limits", "moments", "day_keys")]

    before = village.db.run_sync(everything)
    assert dry_run(village.db, RetentionSettings(people={BOB: {own_limits.MOMENTS: 10}}))["moments"] == 1
    assert village.db.run_sync(everything) == before
    village.wait(MINUTE)
