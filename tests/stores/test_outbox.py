"""Where answers go, over both engines."""

from dataclasses import replace

import pytest

from bridge.chat.inbound import DmOpened, EditedMessage, Origin, Reaction, RoomView
from bridge.chat.reply import NOTHING, CopyRef, Message, Reply, Text, Written
from bridge.db import Tx
from bridge.ids import EventId, RoomId
from tests.stores.delivery import House, dm_of, dm_view

ROOM = RoomId("!room:example.org")
ROOM_VIEW = RoomView(ROOM, None, True)


def _say(*texts: str, personal: bool = True) -> Reply:
    return Reply(tuple(Message((Written(text),)) for text in texts), personal=personal)


async def test_an_answer_replies_to_what_it_answers(house: House) -> None:
    alice = await house.person("alice")
    event = house.event(alice, dm_of("alice"))
    await house.db.run(lambda tx: house.outbox.answer(tx, event, dm_view(alice), alice, _say("one", "two")))
    await house.deliver()
    [first, second] = house.homeserver.rooms[dm_of("alice")]
    assert (first.body, second.body) == ("one", "two")
    assert first.content["m.relates_to"] == {"m.in_reply_to": {"event_id": event.origin.event_id}}
    assert all(sent.only_dm_with == alice.user_id for sent in house.homeserver.attempts)
    assert house.rows() == []  # the texts are erased once sent
    assert house.rows("kind, ref_id, person_id", "copies") == [("answer", None, alice.id)] * 2


async def test_a_greeting_goes_ahead_of_what_waited_for_the_chat(house: House) -> None:
    alice = await house.person("alice")
    house.notes.texts[7] = "a note"
    opened = DmOpened(house.event(alice, dm_of("alice")).origin)

    def work(tx: Tx) -> None:
        house.outbox.copy(tx, alice.id, "note", 7)
        house.outbox.answer(tx, opened, dm_view(alice), alice, _say("hello"))

    await house.db.run(work)
    await house.deliver()
    assert house.homeserver.shown(dm_of("alice")) == ["hello", "a note"]


async def test_an_answer_stays_in_the_thread(house: House) -> None:
    alice = await house.person("alice")
    event = house.event(alice, dm_of("alice"), EventId("$root"))
    await house.db.run(lambda tx: house.outbox.answer(tx, event, dm_view(alice), alice, _say("one")))
    await house.deliver()
    [sent] = house.homeserver.rooms[dm_of("alice")]
    assert sent.content["m.relates_to"]["rel_type"] == "m.thread"
    assert sent.content["m.relates_to"]["event_id"] == "$root"
    assert sent.content["m.relates_to"]["m.in_reply_to"] == {"event_id": event.origin.event_id}


async def test_personal_answers_leave_the_room(house: House) -> None:
    alice = await house.person("alice")
    house.notes.texts[7] = "a note"
    reply = Reply((Message((Written("secret"),)), CopyRef("note", 7)))
    await house.db.run(lambda tx: house.outbox.answer(tx, house.event(alice, ROOM), ROOM_VIEW, alice, reply))
    await house.deliver()
    assert house.homeserver.shown(ROOM) == [house.catalogue.format("en", Text("answer-in-dm"))]
    assert house.homeserver.shown(dm_of("alice")) == ["secret", "a note"]
    assert "m.relates_to" not in house.homeserver.rooms[dm_of("alice")][0].content


async def test_a_copy_is_personal_whatever_the_reply_says(house: House) -> None:
    alice = await house.person("alice")
    house.notes.texts[7] = "a note"
    reply = Reply((CopyRef("note", 7),), personal=False)
    await house.db.run(lambda tx: house.outbox.answer(tx, house.event(alice, ROOM), ROOM_VIEW, alice, reply))
    await house.deliver()
    assert "a note" not in house.homeserver.shown(ROOM)
    assert house.homeserver.shown(dm_of("alice")) == ["a note"]


