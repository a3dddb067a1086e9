"""I3–I7, P1–P15 by their commands: what the answers say, and that bad input gets one line and changes nothing."""

import re

import pytest

from bridge.contacts import store, tags
from bridge.db import Tx
from bridge.rights.left_out import PAIRS
from bridge.rights.settings_commands import SWITCHES, WORDS
from tests.features.village import MINUTE, Village, user_id

ALICE, BOB = "@alice:x.org", "@bob:x.org"


def test_the_overview_has_numbers_that_change_it(village: Village) -> None:
    overview = village.one("alice", "privacy")
    assert "1 — Your friends see your moments however old they are." in overview
    values = village.one("alice", "1")
    assert "1 — 3 days" in values
    assert village.one("alice", "1").startswith("Your friends see your moments for 3 days.")
    assert "1 — Your friends see your moments for 3 days." in village.one("alice", "privacy")


def test_a_question_keeps_its_setting_whatever_is_added(village: Village) -> None:
    village.say("alice", "profile set zebra Z")
    village.say("alice", "privacy set zebra me")
    overview = village.one("alice", "privacy")
    [line] = [line for line in overview.split("\n") if "zebra" in line]
    village.say("alice", line.split(" ")[0])
    village.say("alice", "profile set apple A")
    village.say("alice", "privacy set apple me")
    assert "zebra" in village.one("alice", "1")
    after = village.one("alice", "privacy")
    assert "Your zebra: for everyone." in after
    assert "Your apple: for you alone." in after


def test_questions_that_wait_hold_no_name_that_somebody_made_up(village: Village) -> None:
    village.say("alice", "profile set zebra Z")
    village.say("alice", "privacy set zebra everyone")
    village.say("alice", "privacy")
    village.say("alice", "privacy checkup")
    options = village.db.run_sync(lambda tx: [row.options for row in tx.sql("SELECT options FROM prompts")])
    assert options
    assert not any("zebra" in text for text in options)


def test_the_checkup_fixes_by_number(village: Village) -> None:
    village.say("alice", "privacy set strangers on")
    village.say("alice", "profile set zebra Z")
    village.say("alice", "privacy set zebra everyone")
    for _ in range(4):
        checkup = village.one("alice", "privacy checkup")
        if "1 — " not in checkup:
            break
        village.say("alice", "1")
    assert "Nothing here is wider" in village.one("alice", "privacy checkup")
    assert "Strangers see nothing" in village.one("alice", "privacy")


def test_the_checkup_goes_on_until_nothing_is_wide(village: Village) -> None:
    village.say("alice", f"tag add #t {BOB}")
    for one in ("privacy set strangers on", "privacy set post public", "profile set phone 5", "privacy set phone #t"):
        village.say("alice", one)
    said = village.one("alice", "privacy checkup")
    for _ in range(10):
        if "1 — " not in said:
            break
        said = village.one("alice", "1")
    assert said.endswith("Nothing here is wider than most people want it.")
    overview = village.one("alice", "privacy")
    for line in (
        "Your friends see your moments for six months.",
        "Strangers see nothing of your moments.",
        "Your posts are for your friends, unless you say otherwise.",
        "Your phone: for you alone.",
        "Your reactions count for nothing",
    ):
        assert line in overview


def test_what_strangers_see_is_told_apart(village: Village) -> None:
    assert "nothing changes" in village.one("alice", "privacy set strangers on")
    village.say("alice", "privacy set strangers off")
    village.say("alice", "post For friends")
    for number in range(12):
        village.say("alice", f"post to public | Number {number}")
    village.say("alice", "post to public except @bob:x.org | All but one")
    answer = village.one("alice", "privacy set strangers on")
    assert "Strangers see 10 more moments now." in answer
    assert "nothing changes" not in answer
    village.wait(4 * 24 * 60 * MINUTE)
    answer = village.one("alice", "privacy set window 3d")
    assert "2 people lose sight of 14 moments" in answer
    assert "Strangers lose sight of 10 moments" in answer
    village.say("alice", "privacy set window all")
    assert "Strangers lose sight of 10 moments" in village.one("alice", "privacy set strangers off")


