"""M1, M2, M5, M6, M8, M10, P6: moments in a village."""

import pytest

from bridge.moments.model import MomentLimits
from tests.features.village import STORED, Shown, Village

DELETED = (
    "Deleted. I am taking back every copy that I can reach; in a chat that I was thrown out of, a copy stays."
    " `undo` brings it back within 30 seconds."
)


def only(events: list[Shown]) -> Shown:
    [event] = events
    return event


def texts(events: list[str]) -> list[str]:
    """The text of each moment, without what stands around it."""
    return [body.split("\n\n")[1] for body in events]


# --- posting -------------------------------------------------------------------------------------------------
def test_the_confirmation_tells_who_and_how_many(village: Village) -> None:
    assert village.one("alice", "post Hello") == "Posted as #1, for your 2 friends."
    assert village.one("alice", "post to private | Mine") == "Saved as #2, for you alone."
    assert village.one("alice", "post to @bob:x.org\nHi") == "Posted as #3, for @bob:x.org: one person."
    assert village.one("bob", "post Hi") == "Posted as #1, for your friend."


def test_friends_see_it_and_nobody_else(village: Village) -> None:
    village.say("bob", "post From Bob")
    assert texts(village.say("alice", "feed")) == ["From Bob"]
    assert village.one("carol", "feed").startswith("Nothing here yet")


def test_named_people_see_it_and_nobody_else(village: Village) -> None:
    village.say("alice", "post to @carol:x.org | For Carol")
    assert texts(village.say("carol", "feed")) == ["For Carol"]
    assert village.one("bob", "feed").startswith("Nothing here yet")
    village.say("carol", "friend remove @alice:x.org")
    assert village.one("carol", "feed").startswith("Nothing here yet")


@pytest.mark.parametrize(
    "text",
    [
        "post to friends Hello",
        "post to Hello | world",
        "post to | Hello",
        "post to friends, family | Hello",
        "post to friends @bob:x.org | Hello",
        "post to @nobody:x.org | Hello",
        "post to @bob:x.org @nobody:x.org | Hello",
        "post to @bob:x.org @alice:x.org | Hello",
        "post to #family | Hello",
        "post to friends except #family | Hello",
        "post to friends except | Hello",
        "post to except @bob:x.org | Hello",
        "post to private except @bob:x.org | Hello",
        "post to public private | Hello",
        "post to friends except @alice:x.org | Hello",
        "post friends except @bob:x.org | Hello",
        "post except @bob:x.org | Hello",
        "post #family @carol:x.org | Hello",
        "post private\nsecret",
        "post @carol:x.org\nsecret",
        "post 私密\nsecret",
        "post to friends |",
        "post private | Hello",
        "post @bob:x.org | Hello",
        "post TO  private Hello",
        "post",
        "post    ",
    ],
)
def test_what_is_not_understood_publishes_nothing(village: Village, text: str) -> None:
    answer = village.one("alice", text)
    assert "Posted" not in answer
    assert "Saved" not in answer
    assert village.one("bob", "feed").startswith("Nothing here yet")
    assert village.one("alice", "album").startswith("You have posted nothing yet")


def test_ordinary_texts_are_posted_as_they_are(village: Village) -> None:
    for text in ("today | tomorrow", "tomorrow", "a | b", "I | you\nand they", "top"):
        assert village.one("alice", f"post {text}").startswith("Posted")
        assert texts(village.say("bob", "feed"))[0] == text


def test_a_picture_with_a_caption(village: Village) -> None:
    assert village.picture("alice", "post alt Water | The lake") == ["Posted as #1, for your 2 friends."]
    shown = only(village.get("bob", "feed"))
    assert shown.content["msgtype"] == "m.image"
    assert shown.content["file"] == dict(STORED.file)
    assert shown.content["info"]["thumbnail_file"] == dict(STORED.thumbnail or {})
    assert "The lake" in shown.body
    assert village.picture("alice", "post")[0].startswith("Posted as #2, for your 2 friends.")
    assert "put a |" in village.picture("alice", "post to @bob:x.org")[0].lower()


