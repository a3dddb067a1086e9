"""M17: a poll in a moment: who sees which votes, how one votes, and what becomes of votes."""

from collections.abc import Iterator
from typing import Any

import pytest

from bridge.db import Tx
from bridge.moments import export_polls, store
from tests.features.settled import Settled
from tests.features.test_damage import damage
from tests.features.village import MINUTE, Shown, Village, user_id

DAY = 24 * 60 * MINUTE
POLL = "post poll The lake / The hill / Home | Where shall we go?"


@Settled
def _know_alice(village: Village) -> None:
    village.open("alice", "bob", "carol", "dora", "erin")
    for name in ("bob", "carol", "dora"):
        village.befriend("alice", name)
    village.befriend("bob", "carol")


@pytest.fixture
def place() -> Iterator[Village]:
    """Alice is a friend of Bob, Carol and Dora; Bob and Carol know each other, Dora knows neither."""
    village = _know_alice()
    yield village
    village.close()


def answers(body: str) -> list[str]:
    """The lines of the answers."""
    return [line for line in body.split("\n") if line[:4] in ("1 · ", "2 · ", "3 · ")]


def shown(village: Village, name: str, text: str = "feed") -> Shown:
    return village.get(name, text)[0]


def edits(village: Village, name: str) -> list[Shown]:
    return [event for event in village.rooms[name].events if "m.new_content" in event.content]


def test_a_poll_is_shown_with_its_answers(place: Village) -> None:
    assert place.one("alice", POLL) == "Posted as #1, for your 3 friends."
    body = shown(place, "bob").body
    assert body.split("\n\n")[1] == "Where shall we go?"
    assert answers(body) == ["1 · The lake", "2 · The hill", "3 · Home"]
    assert "Reply with a number to vote, or type `vote 1 1`." in body


def test_votes_by_command_and_by_reply(place: Village) -> None:
    place.say("alice", POLL)
    copy = shown(place, "bob")
    assert place.one("bob", "vote 1 2") == "Your vote on #1: The hill"
    assert answers(place.one("alice", "moment 1"))[1] == "2 · The hill — 1: @bob:x.org"
    assert place.one("bob", "1", copy.event_id) == "Your vote on #1: The lake"
    assert answers(place.one("alice", "moment 1")) == ["1 · The lake — 1: @bob:x.org", "2 · The hill", "3 · Home"]
    assert answers(place.one("bob", "moment 1"))[0] == "1 · The lake — 1: you"
    assert place.one("bob", "A word", copy.event_id) == "Your comment is on #1."
    assert place.one("bob", "unvote 1") == "Your vote on #1 is taken back."
    assert place.one("bob", "unvote 1") == "You had not voted on #1."
    assert "—" not in "".join(answers(place.one("alice", "moment 1")))


def test_votes_are_seen_by_whom_a_like_would_be_seen(place: Village) -> None:
    place.say("alice", POLL)
    for name, answer in (("bob", 1), ("carol", 1), ("dora", 2)):
        place.say(name, "feed")
        place.say(name, f"vote 1 {answer}")
    place.say("alice", "vote 1 3")
    assert answers(place.one("alice", "moment 1")) == [
        "1 · The lake — 2: @bob:x.org, @carol:x.org",
        "2 · The hill — 1: @dora:x.org",
        "3 · Home — 1: you",
    ]
    assert answers(place.one("bob", "moment 1")) == [
        "1 · The lake — 2: you, @carol:x.org",
        "2 · The hill",
        "3 · Home — 1: @alice:x.org",
    ]
    assert answers(place.one("dora", "moment 1")) == [
        "1 · The lake",
        "2 · The hill — 1: you",
        "3 · Home — 1: @alice:x.org",
    ]
    place.say("bob", "friend remove @carol:x.org")
    assert answers(place.one("carol", "moment 1"))[0] == "1 · The lake — 1: you"


def test_who_sees_no_vote_gets_no_edit(place: Village) -> None:
    place.say("alice", POLL)
    for name in ("alice", "bob", "carol", "dora"):
        place.say(name, "feed")
    place.say("bob", "vote 1 1")
    place.wait(2 * MINUTE)
    assert len(edits(place, "alice")) == len(edits(place, "carol")) == 1
    assert not edits(place, "dora")
    place.say("bob", "vote 1 2")
    place.say("bob", "vote 1 1")
    place.wait(DAY)
    assert len(edits(place, "carol")) == 1, "it reads the same"


