"""P11: taking back an export. It asks first, nothing is there twice, and nobody sees what they could not see before."""

import json
import random
from collections.abc import Iterator
from functools import partial

import pytest

from bridge.moments import exporting
from bridge.rights.archive.layout import ArchiveSettings
from bridge.rights.archive.ports import FileLater
from tests.archives import alike, export, moments, parts, taken_back, unpacked
from tests.features.settled import Settled
from tests.features.test_erasure import changes
from tests.features.test_export import live, numbered
from tests.features.test_export_job import much
from tests.features.village import MINUTE, PICTURE, Village, user_id

ALICE, BOB, CAROL = (user_id(name) for name in ("alice", "bob", "carol"))
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def _become_friends(village: Village) -> None:
    village.open("alice", "bob", "carol")
    village.befriend("alice", "bob")
    village.befriend("carol", "alice")


_elsewhere = Settled(_become_friends, partial(Village, archives=ArchiveSettings(per_day=1000)))


@pytest.fixture
def elsewhere(village: Village) -> Iterator[Village]:
    """Another installation, where the same people are friends."""
    other = _elsewhere()
    other.now = village.now
    yield other
    other.close()


def offer(village: Village, zips: list[bytes], name: str = "alice") -> str:
    """Somebody sends an archive; what they are asked, or told instead."""
    village.say(name, "import")
    for data in zips:
        village.send_file(name, data)
    return village.bodies(name)[-1]


def answer(village: Village, text: str, name: str = "alice") -> str:
    """Answer the question that came last; what came of it in the end."""
    village.say(name, text, to=village.rooms[name].events[-1].event_id)
    village.work()
    return village.bodies(name)[-1]


def take(village: Village, zips: list[bytes], name: str = "alice") -> str:
    assert "Shall I take it back" in offer(village, zips, name)
    return answer(village, "1", name)


# --- there and back ---------------------------------------------------------------------------------------------
def test_an_export_of_what_was_imported_is_equal(village: Village, elsewhere: Village) -> None:
    live(village)
    village.say("alice", "comment 3 Mine, too")
    village.say("alice", "like 3")
    elsewhere.now = village.now
    zips = parts(village, "alice")
    before = unpacked(zips)
    assert "with 9 moments" in take(elsewhere, zips)
    after = export(elsewhere, "alice")
    assert taken_back(before).keys() == taken_back(after).keys()
    for name, text in taken_back(before).items():
        assert taken_back(after)[name] == text, name
    # Also the times of moments, and their names; their pictures went through the usual hands.
    for there, here in zip(moments(before), moments(after), strict=True):
        for key in ("id", "published", "updated", "expires", "audience_rule", "attachment", "responders", "summary"):
            assert there.get(key) == here.get(key), key
    assert elsewhere.files.cleaned == [PICTURE, PICTURE, PICTURE]


def test_importing_twice_changes_nothing(village: Village, elsewhere: Village) -> None:
    live(village)
    zips = parts(village, "alice")
    take(elsewhere, zips)
    kept = {"archive_jobs", "ledger", "prompts"}
    logged = {"access_log", "day_keys", "media", "media_holders"}  # of the exports that are made to compare
    before = [one for one in changes(elsewhere) if one[0] not in kept]
    whole = alike(export(elsewhere, "alice"), times=False)
    assert "no moment that was not here" in take(elsewhere, zips)
    assert [one for one in changes(elsewhere) if one[0] not in kept | logged] == [
        one for one in before if one[0] not in logged
    ]
    again = alike(export(elsewhere, "alice"), times=False)
    for name in whole.keys() | again.keys():
        if name not in ("manifest.json", "log.html", "lists/log.csv"):
            assert whole.get(name) == again.get(name), name


def test_at_home_it_brings_back_what_was_deleted(village: Village) -> None:
    live(village)
    zips = parts(village, "alice")
    whole = taken_back(unpacked(zips))
    assert "no moment that was not here" in take(village, zips)
    assert taken_back(export(village, "alice")) == whole
    village.say("alice", f"delete {numbered(village, 'alice', 'For family')}")
    village.say("alice", "profile set bio")
    village.wait(MINUTE)
    village.now += DAY
    assert "with one moment" in take(village, zips)
    texts = [one["source"]["content"] for one in moments(export(village, "alice"))]
    assert sorted(texts) == sorted(one["source"]["content"] for one in moments(unpacked(zips)))
    assert "about" in village.one("alice", "profile")


