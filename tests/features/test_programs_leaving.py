"""D11: who leaves a program for good. It is told under every id that it knew, servers until they have confirmed it, and
the person is shown what came of it before their key goes."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from bridge.config.programs import ProgramsConfig
from bridge.db import Tx
from bridge.db.tables import metadata
from bridge.miniprograms.host import removing
from bridge.miniprograms.manifest import Deletion
from bridge.miniprograms.program import NotNow, Receipt, Trapped
from bridge.miniprograms.remote import signing
from bridge.rights.farewells import Farewell
from tests.features.apps import Engine, echo, packed, village
from tests.features.test_programs_remote import Server, far, opened, unreachable
from tests.features.village import HOUR, MINUTE, Village
from tests.unit.miniprograms.fakes import does


def polite(event: dict[str, Any]) -> dict[str, Any]:
    return does() if event["type"] == "close" else echo(event)


DEVELOPER = signing.public_key(bytes(range(32)))


def left(engine: Engine, name: str = "far") -> list[dict[str, Any]]:
    return [event for event in engine.of(name, "close") if event["data"] == {"reason": "left"}]


def ends(town: Village) -> bool:
    """Somebody's account ends, as far as it goes now. Whether they are gone."""
    for person in town.db.run_sync(town.deletions.due):
        if town.db.run_sync(lambda tx: town.deletions.begin(tx, person)):  # noqa: B023
            while town.db.run_sync(lambda tx: town.deletions.step(tx, person)):  # noqa: B023
                pass
    town.run_programs()
    return bool(town.db.run_sync(lambda tx: tx.sql("SELECT COUNT(*) FROM deletions").scalar()) == 0)


def asked_for_the_end(town: Village, name: str) -> None:
    town.ask_for_the_end(name)
    town.now += town.deletions.settings.grace_ms


def last_words(town: Village) -> str:
    """The last message that somebody gets."""
    [farewell] = town.db.run_sync(lambda tx: _farewells(town, tx))
    return str(farewell.content["body"])


def _farewells(town: Village, tx: Any) -> list[Farewell]:
    for owner in town.deletions.farewells.owners(tx):
        town.deletions.farewells.destroyed(tx, owner)
    return town.deletions.farewells.load(tx, 1)  # type: ignore[arg-type]


def canonical(words: str) -> dict[str, Any]:
    """The text that the digest is of; it has to be right."""
    [text] = [line for line in words.splitlines() if line.startswith("{") or '{"at"' in line]
    found = text[text.index("{") : text.rindex("}") + 1]
    assert hashlib.sha256(found.encode()).hexdigest() in words
    document: dict[str, Any] = json.loads(found)
    return document


# --- under every id ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", [packed("tester"), far("tester")], ids=["here", "on a server"])
def test_it_is_told_of_every_id_that_it_knew_each_room_apart(package: Any) -> None:
    with village(package, limits=ProgramsConfig(idle_hours=8000), tester=polite) as (town, engine):
        for name in ("alice", "bob"):
            town.say(name, "open tester")
            if package.program.manifest.server is not None:
                town.say(name, "2")
        for room in ("hall", "yard"):
            town.meet_in(room)
            town.say_in(room, "bob", "!open tester")
            town.say_in(room, "alice", "!good morning")
            town.say_in(room, "alice", "!good evening")
        mine = {event["user"]["id"] for event in engine.of("tester", "text")}
        mine.add(engine.of("tester", "open")[0]["user"]["id"])
        assert len(mine) == 3
        asked_for_the_end(town, "alice")
        while not ends(town):
            town.now += 6000
        assert len(left(engine, "tester")) == 1, "her own chat at once"
        assert left(engine, "tester")[0]["chat"]["kind"] == "dm"
        times, begun = [], town.now
        for hour in range(25):
            before = len(left(engine, "tester"))
            town.wait(HOUR)
            times += [hour] * (len(left(engine, "tester")) - before)
        told = left(engine, "tester")
        assert {event["user"]["id"] for event in told} == mine
        assert len(told) == 3
        for event, hour in zip(told[1:], times, strict=True):
            since = event["now"] - begun // 1000
            assert hour * 3600 <= since <= (hour + 1) * 3600, "nor does what it is told say when she left"
        assert [event["chat"]["kind"] for event in told] == ["dm", "room", "room"]
        rooms = {event["chat"]["id"] for event in engine.of("tester", "text")}
        assert {event["chat"]["id"] for event in told[1:]} == rooms
        assert all(event["user"]["profile"] == {} and event["state"] is None for event in told)
        assert town.db.run_sync(lambda tx: tx.sql("SELECT COUNT(*) FROM program_leavings").scalar()) == 0
        assert "good morning" in town.say_in("hall", "bob", "!good morning")[-1], "bob goes on"


