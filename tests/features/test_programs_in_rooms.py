"""U10: programs in rooms with several people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bridge.chat.inbound import Relation, TextMessage
from bridge.miniprograms.package import Package
from tests.features.apps import Engine, built_in, packed, village
from tests.features.village import Village, user_id
from tests.unit.miniprograms.fakes import does, says


@contextmanager
def hall(*packages: Package, **functions: Any) -> Iterator[tuple[Village, Engine]]:
    """Alice, Bob and Carol have chats with the bot, and are in a room with it."""
    with village(*packages, **functions) as (town, engine):
        town.open("carol")
        town.meet_in("hall")
        yield town, engine


def echo(event: dict[str, Any]) -> dict[str, Any]:
    return does(says(f"{event['type']} {event['data']}"), state=(event["state"] or 0) + 1)


def test_a_program_is_opened_in_a_room_for_everybody() -> None:
    with hall(packed(), tester=echo) as (town, engine):
        opened = town.say_in("hall", "alice", "!open tester")
        assert opened[0].startswith("Tester is open here, for everybody.")
        assert opened[1:] == ["Tester\n\nopen {'payload': None}"]
        assert town.say_in("hall", "bob", "good morning, carol") == []
        assert town.say_in("hall", "bob", "!good morning") == ["Tester\n\ntext {'text': 'good morning'}"]
        assert town.say_in("hall", "carol", "!tester friends") == ["Tester\n\ntext {'text': 'friends'}"]
        assert [event["state"] for event in engine.of("tester")] == [None, 1, 2]
        ids = [event["user"]["id"] for event in engine.of("tester")]
        assert len(set(ids)) == 3
        assert len({event["chat"]["id"] for event in engine.of("tester")}) == 1
        assert town.say_in("hall", "bob", "!close") == ["Tester is closed."]
        assert town.say_in("hall", "bob", "!good morning") == []


def test_what_is_said_past_the_bot_is_never_told() -> None:
    with hall(packed(), tester=echo) as (town, engine):
        town.meet_in("elsewhere")
        town.say_in("hall", "alice", "!open tester")
        for room, text in (("hall", "secret"), ("elsewhere", "!secret"), ("elsewhere", "secret")):
            town.say_in(room, "bob", text)
        town.say("bob", "secret")
        town.say_in("hall", "bob", "!friends")  # a command of the bot, answered in his own chat
        assert "secret" not in json.dumps(engine.told)
        assert len(engine.told) == 1


def test_who_one_is_in_a_room_says_nothing_about_elsewhere() -> None:
    scopes = {"profile.name": "To greet you.", "notify": "To remind you."}

    def stores(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] != "text":
            return does(says(json.dumps(event["data"])), state=event["state"])
        spaces = ("person", "chat")
        return does(
            *({"type": "kv.get", "tag": space, "space": space, "keys": ["k"]} for space in spaces),
            *({"type": "kv.set", "space": space, "key": "k", "value": event["chat"]["kind"]} for space in spaces),
            {"type": "scope.request", "tag": "t", "scopes": ["profile.name"]},
        )

    with hall(packed(scopes=scopes), tester=stores) as (town, engine):
        town.say("alice", "profile set name Alice")
        town.say("alice", "open tester")
        town.say("alice", "hi there")
        town.say("alice", "2")
        town.meet_in("other")
        for room in ("hall", "other"):
            town.say_in(room, "alice", "!open tester")
            town.say_in(room, "alice", "!hi there")
            town.say_in(room, "bob", "!hi there")
        told = engine.of("tester")
        rooms = [event for event in told if event["chat"]["kind"] == "room"]
        assert all(event["user"]["profile"] == {} and event["user"]["scopes"] == [] for event in rooms)
        assert [event["data"]["denied"] for event in rooms if event["type"] == "scope.result"] == [["profile.name"]] * 4
        ids = {(event["chat"]["id"], event["user"]["id"]) for event in told}
        assert len(ids) == 5
        assert len({user for _, user in ids}) == 5, "alice in three places, bob in two"
        seen = [
            (event["data"]["space"], event["data"]["items"]["k"]["value"])
            for event in told
            if event["type"] == "kv.result"
        ]
        # Each first look of a person finds nothing of theirs; in each chat the second one finds what the first stored.
        assert seen == [
            ("person", None), ("chat", None),
            ("person", None), ("chat", None), ("person", None), ("chat", "room"),
            ("person", None), ("chat", None), ("person", None), ("chat", "room"),
        ]  # fmt: skip


def test_two_people_play_to_the_end() -> None:
    with hall(built_in("gomoku")) as (town, _):
        town.say_in("hall", "alice", "!open gomoku")
        hall_ = town.rooms["hall"]
        board = hall_.events[-1].event_id
        for column in "abcd":
            town.say_in("hall", "alice", f"!{column}1")
            town.say_in("hall", "bob", f"!{column}2")
        assert town.bodies("bob")[-1] != "It is not your turn."
        town.say_in("hall", "bob", "!e2")
        assert town.bodies("bob")[-1] == "Gomoku\n\nIt is not your turn."
        town.say_in("hall", "carol", "!e1")
        assert "Two others are playing" in town.bodies("carol")[-1]
        [won] = town.say_in("hall", "alice", "!e1")
        assert "⚫ black wins." in won
        assert hall_.events[-1].content["m.relates_to"] == {"rel_type": "m.replace", "event_id": board}


def test_choices_are_for_whom_they_are_meant() -> None:
    def offers(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == "choice":
            return does(says(f"chosen {event['data']['choice']}"), state=event["state"])
        chooser = "anyone" if event["type"] == "open" else "user"
        choices = [{"id": "tea", "label": "Tea"}, {"id": "milk", "label": "Milk"}]
        return does(says("Which?", choices=choices, chooser=chooser))

    with hall(packed(), tester=offers) as (town, engine):
        town.say_in("hall", "alice", "!open tester")
        assert town.say_in("hall", "bob", "!2") == ["Tester\n\nchosen milk"]
        town.say_in("hall", "alice", "!again")  # this one is for alice alone; the first is for anybody still
        town.say_in("hall", "alice", "!1")
        assert [event["data"]["choice"] for event in engine.of("tester", "choice")] == ["milk", "tea"]


def test_a_message_that_changes_offers_to_whom_it_names_now() -> None:
    def turns(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == "choice":
            return does(says(f"chosen {event['data']['choice']}"))
        choices = [{"id": "fold", "label": "Fold"}, {"id": "raise", "label": "Raise"}]
        if event["type"] == "open":
            return does(says("Your turn", key="turn", choices=choices))
        mine = event["data"]["text"] == "me"
        return does({"type": "ui.update", "key": "turn", "text": "Your turn", "choices": choices}) if mine else does()

    with hall(packed(), tester=turns) as (town, engine):
        town.say_in("hall", "alice", "!open tester")
        old = town.rooms["hall"].events[-1].buttons
        town.say_in("hall", "bob", "!me")
        new = town.rooms["hall"].events[-1].buttons
        assert not set(old.values()) & set(new.values())
        town.say_in("hall", "alice", "!2")
        for token in (old["Raise"], new["Raise"]):
            town.press("alice", token, room="hall")
        assert engine.of("tester", "choice") == []
        for _ in range(2):
            assert town.press("bob", new["Raise"], room="hall") == ["Tester\n\nchosen raise"]


def test_nobody_chooses_what_was_offered_to_somebody_else() -> None:
    def offers(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == "choice":
            return does(says(f"chosen {event['data']['choice']}"))
        if event["data"].get("text") != "menu":
            return does(says(f"heard {event['data']}"))
        choices = [{"id": "fold", "label": "Fold"}, {"id": "raise", "label": "Raise"}]
        return does(says("Your turn", key="turn", choices=choices))

    with hall(packed(), tester=offers) as (town, engine):
        town.say_in("hall", "alice", "!open tester")
        town.say_in("hall", "alice", "!menu")
        for line in ("!2", "!Raise", "!raise", "!tester 2"):
            assert town.say_in("hall", "bob", line) != []
        town.say("bob", "2")
        assert engine.of("tester", "choice") == []
        assert town.say_in("hall", "alice", "!Raise") == ["Tester\n\nchosen raise"]
        assert town.say_in("hall", "alice", "!Raise") == ["Tester\n\nheard {'text': 'Raise'}"], "once"


def test_when_who_opened_it_is_erased_the_program_is_gone_from_the_room() -> None:
    with hall(packed(), tester=echo) as (town, _):
        town.say_in("hall", "alice", "!open tester")
        town.erase("alice")
        town.run_programs()
        assert town.say_in("hall", "bob", "!good morning") == []
        assert "is open here" in town.say_in("hall", "bob", "!open tester")[0]


def test_what_one_person_is_asked_alone_nobody_else_reads() -> None:
    def asks(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == "form":
            return does(says("Thank you."))
        if event["data"].get("text") != "me":
            return does(says("Open."))
        fields = [
            {
                "name": "whom",
                "label": "Whom do you accuse?",
                "type": "choice",
                "choices": [{"id": "b", "label": "Butler"}],
            },
            {"name": "why", "label": "Why them?", "type": "text"},
        ]
        return does(says("Secret ballot", to="user", form={"name": "ballot", "fields": fields}))

    with hall(packed(), tester=asks) as (town, engine):
        town.say_in("hall", "alice", "!open tester")
        for typed in (True, False):
            town.say_in("hall", "bob", "!me")
            first = town.rooms["bob"].events[-1]
            assert first.body.startswith("Tester\nWhom do you accuse? (1/2)")
            assert "Answer this message, here." in first.body
            assert town.say("alice", "1", first.event_id) != []
            answered = town.say("bob", "1", first.event_id) if typed else town.press("bob", first.buttons["Butler"])
            assert answered[-1].startswith("Tester\nWhy them? (2/2)")
            # What is typed in the room is an answer as well; what is asked next is not shown there.
            if typed:
                assert town.say_in("hall", "bob", "!back")[0] == "I have answered in our private chat."
                town.say_in("hall", "bob", "!1")
            town.say("bob", "The candlestick.", town.rooms["bob"].events[-1].event_id)
        filled = [event["data"]["values"] for event in engine.of("tester", "form")]
        assert filled == [{"whom": "b", "why": "The candlestick."}] * 2
        seen = json.dumps([event.content for event in town.rooms["hall"].events])
        assert not [word for word in ("accuse", "Why them", "ballot", "candlestick") if word in seen]
        assert seen.count("Thank you.") >= 2
        assert "not open any more" in town.say("bob", "1", first.event_id)[0]


def test_who_left_the_room_answers_nothing_any_more() -> None:
    def asks(event: dict[str, Any]) -> dict[str, Any]:
        fields = [{"name": "why", "label": "Why?", "type": "text"}]
        return does(says("Well", to="user", form={"name": "f", "fields": fields}))

    with hall(packed(), tester=asks) as (town, engine):
        town.say_in("hall", "alice", "!open tester")
        asked = town.rooms["alice"].events[-1]
        town.absent.add((town.rooms["hall"].room_id, user_id("alice")))
        assert "not open any more" in town.say("alice", "So.", asked.event_id)[0]
        assert engine.of("tester", "form") == []


def test_no_server_carries_what_somebody_says_in_their_own_chat_into_a_room() -> None:
    """Relations are not in the ciphertext of most clients: a server can hang any message on any other."""

    def deals(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] != "text":
            return does(says(f"{event['type']} {event['data']}"))
        fields = [
            {"name": "n", "label": "How many?", "type": "integer"},
            {"name": "why", "label": "Why?", "type": "text"},
        ]
        asks = {"form": {"name": "f", "fields": fields}} if event["data"]["text"] == "form" else {}
        offers = {} if asks else {"choices": [{"id": "fold", "label": "Fold"}]}
        return does(says("Yours", to="user", **asks, **offers))

    with hall(packed(), tester=deals) as (town, engine):

        def hung(text: str) -> str:
            target = next(event for event in reversed(town.rooms["bob"].events) if "Answer this" in event.body)
            relation = Relation(reply_to=target.event_id, outside=True)
            town._handle("bob", lambda origin: TextMessage(origin, text, relation))
            return town.rooms["bob"].events[-1].body

        town.say_in("hall", "alice", "!open tester")
        town.say_in("hall", "bob", "!me")
        told = len(engine.told)
        for text in ("my secret", "search my secret", "7"):
            assert "Your app does not protect which message you answer" in hung(text)
        assert len(engine.told) == told
        hung("fold")
        assert engine.of("tester", "choice")[-1]["data"]["choice"] == "fold"
        town.say_in("hall", "bob", "!form")
        assert "whole number" in hung("my secret")
        assert "Why? (2/2)" in hung("3")
        assert "Your app does not protect" in hung("my secret")
        assert "How many? (1/2)" in hung("back")
        assert "secret" not in json.dumps(engine.told)
        assert "secret" not in json.dumps([event.content for event in town.rooms["hall"].events])
