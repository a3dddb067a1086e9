"""`moment N copies`: where copies of one's own moment may be, and where they can't be taken back; never who read it."""

from collections.abc import Iterator

import pytest

from bridge.moments import reach
from bridge.rights.retention import Retention, RetentionSettings
from tests.features.settled import Settled
from tests.features.village import MINUTE, Village

DAY = 24 * 60 * MINUTE
DORA, EVE = "@dora:y.org", "@eve:y.org"


@Settled
def _live_on_two_servers(village: Village) -> None:
    village.open("alice", "bob", "carol", "dora:y.org", "eve:y.org")
    for name in ("bob", "carol", "dora:y.org", "eve:y.org"):
        village.befriend("alice", name)
    village.say("alice", f"tag add #some @bob:x.org {DORA}")
    village.say("alice", "post Hello")


@pytest.fixture
def place() -> Iterator[Village]:
    village = _live_on_two_servers()
    yield village
    village.close()


def asked(village: Village, number: int = 1) -> list[str]:
    """The lines that say something about servers."""
    body = village.one("alice", f"moment {number} copies")
    return [line for line in body.splitlines() if ".org:" in line]


ALL = ["x.org: up to 2", "y.org: up to 2"]


def test_whom_it_is_for_by_server(place: Village) -> None:
    body = place.one("alice", "moment 1 copies")
    assert body.startswith("#1 could be seen by 4 people, now or earlier, so up to that many have a copy:\n")
    assert asked(place) == ALL
    place.say("alice", "post to #some | Some")
    assert asked(place, 2) == ["x.org: up to 1", "y.org: up to 1"]
    place.say("alice", "post to private | Mine")
    assert place.one("alice", "moment 3 copies") == (
        "Nobody else could see #3, now or earlier, so there is no copy of it."
    )
    place.say("alice", "post to public | All")
    assert "strangers who looked are not counted" in place.one("alice", "moment 4 copies")
    place.say("alice", "audience 4 private")
    assert asked(place, 4) == ALL
    assert "It is or was public" in place.one("alice", "moment 4 copies")


def test_who_reads_hides_or_blocks_changes_nothing(place: Village) -> None:
    for who, what in (
        ("bob", "feed"),
        ("bob", "notify now"),
        ("carol", "privacy set theirs @alice:x.org off"),
        ("dora:y.org", "block @alice:x.org"),
        ("eve:y.org", "privacy set chats-only @alice:x.org on"),
    ):
        place.say(who, what)
        assert asked(place) == ALL, what


def test_who_hides_counts_as_reached_like_anybody(place: Village) -> None:
    place.say("carol", "feed")
    place.say("carol", "privacy set theirs @alice:x.org off")
    assert asked(place) == ALL, "nobody is unreached"
    place.thrown_out.add("carol")
    out = ["x.org: up to 2; the chat of one of them I can't reach", "y.org: up to 2"]
    assert asked(place) == out, "as of who throws the bot out and hides nobody"
    place.say("alice", "delete 1")
    assert asked(place) == out
    place.thrown_out.clear()
    assert asked(place) == ALL


@pytest.mark.parametrize(
    "how",
    [
        "audience 1 private",
        "audience 1 #some",
        "privacy set mine @eve:y.org off",
        "friend remove @eve:y.org",
        "privacy set chats-only @eve:y.org on",
        "block @eve:y.org",
        "privacy set window 3d",
    ],
)
def test_who_saw_it_earlier_is_counted(place: Village, how: str) -> None:
    place.say("alice", how)
    assert asked(place) == ALL
    place.wait(4 * DAY)
    assert asked(place) == ALL


def test_what_was_too_old_when_it_was_taken_away_is_counted(place: Village) -> None:
    place.say("alice", "privacy set window 3d")
    place.wait(4 * DAY)
    place.say("alice", "block @eve:y.org")
    place.say("alice", "audience 1 @bob:x.org")
    assert asked(place) == ALL


def test_who_leaves_a_tag_that_is_followed_is_counted(place: Village) -> None:
    place.say("alice", "post to #some live | Some")
    place.say("alice", f"tag remove #some {DORA}")
    place.say("alice", f"tag add #some {EVE}")
    assert asked(place, 2) == ["y.org: up to 2", "x.org: up to 1"]


def test_chats_that_cant_be_reached(place: Village) -> None:
    place.say("dora:y.org", "feed")
    for name in ("dora:y.org", "eve:y.org", "carol"):
        place.thrown_out.add(name)
    # Eve and Carol never read it: that their chats can't be reached is true of them too.
    assert asked(place) == [
        "x.org: up to 2; the chat of one of them I can't reach",
        "y.org: up to 2; the chats of 2 of them I can't reach",
    ]
    place.thrown_out.clear()
    assert asked(place) == ALL