def test_who_never_opened_it_and_only_spoke_to_it_in_a_room_is_known_too() -> None:
    with village(packed("tester"), tester=polite) as (town, engine):
        town.meet_in("hall")
        town.say_in("hall", "bob", "!open tester")
        town.say_in("hall", "alice", "!good morning")
        known = engine.of("tester", "text")[0]["user"]["id"]
        assert "does not know you any more" in town.one("alice", "apps reset tester")
        town.say_in("hall", "alice", "!good morning")
        assert engine.of("tester", "text")[1]["user"]["id"] != known
        town.wait(25 * HOUR)
        assert known in {event["user"]["id"] for event in left(engine, "tester")}


def test_a_server_that_was_never_told_of_somebody_is_not_told_that_they_left() -> None:
    with village(far(), far=polite) as (town, engine):
        town.say("alice", "open far")
        town.say("alice", "3")
        town.erase("alice")
        town.run_programs()
        assert engine.told == []


# --- confirmed --------------------------------------------------------------------------------------------------------


def test_what_the_server_has_signed_stands_in_the_receipt() -> None:
    receipt = Receipt(1_750_000_100, DEVELOPER, "c2lnbmVk")
    with village(far(deletion=Deletion(days=7, key=DEVELOPER)), far=polite) as (town, engine):
        engine.receipt = receipt
        opened(town)
        known = engine.of("far", "open")[0]["user"]["id"]
        asked_for_the_end(town, "alice")
        assert not ends(town), "it waits for the server"
        assert len(left(engine)) == 1
        town.now += 6000
        assert ends(town)
        words = last_words(town)
        assert "Far (far.example.org): has signed that it was deleted" in words
        [told] = canonical(words)["told"]
        assert told["state"] == "deleted"
        assert (told["user"], told["delivery"]) == (known, left(engine)[0]["id"])
        assert (told["at"], told["key"], told["signature"]) == (receipt.at, receipt.key, receipt.signature)
        left_over = {
            table.name: town.db.run_sync(lambda tx, name=table.name: tx.sql(f"SELECT COUNT(*) FROM {name}").scalar())  # type: ignore[misc]
            for table in metadata.sorted_tables
            if table.name.startswith("program_")
        }
        assert set(left_over.values()) == {0}


def test_while_it_waits_nobody_sees_anything_of_the_end() -> None:
    server = Server(polite)
    with village(far(), far=server) as (town, _):
        town.befriend("alice", "bob")
        town.say("alice", "post Hello")
        opened(town)
        asked_for_the_end(town, "alice")
        server.always = unreachable()
        before = town.rooms["bob"].log[:]
        for _ in range(5):
            assert not ends(town)
            town.deliver()
            town.now += MINUTE
        assert town.rooms["bob"].log == before
        assert "@alice:x.org" in town.one("bob", "friends")
        assert "Hello" in "".join(town.say("bob", "feed"))
        server.always = None
        town.wait(MINUTE * 10)
        while not ends(town):
            town.now += 6000
        town.deliver()
        assert "alice" not in town.one("bob", "friends")


def test_a_server_that_merely_confirms() -> None:
    with village(far(), far=polite) as (town, _):
        opened(town)
        asked_for_the_end(town, "alice")
        assert not ends(town)
        town.now += 6000
        assert ends(town)
        assert "Far (far.example.org): was told and has confirmed it" in last_words(town)


@pytest.mark.parametrize("failure", [unreachable(), Trapped("answer"), NotNow("deferred", 100.0)])
def test_one_that_does_not_is_told_again_and_the_end_waits_a_quarter_of_an_hour_at_most(failure: Exception) -> None:
    server = Server(polite)
    with village(far(), far=server) as (town, engine):
        opened(town)
        asked_for_the_end(town, "alice")
        server.always = failure
        minutes = 0
        while not ends(town):
            town.now += MINUTE
            minutes += 1
            assert minutes < 20
        assert 8 <= minutes <= 16
        words = last_words(town)
        assert "Far (far.example.org): has not confirmed it yet; it is told again until" in words
        assert canonical(words)["told"][0]["state"] == "pending"
        owners = town.db.run_sync(lambda tx: tx.sql("SELECT owner FROM program_leavings").scalars().all())
        assert owners == [None], "whose it was stands nowhere"
        tries = len(left(engine))
        assert len({json.dumps(event, sort_keys=True) for event in left(engine)}) == 1, "the same delivery"
        for _ in range(24):
            town.wait(HOUR)
        assert len(left(engine)) > tries + 5
        server.always = None
        town.wait(2 * HOUR)
        assert town.db.run_sync(lambda tx: tx.sql("SELECT COUNT(*) FROM program_leavings").scalar()) == 0


