"""I9: asking for a private chat. What becomes of the room is shown end to end."""

import pytest

from bridge.contacts.model import ContactLimits
from bridge.contacts.private_chats import Job, PrivateChats, State
from bridge.ids import RoomId
from tests.features.village import ACCOUNT, MINUTE, Village, user_id

ROOM = RoomId("!private:x.org")
DAY = 24 * 60 * MINUTE


def jobs(village: Village) -> list[Job]:
    return village.db.run_sync(lambda tx: village.chats.jobs(tx, ACCOUNT))[0]


def do(village: Village, what: str, *args: object) -> None:
    [job] = jobs(village)
    village.db.run_sync(lambda tx: getattr(village.chats, what)(tx, job, *args))
    village.deliver()


def may(village: Village) -> bool:
    [job] = jobs(village)
    return village.db.run_sync(lambda tx: village.chats.may(tx, job))


def end_unheard(village: Village) -> None:
    """Nobody comes."""
    village.wait(2 * DAY)
    do(village, "closed")


def test_both_are_told_when_it_is_their_turn(any_engine: Village) -> None:
    village = any_engine
    assert village.one("alice", "chat @bob:x.org").startswith("I invite @bob:x.org to a chat with you alone.")
    [job] = jobs(village)
    assert (job.state, job.asker_user, job.other_user) == (State.CREATE, user_id("alice"), user_id("bob"))
    before = {name: len(village.bodies(name)) for name in ("alice", "bob", "carol")}
    do(village, "made", ACCOUNT, ROOM)
    do(village, "invited", 1)
    assert village.bodies("bob")[-1].startswith("@alice:x.org would like a chat with you alone.")
    assert len(village.bodies("alice")) == before["alice"]
    do(village, "other_is_in")
    do(village, "invited", 2)
    assert village.bodies("alice")[-1].startswith("@bob:x.org is in.")
    do(village, "move", State.DONE)
    assert jobs(village) == []
    assert len(village.bodies("bob")) == before["bob"] + 1
    assert len(village.bodies("carol")) == before["carol"]
    assert village.db.run_sync(lambda tx: village.chats.rooms(tx, ACCOUNT)) == {ROOM}

    village.wait(5 * DAY)
    village.db.run_sync(PrivateChats.forget_old)
    assert village.db.run_sync(lambda tx: village.chats.jobs(tx, ACCOUNT)) == ([], set(), set())
    # That no key of it may be kept is never forgotten.
    assert village.db.run_sync(lambda tx: village.chats.rooms(tx, ACCOUNT)) == {ROOM}


@pytest.mark.parametrize("when", ["before", "between"])
def test_who_is_blocked_sees_what_others_see_whom_nobody_answers(when: str) -> None:
    logs: list[list[str]] = []
    for blocks in (False, True):
        village = Village()
        village.open("alice", "bob")
        village.befriend("alice", "bob")
        if when == "before":
            village.say("bob", "block @alice:x.org" if blocks else "ping")
        start = len(village.rooms["alice"].log)
        village.say("alice", "chat @bob:x.org")
        village.say("alice", "chat @bob:x.org")
        if not (blocks and when == "before"):
            do(village, "made", ACCOUNT, ROOM)
            do(village, "invited", 1)
        else:
            assert jobs(village)[0].state is State.SILENT
        bob = len(village.bodies("bob"))
        if when == "between" and not blocks:
            village.say("bob", "ping")
        elif when == "between":
            village.say("bob", "block @alice:x.org")
            assert not may(village)
            do(village, "closed")
            # The invitation's notice is taken back, nothing else happens before the time is over.
            assert jobs(village)[0].state is State.SILENT
            assert not [text for text in village.bodies("bob") if "would like a chat" in text]
        end_unheard(village)
        village.say("alice", "chat @bob:x.org")
        logs.append(village.rooms["alice"].log[start:])
        if blocks and when == "before":
            assert len(village.bodies("bob")) == bob
        village.close()
    without, with_block = ([line.replace("bob", "x") for line in log] for log in logs)
    assert with_block == without
    assert any("Nothing has come of" in line for line in without)


def test_only_friends_and_not_too_often() -> None:
    village = Village(contact_limits=ContactLimits(chats_per_day=2))
    village.open("alice", "bob", "carol")
    village.befriend("alice", "bob")
    village.befriend("alice", "carol")
    refused = village.one("bob", "chat @carol:x.org")
    assert refused == "@carol:x.org is not among your friends."
    assert village.one("bob", "chat @nobody:x.org") == refused.replace("carol", "nobody")
    assert village.one("bob", "chat @bob:x.org") == refused.replace("carol", "bob")
    village.say("alice", "block @bob:x.org")
    assert village.one("alice", "chat @bob:x.org").startswith("You are blocking @bob:x.org.")
    village.say("alice", "unblock @bob:x.org")
    assert jobs(village) == []

    village.say("alice", "chat @bob:x.org")
    assert village.one("alice", "私聊 @bob:x.org").startswith("A private chat with @bob:x.org is being prepared")
    do(village, "made", ACCOUNT, ROOM)
    assert village.one("bob", "chat @alice:x.org").startswith("@alice:x.org has asked for a private chat with you")
    do(village, "move", State.DONE)
    village.say("alice", "chat @bob:x.org")
    do(village, "move", State.DONE)
    assert village.one("alice", "chat @carol:x.org").startswith("You can ask for 2 private chats a day.")
    village.wait(DAY)
    assert village.one("alice", "chat @carol:x.org").startswith("I invite @carol:x.org")
    village.close()


def test_a_closed_room_is_told_to_both_when_one_waited_in_it(village: Village) -> None:
    village.say("alice", "chat @bob:x.org")
    do(village, "made", ACCOUNT, ROOM)
    do(village, "invited", 1)
    do(village, "other_is_in")
    do(village, "invited", 2)
    village.wait(2 * DAY)
    do(village, "closed")
    for name, other in (("alice", "bob"), ("bob", "alice")):
        assert village.bodies(name)[-1].startswith(f"Nothing has come of the private chat with @{other}:x.org")
        assert not [text for text in village.bodies(name) if "is in." in text or "would like a chat" in text]
    assert jobs(village) == []
