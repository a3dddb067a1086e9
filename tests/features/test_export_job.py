"""P10: how an export is made: one at a time, in parts, over interruptions, and whatever fails."""

import json
import random
from collections.abc import Iterator

import pytest

from bridge.db import ledger
from bridge.moments import archive_ids, exporting
from bridge.rights.archive import jobs
from bridge.rights.archive.layout import ArchiveSettings
from bridge.rights.archive.ports import FileLater, FileRefused
from tests.archives import alike, export, moments, parts, unpacked
from tests.features.test_export import live
from tests.features.village import MINUTE, STORED, Village, user_id

ALICE, BOB, CAROL = (user_id(name) for name in ("alice", "bob", "carol"))
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def test_one_at_a_time_and_not_too_often(village: Village) -> None:
    assert "as a file" in village.one("alice", "export")
    assert "is being made" in village.one("alice", "export")
    assert "putting together" in village.one("bob", "export"), "others have their own"
    village.work()
    for _ in range(2):
        export(village, "alice")
    assert "within 24 hours" in village.one("alice", "export")
    village.now += DAY + 1
    export(village, "alice")


def test_it_stands_in_the_log(village: Village) -> None:
    export(village, "alice")
    assert "you asked for an export" in village.one("alice", "log")
    assert "export" not in village.one("bob", "log")


@pytest.fixture
def small() -> Iterator[Village]:
    """Small parts."""
    village = Village(archives=ArchiveSettings(part_bytes=4000, per_day=1000, tries=1000))
    village.open("alice", "bob")
    village.befriend("alice", "bob")
    yield village
    village.close()


def much(village: Village, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "_PAGE", 2)
    for number in range(7):
        village.now += 1000
        village.say("alice", f"post Number {number} x{random.Random(number).randbytes(600).hex()}")
    for number in range(3):
        village.now += 1000
        village.picture("alice", f"post Picture {number}")


def test_what_is_large_comes_in_parts(small: Village, monkeypatch: pytest.MonkeyPatch) -> None:
    much(small, monkeypatch)
    zips = parts(small, "alice")
    assert len(zips) >= 3
    files = unpacked(zips)
    assert len(moments(files)) == 10
    assert [name for name in files if name.startswith("moments/") and name.endswith("json")] == [
        f"moments/{number:04d}.json" for number in range(1, 6)
    ]
    pages = [json.loads(files[f"moments/{number:04d}.json"]) for number in range(1, 6)]
    assert [page.get("next") for page in pages] == [f"{n:04d}.json" for n in range(2, 6)] + [None]
    assert json.loads(files["outbox.json"])["totalItems"] == 10
    assert sum(name.startswith("media/") for name in files) == 3
    bodies = small.bodies("alice")[-len(zips) :]
    assert [body.split(".")[0] for body in bodies] == [
        f"Everything of yours, part {number} of {len(zips)}" for number in range(1, len(zips) + 1)
    ]


