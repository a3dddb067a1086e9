"""M4, M9: changing the text and the audience of a moment by its number."""

import pytest

from tests.features.village import MINUTE, Village

BOB, CAROL = "@bob:x.org", "@carol:x.org"
NONE = "There is no moment 1. The numbers are those that `feed` and `album` show you."
DAY = 24 * 60 * MINUTE


def sees(village: Village, name: str, text: str = "The lake") -> bool:
    return any(text in body for body in village.say(name, "feed"))


# --- edit ----------------------------------------------------------------------------------------------------
def test_edit_by_number(village: Village) -> None:
    village.say("alice", "post Helo")
    assert village.one("alice", "edit 1 Hello\nfrom the lake") == "#1 is changed."
    [shown] = village.say("bob", "feed")
    assert "Hello\nfrom the lake" in shown
    assert "Edited" in shown
    assert "Helo" not in shown


def test_an_edit_that_cant_be_made_changes_nothing(village: Village) -> None:
    village.say("alice", "post The lake")
    village.say("bob", "feed")
    assert village.one("bob", "edit 1 Mine now") == NONE
    assert village.one("bob", "edit 7 Mine now") == NONE.replace("moment 1", "moment 7")
    assert "too long" in village.one("alice", "edit 1 " + "x" * 4001)
    village.say("alice", "edit 1")
    assert "Edited" not in village.one("bob", "feed")
    village.say("alice", "delete 1")
    assert village.one("alice", "edit 1 The lake again") == NONE


def test_after_an_edit_by_number_the_message_can_still_be_edited(village: Village) -> None:
    village.say("alice", "post One")
    mine = village.last_event
    village.say("alice", "edit 1 Two")
    assert village.edit("alice", mine, "post Three") == ["#1 is changed."]
    assert sees(village, "bob", "Three")


# --- narrowing -----------------------------------------------------------------------------------------------
NARROWER = {
    "private": ("#1 is for you alone now: nobody for now.", "2 friends can't see it any more", set()),
    "@bob:x.org": ("#1 is for @bob:x.org now: one friend.", "One friend can't see it any more", {"bob"}),
    "friends except @carol:x.org": ("#1 is for your friends except @carol:x.org now: one friend.", "One", {"bob"}),
    "#near": ("#1 is for #near now: one friend.", "One", {"bob"}),
    "friends except #far": ("#1 is for your friends except #far now: one friend.", "One", {"bob"}),
}


@pytest.mark.parametrize("audience", NARROWER)
def test_narrowing_holds_at_once_and_takes_back(village: Village, audience: str) -> None:
    said, lost, left = NARROWER[audience]
    village.say("alice", f"tag add #near {BOB}")
    village.say("alice", f"tag add #far {CAROL}")
    village.say("alice", "post The lake")
    for name in ("bob", "carol"):
        assert sees(village, name)
    answer = village.one("alice", f"audience 1 {audience}")
    assert answer.startswith(said)
    assert lost in answer
    for name in ("bob", "carol"):
        assert [event.redacted for event in village.rooms[name].events if "The lake" in event.body] == [
            name not in left
        ]
        assert sees(village, name) == (name in left)


def test_what_was_narrowed_goes_ahead_of_what_is_new(village: Village) -> None:
    """The redaction of an old copy is sent before what waits in that chat."""
    village.say("alice", "post The lake")
    village.say("bob", "post Mine")
    assert sees(village, "bob")
    village.stuck.add("bob")
    village.say_only("bob", "album")
    village.say("alice", "audience 1 private")
    log = len(village.rooms["bob"].log)
    village.stuck.clear()
    village.deliver()
    assert village.rooms["bob"].log[log].startswith("redacted")


def test_who_saw_nothing_is_told_nothing(village: Village) -> None:
    village.say("alice", f"post to {BOB} | The lake")
    events = len(village.rooms["carol"].log)
    village.say("alice", "audience 1 private")
    village.wait(MINUTE)
    assert len(village.rooms["carol"].log) == events


def test_what_others_said_goes_with_them(village: Village) -> None:
    """Bob wrote under it and loses it: nobody but him and Alice keeps what he wrote, and Carol's copy showed it."""
    village.befriend("bob", "carol")
    village.say("alice", "post The lake")
    village.say("bob", "feed")
    village.say("bob", "comment 1 From Bob")
    assert "From Bob" in village.say("carol", "feed")[0]
    village.say("alice", f"audience 1 friends except {BOB}")
    assert not any("From Bob" in body for body in village.bodies("carol"))
    assert not any("From Bob" in body for body in village.bodies("alice") if "Your comment" not in body)
    assert "From Bob" not in village.one("carol", "feed")
    assert "From Bob" not in village.one("alice", "moment 1")


