"""Programs on servers of their developers, with the whole bot: consent, one line when nobody answers, once whatever
crashes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from bridge.config.programs import ProgramsConfig
from bridge.miniprograms.events import Event
from bridge.miniprograms.host import remotely, sessions
from bridge.miniprograms.package import Package
from bridge.miniprograms.program import Handled, NotNow, Program, Trapped
from tests.features.apps import Engine, echo, killed_before_commit, live, packed, village
from tests.features.village import MINUTE, Village
from tests.unit.miniprograms.fakes import does, says

HOST = "far.example.org"


def far(name: str = "far", url: str = f"https://{HOST}/hook", **changes: Any) -> Package:
    return packed(name, main=None, url=url, **changes)


class Server:
    """A program's server: answers as its function does, or does what it is told to do next."""

    def __init__(self, answer: Callable[[dict[str, Any]], dict[str, Any]] = echo) -> None:
        self.answer = answer
        self.next: list[Exception] = []
        self.always: Exception | None = None

    def __call__(self, event: dict[str, Any]) -> dict[str, Any]:
        if self.next:
            raise self.next.pop(0)
        if self.always is not None:
            raise self.always
        return self.answer(event)


def unreachable() -> NotNow:
    return NotNow("unreachable")


def opened(town: Village, name: str = "alice", program: str = "far") -> None:
    """Somebody opens it, and agrees for good."""
    town.say(name, f"open {program}")
    town.say(name, "2")


# --- consent ----------------------------------------------------------------------------------------------------------


def test_nothing_leaves_before_the_person_has_agreed_to_the_server() -> None:
    with village(far(), far=echo) as (town, engine):
        _, question = town.say("alice", "open far")
        assert f"on a server of its developer: {HOST}" in question
        assert "leaves this encrypted chat" in question
        assert "Nothing was sent: you have not said yet" in town.one("alice", "hello")
        town.wait(MINUTE)
        assert engine.told == []
        shown = town.say("alice", "2")
        assert "Far is asked at its server from now on" in shown[0]
        assert [event["type"] for event in engine.of("far")] == ["open"]
        assert "text {'text': 'hello'}" in town.one("alice", "hello")
        assert engine.of("far")[0]["user"]["scopes"] == [], "the program is not told what the host asks for itself"
        assert f"to run on the server {HOST}" in town.one("alice", "grants")
        town.say("alice", "close")
        assert len(town.say("alice", "open far")) == 1, "it is not asked again"


def test_in_chinese_it_says_the_same() -> None:
    with village(far(languages=("en", "zh")), far=echo) as (town, _):
        town.say("alice", "language zh")
        _, question = town.say("alice", "打开 far")
        assert HOST in question
        assert "离开这个加密的聊天" in question
        assert "最长 180 天" in question


def test_never_closes_it_and_nothing_was_sent() -> None:
    with village(far(), far=echo) as (town, engine):
        town.say("alice", "open far")
        town.say("alice", "hello")
        [said] = town.say("alice", "3")
        assert "Nothing was sent" in said
        assert engine.told == []
        [said] = town.say("alice", "open far")
        assert "you decided that nothing is sent there" in said
        assert engine.told == []
        assert "Done. Nothing is sent" in town.one("alice", "revoke 1")
        [question] = town.say("alice", "open far")
        assert HOST in question


def test_once_is_for_this_time() -> None:
    with village(far(), far=echo) as (town, engine):
        town.say("alice", "open far")
        town.say("alice", "1")
        assert "text" in town.one("alice", "hello")
        town.say("alice", "close")
        assert [event["type"] for event in engine.of("far")] == ["open", "text"], "nor is it told of the end"
        assert HOST in town.one("alice", "open far")
        assert len(engine.told) == 2


def test_taken_back_in_the_middle_nothing_more_leaves() -> None:
    with village(far(), far=echo) as (town, engine):
        opened(town)
        town.say("alice", "revoke 1")
        before = len(engine.told)
        assert HOST in town.one("alice", "my secret")
        town.say("alice", "close")
        town.wait(MINUTE)
        assert len(engine.told) == before
        assert "my secret" not in json.dumps(engine.told)


