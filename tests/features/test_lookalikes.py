"""Names that look like other ones are flagged where they stand in a question, and nowhere changed."""

from bridge.moments.model import MomentLimits
from tests.features.village import Village

BOB = "@bob:x.org"


def test_a_request_of_somebody_who_reads_like_a_friend(village: Village) -> None:
    village.open("b0b", "dаve", "dora")
    for name, flag in (("b0b", f"reads much like {BOB}"), ("dаve", "letters that are not a to z"), ("dora", None)):
        village.say(name, "friend add @alice:x.org")
        notice = village.bodies("alice")[-1]
        assert f"@{name}:x.org would like to be your friend" in notice
        assert ("Look twice" in notice) == (flag is not None)
        assert flag is None or flag in notice
        village.say("alice", f"friend decline @{name}:x.org")


def test_one_that_reads_like_oneself(village: Village) -> None:
    village.open("a1ice")
    village.say("a1ice", "friend add @alice:x.org")
    assert "reads much like @alice:x.org" in village.bodies("alice")[-1]


def test_a_friend_of_that_sort_is_not_flagged_to_others(village: Village) -> None:
    """What is flagged depends on whom one knows: Carol knows no Bob."""
    village.open("b0b")
    village.say("b0b", "friend add @carol:x.org")
    assert "Look twice" not in village.bodies("carol")[-1]


def test_tags_in_the_question_who_sees_more(village: Village) -> None:
    village.say("alice", f"tag add #family {BOB}")
    village.say("alice", "tag add #fаmily @carol:x.org")  # with a Cyrillic letter
    village.say("alice", "tag add #шкoла @carol:x.org")  # with a Latin one
    village.say("alice", "post to private | Hello")
    assert "#fаmily reads much like your #family" in village.one("alice", "audience 1 #fаmily")
    assert "#шкoла mixes letters" in village.one("alice", "audience 1 #шкoла")
    village.say("alice", "tag delete #fаmily")
    assert "Look twice" not in village.one("alice", "audience 1 #family")


def test_tags_in_the_question_before_a_wider_post() -> None:
    village = Village(moment_limits=MomentLimits(confirm_wider=True))
    village.open("alice", "bob", "carol")
    for name in ("bob", "carol"):
        village.befriend(name, "alice")
    village.say("alice", f"tag add #family {BOB}")
    village.say("alice", "tag add #fаmily @carol:x.org")
    village.say("alice", "post to #family | For Bob")
    asked = village.one("alice", "post to #fаmily | For whom")
    village.close()
    assert "goes to others than your last post" in asked
    assert "#fаmily reads much like your #family" in asked


def test_tags_in_the_question_for_whom_a_draft_is(village: Village) -> None:
    asked: list[str] = []
    for name in ("#family", "#fаmily"):
        village.say("alice", f"tag add {name} {BOB}")
        village.say("alice", "post")
        village.say("alice", "Hello")
        asked.append(village.one("alice", "2"))
        village.say("alice", "draft")
        village.say("alice", "3")
    assert "Look twice" not in asked[0]
    assert "5 — #fаmily" in asked[1]
    assert "#fаmily reads much like your #family" in asked[1]


def test_they_are_two_tags(village: Village) -> None:
    village.say("alice", f"tag add #family {BOB}")
    village.say("alice", "tag add #fаmily @carol:x.org")
    village.say("alice", "post to #family | For Bob")
    assert any("For Bob" in body for body in village.say("bob", "feed"))
    assert not any("For Bob" in body for body in village.say("carol", "feed"))


def test_ten_thousand_tags(village: Village) -> None:
    for number in range(200):
        village.say("alice", f"tag add #t{number} {BOB}")
    assert "200" in village.one("alice", f"tag add #t200 {BOB}")
    assert len(village.say("alice", "tags")) == 1
    before = village.say("alice", "tags")
    many = " ".join(f"#t{number}" for number in range(3000))
    for text in (f"post to {many} | x", f"privacy set phone {many}", f"post to friends except {many} | x"):
        answer = village.one("alice", text)
        assert len(answer.split("\n")) == 1, text[:20]
        assert len(answer) < 300
    everything = " ".join(f"#t{number}" for number in range(10_000))
    for text in (f"post to {everything} | x", f"tag add #t1 {everything}", f"tag delete {everything}"):
        assert len(village.one("alice", text).split("\n")) == 1, text[:20]
    assert village.say("alice", "tags") == before
    assert "post" in village.one("alice", "album")  # how to: there is none
