"""O4: what the operator lets go when it is old."""

from collections.abc import Callable
from typing import Any

import pytest

from bridge.db import Tx, day_keys, two_keys
from bridge.moments.model import MomentLimits
from bridge.rights.retention import Retention, RetentionSettings, count
from tests.features.village import MINUTE, Village, user_id

DAY = 24 * 60 * MINUTE
Keep = Callable[..., None]


@pytest.fixture
def keep_in() -> Callable[[Village], Keep]:
    """`keep_in(village)(inactive_ms=…)`: do what the bot does every hour."""

    def of(village: Village) -> Keep:
        def run(**settings: Any) -> None:
            deletions = village.deletions
            retention = Retention(
                RetentionSettings(**settings), village.people, deletions.outbox, village.moments, deletions
            )
            while village.db.run_sync(retention.step):
                pass
            village.deliver()

        return run

    return of


@pytest.fixture
def keep(village: Village, keep_in: Callable[[Village], Keep]) -> Keep:
    return keep_in(village)


def due(village: Village) -> list[int]:
    return list(village.db.run_sync(village.deletions.due))


def test_nothing_goes_unless_it_is_asked_for(village: Village, keep: Keep) -> None:
    village.say("bob", "post Old")
    village.wait(10_000 * DAY)
    before = village.bodies("alice"), village.bodies("bob")
    keep()
    assert (village.bodies("alice"), village.bodies("bob")) == before
    assert village.db.run_sync(lambda tx: count(tx, RetentionSettings())) == dict.fromkeys(
        (
            "moments",
            "log_entries",
            "told_to_programs",
            "requests",
            "inactive_people",
            "moments_without_own_key",
        )
    ) | {"moments_by_wish_of_their_authors": 0, "people_with_limits_of_their_own": 0}


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


def saved(village: Village) -> list[tuple[str, int, int, bytes]]:
    """What is sealed of moments, as somebody may have copied it: table, row, whose, and what stands there."""

    def work(tx: Tx) -> list[tuple[str, int, int, bytes]]:
        rows = [("moments", r.id, r.author_id, r.sealed) for r in tx.sql("SELECT id, author_id, sealed FROM moments")]
        rows += [
            ("comments", r.id, r.person_id, r.sealed) for r in tx.sql("SELECT id, person_id, sealed FROM comments")
        ]
        rows += [
            ("pictures", r.id, r.author_id, r.sealed)
            for r in tx.sql("SELECT p.id, m.author_id, p.sealed FROM pictures p JOIN moments m ON m.id = p.moment_id")
        ]
        return rows

    return village.db.run_sync(work)


def opens(village: Village, rows: list[tuple[str, int, int, bytes]], keys: list[int | None]) -> int:
    """How many of these open, with the keys that there are."""

    def work(tx: Tx) -> int:
        return sum(
            any(two_keys.read(tx, key, owner, table, row, "sealed", value) is not None for key in keys)
            for table, row, owner, value in rows
        )

    return village.db.run_sync(work)


@pytest.mark.parametrize("own_keys", [False, True], ids=["asked for later", "asked for before"])
def test_the_keys_of_old_moments_are_destroyed(own_keys: bool, keep_in: Callable[[Village], Keep]) -> None:
    """With what was copied while it was there, and every key that there is then, nothing opens."""
    village = Village(moment_limits=MomentLimits(confirm_wider=False, kept_days=10 if own_keys else None))
    village.open("alice", "bob")
    village.befriend("alice", "bob")
    keep = keep_in(village)
    settings = RetentionSettings(moments_ms=10 * DAY)
    for _ in range(25):
        village.say("bob", "post Old")
    village.picture("bob", "post With a picture")
    village.say("alice", "feed")
    village.say("alice", "comment 2 Alice says")
    without = village.db.run_sync(lambda tx: count(tx, settings))["moments_without_own_key"]
    assert without == (0 if own_keys else 26)
    keep(moments_ms=10 * DAY)
    assert village.db.run_sync(lambda tx: count(tx, settings))["moments_without_own_key"] == 0
    assert "Alice says" in "\n".join(village.say("bob", "moment 26") + village.say("bob", "moment 25"))
    copied = saved(village)
    keys = list(village.db.run_sync(lambda tx: tx.sql("SELECT key_id FROM moments").scalars().all()))
    assert opens(village, copied, keys) == len(copied) == 28
    village.wait(11 * DAY)
    assert village.db.run_sync(lambda tx: count(tx, settings))["moments"] == 26
    keep(moments_ms=10 * DAY)
    village.wait(MINUTE)
    assert saved(village) == []
    assert opens(village, copied, [*keys, None]) == 0
    assert set(keys) <= village.vault.keys.erased().keys()
    village.close()


def test_damaged_moments_keep_no_key_from_others(village: Village, keep: Keep) -> None:
    for number in range(45):
        village.say("bob", f"post Number {number}")
    village.db.run_sync(lambda tx: tx.sql("UPDATE moments SET sealed = ? WHERE id <= 21", (b"x",)))
    keep(moments_ms=10 * DAY)
    left = village.db.run_sync(lambda tx: tx.sql("SELECT COUNT(*) FROM moments WHERE key_id IS NULL").scalar_one())
    assert left == 21


