"""M1, M2, M15, M16: several messages and pictures in one post, who it is for, and when."""

import pytest

from bridge.errors import UserError
from tests.features.village import MINUTE, STORED, Village

HOUR, DAY = 60 * MINUTE, 24 * 60 * MINUTE


def nothing_is_posted(village: Village, *readers: str) -> bool:
    return all(village.one(name, "feed").startswith("Nothing here yet") for name in readers or ("bob", "carol"))


# --- gathering -----------------------------------------------------------------------------------------------
def test_several_messages_become_one_post(village: Village) -> None:
    assert "draft is open" in village.one("alice", "post")
    assert "one text, 7 characters" in village.one("alice", "Morning")
    assert "2 texts" in village.one("alice", "**Noon**")
    assert "one picture" in village.picture("alice", "")[0]
    assert nothing_is_posted(village)
    assert village.one("alice", "1") == "Posted as #1, for your 2 friends."
    [shown] = village.get("bob", "feed")
    assert "Morning\n\n**Noon**" in shown.body
    assert "<strong>Noon</strong>" in shown.content["formatted_body"]
    assert shown.content["msgtype"] == "m.image"


def test_the_question_shows_for_whom_it_will_be(village: Village) -> None:
    village.say("alice", "post")
    assert "For your friends: 2 people" in village.one("alice", "Hello")
    assert "1 — everyone" not in village.one("alice", "2")
    assert "For you alone." in village.one("alice", "3")
    assert "For @bob:x.org: one person" in village.one("alice", "draft to @bob:x.org")
    assert village.one("alice", "1") == "Posted as #1, for @bob:x.org: one person."
    assert nothing_is_posted(village, "carol")
    assert "Hello" in village.one("bob", "feed")


def test_a_tag_can_be_chosen_by_number(village: Village) -> None:
    village.say("alice", "tag add #family @carol:x.org")
    village.say("alice", "post")
    village.say("alice", "Hello")
    assert "4 — #family" in village.one("alice", "2")
    assert "For #family: one person" in village.one("alice", "4")
    village.say("alice", "1")
    assert nothing_is_posted(village, "bob")
    assert "Hello" in village.one("carol", "feed")


def test_thrown_away(village: Village) -> None:
    village.say("alice", "post")
    village.say("alice", "Hello")
    assert village.one("alice", "3") == "Thrown away. Nothing was posted."
    assert village.one("alice", "drafts") == "You have no drafts. `post` alone opens one."
    assert nothing_is_posted(village)


def test_commands_run_while_a_draft_is_open_and_nothing_is_taken_for_one(village: Village) -> None:
    village.say("alice", "post")
    assert village.one("alice", "feed").startswith("Nothing here yet")
    assert "begins like the command" in village.one("alice", "post to @bob:x.org | Secret")
    assert "begins like the command" in village.one("alice", "comment 1 Hello")
    assert village.one("alice", "draft").startswith("Your draft is open"), "neither has joined"
    assert village.one("alice", "!post to @bob:x.org | Secret").startswith("Posted as #1")
    assert "one text" in village.one("alice", "like a child"), "that is no whole command"
    village.say("alice", "1")
    assert "like a child" in village.say("carol", "feed")[0]


def test_what_begins_like_a_command_of_the_draft_is_none_of_its_texts(village: Village) -> None:
    """Who wants to make it narrower and says it wrongly must not find these words, and everybody, in the post."""
    village.say("alice", "post")
    village.say("alice", "Secret")
    for text in ("draft two @bob:x.org", "draft for", "draft to", "草稿 悄悄给 @bob:x.org"):
        answer = village.one("alice", text)
        assert "this begins like the command `draft`" in answer or "Something is missing" in answer, text
    assert "one text" in village.one("alice", "draft")
    village.say("alice", "语言 中文")
    assert "范围：仅自己。" in village.one("alice", "草稿 发给 私密")


def test_a_draft_is_open_for_a_while_only(village: Village) -> None:
    village.say("alice", "post")
    village.say("alice", "Hello")
    village.wait(61 * MINUTE)
    assert "draft" not in village.one("alice", "What is this?").lower()
    assert "Hello" in village.one("alice", "drafts")
    assert "one text" in village.one("alice", "1")
    assert "2 texts" in village.one("alice", "Again")


