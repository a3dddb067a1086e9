"""D8 in the chat: servers are asked for programs when the person agrees."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bridge.config.programs import ProgramsConfig
from bridge.miniprograms.host.outside import Answered, Asked, Outside
from tests.features.apps import Engine, live, packed
from tests.features.village import Village
from tests.unit.miniprograms.fakes import does, says

TESTER = packed(domains=("api.example.org", "other.example.org"))


class Recorded(Outside):
    """Servers that answer what they were asked."""

    def __init__(self) -> None:
        super().__init__(ProgramsConfig())
        self.asked: list[Asked] = []
        self.domains: list[tuple[str, ...]] = []
        """Where each of these could have been led to."""
        self.dies = False
        """The process ends before the answer is there."""
        self.answer = "answer"

    async def ask(self, asked: Asked, domains: Collection[str], most: int | None = None) -> Answered:
        self.domains.append(tuple(domains))
        self.asked.append(asked)
        if self.dies:
            raise KeyboardInterrupt
        return Answered(None, 200, {"content-type": "text/plain"}, f"{self.answer} {len(self.asked)}")


def fetches(event: dict[str, Any]) -> dict[str, Any]:
    if event["type"] == "fetch.result":
        data = event["data"]
        return does(says(f"{data['tag']}: {data['error'] or data['body']}"), state=event["state"])
    if event["type"] == "text":
        host = "other" if "other" in event["data"]["text"] else "api"
        body = event["data"]["text"]
        url = f"https://{host}.example.org/say"
        return does({"type": "fetch", "tag": "t", "url": url, "method": "POST", "body": body})
    return does(says("ready"))


@contextmanager
def village(**limits: Any) -> Iterator[tuple[Village, Engine, Recorded]]:
    engine, outside = Engine(tester=fetches), Recorded()
    town = Village(runtime=engine, outside=outside, apps_limits=ProgramsConfig(**limits))
    town.install(TESTER)
    town.open("alice", "bob")
    town.say("alice", "open tester")
    try:
        yield town, engine, outside
    finally:
        town.close()


def test_the_person_is_asked_which_server_and_told_what_it_means() -> None:
    with village() as (town, engine, outside):
        asked = town.one("alice", "my words")
        assert "Tester wants to ask the server api.example.org." in asked
        assert "there it leaves the encryption" in asked
        assert outside.asked == []
        told = town.say("alice", "2")
        assert told == [
            "Tester gets answers of the server api.example.org from now on. "
            "`grants` shows it, and how to take it back.",
            "Tester\n\nt: answer 1",
        ]
        assert town.one("alice", "good words") == "Tester\n\nt: answer 2"
        assert "wants to ask the server other.example.org" in town.one("alice", "other")  # each server by itself
        assert [asked.body for asked in outside.asked] == ["my words", "good words"]
        assert set(outside.domains) == {("api.example.org",)}, "no redirect leads to what nobody agreed to"
        left = [one for one in town.say("alice", "apps sent") if "POST https://api.example.org/say" in one]
        assert "good words" in left[0]
        assert all(event["user"]["scopes"] == [] for event in engine.of("tester"))


def test_no_is_no_and_yes_can_be_taken_back() -> None:
    with village() as (town, _, outside):
        town.say("alice", "one")
        town.say("alice", "two")  # waits for the same answer
        assert town.say("alice", "3")[1:] == ["Tester\n\nt: refused"] * 2
        assert town.one("alice", "three") == "Tester\n\nt: refused"
        assert "answers of the server api.example.org, never" in town.one("alice", "grants")
        town.say("alice", "revoke 1")
        assert "wants to ask" in town.one("alice", "four")
        assert town.say("alice", "2")[-1] == "Tester\n\nt: answer 1"
        town.say("alice", "revoke 1")
        assert "wants to ask" in town.one("alice", "five")
        assert [asked.body for asked in outside.asked] == ["four"]


def test_what_was_taken_back_meanwhile_is_not_asked() -> None:
    with village() as (town, engine, outside):
        town.say("alice", "one")
        town.say_only("alice", "2")  # agreed, and not asked yet
        town.say_only("alice", "revoke 1")
        town.run_programs()
        assert outside.asked == []
        assert engine.of("tester", "fetch.result")[-1]["data"]["error"] == "refused"


def test_what_was_closed_asks_nothing_more() -> None:
    with village() as (town, engine, outside):
        town.say("alice", "one")
        town.say_only("alice", "2")
        town.say_only("alice", "close")
        town.run_programs()
        assert outside.asked == []
        assert engine.of("tester", "fetch.result") == []


def test_operators_and_rooms_say_no() -> None:
    with village(fetch=False) as (town, _, outside):
        assert town.one("alice", "one") == "Tester\n\nt: refused"
        assert outside.asked == []
    with village() as (town, _, outside):
        town.say("alice", "one")
        town.say("alice", "2")
        town.meet_in("hall")
        town.say_in("hall", "alice", "!open tester")
        assert town.say_in("hall", "alice", "!two") == ["Tester\n\nt: refused"]
        assert len(outside.asked) == 1


def test_after_a_crash_it_is_asked_again_and_told_once() -> None:
    with village() as (town, engine, outside):
        town.say("alice", "one")
        town.say_only("alice", "2")
        outside.dies = True
        with pytest.raises(KeyboardInterrupt):
            town.run_programs()
        assert engine.of("tester", "fetch.result") == []
        outside.dies = False
        town.run_programs()
        town.run_programs()
        assert [asked.body for asked in outside.asked] == ["one", "one"]
        assert [event["data"]["body"] for event in engine.of("tester", "fetch.result")] == ["answer 2"]


def test_slow_servers_of_one_program_leave_others_their_places() -> None:
    """However many people ask them."""
    goes_on = asyncio.Event()

    class Slow(Recorded):
        async def ask(self, asked: Asked, domains: Collection[str], most: int | None = None) -> Answered:
            if asked.url.startswith("https://other."):
                self.asked.append(asked)
                await goes_on.wait()
                return Answered("timeout")
            return await super().ask(asked, domains, most)

    engine, outside = Engine(tester=fetches, quick=fetches), Slow()
    town = Village(runtime=engine, outside=outside)
    town.install(TESTER, packed("quick", domains=("api.example.org",)))
    names = [f"p{number}" for number in range(10)]
    town.open("alice", *names)
    goes_on.set()
    for name in names:
        for line in ("open tester", "other", "2"):
            town.say(name, line)
    for line in ("open quick", "first", "2"):
        town.say("alice", line)
    goes_on.clear()
    for told in (outside.asked, engine.told):
        told.clear()

    async def all_of_it() -> None:
        for name in names:
            await town.hear(name, "other")
        while len(outside.asked) < 3:  # noqa: ASYNC110 (a server tells nobody)
            await asyncio.sleep(0.005)
        await town.hear("alice", "good morning")
        while not engine.of("quick", "fetch.result"):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        assert len([asked for asked in outside.asked if "other" in asked.url]) == 3
        goes_on.set()
        while len(engine.of("tester", "fetch.result")) < len(names):  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    with contextlib.closing(town):
        live(town, all_of_it())


def test_requests_that_follow_from_each_other_come_to_an_end() -> None:
    def goes_on(event: dict[str, Any]) -> dict[str, Any]:
        return does({"type": "fetch", "tag": "t", "url": "https://api.example.org/"})

    engine, outside = Engine(tester=goes_on), Recorded()
    town = Village(runtime=engine, outside=outside)
    town.install(TESTER)
    town.open("alice")
    try:
        town.say("alice", "open tester")
        assert "was stopped" in town.say("alice", "2")[-1]
        assert len(outside.asked) == 9
    finally:
        town.close()