def test_a_part_of_the_profile_says_for_whom_it_differs(village: Village) -> None:
    village.say("alice", f"tag add #t {BOB}")
    assert "It is empty so far" in village.one("alice", "privacy set phone #t")
    village.say("alice", "profile set phone 5")
    assert "2 friends do not" not in village.one("alice", "privacy set phone #t")
    assert "One friend does not see it any more." in village.one("alice", "privacy set phone me")
    assert "2 friends more see it now." in village.one("alice", "privacy set phone everyone")
    assert village.one("alice", "privacy set phone friends").split("\n")[1:] == [
        "Strangers do not see it any more. Up to one copy is being taken back from each who looked."
    ]
    assert "nothing changes" in village.one("alice", "privacy set phone friends")
    answer = village.one("alice", "privacy set phone @carol:x.org except #t")
    assert "One friend does not see it any more." in answer
    assert "more see" not in answer


def test_who_blocks_one_counts_among_who_sees_a_part_of_the_profile(village: Village) -> None:
    village.say("alice", "profile set phone 5")
    village.say("bob", f"block {ALICE}")
    assert "2 friends more see it now." in village.one("alice", "privacy set phone friends")


@pytest.mark.parametrize("key", sorted({"window", "post", *SWITCHES, *PAIRS, *WORDS}))
def test_no_part_of_a_profile_is_called_like_a_setting(village: Village, key: str) -> None:
    assert "can't be the name of a field" in village.one("alice", f"profile set {key} x")


@pytest.mark.parametrize(
    ("said", "done"),
    [
        ("设置隐私 窗口 三天", "好友能看到你三天内的动态。"),
        ("设置隐私 窗口 一个月", "好友能看到你一个月内的动态。"),
        ("设置隐私 窗口 半年", "好友能看到你半年内的动态。"),
        ("设置隐私 窗口 全部", "好友能看到你全部的动态，不论多久以前。"),
        ("设置隐私 按账号 关", "别人不能用你的 Matrix 账号加你：看起来就像你不在这里。"),
        ("设置隐私 按邀请码 关", "别人不能用邀请码加你：你的邀请码都不起作用。"),
        ("设置隐私 按聊天室 关", "和你我同在一个聊天室也不能加你。"),
        ("设置隐私 地区 好友 除了 @bob:x.org", "你的地区给谁看：你的好友，除了 @bob:x.org。"),
    ],
)
def test_each_setting_has_a_chinese_word(village: Village, said: str, done: str) -> None:
    village.say("alice", "language zh")
    assert village.one("alice", said).split("\n")[0] == done


def test_whom_one_leaves_out_is_let_in_again_by_number(village: Village) -> None:
    for one in (
        *("tag add #t @carol:x.org", "privacy set mine #t off", f"privacy set mine {BOB} off"),
        *(f"privacy set theirs {BOB} off", "privacy set chats-only @carol:x.org on", "block @zed:y.org"),
    ):
        village.say("alice", one)
    overview = village.one("alice", "privacy")
    for head, who in (
        *(("These don't see your moments: ", "#t"), ("These don't see your moments: ", BOB)),
        *(("You don't see the moments of: ", BOB), ("Friends for chats only: ", "@carol:x.org")),
        ("Blocked: ", "@zed:y.org"),
    ):
        [line] = [line for line in village.one("alice", "privacy").split("\n") if head in line]
        question = village.one("alice", line.split(" ")[0])
        [choice] = [line for line in question.split("\n") if f" — {who}: " in line]
        village.say("alice", choice.split(" ")[0])
    after = village.one("alice", "privacy")
    assert len(after.split("\n")) == len(overview.split("\n")) - 4
    village.say("alice", "post Hello")
    for name in ("bob", "carol"):
        assert any("Hello" in body for body in village.say(name, "feed"))
    assert "You were not blocking" in village.one("alice", "unblock @zed:y.org")