def test_what_is_gone_asks_nothing_any_more(village: Village) -> None:
    """A number is for the question that is left."""
    village.open("dora")
    village.say("dora", "friend add @alice:x.org")
    village.say("alice", "post at in 2 hours | Hello")
    scheduled = village.last_event
    village.edit("alice", scheduled, "post at in 2 hours | Hello there")
    village.redact("alice", scheduled)
    village.say("alice", "post at in 2 hours | Dinner")
    village.edit("alice", village.last_event, "post at in 2 hours | Supper")
    village.wait(3 * HOUR)
    village.say("alice", "post")
    village.say("alice", "3")
    village.say("alice", "drafts")
    village.say("alice", "post at in 2 hours | Dinner")
    village.say("alice", "drafts")
    village.wait(25 * HOUR)
    assert "friends now" in village.say("alice", "1")[0]


def test_nothing_to_publish(village: Village) -> None:
    village.say("alice", "post")
    assert village.one("alice", "1").startswith("There is nothing in your draft yet")
    village.say("alice", "Hello")
    assert village.one("alice", "1").startswith("Posted")


def test_limits(village: Village) -> None:
    village.say("alice", "post")
    for _ in range(9):
        village.picture("alice", "x")
    assert village.picture("alice", "x") == [
        "A moment holds 9 pictures at most. This one was not taken; everything else is as it was."
    ]
    assert village.prepared == 9, "the tenth was not even fetched"
    assert village.one("alice", "x" * 3000).startswith("In your draft")
    assert "too long" in village.one("alice", "y" * 1500)
    assert "One" not in village.one("alice", "z" * 70_000)
    assert "9 pictures" in village.one("alice", "draft")
    assert village.one("alice", "1").startswith("Posted")


def test_too_many_drafts(village: Village) -> None:
    for number in range(20):
        village.say("alice", f"post at tomorrow 9:00 | Number {number}")
    assert "no more are kept" in village.one("alice", "post")
    assert "no more are kept" in village.one("alice", "post at tomorrow 9:00 | One more")
    assert village.one("alice", "post Now").startswith("Posted")


def test_an_upload_that_fails_keeps_the_draft(village: Village) -> None:
    village.say("alice", "post")
    village.say("alice", "Hello")
    village.broken_upload = UserError("picture-unavailable")
    [answer] = village.picture("alice", "")
    assert "picture" in answer
    assert "\n" not in answer
    village.broken_upload = None
    assert "one picture" in village.picture("alice", "")[0]
    assert village.one("alice", "1").startswith("Posted")
    [shown] = village.get("bob", "feed")
    assert shown.content["msgtype"] == "m.image"


def test_ones_own_messages_change_the_draft(village: Village) -> None:
    village.say("alice", "post")
    village.say("alice", "Helo")
    first = village.last_event
    village.say("alice", "Oops")
    second = village.last_event
    village.edit("alice", first, "Hello")
    village.redact("alice", second)
    village.say("alice", "1")
    body = village.one("bob", "feed")
    assert "Hello" in body
    assert "Oops" not in body
    # Who takes a part of a moment back takes it all back.
    village.redact("alice", first)
    assert nothing_is_posted(village)


# --- pictures ------------------------------------------------------------------------------------------------
def post_pictures(village: Village, *alts: str) -> None:
    village.say("alice", "post")
    village.say("alice", "The lake")
    for alt in alts:
        village.picture("alice", alt)
    village.say("alice", "1")


def test_several_pictures(village: Village) -> None:
    post_pictures(village, "At dawn", "", "At night")
    [first] = village.get("bob", "feed")
    assert first.content["file"] == dict(STORED.file)
    assert first.body.endswith("Picture 1 of 3: `moment 1` shows all.\nPicture: At dawn")
    shown = village.get("bob", "moment 1")
    assert [event.content["msgtype"] for event in shown] == ["m.image"] * 3
    assert [event.body for event in shown[1:]] == ["2/3", "3/3 · At night"]
    assert "At dawn" in shown[0].body
    # All of them are copies: they are taken back with the moment, and answered like it.
    assert village.one("bob", "Lovely", shown[2].event_id) == "Your comment is on #1."
    village.react("bob", shown[1].event_id, "❤️")
    assert "♥ @bob:x.org" in village.one("alice", "feed")
    village.say("alice", "delete 1")
    assert all(event.redacted for event in [first, *shown])


