"""A program that moves to another server: the one before is told that everybody has left, the new one is a stranger."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.config.programs import ProgramsConfig
from bridge.miniprograms.host import updating
from bridge.miniprograms.program import Trapped
from tests.features.apps import Engine, packed, village
from tests.features.test_programs_leaving import asked_for_the_end, ends, polite, removed, rows
from tests.features.test_programs_remote import HOST, Server, far, opened, unreachable
from tests.features.village import HOUR, MINUTE, Village
from tests.unit.miniprograms.fakes import does

NEW = "new.example.org"
LIMITS = ProgramsConfig(idle_hours=8000)


def moved(version: str = "1.1.0", host: str = NEW) -> Any:
    return far(url=f"https://{host}/hook", version=version)


def left(engine: Engine, server: str | None) -> list[dict[str, Any]]:
    return [event for event in engine.at(server, "close") if event["data"] == {"reason": "left"}]


def ids(events: list[dict[str, Any]]) -> set[str]:
    return {event["user"]["id"] for event in events}


def in_chat_and_room(town: Village) -> None:
    opened(town)
    town.meet_in("hall")
    town.say_in("hall", "alice", "!open far")
    town.say("alice", "good morning")


def test_the_server_before_is_told_under_every_id_that_everybody_has_left() -> None:
    with village(far(), limits=LIMITS, far=polite) as (town, engine):
        in_chat_and_room(town)
        town.say("bob", "open far")
        town.say("bob", "3")
        known = ids(engine.at(HOST))
        assert len(known) == 2
        town.install(moved())
        town.wait(MINUTE)
        assert [event["chat"]["kind"] for event in left(engine, HOST)] == ["dm"]
        for _ in range(25):
            town.wait(HOUR)
        assert ids(left(engine, HOST)) == known
        assert len(left(engine, HOST)) == 2
        assert engine.at(NEW) == [], "nobody has agreed to that one"
        assert rows(town)["programs"] == 1
        # It goes on where they agree: as the same, with what is kept here.
        told = len(engine.at(HOST))
        assert NEW in town.say("alice", "good evening")[-1]
        town.say("alice", "2")
        [event] = engine.at(NEW)
        assert event["user"]["id"] in known
        assert event["state"] == 2
        assert len(engine.at(HOST)) == told


def test_it_is_told_again_until_it_confirms_while_the_program_goes_on_elsewhere() -> None:
    server = Server(polite)
    with village(far(), limits=LIMITS, far=server) as (town, engine):
        opened(town)
        server.always = unreachable()
        town.install(moved())
        town.wait(MINUTE)
        tries = len(left(engine, HOST))
        assert tries > 0
        server.always = None
        opened(town)
        assert engine.at(NEW, "open")
        for _ in range(3):
            town.wait(HOUR)
        assert len(left(engine, HOST)) > tries
        assert rows(town)["programs"] == 1
        # Who goes for good now leaves the new one, and nobody else hears of it.
        tries = len(left(engine, HOST))
        asked_for_the_end(town, "alice")
        while not ends(town):
            town.now += 6000
        assert len(left(engine, NEW)) == 1
        assert len(left(engine, HOST)) == tries


def test_who_left_before_is_no_affair_of_the_new_server() -> None:
    server = Server(polite)
    with village(far(), limits=LIMITS, far=server) as (town, engine):
        opened(town)
        server.always = unreachable()
        asked_for_the_end(town, "alice")
        assert not ends(town)
        town.install(moved())
        server.always = None
        for _ in range(30):
            town.wait(MINUTE)
            ends(town)
        assert ends(town)
        assert engine.at(NEW) == []
        assert len(ids(left(engine, HOST))) == 1
        assert rows(town) == {"programs": 1}


def test_rolling_back_is_moving_too() -> None:
    with village(far(), limits=LIMITS, far=polite) as (town, engine):
        opened(town)
        town.install(moved())
        opened(town)
        known = ids(engine.at(NEW))
        town.db.run_sync(lambda tx: updating.roll_back(tx, town.programs, "far", LIMITS))
        town.wait(HOUR)
        assert ids(left(engine, NEW)) == known
        assert town.db.run_sync(lambda tx: updating.roll_back(tx, town.programs, "far", LIMITS)) is None
        town.say("alice", "good evening")
        assert engine.at(HOST, "text")[-1]["data"] == {"text": "good evening"}, "that one they had agreed to"


def test_another_address_of_the_same_server_is_no_move() -> None:
    with village(far(), limits=LIMITS, far=polite) as (town, engine):
        opened(town)
        town.install(far(url=f"https://{HOST}/other", version="1.1.0"))
        for _ in range(25):
            town.wait(HOUR)
        assert left(engine, HOST) == []
        assert rows(town)["programs"] == 1


def test_from_a_server_into_courtyard_and_out_again() -> None:
    with village(far(), limits=LIMITS, far=polite) as (town, engine):
        in_chat_and_room(town)
        town.install(packed("far", version="1.1.0"))
        for _ in range(25):
            town.wait(HOUR)
        assert len(left(engine, HOST)) == 2
        town.say_in("hall", "alice", "!good evening")
        assert len(engine.at(None, "text")) == 1
        town.install(moved("1.2.0"))
        asked_for_the_end(town, "alice")
        while not ends(town):
            town.now += 6000
        for _ in range(25):
            town.wait(HOUR)
        assert engine.at(NEW) == [], "it was never told of her"


def test_who_left_a_program_here_is_told_here_though_it_has_moved_out() -> None:
    """And what it keeps of them among all is deleted."""

    def keeps(event: dict[str, Any]) -> dict[str, Any]:
        key = {"space": "program", "key": event["user"]["id"]}
        return does({"type": "kv.del" if event["type"] == "close" else "kv.set", **key, **_value(event)})

    def _value(event: dict[str, Any]) -> dict[str, Any]:
        return {} if event["type"] == "close" else {"value": 1}

    with village(packed("far"), limits=LIMITS, far=keeps) as (town, engine):
        town.meet_in("hall")
        town.say_in("hall", "bob", "!open far")
        town.say_in("hall", "alice", "!good morning")
        town.say("alice", "apps reset far")
        assert len(left(engine, None)) == 1, "her own chat; the room later"
        assert rows(town)["program_values"] == 2
        town.install(moved())
        for _ in range(25):
            town.wait(HOUR)
        assert len(left(engine, None)) == 2
        assert rows(town)["program_values"] == 1, "bob's"
        assert engine.at(NEW) == []
        assert rows(town)["programs"] == 1


@pytest.mark.parametrize("gone", ["moved", "removed"])
def test_what_is_set_aside_can_not_be_opened(gone: str) -> None:
    server = Server(polite)
    with village(far(), limits=LIMITS, far=server) as (town, engine):
        opened(town)
        server.always = Trapped("answer")
        if gone == "moved":
            town.install(moved())
        else:
            removed(town)
        names = town.db.run_sync(lambda tx: tx.sql("SELECT name FROM programs WHERE removed = 1").scalars().all())
        assert len(names) == 1
        for command in ("open", "apps preview", "apps reset", "apps sent"):
            assert "I know no mini-program" in town.one("bob", f'{command} "{names[0]}"'), command
        assert len(engine.at(HOST, "open")) == 1