def test_what_outlives_a_friendship_can_be_taken_back(village: Village) -> None:
    village.say("alice", f"privacy set mine {BOB} off")
    village.say("alice", f"friend remove {BOB}")
    village.say("alice", f"privacy set mine {BOB} on")
    assert "These don't see" not in village.one("alice", "privacy")
    village.say("alice", "undo")
    assert f"These don't see your moments: {BOB}" in village.one("alice", "privacy")
    village.say("alice", f"privacy set mine {BOB} on")
    assert "not among your friends" in village.one("alice", f"privacy set mine {BOB} off")


def test_the_overview_tells_language_and_time_zone(village: Village) -> None:
    village.say("alice", "timezone Asia/Shanghai")
    assert "your times are those of Asia/Shanghai" in village.one("alice", "privacy")


def test_a_change_says_what_differs(village: Village) -> None:
    village.say("alice", "post One")
    village.say("alice", "post Two")
    assert "One person loses sight of 2 moments" in village.one("alice", f"privacy set mine {BOB} off")
    assert "One person sees 2 more moments now" in village.one("alice", f"privacy set mine {BOB} on")
    village.wait(4 * 24 * 60 * MINUTE)
    answer = village.one("alice", "privacy set window 3d")
    assert (
        "2 people lose sight of 2 moments. Up to 4 copies are being taken back, each wherever it was shown." in answer
    )
    assert "nothing changes" in village.one("alice", "privacy set window 3d")


def test_friends_are_asked_about_by_the_names_one_knows_them_by(village: Village) -> None:
    village.say("alice", "post One")
    village.say("alice", f"remark {BOB} Robert of the lake")
    village.say("carol", "profile set name Caroline")
    plain = village.one("alice", f"why can {BOB} see 1")
    for word in ("bob", "@bob", "Bob", '"robert of the lake"'):
        assert village.one("alice", f"why can {word} see 1") == plain
    assert village.one("alice", "why can't caroline see 1").startswith("Yes, @carol:x.org can see")
    assert village.say("alice", "view as bob") == village.say("alice", f"view as {BOB}")
    assert village.one("alice", "why can dave see 1").startswith("You know no friend as “dave”.")
    # Names that others have made up do not decide who is meant.
    village.say("carol", "profile set name bob")
    assert "You know several friends as “bob”: @bob:x.org / @carol:x.org." in village.one("alice", "why can bob see 1")
    # Nobody but friends is looked at.
    assert village.one("bob", "why can carol see name").startswith("You know no friend as “carol”.")


def _three_moments(village: Village) -> None:
    village.say("alice", "privacy set strangers on")
    village.say("alice", "post One")
    village.say("alice", "post to public | Two")
    village.say("alice", "tag add #work @carol:x.org")
    village.say("alice", "post to #work live | Three")


def _narrowings(village: Village) -> list[str]:
    """What alice is told while she narrows everything that she can."""
    return [
        village.one("alice", command)
        for command in (
            "audience 1 friends except @bob:x.org",
            "audience 2 friends",
            f"privacy set mine {BOB} off",
            f"privacy set mine {BOB} on",
            f"privacy set chats-only {BOB} on",
            f"privacy set chats-only {BOB} off",
            "tag remove #work @carol:x.org",
            f"block {BOB}",
            f"unblock {BOB}",
            "friend remove @carol:x.org",
        )
    ]


def test_each_narrowing_says_how_many_copies_there_can_be(village: Village) -> None:
    _three_moments(village)
    said = _narrowings(village)
    assert "Up to one copy is being taken back" in said[0]
    assert "Strangers can't see it any more. Up to one copy is" in said[1]
    assert "One person loses sight of one moment. Up to one copy is" in said[2]
    assert "One person loses sight of one moment. Up to one copy is" in said[4]
    assert "One person loses sight of one moment. Up to one copy is" in said[6]
    assert "One person loses sight of one moment. Up to one copy is" in said[7]
    assert "of yours, up to 2 copies." in said[9]


