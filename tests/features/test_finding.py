"""M8, M13, M5: searching in what one may see, who may respond, and what counts as a like."""

import pytest

from bridge.moments.model import LIKES, MomentLimits, is_like
from tests.features.village import Village

NOT_OPEN = "Likes and comments are not open to you here."
NOTHING = "Nothing that you can see has these words, among the newest."


def texts(bodies: list[str]) -> list[str]:
    return [body.split("\n\n")[1] for body in bodies if body.startswith("#")]


# --- search --------------------------------------------------------------------------------------------------
def test_search_finds_what_one_sees_by_all_its_words(village: Village) -> None:
    village.say("alice", "post Sunday at the LAKE")
    village.say("alice", "post Monday at the lake")
    village.say("alice", "post to private | Secret lake on Sunday")
    village.say("bob", "post 周日去湖边")
    assert texts(village.say("bob", "search lake")) == ["Monday at the lake", "Sunday at the LAKE"]
    assert texts(village.say("bob", "search lake sunday")) == ["Sunday at the LAKE"]
    assert texts(village.say("alice", "search sunday")) == ["Secret lake on Sunday", "Sunday at the LAKE"]
    assert texts(village.say("alice", "search 湖边")) == ["周日去湖边"]
    assert village.one("carol", "search 湖边") == NOTHING
    assert village.one("bob", "search secret") == NOTHING
    assert village.one("bob", "search    ") != NOTHING


def test_search_finds_what_pictures_show_and_what_a_warning_says(village: Village) -> None:
    village.picture("alice", "post alt A red boat | Morning")
    village.say("alice", "post cw Spiders | Look at that")
    assert texts(village.say("bob", "search boat")) == ["Morning"]
    assert texts(village.say("bob", "search morning boat")) == ["Morning"]
    [closed] = village.say("bob", "search spiders")
    assert "Look" not in closed
    village.say("alice", "privacy set mine @bob:x.org off")
    assert village.one("bob", "search boat") == NOTHING


def test_what_is_found_is_taken_back_like_any_copy(village: Village) -> None:
    village.say("alice", "post At the lake")
    [found] = village.get("bob", "search lake")
    village.say("alice", "delete 1")
    assert found.redacted
    assert village.one("bob", "search lake") == NOTHING


def test_more_than_a_page(village: Village) -> None:
    for number in range(6):
        village.say("alice", f"post Lake {number}")
        village.now += 1000
    found = village.say("bob", "search lake")
    assert texts(found) == [f"Lake {n}" for n in (5, 4, 3, 2, 1)]
    assert found[-1].endswith("Older ones: `feed more`")
    assert texts(village.say("bob", "feed more")) == ["Lake 0"]


def test_what_is_hidden_does_not_shorten_a_search() -> None:
    village = Village(moment_limits=MomentLimits(searched=3, confirm_wider=False))
    village.open("alice", "bob", "carol")
    village.befriend("alice", "bob")
    village.befriend("alice", "carol")
    village.say("alice", "post The oldest lake")
    for number in range(60):
        village.say("alice", f"post to @carol:x.org | Hidden {number}")
        if number % 30 == 0:
            village.say("alice", "post Another")
    assert texts(village.say("bob", "search lake")) == ["The oldest lake"]
    village.say("alice", "post Another")
    assert village.one("bob", "search lake") == NOTHING, "so far back it does not look"
    village.close()


# --- who may respond -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("who", ["nobody", "#near"])
def test_who_may_not_respond(village: Village, who: str) -> None:
    village.say("alice", "tag add #near @carol:x.org")
    village.say("alice", "post Hello")
    [shown] = village.get("bob", "feed")
    village.say("carol", "feed")
    village.say("bob", "comment 1 Early")
    village.say("alice", f"responses 1 {who}")
    assert village.one("bob", "like 1") == NOT_OPEN
    assert village.one("bob", "comment 1 Late") == NOT_OPEN
    assert village.one("bob", "Late", shown.event_id) == NOT_OPEN
    village.react("bob", shown.event_id, "❤️")
    assert "♥" not in village.one("alice", "moment 1")
    assert "Early" in village.one("alice", "moment 1")
    assert (village.one("carol", "like 1") == "You like #1.") == (who == "#near")
    assert village.one("alice", "comment 1 Mine") == "Your comment is on #1."
    assert "near" not in village.one("bob", "moment 1")
    assert f"Likes and comments: {who}" in village.one("alice", "moment 1")
    village.say("alice", "responses 1 all")
    assert village.one("bob", "like 1") == "You like #1."


def test_a_tag_that_is_gone_lets_nobody(village: Village) -> None:
    village.say("alice", "tag add #near @carol:x.org")
    village.say("alice", "post Hello")
    village.say("carol", "feed")
    village.say("alice", "responses 1 #near")
    village.say("alice", "tag delete #near")
    village.say("alice", "tag add #other @carol:x.org")
    assert village.one("carol", "like 1") == NOT_OPEN
    assert "Likes and comments: nobody" in village.one("alice", "moment 1")


def test_what_is_not_understood_changes_nothing(village: Village) -> None:
    village.say("alice", "post Hello")
    village.say("bob", "feed")
    assert village.one("alice", "responses 1 maybe").endswith("Nothing was changed.")
    assert "no tag" in village.one("alice", "responses 1 #none")
    assert village.one("bob", "responses 1 nobody").startswith("There is no moment 1.")
    assert village.one("bob", "like 1") == "You like #1."


# --- likes ---------------------------------------------------------------------------------------------------
def test_other_emoji_can_be_likes() -> None:
    assert is_like("👍🏽", frozenset(LIKES))
    assert is_like("❤️", frozenset(LIKES))
    assert not is_like("⭐", frozenset(LIKES))
    village = Village(moment_limits=MomentLimits(likes=frozenset("⭐")))
    village.open("alice", "bob")
    village.befriend("alice", "bob")
    village.say("alice", "post Hello")
    [shown] = village.get("bob", "feed")
    village.react("bob", shown.event_id, "❤️")
    assert "♥" not in village.one("alice", "moment 1")
    village.react("bob", shown.event_id, "⭐")
    assert "♥" in village.one("alice", "moment 1")
    village.close()
