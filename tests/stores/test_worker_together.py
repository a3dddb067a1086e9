"""Many rooms at a time: what concerns several is rendered and written together, and what fails costs no others."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from bridge.chat.command import Person
from bridge.chat.reply import Message, Reply, Written
from bridge.db import Tx
from bridge.delivery import claim
from bridge.delivery.claim import Claims, Scan, Step
from bridge.delivery.making import Target
from bridge.delivery.ports import ForMany
from bridge.ids import PersonId
from tests.stores.delivery import House, dm_of, dm_view, until

NAMES = tuple(f"p{number}" for number in range(20))


@pytest.fixture
def asked(house: House) -> list[tuple[PersonId, ...]]:
    """Who was rendered for, together; the text of each begins with their id."""
    together: list[tuple[PersonId, ...]] = []

    def one(tx: Tx, reader: Person, ref_id: int) -> Message | None:
        text = house.notes.texts.get(ref_id)
        house.notes.rendered.append((reader.id, ref_id))
        return None if text is None else Message((Written(f"{reader.user_id} {text}"),))

    def many(tx: Tx, readers: Sequence[Person], ref_id: int) -> Mapping[PersonId, Message | None]:
        together.append(tuple(reader.id for reader in readers))
        house.notes.on_render(tx)
        return {reader.id: one(tx, reader, ref_id) for reader in readers}

    house.renderers["note"] = ForMany(one, many)
    return together


async def _queue(house: House, people: Sequence[Person], ref_id: int = 7) -> None:
    def work(tx: Tx) -> None:
        for person in people:
            house.outbox.copy(tx, person.id, "note", ref_id, unasked=True)

    house.notes.texts[ref_id] = "a note"
    await house.db.run(work)


async def _queue_when_known(house: House, people: Sequence[Person]) -> None:
    """Queue it for all, when the worker has seen by one message how near the homeserver is."""
    await _queue(house, [await house.person("first")], 1)
    await house.idle()
    house.homeserver.most_in_flight = 0
    await _queue(house, people)


def _shown(house: House) -> list[list[str]]:
    return [house.homeserver.shown(dm_of(name)) for name in NAMES]


async def test_each_reader_gets_what_is_theirs_once(house: House, asked: list[tuple[PersonId, ...]]) -> None:
    people = [await house.person(name) for name in NAMES]
    await _queue(house, people)
    await house.deliver()
    assert _shown(house) == [[f"@{name}:example.org a note"] for name in NAMES]
    assert len(house.notes.rendered) == len(NAMES)
    assert len(asked) < 5
    assert house.rows("person_id", "copies") == [person.id for person in people]
    assert len(set(map(bytes, house.rows("rendering", "copies")))) == len(NAMES)


async def test_what_fails_for_all_is_rendered_for_each(house: House, asked: list[tuple[PersonId, ...]]) -> None:
    people = [await house.person(name) for name in NAMES]

    def fails(tx: Tx) -> None:
        tx.sql("UPDATE people SET dm_room_id = 'undone'")
        raise ValueError

    house.notes.on_render = fails
    await _queue(house, people)
    await house.deliver()
    assert _shown(house) == [[f"@{name}:example.org a note"] for name in NAMES]
    assert asked
    rooms = await house.db.run(lambda tx: tx.sql("SELECT dm_room_id FROM people").scalars())
    assert "undone" not in rooms


async def test_a_damaged_reader_costs_no_other(house: House, asked: list[tuple[PersonId, ...]]) -> None:
    people = [await house.person(name) for name in NAMES]
    await _queue(house, people)
    claims = Claims(house.people, house.renderers, house.catalogue)
    await house.db.run(lambda tx: claims.scan(tx, set(), 0))  # they have their rooms now
    await house.db.run(lambda tx: tx.sql("UPDATE people SET card = ? WHERE id = ?", (b"\x01bad", people[3].id)))
    await house.deliver()
    assert _shown(house) == [[f"@{name}:example.org a note"] if name != "p3" else [] for name in NAMES]
    assert house.rows() == ["failed"]


async def test_a_room_whose_next_row_can_not_be_claimed_stops_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [await house.person(name) for name in NAMES]
    await _queue(house, people, 7)
    await _queue(house, [people[3]], 8)
    claim_all, bad = Claims.claim_all, (house.account, dm_of("p3"))
    failed: list[int] = []

    def claims(self: Claims, tx: Tx, targets: Sequence[Target]) -> dict[Target, Step]:
        sent = tx.sql("SELECT 1 FROM copies WHERE room_id = ?", (bad[1],)).first() is not None
        if bad in targets and sent and 1 not in failed:
            failed.append(len(targets))
            raise ValueError
        return claim_all(self, tx, targets)

    monkeypatch.setattr(Claims, "claim_all", claims)
    async with house.delivering():
        await house.idle()
        await asyncio.sleep(0)
    assert [len(shown) for shown in _shown(house)] == [2 if name == "p3" else 1 for name in NAMES]
    assert len(house.rows("event_id", "copies")) == len(NAMES) + 1
    assert failed[-1] == 1


async def test_whoever_waits_for_room_hears_that_there_is_some(house: House) -> None:
    people = [await house.person(name) for name in NAMES]
    left: list[int] = []
    await _queue(house, people)
    async with house.delivering(left=lambda count: left.append(len(house.rows()))):
        await until(lambda: bool(left) and left[-1] == 0)


async def test_beside_answers_all_goes_a_little_at_a_time(house: House) -> None:
    people = [await house.person(name) for name in NAMES]
    async with house.delivering(waited_for=lambda: True):
        await _queue_when_known(house, people)
        await house.idle()
    assert all(len(shown) == 1 for shown in _shown(house))
    assert house.homeserver.most_in_flight < len(NAMES)


async def test_while_nobody_knows_how_far_the_homeserver_is_all_goes(house: House) -> None:
    """So that a post arrives soon on one that is far."""
    people = [await house.person(name) for name in NAMES]
    await _queue(house, people)
    for name in NAMES:
        house.homeserver.gates[dm_of(name)] = asyncio.Event()
    async with house.delivering(waited_for=lambda: True):
        await until(lambda: house.homeserver.in_flight == len(NAMES))
        for gate in house.homeserver.gates.values():
            gate.set()
        await house.idle()


@pytest.mark.parametrize("beside", [False, True])
async def test_a_post_for_many_takes_few_looks(house: House, monkeypatch: pytest.MonkeyPatch, beside: bool) -> None:
    """What a look found and was not to take is taken as manners allow, without another look for it."""
    people = [await house.person(name) for name in NAMES]
    scan, looks = Claims.scan, 0

    def look(self: Claims, *arguments: Any) -> Scan:
        nonlocal looks
        looks += 1
        return scan(self, *arguments)

    monkeypatch.setattr(Claims, "scan", look)
    await _queue(house, people)
    async with house.delivering(waited_for=lambda: beside, max_rooms=8):
        await house.idle()
    assert all(len(shown) == 1 for shown in _shown(house))
    assert looks <= 3


@pytest.mark.parametrize("beside", [False, True])
async def test_more_than_one_look_finds_is_sent_all_the_same(
    house: House, monkeypatch: pytest.MonkeyPatch, beside: bool
) -> None:
    monkeypatch.setattr(claim, "SCAN_ROOMS", 5)
    monkeypatch.setattr(claim, "SCAN_PEOPLE", 7)
    people = [await house.person(name) for name in NAMES]
    await _queue(house, people)
    async with house.delivering(waited_for=lambda: beside, max_rooms=4):
        await house.idle()
    assert all(len(shown) == 1 for shown in _shown(house))


async def test_an_answer_overtakes_what_nobody_waits_for(house: House) -> None:
    people = [await house.person(name) for name in NAMES]
    for name in NAMES:
        house.homeserver.gates[dm_of(name)] = asyncio.Event()
    async with house.delivering(waited_for=lambda: True):
        await _queue_when_known(house, people)
        await until(lambda: house.homeserver.in_flight > 0)
        told = [bool(shown) for shown in _shown(house)]
        last = max(number for number, is_told in enumerate(told) if not is_told)
        one, room = people[last], dm_of(NAMES[last])
        reply = Reply((Message((Written("answer"),)),))
        await house.db.run(lambda tx: house.outbox.answer(tx, house.event(one, room), dm_view(one), one, reply))
        await until(lambda: house.homeserver.shown(room) == ["answer"])
        assert house.homeserver.in_flight < len(NAMES)
        for gate in house.homeserver.gates.values():
            gate.set()
        await house.idle()
    assert house.homeserver.shown(room) == ["answer", "a note"]
    assert all("a note" in shown for shown in _shown(house))
