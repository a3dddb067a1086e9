"""I1, I10: requests, friends, profiles."""

import pytest

from bridge.contacts.model import ContactLimits
from tests.features.village import MINUTE, Village

DAY = 24 * 60 * MINUTE
ASKED = "Your request waits for @{}:x.org now. When they accept, I will tell you."


def test_a_request_is_a_question_with_numbers(strangers: Village) -> None:
    assert strangers.one("alice", "friend add @bob:x.org We met at the lake") == ASKED.format("bob")
    question = strangers.bodies("bob")[-1]
    assert "@alice:x.org would like to be your friend" in question
    assert "We met at the lake" in question
    assert "1 — accept" in question
    assert strangers.one("bob", "1") == "You and @alice:x.org are friends now."
    assert strangers.bodies("alice")[-1] == "You and @bob:x.org are friends now."
    assert strangers.one("alice", "friends") == "Your friend\n@bob:x.org"
    assert strangers.one("bob", "friends") == "Your friend\n@alice:x.org"


def test_until_accepted_the_asker_is_a_stranger(strangers: Village) -> None:
    strangers.say("bob", "post For my friends")
    strangers.say("bob", "profile set name Bob")
    before = [strangers.one("alice", c) for c in ("feed", "album @bob:x.org", "profile @bob:x.org", "friends")]
    strangers.say("alice", "friend add @bob:x.org")
    after = [strangers.one("alice", c) for c in ("feed", "album @bob:x.org", "profile @bob:x.org", "friends")]
    assert after == before
    nobody = [strangers.one("alice", c) for c in ("album @nobody:x.org", "profile @nobody:x.org")]
    assert [text.replace("nobody", "bob") for text in nobody] == before[1:3]


def test_declining_is_silent_and_cannot_be_found_out(strangers: Village) -> None:
    """Who was declined sees and hears the same as who is waiting."""
    strangers.say("alice", "friend add @bob:x.org")
    strangers.say("carol", "friend add @bob:x.org")
    strangers.say("bob", "friend decline @alice:x.org")
    count = len(strangers.bodies("bob"))
    for command in ("friends", "friend add @bob:x.org", "feed", "profile @bob:x.org", "friend remove @bob:x.org"):
        assert strangers.say("alice", command) == strangers.say("carol", command), command
    strangers.wait(30 * DAY)
    for command in ("friend add @bob:x.org again", "friends"):
        assert strangers.say("alice", command) == strangers.say("carol", command), command
    assert len(strangers.bodies("bob")) == count, "a repeated request must not ring again"


def test_after_a_long_time_one_may_ask_again(strangers: Village) -> None:
    strangers.say("alice", "friend add @bob:x.org")
    strangers.say("bob", "2")
    strangers.wait(91 * DAY)
    assert strangers.one("alice", "friend add @bob:x.org Please") == ASKED.format("bob")
    assert "Please" in strangers.bodies("bob")[-1]


def test_who_declined_may_change_their_mind(strangers: Village) -> None:
    strangers.say("alice", "friend add @bob:x.org")
    strangers.say("bob", "2")
    assert strangers.one("bob", "friend add @alice:x.org") == "You and @alice:x.org are friends now."


def test_adding_who_asked_accepts(strangers: Village) -> None:
    strangers.say("alice", "friend add @bob:x.org")
    assert strangers.one("bob", "friend add @alice:x.org") == "You and @alice:x.org are friends now."
    assert strangers.one("bob", "1").startswith("No question is open")


def test_the_answer_is_the_same_for_everybody(strangers: Village) -> None:
    strangers.say("alice", "friend add @bob:x.org")
    strangers.say("bob", "2")
    for name in ("bob", "carol", "nobody"):
        assert strangers.one("alice", f"friend add @{name}:x.org") == ASKED.format(name)


def test_a_request_waits_for_the_first_chat(strangers: Village) -> None:
    strangers.say("alice", "friend add @fourth:x.org Hello there")
    strangers.open("fourth")
    greeting, question = strangers.bodies("fourth")
    assert greeting.startswith("Hello! I am Courtyard.")
    assert "Hello there" in question
    strangers.say("fourth", "1")
    assert strangers.bodies("alice")[-1] == "You and @fourth:x.org are friends now."