def test_polls_and_places_come_back(village: Village, elsewhere: Village) -> None:
    village.say("alice", "post poll The lake / The hill / Home | Where shall we go?")
    village.say("alice", "post poll Yes / No | Closed?")
    village.say("alice", "poll close 2")
    village.say("alice", "post geo:48.2081,16.3713 | Coarse")
    village.say("alice", "post geo:48.2081,16.3713 exact | Exact")
    village.say("bob", "feed")
    zips = parts(village, "alice")
    first = moments(unpacked(zips))
    assert [one["type"] for one in first].count("Question") == 2
    assert [one.get("poll_closed") for one in first] == [None, None, True, False]
    assert [("location" in one) for one in first] == [True, True, False, False]
    take(elsewhere, zips)
    again = moments(export(elsewhere, "alice"))
    for before, after in zip(first, again, strict=True):
        for key in ("id", "type", "source", "oneOf", "poll_closed", "location"):
            assert before.get(key) == after.get(key), key


# --- asking -----------------------------------------------------------------------------------------------------
def test_it_asks_first_and_a_no_changes_nothing(village: Village, elsewhere: Village) -> None:
    live(village)
    zips = parts(village, "alice")
    passing = {"archive_jobs", "prompts"}
    before = [one for one in changes(elsewhere) if one[0] not in passing]
    asked = offer(elsewhere, zips)
    lines = (
        "9 moments",
        "5 lines of your profile",
        "2 tags",
        "2 people",
        "3 drafts",
        "your 2 friends",
        "mini-programs",
    )
    for line in (*lines, "1 Take it"):
        assert line in asked
    assert [one for one in changes(elsewhere) if one[0] not in passing] == before
    assert answer(elsewhere, "2") == "Nothing was changed."
    assert [one for one in changes(elsewhere) if one[0] not in passing] == before
    assert "Nothing here yet" in elsewhere.one("alice", "feed")


def test_a_reaction_is_no_yes(village: Village, elsewhere: Village) -> None:
    village.say("alice", "post One")
    offer(elsewhere, parts(village, "alice"))
    elsewhere.react("alice", elsewhere.rooms["alice"].events[-1].event_id, "👍")
    elsewhere.work()
    assert "Nothing here yet" in elsewhere.one("alice", "feed")


def test_nobody_is_told_and_nobody_else_can_answer(village: Village, elsewhere: Village) -> None:
    live(village)
    elsewhere.say("bob", "notify now")
    before = len(elsewhere.rooms["bob"].events)
    zips = parts(village, "alice")
    assert "Shall I take it back" in offer(elsewhere, zips)
    elsewhere.say("bob", "1")
    assert "Nothing here yet" in elsewhere.one("alice", "feed")
    answer(elsewhere, "1")
    elsewhere.wait(3 * MINUTE)
    assert len(elsewhere.rooms["bob"].events) == before + 1, "but for the answer to what he said"
    shown = elsewhere.say("bob", "feed") + elsewhere.say("bob", "feed more")
    assert any("friends" in body for body in shown)


def test_a_file_alone_is_nothing(village: Village) -> None:
    village.say("alice", "post One")
    [data] = parts(village, "alice")
    assert "can't use that kind of message" in village.send_file("alice", data)[-1]
    assert "can't use that kind of message" in village.send_file("alice", data, "what is this")[-1]
    assert "Shall I take it back" in village.send_file("alice", data, "import")[-1]
    assert "under way" in village.send_file("alice", data, "import")[-1]
    assert "can't use" in village.send_file("alice", data)[-1]


def test_it_waits_for_a_day(village: Village) -> None:
    village.say("alice", "post One")
    [data] = parts(village, "alice")
    assert "Now send me the file" in village.one("alice", "import")
    village.now += DAY + 1
    village.work()
    assert "import is over" in village.bodies("alice")[-1]
    assert "can't use" in village.send_file("alice", data)[-1]
    assert "Shall I take it back" in village.send_file("alice", data, "import")[-1]
    question = village.rooms["alice"].events[-1].event_id
    village.now += DAY + 1
    village.work()
    assert "import is over" in village.bodies("alice")[-1]
    assert "No question is open" in village.one("alice", "1", to=question)


def test_not_too_often(village: Village) -> None:
    village.say("alice", "post One")
    [data] = parts(village, "alice")
    for _ in range(3):
        offer(village, [data])
        answer(village, "2")
    assert "within 24 hours" in village.one("alice", "import")
    village.now += DAY + 1
    assert "Now send me" in village.one("alice", "import")


def test_who_took_over_an_account_imports_nothing(village: Village) -> None:
    village.say("alice", "post One")
    [data] = parts(village, "alice")
    village.say("alice", "privacy recovery on")
    village.reset_identity("alice", "new")
    village.deliver()
    assert "keep everything personal back" in village.send_file("alice", data, "import")[-1]