def test_pictures_that_wait_are_dropped_when_they_may_no_longer_be_seen(village: Village) -> None:
    post_pictures(village, "One", "Two")
    village.say("bob", "feed")
    village.stuck.add("bob")
    village.say("bob", "moment 1")
    village.say("alice", "privacy set mine @bob:x.org off")
    village.stuck.clear()
    before = len(village.rooms["bob"].events)
    village.deliver()
    assert village.rooms["bob"].events[before:] == []
    assert all(event.redacted for event in village.rooms["bob"].events if event.content["msgtype"] == "m.image")


def test_closing_takes_back_every_picture(village: Village) -> None:
    post_pictures(village, "One", "Two", "Three")
    village.say("bob", "feed")
    shown = village.get("bob", "moment 1")
    assert len(shown) == 3
    village.say("alice", "block @bob:x.org")
    assert all(event.redacted for event in shown)


def test_what_a_picture_shows_is_asked_once(village: Village) -> None:
    village.say("alice", "post")
    [asked] = village.picture("alice", "")
    assert "What does picture 1 show?" in asked
    question = village.rooms["alice"].events[-1].event_id
    assert "What does picture" not in village.one("alice", "Hello")
    assert "one text" in village.one("alice", "A lake", question), "it is no text of the post"
    village.picture("alice", "")
    own = village.last_event
    village.say("alice", "A mountain", own)
    village.picture("alice", "")
    assert "What does" not in village.one("alice", "alt 3 A river")
    assert village.one("alice", "alt 4 Nothing") == "There is no picture 4 in your draft."
    assert "too long" in village.one("alice", "alt 3 " + "x" * 501)
    village.say("alice", "1")
    village.say("bob", "feed")
    bodies = [event.body for event in village.get("bob", "moment 1")]
    assert "Picture: A lake" in bodies[0]
    assert bodies[1:] == ["2/3 · A mountain", "3/3 · A river"]


def test_what_the_pictures_of_a_post_show_can_be_said_later(village: Village) -> None:
    post_pictures(village, "One", "Two", "Three")
    village.say("bob", "feed")
    village.say("bob", "moment 1")
    assert village.one("alice", "alt #1 2 A hill").startswith("Thank")
    assert village.one("alice", "alt #1 1 A lake").startswith("Thank")
    village.wait(2 * MINUTE)
    edits = [e.body for e in village.rooms["bob"].events if "m.new_content" in e.content]
    assert any(body == "2/3 · A hill" for body in edits)
    assert any("Picture: A lake" in body for body in edits)
    assert [event.body for event in village.get("bob", "moment 1")][1] == "2/3 · A hill"
    for wrong in ("alt #1 A lake", "alt #1 4 A lake", "alt #1 2", "alt #1 0 X"):
        assert village.one("alice", wrong).startswith("#1 has 3 pictures. Which one"), wrong
    assert village.one("alice", "alt x A lake").startswith("Which picture?")
    assert village.one("alice", "alt #9 1 X").startswith("There is no moment 9.")
    assert village.one("bob", "alt #1 1 X").startswith("There is no moment 1.")
    village.say("alice", "post Only words")
    assert village.one("alice", "alt #2 X").startswith("#2 has no picture.")
    assert village.one("alice", "图片说明 #1 3 河").startswith("Thank")
    assert [event.body for event in village.get("bob", "moment 1")][2] == "3/3 · 河"


def test_who_is_told_at_once_gets_all_pictures(village: Village) -> None:
    village.say("bob", "notify now")
    before = len(village.rooms["bob"].events)
    post_pictures(village, "One", "Two", "Three")
    village.wait(MINUTE)
    told = village.rooms["bob"].events[before:]
    assert [event.content["msgtype"] for event in told] == ["m.image"] * 3
    assert [event.body for event in told[1:]] == ["2/3 · Two", "3/3 · Three"]


# --- wider than the last time --------------------------------------------------------------------------------
def test_a_wider_post_is_asked_about(careful: Village) -> None:
    assert careful.one("alice", "post Hello").startswith("Posted"), "the first is for whom posts are usually for"
    assert careful.one("alice", "post to @bob:x.org | For Bob").startswith("Posted")
    question = careful.one("alice", "post For all")
    assert question.startswith("This goes to others than your last post, which was for @bob:x.org.")
    assert "2 people, @bob:x.org, @carol:x.org" in question
    assert len(careful.say("carol", "feed")) == 1
    assert careful.one("alice", "1") == "Posted as #3, for your 2 friends."
    assert len(careful.say("carol", "feed")) == 2
    assert careful.one("alice", "post to private | Note").startswith("Saved")
    assert careful.one("alice", "post Again").startswith("Posted"), "a note to oneself is for nobody"