def test_a_timer_does_not_ring_at_a_server_that_was_taken_back() -> None:
    def reminds(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == "open":
            return does({"type": "timer.set", "tag": "t", "after": 3600})
        return does() if event["type"] == "close" else does(says(event["type"]))

    with village(far(scopes={"notify": "To remind you."}), far=reminds) as (town, engine):
        opened(town)
        town.say("alice", "1")  # one message later
        numbers = {line.split(" – ")[0]: line for line in town.one("alice", "grants").splitlines() if " – " in line}
        [number] = [number for number, line in numbers.items() if HOST in line]
        town.say("alice", f"revoke {number}")
        before, told = len(town.bodies("alice")), len(engine.told)
        town.wait(61 * MINUTE)
        assert len(engine.told) == told
        assert len(town.bodies("alice")) == before, "nor is anybody asked out of the blue"
        session = town.db.run_sync(lambda tx: sessions.by_id(tx, 1))
        assert session is not None
        assert session.pushes == 0


def test_an_update_while_it_is_asked_asks_anew() -> None:
    with village(far(), far=echo) as (town, engine):
        town.say("alice", "open far")
        town.install(far(version="2.0.0", url="https://other.example.org/"))
        town.run_programs()
        town.deliver()
        assert "other.example.org" in town.bodies("alice")[-1]
        assert engine.told == []
        town.say("alice", "2")
        assert [event["type"] for event in engine.of("far")] == ["open"]


def test_an_update_that_moves_to_a_server_or_to_another_one_asks() -> None:
    with village(packed("far"), far=echo) as (town, engine):
        town.say("alice", "open far")
        town.install(far(version="2.0.0"))
        before = len(engine.told)
        assert HOST in town.one("alice", "hello")
        assert len(engine.told) == before
        town.say("alice", "2")
        town.install(far(version="3.0.0", url="https://other.example.org/"))
        assert "other.example.org" in town.one("alice", "hello again")
        assert "hello again" not in json.dumps(engine.told)


def test_in_a_room_everybody_agrees_for_themselves() -> None:
    with village(far(), far=echo) as (town, engine):
        town.meet_in("hall")
        town.say_in("hall", "alice", "!open far")
        assert f"runs on the server {HOST}" in town.bodies("alice")[-1], "in alice's own chat"
        assert engine.told == []
        opened(town)
        before = len(engine.told)
        shown = town.say_in("hall", "alice", "!open far")
        assert f"It runs on the server {HOST}" in shown[0]
        assert "leaves the encryption" in shown[0]
        assert town.say_in("hall", "bob", "!my secret") == ["I have answered in our private chat."]
        assert "open far" in town.bodies("bob")[-1]
        assert "my secret" not in json.dumps(engine.told)
        opened(town, "bob")
        assert "my words" in town.say_in("hall", "bob", "!my words")[-1]
        assert {event["chat"]["kind"] for event in engine.of("far")[before:]} == {"room", "dm"}


def test_operators_can_do_without_servers() -> None:
    with village(far(), limits=ProgramsConfig(remote=False), far=echo) as (town, engine):
        assert "no mini-program" in town.one("alice", "open far")
        assert engine.told == []


# --- nobody answers ---------------------------------------------------------------------------------------------------


def test_a_server_that_does_not_answer_is_asked_again_and_then_the_person_is_told_once() -> None:
    server = Server()
    with village(far(), far=server) as (town, engine):
        opened(town)
        server.always = unreachable()
        assert town.say("alice", "one") == []
        town.say("alice", "two")
        said: list[str] = []
        for _ in range(60):
            before = len(town.bodies("alice"))
            town.wait(1000)
            said += town.bodies("alice")[before:]
        lost = "What you did last may not have arrived; please try again later."
        assert said == [f"Far can't be reached at the moment. {lost}"]
        texts = engine.of("far", "text")
        assert 4 <= len(texts) <= 7, "1, 2, 4, 8 … seconds, for half a minute"
        assert len({json.dumps(text, sort_keys=True) for text in texts}) == 1, "the same delivery each time"
        assert texts[0]["data"] == {"text": "one"}, "what was said into the silence is not sent later"
        server.always = None
        assert "three" in town.one("alice", "three"), "and it goes on"


def test_a_server_that_comes_back_in_time_is_not_spoken_of() -> None:
    server = Server()
    with village(far(), far=server) as (town, engine):
        opened(town)
        server.next = [unreachable(), unreachable()]
        assert town.say("alice", "one") == []
        for _ in range(6):
            town.wait(1000)
        assert [body for body in town.bodies("alice") if "text {'text': 'one'}" in body] == [
            "Far\n\ntext {'text': 'one'}"
        ]
        assert "can't be reached" not in town.bodies("alice")[-1]
        assert len(engine.of("far", "text")) == 3


def test_a_server_that_is_left_alone_keeps_nobody_waiting() -> None:
    server = Server()
    with village(far(), far=server) as (town, _):
        opened(town)
        server.always = NotNow("paused", 25.0)
        assert "can't be reached" in town.one("alice", "one")


def test_what_left_is_shown_to_the_person_though_nothing_came_back() -> None:
    server = Server()
    with village(far(), far=server) as (town, _):
        opened(town)
        server.always = unreachable()
        town.say("alice", "into the silence")
        town.wait(2 * MINUTE)
        assert "into the silence" in "".join(town.say("alice", "apps sent"))


def test_a_server_that_refuses_counts_as_a_program_that_fails() -> None:
    server = Server()
    limits = ProgramsConfig(traps=3)
    with village(far(), limits=limits, far=server) as (town, _):
        opened(town)
        server.always = Trapped("refused", detail="status 401")
        for _ in range(3):
            assert "could not handle that" in town.one("alice", "hello")
        assert "can't be used" in town.one("alice", "hello")


# --- answers that come later ------------------------------------------------------------------------------------------


def test_an_answer_may_come_later() -> None:
    server = Server()
    with village(far(), far=server) as (town, engine):
        opened(town)
        server.next = [NotNow("deferred", 60.0), NotNow("deferred", 120.0), unreachable(), NotNow("deferred", 60.0)]
        assert town.say("alice", "cook") == []
        assert town.say("alice", "quickly") == [], "in order"
        for _ in range(70):
            town.wait(5000)
        assert [body.split("\n\n")[1] for body in town.bodies("alice")[-2:]] == [
            "text {'text': 'cook'}",
            "text {'text': 'quickly'}",
        ]
        cooked = [event for event in engine.of("far", "text") if event["data"]["text"] == "cook"]
        assert len(cooked) == 5
        assert len({json.dumps(event, sort_keys=True) for event in cooked}) == 1


def test_but_not_later_than_a_quarter_of_an_hour() -> None:
    server = Server()
    with village(far(), far=server) as (town, engine):
        opened(town)
        server.always = NotNow("deferred", 100.0)
        town.say("alice", "cook")
        for _ in range(20):
            town.wait(MINUTE)
        assert "can't be reached" in town.bodies("alice")[-1]
        assert 8 <= len(engine.of("far", "text")) <= 10


def test_closing_does_not_wait_for_it() -> None:
    server = Server()
    with village(far(), far=server) as (town, engine):
        opened(town)
        server.next = [NotNow("deferred", 600.0)]
        town.say("alice", "cook")
        assert town.one("alice", "close") == "Far is closed."
        assert [event["type"] for event in engine.of("far")] == ["open", "text", "close"]
        town.wait(11 * MINUTE)
        assert len(engine.of("far")) == 3, "what was closed is not asked for"


def test_what_follows_is_not_told_between_two_tries() -> None:
    """An answer of a stored value comes in while an event is under way: the state would go back in time."""

    def keeps(event: dict[str, Any]) -> dict[str, Any]:
        count = (event["state"] or 0) + 1
        if event["type"] == "text":
            return does({"type": "kv.get", "tag": "t", "space": "person", "keys": ["k"]}, state=count)
        return does(says(f"{event['type']} {count}"), state=count)

    server = Server(keeps)
    with village(far(), far=server) as (town, engine):
        opened(town)
        server.next = [unreachable()]
        town.say("alice", "a")
        town.say("alice", "b")
        for _ in range(5):
            town.wait(1000)
        kinds = [(event["type"], event["state"]) for event in engine.of("far")]
        assert kinds == [("open", None), ("text", 1), ("text", 1), ("kv.result", 2), ("text", 3), ("kv.result", 4)]
        assert town.bodies("alice")[-1].endswith("kv.result 5")


def test_nor_is_what_comes_in_meanwhile() -> None:
    def asks(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == "open":
            return does({"type": "fetch", "tag": "f", "url": "https://api.example.org/"}, state=0)
        return does(says(event["type"]), state=event["state"] + 1)

    server = Server(asks)
    with village(far(domains=("api.example.org",)), far=server) as (town, engine):
        opened(town)
        server.next = [NotNow("deferred", 20.0)]
        town.say("alice", "cook")
        town.say("alice", "3")  # nothing is to be asked of that server: an event that follows from the first
        for _ in range(30):
            town.wait(1000)
        kinds = [(event["type"], event["state"]) for event in engine.of("far")]
        assert kinds == [("open", None), ("text", 0), ("text", 0), ("fetch.result", 1)]


# --- crashes ----------------------------------------------------------------------------------------------------------


def test_killed_between_delivery_and_commit_it_is_delivered_again_and_performed_once() -> None:
    with village(far(), far=echo) as (town, engine):
        opened(town)
        write_after_all = killed_before_commit(town, "good morning")
        first, second = engine.of("far", "text")
        assert first == second
        assert len([body for body in town.bodies("alice") if "good morning" in body]) == 1
        write_after_all()
        assert len([body for body in town.bodies("alice") if "good morning" in body]) == 1


def test_killed_while_it_is_on_its_way_it_is_sent_again() -> None:
    server = Server()
    with village(far(), far=server) as (town, engine):
        opened(town)
        server.next = [KeyboardInterrupt()]  # type: ignore[list-item]
        with pytest.raises(KeyboardInterrupt):
            town.say("alice", "good morning")
        town.run_programs()
        town.deliver()
        first, second = engine.of("far", "text")
        assert first == second
        assert len([body for body in town.bodies("alice") if "good morning" in body]) == 1


# --- others -----------------------------------------------------------------------------------------------------------


def test_no_program_has_all_the_hands() -> None:
    server = Server()
    server.always = NotNow("deferred", 600.0)
    with village(far(), far("near"), far=server, near=server) as (town, _):
        people = [f"p{number}" for number in range(12)]
        town.open(*people)
        for name in people:
            for program in ("far", "near"):
                opened(town, name, program)
                town.db.run_sync(lambda tx: tx.sql("UPDATE program_events SET due_at = 0"))
                if program == "far":
                    town.meet_in(name + "room")
        turns = town.db.run_sync(lambda tx: remotely.turns(tx, {}, 8))
        assert len(turns) == 8
        counts = sorted(sum(program == one for _, program in turns) for one in {program for _, program in turns})
        assert counts == [4, 4]
        session, crowded = turns[0]
        busy: dict[int, int | None] = {session: crowded, -1: crowded, -2: crowded, -3: crowded, -4: None}
        rest = town.db.run_sync(lambda tx: remotely.turns(tx, busy, 8))
        assert len(rest) == 4
        assert crowded not in {one for _, one in rest}


class Silent(Engine):
    """Its programs on servers do not answer to texts until they may."""

    def __init__(self, **functions: Any) -> None:
        super().__init__(**functions)
        self.may_answer = asyncio.Event()
        self.asked: asyncio.Queue[str] = asyncio.Queue()
        self.at_once = 0

    async def handle(self, program: Program, event: Event) -> Handled:
        name = program.manifest.name
        if event.type == "text":
            self.asked.put_nowait(name)
            if program.manifest.server is not None:
                self.at_once += not self.may_answer.is_set()
                await self.may_answer.wait()
        return await super().handle(program, event)


def test_while_a_server_is_silent_other_programs_answer() -> None:
    """The job itself, live: twenty people wait for a silent server, and a program here answers at once."""
    engine = Silent(far=echo, near=echo)
    town = Village(runtime=engine)
    town.install(far(), packed("near"))
    people = [f"p{number}" for number in range(20)]
    town.open("alice", *people)
    try:
        for name in people:
            opened(town, name)
        town.say("alice", "open near")

        async def asked(name: str, times: int) -> None:
            for _ in range(times):
                assert await engine.asked.get() == name

        async def goes_on() -> None:
            for name in people:
                await town.hear(name, "hello")
            await asked("far", 8)
            await town.hear("alice", "hello")
            await asked("near", 1)
            assert engine.at_once == 8, "half of the hands"
            engine.may_answer.set()
            await asked("far", 12)

        live(town, goes_on())
    finally:
        town.close()


def test_nothing_but_what_was_typed_reaches_a_server() -> None:
    """All that left is searched for what names people, rooms and messages."""
    with village(far(), far=echo) as (town, engine):
        town.say("alice", "profile set name Alice Liddell")
        town.befriend("alice", "bob")
        opened(town)
        town.say("alice", "good morning")
        town.meet_in("hall")
        town.say_in("hall", "alice", "!open far")
        town.say_in("hall", "alice", "!good evening")
        told = json.dumps(engine.told, ensure_ascii=False)
        assert "good morning" in told
        assert "good evening" in told
        assert [one for one in ("alice", "Alice", "bob", "x.org", "!", "$in", "$out", "hall") if one in told] == []
        assert len({event["user"]["id"] for event in engine.of("far")}) == 2, "another one in the room"
