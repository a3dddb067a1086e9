"""`privacy recovery`: whoever has somebody's account, and not their sessions or their code, gets nothing of theirs."""

from __future__ import annotations

import re
from typing import Any

from bridge.chat.inbound import NO_ROOM, RoomView
from bridge.ids import EventId
from bridge.privacy import recovery
from tests.features.village import Village, user_id

VERIFIED: dict[str, Any] = {"device": "OLD", "signed_at": 1}
UNSIGNED: dict[str, Any] = {"device": "NEW", "unsigned_ms": 1}
KEPT_BACK, WELCOME = "I keep everything personal back", "Welcome back"
REFUSED = "sessions that their owner has not verified"
NOWHERE = RoomView(NO_ROOM, None, False)


def switch_on(village: Village) -> str:
    """Alice switches it on; her code."""
    village.session = VERIFIED
    [code] = re.findall(r"(?:[2-9A-Z]{4}-){4}[2-9A-Z]{4}", village.one("alice", "privacy recovery on"))
    return str(code)


def take_over(village: Village, room: RoomView | None = None) -> None:
    """Somebody with Alice's password resets her identity and signs a session of their own."""
    village.reset_identity("alice", "new", room)
    village.session = {"device": "NEW", "signed_at": village.now + 1}


def test_from_the_reset_on_nothing_personal_is_said_or_done(village: Village) -> None:
    code = switch_on(village)
    take_over(village)
    village.deliver()
    assert "Your encryption identity has been reset" in village.bodies("alice")[-1]
    for text in ("feed", "privacy recovery off", "post hello", "privacy recovery on"):
        assert KEPT_BACK in village.one("alice", text)
    assert "not verified before" in village.one("alice", "recover")
    assert "not the code" in village.one("alice", "recover 2222-2222-2222-2222-2222")
    assert village.guarded(user_id("alice"))
    assert WELCOME in village.one("alice", f"recover {code}")
    assert KEPT_BACK not in village.one("alice", "privacy recovery off")


def test_a_start_knows_who_has_switched_it_on(village: Village) -> None:
    switch_on(village)
    assert village.db.run_sync(recovery.guarded_users) == {user_id("alice")}
    village.say("alice", "privacy recovery off")
    assert village.db.run_sync(recovery.guarded_users) == set()
    assert not village.guarded(user_id("alice"))


def test_without_a_chat_it_pauses_as_well(village: Village) -> None:
    switch_on(village)
    take_over(village, NOWHERE)
    village.deliver()
    assert KEPT_BACK in village.one("alice", "privacy recovery off")


def test_who_has_not_switched_it_on_is_told_in_their_next_chat(village: Village) -> None:
    village.reset_identity("alice", "new", NOWHERE)
    village.reset_identity("alice", "new", NOWHERE)  # a restart finds it again
    village.deliver()
    assert [body for body in village.bodies("alice") if "identity has been reset" in body] == [
        village.bodies("alice")[-1]
    ]
    assert KEPT_BACK not in village.one("alice", "feed")


def test_a_session_of_before_brings_everything_back(village: Village) -> None:
    switch_on(village)
    take_over(village)
    village.session = VERIFIED
    village.deliver()
    assert WELCOME in village.one("alice", "recover")
    assert KEPT_BACK not in village.one("alice", "feed")


def test_what_was_on_its_way_stays_back(village: Village) -> None:
    code = switch_on(village)
    village.say("bob", "post a secret of bob")
    # Answered, with a chat to go to, and then the identity is reset before anybody could send it.
    village.say_only("alice", "feed")
    take_over(village)
    village.wait(1)
    arrived = village.rooms["alice"].log
    assert "identity has been reset" in arrived[-1]
    before = len(arrived)
    # What comes in that time waits as well.
    village.say("bob", f"friend remove {user_id('alice')}")
    village.say("bob", f"friend add {user_id('alice')} another secret")
    village.wait(3_600_000)
    assert len(arrived) == before
    assert all("secret" not in text for text in arrived)

    assert any(WELCOME in body for body in village.say("alice", f"recover {code}"))
    village.deliver()
    assert any("another secret" in text for text in arrived)


def test_an_answer_on_its_way_comes_after_the_recovery(village: Village) -> None:
    code = switch_on(village)
    village.say("bob", "post a secret of bob")
    village.say_only("alice", "feed")
    take_over(village)
    village.wait(3_600_000)
    assert all("secret" not in text for text in village.rooms["alice"].log)
    village.say("alice", f"recover {code}")
    assert any("a secret of bob" in text for text in village.rooms["alice"].log)


def test_an_edited_moment_stays_back_too(village: Village) -> None:
    switch_on(village)
    village.next_event = EventId("$post")
    village.say("bob", "post hello from bob")
    assert any("hello from bob" in body for body in village.say("alice", "feed"))
    take_over(village)
    assert village.edit("bob", EventId("$post"), "post a secret of bob")
    village.wait(3_600_000)
    assert all("secret" not in text for text in village.rooms["alice"].log)


def test_a_session_that_nobody_verified_is_refused(village: Village) -> None:
    village.session = UNSIGNED
    assert "privacy recovery" in village.one("alice", "help"), "without the switch it is answered"
    assert "verify this session" in village.one("alice", "privacy recovery on")
    assert not village.guarded(user_id("alice"))
    code = switch_on(village)
    village.next_event = EventId("$typo")
    village.say("alice", "pst hello")

    village.session = UNSIGNED
    for text in ("feed", "ping", "privacy recovery off", f"recover {code}"):
        assert REFUSED in village.one("alice", text)
    assert [REFUSED in body for body in village.edit("alice", EventId("$typo"), "post hello")] == [True]
    assert [REFUSED in body for body in village.picture("alice", "post look")] == [True]

    village.session = VERIFIED
    assert "Recovery is off" in village.one("alice", "privacy recovery off")
    village.session = UNSIGNED
    assert REFUSED not in village.one("alice", "feed")


def test_a_reaction_decides_no_question(strangers: Village) -> None:
    switch_on(strangers)
    strangers.session = {}
    strangers.say("bob", f"friend add {user_id('alice')}")
    asked = strangers.rooms["alice"].events[-1]
    strangers.react("alice", asked.event_id, "👍")
    assert "type the number" in strangers.bodies("alice")[-1]
    strangers.session = VERIFIED
    assert "bob" in strangers.one("alice", "1"), "the question is still open"