def test_a_wider_post_can_be_made_narrower_or_left(careful: Village) -> None:
    careful.say("alice", "post to @bob:x.org | For Bob")
    careful.say("alice", "post Secret")
    assert "For @bob:x.org: one person" in careful.one("alice", "draft to @bob:x.org")
    careful.say("alice", "1")
    careful.say("alice", "post Another")
    assert careful.one("alice", "3").startswith("Thrown away")
    assert nothing_is_posted(careful, "carol")
    assert "Secret" in careful.say("bob", "feed")[0]


def test_the_count_does_not_tell_who_hides_the_author(careful: Village) -> None:
    careful.say("alice", "post to @bob:x.org | For Bob")
    first = careful.one("alice", "post For all")
    careful.say("alice", "3")
    careful.say("carol", "privacy set theirs @alice:x.org off")
    assert careful.one("alice", "post For all") == first
    careful.say("alice", "3")
    careful.say("carol", "block @alice:x.org")
    assert careful.one("alice", "post For all") == first


def test_a_tag_that_grew_is_wider(careful: Village) -> None:
    careful.say("alice", "tag add #family @bob:x.org")
    careful.say("alice", "post to #family | One")
    careful.say("alice", "tag add #family @carol:x.org")
    assert "2 people" in careful.one("alice", "post to #family | Two")
    careful.say("alice", "3")
    careful.say("alice", "tag remove #family @carol:x.org")
    assert careful.one("alice", "post to #family | Two").startswith("Posted")


# --- the usual audience --------------------------------------------------------------------------------------
def test_a_default_audience(village: Village) -> None:
    assert "friends" in village.one("alice", "privacy")
    answer = village.one("alice", "privacy set post friends except @carol:x.org")
    assert "your friends except @carol:x.org" in answer
    assert "your friends except @carol:x.org" in village.one("alice", "privacy")
    assert village.one("alice", "post Hello").startswith(
        "Posted as #1, for your friends except @carol:x.org: one person"
    )
    assert nothing_is_posted(village, "carol")
    assert village.one("alice", "post to friends | For all").startswith("Posted as #2, for your 2 friends")
    assert "is not among your friends" in village.one("alice", "privacy set post @nobody:x.org")
    village.say("alice", "tag add #family @bob:x.org")
    village.say("alice", "privacy set post #family")
    village.say("alice", "tag delete #family")
    assert "no tag" in village.one("alice", "post Hello")
    assert "have no audience any more" in village.one("alice", "privacy")
    assert "Your posts are for you alone" in village.one("alice", "privacy set post private")
    assert village.one("alice", "post Mine").startswith("Saved")


# --- time ----------------------------------------------------------------------------------------------------
def test_a_scheduled_post(village: Village) -> None:
    village.say("alice", "timezone Europe/Berlin")
    answer = village.one("alice", "post at in 2 hours | Dinner")
    assert answer.startswith("I'll post that")
    assert "2 people" in answer
    assert "Dinner" in village.one("alice", "drafts")
    village.wait(HOUR)
    assert nothing_is_posted(village)
    village.wait(HOUR + MINUTE)
    assert village.bodies("alice")[-1] == "Your scheduled post is out.\nPosted as #1, for your 2 friends."
    assert "Dinner" in village.one("bob", "feed")
    assert village.one("alice", "drafts").startswith("You have no drafts")


def test_a_scheduled_post_looks_its_audience_up_again(village: Village) -> None:
    village.say("alice", "post at in 2 hours | For all")
    village.say("alice", "post to @bob:x.org | at in 2 hours | for Bob")
    village.say("alice", "friend remove @bob:x.org")
    village.wait(2 * HOUR + MINUTE)
    told = village.bodies("alice")[-2:]
    assert told[0].startswith("Your scheduled post is out")
    assert "could not go out" in told[1]
    assert "@bob:x.org is not among your friends" in told[1]
    assert nothing_is_posted(village, "bob")
    assert "For all" in village.one("carol", "feed")
    assert "for Bob" in village.one("alice", "drafts")


def test_a_scheduled_post_is_published_once(village: Village) -> None:
    village.say("alice", "post at in 2 hours | Dinner")
    village.now += 2 * HOUR
    village.db.run_sync(lambda tx: village._claims.scan(tx, set(), 0))
    claimed = village.take("alice")
    village.arrive(claimed)
    village.restart()  # killed before anybody wrote down that it was sent
    village.deliver()
    assert len(village.say("bob", "feed")) == 1
    assert [body for body in village.bodies("alice") if "is out" in body] == [
        "Your scheduled post is out.\nPosted as #1, for your 2 friends."
    ]