def test_closing(place: Village) -> None:
    place.say("alice", POLL)
    place.say("bob", "feed")
    place.say("carol", "feed")
    place.say("bob", "vote 1 1")
    assert place.one("carol", "poll close 1") == place.one("carol", "poll close 9").replace("9", "1")
    assert place.one("alice", "poll close 1") == "The poll of #1 is closed. What was voted stays."
    assert place.one("carol", "vote 1 1").startswith("That poll is closed.")
    body = place.one("carol", "moment 1")
    assert "The poll is closed." in body
    assert answers(body)[0] == "1 · The lake — 1: @bob:x.org"
    assert "Edited" not in body
    assert place.one("bob", "unvote 1") == "Your vote on #1 is taken back."


def test_what_can_not_be(place: Village) -> None:
    place.say("alice", POLL)
    place.say("alice", "post No poll")
    place.say("bob", "feed")
    assert place.one("bob", "vote 1 1") == "There is no poll in that moment."
    assert place.one("bob", "vote 2 4") == place.one("bob", "vote 2 9")
    assert place.one("bob", "vote 9 1").startswith("There is no moment 9.")
    assert place.one("alice", "poll close 2") == "There is no poll in that moment."
    place.say("alice", "responses 1 nobody")
    assert place.one("bob", "vote 2 1") == "Likes and comments are not open to you here."


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("post poll A / B", "Where do the answers end"),
        ("post poll A / B |", "What is the question?"),
        ("post poll A / / B | Q", "A poll has 2 to 10 answers"),
        ("post poll A / a | Q", "Two answers of that poll are the same."),
        (f"post poll {'x' * 81} / B | Q", "An answer of a poll has 80 characters at most."),
        (f"post poll {' / '.join(map(str, range(11)))} | Q", "A poll has 2 to 10 answers"),
    ],
)
def test_a_poll_that_is_not_understood_publishes_nothing(place: Village, text: str, answer: str) -> None:
    assert place.one("alice", text).startswith(answer)
    assert place.one("alice", "album").startswith("You have posted nothing yet.")


def test_what_only_sounds_like_a_poll_is_a_text(place: Village) -> None:
    place.say("alice", "post poll results are in | at last")
    assert "poll results are in | at last" in place.one("alice", "moment 1")


def test_a_draft_becomes_a_poll(place: Village) -> None:
    place.say("alice", "post")
    assert "A poll: Yes, No" in place.one("alice", "draft poll Yes / No")
    place.say("alice", "Shall we?")
    assert place.one("alice", "1").startswith("Posted as #1")
    assert answers(shown(place, "bob").body) == ["1 · Yes", "2 · No"]


def test_an_edit_changes_the_question_and_never_the_answers(place: Village) -> None:
    place.say("alice", POLL)
    event = place.last_event
    place.say("bob", "feed")
    place.say("bob", "vote 1 1")
    assert place.edit("alice", event, POLL.replace("go?", "meet?")) == ["#1 is changed."]
    body = place.one("bob", "moment 1")
    assert "Where shall we meet?" in body
    assert answers(body)[0] == "1 · The lake — 1: you"
    assert "changes the text alone" in place.edit("alice", event, POLL.replace("The hill", "The sea"))[0]
    assert answers(place.one("bob", "moment 1"))[1] == "2 · The hill"


def test_a_poll_behind_a_warning_is_hidden(place: Village) -> None:
    place.say("alice", "post cw Plans | poll Yes / No | Shall we?")
    body = shown(place, "bob").body
    assert not answers(body)
    assert answers(place.one("bob", "open 1")) == ["1 · Yes", "2 · No"]


