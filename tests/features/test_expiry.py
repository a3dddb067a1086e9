"""M11: a moment ends at the second its author said, everywhere, and its key with it."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from bridge.db import two_keys
from bridge.errors import OperatorError, UserError
from bridge.moments import copy_store, responses, store
from bridge.moments.ends import MAX_MS, parse_end
from bridge.moments.expiry import Expiry
from bridge.moments.kinds import MOMENT_COPIES
from bridge.vault import Vault
from tests.features.village import MINUTE, Village

HOUR = 60 * MINUTE
DAY = 24 * HOUR
POST = "The lake"
NONE = "There is no moment 1. The numbers are those that `feed` and `album` show you."


@pytest.fixture
def place(village: Village) -> Village:
    """Alice has posted a picture, Bob and Carol were shown it, and Bob wrote under it."""
    village.picture("alice", f"post {POST}")
    village.now += 1000
    for name in ("alice", "bob", "carol"):
        village.say(name, "feed")
    village.say("bob", "comment 1 How lovely")
    return village


def sealed_rows(village: Village) -> dict[str, Sequence[Any]]:
    return village.db.run_sync(
        lambda tx: {table: tx.sql(f"SELECT * FROM {table}").all() for table in ("moments", "pictures", "comments")}
    )


def readable(village: Village, rows: dict[str, Sequence[Any]]) -> list[bool]:
    """Whether the moment, its picture and the comment open, from rows of an older copy of the database."""

    def work(tx: Any) -> list[bool]:
        [moment], [picture], [comment] = rows["moments"], rows["pictures"], rows["comments"]
        key, author = moment.key_id, moment.author_id
        return [
            two_keys.read(tx, key, author, "moments", moment.id, "sealed", moment.sealed) is not None,
            two_keys.read(tx, key, author, "pictures", picture.id, "sealed", picture.sealed) is not None,
            two_keys.read(tx, key, comment.person_id, "comments", comment.id, "sealed", comment.sealed) is not None,
        ]

    return village.db.run_sync(work)


def test_it_is_gone_at_the_second_though_the_job_is_late(place: Village) -> None:
    assert place.one("alice", "expire 1 1h") == (
        "#1 is there until 15 Jun 2025, 16:06. Then it is gone everywhere, and its key is destroyed."
    )
    end = place.now + HOUR
    place.now = end - 1
    assert any(POST in body and "Until 15 Jun 2025, 16:06" in body for body in place.say("bob", "moment 1"))
    place.now = end
    for name in ("alice", "bob", "carol"):
        for command in ("moment 1", "like 1", "comment 1 Oh", "delete 1", "edit 1 Oh", "expire 1 never"):
            assert place.one(name, command) == NONE, command
        assert place.one(name, "feed").startswith("Nothing here yet")
    assert place.say("alice", "album")[0].startswith("You have posted nothing yet")


def test_it_is_removed_everywhere_and_its_key_destroyed(place: Village) -> None:
    place.say("alice", "expire 1 24h")
    place.say("carol", "moment 1")
    backup = sealed_rows(place)
    assert readable(place, backup) == [True] * 3
    assert place.db.run_sync(lambda tx: copy_store.readers_since(tx, MOMENT_COPIES, 1, 0)) != []
    place.wait(DAY - 1000)
    assert POST in place.one("bob", "moment 1")
    place.wait(1000)
    for name in ("alice", "bob", "carol"):
        assert not any(POST in body or "How lovely" in body for body in place.bodies(name)), name
    assert sealed_rows(place) == {"moments": [], "pictures": [], "comments": []}
    assert readable(place, backup) == [False] * 3, "an older copy of the database does not open either"
    assert place.db.run_sync(store.ended_keys) == []
    place.say("alice", "post Another")
    assert place.one("bob", "feed").startswith("#2 ")


def test_a_key_of_its_own_is_not_enough(place: Village) -> None:
    """With the author's key gone, the key of the moment opens nothing."""
    place.say("alice", "expire 1 24h")
    rows = sealed_rows(place)
    vault = place.db.vault
    assert vault is not None
    [moment] = rows["moments"]
    vault.destroy([moment.author_id])  # type: ignore[attr-defined]
    assert readable(place, rows) == [False, False, True]


def test_what_is_said_later_is_under_the_key_too(place: Village) -> None:
    place.say("alice", "expire 1 24h")
    place.say("alice", "edit 1 The lake at night")
    place.say("carol", "comment 1 From Carol")
    mine = place.last_event
    place.edit("carol", mine, "comment 1 By Carol")
    assert "By Carol" in place.one("alice", "moment 1")
    assert "at night" in place.one("alice", "moment 1")
    backup = sealed_rows(place)
    place.say("alice", "delete 1")
    place.wait(31_000)  # `undo` could bring it back until then
    place.db.run_sync(lambda tx: [responses.comment_ids(tx, 1)])
    rows = {**backup, "comments": backup["comments"][1:]}
    assert readable(place, rows) == [False] * 3, "deleting destroys the key as well"