# --- widening ------------------------------------------------------------------------------------------------
WIDER = {
    "friends": "If #1 is for your friends, one more friend sees it: @carol:x.org. Shall it be?",
    f"{BOB} {CAROL}": f"If #1 is for {BOB}, {CAROL}, one more friend sees it: {CAROL}. Shall it be?",
    "public": "If #1 is for everyone, one more friend sees it: @carol:x.org. Shall it be?",
    "#near live": "If #1 is for #near (followed), nobody more sees it for now, but others may later. Shall it be?",
}


@pytest.mark.parametrize("audience", WIDER)
@pytest.mark.parametrize("number", ["1", "2"])
def test_widening_asks_who_and_how_many(village: Village, audience: str, number: str) -> None:
    village.say("alice", f"tag add #near {BOB}")
    village.say("alice", f"post to {BOB} | The lake")
    asked = village.one("alice", f"audience 1 {audience}")
    assert asked.split("\n")[0] == WIDER[audience]
    assert not sees(village, "carol")
    village.say("alice", number)
    assert sees(village, "bob")
    assert sees(village, "carol") == (number == "1" and audience != "#near live")
    if number == "2":
        assert village.bodies("alice")[-1] == f"#1 is for {BOB}, as it was."


def test_what_is_both_is_narrowed_at_once_and_asks_for_the_rest(village: Village) -> None:
    village.say("alice", f"post to {BOB} | The lake")
    assert sees(village, "bob")
    asked = village.one("alice", f"audience 1 {CAROL}")
    assert "One friend can't see it any more" in asked
    assert f"one more friend sees it: {CAROL}" in asked
    assert not sees(village, "bob")
    assert not sees(village, "carol")
    village.say("alice", "1")
    assert sees(village, "carol")
    assert not sees(village, "bob")


def test_leaving_somebody_out_no_longer_is_wider_even_for_those_who_see_nothing_now(village: Village) -> None:
    village.say("alice", f"post to friends except {BOB} | The lake")
    village.say("alice", f"privacy set mine {BOB} off")
    assert "nobody more sees it for now" in village.one("alice", "audience 1 friends")
    village.say("alice", "2")
    village.say("alice", f"privacy set mine {BOB} on")
    assert not sees(village, "bob")


def test_strangers_are_said(village: Village) -> None:
    village.say("alice", "post The lake")
    assert "Strangers see nothing of yours" in village.one("alice", "audience 1 public")
    village.say("alice", "privacy set strangers on")
    assert "Strangers who look see it too." in village.one("alice", "audience 1 public")
    village.say("alice", "1")
    village.open("dora")
    assert any("The lake" in body for body in village.say("dora", "album @alice:x.org"))
    village.say("alice", "audience 1 friends")
    assert not any("The lake" in body for body in village.bodies("dora")), "the copy of a stranger goes too"


def test_the_answer_counts_for_what_was_asked(village: Village) -> None:
    """A newer `audience` ends an older question, and a tag that is gone ends it too."""
    village.say("alice", f"tag add #near {CAROL}")
    village.say("alice", f"post to {BOB} | The lake")
    village.say("alice", "audience 1 friends")
    village.say("alice", "audience 1 private")
    village.say("alice", "1")
    assert not sees(village, "carol")
    village.say("alice", "audience 1 #near live")
    village.say("alice", "tag delete #near")
    assert "is gone meanwhile" in village.one("alice", "1")
    assert not sees(village, "carol")
    village.say("alice", "audience 1 friends")
    village.wait(2 * DAY)
    village.say("alice", "1")
    assert not sees(village, "carol"), "the question has run out"


def test_a_reaction_widens_nothing(village: Village) -> None:
    village.say("alice", f"post to {BOB} | The lake")
    [asked] = village.get("alice", "audience 1 friends")
    village.react("alice", asked.event_id, "1️⃣")
    assert not sees(village, "carol")


def test_an_audience_that_is_not_understood_changes_nothing(village: Village) -> None:
    village.say("alice", "post The lake")
    for audience in ("nonsense", "#none", "@nobody:x.org", "friends private", "except @bob:x.org", "private except #x"):
        assert village.one("alice", f"audience 1 {audience}").endswith("Nothing was changed."), audience
    assert village.one("bob", "audience 1 private") == NONE
    village.say("bob", "feed")
    assert village.one("bob", "audience 1 private") == NONE
    assert village.one("alice", "audience 1 friends") == "#1 is for your friends already."
    assert sees(village, "carol")