def test_what_is_said_of_copies_does_not_tell_who_reads(village: Village) -> None:
    """It is counted from who could see: so it is the same whether anybody ever looked."""
    _three_moments(village)
    for _ in range(2):
        village.say("bob", "feed")
        village.say("carol", "feed")
    read = _narrowings(village)
    unread = Village()
    unread.open("alice", "bob", "carol")
    unread.befriend("alice", "bob")
    unread.befriend("carol", "alice")
    _three_moments(unread)
    assert _narrowings(unread) == read
    unread.close()


def test_what_others_keep_about_one_is_theirs(village: Village) -> None:
    village.say("bob", f"remark {ALICE} The boring one")
    village.say("bob", f"note {ALICE} Owes me money")
    assert "boring" in village.one("bob", f"profile {ALICE}")
    for text in (f"view as {BOB}", "profile", f"profile {BOB}", "friends", f"why can {BOB} see name"):
        assert not any("boring" in body or "money" in body for body in village.say("alice", text)), text


def test_blocking_takes_back_what_one_had_asked(strangers: Village) -> None:
    strangers.say("alice", f"friend add {BOB}")
    strangers.say("alice", f"block {BOB}")
    assert "no open request" in strangers.one("bob", f"friend accept {ALICE}")
    assert "no friends" in strangers.one("alice", "friends")


def test_who_is_named_and_left_out_can_still_be_edited(village: Village) -> None:
    village.say("alice", f"post to {BOB} @carol:x.org except @carol:x.org | Hello")
    source = village.last_event
    assert village.edit("alice", source, f"post to {BOB} @carol:x.org except @carol:x.org | Hi")
    assert any("Hi" in body for body in village.say("bob", "feed"))
    assert not any("Hi" in body for body in village.say("carol", "feed"))


@pytest.mark.parametrize(
    "text",
    [
        *("tag add family @bob", "tag add #family", "tag add #family @nobody:x.org", f"tag add # {BOB}"),
        *(f"tag add #a|b {BOB}", f"tag add #\u200d {BOB}", f"tag add #\u3164 {BOB}", f'tag add "a b" {BOB}'),
        *(f"tag add #{'x' * 41} {BOB}", f"tag remove #none {BOB}", f"tag remove #t {BOB}", "tag delete #none"),
        *("tag rename #none #x", "tag rename #t #u", "tag rename #t #", "view as", "view as #none", "view as friends"),
        *(f"view as {ALICE}", "why can", f"why can {BOB}", f"why can {BOB} see", f"why can {BOB} see 99"),
        *(
            f"why can {BOB} see nothing",
            f"why can {ALICE} see 1",
            f"why can't {BOB} see 1 2",
            "block",
            f"block {ALICE}",
        ),
        *(f"unblock {BOB}", "remark", "remark @nobody:x.org X", f"remark {BOB} {'x' * 51}", f"note {BOB} {'x' * 501}"),
        *("invite", "invite NONE", "invite new 0", "invite new 101", "invite new 1 forever", "invite new 1 99d"),
        *("invite revoke NONE", "privacy set", "privacy set window", "privacy set window 5d", "privacy set nothing x"),
        *("privacy set strangers maybe", "privacy set phone", "privacy set phone everybody", "privacy set phone #none"),
        *(f"privacy set phone friends {BOB}", "privacy set phone @nobody:x.org", f"privacy set mine {BOB}"),
        *("privacy set mine @nobody:x.org off", "privacy set mine #none off", "privacy set theirs #t off"),
        *("privacy set chats-only off", "profile set window x", "profile set mine x", "profile set 窗口 x"),
        *("privacy set phone except @bob:x.org", "post to #none | x", "post to friends except #none | x"),
    ],
)
def test_bad_input_gets_one_line_and_changes_nothing(village: Village, text: str) -> None:
    language = "zh" if len(text) % 2 else "en"
    for one in ("tag add #t @carol:x.org", "tag add #u @carol:x.org", "profile set phone 5", f"language {language}"):
        village.say("alice", one)
    looked = ("privacy", "tags", "invites", "profile", f"profile {BOB}", "friends", "album")
    before = [village.say("alice", one) for one in looked]
    answer = village.one("alice", text)
    assert len(answer.split("\n\n")) == 1
    assert [village.say("alice", one) for one in looked] == before


