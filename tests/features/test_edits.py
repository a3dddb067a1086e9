"""M9: editing the messages of which a moment, or a draft, was made."""

import pytest

from bridge.ids import EventId
from tests.features.village import HOUR, MINUTE, Village

CHANGED = ["#1 is changed."]


def gathered(village: Village, *parts: str) -> list[EventId]:
    """A post of several messages; those that begin with 🖼 are pictures. Their events."""
    village.say("alice", "post")
    events: list[EventId] = []
    for part in parts:
        if part.startswith("🖼"):
            village.picture("alice", part[1:])
        else:
            village.say("alice", part)
        events.append(village.last_event)
    assert village.say("alice", "1")[0].startswith("Posted as #1")
    return events


def text_of(village: Village, who: str = "bob") -> str:
    """What the moment says, without its head."""
    return village.get(who, "moment 1")[0].body.split("\n\n", 1)[1]


# --- several messages ------------------------------------------------------------------------------------------
def test_each_message_of_a_gathered_post_edits_its_part(village: Village) -> None:
    first, second, third = gathered(village, "One", "Tow", "Three")
    village.say("bob", "feed")
    assert village.edit("alice", second, "Two and a half") == CHANGED
    assert text_of(village) == "One\n\nTwo and a half\n\nThree"
    assert village.edit("alice", first, "1") == CHANGED
    assert village.edit("alice", third, "3") == CHANGED
    assert text_of(village) == "1\n\nTwo and a half\n\n3"
    village.wait(2 * MINUTE)
    edits = [event.body for event in village.rooms["bob"].events if "m.new_content" in event.content]
    assert any("Two and a half" in body for body in edits), "copies follow"


def test_a_gathered_post_of_one_message(village: Village) -> None:
    [only] = gathered(village, "Helo")
    assert village.edit("alice", only, "Hello") == CHANGED
    village.say("bob", "feed")
    assert text_of(village) == "Hello"


def test_the_caption_of_a_gathered_picture_says_what_it_shows(village: Village) -> None:
    text, first, second = gathered(village, "The lake", "🖼At dawn", "🖼At nite")
    assert village.edit("alice", second, "At night") == CHANGED
    assert village.edit("alice", text, "The small lake") == CHANGED
    assert village.edit("alice", first, "Before dawn") == CHANGED
    village.say("bob", "feed")
    bodies = [event.body for event in village.get("bob", "moment 1")]
    assert "The small lake" in bodies[0]
    assert bodies[0].endswith("Picture: Before dawn")
    assert bodies[1] == "2/2 · At night"


def test_names_in_other_parts_stay_where_they_are(village: Village) -> None:
    village.say("alice", "remark @bob:x.org Bobby")
    first, second = gathered(village, "With @Bobby", "at the lake")
    assert village.edit("alice", second, "at the sea, @Bobby!") == CHANGED
    village.say("bob", "feed")
    assert text_of(village) == "With @bob:x.org\n\nat the sea, @bob:x.org!"
    assert village.edit("alice", first, "Alone") == CHANGED
    assert text_of(village) == "Alone\n\nat the sea, @bob:x.org!"


def test_after_the_whole_text_was_changed_parts_are_not_guessed(village: Village) -> None:
    first, _ = gathered(village, "One", "Two")
    village.say("alice", "edit 1 All anew")
    [answer] = village.edit("alice", first, "1")
    assert answer.startswith("I no longer know which part of #1")
    village.say("bob", "feed")
    assert text_of(village) == "All anew"


def test_of_one_text_with_pictures_the_whole_is_its_part(village: Village) -> None:
    text, _, _ = gathered(village, "One", "🖼A", "🖼B")
    village.say("alice", "edit 1 Two")
    assert village.edit("alice", text, "Three") == CHANGED
    village.say("bob", "feed")
    assert text_of(village).startswith("Three\n")


def test_an_edit_of_a_part_that_cant_be_made_changes_nothing(village: Village) -> None:
    first, second = gathered(village, "One", "x" * 3000)
    assert "too long" in village.edit("alice", first, "y" * 1500)[0]
    assert village.edit("alice", first, " ")[0].startswith("There is nothing to post yet")
    assert "does not see this post" in village.edit("alice", second, "Hello @zoe:x.org")[0]
    assert village.edit("bob", first, "Mine") == []
    village.say("bob", "feed")
    assert text_of(village).startswith("One\n\nxxx")


# --- what stands before the text ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("expire 24h | ", "expire 1h | "),
        ("", "expire 1h | "),
        ("expire 1h | ", ""),
        ("responses nobody | ", "responses all | "),
        ("responses nobody | ", ""),
        ("", "responses nobody | "),
        ("cw Spiders | ", "cw Snakes | "),
        ("cw Spiders | ", ""),
        ("", "cw Spiders | "),
        ("", "at 18:00 | "),
        ("", "poll A / B | "),
        ("poll A / B | ", ""),
        ("geo:47.37,8.54 | ", "geo:48.37,8.54 | "),
        ("geo:47.37,8.54 | ", ""),
    ],
)
def test_an_edit_that_would_change_more_than_the_text_says_so(village: Village, before: str, now: str) -> None:
    village.say("alice", f"post {before}Helo")
    event = village.last_event
    [answer] = village.edit("alice", event, f"post {now}Hello")
    assert answer.startswith("An edit changes the text alone"), answer
    assert "Helo" in village.say("alice", "moment 1")[0]
    assert village.edit("alice", event, f"post {before}Hello") == CHANGED