def test_broken_off_at_any_point_it_goes_on(small: Village, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but the row knows how far it is. What was uploaded is not uploaded again, and nothing lacks."""
    much(small, monkeypatch)
    whole = parts(small, "alice")
    for seed in range(5):
        chance = random.Random(seed)
        before, sent = len(small.files.kept), len(small.rooms["alice"].events)
        small.files.fails = [FileLater() if chance.random() < 0.3 else None for _ in range(1000)]
        small.say("alice", "export")
        while not small.rooms["alice"].events[sent + 1 :]:
            small.now += HOUR
            small.work()
        small.files.fails = []
        news = [event.content for event in small.rooms["alice"].events[sent + 1 :]]
        zips = [small.files.kept[content["file"]["url"]] for content in news]
        assert len(zips) == len(whole) == len(small.files.kept) - before
        again, first = alike(unpacked(zips), times=False), alike(unpacked(whole), times=False)
        for name in first.keys() | again.keys():
            if name not in ("manifest.json", "index.html", "log.html", "lists/log.csv"):
                assert first.get(name) == again.get(name), name


def test_what_changes_meanwhile_does_no_harm(small: Village, monkeypatch: pytest.MonkeyPatch) -> None:
    much(small, monkeypatch)
    small.say("alice", "export")
    small.files.fails = [None, FileLater()]
    small.work()
    assert len(small.files.kept) == 2, "the first part is there"
    for number in (1, 4, 10):
        small.say("alice", f"delete {number}")
    small.say("alice", "post Since then")
    small.now += HOUR
    small.work()
    sent = [e.content for e in small.rooms["alice"].events if e.content["msgtype"] == "m.file"]
    files = unpacked([small.files.kept[content["file"]["url"]] for content in sent])
    texts = [one["source"]["content"].split(" x")[0] for one in moments(files)]
    assert texts == sorted(set(texts), key=texts.index), "each once"
    assert {f"Number {number}" for number in (1, 2, 4, 5, 6)} <= set(texts)


def test_a_picture_that_can_not_be_fetched_is_named(village: Village) -> None:
    village.picture("alice", "post One")
    village.files.kept.clear()
    files = export(village, "alice")
    assert len(json.loads(files["manifest.json"])["missing"]) == 1
    assert "One picture could not be fetched" in village.bodies("alice")[-1]


def test_what_does_not_fit_is_left_out_and_named() -> None:
    village = Village(archives=ArchiveSettings(bytes=250_000))
    village.open("alice")
    village.say("alice", "post Text")
    for _ in range(3):
        village.picture("alice", "post One")
    village.files.kept[str(STORED.file["url"])] = bytes(100_000)  # more than its description says
    files = export(village, "alice")
    missing = json.loads(files["manifest.json"])["missing"]
    assert 0 < len(missing) < 3
    assert not set(missing) & files.keys()
    village.close()


@pytest.mark.parametrize(
    ("failure", "text"),
    [(FileRefused(), "takes no file of this size"), (RuntimeError("x"), "something went wrong here")],
)
def test_what_can_not_be_made_is_told_in_one_line(village: Village, failure: Exception, text: str) -> None:
    village.say("alice", "export")
    village.files.fails = [failure] * 100
    for _ in range(25):
        village.now += HOUR
        village.work()
    assert text in village.bodies("alice")[-1]
    village.files.fails = []
    village.now += DAY
    assert export(village, "alice")


def test_a_damaged_job_ends_and_one_can_ask_again(village: Village) -> None:
    village.say("alice", "export")
    village.db.run_sync(lambda tx: tx.sql("UPDATE archive_jobs SET sealed = ?", (b"x",)))
    village.work()
    assert "something went wrong here" in village.bodies("alice")[-1]
    assert export(village, "alice")


def test_a_damaged_name_costs_nothing_but_the_name(village: Village) -> None:
    village.say("alice", "post One")
    alice = village.db.run_sync(lambda tx: village.people.known(tx, ALICE))
    assert alice is not None
    name = f"urn:uuid:{'1' * 8}-1111-8111-8111-{'1' * 12}"
    village.db.run_sync(lambda tx: archive_ids.keep(tx, alice.id, 1, name))
    assert [one["id"] for one in moments(export(village, "alice"))] == [name]
    village.db.run_sync(lambda tx: tx.sql("UPDATE archive_ids SET sealed = ?", (b"x",)))
    [other] = moments(export(village, "alice"))
    assert other["id"] != name
    assert other["source"]["content"] == "One"


def test_who_is_erased_meanwhile_gets_nothing_and_leaves_nothing(village: Village) -> None:
    village.say("alice", "post Mine")
    export(village, "alice")
    village.say("alice", "export")
    village.erase("alice")
    village.work()
    rows = village.db.run_sync(lambda tx: tx.sql("SELECT COUNT(*) FROM archive_jobs").scalar_one())
    assert rows == 0
    assert [e for e in village.left[0].events if e.content["msgtype"] == "m.file" and not e.redacted] == []
    assert village.db.run_sync(ledger.verify).is_whole


def test_for_who_is_paused_it_waits(village: Village) -> None:
    village.say("alice", "privacy recovery on")
    village.say("alice", "export")
    village.reset_identity("alice", "new")
    village.work()
    assert not [e for e in village.rooms["alice"].events if e.content["msgtype"] == "m.file"]


def test_it_works_on_each_engine(any_engine: Village) -> None:
    live(any_engine)
    assert len(moments(export(any_engine, "alice"))) == 9
    any_engine.now += 2 * DAY
    any_engine.db.run_sync(jobs.forget_old)
    assert any_engine.db.run_sync(lambda tx: tx.sql("SELECT COUNT(*) FROM archive_jobs").scalar_one()) == 0