def test_people_on_a_server_that_the_operator_ruled_out() -> None:
    village = Village(serves=lambda user: not user.endswith(":denied.org"))
    village.open("alice", "bob")
    looked = ("friends", "privacy", "tags")
    before = [village.say("alice", one) for one in looked]
    for who in ("@one:denied.org", "@two:denied.org"):
        answer = village.one("alice", f"friend add {who} Hello")
        assert answer.startswith("People of denied.org can't use me")
        assert "\n" not in answer
    village.say("alice", "language zh")
    assert village.one("alice", "加好友 @one:denied.org").startswith("denied.org 的用户不能使用我")
    village.say("alice", "language en")
    assert [village.say("alice", one) for one in looked] == before
    assert village.db.run_sync(lambda tx: tx.sql("SELECT COUNT(*) FROM friend_requests").scalar_one()) == 0
    assert "Your request waits" in village.one("alice", f"friend add {BOB}")
    village.close()


def test_however_many_tags_there_are_all_are_listed(village: Village) -> None:
    def fill(tx: Tx) -> None:
        names = ("alice", *(f"friend{number}" for number in range(24)))
        alice, *others = (village.people.ensure(tx, user_id(name)).id for name in names)
        for other in others:
            store.befriend(tx, alice, other)
        for number in range(200):
            tag = tags.create(tx, alice, f"{'标' * 36}{number}")
            tags.set_shut_out(tx, tag.id, True)
            for other in others:
                tags.add(tx, tag.id, other)

    village.db.run_sync(fill)
    said = village.say("alice", "tags")
    text = "\n".join(said)
    assert all(f"#{'标' * 36}{number}: " in text for number in range(200))
    assert "22 more" in text
    assert "…" not in text
    overview = village.one("alice", "privacy")
    assert "180 more tags" in overview
    assert "Answer with a number" in overview
    assert "200 tags" in village.one("alice", f"tag add #new {BOB}")
    assert "#new" not in "".join(village.say("alice", "tags"))


@pytest.mark.parametrize(
    ("made", "used"),
    [("Ｆａｍｉｌｙ", "family"), ("FAMILY", "family"), ("fa\u200dmily", "family"), ("❤️", "❤"), ("家人", "家人")],
)
def test_tags_that_look_alike_are_one(village: Village, made: str, used: str) -> None:
    village.say("alice", f"tag add #{made} {BOB}")
    village.say("alice", f"tag add ＃{used} @carol:x.org")
    assert len(village.one("alice", "tags").split("\n")) == 2
    assert "2 people" in village.one("alice", f"post to #{used} | Hello")


def test_invites_by_their_commands(strangers: Village) -> None:
    code = strangers.one("alice", "invite new 2 3d").split("invite ")[1][:14]
    assert code in strangers.one("alice", "invites")
    assert strangers.one("bob", f"invite {code.lower()}") == f"You and {ALICE} are friends now."
    assert strangers.bodies("alice")[-1] == f"You and {BOB} are friends now."
    assert "friends already" in strangers.one("bob", f"invite {code}")
    assert "own code" in strangers.one("alice", f"invite {code}")
    strangers.say("alice", f"invite revoke {code}")
    assert "does not work" in strangers.one("carol", f"invite {code}")


def test_view_as_says_when_there_is_more(village: Village) -> None:
    for number in range(5):
        village.say("alice", f"post Number {number}")
    assert "there are more" not in village.say("alice", f"view as {BOB}")[0]
    village.say("alice", "post Number 5")
    head, *shown = village.say("alice", f"view as {BOB}")
    assert "the newest 5" in head
    assert len(shown) == 5


