"""U9 and the delivery log: what programs are told of somebody, all of it, to be read by that person alone."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest

from tests.features import test_programs_asking as asking
from tests.features.apps import echo, packed, village
from tests.features.village import Village
from tests.unit.miniprograms.fakes import does

NASTY = 'Grüße 你好 \U0001f34e <b>"quoted"</b> \\ ``` ````` @room & so on\n'


def pages(town: Village, name: str, program: str = "", language: str = "en") -> list[list[str]]:
    """Every page of `apps sent`, each message as it was written."""
    command, found = {"en": "apps sent", "zh": "小程序记录"}[language], list[list[str]]()
    following: str | None = " ".join(filter(None, (command, program)))
    while following is not None:
        found.append(town.say(name, following))
        more = re.search(f"`?({command} [a-z]* ?[0-9]+)`?[.。]$", found[-1][-1])
        following = None if more is None else more[1]
    return found


def reads(event: dict[str, Any]) -> dict[str, Any]:
    """Asks a server, and says nothing of what it answers."""
    return does() if event["type"] == "fetch.result" else asking.fetches(event)


def read(page: list[list[str]]) -> str:
    """What stands in the messages, one after the other, without what is around it."""
    return "".join(shown(body) for messages in page for body in messages)


def shown(body: str) -> str:
    """What stands in a block of code."""
    found = re.search(r"^(`{3,})\n(.*?)\n\1$", body, re.DOTALL | re.MULTILINE)
    assert found is not None, body
    return found[2]


def test_people_see_what_is_told_of_them() -> None:
    with village(packed(), tester=echo) as (town, engine):
        preview = town.one("alice", "apps preview tester")
        town.say("alice", "open tester")
        [opened] = engine.of("tester")
        for value in (opened["user"]["id"], opened["chat"]["id"], '"profile": {}'):
            assert value in preview
        town.say("alice", "my secret")
        sent = town.say("alice", "apps sent")
        assert len(sent) == 2
        assert "my secret" in sent[0]
        assert "No mini-program was told anything" in town.one("bob", "apps sent")
        assert town.one("alice", "apps sent 2") == "There is nothing more."


@pytest.mark.parametrize("language", ["en", "zh"])
def test_however_long_it_is_all_of_it_can_be_read(language: str) -> None:
    letters = random.Random(1).choices(NASTY, k=250_000)
    with asking.village() as (town, engine, outside):
        engine.functions["tester"], outside.answer = reads, "".join(letters)
        town.say("alice", "one")
        town.say("alice", "2")
        [told] = [event for event in engine.of("tester") if event["type"] == "fetch.result"]
        if language == "zh":
            town.say("alice", "language zh")
        found = pages(town, "alice", language=language)
        assert all(len(page) <= 5 for page in found)
        assert all(len(body.encode()) < 40_000 for page in found for body in page), "no event that a server refuses"
        bodies = [body for page in found for body in page]
        of_answer = [body for body in bodies if re.search("part|部分", body.split("\n")[0])]
        event = json.loads("".join(map(shown, of_answer)))
        assert event["data"] == told["data"]
        assert event["user"] == told["user"]
        assert town.one("alice", f"{'apps sent' if language == 'en' else '小程序记录'} {len(found) + 1}") == (
            "There is nothing more." if language == "en" else "没有更多了。"
        )


@pytest.mark.parametrize("text", ["`" * 3900, "``` ~~~ ```", NASTY * 60])
def test_what_was_typed_is_shown_to_the_letter(text: str) -> None:
    with village(packed(), packed("second"), tester=echo, second=echo) as (town, engine):
        town.say("alice", "open second")
        town.say("alice", "close")
        town.say("alice", "open tester")
        town.say("alice", text)
        of_one = "".join(map(shown, [body for page in pages(town, "alice", "tester") for body in page]))
        events = [json.loads(f"{{{one}}}") for one in of_one.strip("{}").split("}{")]
        assert [event["type"] for event in events] == ["text", "open"]
        assert events[0]["data"] == engine.of("tester", "text")[0]["data"]


def test_what_is_kept_is_the_last_and_the_newest_in_any_case() -> None:
    with asking.village(fetch_seconds=5, events_burst=100) as (town, engine, outside):
        engine.functions["tester"], outside.answer = reads, "x" * 300_000
        town.say("alice", "first words")
        town.say("alice", "2")
        for number in range(6):
            town.say("alice", f"number {number}")
        told = town.db.run_sync(
            lambda tx: tx.sql("SELECT COUNT(*) AS count, SUM(LENGTH(sealed)) AS bytes FROM program_deliveries").one()
        )
        assert told.bytes <= 1_048_576
        assert told.count >= 5
        whole = read(pages(town, "alice"))
        assert "number 5" in whole
        assert "first words" not in whole
        outside.answer = "y" * 2_000_000
        town.say("alice", "the last")
        assert "y" * 2000 in town.say("alice", "apps sent")[1]


def test_what_left_is_told_whatever_came_of_it() -> None:
    with asking.village() as (town, engine, outside):
        town.say("alice", "one")
        town.say_only("alice", "2")
        outside.dies = True
        with pytest.raises(KeyboardInterrupt):
            town.run_programs()
        town.say_only("alice", "close")
        assert len(outside.asked) == 1
        town.run_programs()
        town.deliver()
        assert engine.of("tester", "fetch.result") == []
        assert "POST https://api.example.org/say\n\none" in read(pages(town, "alice"))


def test_nobody_sees_what_was_told_of_others() -> None:
    def says_all(event: dict[str, Any]) -> dict[str, Any]:
        return does()

    with village(packed(), tester=says_all) as (town, _):
        for name in ("alice", "bob"):
            town.say(name, "open tester")
            town.say(name, f"words of {name} " + "z" * 3900)
        assert "words of bob" not in read(pages(town, "alice"))
        assert [len(page) for page in pages(town, "alice")] == [len(page) for page in pages(town, "bob")]
