"""What may stand before the text of a post, and what an edit adds: expiry, who may respond, alt text, mentions."""

import pytest

from bridge.moments.model import MomentLimits
from tests.features.village import MINUTE, Village

HOUR = 60 * MINUTE
DAY = 24 * HOUR


def test_a_post_that_ends_by_itself(village: Village) -> None:
    village.say("alice", "post expire 24h | Dinner is ready")
    shown = village.get("bob", "feed")[0]
    assert "Until " in shown.body
    village.wait(DAY + MINUTE)
    assert shown.redacted
    assert not village.db.run_sync(lambda tx: tx.sql("SELECT id FROM moments").all())


def test_it_counts_from_when_it_is_published(village: Village) -> None:
    answer = village.one("alice", "post at in 2 hours | expire 1h | Later")
    assert "I'll post that" in answer
    village.wait(2 * HOUR + MINUTE)
    assert "Later" in village.one("bob", "feed")
    village.wait(HOUR)
    assert village.one("bob", "feed").startswith("Nothing here yet")


def test_a_post_that_nobody_answers(village: Village) -> None:
    village.say("alice", "post responses nobody | Only to look at")
    village.say("bob", "feed")
    assert village.one("bob", "like 1") == "Likes and comments are not open to you here."
    village.say("alice", "tag add #close @bob:x.org")
    village.say("alice", "post responses #close | For some")
    village.say("bob", "feed")
    village.say("carol", "feed")
    assert village.one("bob", "like 2") == "You like #2."
    assert village.one("carol", "like 2") == "Likes and comments are not open to you here."


def test_all_heads_at_once_in_any_order(village: Village) -> None:
    village.say("alice", "tag add #close @bob:x.org")
    text = "post to #close | expire 2d | cw Plans | responses all | poll Yes / No | geo:47.37,8.54 | Shall we?"
    assert village.one("alice", text) == "Posted as #1, for #close: one person."
    assert "Shall we?" not in village.one("bob", "feed")
    body = village.say("bob", "open 1")[0]
    for part in ("⚠ Plans", "Shall we?", "1 · Yes", "📍 47.37, 8.54", "Until "):
        assert part in body


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("post expire 24h", "That begins like a time at which it ends."),
        ("post expire 24 moons | X", "When should it end?"),
        ("post expire 1s | X", "When should it end?"),
        ("post responses nobody", "That begins like who may respond."),
        ("post responses #nothing | X", "You have no tag #nothing"),
        ("post at in 2 hours | expire 2020-01-01 | X", "It can't end so soon"),
    ],
)
def test_what_is_not_understood_publishes_nothing(village: Village, text: str, answer: str) -> None:
    assert village.one("alice", text).startswith(answer)
    assert village.one("alice", "album").startswith("You have posted nothing yet.")


@pytest.mark.parametrize("text", ["expire dates are silly | really", "responses were kind", "poll tax", "alt text"])
def test_what_only_sounds_like_a_head_is_a_text(village: Village, text: str) -> None:
    village.say("alice", f"post {text}")
    assert text in village.one("alice", "moment 1")


def test_a_draft_has_the_same_options(village: Village) -> None:
    village.say("alice", "post")
    village.say("alice", "Dinner is ready")
    assert "It ends: 1h" in village.one("alice", "draft expire 1h")
    assert "Likes and comments: nobody" in village.one("alice", "draft responses nobody")
    village.say("alice", "1")
    village.say("bob", "feed")
    assert village.one("bob", "like 1") == "Likes and comments are not open to you here."
    village.wait(HOUR + MINUTE)
    assert village.one("bob", "feed").startswith("Nothing here yet")
    village.say("alice", "post")
    assert "It ends" not in village.one("alice", "draft expire off")


# --- alt text ------------------------------------------------------------------------------------------------
def test_alt_text_in_the_caption(village: Village) -> None:
    assert village.picture("alice", "post alt A lake at dawn | Morning") == ["Posted as #1, for your 2 friends."]
    body = village.one("bob", "feed")
    assert "Morning" in body
    assert "Picture: A lake at dawn" in body
    assert village.picture("alice", "post alt A lake") == ["Posted as #2, for your 2 friends."]


