"""Programs on servers, over both engines: consent, another try, an answer that comes later, and the end."""

from __future__ import annotations

import contextlib

from bridge.config.programs import ProgramsConfig
from bridge.db import Database
from bridge.db.tables import metadata
from bridge.miniprograms.program import NotNow
from tests.features.apps import Engine
from tests.features.test_programs_leaving import asked_for_the_end, ends, last_words, left, polite
from tests.features.test_programs_remote import HOST, Server, far, opened, unreachable
from tests.features.village import MINUTE, Village


def test_all_of_it(database: Database) -> None:
    server = Server(polite)
    engine = Engine(far=server)
    with contextlib.closing(
        Village(database, runtime=engine, apps_limits=ProgramsConfig(leave_hours=0, idle_hours=8000))
    ) as town:
        town.install(far())
        town.open("alice", "bob")
        assert HOST in town.say("alice", "open far")[-1]
        assert engine.told == []
        town.say("alice", "2")
        server.next = [unreachable(), NotNow("deferred", 20.0)]
        town.say("alice", "one")
        town.say("alice", "two")
        for _ in range(30):
            town.wait(1000)
        assert [event["data"]["text"] for event in engine.of("far", "text")] == ["one", "one", "one", "two"]
        assert town.bodies("alice")[-1] == "Far\n\ntext {'text': 'two'}"
        server.always = unreachable()
        town.say("alice", "three")
        town.wait(MINUTE)
        assert "can't be reached" in town.bodies("alice")[-1]
        server.always = None
        opened(town, "bob")
        town.meet_in("hall")
        town.say_in("hall", "bob", "!open far")
        town.say_in("hall", "alice", "!good morning")
        asked_for_the_end(town, "alice")
        assert not ends(town)
        town.now += 6000
        assert ends(town)
        assert last_words(town).count(f"Far ({HOST}): was told and has confirmed it") == 2
        assert len({event["user"]["id"] for event in left(engine)}) == 2
        assert "good evening" in town.say("bob", "good evening")[-1]

        def rows(name: str) -> int:
            return int(database.run_sync(lambda tx: tx.sql(f"SELECT COUNT(*) FROM {name}").scalar_one()))

        names = [table.name for table in metadata.sorted_tables if table.name.startswith("program_")]
        kept = {name: rows(name) for name in names if rows(name)}
        assert kept.pop("program_known") == kept.pop("program_sessions") == 2, "bob's: his own chat, and the room"
        assert "program_leavings" not in kept
        assert "program_events" not in kept
