"""The simulated host: what people type becomes the right event, and effects are performed by the rules."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridge.errors import OperatorError
from bridge.miniprograms.tools import cases, terminal
from bridge.miniprograms.tools.simulator import CHAIN, Fetch, Output, Settings, Simulator
from bridge.miniprograms.ui import Content
from tests.sandbox.made import manifest, program
from tests.unit.miniprograms.fakes import FakeRuntime, Handle, does, says

COMMAND = {
    "name": "order",
    "description": "Order.",
    "arguments": ({"name": "count", "type": "integer"}, {"name": "dish", "type": "text", "required": False}),
}
ABOUT: dict[str, Any] = {
    "commands": (COMMAND,),
    "scopes": {
        "profile.name": "To greet you.",
        "profile.region": "For the weather.",
        "notify": "To call you.",
        "subscribe": "To tell you the news.",
    },
    "domains": ("api.example.org",),
}


def simulator(handle: Handle, **settings: Any) -> tuple[Simulator, FakeRuntime]:
    runtime = FakeRuntime(handle)
    return Simulator(program("", **ABOUT), runtime, Settings(**settings)), runtime


def lines(outputs: list[Output]) -> list[str]:
    return [line for output in outputs for line in terminal.lines(output)]


def quiet(event: dict[str, Any]) -> dict[str, Any]:
    return does(state=event["state"])


@pytest.mark.parametrize(
    ("line", "kind", "data"),
    [
        ("order 2 spicy soup", "command", {"name": "order", "args": {"count": 2, "dish": "spicy soup"}}),
        ("Order 2", "command", {"name": "order", "args": {"count": 2, "dish": None}}),
        ("orders 2", "text", {"text": "orders 2"}),
        ("hello", "text", {"text": "hello"}),
    ],
)
async def test_what_is_typed_becomes_an_event(line: str, kind: str, data: dict[str, Any]) -> None:
    world, runtime = simulator(quiet)
    await world.open("alice")
    await world.type("alice", line)
    assert (runtime.events[-1]["type"], runtime.events[-1]["data"]) == (kind, data)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("order", "count is missing."),
        ("order two", "count should be a whole number."),
        ("order 1.5", "count should be"),
    ],
)
async def test_a_command_that_is_wrong_reaches_no_program(line: str, told: str) -> None:
    world, runtime = simulator(quiet)
    await world.open("alice")
    assert lines(await world.type("alice", line))[0].startswith(f"| {told}")
    assert len(runtime.events) == 1


async def test_nothing_reaches_a_program_that_is_not_open() -> None:
    world, runtime = simulator(quiet)
    assert lines(await world.type("alice", "secret")) == ["| No program is open. (to alice)"]
    await world.open("alice")
    await world.close("alice")
    await world.type("alice", "secret")
    assert [event["type"] for event in runtime.events] == ["open", "close"]


async def test_choices_are_for_the_one_who_was_asked() -> None:
    def handle(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == "open":
            return does(says("Yes?", key="q", choices=[{"id": "y", "label": "Sure"}, {"id": "n", "label": "No"}]))
        return does()

    world, runtime = simulator(handle, kind="room")
    await world.open("alice")
    await world.type("bob", "1")
    assert runtime.events[-1]["type"] == "text"
    for typed in ("1", "sure"):
        await world.type("alice", typed)
        assert runtime.events[-1]["data"] == {"key": "q", "choice": "y"}


async def test_what_one_person_was_shown_alone_is_theirs_when_it_changes() -> None:
    def handle(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == "open":
            return does(says("ace", key="card", to="user"))
        choices = [{"id": "y", "label": "Play"}]
        return does({"type": "ui.update", "key": "card", "text": "king", "choices": choices, "chooser": "anyone"})

    world, runtime = simulator(handle, kind="room")
    await world.open("alice")
    assert lines(await world.type("bob", "deal")) == ["* king (to alice)", "*   1. Play"]
    for who, kind in (("bob", "text"), ("alice", "choice")):
        await world.type(who, "1")
        assert runtime.events[-1]["type"] == kind


async def test_a_form_asks_field_by_field_with_back_and_cancel() -> None:
    form = {
        "name": "f",
        "fields": [
            {"name": "n", "label": "How many", "type": "integer", "min": 1, "max": 9},
            {"name": "when", "label": "When", "type": "date", "required": False},
            {"name": "size", "label": "Size", "type": "choice", "choices": [{"id": "s", "label": "Small"}]},
        ],
    }
    world, runtime = simulator(lambda e: does({"type": "ui.send", "form": form}) if e["type"] == "open" else does())
    assert lines(await world.open("alice"))[-1] == "| How many (to alice)"
    assert lines(await world.type("alice", "10"))[0] == "| How many should be at most 9. (to alice)"
    await world.type("alice", "3")
    assert lines(await world.type("alice", "back"))[-1] == "| How many (to alice)"
    await world.type("alice", "4")
    assert lines(await world.type("alice", "-")) == ["| Size (to alice)", "|   1. Small"]
    await world.type("alice", "small")
    assert runtime.events[-1]["data"] == {"form": "f", "values": {"n": 4, "when": None, "size": "s"}}
    await world.open("alice")
    await world.type("alice", "cancel")
    assert runtime.events[-1]["data"] == {"form": "f", "values": None}


async def test_two_people_can_not_take_one_seat() -> None:
    def handle(event: dict[str, Any]) -> dict[str, Any]:
        taking = {"type": "kv.set", "tag": "t", "space": "program", "key": "seat", "value": event["user"]["id"]}
        if event["type"] == "text":
            return does({**taking, "if_version": 0})
        if event["type"] == "kv.result":
            return does(says("yours" if event["data"]["ok"] else event["data"]["error"], to="user"))
        return does()

    world, runtime = simulator(handle, kind="room")
    await world.open("alice")
    assert lines(await world.type("alice", "take")) == ["| yours (to alice)"]
    assert lines(await world.type("bob", "take")) == ["| conflict (to bob)"]
    kept = runtime.events[-1]["data"]["items"]["seat"]
    assert kept == {"value": world.user_id("alice"), "version": 1}


async def test_nobody_else_is_in_somebodys_own_chat() -> None:
    world, runtime = simulator(lambda event: does(says("here"), state=1))
    await world.open("alice")
    for said in (await world.type("bob", "hello"), await world.open("bob"), await world.close("bob")):
        assert "the own chat of alice" in lines(said)[0]
    assert len(runtime.events) == 1
    assert lines(await world.type("alice", "hello")) == ["| here"]


async def test_what_one_person_stores_is_not_another_persons() -> None:
    def handle(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == "text":
            key = {"space": event["data"]["text"], "key": "k"}
            return does(
                {"type": "kv.set", **key, "value": 1},
                {"type": "kv.get", "tag": "t", "space": key["space"], "keys": ["k"]},
            )
        return does()

    world, runtime = simulator(handle, kind="room")
    await world.open("alice")
    for who, space, version in (("alice", "person", 1), ("bob", "person", 1), ("alice", "chat", 1), ("bob", "chat", 2)):
        await world.type(who, space)
        assert runtime.events[-1]["data"]["items"]["k"]["version"] == version


async def test_scopes_servers_and_timers() -> None:
    def handle(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == "text":
            return does(
                {"type": "scope.request", "tag": "s", "scopes": ["profile.name", "profile.region"]},
                {"type": "fetch", "tag": "a", "url": "https://api.example.org/a"},
                {"type": "fetch", "tag": "b", "url": "https://api.example.org/b"},
                {"type": "timer.set", "tag": "late", "after": 100, "payload": 7},
                {"type": "timer.set", "tag": "gone", "after": 50},
                {"type": "timer.set", "tag": "gone", "after": None},
            )
        return does()

    world, runtime = simulator(
        handle,
        grants=frozenset({"profile.name", "notify"}),
        fetches={"https://api.example.org/a": Fetch(body="soup")},
        profile={"name": "Sam", "region": "Berlin"},
    )
    await world.open("alice")
    assert runtime.events[0]["user"]["profile"] == {}
    await world.type("alice", "go")
    scope, found, lost = runtime.events[-3:]
    assert (scope["data"]["granted"], scope["data"]["denied"]) == (["profile.name"], ["profile.region"])
    assert scope["user"]["profile"] == {"name": "Sam"}
    assert (found["data"]["ok"], found["data"]["body"]) == (True, "soup")
    assert (lost["data"]["ok"], lost["data"]["error"]) == (False, "unreachable")
    await world.wait(99)
    assert runtime.events[-1]["type"] != "timer"
    await world.wait(1000)
    assert runtime.events[-1]["data"] == {"tag": "late", "payload": 7}
    assert runtime.events[-1]["now"] == runtime.events[0]["now"] + 100


async def test_one_ring_for_one_yes_and_one_message_for_one_ring() -> None:
    def handle(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] != "timer":
            return does({"type": "timer.set", "tag": "t", "after": 60}, {"type": "timer.set", "tag": "u", "after": 70})
        return does(
            says("first"),
            says("second"),
            {"type": "timer.set", "tag": "again", "after": 60},
            {"type": "scope.request", "tag": "s", "scopes": ["profile.name"]},
        )

    world, runtime = simulator(handle, grants=frozenset({"notify", "profile.name"}))
    await world.open("alice")
    rung = lines(await world.wait(3600))
    assert [line for line in rung if "does not ring" not in line] == ["| first"]
    assert len([line for line in rung if "does not ring" in line]) == 3, "the others, which were set by nobody"
    assert [event["data"]["denied"] for event in runtime.events if event["type"] == "scope.result"] == [
        ["profile.name"]
    ]


async def test_without_a_yes_and_in_rooms_no_timer_rings() -> None:
    sets = does({"type": "timer.set", "tag": "t", "after": 60})
    for kind, granted in (("dm", frozenset[str]()), ("room", frozenset({"notify"}))):
        world, runtime = simulator(lambda e: sets, kind=kind, grants=granted)
        await world.open("alice")
        await world.wait(3600)
        assert [event["type"] for event in runtime.events] == ["open"]


async def test_what_nobody_uses_for_a_day_is_closed() -> None:
    world, runtime = simulator(lambda e: does())
    await world.open("alice")
    await world.wait(24 * 3600)
    assert [event["type"] for event in runtime.events] == ["open"]
    await world.wait(1)
    assert not world.is_open
    assert runtime.events[-1]["data"] == {"reason": "idle"}


async def test_a_chain_without_anybody_doing_anything_is_broken() -> None:
    world, runtime = simulator(lambda e: does({"type": "kv.get", "tag": "t", "space": "chat", "keys": ["k"]}))
    assert "The program was stopped" in lines(await world.open("alice"))[-1]
    assert len(runtime.events) == CHAIN
    assert not world.is_open


async def test_an_event_that_fails_changes_nothing() -> None:
    def handle(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == "text":
            return {"state": "broken", "effects": [says("x"), {"type": "no"}]}
        return does(state="fine")

    world, runtime = simulator(handle)
    await world.open("alice")
    shown = lines(await world.type("alice", "x"))
    assert shown[0] == "! the program's answer is not valid"
    assert not [line for line in shown if line.startswith("|")]
    await world.type("alice", "order 1")
    assert runtime.events[-1]["state"] == "fine"


async def test_people_have_other_ids_in_a_room_than_alone() -> None:
    alone, _ = simulator(quiet)
    together, _ = simulator(quiet, kind="room")
    assert alone.user_id("alice") != together.user_id("alice")


async def test_control_characters_do_not_reach_the_terminal() -> None:
    world, _ = simulator(lambda e: does(says("a\x1b[2Jb\u202ec")))
    assert lines(await world.open("alice")) == ["| a�[2Jb�c"]


def test_tables_line_up_with_wide_characters_and_money() -> None:
    euros, yen = ({"money": {"amount": amount, "currency": name}} for amount, name in ((-1205, "EUR"), (500, "JPY")))
    shown = {
        "text": "Due {sum} on {day}",
        "values": {"sum": euros, "day": {"date": 0, "style": "date"}},
        "table": {"columns": [{"label": "Dish"}, {"label": "n", "align": "end"}], "rows": [["汤", 3], ["Soup", yen]]},
    }
    content = Content.model_validate_json(json.dumps(shown))
    assert list(terminal.lines(Output(None, content))) == [
        "| Due -12.05 EUR on 1970-01-01",
        "|   Dish        n",
        "|   汤          3",
        "|   Soup  500 JPY",
    ]


async def test_a_case_is_written_anew_as_it_was() -> None:
    text = (
        "# A case.\n@ room\n@ language zh\n\nalice> open\n| zh 0\n\n# Later.\nbob> hello\n| zh 1\n@ wait 60\n"
        "alice> close\n| The program is closed. (to alice)\n"
    )

    def handle(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == "close":
            return does()
        count = event["state"] or 0
        return does(says(f"{event['locale']} {count}"), state=count + 1)

    case = cases.parse(text, "case")
    assert await cases.played(case, program(""), FakeRuntime(handle)) == text
    other = await cases.played(case, program(""), FakeRuntime(lambda e: does()))
    assert "| zh" not in other
    assert "# Later." in other


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("what is this\n", "case:1: should be"),
        ("alice> open\n@ room\n", "case:2: how the world is stands before the first step"),
        ("@ grants x\n", "case:1: there is `@ room`"),
        ("@ fetch https://a.example\n", "case:1: there is"),
    ],
)
def test_a_case_that_is_none_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(OperatorError) as caught:
        cases.parse(text, "case")
    assert str(caught.value).startswith(told)


def test_the_manifest_of_the_tests_is_one() -> None:
    assert manifest(**ABOUT).commands[0].name == "order"