def test_too_long(village: Village) -> None:
    assert "too long" in village.one("alice", "post " + "x" * 4001)
    assert "too long" in village.one("alice", "post " + "😀" * 3000)
    assert village.one("bob", "feed").startswith("Nothing here yet")


# --- reading -------------------------------------------------------------------------------------------------
def test_pages(village: Village) -> None:
    for number in range(12):
        village.say("alice", f"post Day {number}")
        village.say("alice", f"post to private | Secret {number}")
        village.now += 1000
    first = village.say("bob", "feed")
    assert texts(first) == [f"Day {n}" for n in (11, 10, 9, 8, 7)]
    assert [body.split(" ")[0] for body in first] == ["#1", "#2", "#3", "#4", "#5"]
    assert [body.endswith("`feed more`") for body in first] == [False] * 4 + [True]
    village.say("alice", "post Meanwhile")
    assert texts(village.say("bob", "feed more")) == [f"Day {n}" for n in (6, 5, 4, 3, 2)]
    last = village.say("bob", "feed more")
    assert texts(last) == ["Day 1", "Day 0"]
    assert not last[-1].endswith("`feed more`")
    assert village.one("bob", "feed more").startswith("That was all.")
    assert texts(village.say("bob", "feed"))[0] == "Meanwhile"


def test_moments_of_the_same_instant_are_neither_lost_nor_repeated(village: Village) -> None:
    for number in range(7):
        village.say("alice", f"post A{number}")
        village.say("bob", f"post B{number}")
    seen: list[str] = []
    answer = village.say("bob", "feed")
    while "#" in answer[0]:
        seen += texts(answer)
        answer = village.say("bob", "feed more")
    assert seen == [f"{who}{n}" for n in range(6, -1, -1) for who in "BA"]


def test_new_is_what_was_not_shown_before(village: Village) -> None:
    village.say("alice", "post One")
    assert "· new ·" in village.one("bob", "feed")
    village.say("alice", "post Two")
    assert ["· new ·" in body for body in village.say("bob", "feed")] == [True, False]
    assert "· new ·" not in "".join(village.say("alice", "feed"))


def test_albums(village: Village) -> None:
    village.say("alice", "post to private | Mine")
    village.say("alice", "post Ours")
    village.say("bob", "post From Bob")
    assert texts(village.say("alice", "album")) == ["Ours", "Mine"]
    assert texts(village.say("bob", "album @alice:x.org")) == ["Ours"]
    assert texts(village.say("alice", "album @bob:x.org")) == ["From Bob"]
    for number in range(6):
        village.say("alice", f"post Day {number}")
    village.say("bob", "post Between")
    assert texts(village.say("bob", "album @alice:x.org")) == [f"Day {n}" for n in (5, 4, 3, 2, 1)]
    assert texts(village.say("bob", "feed more")) == ["Day 0", "Ours"]


def test_numbers_are_the_readers_own_and_have_no_gaps(village: Village) -> None:
    for number in range(3):
        village.say("bob", f"post Hidden from Carol {number}")
        village.say("alice", "post to @bob:x.org | Hidden too")
        village.say("alice", f"post Shown {number}")
    assert [body.split(" ")[0] for body in village.say("carol", "feed")] == ["#1", "#2", "#3"]


def test_nothing_there_is_always_the_same(village: Village) -> None:
    """P6: deleted, no longer visible and never existing answer alike."""
    village.say("alice", "post One")
    village.say("alice", "post Two")
    village.say("bob", "feed")  # 1: Two, 2: One
    village.say("alice", "delete 2")
    village.say("alice", "friend remove @bob:x.org")
    for command in ("moment", "like", "unlike", "delete"):
        answers = [village.one("bob", f"{command} {n}").replace(str(n), "N") for n in (1, 2, 3, 999)]
        assert len(set(answers)) == 1, answers
    answers = [village.one("bob", f"comment {n} Hello").replace(str(n), "N") for n in (1, 2, 3, 999)]
    assert len(set(answers)) == 1
    albums = [village.one("bob", f"album @{name}:x.org").replace(name, "X") for name in ("alice", "carol", "nobody")]
    assert len(set(albums)) == 1


