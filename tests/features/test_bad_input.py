"""What can't be done gets one clear line, and changes nothing."""

import pytest

from bridge.errors import UserError
from tests.features.village import MINUTE, Village

DAY = 24 * 60 * MINUTE


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("post    ", None),
        ("post to friends | ", "There is nothing to post yet."),
        ("post cw X | ", "There is nothing to post yet."),
        ("post \u200b\u2066", None),
        (f"post {'x' * 70_000}", "That is too long:"),
        (f"post {'界' * 4001}", "That is too long for one moment."),
        (f"comment 1 {'x' * 1001}", "There is no moment 1."),
        ("post to #nobody | X", "You have no tag #nobody."),
        ("search", None),
    ],
)
def test_one_clear_line(village: Village, text: str, line: str | None) -> None:
    answer = village.one("alice", text)
    assert "Something went wrong" not in answer
    if line is not None:
        assert answer.startswith(line), answer
    assert village.one("alice", "album").startswith("You have posted nothing yet.")


def test_an_audience_that_nobody_is_in(village: Village) -> None:
    village.say("alice", "tag add #close @bob:x.org")
    village.say("alice", "tag remove #close @bob:x.org")
    assert village.one("alice", "post to #close | X") == "Posted as #1, for #close: nobody for now."
    assert village.one("bob", "feed").startswith("Nothing here yet")


def test_ten_pictures(village: Village) -> None:
    village.say("alice", "post")
    for _ in range(9):
        assert len(village.picture("alice", "")) == 1
    prepared = village.prepared
    assert village.picture("alice", "")[0].startswith("A moment holds 9 pictures at most.")
    assert village.prepared == prepared, "it is not even fetched"
    assert village.one("alice", "1").startswith("Posted as #1")
    village.say("bob", "feed")
    assert len(village.say("bob", "moment 1")) == 9


@pytest.mark.parametrize("reason", ["picture-unavailable", "picture-type", "picture-broken", "picture-pixels"])
def test_a_picture_that_fails(village: Village, reason: str) -> None:
    village.broken_upload = UserError(reason, megapixels=50)
    assert len(village.picture("alice", "post The lake")) == 1
    assert village.one("alice", "album").startswith("You have posted nothing yet.")
    village.say("alice", "post")
    village.say("alice", "The lake")
    assert len(village.picture("alice", "")) == 1
    assert "one text" in village.one("alice", "draft")
    assert "picture" not in village.one("alice", "draft").split("\n")[0]


def test_a_reaction_to_what_one_may_no_longer_see(village: Village) -> None:
    village.say("alice", "post The lake")
    shown = village.get("bob", "feed")[0]
    village.say("alice", "privacy set window 3d")
    village.wait(4 * DAY)
    village.react("bob", shown.event_id, "❤️")
    assert village.bodies("bob")[-1] == "That is no longer there."
    assert "♥" not in village.one("alice", "moment 1")


def test_a_reaction_where_likes_are_closed(village: Village) -> None:
    village.say("alice", "post responses nobody | The lake")
    shown = village.get("bob", "feed")[0]
    village.react("bob", shown.event_id, "❤️")
    assert village.bodies("bob")[-1] == "Likes and comments are not open to you here."
    before = len(village.rooms["bob"].events)
    village.react("bob", shown.event_id, "🤔")
    assert len(village.rooms["bob"].events) == before


def test_drafts_survive_a_restart(any_engine: Village) -> None:
    village = any_engine
    village.say("alice", "post")
    village.say("alice", "draft poll Yes / No")
    village.say("alice", "Shall we?")
    village.picture("alice", "A lake")
    village.share_place("alice", "geo:47.37,8.54")
    village.say("alice", "draft expire 2d")
    village.restart()
    village.now += 10 * MINUTE
    body = village.one("alice", "draft")
    for part in ("one text", "one picture", "A poll: Yes, No", "47.37, 8.54", "It ends: 2d"):
        assert part in body