# --- whose, and which ---------------------------------------------------------------------------------------------
def test_somebody_elses_is_not_taken(village: Village) -> None:
    village.say("bob", "post Of Bob")
    assert "somebody else" in offer(village, parts(village, "bob"))
    assert "can't use" in village.send_file("alice", b"x")[-1], "it is over"


def test_parts_come_in_any_order(village: Village, monkeypatch: pytest.MonkeyPatch) -> None:
    small = Village(archives=ArchiveSettings(part_bytes=4000, per_day=1000))
    small.open("alice", "bob")
    small.befriend("alice", "bob")
    much(small, monkeypatch)
    zips = parts(small, "alice")
    other = parts(small, "alice")
    assert len(zips) >= 3
    for seed in range(4):
        here = Village(archives=ArchiveSettings(part_bytes=4000, per_day=1000))
        here.now = small.now
        here.open("alice", "bob")
        here.befriend("alice", "bob")
        order = zips[:]
        random.Random(seed).shuffle(order)
        here.say("alice", "import")
        for data in order[:-1]:
            assert any(words in here.send_file("alice", data)[-1] for words in ("There are more", "are missing"))
        assert "another export" in here.send_file("alice", other[0])[-1]
        assert "Nothing was changed" in here.send_file("alice", b"PK\x03\x04" + b"x" * 100)[-1]
        assert any(words in here.send_file("alice", order[0])[-1] for words in ("There are more", "are missing"))
        assert "10 moments" in here.send_file("alice", order[-1])[-1]
        assert "with 10 moments" in answer(here, "1")
        first, again = taken_back(unpacked(zips)), taken_back(unpacked(parts(here, "alice")))
        assert first == again
        assert len(here.files.cleaned) == 3
        here.close()
    small.close()


def test_broken_off_at_any_point_it_goes_on(village: Village, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "_PAGE", 2)
    limits = ArchiveSettings(part_bytes=4000, per_day=1000, tries=1000)
    small = Village(archives=limits)
    small.open("alice", "bob")
    small.befriend("alice", "bob")
    much(small, monkeypatch)
    zips = parts(small, "alice")
    for seed in range(4):
        here = Village(archives=limits)
        here.now = small.now
        here.open("alice", "bob")
        here.befriend("alice", "bob")
        chance = random.Random(seed)
        here.files.fails = [FileLater() if chance.random() < 0.3 else None for _ in range(10_000)]
        here.say("alice", "import")
        for data in zips:
            here.send_file("alice", data)
        for _ in range(300):
            here.now += MINUTE
            here.work()
        assert "10 moments" in here.bodies("alice")[-1]
        here.say("alice", "1", to=here.rooms["alice"].events[-1].event_id)
        for _ in range(300):
            here.now += MINUTE
            here.work()
        assert "Done" in here.bodies("alice")[-1]
        here.files.fails = []
        assert taken_back(unpacked(zips)) == taken_back(unpacked(parts(here, "alice")))
        here.close()
    small.close()


def test_pictures_that_are_none_are_left_out(village: Village, elsewhere: Village) -> None:
    village.picture("alice", "post With")
    village.files.kept[next(iter(village.files.kept))] = b"no picture"
    [data] = parts(village, "alice")
    assert "One picture could not be used" in take(elsewhere, [data])
    [one] = moments(export(elsewhere, "alice"))
    assert "attachment" not in one


# --- nothing wider ------------------------------------------------------------------------------------------------
def kinds(village: Village) -> dict[str, str]:
    return {one["source"]["content"]: one["audience_rule"]["kind"] for one in moments(export(village, "alice"))}


def test_with_other_friends_nothing_is_for_friends(village: Village) -> None:
    live(village)
    zips = parts(village, "alice")
    here = Village()
    here.now = village.now
    here.open("alice", "bob", "dave")
    here.befriend("alice", "bob")
    here.befriend("alice", "dave")
    assert "of these, 3 for you alone" in offer(here, zips)
    answer(here, "1")
    assert kinds(here) == {
        "Here": "people",
        "Shall we?": "people",
        "With a picture": "private",
        "Secret": "private",
        "Eight legs": "people",
        f"Hello {BOB}": "people",
        "For family": "people",
        "For many": "private",
        "For *friends*": "private",
    }
    seen = "\n".join(here.say("dave", "feed"))
    assert "For" not in seen
    here.close()


def test_where_one_has_no_friends_yet_it_is_for_oneself(village: Village) -> None:
    live(village)
    zips = parts(village, "alice")
    here = Village()
    here.now = village.now
    here.open("alice", "bob")
    take(here, zips)
    assert [text for text, kind in kinds(here).items() if kind != "private"] == ["For family"], (
        "a tag with nobody in it"
    )
    here.befriend("alice", "bob")
    assert "Nothing here yet" in here.one("bob", "feed")
    here.close()