def test_numbers_are_never_used_again(village: Village) -> None:
    village.say("alice", "post One")
    village.say("bob", "feed")
    village.say("alice", "delete 1")
    assert village.one("alice", "post Two") == "Posted as #2, for your 2 friends."
    assert village.one("bob", "feed").startswith("#2 ")


def test_of_many_long_comments_the_newest_are_shown(village: Village) -> None:
    village.say("alice", "post " + "天" * 3000)
    village.say("bob", "feed")
    for number in range(20):
        village.say("bob", f"comment 1 第{number}条" + "好" * 900)
    for reader in ("alice", "bob"):
        body = village.one(reader, "moment 1")
        assert body.endswith("好" * 900), "nothing is cut off"
        first = next(number for number in range(20) if f"第{number}条" in body)
        assert first > 0
        assert all(f"第{number}条" in body for number in range(first, 20))
        assert (
            f"Before these there {'is one more comment' if first == 1 else f'are {first} more comments'} on #1." in body
        )


# --- likes ---------------------------------------------------------------------------------------------------
def test_like_by_command(village: Village) -> None:
    village.say("alice", "post Hello")
    village.say("bob", "feed")
    assert village.one("bob", "like 1") == "You like #1."
    assert "♥ you" in village.one("bob", "moment 1")
    assert "♥ @bob:x.org" in village.one("alice", "moment 1")
    village.say("carol", "feed")
    assert "♥" not in village.one("carol", "moment 1"), "Carol and Bob are no friends"
    assert village.one("bob", "unlike 1") == "You no longer like #1."
    assert "♥" not in village.one("alice", "moment 1")


@pytest.mark.parametrize("key", ["❤️", "❤", "👍", "👍🏽", "😍"])
def test_like_by_reaction(village: Village, key: str) -> None:
    village.say("alice", "post Hello")
    shown = only(village.get("bob", "feed"))
    count = len(village.rooms["bob"].events)
    reaction = village.react("bob", shown.event_id, key)
    assert len(village.rooms["bob"].events) == count, "a reaction needs no answer"
    assert "♥ @bob:x.org" in village.one("alice", "moment 1")
    village.redact("bob", reaction)
    assert "♥" not in village.one("alice", "moment 1")


def test_other_reactions_mean_nothing(village: Village) -> None:
    village.say("alice", "post Hello")
    shown = only(village.get("bob", "feed"))
    for key in ("👎", "🤔", "like", "", "❤" * 50, "\ud800"):
        village.react("bob", shown.event_id, key)
    assert "♥" not in village.one("alice", "moment 1")


def test_a_like_goes_with_the_last_reaction(village: Village) -> None:
    village.say("alice", "post Hello")
    shown = only(village.get("bob", "feed"))
    first = village.react("bob", shown.event_id, "❤️")
    second = village.react("bob", shown.event_id, "👍")
    village.redact("bob", first)
    assert "♥ @bob:x.org" in village.one("alice", "moment 1")
    village.redact("bob", second)
    assert "♥" not in village.one("alice", "moment 1")


def test_the_author_is_told_of_likes_gathered(village: Village) -> None:
    village.say("alice", "post Hello")
    for name in ("bob", "carol"):
        village.say(name, "feed")
        village.say(name, "like 1")
    village.say("alice", "feed")
    village.say("alice", "like 1")
    count = len(village.rooms["alice"].events)
    village.wait(30_000)
    assert len(village.rooms["alice"].events) == count
    village.wait(60_000)
    assert [event.body for event in village.rooms["alice"].events[count:]] == [
        "♥ @bob:x.org, @carol:x.org like your moment #1.\n“Hello”"
    ]
    village.say("bob", "unlike 1")
    village.wait(120_000)
    village.say("bob", "like 1")
    village.wait(120_000)
    assert village.bodies("alice")[-1] == "♥ @bob:x.org likes your moment #1.\n“Hello”"


def test_a_like_taken_back_in_time_is_not_told(village: Village) -> None:
    village.say("alice", "post Hello")
    village.say("bob", "feed")
    village.say("bob", "like 1")
    village.say("bob", "unlike 1")
    count = len(village.rooms["alice"].events)
    village.wait(120_000)
    assert len(village.rooms["alice"].events) == count