def test_a_chat_from_before(place: Village) -> None:
    """Dora threw the bot out and opened another chat: what she was shown in the first one stays there."""
    old = place.rooms["dora:y.org"].room_id
    place.shut.add(old)
    place.now += 1000
    place.open_again("dora:y.org")
    assert asked(place) == ["x.org: up to 2", "y.org: up to 2; the chat of one of them I can't reach"]
    place.now += 1000
    place.say("alice", "post Later")
    assert asked(place, 2) == ALL
    place.shut.clear()
    assert asked(place) == ALL


@pytest.mark.parametrize("how", ["delete 1", "expire 1 1m", "undo", "moments keep 1d"])
def test_a_moment_that_is_gone(place: Village, how: str) -> None:
    place.say("alice", how)
    if how.startswith("moments"):
        place.say("alice", "1")
        place.wait(2 * DAY)
        settings = RetentionSettings()
        retention = Retention(settings, place.people, place.outbox, place.moments, place.deletions)
        place.db.run_sync(retention.step)
    place.wait(2 * MINUTE)
    assert place.one("alice", "moment 1") == place.one("alice", "moment 99").replace("99", "1")
    place.thrown_out.add("dora:y.org")
    body = place.one("alice", "moment 1 copies")
    assert body.startswith(
        "#1 is gone. It could be seen by 4 people, so up to that many had a copy, which I take back:"
    )
    assert asked(place) == ["x.org: up to 2", "y.org: up to 2; the chat of one of them I can't reach"]
    place.wait(30 * DAY)
    assert place.one("alice", "moment 1 copies") == place.one("alice", "moment 99 copies").replace("99", "1")


def test_while_it_can_still_be_brought_back(place: Village) -> None:
    place.say("alice", "delete 1")
    assert "#1 is gone" in place.one("alice", "moment 1 copies")
    place.say("alice", "undo")
    assert "#1 could be seen" in place.one("alice", "moment 1 copies")


def test_a_deletion_names_servers_that_are_not_reached(place: Village) -> None:
    place.say("alice", "post Another")
    assert ".org" not in place.one("alice", "delete 2")
    place.thrown_out.update(("dora:y.org", "eve:y.org"))
    answer = place.one("alice", "delete 1")
    assert answer.endswith("`moment 1 copies` says more.\ny.org: 2")
    place.say("alice", "post Third")
    source = place.last_event
    [answer] = place.redact("alice", source)
    assert answer.endswith("y.org: 2")


@pytest.mark.parametrize("word", ["copies", "副本", "Copies", "copy"])
def test_words(place: Village, word: str) -> None:
    assert "could be seen by 4 people" in place.one("alice", f"moment 1 {word}")


def test_in_chinese(place: Village) -> None:
    place.say("alice", "language zh")
    place.thrown_out.add("bob")
    body = place.one("alice", "动态 1 副本")
    assert "有 4 人" in body
    assert "x.org：最多 2；其中 1 人的聊天我到不了" in body


def test_only_the_author_and_only_what_there_is(place: Village) -> None:
    place.say("bob", "feed")
    none = "There is no moment {}. The numbers are those that `feed` and `album` show you."
    assert place.one("bob", "moment 1 copies") == none.format(1)
    assert place.one("bob", "moment 7 copies") == none.format(7)
    assert place.one("alice", "moment 7 copies") == none.format(7)
    assert "I don't understand “readers” there" in place.one("alice", "moment 1 readers")
    assert "copies of it may be" in place.one("bob", "moment 9 readers")
    assert place.one("alice", "moment 0 copies").startswith("“0” is no number")
    assert "moment N [copies]" in place.one("alice", "moment x copies")


def test_many_servers(place: Village) -> None:
    for n in range(25):
        place.open(f"p:s{n}.example")
        place.befriend("alice", f"p:s{n}.example")
    place.thrown_out.add("p:s9.example")
    body = place.one("alice", "moment 1 copies")
    assert "7 other servers: up to 7; not reached: 1" in body
    assert len(body.splitlines()) < 30


def test_who_ends_their_account_is_counted_no_more(place: Village) -> None:
    place.say("alice", "delete 1")
    place.wait(MINUTE)
    place.erase("eve:y.org")
    assert asked(place) == ["x.org: up to 2", "y.org: up to 1"]


def test_what_is_damaged_is_forgotten(place: Village) -> None:
    place.say("alice", "delete 1")
    place.wait(MINUTE)
    place.db.run_sync(lambda tx: tx.sql("UPDATE gone_moments SET sealed = ?", (b"damaged",)))
    assert place.one("alice", "moment 1 copies").startswith("There is no moment 1.")
    place.db.run_sync(lambda tx: reach.forget_old(tx))
    assert place.db.run_sync(lambda tx: tx.sql("SELECT COUNT(*) FROM gone_moments").scalar()) == 1
    place.now += 30 * DAY
    place.db.run_sync(lambda tx: reach.forget_old(tx))
    assert place.db.run_sync(lambda tx: tx.sql("SELECT COUNT(*) FROM gone_moments").scalar()) == 0