def test_what_was_changed_by_a_command_stays(village: Village) -> None:
    village.say("alice", "post to friends | expire 24h | Helo")
    event = village.last_event
    village.say("alice", "expire 1 never")
    village.say("alice", "audience 1 @bob:x.org")
    assert village.edit("alice", event, "post to friends | expire 24h | Hello") == CHANGED
    body = village.one("alice", "album")
    assert "Until" not in body
    assert "For @bob:x.org" in body
    assert "Hello" in body
    assert "can't change who sees it" in village.edit("alice", event, "post to public | expire 24h | Hello")[0]


def test_an_edit_says_anew_what_the_picture_shows(village: Village) -> None:
    village.picture("alice", "post alt A lake | Morning")
    event = village.last_event
    assert village.edit("alice", event, "post alt A small lake | Good morning") == CHANGED
    body = village.one("bob", "feed")
    assert "Good morning" in body
    assert "Picture: A small lake" in body


def test_a_place_alone_goes_with_its_message(village: Village) -> None:
    village.say("alice", "post geo:47.37,8.54")
    event = village.last_event
    assert village.edit("alice", event, "post geo:47.37,8.54 | Here") == CHANGED
    assert "Here" in village.one("bob", "feed")
    assert village.redact("alice", event)[0].startswith("Deleted.")
    assert village.one("bob", "feed").startswith("Nothing here yet")


def test_an_edit_moves_no_comment(village: Village) -> None:
    village.say("alice", "post One")
    village.say("alice", "post Two")
    village.say("bob", "feed")
    village.say("bob", "comment 1 Nice")
    event = village.last_event
    assert village.edit("bob", event, "comment 2 Better")[0].startswith("I no longer understand that message")
    assert village.edit("bob", event, "comment 9 Better")[0].startswith("There is no moment 9.")
    assert "you: Nice" in village.one("bob", "moment 1")
    assert village.edit("bob", event, "comment 1 Better") == ["Your comment is changed."]
    assert "you: Better" in village.one("bob", "moment 1")


# --- what waits ----------------------------------------------------------------------------------------------------
def test_another_time_for_what_is_scheduled(village: Village) -> None:
    village.say("alice", "post at in 2 hours | Dinner")
    event = village.last_event
    assert "For 15 Jun 2025, 19:06." in village.edit("alice", event, "post at in 4 hours | Diner")[0]
    village.wait(3 * HOUR)
    assert village.one("bob", "feed").startswith("Nothing here yet")
    # What is said as before stays, though the words mean another time by now.
    assert "For 15 Jun 2025, 19:06." in village.edit("alice", event, "post at in 4 hours | Dinner")[0]
    village.wait(HOUR + MINUTE)
    assert "Dinner" in village.one("bob", "feed")
    assert village.edit("alice", event, "post at in 4 hours | Dinner is ready") == CHANGED


def test_a_time_that_is_over_or_taken_away(village: Village) -> None:
    village.say("alice", "post at in 2 hours | Dinner")
    event = village.last_event
    assert village.edit("alice", event, "post at 2025-06-01 10:00 | Dinner") == [
        "That time is over. Nothing was posted."
    ]
    assert "1 — publish it\n" in village.edit("alice", event, "post Dinner")[0]
    village.wait(3 * HOUR)
    assert village.one("bob", "feed").startswith("Nothing here yet"), "it waits for a word of its author"


def test_a_post_is_edited_after_the_day_that_it_waited_for(village: Village) -> None:
    village.say("alice", "post at 2025-06-15 17:00 | Dinner")
    event = village.last_event
    village.wait(2 * HOUR)
    village.say("bob", "feed")
    assert village.edit("alice", event, "post at 2025-06-15 17:00 | Dinner was good") == CHANGED
    assert "Dinner was good" in village.one("bob", "feed")


def test_what_was_set_apart_from_the_message_stays(careful: Village) -> None:
    careful.say("alice", "post to @bob:x.org | For Bob")
    careful.say("alice", "post Helo")
    event = careful.last_event
    careful.say("alice", "draft cw Spiders")
    careful.say("alice", "draft to @carol:x.org")
    [answer] = careful.edit("alice", event, "post Hello")
    assert "Behind the warning: Spiders" in answer
    assert "For @carol:x.org" in answer
    assert "`draft to` does that" in careful.edit("alice", event, "post to public | Hello")[0]
    assert "Behind the warning: Snakes" in careful.edit("alice", event, "post cw Snakes | Hello")[0]