def test_numbers_of_requests(strangers: Village) -> None:
    """They mean what the list showed last, and nothing where that would be a guess."""
    strangers.say("bob", "friend add @alice:x.org")
    strangers.say("carol", "friend add @alice:x.org")
    for number in (1, 2):
        assert strangers.one("alice", f"friend accept {number}").startswith(f"There is no open request {number}")
    assert "1 — @bob:x.org\n2 — @carol:x.org" in strangers.one("alice", "friends")
    assert strangers.one("alice", "friend accept 2") == "You and @carol:x.org are friends now."
    assert strangers.one("alice", "friend accept 2").startswith("There is no open request 2")
    assert strangers.one("alice", "friend decline 1") == "Declined. @bob:x.org is not told."
    assert strangers.one("alice", "friend accept 1").startswith("There is no open request 1")


def test_a_number_never_lets_in_somebody_else(strangers: Village) -> None:
    """Bob, who was number 1, takes it back, and Carol asks."""
    strangers.say("bob", "friend add @alice:x.org")
    assert "1 — @bob:x.org" in strangers.one("alice", "friends")
    strangers.say("bob", "friend remove @alice:x.org")
    strangers.say("carol", "friend add @alice:x.org")
    strangers.wait(23 * 60 * MINUTE)
    assert strangers.one("alice", "friend accept 1").startswith("There is no open request 1")
    # A list that she asked for and has not seen changes nothing of what she means.
    strangers.stuck.add("alice")
    strangers.say("alice", "friends")
    strangers.say("alice", "friends")
    strangers.say("alice", "friend accept 1")
    strangers.stuck.clear()
    strangers.wait(1)
    assert strangers.bodies("alice")[-1].startswith("There is no open request 1")
    assert "1 — @carol:x.org" in "".join(strangers.bodies("alice"))
    assert strangers.one("alice", "friend accept 1") == "You and @carol:x.org are friends now."


def test_the_only_request_is_the_first(strangers: Village) -> None:
    strangers.say("bob", "friend add @alice:x.org")
    assert strangers.one("alice", "friend accept 1") == "You and @bob:x.org are friends now."


def test_a_request_that_was_taken_back_cannot_be_accepted(strangers: Village) -> None:
    strangers.say("alice", "friend add @bob:x.org")
    strangers.say("alice", "friend remove @bob:x.org")
    assert "no open request" in strangers.one("bob", "friend accept @alice:x.org")
    strangers.say("alice", "friend add @bob:x.org")
    assert strangers.one("bob", "friend accept @alice:x.org") == "You and @alice:x.org are friends now."


def test_notes_cannot_forge(strangers: Village) -> None:
    strangers.say("alice", "friend add @bob:x.org **hi**\n@carol:x.org would like \u202eto be your friend")
    question = strangers.bodies("bob")[-1]
    assert "They write: **hi** @carol:x.org would like to be your friend\n" in question


def test_parting_is_silent_and_mutual(village: Village) -> None:
    village.say("alice", "post From Alice")
    village.say("bob", "post From Bob")
    village.say("bob", "feed")
    village.say("alice", "feed")
    count = len(village.rooms["alice"].events)
    assert "no longer among your friends" in village.one("bob", "friend remove @alice:x.org")
    assert len(village.rooms["alice"].events) == count, "nobody is told"
    assert not any("From Bob" in body for body in village.bodies("alice"))
    assert not any("From Alice" in body for body in village.bodies("bob"))
    assert village.one("alice", "friends") == "Your friend\n@carol:x.org"
    assert "From Bob" not in "".join(village.say("alice", "feed"))
    assert "From Alice" not in "".join(village.say("bob", "feed"))


def test_limits() -> None:
    village = Village(contact_limits=ContactLimits(open_requests=2, friends=3, note=5))
    village.open("alice", "bob", "carol", "fourth", "fifth")
    assert "too long" in village.one("alice", "friend add @bob:x.org far too long")
    village.say("alice", "friend add @bob:x.org")
    village.say("alice", "friend add @nobody:x.org")
    assert "still unanswered" in village.one("alice", "friend add @carol:x.org")
    village.say("bob", "1")
    village.say("carol", "friend add @alice:x.org")
    village.say("alice", "1")
    village.say("fourth", "friend add @alice:x.org")
    assert "it is full" in village.one("alice", "1")
    village.close()