@pytest.mark.parametrize(
    "happens",
    [
        ("alice", "audience 1 @bob:x.org"),
        ("alice", "privacy set mine @carol:x.org off"),
        ("alice", "friend remove @carol:x.org"),
        ("alice", "block @carol:x.org"),
        ("carol", "privacy set mine @bob:x.org off"),
    ],
)
def test_a_vote_goes_with_its_voter(place: Village, happens: tuple[str, str]) -> None:
    """Who loses the moment loses their place in it, and copies that showed them there go."""
    place.say("alice", POLL)
    place.say("carol", "feed")
    place.say("carol", "vote 1 1")
    copy = shown(place, "bob")
    assert "@carol:x.org" in copy.body
    place.say(*happens)
    assert copy.redacted
    assert "carol" not in place.one("bob", "moment 1")


def test_votes_are_withdrawn_with_what_was_left_behind(place: Village) -> None:
    place.say("alice", POLL)
    place.say("carol", "feed")
    place.say("carol", "vote 1 1")
    assert "2" in place.one("carol", "friend remove @alice:x.org")
    place.say("carol", "2")
    place.say("alice", "friend add @carol:x.org")
    place.say("carol", "friend add @alice:x.org")
    assert "—" not in "".join(answers(place.one("alice", "moment 1")))


def test_an_erasure_takes_votes(place: Village) -> None:
    place.say("alice", POLL)
    place.say("carol", "feed")
    place.say("carol", "vote 1 1")
    copy = shown(place, "bob")
    farewell = place.erase("carol")
    assert farewell is not None
    assert copy.redacted
    assert answers(place.one("bob", "moment 1"))[0] == "1 · The lake"
    assert not place.db.run_sync(lambda tx: tx.sql("SELECT * FROM votes").all())


def test_a_poll_that_expires_keeps_its_votes_under_its_key(place: Village) -> None:
    place.say("alice", POLL)
    place.say("bob", "feed")
    place.say("bob", "vote 1 1")
    place.say("alice", "expire 1 1h")
    assert answers(place.one("alice", "moment 1"))[0] == "1 · The lake — 1: @bob:x.org"
    place.say("bob", "vote 1 2")
    assert answers(place.one("alice", "moment 1"))[1] == "2 · The hill — 1: @bob:x.org"
    place.wait(DAY)
    assert not place.db.run_sync(lambda tx: tx.sql("SELECT * FROM votes").all())


def test_a_damaged_vote_costs_itself_alone(any_engine: Village) -> None:
    village = any_engine
    village.say("alice", POLL)
    for name in ("bob", "carol"):
        village.say(name, "feed")
        village.say(name, "vote 1 1")
    damage(village.db, "votes", "id = 1")
    assert answers(village.one("alice", "moment 1"))[0] == "1 · The lake — 1: @carol:x.org"
    assert village.one("bob", "vote 1 2") == "Your vote on #1: The hill"


def test_a_page_says_that_there_is_a_poll(place: Village) -> None:
    place.say("bob", "feed compact")
    place.say("alice", POLL)
    assert "a poll with 3 answers" in shown(place, "bob").body


def test_strangers_see_a_poll_without_votes(place: Village) -> None:
    place.say("alice", "privacy set strangers on")
    place.say("alice", "post to public | poll Yes / No | Shall we?")
    place.say("bob", "feed")
    place.say("bob", "vote 1 1")
    body = shown(place, "erin", "album @alice:x.org").body
    assert answers(body) == ["1 · Yes", "2 · No"]
    assert place.one("erin", "vote 1 1") == "Only friends can like and comment."


def test_an_export_holds_polls_and_votes(place: Village) -> None:
    place.say("alice", POLL)
    place.say("bob", "feed")
    place.say("bob", "vote 1 2")

    def exported(tx: Tx) -> tuple[dict[str, Any], list[dict[str, str]]]:
        people = {name: place.people.get(tx, user_id(name)) for name in ("alice", "bob")}
        alice, bob = people["alice"], people["bob"]
        assert alice is not None
        assert bob is not None
        moment = store.moment(tx, 1)
        assert moment is not None
        return export_polls.details(tx, alice.id, moment), export_polls.votes(tx, bob, 10)

    details, votes = place.db.run_sync(exported)
    assert details["type"] == "Question"
    assert [(one["name"], one["replies"]["totalItems"]) for one in details["oneOf"]] == [
        ("The lake", 0),
        ("The hill", 1),
        ("Home", 0),
    ]
    assert [vote["answer"] for vote in votes] == ["The hill"]
    place.say("alice", "block @bob:x.org")
    assert place.db.run_sync(exported)[1] == []