# --- comments ------------------------------------------------------------------------------------------------
def test_comment_by_reply_reaches_the_author_and_mutual_friends(village: Village) -> None:
    village.say("alice", "post Hello")
    shown = only(village.get("bob", "feed"))
    village.say("carol", "feed")
    assert village.one("bob", "How lovely", shown.event_id) == "Your comment is on #1."
    notice = village.rooms["alice"].events[-1]
    assert notice.body.startswith("@bob:x.org commented on your moment #1\n“Hello”\n\nHow lovely")
    assert "How lovely" in village.one("alice", "moment 1")
    assert "How lovely" in village.one("bob", "moment 1")
    assert "How lovely" not in village.one("carol", "moment 1")
    village.befriend("bob", "carol")
    assert "@bob:x.org: How lovely" in village.one("carol", "moment 1")


def test_answering_a_notice_answers_the_comment(village: Village) -> None:
    village.say("alice", "post Hello")
    shown = only(village.get("bob", "feed"))
    village.say("bob", "How lovely", shown.event_id)
    notice = village.rooms["alice"].events[-1]
    assert village.one("alice", "Thank you", notice.event_id) == "Your comment is on #1."
    answer = village.rooms["bob"].events[-1]
    assert answer.body.startswith("@alice:x.org answered your comment on #1\n“How lovely”\n\nThank you")
    assert "@alice:x.org to you: Thank you" in village.one("bob", "moment 1")
    village.say("carol", "feed")
    seen = village.one("carol", "moment 1")
    assert "@alice:x.org: Thank you" in seen
    assert "bob" not in seen


def test_long_discussions(village: Village) -> None:
    village.say("alice", "post Hello")
    village.say("bob", "feed")
    for number in range(25):
        village.say("bob", f"comment 1 Number {number}.")
    in_feed = village.one("bob", "feed")
    assert "22 earlier comments: `moment 1`" in in_feed
    assert [f"Number {n}." in in_feed for n in (21, 22, 23, 24)] == [False, True, True, True]
    whole = village.one("bob", "moment 1")
    assert "Before these there are 5 more comments on #1." in whole
    assert [f"Number {n}." in whole for n in (4, 5, 24)] == [False, True, True]


def test_deleting_a_comment_takes_back_what_showed_it(village: Village) -> None:
    village.say("alice", "post Hello")
    before = only(village.get("bob", "feed"))
    other = only(village.get("carol", "feed"))
    village.wait(1000)
    village.say("bob", "comment 1 A slip")
    mine = village.last_event
    village.say("alice", "feed")
    carols = only(village.get("carol", "moment 1"))
    assert village.redact("bob", mine) == []
    assert not any("A slip" in body for body in village.bodies("alice"))
    assert "A slip" not in village.one("alice", "moment 1")
    assert [before.redacted, other.redacted, carols.redacted] == [False, False, False]


def test_editing_a_comment(village: Village) -> None:
    village.say("alice", "post Hello")
    shown = only(village.get("bob", "feed"))
    village.say("bob", "Lovly", shown.event_id)
    assert village.edit("bob", village.last_event, "Lovely") == ["Your comment is changed."]
    village.say("bob", "comment 1 Nise")
    typed = village.last_event
    assert "no longer understand" in village.edit("bob", typed, "Nice")[0]
    assert village.edit("bob", typed, "comment 1 Nice") == ["Your comment is changed."]
    assert "@bob:x.org: Lovely\n@bob:x.org: Nice" in village.one("alice", "moment 1")


# --- deleting and changing -----------------------------------------------------------------------------------
def test_delete_takes_back_every_copy(village: Village) -> None:
    village.say("alice", "post Hello")
    shown = only(village.get("bob", "feed"))
    village.say("bob", "How lovely", shown.event_id)
    notice = village.rooms["alice"].events[-1]
    village.say("bob", "moment 1")
    assert village.one("alice", "delete 1") == DELETED
    assert not any("Hello" in body for body in village.bodies("bob")[1:])
    assert notice.redacted
    assert village.one("bob", "feed").startswith("Nothing here yet")