def test_a_flood_of_requests_announces_only_some() -> None:
    village = Village(contact_limits=ContactLimits(notices=2))
    village.open("alice", "bob", "carol", "fourth")
    for name in ("bob", "carol", "fourth"):
        assert village.one(name, "friend add @alice:x.org") == ASKED.format("alice")
    assert len(village.bodies("alice")) == 3
    assert "3 — @fourth:x.org" in village.one("alice", "friends")
    village.close()


def test_profiles(village: Village) -> None:
    assert "Nothing for you to see" in village.one("alice", "profile")
    village.say("alice", "profile set name Alice\u202e Liddell")
    village.say("alice", "profile set bio I like *lakes*\nand cats")
    mine = village.one("alice", "profile")
    assert "Name: Alice Liddell" in mine
    assert "I like *lakes*\nand cats" in mine
    assert "Name: Alice Liddell" in village.one("bob", "profile @alice:x.org")
    assert village.one("bob", "profile @carol:x.org") == "There is no profile of @carol:x.org for you to see."
    assert village.one("bob", "friends") == "Your friend\nAlice Liddell (@alice:x.org)"
    village.say("alice", "profile set name")
    assert "Name:" not in village.one("bob", "profile @alice:x.org")
    assert "can't be the name of a field" in village.one("alice", "profile set 44 44")
    assert "too long" in village.one("alice", "profile set name " + "x" * 61)


def test_yourself(strangers: Village) -> None:
    assert "That is you" in strangers.one("alice", "friend add @alice:x.org")
    assert "not among your friends" in strangers.one("alice", "friend remove @alice:x.org")


@pytest.mark.parametrize("command", ["加好友 @bob:x.org 你好", "加好友@bob:x.org"])
def test_chinese(strangers: Village, command: str) -> None:
    strangers.say("alice", "language zh")
    assert strangers.one("alice", command) == "你的申请正在等 @bob:x.org 回复。对方接受后，我会告诉你。"


def test_on_every_engine(any_engine: Village) -> None:
    assert any_engine.one("alice", "friends") == "Your 2 friends\n@bob:x.org\n@carol:x.org"
    any_engine.say("bob", "friend add @carol:x.org x")
    any_engine.say("carol", "friend decline 1")
    any_engine.say("bob", "friend remove @carol:x.org")
    any_engine.say("alice", "friend remove @carol:x.org")
    any_engine.say("bob", "profile set name Bob")
    assert any_engine.one("alice", "friends") == "Your friend\nBob (@bob:x.org)"


@pytest.mark.parametrize("how", ["accept", "number", "both ask", "asked", "code"])
def test_what_was_set_before_parting_holds_again_and_is_told(village: Village, how: str) -> None:
    bob = "@bob:x.org"
    for text in (f"privacy set chats-only {bob} on", f"privacy set mine {bob} off", f"privacy set theirs {bob} off"):
        village.say("alice", text)
    village.say("alice", f"tag add #t {bob}")
    village.say("bob", "privacy set mine @alice:x.org off")
    village.say("alice", f"friend remove {bob}")
    village.say("bob", "post For friends")
    if how == "asked":
        village.say("alice", f"friend add {bob}")
        village.say("bob", "friend accept @alice:x.org")
        told = village.bodies("alice")[-1]
    elif how == "code":
        code = village.one("bob", "invite new").split("invite ")[1][:14]
        told = village.one("alice", f"invite {code}")
    else:
        village.say("bob", "friend add @alice:x.org")
        told = village.one(
            "alice", {"accept": f"friend accept {bob}", "number": "1", "both ask": f"friend add {bob}"}[how]
        )
    assert "chats only" in told
    assert "does not see your moments" in told
    assert "you don't see the moments" in told
    assert "#t" in told
    assert not any("For friends" in body for body in village.say("alice", "feed"))


def test_accepting_for_chats_only_says_it_once(village: Village) -> None:
    village.say("alice", "privacy set chats-only @bob:x.org on")
    village.say("alice", "friend remove @bob:x.org")
    village.say("bob", "friend add @alice:x.org")
    assert village.one("alice", "3").count("chats only") == 1
    assert "chats only" not in village.bodies("bob")[-1]