def test_a_message_that_voted_is_edited_and_taken_back(place: Village) -> None:
    place.say("alice", POLL)
    copy = shown(place, "bob")
    place.say("bob", "1", copy.event_id)
    first = place.last_event
    assert place.edit("bob", first, "2")[0].endswith("Your vote on #1: The hill")
    assert answers(place.one("alice", "moment 1"))[1] == "2 · The hill — 1: @bob:x.org"
    place.say("bob", "vote 1 3")
    second = place.last_event
    assert place.redact("bob", first) == []
    assert answers(place.one("alice", "moment 1"))[2] == "3 · Home — 1: @bob:x.org", "an older message counts no more"
    assert place.edit("bob", second, "vote 1 1")[0].endswith("Your vote on #1: The lake")
    place.say("alice", "post No poll")
    assert "no longer understand" in place.edit("bob", second, "Oh")[0]
    assert place.redact("bob", second) == []
    assert "—" not in "".join(answers(place.one("alice", "moment 1")))


@pytest.mark.parametrize("happens", ["delete 1", "audience 1 private", "block @bob:x.org"])
def test_an_edit_of_a_vote_on_what_is_gone(place: Village, happens: str) -> None:
    """Whatever became of the moment: the same answer, and none to a redaction."""
    place.say("alice", POLL)
    shown(place, "bob")
    place.say("bob", "vote 1 1")
    event = place.last_event
    place.say("alice", happens)
    place.wait(2 * MINUTE)
    assert place.edit("bob", event, "vote 1 2")[0].startswith("It is done already,")
    assert place.redact("bob", event) == []


def notices(village: Village) -> list[str]:
    return [body.split("\n")[0] for body in village.bodies("alice") if "in your poll" in body]


def test_the_author_is_told_who_voted_together(place: Village) -> None:
    place.say("alice", POLL)
    for name in ("bob", "carol"):
        place.say(name, "feed")
        place.say(name, "vote 1 1")
    place.say("bob", "vote 1 2")
    assert notices(place) == []
    place.wait(2 * MINUTE)
    both = "@bob:x.org, @carol:x.org have voted in your poll #1. `moment 1` shows how."
    assert notices(place) == [both]
    assert "The lake" not in place.bodies("alice")[-1], "how somebody voted may change"
    place.say("bob", "vote 1 1")
    place.say("alice", "vote 1 1")
    place.wait(2 * MINUTE)
    assert notices(place) == [both], "another answer, and one's own, are no news"
    place.say("dora", "feed")
    place.say("dora", "vote 1 1")
    place.wait(2 * MINUTE)
    assert len(notices(place)) == 2
    assert "@dora:x.org" in notices(place)[1]


def test_nobody_is_told_of_votes_in_quiet_hours_or_of_ones_taken_back(place: Village) -> None:
    place.say("alice", POLL)
    place.say("bob", "feed")
    place.say("bob", "vote 1 1")
    place.say("bob", "unvote 1")
    place.wait(2 * MINUTE)
    assert notices(place) == []
    place.say("alice", "notify quiet 0:00-23:59")
    place.say("bob", "vote 1 1")
    place.wait(2 * MINUTE)
    assert notices(place) == []
    place.wait(DAY)
    assert len(notices(place)) == 1


@pytest.mark.parametrize("how", ["block @bob:x.org", "friend remove @bob:x.org", "delete 1", "erase"])
def test_what_the_author_was_told_of_votes_follows(place: Village, how: str) -> None:
    place.say("alice", POLL)
    for name in ("bob", "carol"):
        place.say(name, "feed")
    place.say("bob", "vote 1 1")
    place.wait(2 * MINUTE)
    assert len(notices(place)) == 1
    place.say("carol", "vote 1 1")
    if how == "erase":
        place.erase("bob")
    else:
        place.say("alice", how)
    place.wait(2 * MINUTE)
    assert not [body for body in notices(place) if "bob" in body]
    assert len(notices(place)) == (0 if how == "delete 1" else 1)