def test_view_as_says_how_far_it_looked(village: Village, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.moments.viewing._LOOK", 2)
    monkeypatch.setattr("bridge.moments.viewing._LOOKS", 2)
    village.say("alice", "post For friends")
    for _ in range(4):
        village.say("alice", "post to private | Mine")
    [head] = village.say("alice", f"view as {BOB}")
    assert "I looked at your newest 4 moments" in head


CHINESE = [
    *("隐私", "隐私体检", "设置隐私 窗口 3d", "设置隐私 陌生人 开", f"设置隐私 我的 {BOB} 关"),
    *(f"设置隐私 他们的 {BOB} 关", f"设置隐私 仅聊天 {BOB} 开", "设置隐私 电话 好友"),
    *(f"设置隐私 bio 好友 除了 {BOB}", f"预览 {BOB}", "预览 陌生人", f"profile {BOB}", "friends", "invites"),
    *(f"why can {BOB} see 1", f"why can't {BOB} see phone", "who can read this", "log", "tags", "invite new"),
    *(f"tag add #家人 {BOB}", "预览 #家人", f"tag remove #家人 {BOB}", "tag delete #家人", "invite NONE"),
    *(f"remark {BOB} 邻居", f"block {BOB}", f"unblock {BOB}", f"friend remove {BOB}"),
]


def test_everything_is_said_in_chinese(village: Village) -> None:
    """No sentence of these answers is left in English: between commands and ids there is no run of English words."""
    village.say("alice", "post 你好")
    village.say("alice", "language zh")
    for text in CHINESE:
        for body in village.say("alice", text):
            plain = re.sub(r"`[^`]*`|[@#!]\S+|“[^”]*”|https?://\S+|[A-Z0-9]{4}(-[A-Z0-9]{4})+", " ", body)
            assert not re.search(r"\b[a-z]{2,}\s+[a-z]{2,}\s+[a-z]{2,}", plain), (text, body)
            assert re.search(r"[\u4e00-\u9fff]", body), (text, body)


TALK = """
alice: tag add #t @bob:x.org @carol:x.org
alice: tag add #u @carol:x.org
alice: profile set phone 5
alice: profile set zebra Z
alice: privacy set zebra #t except #u
alice: privacy set phone #t
alice: post to public | One
alice: post to #t live except #u | Two
alice: post to #t | Three
alice: post to friends except #u | Four
bob: feed
carol: feed
bob: comment 1 Oh
carol: profile @alice:x.org
bob: profile @alice:x.org
bob: album @alice:x.org
carol: search one
alice: tag remove #t @bob:x.org
bob: feed
alice: tag rename #u #w
alice: tags
alice: privacy set strangers on
alice: privacy set mine #w off
carol: feed
alice: tag delete #w
alice: privacy
alice: view as @carol:x.org
alice: view as #t
alice: view as stranger
alice: why can @bob:x.org see 1
alice: why can @bob:x.org see 3
alice: why can't @carol:x.org see zebra
alice: remark @bob:x.org B
alice: note @bob:x.org N
alice: block @bob:x.org
bob: feed
bob: album @alice:x.org
alice: friends
bob: friends
alice: unblock @bob:x.org
alice: privacy set window 3d
alice: undo
alice: privacy checkup
alice: 1
alice: chat @bob:x.org
alice: friend remove @bob:x.org
bob: friend add @alice:x.org Hi
alice: friends
alice: friend accept @bob:x.org
alice: log
alice: invites
"""


def test_each_engine_says_the_same(any_engine: Village, village: Village) -> None:
    for line in TALK.strip().split("\n"):
        who, text = line.split(": ", 1)
        assert any_engine.say(who, text) == village.say(who, text), line
    assert {name: any_engine.bodies(name) for name in any_engine.rooms} == {n: village.bodies(n) for n in village.rooms}