def test_redacting_the_own_message_deletes(village: Village) -> None:
    village.say("alice", "post Hello")
    posted = village.last_event
    shown = only(village.get("bob", "feed"))
    assert village.redact("alice", posted) == [DELETED]
    assert shown.redacted
    assert village.redact("alice", posted) == []


def test_only_the_author_deletes(village: Village) -> None:
    village.say("alice", "post Hello")
    village.say("bob", "feed")
    assert village.one("bob", "delete 1").startswith("There is no moment 1.")
    assert "Hello" in village.one("bob", "moment 1")


def test_what_is_deleted_before_it_is_sent_is_not_sent(village: Village) -> None:
    village.say("alice", "post Hello")
    shown = only(village.get("bob", "feed"))
    village.say("bob", "friend remove @alice:x.org")
    assert village.one("bob", "Bye", shown.event_id) == "That is no longer there."
    assert "Bye" not in "".join(village.bodies("alice"))


def test_editing_a_post(village: Village) -> None:
    village.say("alice", "post to @bob:x.org | Helo")
    posted = village.last_event
    assert village.edit("alice", posted, "post to @bob:x.org | Hello") == ["#1 is changed."]
    shown = village.one("bob", "feed")
    assert "Hello" in shown
    assert "Edited" in shown
    for text in ("post to friends | Hello", "post Hello", "post to @carol:x.org | Hello", "post to private | x"):
        assert "can't change who sees it" in village.edit("alice", posted, text)[0]
    assert "no longer understand" in village.edit("alice", posted, "feed")[0]
    assert village.one("carol", "feed").startswith("Nothing here yet")


def test_chinese(village: Village) -> None:
    village.say("bob", "language zh")
    village.say("alice", "language zh")
    assert village.one("alice", "发布 你好") == "已发布，编号 #1，2 位好友可见。"
    assert village.one("alice", "发给 私密 | 只给自己") == "已保存，编号 #2，仅自己可见。"
    assert village.one("alice", "发给 @bob:x.org｜给你").startswith("已发布，编号 #3，范围：@bob:x.org，1 人可见。")
    assert len(village.say("bob", "看看")) == 2
    assert village.one("bob", "赞2") == "你赞了 #2。"


def test_on_every_engine(any_engine: Village) -> None:
    village = any_engine
    for number in range(7):
        village.say("alice", f"post Day {number}")
    village.say("alice", "post to @bob:x.org | For Bob")
    village.picture("bob", "post A picture")
    feed = village.get("bob", "feed")
    assert texts([event.body for event in feed]) == ["A picture", "For Bob", "Day 6", "Day 5", "Day 4"]
    assert texts(village.say("bob", "feed more")) == ["Day 3", "Day 2", "Day 1", "Day 0"]
    village.react("bob", feed[2].event_id, "👍")
    village.say("bob", "Nice", feed[2].event_id)
    mine = village.last_event
    answered = village.rooms["alice"].events[-1]
    village.say("alice", "Thanks", answered.event_id)
    assert "Thanks" in village.one("bob", "moment 3")
    village.wait(120_000)
    assert village.bodies("alice")[-1].startswith("♥ @bob:x.org likes your moment #7")
    village.redact("bob", mine)
    assert "Nice" not in village.one("bob", "moment 3")
    village.say("alice", "delete 7")
    assert village.one("bob", "moment 3").startswith("There is no moment 3")
    village.say("bob", "friend remove @alice:x.org")
    assert texts(village.say("bob", "feed")) == ["A picture"]
    assert texts(village.say("alice", "album")) == ["For Bob", "Day 5", "Day 4", "Day 3", "Day 2"]


def test_a_person_has_room_for_so_many_comments() -> None:
    village = Village(moment_limits=MomentLimits(comments_each=2))
    village.open("alice")
    village.say("alice", "post Hello")
    answers = [village.one("alice", f"comment 1 {n}") for n in range(3)]
    assert answers[2].startswith("You have made 2 comments")
    village.close()
