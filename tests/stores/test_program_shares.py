"""Programs that hoard, over both engines: one person's share of a program is one, whatever it is stored as."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from bridge.config.programs import ProgramsConfig
from bridge.db import Database
from tests.features.apps import Engine, killed_before_commit, packed
from tests.features.village import Village
from tests.unit.miniprograms.fakes import does

LIMITS = ProgramsConfig(events_burst=100)
VALUE = "x" * 8000


class Hoarder:
    """Stores as much as it can wherever it can, by turns in each space, and remembers what it was refused."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, str | None]] = []

    def __call__(self, event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == "kv.result":
            self.answers.append((event["data"]["space"], event["data"]["error"]))
            return does(state=event["state"])
        if event["type"] != "text":
            return does()
        _, space, prefix, count, size = event["data"]["text"].split()
        return does(*(_put(space, f"{prefix}{number}", "x" * int(size)) for number in range(int(count))))

    def said(self) -> list[tuple[str, str | None]]:
        answers, self.answers = self.answers, []
        return answers


def _put(space: str, key: str, value: str) -> dict[str, Any]:
    return {"type": "kv.set", "space": space, "key": key, "value": value, "if_version": 0, "tag": "t"}


@pytest.fixture
def hoarder() -> Hoarder:
    return Hoarder()


@pytest.fixture
def town(database: Database, hoarder: Hoarder) -> Iterator[Village]:
    with contextlib.closing(Village(database, runtime=Engine(tester=hoarder), apps_limits=LIMITS)) as one:
        one.install(packed())
        one.open("alice", "bob")
        for name in ("alice", "bob"):
            one.say(name, "open tester")
        yield one


def kept(town: Village) -> list[int]:
    """Bytes that are stored for each person, and for nobody in particular."""
    query = "SELECT SUM(bytes) AS bytes FROM program_values GROUP BY person_id ORDER BY person_id"
    return [int(row.bytes) for row in town.db.run_sync(lambda tx: tx.sql(query).all())]


def test_the_space_of_a_person_and_that_of_their_own_chat_are_one_share(town: Village, hoarder: Hoarder) -> None:
    town.say("alice", "keep person a 6 8000")
    assert hoarder.said() == [("person", None)] * 6
    town.say("alice", "keep chat b 6 8000")
    assert hoarder.said() == [("chat", None)] * 2 + [("chat", "quota")] * 4
    town.say("alice", "keep person c 6 8000")
    assert hoarder.said() == [("person", "quota")] * 6
    assert kept(town) == [8 * (len(VALUE) + 2 + 2)]
    assert sum(kept(town)) <= LIMITS.space_bytes
    # Nobody else's share is smaller for it, and who saw nothing overwrites nothing.
    town.say("bob", "keep chat b 6 8000")
    town.say("bob", "keep chat b 6 8000")
    assert hoarder.said() == [("chat", None)] * 6 + [("chat", "conflict")] * 6


def test_one_room_does_not_tell_how_much_is_stored_elsewhere_for_who_is_there(town: Village, hoarder: Hoarder) -> None:
    """Else a program could find out who somebody in a room is in their own chat."""
    town.say("alice", "keep person a 6 8000")
    town.say("alice", "keep chat b 6 8000")
    hoarder.said()
    town.meet_in("hall")
    town.say_in("hall", "alice", "!open tester")
    answers = []
    for name in ("alice", "bob"):
        town.say_in("hall", name, "!keep person r 6 8000")
        answers.append(hoarder.said())
    assert answers[0] == answers[1] == [("person", None)] * 6
    town.say_in("hall", "alice", "!keep chat r 6 8000")
    assert hoarder.said() == [("chat", None)] * 6, "that of the room"


def test_what_came_to_nothing_takes_no_room(town: Village, hoarder: Hoarder) -> None:
    town.say("alice", "keep person a 6 8000")
    before = kept(town)
    write_after_all = killed_before_commit(town, "keep chat b 6 8000")
    after = kept(town)
    write_after_all()
    assert kept(town) == after == [before[0] + 2 * 8004]
    assert hoarder.said()[-6:] == [("chat", None)] * 2 + [("chat", "quota")] * 4


def test_many_small_values_are_one_share_too(town: Village, hoarder: Hoarder) -> None:
    for turn, space in enumerate(("person", "chat") * 6):
        town.say("alice", f"keep {space} {'abcdefghijkl'[turn]} 9 1")
    assert [error for _, error in hoarder.said()].count(None) == LIMITS.space_keys
    count = town.db.run_sync(lambda tx: tx.sql("SELECT COUNT(*) FROM program_values").scalar_one())
    assert count == LIMITS.space_keys