def test_until_the_time_that_its_manifest_promised(capsys: pytest.CaptureFixture[str]) -> None:
    server = Server(polite)
    with village(far(deletion=Deletion(days=2)), far=server) as (town, engine):
        opened(town)
        asked_for_the_end(town, "alice")
        server.always = unreachable()
        for _ in range(60):
            ends(town)
            town.wait(HOUR)
        tries = len(left(engine))
        assert 40 <= tries <= 70
        town.wait(100 * HOUR)
        assert len(left(engine)) == tries
        assert town.db.run_sync(lambda tx: tx.sql("SELECT COUNT(*) FROM program_leavings").scalar()) == 0


def test_beginning_anew_tells_a_server_as_well() -> None:
    server = Server(polite)
    with village(far(), far=server) as (town, engine):
        opened(town)
        server.next = [unreachable()]
        town.say("alice", "apps reset far")
        town.wait(MINUTE)
        assert len(left(engine)) == 2
        assert town.db.run_sync(lambda tx: tx.sql("SELECT COUNT(*) FROM program_leavings").scalar()) == 0


def test_nobody_waits_for_others_servers() -> None:
    limits = ProgramsConfig(leave_wait_minutes=0)
    server = Server(polite)
    with village(far(), limits=limits, far=server) as (town, _):
        opened(town)
        server.always = unreachable()
        asked_for_the_end(town, "alice")
        assert ends(town)
        assert "has not confirmed it yet" in last_words(town)


# --- a program that is removed ----------------------------------------------------------------------------------------


def removed(town: Village, name: str = "far") -> None:
    """The operator removes a program."""

    def work(tx: Tx) -> None:
        found = town.programs.by_name(tx, name)
        assert found is not None
        removing.remove(tx, found, ProgramsConfig())

    town.db.run_sync(work)


def rows(town: Village) -> dict[str, int]:
    """What there is still of programs."""
    names = [table.name for table in metadata.sorted_tables if table.name.startswith("program")]
    counts = {
        name: int(town.db.run_sync(lambda tx, name=name: tx.sql(f"SELECT COUNT(*) FROM {name}").scalar()))  # type: ignore[misc]
        for name in names
    }
    return {name: count for name, count in counts.items() if count}


def test_the_server_of_a_removed_program_is_told_that_all_have_left() -> None:
    with village(far(), far=polite) as (town, engine):
        town.meet_in("hall")
        opened(town)
        town.say_in("hall", "alice", "!open far")
        town.say("bob", "open far")
        town.say("bob", "3")
        known = {event["user"]["id"] for event in engine.of("far")}
        removed(town)
        assert town.say("alice", "good morning") != []
        assert "apps mine" not in town.one("alice", "apps")
        town.wait(MINUTE)
        assert {event["chat"]["kind"] for event in left(engine)} == {"dm"}
        for _ in range(25):
            town.wait(HOUR)
        assert {event["user"]["id"] for event in left(engine)} == known
        assert rows(town) == {}
        assert len(engine.of("far", "text")) == 0, "it was told nothing else"


def test_a_removed_program_that_nobody_used_is_gone_at_once() -> None:
    with village(far(), packed("tester"), tester=polite, far=polite) as (town, engine):
        removed(town)
        town.say("alice", "open tester")
        removed(town, "tester")
        assert rows(town) == {}
        town.wait(HOUR)
        assert left(engine) == left(engine, "tester") == []


def test_a_program_that_takes_its_name_knows_nobody() -> None:
    server = Server(polite)
    with village(far(), far=server) as (town, engine):
        opened(town)
        before = engine.of("far", "open")[0]["user"]["id"]
        server.always = unreachable()
        removed(town)
        town.install(far())
        town.wait(MINUTE)
        server.always = None
        town.wait(HOUR)
        assert [event["user"]["id"] for event in left(engine)][-1] == before
        opened(town)
        assert engine.of("far", "open")[-1]["user"]["id"] != before
        assert rows(town)["programs"] == 1


def test_a_server_that_never_answers_is_let_go_when_the_days_that_it_promised_are_over() -> None:
    server = Server(polite)
    with village(far(deletion=Deletion(days=2, key=DEVELOPER)), far=server) as (town, _):
        opened(town)
        server.always = unreachable()
        removed(town)
        for _ in range(47):
            town.wait(HOUR)
        assert rows(town) == {"programs": 1, "program_leavings": 1}
        for _ in range(3):
            town.wait(HOUR)
        assert rows(town) == {}
