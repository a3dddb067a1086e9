"""Choices by token: what a client that draws buttons sends back, and who can use it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridge.db.tables import metadata
from bridge.ids import RoomId
from tests.features.apps import packed, village
from tests.features.test_programs_in_rooms import hall
from tests.features.village import Village, user_id
from tests.unit.miniprograms.fakes import does, says

GONE = "That choice can't be made, or not any more. Nothing was done."
DRINKS = [{"id": "secret-tea", "label": "Tea"}, {"id": "secret-milk", "label": "Milk"}]


def bar(event: dict[str, Any]) -> dict[str, Any]:
    """Offers drinks; `anyone` lets everybody choose, `alone` shows them to one person, `other` changes them."""
    if event["type"] == "choice":
        return does(says(f"chosen {event['data']['choice']}"))
    said = event["data"].get("text", "")
    if said == "other":
        return does({"type": "ui.update", "key": "menu", "text": "Now?", "choices": [DRINKS[1], *MORE]})
    if said == "form":
        fields = [
            {"name": "size", "label": "Size", "type": "choice", "choices": [{"id": "s", "label": "Small"}, *MORE]},
            {"name": "with", "label": "With", "type": "choice", "choices": DRINKS},
            {"name": "note", "label": "Note", "type": "text", "required": False},
        ]
        return does(says("Please", form={"name": "order", "fields": fields}))
    if event["type"] == "form":
        return does(says(json.dumps(event["data"]["values"])))
    chooser = "anyone" if said == "anyone" else "user"
    to = "user" if said == "alone" else "chat"
    return does(says("Which?", key="menu", choices=DRINKS, chooser=chooser, to=to))


MORE = [{"id": "secret-juice", "label": "Juice"}]


def buttons(town: Village, room: str) -> dict[str, str]:
    return town.rooms[room].events[-1].buttons


def test_a_button_is_pressed_and_means_what_stood_on_it() -> None:
    with village(packed(), tester=bar) as (town, engine):
        town.say("alice", "open tester")
        offered = buttons(town, "alice")
        assert list(offered) == ["Tea", "Milk"]
        assert town.press("alice", offered["Milk"], body="whatever: close") == ["Tester\n\nchosen secret-milk"]
        [chosen] = engine.of("tester", "choice")
        assert chosen["data"] == {"key": "menu", "choice": "secret-milk"}
        # Neither the token nor what stood beside it is for programs; ids of choices are not for people.
        assert "whatever" not in json.dumps(engine.told)
        assert not any(token in json.dumps(engine.told) for token in offered.values())
        shown = json.dumps([event.content for event in town.rooms["alice"].events[:-1]])
        assert "secret" not in shown


def test_a_label_names_nobody() -> None:
    link = "https://matrix.to/#/@bob:x.org"

    def names(event: dict[str, Any]) -> dict[str, Any]:
        choices = [{"id": "a", "label": f"Ask {link}"}, {"id": "b", "label": link}]
        fields = [{"name": "f", "type": "choice", "label": f"To {link}", "choices": choices}]
        picture = {"alt": f"A face {link}", "data": "AAAA"}
        return does(says("Who?", choices=choices, picture=picture), says("Or", form={"name": "n", "fields": fields}))

    with village(packed(), tester=names) as (town, _):
        town.say("alice", "open tester")
        shown = [event.content for event in town.rooms["alice"].events]
        assert "matrix.to" not in json.dumps(shown)
        assert [list(event.buttons) for event in town.rooms["alice"].events if event.buttons] == [["Ask", "…"]] * 2


def test_numbers_go_on_as_before() -> None:
    with village(packed(), tester=bar) as (town, _):
        town.say("alice", "open tester")
        assert town.say("alice", "2") == ["Tester\n\nchosen secret-milk"]


def test_each_offer_has_tokens_of_its_own() -> None:
    with village(packed(), tester=bar) as (town, _):
        seen: set[str] = set()
        for name in ("alice", "bob"):
            for _ in range(2):
                town.say(name, "open tester")
                seen |= set(buttons(town, name).values())
        assert len(seen) == 8
        assert min(map(len, seen)) >= 22, "128 bits"


def test_only_hashes_of_tokens_are_kept_in_the_clear() -> None:
    with village(packed(), tester=bar) as (town, _):
        town.say("alice", "open tester")
        kept = town.db.run_sync(
            lambda tx: [repr(tx.sql(f"SELECT * FROM {table.name}").all()) for table in metadata.sorted_tables]
        )
        assert not any(token in rows for token in buttons(town, "alice").values() for rows in kept)


@pytest.mark.parametrize("token", ["", "AAAAAAAAAAAAAAAAAAAAAA", "1", "secret-milk", "x" * 64])
def test_what_is_no_token_is_no_choice_and_no_text(token: str) -> None:
    with village(packed(), tester=bar) as (town, engine):
        town.say("alice", "open tester")
        told = len(engine.told)
        assert town.press("alice", token, body="2") == [GONE]
        assert len(engine.told) == told


def test_somebody_elses_token_is_as_one_that_never_was() -> None:
    with village(packed(), tester=bar) as (town, engine):
        for name in ("alice", "bob"):
            town.say(name, "open tester")
        token = buttons(town, "alice")["Milk"]
        told = len(engine.told)
        for pressed in (token, "A" * len(token)):
            assert town.press("bob", pressed) == [GONE]
        town.open("carol")
        assert town.press("carol", token) == [GONE], "who has nothing open"
        assert len(engine.told) == told
        assert town.press("alice", token) == ["Tester\n\nchosen secret-milk"]


def test_a_token_ends_with_the_session() -> None:
    with village(packed(), tester=bar) as (town, engine):
        town.say("alice", "open tester")
        token = buttons(town, "alice")["Milk"]
        town.say("alice", "close")
        assert town.press("alice", token) == [GONE]
        town.say("alice", "open tester")
        assert town.press("alice", token) == [GONE]
        assert engine.of("tester", "choice") == []
        count = town.db.run_sync(lambda tx: tx.sql("SELECT COUNT(*) FROM program_choices").scalar())
        assert count == 2, "those of the session that is open"


def test_a_choice_that_stays_keeps_its_token_and_one_that_goes_takes_it_along() -> None:
    with village(packed(), tester=bar) as (town, _):
        town.say("alice", "open tester")
        before = buttons(town, "alice")
        town.say("alice", "other")
        edit = town.rooms["alice"].events[-1]
        assert "chat.courtyard.choices" not in edit.content, "once is enough: in what it says from now on"
        after = edit.buttons
        assert list(after) == ["Milk", "Juice"]
        assert after["Milk"] == before["Milk"]
        assert town.press("alice", before["Tea"]) == [GONE]
        assert town.press("alice", before["Milk"]) == ["Tester\n\nchosen secret-milk"]
        assert town.press("alice", after["Juice"]) == ["Tester\n\nchosen secret-juice"]


def test_a_choice_that_reads_the_same_and_means_another_has_another_token() -> None:
    def renames(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == "choice":
            return does(says(f"chosen {event['data']['choice']}"))
        if event["type"] == "open":
            return does(says("Which?", key="menu", choices=[{"id": "first", "label": "Go"}]))
        return does(
            {"type": "ui.update", "key": "menu", "text": "Which?", "choices": [{"id": "second", "label": "Go"}]}
        )

    with village(packed(), tester=renames) as (town, _):
        town.say("alice", "open tester")
        [old] = buttons(town, "alice").values()
        town.say("alice", "again")
        [new] = buttons(town, "alice").values()
        assert old != new
        assert town.press("alice", old) == [GONE]
        assert town.press("alice", new) == ["Tester\n\nchosen second"]


def test_the_question_of_a_form_is_answered_once() -> None:
    with village(packed(), tester=bar) as (town, engine):
        town.say("alice", "open tester")
        town.say("alice", "form")
        size = buttons(town, "alice")
        assert list(size) == ["Small", "Juice"]
        assert town.press("bob", size["Small"]) == [GONE]
        [asked] = town.press("alice", size["Small"])
        assert "With (2/3)" in asked
        drinks = buttons(town, "alice")
        assert town.press("alice", size["Small"]) == [GONE]
        town.say("alice", "back")
        again = buttons(town, "alice")
        assert town.press("alice", drinks["Milk"]) == [GONE]
        town.press("alice", again["Juice"])
        town.press("alice", buttons(town, "alice")["Milk"])
        town.say("alice", "-")
        [filled] = engine.of("tester", "form")
        assert filled["data"]["values"] == {"size": "secret-juice", "with": "secret-milk", "note": None}


def test_a_form_that_is_left_takes_its_tokens_along() -> None:
    with village(packed(), tester=bar) as (town, _):
        town.say("alice", "open tester")
        town.say("alice", "form")
        [small, _] = buttons(town, "alice").values()
        town.say("alice", "cancel")
        assert town.press("alice", small) == [GONE]


# --- in rooms ---------------------------------------------------------------------------------------------------------


def test_in_a_room_who_copies_a_token_gets_nothing() -> None:
    with hall(packed(), tester=bar) as (town, engine):
        town.say_in("hall", "alice", "!open tester")
        token = buttons(town, "hall")["Milk"]
        assert town.press("bob", token, room="hall") == town.press("bob", "A" * 22, room="hall") == [GONE]
        assert town.press("bob", token) == [GONE], "nor in his own chat"
        assert town.press("alice", token) == [GONE], "it was offered in the room"
        assert engine.of("tester", "choice") == []
        assert town.press("alice", token, room="hall") == ["Tester\n\nchosen secret-milk"]


def test_what_anyone_may_choose_is_chosen_by_anyone_in_that_room() -> None:
    with hall(packed(), tester=bar) as (town, engine):
        town.meet_in("elsewhere")
        town.say_in("hall", "alice", "!open tester")
        town.say_in("hall", "alice", "!anyone")
        token = buttons(town, "hall")["Milk"]
        for name in ("alice", "bob"):
            assert town.press(name, token, room="hall") == ["Tester\n\nchosen secret-milk"]
        assert town.press("carol", token) == [GONE]
        assert town.press("carol", token, room="elsewhere") == []
        town.say_in("elsewhere", "carol", "!open tester")
        assert town.press("carol", token, room="elsewhere") == [GONE]
        assert len(engine.of("tester", "choice")) == 2


def test_where_nothing_is_open_a_token_is_not_looked_at() -> None:
    with hall(packed(), tester=bar) as (town, _):
        assert town.press("bob", "A" * 22, room="hall") == []


def test_what_is_shown_to_one_person_is_chosen_in_their_own_chat() -> None:
    with hall(packed(), tester=bar) as (town, engine):
        town.say_in("hall", "alice", "!open tester")
        town.say_in("hall", "bob", "!alone")
        [shown] = [event for event in town.rooms["bob"].events if event.buttons]
        assert shown.body.endswith("2. Milk\nAnswer this message with a number, here.")
        assert not town.rooms["hall"].events[-1].buttons
        assert town.press("alice", shown.buttons["Milk"]) == [GONE]
        assert town.press("alice", shown.buttons["Milk"], room="hall") == [GONE]
        town.press("bob", shown.buttons["Milk"])
        town.say("bob", "1", shown.event_id)
        assert [event["data"]["choice"] for event in engine.of("tester", "choice")] == ["secret-milk", "secret-tea"]
        assert town.bodies("hall")[-2:] == ["Tester\n\nchosen secret-milk", "Tester\n\nchosen secret-tea"]
        assert "m.relates_to" not in town.rooms["hall"].events[-1].content, "nothing in the room to hang on"
        # Who is out of the room is out of the game.
        town.absent.add((town.rooms["hall"].room_id, user_id("bob")))
        assert town.press("bob", shown.buttons["Milk"]) == [GONE]
        assert town.say("bob", "1", shown.event_id) != []
        assert len(engine.of("tester", "choice")) == 2


def test_what_is_shown_to_one_person_alone_stays_theirs_when_it_changes() -> None:
    """Also to whoever opened the program in the room, before the first version was sent."""

    def deals(event: dict[str, Any]) -> dict[str, Any]:
        card = says("ace", key="card", to="user")
        return does(card, {"type": "ui.update", "key": "card", "text": "king", "choices": DRINKS, "chooser": "anyone"})

    with hall(packed(), tester=deals) as (town, engine):
        for name in ("alice", "bob"):
            town.say_in("hall", name, "!open tester" if name == "alice" else "!deal")
            assert "king" in town.bodies(name)[-1]
        assert "king" not in json.dumps([event.content for event in town.rooms["hall"].events])
        # Nor can anybody else choose what nobody else was shown.
        assert town.say_in("hall", "carol", "!2") != []
        assert engine.of("tester", "choice") == []
        assert town.press("carol", town.rooms["bob"].events[-1].buttons["Milk"], room="hall") == [GONE]


def test_what_somebody_was_shown_alone_is_changed_for_them_by_what_others_do() -> None:
    def deals(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == "open":
            return does(says("ace", key="card", to="user"))
        return does({"type": "ui.update", "key": "card", "text": "king", "choices": DRINKS})

    with hall(packed(), tester=deals) as (town, engine):
        town.say_in("hall", "alice", "!open tester")
        town.say_in("hall", "bob", "!deal")
        edit = town.rooms["alice"].events[-1]
        assert edit.body.startswith("Tester\n\nking")
        assert town.press("bob", edit.buttons["Tea"]) == town.press("bob", edit.buttons["Tea"], room="hall") == [GONE]
        town.press("alice", edit.buttons["Tea"])
        assert [event["data"]["choice"] for event in engine.of("tester", "choice")] == ["secret-tea"]
        assert "king" not in json.dumps([event.content for event in town.rooms["hall"].events])


def test_who_is_not_proven_or_paused_chooses_nothing() -> None:
    with village(packed(), tester=bar) as (town, engine):
        town.say("alice", "open tester")
        token = buttons(town, "alice")["Milk"]
        town.unencrypted = True
        assert town.press("alice", token) != [GONE]
        assert engine.of("tester", "choice") == []


def test_a_room_that_became_another_is_no_place_for_old_tokens() -> None:
    with village(packed(), tester=bar) as (town, engine):
        town.say("alice", "open tester")
        token = buttons(town, "alice")["Milk"]
        town.open_again("alice")
        assert town.press("alice", token) == [GONE]
        assert RoomId("!alice:x.org") != town.rooms["alice"].room_id
        assert engine.of("tester", "choice") == []