def test_who_was_left_out_stays_left_out(village: Village, elsewhere: Village) -> None:
    for text in (
        f"tag add #work {CAROL}",
        "post to friends except #work | Not for work",
        f"post to friends except {CAROL} | Not for Carol",
        "post to friends | For friends",
    ):
        village.say("alice", text)
    # A tag of the same name holds others here.
    elsewhere.say("alice", f"tag add #work {BOB}")
    take(elsewhere, parts(village, "alice"))
    assert "Not for" not in "\n".join(elsewhere.say("carol", "feed"))
    seen = "\n".join(elsewhere.say("bob", "feed"))
    assert "Not for Carol" in seen
    assert "Not for work" not in seen, "who is in that tag here is left out too"


def test_a_tag_that_is_followed_by_others_is_not_followed(village: Village, elsewhere: Village) -> None:
    village.say("alice", f"tag add #family {BOB}")
    village.say("alice", "post to #family live | For family")
    elsewhere.say("alice", f"tag add #family {CAROL}")
    take(elsewhere, parts(village, "alice"))
    assert kinds(elsewhere) == {"For family": "private"}


@pytest.mark.parametrize(
    ("there", "here", "kind"), [("off", "on", "private"), ("on", "on", "public"), ("off", "off", "public")]
)
def test_strangers_see_no_more_than_before(
    village: Village, elsewhere: Village, there: str, here: str, kind: str
) -> None:
    village.say("alice", f"privacy set strangers {there}")
    village.say("alice", "post to public | For all")
    elsewhere.say("alice", f"privacy set strangers {here}")
    elsewhere.say("alice", "post to private | Here")
    take(elsewhere, parts(village, "alice"))
    elsewhere.open("dave")
    seen = "For all" in "\n".join(elsewhere.say("dave", f"album {ALICE}"))
    assert seen == (there == here == "on")


def test_settings_become_no_wider(village: Village, elsewhere: Village) -> None:
    village.say("alice", "privacy set window 3d")
    village.say("alice", "privacy set strangers on")
    village.say("alice", "privacy set by-id off")
    elsewhere.say("alice", "privacy set window 6m")
    elsewhere.say("alice", "post Old")
    take(elsewhere, parts(village, "alice"))
    privacy = json.loads(export(elsewhere, "alice")["settings.json"])["privacy"]
    assert (privacy["window"], privacy["strangers"], privacy["by_id"]) == ("3d", False, False)


def test_a_block_that_comes_takes_back_what_was_shtaken_back(village: Village, elsewhere: Village) -> None:
    village.say("alice", f"block {BOB}")
    elsewhere.say("alice", "post Shown")
    elsewhere.say("bob", "feed")
    take(elsewhere, parts(village, "alice"))
    assert not [body for body in elsewhere.bodies("bob") if "Shown" in body]
    assert "Nothing here yet" in elsewhere.one("bob", "feed")


def test_what_stands_here_stays(village: Village, elsewhere: Village) -> None:
    village.say("alice", "profile set name Old name")
    village.say("alice", f"remark {BOB} Old")
    elsewhere.say("alice", "profile set name New name")
    elsewhere.say("alice", f"remark {BOB} New")
    take(elsewhere, parts(village, "alice"))
    assert "New name" in elsewhere.one("alice", "profile")
    assert "New" in elsewhere.one("alice", "friends")
    assert "Old" not in elsewhere.one("alice", "friends")


def test_what_is_over_does_not_come_back(village: Village, elsewhere: Village) -> None:
    village.say("alice", "post Ends")
    village.say("alice", "expire 1 1h")
    zips = parts(village, "alice")
    elsewhere.now += 2 * HOUR
    assert "one moment whose time is over" in offer(elsewhere, zips)
    assert "no moment that was not here" in answer(elsewhere, "1")


def test_what_expires_has_its_own_key_again(village: Village, elsewhere: Village) -> None:
    village.say("alice", "post Ends")
    village.say("alice", "expire 1 2h")
    take(elsewhere, parts(village, "alice"))
    keys = elsewhere.db.run_sync(lambda tx: tx.sql("SELECT key_id FROM moments").scalars().all())
    assert all(key is not None for key in keys)
    elsewhere.wait(3 * HOUR)
    assert moments(export(elsewhere, "alice")) == []


def test_it_works_on_each_engine(any_engine: Village, village: Village) -> None:
    live(village)
    any_engine.now = village.now
    assert "with 9 moments" in take(any_engine, parts(village, "alice"))
    assert len(moments(export(any_engine, "alice"))) == 9
