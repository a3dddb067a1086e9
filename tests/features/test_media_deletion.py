"""M10, P12: files that nothing shows any more are deleted from the homeserver, and no others."""

from __future__ import annotations

import asyncio
import base64
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.chat.picture import DrawnPicture, StoredPicture
from bridge.contacts import invites
from bridge.db import media
from bridge.moments import drafts
from bridge.rights.media_deletions import Later, MediaDeletions, Refused
from bridge.rights.retention import Retention, RetentionSettings
from tests.features import test_programs_pictures as gallery
from tests.features.village import MINUTE, STORED, Village
from tests.unit.miniprograms.fakes import does, says

DAY = 24 * 60 * MINUTE


class Server:
    """A homeserver that deletes, in a village where every picture is another."""

    def __init__(self, village: Village) -> None:
        self.village = village
        self.deleted: list[str] = []
        self.fails: Callable[[str], BaseException | None] = lambda uri: None
        self.job = MediaDeletions(village.db, self.delete)
        self._counted = itertools.count(1)

    async def delete(self, uri: str) -> None:
        failure = self.fails(uri)
        if failure is not None:
            raise failure
        self.deleted.append(uri)

    def picture(self, name: str, caption: str) -> set[str]:
        """Somebody sends one; its URIs."""
        self.village.stored = other(next(self._counted))
        self.village.picture(name, caption)
        return uris(self.village.stored)

    def work(self) -> set[str]:
        """What the job deletes now."""
        self.deleted.clear()
        asyncio.run(self.job.look())
        assert len(self.deleted) == len(set(self.deleted))
        return set(self.deleted)


def other(number: int) -> StoredPicture:
    assert STORED.thumbnail is not None
    return replace(
        STORED,
        file={**STORED.file, "url": f"mxc://x.org/picture{number}"},
        thumbnail={**STORED.thumbnail, "url": f"mxc://x.org/small{number}"},
    )


def uris(picture: StoredPicture) -> set[str]:
    return {str(file["url"]) for file in picture.files if file is not None}


@pytest.fixture
def village() -> Iterator[Village]:
    async def publish(picture: DrawnPicture) -> StoredPicture:
        return replace(STORED, file={**STORED.file, "url": "mxc://x.org/poster"}, thumbnail=None)

    town = Village(publish=publish)
    town.open("alice", "bob", "carol")
    town.befriend("alice", "bob")
    yield town
    town.close()


@pytest.fixture
def server(village: Village) -> Server:
    return Server(village)


def test_a_deleted_moment_takes_its_files_along_once_it_can_not_come_back(village: Village, server: Server) -> None:
    first, second = server.picture("alice", "post One"), server.picture("alice", "post Two")
    hers = server.picture("bob", "post Of Bob")
    village.say("carol", "feed")
    village.wait(30 * DAY)
    assert server.work() == set()
    village.say("alice", "delete 1")
    assert server.work() == set(), "it may still be taken back"
    village.say("alice", "undo")
    village.wait(MINUTE)
    assert server.work() == set()
    village.say("alice", "delete 1")
    village.wait(MINUTE)
    assert server.work() == first
    assert server.work() == set(), "once"
    village.redact("alice", village.last_event)
    village.say("alice", "expire 2 1h")
    village.wait(61 * MINUTE)
    assert server.work() == second
    job = Retention(
        RetentionSettings(moments_ms=10 * DAY),
        village.people,
        village.outbox,
        village.moments,
        village.deletions,
    )
    village.db.run_sync(job.step)
    village.now += 31 * DAY
    village.db.run_sync(job.step)
    assert server.work() == hers


def test_what_two_show_stays_until_the_last_is_gone(village: Village, server: Server) -> None:
    shared = uris(STORED)
    for caption in ("post One", "post Two"):
        village.picture("alice", caption)
    village.picture("bob", "profile set avatar")
    for number in (1, 2):
        village.say("alice", f"delete {number}")
        village.wait(MINUTE)
        assert server.work() == set()
    village.say("bob", "profile set avatar")
    assert server.work() == shared


def test_drafts_and_what_becomes_of_them(village: Village, server: Server) -> None:
    village.say("alice", "post")
    published = server.picture("alice", "One") | server.picture("alice", "Two")
    assert "Posted" in village.one("alice", "1")
    village.wait(DAY)
    village.db.run_sync(lambda tx: drafts.forget_old(tx, 0))
    assert server.work() == set()
    village.say("alice", "post")
    old = server.picture("alice", "Three")
    assert server.work() == set()
    village.wait(9 * DAY)
    village.db.run_sync(lambda tx: drafts.forget_old(tx, 7 * DAY))
    assert server.work() == old
    village.say("alice", "delete 1")
    village.wait(MINUTE)
    assert server.work() == published


def test_faces_and_codes(village: Village, server: Server) -> None:
    first, second = server.picture("alice", "profile set avatar"), server.picture("alice", "profile set avatar")
    assert server.work() == first
    village.say("alice", "profile set avatar")
    assert server.work() == second
    [code] = re.findall(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}", village.one("alice", "invite new"))
    village.wait(DAY)
    assert server.work() == set()
    village.say("alice", f"invite revoke {code}")
    assert server.work() == {"mxc://x.org/poster"}
    village.say("alice", "invite new 1 2d")
    assert server.work() == set()
    village.wait(3 * DAY)
    village.db.run_sync(invites.forget_old)
    assert server.work() == {"mxc://x.org/poster"}