async def test_without_a_dm_the_content_is_dropped(house: House) -> None:
    alice = await house.person("alice", dm=False)
    await house.db.run(lambda tx: house.outbox.answer(tx, house.event(alice, ROOM), ROOM_VIEW, alice, _say("secret")))
    assert house.contents()
    assert not any("secret" in content for content in house.contents())
    await house.deliver()
    assert house.homeserver.shown(ROOM) == [house.catalogue.format("en", Text("answer-needs-dm"))]
    assert house.rows() == []


async def test_a_room_is_answered_in_the_room(house: House) -> None:
    alice = await house.person("alice")
    event = house.event(alice, ROOM)
    await house.db.run(lambda tx: house.outbox.answer(tx, event, ROOM_VIEW, alice, _say("pong", personal=False)))
    await house.deliver()
    assert house.homeserver.shown(ROOM) == ["pong"]
    assert house.homeserver.attempts[0].only_dm_with is None
    assert house.rows("person_id", "copies") == [None]


async def test_a_reaction_is_answered_at_what_it_stands_on(house: House) -> None:
    alice = await house.person("alice")
    event = house.event(alice, dm_of("alice"), EventId("$root"))
    await house.db.run(lambda tx: house.outbox.answer(tx, event, dm_view(alice), alice, _say("one")))
    await house.deliver()
    [first] = house.homeserver.rooms[dm_of("alice")]
    reaction = Reaction(replace(event.origin, event_id=EventId("$reaction")), first.event_id, "👍")
    await house.db.run(lambda tx: house.outbox.answer(tx, reaction, dm_view(alice), alice, _say("liked")))
    await house.deliver()
    relation = house.homeserver.rooms[dm_of("alice")][1].content["m.relates_to"]
    assert relation["m.in_reply_to"] == {"event_id": first.event_id}
    assert relation["event_id"] == "$root"


async def test_a_rolled_back_command_answers_nothing(house: House) -> None:
    alice = await house.person("alice")

    def work(tx: Tx) -> None:
        house.outbox.answer(tx, house.event(alice, dm_of("alice")), dm_view(alice), alice, _say("done"))
        raise KeyError("something went wrong afterwards")

    with pytest.raises(KeyError):
        await house.db.run(work)
    await house.deliver()
    assert house.homeserver.attempts == []


async def test_find_copy(house: House) -> None:
    alice = await house.person("alice")
    house.notes.texts[7] = "a note"
    await house.db.run(lambda tx: house.outbox.copy(tx, alice.id, "note", 7))
    await house.deliver()
    [sent] = house.homeserver.rooms[dm_of("alice")]

    def find(room_id: RoomId, event_id: EventId) -> object:
        return house.db.run_sync(lambda tx: house.outbox.find_copy(tx, house.account, room_id, event_id))

    found = find(dm_of("alice"), sent.event_id)
    assert getattr(found, "ref", None) == CopyRef("note", 7)
    assert getattr(found, "person_id", None) == alice.id
    assert find(ROOM, sent.event_id) is None
    assert find(dm_of("alice"), EventId("$other")) is None