# --- what people themselves want ---------------------------------------------------------------------------------
def test_how_long_ones_own_moments_stay(village: Village, keep: Keep) -> None:
    village.say("bob", "post Old")
    village.say("carol", "post Old of Carol")
    village.say("alice", "feed")
    assert "stay until" in village.one("bob", "moments keep")
    village.wait(40 * DAY)
    village.say("bob", "post New")
    question = village.one("bob", "moments keep 30d")
    assert "One of your moments is older than 30 days" in question
    keep()
    assert any("Old" in body for body in village.say("bob", "album")), "nothing before the yes"
    village.say("bob", "2", to=village.rooms["bob"].events[-1].event_id)
    village.one("bob", "moments keep 30d")
    assert "30 days after" in village.one("bob", "1", to=village.rooms["bob"].events[-1].event_id)
    assert village.db.run_sync(lambda tx: count(tx, RetentionSettings()))["moments_by_wish_of_their_authors"] == 1
    keep()
    assert [body for body in village.bodies("alice") if "Old" in body and "Carol" not in body] == []
    assert any("Old of Carol" in body for body in village.bodies("alice"))
    assert "30 days after" in village.one("bob", "moments keep")
    copied = saved(village)
    keys = list(village.db.run_sync(lambda tx: tx.sql("SELECT key_id FROM moments").scalars().all()))
    assert sum(key is not None for key in keys) == 1, "Bob's has a key of its own, Carol's needs none"
    village.say("bob", "post Newer")
    village.wait(31 * DAY)
    keep()
    village.wait(MINUTE)
    assert opens(village, [one for one in copied if one[0] == "moments"], [*keys, None]) == 1, "Carol's"
    assert "posted nothing yet" in village.one("bob", "album")
    assert "stay until" in village.one("bob", "moments keep all")


@pytest.mark.parametrize("words", ["soon", "0d", "99999y", "-1d", "1 h", "1d 2d"])
def test_other_times_are_refused(village: Village, words: str) -> None:
    assert "How long, please" in village.one("bob", f"moments keep {words}")
    assert "stay until" in village.one("bob", "moments keep")


@pytest.mark.parametrize(("words", "days"), [("1d", 1), ("2 weeks", 14), ("6m", 180), ("1 year", 365), ("6个月", 180)])
def test_times_in_words(village: Village, words: str, days: int) -> None:
    said = village.one("bob", f"moments keep {words}")
    assert ("one day" if days == 1 else f"{days} days") in said


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


def dated(village: Village) -> list[tuple[str, int | None]]:
    """The second keys of log entries and requests."""
    query = "SELECT 'log' AS what, key_id FROM access_log UNION ALL SELECT 'request', key_id FROM friend_requests"
    return village.db.run_sync(lambda tx: [(row.what, row.key_id) for row in tx.sql(query)])


def test_what_is_from_before_keys_of_days_gets_them(village: Village, keep: Keep) -> None:
    """As an update finds it: sealed under its owner's key alone."""
    village.session["device"] = "PHONE"
    village.say("carol", f"friend add {user_id('bob')} Please")

    def as_before(tx: Tx) -> None:
        for table, owner, value in (
            ("access_log", "person_id", {"kind": "device", "device": "PHONE"}),
            ("friend_requests", "from_id", "Please"),
        ):
            for row in tx.sql(f"SELECT id, {owner} AS owner FROM {table}").all():
                old = tx.vault.seal(row.owner, table, row.id, "sealed", value)
                tx.sql(f"UPDATE {table} SET key_id = NULL, sealed = ? WHERE id = ?", (old, row.id))
        tx.sql("DELETE FROM day_keys")

    village.db.run_sync(as_before)
    assert "PHONE" in village.one("carol", "log")
    keep()
    assert {key for _, key in dated(village)} == {None}, "nobody wants to let it go"
    keep(requests_ms=90 * DAY, log_ms=90 * DAY)
    keys = {key for _, key in dated(village)}
    assert None not in keys
    assert len(keys) == 2, "one a class and day"
    assert "PHONE" in village.one("carol", "log")
    assert "Please" in "\n".join(village.say("bob", "friends"))
    village.wait(92 * DAY)
    keep(requests_ms=90 * DAY, log_ms=90 * DAY)
    village.wait(MINUTE)
    assert dated(village) == []
    assert keys <= village.vault.keys.erased().keys()


def test_a_day_keeps_its_key_until_all_of_it_is_old(village: Village, keep: Keep) -> None:
    village.session["device"] = "PHONE"
    village.say("carol", "ping")
    village.wait(DAY // 2)
    village.session["device"] = "LAPTOP"
    village.say("carol", "ping")
    village.wait(90 * DAY - DAY // 4)
    keep(log_ms=90 * DAY)
    assert "PHONE" not in village.one("carol", "log")
    assert "LAPTOP" in village.one("carol", "log")


def test_an_older_database_loses_what_lost_its_key(village: Village, keep: Keep) -> None:
    """Put back beside a newer key store; also where nothing is let go any more."""
    village.session["device"] = "PHONE"
    village.say("carol", f"friend add {user_id('bob')} Please")
    keys = tuple(key for _, key in dated(village) if key is not None)
    village.vault.destroy(keys)
    village.db.run_sync(lambda tx: day_keys.forget(tx, keys))
    keep()
    assert dated(village) == []
    assert not [body for body in village.bodies("bob") if "Please" in body]
    assert "nothing" in village.one("carol", "log").lower()
    village.say("carol", f"friend add {user_id('bob')} Again")
    assert [body for body in village.bodies("bob") if "Again" in body]
