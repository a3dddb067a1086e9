"""Programs that fail: nothing of it counts, the person is told, and too often is too often, also over restarts."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.config.programs import ProgramsConfig
from bridge.miniprograms.host.installed import Programs
from tests.features.apps import echo, packed, village
from tests.features.village import Village
from tests.unit.miniprograms.fakes import does


def test_a_trap_commits_nothing_and_says_so() -> None:
    def fails(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == "text":
            stores = {"type": "kv.set", "space": "person", "key": "k", "value": 1}
            return does(stores, {"type": "no"}, state="lost")
        return echo(event)

    with village(packed(), tester=fails) as (town, engine):
        town.say("alice", "open tester")
        assert "could not handle that. Nothing was changed" in town.one("alice", "hello")
        town.say("alice", "open tester")
        assert engine.of("tester")[-1]["state"] == 1
        assert town.db.run_sync(lambda tx: tx.sql("SELECT COUNT(*) FROM program_values").scalar_one()) == 0
        for _ in range(4):
            town.say("alice", "hello")
        assert "has failed too often" in town.one("alice", "open tester")
        assert "can't be used at the moment" in town.one("alice", "hello")
        town.wait(61 * 60_000)
        assert "open" in town.say("alice", "open tester")[-1]


@pytest.mark.parametrize("restarts", [False, True])
def test_a_restart_does_not_begin_to_count_failures_anew(restarts: bool) -> None:
    def failures(town: Village) -> int:
        return int(town.db.run_sync(lambda tx: tx.sql("SELECT COUNT(*) FROM program_failures").scalar_one()))

    with village(packed(), packed("other"), tester=lambda event: does({"type": "no"}), other=echo) as (town, _):
        town.say("bob", "open other")
        for turn in range(5):
            assert "could not handle that" in town.say("alice", "open tester")[-1], turn
            town.now += 100_000
            if restarts:
                town.restart()
        assert "has failed too often" in town.one("alice", "open tester")
        assert failures(town) == 0
        assert "good morning" in town.one("bob", "good morning"), "no other program is suspended"


def test_failures_of_long_ago_and_of_other_versions_do_not_count() -> None:
    limits = ProgramsConfig(events_burst=100, cpu_ms_per_minute=60_000)
    with village(packed(), limits=limits, tester=lambda event: does({"type": "no"})) as (town, _):

        def fails(times: int, then_ms: int = 1000) -> None:
            for turn in range(times):
                assert "could not handle that" in town.say("alice", "open tester")[-1], turn
                town.now += then_ms

        fails(8, 150_000)
        town.install(packed(version="1.1.0"))
        fails(4)
        town.install(packed(version="1.2.0"))
        fails(4)
        town.db.run_sync(lambda tx: Programs.allow(tx, "tester", True))
        fails(5)
        assert "has failed too often" in town.one("alice", "open tester")