def test_a_scheduled_post_can_be_changed_published_and_cancelled(village: Village) -> None:
    for text in ("One", "Two", "Three"):
        village.say("alice", f"post at in 2 hours | {text}")
    village.say("alice", "drafts")
    assert "1 — publish it now" in village.one("alice", "1")
    assert village.one("alice", "1").startswith("Posted as #1")
    village.say("alice", "drafts")
    village.say("alice", "1")
    assert village.one("alice", "3").startswith("Thrown away")
    village.say("alice", "drafts")
    village.say("alice", "1")
    village.say("alice", "draft at in 5 hours")
    village.wait(3 * HOUR)
    assert len(village.say("bob", "feed")) == 1
    village.wait(3 * HOUR)
    assert len(village.say("bob", "feed")) == 2


def test_a_draft_can_be_scheduled(village: Village) -> None:
    village.say("alice", "post")
    village.say("alice", "Hello")
    assert "1 — publish it at that time" in village.one("alice", "draft at in 1 hour")
    assert village.one("alice", "1").startswith("I'll post that")
    village.wait(2 * HOUR)
    assert "Hello" in village.one("bob", "feed")


@pytest.mark.parametrize(
    "text",
    [
        "post at 18:00 Dinner",
        "post at 25:00 | Dinner",
        "post at 2020-01-01 10:00 | Dinner",
        "post at in 40 days | Dinner",
        "post at in 2 hours |",
        "post to friends | at 18:00",
        "post cw Spiders",
        "post cw | Look",
        "post cw Spiders | to private",
        "post cw " + "x" * 201 + " | Look",
        "post cw Spiders | private | Look",
        "post cw Spiders |",
        "post to #nobody | cw Spiders | Look",
    ],
)
def test_what_is_not_understood_is_neither_published_nor_kept(village: Village, text: str) -> None:
    answer = village.one("alice", text)
    assert "Posted" not in answer
    assert "I'll post" not in answer
    assert "\n" not in answer
    assert village.one("alice", "drafts").startswith("You have no drafts")
    village.wait(DAY)
    assert nothing_is_posted(village)


def test_old_drafts_go(village: Village) -> None:
    from bridge.moments import drafts

    village.say("alice", "post")
    village.say("alice", "Hello")
    village.say("alice", "post at in 20 days | Later")
    village.wait(8 * DAY)
    village.db.run_sync(lambda tx: drafts.forget_old(tx, 7 * DAY))
    listed = village.one("alice", "drafts")
    assert "Hello" not in listed
    assert "Later" in listed


# --- content warning -----------------------------------------------------------------------------------------
def test_a_content_warning(village: Village) -> None:
    village.say("alice", "post cw Spiders & such | Eight *legs* <b>\nand eyes")
    [closed] = village.get("bob", "feed")
    assert "Spiders & such" in closed.body
    assert "legs" not in closed.body
    html = closed.content["formatted_body"]
    assert '<span data-mx-spoiler="Spiders &amp; such">Eight *legs* &lt;b&gt;<br>and eyes</span>' in html
    village.say("bob", "comment 1 I see the legs")
    assert "legs" not in village.one("alice", "feed")
    [opened] = village.get("bob", "open 1")
    assert "Eight *legs* <b>\nand eyes" in opened.body
    assert "I see the legs" in opened.body
    assert "<em>legs</em>" in opened.content["formatted_body"]


def test_pictures_behind_a_warning_are_sent_when_they_are_opened(village: Village) -> None:
    village.say("alice", "post")
    village.picture("alice", "A spider")
    village.picture("alice", "Another")
    assert "Behind the warning: Spiders" in village.one("alice", "draft cw Spiders")
    village.say("alice", "1")
    [closed] = village.get("bob", "feed")
    assert closed.content["msgtype"] == "m.text"
    assert "file" not in closed.content
    assert "spider" not in closed.body.replace("Spiders", "")
    assert "2 pictures" in closed.body
    assert [event.content["msgtype"] for event in village.get("bob", "open 1")] == ["m.image", "m.image"]
    [viewed] = village.get("alice", "view as @bob:x.org")[1:]
    assert viewed.content["msgtype"] == "m.text"
