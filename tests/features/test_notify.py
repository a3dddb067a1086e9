"""M18: how people are told of new moments; and that posting for many costs no more than posting for few."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

import pytest

from bridge.db import Tx
from bridge.moments.fanout import PART
from bridge.moments.notify import next_time, quiet_for
from tests.features.settled import Settled
from tests.features.village import MINUTE, Village, user_id

HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = datetime(2025, 6, 15, 12, 0, tzinfo=UTC)


def _met_at_noon(village: Village) -> None:
    village.now = round(START.timestamp() * 1000)
    village.open("alice", "bob", "carol")
    village.befriend("alice", "bob")
    village.befriend("alice", "carol")
    village.wait(1000)
    village.now += 1000


_settled = Settled(_met_at_noon, partial(Village, digests=True))


@pytest.fixture
def place() -> Iterator[Village]:
    """Noon. Alice is a friend of Bob and Carol, who do not know each other. Digests come at six in the evening."""
    village = _settled()
    yield village
    village.close()


def until(village: Village, hour: int) -> None:
    """Let it become this hour, as the clock goes."""
    while True:
        village.wait(10 * MINUTE)
        here = datetime.fromtimestamp(village.now / 1000, UTC)
        if here.hour == hour and here.minute < 10:
            return


def since(village: Village, name: str, before: int) -> list[str]:
    return [event.body for event in village.rooms[name].events[before:]]


def count(village: Village, name: str) -> int:
    return len(village.rooms[name].events)


# --- digests -------------------------------------------------------------------------------------------------
def test_the_digest_is_one_event_a_day(place: Village) -> None:
    for number in range(3):
        place.say("alice", f"post Number {number}")
    place.say("alice", "post to @carol:x.org | For Carol")
    bob, carol, alice = (count(place, name) for name in ("bob", "carol", "alice"))
    until(place, 17)
    assert count(place, "bob") == bob
    until(place, 18)
    assert since(place, "bob", bob) == [
        "3 new moments of your friends\n@alice:x.org: 3\n`feed` shows them. Less or more of this: `notify`"
    ]
    assert since(place, "carol", carol)[0].startswith("4 new moments of your friends")
    assert count(place, "alice") == alice, "nothing is new of one's own"
    until(place, 17)
    assert count(place, "bob") == bob + 1
    until(place, 18)
    assert count(place, "bob") == bob + 1, "nothing new, nothing told"


def test_what_was_read_or_is_gone_is_not_new(place: Village) -> None:
    place.say("alice", "post One")
    place.say("bob", "feed")
    place.say("alice", "post Two")
    place.say("alice", "post Three")
    place.say("alice", "audience 3 @carol:x.org")
    before = count(place, "bob")
    until(place, 18)
    assert since(place, "bob", before)[0].startswith("One new moment of your friends")


def test_a_digest_that_waited_tells_what_is_so_when_it_is_sent(place: Village) -> None:
    place.say("alice", "post One")
    place.say("alice", "post Two")
    place.stuck.add("bob")
    until(place, 18)
    place.say("alice", "delete 1")
    before = count(place, "bob")
    until(place, 20)
    place.stuck.clear()
    place.wait(0)
    assert since(place, "bob", before)[0].startswith("One new moment of your friends")


def test_what_comes_while_a_digest_waits_is_in_one_of_them(place: Village) -> None:
    place.say("alice", "post One")
    until(place, 18)
    place.say("alice", "post Two")
    before = count(place, "bob")
    until(place, 18)
    assert since(place, "bob", before)[0].startswith("One new moment of your friends")


def test_the_hour_is_ones_own(place: Village) -> None:
    place.say("bob", "timezone Asia/Shanghai")
    place.say("bob", "notify at 21:30")
    place.say("alice", "post One")
    before = count(place, "bob")
    until(place, 13)
    assert count(place, "bob") == before
    place.wait(30 * MINUTE)
    assert since(place, "bob", before)[0].startswith("One new moment")


def test_no_digest_when_it_is_off(place: Village) -> None:
    place.say("bob", "notify off")
    place.say("alice", "post One")
    before = count(place, "bob")
    until(place, 18)
    place.say("bob", "notify digest")
    before = count(place, "bob")
    until(place, 18)
    assert count(place, "bob") == before, "what was not to be told is not told later"


# --- at once -------------------------------------------------------------------------------------------------
def test_at_once(place: Village) -> None:
    assert place.one("bob", "notify now").startswith("You get each new moment at once.")
    bob, carol = count(place, "bob"), count(place, "carol")
    place.say("alice", "post Hello all")
    [shown] = since(place, "bob", bob)
    assert "· new ·" in shown
    assert "Hello all" in shown
    assert count(place, "carol") == carol
    place.say("alice", "post to @carol:x.org | For Carol")
    place.say("alice", "post to private | For nobody")
    assert count(place, "bob") == bob + 1
    until(place, 18)
    assert count(place, "bob") == bob + 1


def test_for_a_tag(place: Village) -> None:
    place.befriend("bob", "carol")
    place.say("bob", "tag add #near @carol:x.org")
    place.say("bob", "tag add #loud @alice:x.org")
    assert "What #near posts comes at once." in place.one("bob", "notify now #near")
    place.say("bob", "notify off #loud")
    before = count(place, "bob")
    place.say("carol", "post From Carol")
    place.say("alice", "post From Alice")
    assert ["From Carol" in body for body in since(place, "bob", before)] == [True]
    until(place, 18)
    assert count(place, "bob") == before + 1
    place.say("bob", "notify default #near")
    place.say("bob", "notify off #near")
    place.say("bob", "notify now")
    place.say("bob", "tag add #near @alice:x.org")
    place.say("bob", "notify now #loud")
    before = count(place, "bob")
    place.say("carol", "post From Carol")
    place.say("alice", "post From Alice")
    assert ["From Alice" in body for body in since(place, "bob", before)] == [True], "of two tags the louder counts"


def test_quiet_hours(place: Village) -> None:
    place.say("bob", "notify now")
    assert "Between 22:00 and 7:00" in place.one("bob", "notify quiet 22-7:00")
    place.say("bob", "post Mine")
    place.say("alice", "feed")
    until(place, 23)
    before = count(place, "bob")
    place.say("alice", "post At night")
    place.say("alice", "comment 1 At night too")
    place.say("alice", "like 1")
    place.say("alice", "post Deleted before the morning")
    place.say("alice", "delete 3")
    until(place, 6)
    assert [body for body in since(place, "bob", before) if "m.new" not in body and "Mine" not in body] == []
    until(place, 7)
    told = since(place, "bob", before)
    assert any("At night" in body for body in told)
    assert any("At night too" in body for body in told)
    assert any(body.startswith("♥") for body in told)
    assert not any("Deleted before" in body for body in told)
    place.say("bob", "notify quiet off")
    until(place, 23)
    before = count(place, "bob")
    place.say("alice", "post Late")
    assert count(place, "bob") == before + 1


def test_what_waits_comes_when_quiet_hours_end_or_change(place: Village) -> None:
    place.say("bob", "notify now")
    place.say("bob", "notify quiet 22-7")
    until(place, 23)
    before = count(place, "bob")
    place.say("alice", "post At night")
    place.wait(1000)
    assert count(place, "bob") == before
    place.say("bob", "notify quiet 22-9")
    until(place, 8)
    assert not any("At night" in body for body in since(place, "bob", before)), "later now"
    place.say("bob", "notify quiet off")
    place.wait(1000)
    assert sum("At night" in body for body in since(place, "bob", before)) == 1


def test_what_is_gathered_until_quiet_hours_begin_waits_too(place: Village) -> None:
    place.say("bob", "notify quiet 22-7")
    place.say("bob", "post Mine")
    place.say("alice", "feed")
    until(place, 21)
    while datetime.fromtimestamp((place.now + MINUTE) / 1000, UTC).hour != 22:
        place.wait(MINUTE // 2)
    before = count(place, "bob")
    place.say("alice", "like 1")
    until(place, 6)
    assert not any(body.startswith("♥") for body in since(place, "bob", before))
    until(place, 7)
    assert any(body.startswith("♥") for body in since(place, "bob", before))


def test_what_is_set_is_shown_and_nonsense_changes_nothing(place: Village) -> None:
    shown = place.one("bob", "notify")
    assert shown.startswith("You are told once a day how much is new, at 18:00.")
    nonsense = "loud|now bob|now #nothing|at 25:00|at noon|quiet|quiet 7|quiet 7-7|at|off on"
    for text in nonsense.split("|"):
        answer = place.one("bob", f"notify {text}")
        assert "Nothing was changed" in answer or "no tag" in answer, text
    assert place.one("bob", "notify") == shown
    place.say("bob", "language zh")
    assert "22:00 到 7:00" in place.one("bob", "通知 免打扰 22点到7点")


# --- many ----------------------------------------------------------------------------------------------------
@pytest.fixture
def crowd() -> Iterator[Village]:
    """Alice has many friends who want her moments at once; Bob has one such friend among them."""
    village = Village()
    names = [f"n{number}" for number in range(2 * PART + 50)]
    village.open("alice", "bob", *names)
    village.befriend("bob", "n0")

    def befriend_all(tx: Tx) -> None:
        ids = {name: village.people.ensure(tx, user_id(name)).id for name in ("alice", *names)}
        for name in names:
            for a, b in ((ids["alice"], ids[name]), (ids[name], ids["alice"])):
                tx.sql("INSERT INTO friendships (person_id, friend_id, since) VALUES (?, ?, 0)", (a, b))
            tx.sql("INSERT INTO notify_settings (person_id, mode) VALUES (?, 'now')", (ids[name],))

    village.db.run_sync(befriend_all)
    yield village
    village.close()


def waiting(village: Village) -> int:
    return int(
        village.db.run_sync(
            lambda tx: tx.sql("SELECT COUNT(*) FROM outbox WHERE copy_kind = 'moment' AND kind = 'copy'").scalar_one()
        )
    )


def test_posting_queues_nothing_and_then_a_part_at_a_time(crowd: Village) -> None:
    crowd.say_only("alice", "post Hi all")
    assert waiting(crowd) == 0
    assert crowd.db.run_sync(crowd.fanout.step)
    assert waiting(crowd) == PART
    assert crowd.db.run_sync(crowd.fanout.step)
    assert waiting(crowd) == PART, "the next part follows when this one has left"
    # Bob's post for one waits for no more than a part of Alice's.
    crowd.say_only("bob", "post Hi one")
    crowd.db.run_sync(crowd.fanout.step)
    assert waiting(crowd) == PART + 1
    crowd.deliver()
    assert waiting(crowd) == 0
    told = [name for name in crowd.rooms if any("Hi all" in body for body in crowd.bodies(name))]
    assert len(told) == 2 * PART + 50
    assert all(sum("Hi all" in body for body in crowd.bodies(name)) == 1 for name in told)
    assert any("Hi one" in body for body in crowd.bodies("n0"))


def test_a_moment_that_is_deleted_while_it_spreads(crowd: Village) -> None:
    crowd.say_only("alice", "post Hi all")
    crowd.db.run_sync(crowd.fanout.step)
    crowd.say("alice", "delete 1")
    crowd.wait(MINUTE)
    assert not any("Hi all" in body for name in crowd.rooms for body in crowd.bodies(name))
    assert crowd.db.run_sync(lambda tx: tx.sql("SELECT COUNT(*) FROM fanouts").scalar_one()) == 0


# --- times ---------------------------------------------------------------------------------------------------
def test_times_of_the_day() -> None:
    def at(zone: str, *when: int) -> int:
        return round(datetime(*when, tzinfo=ZoneInfo(zone)).timestamp() * 1000)  # type: ignore[arg-type, misc]

    noon = at("Europe/Berlin", 2025, 3, 29, 12)
    assert next_time(noon, "Europe/Berlin", 18 * 60) == at("Europe/Berlin", 2025, 3, 29, 18)
    assert next_time(noon, "Europe/Berlin", 12 * 60) == at("Europe/Berlin", 2025, 3, 30, 12) == noon + 23 * HOUR
    night = (22 * 60, 7 * 60)
    assert quiet_for(noon, "Europe/Berlin", night) == 0
    assert quiet_for(at("Europe/Berlin", 2025, 3, 29, 22), "Europe/Berlin", night) == 8 * HOUR
    assert quiet_for(at("Europe/Berlin", 2025, 3, 30, 6, 59), "Europe/Berlin", night) == MINUTE
    assert quiet_for(at("Europe/Berlin", 2025, 3, 30, 7), "Europe/Berlin", night) == 0
    day = (9 * 60, 17 * 60 + 30)
    assert quiet_for(noon, "Europe/Berlin", day) == 5 * HOUR + 30 * MINUTE
    assert quiet_for(at("UTC", 2025, 1, 1, 17, 30), "UTC", day) == 0


def test_quiet_hours_end_also_when_clocks_go_back() -> None:
    """From 3:00 back to 2:00: it is 2:10 twice, and 2:30 too."""
    first = round(datetime(2025, 10, 26, 2, 10, tzinfo=ZoneInfo("Europe/Berlin")).timestamp() * 1000)
    night = (22 * 60, 2 * 60 + 30)
    assert quiet_for(first, "Europe/Berlin", night) == 20 * MINUTE
    assert quiet_for(first + HOUR, "Europe/Berlin", night) == 20 * MINUTE
    assert next_time(first + 30 * MINUTE, "Europe/Berlin", 2 * 60 + 30) == first + 25 * HOUR + 20 * MINUTE, "one digest"
