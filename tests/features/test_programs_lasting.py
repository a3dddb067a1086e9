"""What lasts of mini-programs, and what does not: crashes, damage, other identities, the end of accounts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridge.config.programs import ProgramsConfig
from bridge.db import Tx
from bridge.db.tables import metadata
from bridge.miniprograms.host import sessions
from tests.archives import export
from tests.features.apps import Engine, built_in, echo, killed_before_commit, packed, village
from tests.features.test_damage import PROGRAMS
from tests.features.village import Village
from tests.unit.miniprograms.fakes import does, says

KEPT = packed(domains=("api.example.org",), scopes={"profile.name": "To greet you.", "notify": "To remind you."})


def keeps(event: dict[str, Any]) -> dict[str, Any]:
    """Counts in all places, asks, and is called later."""
    if event["type"] in ("kv.result", "scope.result", "fetch.result"):
        return does(state=event["state"])
    if event["type"] == "close":
        return does({"type": "kv.del", "space": "program", "key": event["user"]["id"]})
    return does(
        *(
            {"type": "kv.set", "space": space, "key": event["user"]["id"], "value": event["id"]}
            for space in ("person", "chat", "program")
        ),
        {"type": "timer.set", "tag": "t", "after": 3600},
        {"type": "scope.request", "tag": "s", "scopes": ["profile.name"]},
        {"type": "fetch", "tag": "f", "url": "https://api.example.org/"},
        says("kept", key="k"),
        state=(event["state"] or 0) + 1,
    )


def count(town: Village, table: str) -> int:
    return int(town.db.run_sync(lambda tx: tx.sql(f"SELECT COUNT(*) FROM {table}").scalar_one()))


@pytest.mark.parametrize("table", sorted(table for table, _ in PROGRAMS))
def test_what_is_damaged_costs_itself_alone(table: str) -> None:
    with village(KEPT, packed("other"), tester=keeps, other=echo) as (town, _):
        town.say("alice", "profile set name Alice")
        town.say("alice", "open tester")
        town.say("alice", "2")
        town.say("alice", "again")
        town.say("alice", "apps reset tester")
        town.say("alice", "open tester")

        def damage(tx: Tx) -> None:
            tx.sql(f"UPDATE {table} SET sealed = ?", (b"damaged",))

        town.db.run_sync(damage)
        for line in ("good morning", "grants", "apps", "apps sent", "1", "revoke 1", "open tester", "close"):
            town.say("alice", line)
        town.wait(3601_000)
        assert town.one("alice", "ping") == "pong"
        town.install(packed("fresh"))
        assert town.say("bob", "friends")


def test_an_event_that_was_under_way_is_told_again_and_its_effects_are_performed_once() -> None:
    with village(packed(), tester=echo) as (town, engine):
        town.say("alice", "open tester")
        write_after_all = killed_before_commit(town, "good morning")
        texts = engine.of("tester", "text")
        assert len(texts) == 2
        assert texts[0] == texts[1], "the same event: id, time, seed, state"
        assert [body for body in town.bodies("alice") if "good morning" in body] == [
            "Tester\n\ntext {'text': 'good morning'}"
        ]
        # What was answered before the crash comes to nothing when it is written after all.
        write_after_all()
        assert len([body for body in town.bodies("alice") if "good morning" in body]) == 1


def test_two_people_never_get_one_seat() -> None:
    with village(built_in("tickets")) as (town, _):
        for name in ("alice", "bob"):
            town.say(name, "open tickets")
        for line in ("new", "Choir", "2030-03-01 18:30", "1", "2"):
            town.say("alice", line)
        # Both read the plan before either stores anything.
        town.say_only("alice", "book 1 a1")
        town.say_only("bob", "book 1 a1")
        town.run_programs()
        town.deliver()
        last = [town.bodies(name)[-1] for name in ("alice", "bob")]
        assert sum("Your seat is **A1**" in body for body in last) == 1
        assert sum("A1 is taken" in body for body in last) == 1


def test_who_begins_anew_is_somebody_else_to_the_program() -> None:
    with village(KEPT, tester=keeps) as (town, engine):
        town.say("alice", "open tester")
        before = engine.of("tester", "open")[0]
        assert "does not know you any more" in town.one("alice", "apps reset tester")
        assert count(town, "program_values") == 0
        town.say("alice", "open tester")
        after = engine.of("tester", "open")[1]
        assert before["user"]["id"] != after["user"]["id"]
        assert before["chat"]["id"] != after["chat"]["id"]
        assert after["state"] is None
        [left] = engine.of("tester", "close")
        assert (left["user"]["id"], left["data"]) == (before["user"]["id"], {"reason": "left"})


def test_the_end_of_an_account_ends_all_of_it_in_programs() -> None:
    with village(KEPT, limits=ProgramsConfig(idle_hours=8000), tester=keeps) as (town, engine):
        for name in ("alice", "bob"):
            town.say(name, f"profile set name {name}")
            town.say(name, "open tester")
            town.say(name, "2")
        shown = town.one("alice", "account delete")
        assert "what one mini-program knows of you" in shown
        assert "2 values that mini-programs keep for you" in shown
        town.erase("alice")
        town.run_programs()
        known = engine.of("tester", "open")[0]["user"]["id"]
        [left] = engine.of("tester", "close")
        assert left["user"] == {"id": known, "scopes": [], "profile": {}}
        assert left["data"] == {"reason": "left"}
        left_over = {table.name: count(town, table.name) for table in metadata.sorted_tables if "program" in table.name}
        assert left_over["program_people"] == left_over["program_sessions"] == 1
        assert left_over["program_values"] == 3, "bob's, and what the program keeps of bob among all"
        assert left_over["program_leavings"] == 0
        assert "Tester\n\nkept" in town.say("bob", "again")
        assert known not in json.dumps([event for event in engine.of("tester")[-2:]])


@pytest.mark.parametrize("granted", [False, True])
def test_nothing_but_what_was_granted_and_typed_reaches_programs(granted: bool) -> None:
    """All that programs were told is searched for what names people, rooms and messages."""

    def asks(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == "text" and "name" in event["data"]["text"]:
            return does({"type": "scope.request", "tag": "s", "scopes": ["profile.name"]})
        return echo(event)

    engine = Engine(tester=asks, second=echo)
    town = Village(runtime=engine)
    names = ["word", "gomoku", "canteen", "tickets", "split", "poll"]
    town.install(KEPT, packed("second"), *map(built_in, names))
    town.open("alice", "bob")
    town.befriend("alice", "bob")
    try:
        for field, value in {"name": "Alice Liddell", "region": "Oxfordshire", "phone": "+44 20 7946 0000"}.items():
            town.say("alice", f"profile set {field} {value}")
        town.say("alice", "remark @bob:x.org Bobby")
        for name in ["second", *names, "tester"]:
            town.say("alice", f"open {name}")
            for line in ("h8", "menu", "events", "good morning", "1"):
                town.say("alice", line)
        assert "asks for your name" in town.one("alice", "take my name")
        town.say("alice", "2" if granted else "3")
        town.say("alice", "good evening")
        told = json.dumps(engine.told, ensure_ascii=False)
        secrets = ["@alice", "alice", "x.org", "!", "$in", "$out", "Oxfordshire", "20 7946", "Bobby"]
        assert [secret for secret in secrets if secret in told] == []
        assert ("Alice Liddell" in told) == granted
        if granted:
            assert {key for _, event in engine.told for key in event["user"]["profile"]} == {"name"}
        ids = {name: {event["user"]["id"] for event in engine.of(name)} for name in ["second", *names, "tester"]}
        assert all(len(known) == 1 for known in ids.values())
        assert len(set.union(*ids.values())) == len(ids)
        events = [event["id"] for _, event in engine.told]
        assert all(event["now"] == int(event["now"]) for _, event in engine.told)
        assert len({(name, event["id"]) for name, event in engine.told}) == len(events)
    finally:
        town.close()


def test_an_export_holds_what_programs_keep_and_were_told() -> None:
    with village(KEPT, tester=keeps) as (town, _):
        for name in ("alice", "bob"):
            town.say(name, "open tester")
            town.say(name, "2")
            town.say(name, f"secret of {name}")
        files = {name: data.decode("utf-8") for name, data in export(town, "alice").items() if "program" in name}
        assert len(files["lists/program-values.csv"].splitlines()) == 3
        assert "tester,answers of the server api.example.org,always" in files["lists/program-grants.csv"]
        assert "secret of alice" in files["lists/program-told.csv"]
        assert "secret of bob" not in "".join(files.values())
        assert not [name for name in export(town, "bob") if "alice" in name]


def test_an_export_holds_what_programs_keep_of_somebody_in_rooms() -> None:
    with village(KEPT, tester=keeps) as (town, engine):
        town.meet_in("hall")
        town.say_in("hall", "bob", "!open tester")
        town.say_in("hall", "alice", "!secret of alice")
        [alice] = {event["user"]["id"] for event in engine.of("tester", "text")}
        files = {name: data.decode("utf-8") for name, data in export(town, "alice").items() if "program" in name}
        values = files["lists/program-values.csv"].splitlines()
        assert [line.split(",")[:2] for line in values[1:]] == [["tester", alice]], "hers, and not the room's"
        assert "secret of alice" in files["lists/program-told.csv"]


def test_what_is_closed_is_forgotten() -> None:
    with village(packed(), tester=echo) as (town, _):
        town.say("alice", "open tester")
        town.say("alice", "close")
        town.say("bob", "open tester")
        town.now += 25 * 3600_000
        town.db.run_sync(sessions.forget_old)
        assert count(town, "program_sessions") == count(town, "program_messages") == 1, "bob's, which is open"
