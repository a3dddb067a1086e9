"""Choices by token, and the end of a program on a server, over both engines."""

from __future__ import annotations

import contextlib

from bridge.config.programs import ProgramsConfig
from bridge.db import Database
from tests.features.apps import Engine, packed
from tests.features.test_programs_buttons import GONE, bar, buttons
from tests.features.test_programs_leaving import left, polite, removed, rows
from tests.features.test_programs_remote import far, opened
from tests.features.village import HOUR, Village


def test_all_of_it(database: Database) -> None:
    engine = Engine(tester=bar, far=polite)
    with contextlib.closing(Village(database, runtime=engine, apps_limits=ProgramsConfig(idle_hours=8000))) as town:
        town.install(packed(), far())
        town.open("alice", "bob")
        town.say("alice", "open tester")
        before = buttons(town, "alice")
        assert town.press("bob", before["Milk"]) == [GONE]
        assert town.press("alice", before["Milk"]) == ["Tester\n\nchosen secret-milk"]
        town.say("alice", "other")
        assert buttons(town, "alice")["Milk"] == before["Milk"]
        assert town.press("alice", before["Tea"]) == [GONE]
        town.say("alice", "form")
        small = buttons(town, "alice")["Small"]
        assert "With (2/3)" in town.press("alice", small)[0]
        assert town.press("alice", small) == [GONE]
        town.meet_in("hall")
        town.say_in("hall", "alice", "!open tester")
        town.say_in("hall", "alice", "!anyone")
        assert town.press("bob", buttons(town, "hall")["Tea"], room="hall") == ["Tester\n\nchosen secret-tea"]
        for where in ("alice", "hall"):
            town.say("alice", "close") if where == "alice" else town.say_in("hall", "alice", "!close")
        assert "program_choices" not in rows(town)

        opened(town, "bob")
        town.say_in("hall", "bob", "!open far")
        removed(town)
        for _ in range(25):
            town.wait(HOUR)
        assert len(left(engine)) == 2
        assert rows(town)["programs"] == 1, "the other one"
