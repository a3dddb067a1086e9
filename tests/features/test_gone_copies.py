"""Whoever answers a copy that was taken back gets one line, the same whatever the reason."""

from collections.abc import Callable, Iterator

import pytest

from bridge.delivery import gone
from bridge.ids import EventId
from tests.features.test_narrowing import ALICE, NARROWINGS, bobs_place
from tests.features.village import MINUTE, Village

DAY = 24 * 60 * MINUTE
GONE = "That is no longer there."


@pytest.fixture
def place() -> Iterator[Village]:
    village = bobs_place()
    yield village
    village.close()


def _bye(village: Village) -> None:
    village.erase("bob")


REASONS: dict[str, tuple[str, list[str], Callable[[Village], None] | None]] = {
    **{how: (audience, texts, None) for how, (audience, texts) in NARROWINGS.items()},
    "blocked by her": ("friends", [], lambda village: _say(village, "alice", "block @bob:x.org")),
    "parted by her": ("friends", [], lambda village: _say(village, "alice", "friend remove @bob:x.org")),
    "hidden by her": ("friends", [], lambda village: _say(village, "alice", "privacy set theirs @bob:x.org off")),
    "the author is gone": ("friends", [], _bye),
}


def _say(village: Village, who: str, text: str) -> None:
    village.say(who, text)


def _copy(village: Village, how: str) -> EventId:
    """What Alice was shown of a poll of Bob's, and lost."""
    audience, texts, work = REASONS[how]
    village.say("bob", f"post to {audience} | poll Yes / No | Shall we?")
    village.say("bob", "post to private | Another")
    village.wait(4 * DAY)
    [copy] = village.get("alice", "feed")
    assert "Shall we?" in copy.body
    for text in texts:
        village.wait(MINUTE) if text == "(time)" else village.say("bob", text)
    if work is not None:
        work(village)
    assert copy.redacted
    return copy.event_id


def _reacted(village: Village, who: str, target: EventId, key: str = "❤️") -> list[str]:
    before = len(village.rooms[who].events)
    village.react(who, target, key)
    return [event.body for event in village.rooms[who].events[before:]]


def _answers(village: Village, copy: EventId) -> list[list[str]]:
    return [
        _reacted(village, "alice", copy),
        _reacted(village, "alice", copy),
        _reacted(village, "alice", copy, "👍"),
        village.say("alice", "How lovely", copy),
        village.say("alice", "1", copy),
        village.say("alice", "feed", copy),
        [event.body for event in village.get("alice", "How lovely", thread=copy)],
        _reacted(village, "alice", copy),
    ]


@pytest.mark.parametrize("how", REASONS)
def test_one_line(place: Village, how: str) -> None:
    copy = _copy(place, how)
    assert _answers(place, copy) == [[GONE], [], [], [GONE], [GONE], [GONE], [GONE], []]
    place.wait(2 * MINUTE)
    if "bob" in place.rooms:
        assert not any("lovely" in body or "♥" in body for body in place.bodies("bob"))


@pytest.mark.parametrize("how", ["deleted", "block"])
def test_in_chinese(place: Village, how: str) -> None:
    place.say("alice", "language zh")
    copy = _copy(place, how)
    assert _reacted(place, "alice", copy) == ["那条内容已经不在了。"]
    assert place.say("alice", "真好", copy) == ["那条内容已经不在了。"]


def test_it_stands_at_what_was_reacted_to(place: Village) -> None:
    copy = _copy(place, "block")
    _reacted(place, "alice", copy)
    answer = place.rooms["alice"].events[-1]
    assert answer.content["m.relates_to"]["m.in_reply_to"]["event_id"] == copy


def test_reactions_without_a_meaning(place: Village) -> None:
    copy = _copy(place, "block")
    assert _reacted(place, "alice", copy, "🤔") == []
    place.say("alice", "privacy set reactions off")
    assert _reacted(place, "alice", copy) == []
    place.say("alice", "privacy set reactions on")
    assert _reacted(place, "alice", copy) == [GONE]