def test_alt_text_is_asked_for_once(village: Village) -> None:
    [answer] = village.picture("alice", "post Morning")
    question = village.rooms["alice"].events[-1].event_id
    assert "What does the picture show?" in answer
    shown = village.get("bob", "feed")[0]
    assert "Picture:" not in shown.body
    assert village.one("alice", "A lake at dawn", question).startswith("Thank you.")
    assert "Picture: A lake at dawn" in village.one("bob", "moment 1")
    village.wait(2 * MINUTE)
    assert "Picture: A lake at dawn" in village.bodies("bob")[-1], "what was sent is edited"
    village.say("alice", "delete 1")
    assert village.one("alice", "A hill", question).startswith("That is no longer there.")


def test_alt_text_that_is_too_long(village: Village) -> None:
    assert village.picture("alice", f"post alt {'x' * 501} | Morning")[0].startswith("That is too long to describe")
    assert village.one("alice", "album").startswith("You have posted nothing yet.")


# --- mentions in edits ---------------------------------------------------------------------------------------
def mentions(village: Village, name: str) -> int:
    return sum("mentions you" in body for body in village.bodies(name))


def test_an_edit_tells_whom_it_mentions_anew_and_once(village: Village) -> None:
    village.say("alice", "post Hello @bob:x.org")
    assert (mentions(village, "bob"), mentions(village, "carol")) == (1, 0)
    village.say("alice", "edit 1 Hello @bob:x.org and @carol:x.org")
    assert (mentions(village, "bob"), mentions(village, "carol")) == (1, 1)
    [ping] = [e for e in village.rooms["carol"].events if "mentions you" in e.body]
    assert ping.content["m.mentions"] == {"user_ids": ["@carol:x.org"]}
    village.say("alice", "edit 1 Hello")
    village.say("alice", "edit 1 Hello again @carol:x.org")
    assert (mentions(village, "bob"), mentions(village, "carol")) == (1, 1)


def test_an_edit_that_mentions_who_does_not_see_it_changes_nothing(village: Village) -> None:
    village.say("alice", "post to @bob:x.org | Hello")
    assert "does not see this post" in village.one("alice", "edit 1 Hello @carol:x.org")
    assert village.one("bob", "feed").count("carol") == 0
    assert not mentions(village, "carol")


def test_an_edited_comment_tells_whom_it_mentions_anew(village: Village) -> None:
    village.befriend("bob", "carol")
    village.say("alice", "post Hello")
    village.say("bob", "feed")
    village.say("bob", "comment 1 Nice")
    event = village.last_event
    village.edit("bob", event, "comment 1 Nice, @carol:x.org")
    village.edit("bob", event, "comment 1 Nice, isn't it, @carol:x.org")
    assert mentions(village, "carol") == 1
    assert sum("commented on your moment" in body for body in village.bodies("alice")) == 1


# --- search --------------------------------------------------------------------------------------------------
def test_a_search_goes_on() -> None:
    village = Village(moment_limits=MomentLimits(confirm_wider=False, page=2))
    village.open("alice", "bob")
    village.befriend("alice", "bob")
    for number in range(5):
        village.say("alice", f"post A lake {number}")
        village.say("alice", "post A hill")
    first = village.say("bob", "search lake")
    assert [body.split("\n\n")[1].split("\n")[0] for body in first] == ["A lake 4", "A lake 3"]
    assert "feed more" in first[-1]
    pages = [village.say("bob", "feed more") for _ in range(3)]
    assert [len(page) for page in pages] == [2, 1, 1]
    assert "A lake 0" in pages[1][0]
    assert pages[2] == ["That was all. `feed` begins with the newest again."]
    rows = village.db.run_sync(lambda tx: tx.sql("SELECT position FROM cursors").scalars().all())
    assert not any("lake" in row for row in rows), "what somebody looks for is theirs alone"
    village.close()


def test_a_search_finds_answers_of_polls(village: Village) -> None:
    village.say("alice", "post poll The lake / The hill | Where?")
    assert "Where?" in village.one("bob", "search hill")