class TestEdits:
    """Editing a command corrects its answers."""

    async def _edit(self, house: House, target: EventId, reply: Reply, room: RoomView | None = None) -> None:
        alice = await house.person("alice")
        view = room or dm_view(alice)
        house.now += 1
        origin = Origin(house.account, view.room_id, EventId(f"$edit{house.now}"), alice.user_id, 0, True)
        event = EditedMessage(origin, target, "edited")
        await house.db.run(lambda tx: house.outbox.answer(tx, event, view, alice, reply))

    async def _ask(self, house: House, reply: Reply, room: RoomView | None = None) -> EventId:
        alice = await house.person("alice")
        view = room or dm_view(alice)
        event = house.event(alice, view.room_id, EventId("$root"))
        await house.db.run(lambda tx: house.outbox.answer(tx, event, view, alice, reply))
        return event.origin.event_id

    async def test_the_answer_is_replaced(self, house: House) -> None:
        asked = await self._ask(house, _say("one"))
        await house.deliver()
        for text in ("uno", "eins"):
            await self._edit(house, asked, _say(text))
            await house.deliver()
            assert house.homeserver.shown(dm_of("alice")) == [text]
        original, *edits = house.homeserver.rooms[dm_of("alice")]
        assert [edit.content["m.relates_to"]["event_id"] for edit in edits] == [original.event_id] * 2
        assert all(edit.content["m.relates_to"]["rel_type"] == "m.replace" for edit in edits)

    async def test_fewer_answers_redact_the_rest(self, house: House) -> None:
        asked = await self._ask(house, _say("one", "two", "three"))
        await house.deliver()
        await self._edit(house, asked, _say("uno"))
        await house.deliver()
        assert house.homeserver.shown(dm_of("alice")) == ["uno"]

    async def test_more_answers_are_sent_in_the_same_thread(self, house: House) -> None:
        asked = await self._ask(house, _say("one"))
        await house.deliver()
        await self._edit(house, asked, _say("uno", "due"))
        await house.deliver()
        assert house.homeserver.shown(dm_of("alice")) == ["uno", "due"]
        relation = house.homeserver.rooms[dm_of("alice")][-1].content["m.relates_to"]
        assert (relation["event_id"], relation["m.in_reply_to"]["event_id"]) == ("$root", asked)
        # The new one is an answer too: the next edit replaces both.
        await self._edit(house, asked, _say("eins", "zwei"))
        await house.deliver()
        assert house.homeserver.shown(dm_of("alice")) == ["eins", "zwei"]

    async def test_what_was_not_sent_yet_is_not_sent(self, house: House) -> None:
        asked = await self._ask(house, _say("one"))
        await self._edit(house, asked, _say("uno"))
        await house.deliver()
        assert [event.body for event in house.homeserver.rooms[dm_of("alice")]] == ["uno"]

    async def test_an_empty_reply_leaves_the_answer(self, house: House) -> None:
        asked = await self._ask(house, _say("one"))
        await house.deliver()
        await self._edit(house, asked, NOTHING)
        await house.deliver()
        assert house.homeserver.shown(dm_of("alice")) == ["one"]

    async def test_a_copy_can_take_the_place_of_an_answer(self, house: House) -> None:
        house.notes.texts[7] = "a note"
        asked = await self._ask(house, _say("no such note"))
        await house.deliver()
        await self._edit(house, asked, Reply((CopyRef("note", 7),)))
        await house.deliver()
        assert house.homeserver.shown(dm_of("alice")) == ["a note"]
        original = house.homeserver.rooms[dm_of("alice")][0].event_id
        found = await house.db.run(lambda tx: house.outbox.find_copy(tx, house.account, dm_of("alice"), original))
        assert found is not None
        assert found.ref == CopyRef("note", 7)
        # Withdrawing takes the edit back too, not just what it replaced.
        await house.db.run(lambda tx: house.outbox.withdraw(tx, "note", 7))
        await house.deliver()
        assert all(event.redacted for event in house.homeserver.rooms[dm_of("alice")])

    async def test_a_personal_answer_that_becomes_public_leaves_the_dm(self, house: House) -> None:
        asked = await self._ask(house, _say("secret"), ROOM_VIEW)
        await house.deliver()
        assert house.homeserver.shown(dm_of("alice")) == ["secret"]
        await self._edit(house, asked, _say("pong", personal=False), ROOM_VIEW)
        await house.deliver()
        assert house.homeserver.shown(ROOM) == ["pong"]
        assert house.homeserver.shown(dm_of("alice")) == []

    async def test_an_edit_in_a_room_replaces_the_answer_in_the_dm(self, house: House) -> None:
        asked = await self._ask(house, _say("one"), ROOM_VIEW)
        await house.deliver()
        await self._edit(house, asked, _say("uno"), ROOM_VIEW)
        await house.deliver()
        assert house.homeserver.shown(ROOM) == [house.catalogue.format("en", Text("answer-in-dm"))]
        assert house.homeserver.shown(dm_of("alice")) == ["uno"]