def test_only_its_reader(place: Village) -> None:
    copy = _copy(place, "block")
    assert _reacted(place, "carol", copy) == []
    assert "know that command" in place.one("carol", "lovely", copy)
    assert _reacted(place, "alice", EventId("$never")) == []


def test_a_picture_is_no_answer(place: Village) -> None:
    copy = _copy(place, "block")
    prepared = place.prepared
    assert len(place.picture("alice", "Look", copy)) == 1
    assert place.prepared == prepared


def test_what_is_said_to_it_joins_no_draft(place: Village) -> None:
    copy = _copy(place, "block")
    place.say("alice", "post")
    assert place.one("alice", "How lovely", copy) == GONE
    assert "lovely" not in place.one("alice", "draft")


def test_comments(place: Village) -> None:
    place.say("alice", "post Mine")
    place.say("bob", "feed")
    place.say("bob", "comment 1 Hello")
    said = place.last_event
    told = place.rooms["alice"].events[-1]
    assert "Hello" in told.body
    place.redact("bob", said)
    assert told.redacted
    assert place.one("alice", "Hello yourself", told.event_id) == GONE
    assert _reacted(place, "alice", told.event_id) == [], "a reaction to a comment means nothing"


def test_pages(place: Village) -> None:
    place.say("bob", "post One")
    place.say("bob", "post Two")
    [page] = place.get("alice", "feed compact")
    place.say("bob", f"block {ALICE}")
    assert page.redacted
    assert _reacted(place, "alice", page.event_id) == [GONE]
    assert _reacted(place, "alice", page.event_id) == []
    assert place.one("alice", "#1 How lovely", page.event_id) == GONE


def test_what_was_on_its_way(place: Village) -> None:
    place.say("bob", "post Hello")
    place.say_only("alice", "feed")
    claimed = place.take("alice")
    place.say("bob", "delete 1")
    sent = place.arrive(claimed)
    redaction = place.settle(claimed, sent)
    assert redaction is not None
    place.settle(redaction, place.arrive(redaction))
    assert next(event for event in place.rooms["alice"].events if event.event_id == sent).redacted
    assert _reacted(place, "alice", sent) == [GONE]


def test_on_every_engine(any_engine: Village) -> None:
    any_engine.say("alice", "post Hello")
    [copy] = any_engine.get("bob", "feed")
    any_engine.say("alice", "delete 1")
    assert _reacted(any_engine, "bob", copy.event_id) == [GONE]
    assert _reacted(any_engine, "bob", copy.event_id) == []
    assert any_engine.one("bob", "Hello", copy.event_id) == GONE


# --- how long ------------------------------------------------------------------------------------------------
def _rows(village: Village) -> int:
    return int(village.db.run_sync(lambda tx: tx.sql("SELECT COUNT(*) FROM gone_copies").scalar_one()))


def test_it_is_forgotten_in_time(place: Village) -> None:
    copy = _copy(place, "block")
    place.now += 30 * DAY
    place.db.run_sync(lambda tx: gone.forget_old(tx, 30 * DAY))
    assert _reacted(place, "alice", copy) == [GONE]
    place.now += 1
    place.db.run_sync(lambda tx: gone.forget_old(tx, 30 * DAY))
    assert _rows(place) == 0
    assert _reacted(place, "alice", copy) == []


def test_it_goes_with_its_reader(place: Village) -> None:
    _copy(place, "block")
    assert _rows(place) > 0
    place.erase("alice")
    assert _rows(place) == 0


def test_nothing_of_it_stands_in_the_clear(place: Village) -> None:
    copy = _copy(place, "block")
    rows = place.db.run_sync(lambda tx: tx.sql("SELECT * FROM gone_copies").all())
    assert rows
    assert not any(copy in str(value) or "bob" in str(value) for row in rows for value in row)
