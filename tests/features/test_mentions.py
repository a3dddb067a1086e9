"""M7: a mention pings who may see it, and nobody learns of it otherwise."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.chat.people import People
from bridge.errors import UserError
from bridge.moments import mentions
from tests.features.village import MINUTE, Shown, Village, user_id

BOB, CAROL = user_id("bob"), user_id("carol")


def pinged(village: Village, name: str) -> list[Shown]:
    return [e for e in village.rooms[name].events if e.content["m.mentions"] == {"user_ids": [user_id(name)]}]


def test_who_is_mentioned_is_told(village: Village) -> None:
    village.say("alice", f"post Look {BOB}, the lake")
    [told] = pinged(village, "bob")
    assert told.body.startswith("@alice:x.org mentions you in #1")
    assert "the lake" in told.body
    assert pinged(village, "carol") == []
    # It is a copy like others: answered, and taken back.
    assert village.one("bob", "Lovely", told.event_id) == "Your comment is on #1."
    assert pinged(village, "alice") == []
    [shown] = village.get("carol", "feed")
    assert shown.content["m.mentions"] == {}
    village.say("alice", "delete 1")
    assert told.redacted


def test_a_remark_stays_its_owners(village: Village) -> None:
    village.say("alice", f"remark {BOB} Honey Bee")
    village.say("carol", "profile set name Carol C")
    village.say("alice", "post Hi @honey bee and @CAROL C!")
    assert len(pinged(village, "bob")) == len(pinged(village, "carol")) == 1
    body = village.one("carol", "feed")
    assert f"Hi {BOB} and {CAROL}!" in body
    assert "oney" not in "".join(village.bodies("carol") + village.bodies("bob"))


def test_the_beginning_of_a_matrix_id_is_a_name_where_no_other_is(village: Village) -> None:
    assert village.one("alice", "post Hi @bob, and @CAROL.").startswith("Posted")
    assert len(pinged(village, "bob")) == len(pinged(village, "carol")) == 1
    assert f"Hi {BOB}, and {CAROL}." in village.one("bob", "feed")
    village.say("alice", f"remark {CAROL} Bob")
    village.say("alice", "post Bye @bob")
    assert (len(pinged(village, "bob")), len(pinged(village, "carol"))) == (1, 2), "what one calls somebody comes first"
    village.open("bob:y.org")
    village.befriend("alice", "bob:y.org")
    village.say("alice", f"remark {CAROL} Carol")
    assert village.one("alice", "post Hi @bob").startswith("You know several friends as “bob”.")


def test_who_is_outside_is_not_mentioned_and_nothing_is_sent(village: Village) -> None:
    for text in (
        f"post to {BOB} | Not for {CAROL}",
        f"post Ask {user_id('nobody')}",
        f"post to private | Ask [Bob](https://matrix.to/#/{BOB})",
    ):
        answer = village.one("alice", text)
        assert "does not see this post" in answer
        assert "\n" not in answer
    assert village.one("bob", "feed").startswith("Nothing here yet")
    assert pinged(village, "bob") == pinged(village, "carol") == []
    assert village.one("alice", f"post to {BOB} | Not for `{CAROL}`").startswith("Posted")
    assert village.one("alice", "post Write to alice@example.org or @nobody").startswith("Posted")


def test_two_friends_of_one_name(village: Village) -> None:
    village.say("alice", f"remark {BOB} Sam")
    village.say("alice", f"remark {CAROL} sam")
    assert "several friends" in village.one("alice", "post Hi @Sam")
    assert village.one("alice", "post Hi Sam").startswith("Posted")


def test_who_hides_the_author_is_not_pinged_and_the_author_does_not_notice(village: Village) -> None:
    expected = village.one("alice", f"post Hi {BOB}").replace("#1", "#2")
    village.say("bob", "privacy set theirs @alice:x.org off")
    before = len(village.rooms["bob"].events)
    assert village.one("alice", f"post Hi {BOB}") == expected
    assert village.rooms["bob"].events[before:] == []


def test_mentions_wait_for_a_scheduled_post(village: Village) -> None:
    village.say("alice", f"post at in 1 hour | Hi {BOB}")
    assert pinged(village, "bob") == []
    village.wait(61 * MINUTE)
    assert len(pinged(village, "bob")) == 1


def test_comments_ping_who_may_see_them_and_tell_nobody_who_may(village: Village) -> None:
    village.befriend("bob", "carol")
    village.say("alice", "post For all")
    village.say("bob", "feed")
    assert village.one("bob", f"comment 1 Look {CAROL}") == "Your comment is on #1."
    [told] = pinged(village, "carol")
    assert told.body.startswith(f"{BOB} mentions you in a comment on #")
    village.say("alice", f"post to {BOB} | For Bob")
    village.say("bob", "feed")
    assert village.one("bob", f"comment 2 Look {CAROL}") == "Your comment is on #2.", (
        "that Carol is left out is not told"
    )
    assert len(pinged(village, "carol")) == 1
    assert "For Bob" not in "".join(village.bodies("carol"))


@given(st.text(st.one_of(st.characters(), st.sampled_from("@bo:x.rg `[]()|")), max_size=60))
def test_any_text_is_read(text: str) -> None:
    village = VILLAGE
    try:
        found = village.db.run_sync(
            lambda tx: mentions.find(tx, People().get(tx, user_id("alice")).id, text)  # type: ignore[union-attr]
        )
    except UserError:
        return
    if "@" not in text:
        assert found == mentions.Mentioned(text)


def _village() -> Village:
    village = Village()
    village.open("alice", "bob")
    village.befriend("alice", "bob")
    village.say("alice", f"remark {BOB} Bo")
    return village


VILLAGE = _village()