def test_it_can_be_changed_and_taken_away(place: Village) -> None:
    place.say("alice", "expire 1 1h")
    place.say("alice", "expire 1 3h")
    place.wait(2 * HOUR)
    assert place.one("alice", "expire 1 never") == "#1 stays until you delete it."
    place.wait(DAY)
    assert POST in place.one("bob", "moment 1")
    assert "Until" not in place.one("bob", "moment 1")
    place.say("alice", "expire 1 1h")
    place.wait(HOUR)
    assert place.one("bob", "moment 1") == NONE


def test_a_crash_before_the_key_is_destroyed(place: Village) -> None:
    place.say("alice", "expire 1 1h")
    backup = sealed_rows(place)
    place.now += HOUR
    assert not place.db.run_sync(place.expiry.sweep)
    assert readable(place, backup) == [True] * 3
    place.wait(0)
    assert readable(place, backup) == [False] * 3


def test_a_copy_on_its_way_is_taken_back(place: Village) -> None:
    place.say("alice", "expire 1 1h")
    place.stuck.add("bob")
    place.say_only("bob", "moment 1")
    claimed = place.take("bob")
    event_id = place.arrive(claimed)
    place.wait(HOUR)
    place.settle(claimed, event_id)
    place.stuck.clear()
    place.restart()
    place.wait(MINUTE)
    assert not any(POST in body for body in place.bodies("bob"))


def test_readers_are_told_when_it_ends_and_only_they(place: Village) -> None:
    place.say("alice", "expire 1 24h")
    place.wait(2 * MINUTE)
    assert "Until" in place.rooms["bob"].events[-1].body
    assert place.one("bob", "expire 1 1h") == NONE


def test_what_strangers_see_is_counted_without_what_ended(village: Village) -> None:
    village.open("dora")
    village.say("alice", "privacy set strangers on")
    for number in range(11):
        village.say("alice", f"post to public | Open {number}")
        village.now += 1000
    seen = [*village.say("dora", "album @alice:x.org"), *village.say("dora", "feed more")]
    assert not any("Open 0" in body for body in seen)
    village.say("alice", "expire 11 1h")
    village.now += HOUR
    seen = [*village.say("dora", "album @alice:x.org"), *village.say("dora", "feed more")]
    assert any("Open 0" in body for body in seen), "though the job has not come round"


def test_the_job_runs_by_itself_and_survives_what_fails(place: Village) -> None:
    """The list of erasures can't be written at first: the key waits, and is destroyed the next time."""
    place.say("alice", "expire 1 1h")
    backup = sealed_rows(place)
    place.now += HOUR
    loop, vault = place._loop, place.db.vault
    assert isinstance(vault, Vault)
    tried, done = asyncio.Event(), asyncio.Event()

    def destroy(keys: Sequence[int]) -> None:
        if not tried.is_set():
            loop.call_soon_threadsafe(tried.set)
            raise OperatorError("no room on the disk")
        vault.destroy(keys)
        loop.call_soon_threadsafe(done.set)

    async def live() -> None:
        job = Expiry(place.db, place.expiry._moments, destroy)
        running = asyncio.create_task(job.run())
        await asyncio.wait_for(tried.wait(), 60)
        while not done.is_set():
            job.wake()
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    loop.run_until_complete(live())
    assert readable(place, backup) == [False] * 3
    assert sealed_rows(place)["moments"] == []


# --- when ----------------------------------------------------------------------------------------------------
NOW = 1_750_000_000_000  # 2025-06-15 15:06:40 UTC


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("1h", HOUR),
        ("24h", DAY),
        ("7d", 7 * DAY),
        ("7 days", 7 * DAY),
        ("2 Weeks", 14 * DAY),
        ("30 min", 30 * MINUTE),
        ("in 2 hours", 2 * HOUR),
        ("24小时", DAY),
        ("3天后", 3 * DAY),
        ("2 周", 14 * DAY),
        ("2025-06-16", DAY + 8 * HOUR + 53 * MINUTE + 20_000),
        ("2025-06-16 00:00", 8 * HOUR + 53 * MINUTE + 20_000),
    ],
)
def test_when(text: str, after: int) -> None:
    assert parse_end(text, NOW, "UTC") == NOW + after
    assert parse_end("never", NOW, "UTC") is None
    assert parse_end("永不", NOW, "UTC") is None


def test_a_day_is_a_day_of_ones_own_zone() -> None:
    assert parse_end("2025-06-15", NOW, "Asia/Shanghai") == NOW + 53 * MINUTE + 20_000
    # The day on which clocks go back has 25 hours.
    day = parse_end("2025-10-26", NOW, "Europe/Berlin")
    before = parse_end("2025-10-25", NOW, "Europe/Berlin")
    assert day is not None
    assert before is not None
    assert day - before == 25 * HOUR


@pytest.mark.parametrize(
    "text",
    ["", "soon", "0h", "59", "1x", "-1h", "1 h h", "2025-06-14", "2025-13-01", "2025-02-30", "9999w", "9999-12-31"],
)
def test_no_time(text: str) -> None:
    with pytest.raises(UserError):
        parse_end(text, NOW, "UTC")
    assert MAX_MS > 3650 * DAY