def test_an_export_lies_there_as_long_as_its_owner(village: Village, server: Server) -> None:
    hers = server.picture("carol", "post Of Carol")
    village.say("carol", "export")
    village.work()
    made = {uri for uri in village.files.kept if "file" in uri}
    assert made
    village.wait(40 * DAY)
    assert server.work() == set()
    theirs = server.picture("bob", "post Of Bob")
    village.ask_for_the_end("carol")
    village.wait(8 * DAY)
    village.end("carol")
    assert server.work() == hers | made
    assert village.db.run_sync(lambda tx: tx.sql("SELECT COUNT(*) FROM media").scalar_one()) == len(theirs)


def test_what_programs_show_stays_in_the_chat(server: Server) -> None:
    with gallery.village() as (town, _, _gallery):
        mine = Server(town)
        town.say("alice", "open tester")
        town.say("alice", "2")
        assert town.rooms["alice"].events[-1].content.get("msgtype") == "m.image"
        town.say("alice", "close")
        town.wait(10 * DAY)
        town.db.run_sync(lambda tx: tx.sql("DELETE FROM program_sessions"))  # as the job does after a day
        assert mine.work() == set()
        town.ask_for_the_end("alice")
        town.wait(8 * DAY)
        town.end("alice")
        assert mine.work() == uris(STORED)


def test_what_programs_show_to_a_whole_room_is_the_rooms() -> None:
    def draws(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == "close":
            return does()
        return does(says("Drawn", picture={"alt": "Soup", "data": base64.b64encode(b"soup").decode()}))

    with gallery.village(draws) as (town, _, _gallery):
        town.meet_in("hall")
        town.say_in("hall", "bob", "!open tester")
        assert town.rooms["hall"].events[-1].content.get("msgtype") == "m.image"
        town.ask_for_the_end("bob")
        town.wait(8 * DAY)
        town.end("bob")
        assert Server(town).work() == set()


def test_what_came_to_nothing_goes_after_a_day(village: Village, server: Server) -> None:
    village.db.run_sync(lambda tx: media.note(tx, "mxc://x.org/loose"))
    village.wait(DAY // 2)
    assert server.work() == set()
    village.wait(DAY)
    assert server.work() == {"mxc://x.org/loose"}


# --- the homeserver -----------------------------------------------------------------------------------------------
def test_who_refuses_is_told_of_once_and_nothing_is_lost(village: Village, server: Server) -> None:
    gone = set()
    for number in range(3):
        gone |= server.picture("alice", f"post {number}")
    for number in range(1, 4):
        village.say("alice", f"delete {number}")
    village.wait(MINUTE)
    server.fails = lambda uri: Refused("403 M_FORBIDDEN")
    with capture_logs() as logs:
        assert server.work() == server.work() == set()
    [line] = [one for one in logs if one["log_level"] == "warning"]
    assert line["error"] == "403 M_FORBIDDEN"
    assert "mxc" not in str(logs)
    server.job = MediaDeletions(village.db, server.delete)  # after a crash
    server.fails = lambda uri: None
    assert server.work() == gone


@pytest.mark.parametrize("window", [1, 2, 2000])
def test_one_file_that_can_not_be_deleted_keeps_no_other(
    village: Village, server: Server, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    monkeypatch.setattr(media, "_WINDOW", window)
    server.picture("bob", "post Of Bob")
    gone = server.picture("alice", "post One") | server.picture("alice", "post Two")
    for number in (1, 2):
        village.say("alice", f"delete {number}")
    village.wait(MINUTE)
    stuck = min(gone)
    server.fails = lambda uri: Later("500") if uri == stuck else None
    assert server.work() == gone - {stuck}
    server.fails = lambda uri: None
    assert server.work() == {stuck}


def test_killed_in_the_middle_it_is_asked_again(village: Village, server: Server) -> None:
    gone = server.picture("alice", "post One")
    village.say("alice", "delete 1")
    village.wait(MINUTE)
    server.fails = lambda uri: KeyboardInterrupt() if server.deleted else None
    with pytest.raises(KeyboardInterrupt):
        server.work()
    server.fails = lambda uri: None
    assert server.work() == gone, "what was deleted is asked for once more"


def test_where_nothing_can_be_deleted_it_is_forgotten(village: Village, server: Server) -> None:
    server.picture("alice", "post One")
    kept = server.picture("alice", "post Two")
    village.say("alice", "delete 1")
    village.wait(MINUTE)
    asyncio.run(MediaDeletions(village.db, None).look())
    assert village.db.run_sync(lambda tx: tx.sql("SELECT COUNT(*) FROM media").scalar_one()) == len(kept)
    assert server.work() == set()


def test_nothing_of_it_is_readable(village: Village, server: Server) -> None:
    server.picture("alice", "post One")
    rows = village.db.run_sync(lambda tx: [tuple(row) for row in tx.sql("SELECT * FROM media")])
    assert "x.org" not in str(rows)


def test_a_damaged_row_costs_itself_alone(village: Village, server: Server) -> None:
    gone = server.picture("alice", "post One")
    village.say("alice", "delete 1")
    village.wait(MINUTE)
    village.db.run_sync(
        lambda tx: tx.sql("UPDATE media SET sealed = ? WHERE id = (SELECT MIN(id) FROM media)", (b"x",))
    )
    assert len(server.work() & gone) == 1
    assert village.db.run_sync(media.count_unheld) == 0
