"""Answers that are claimed as they are queued, over both engines: order, failures and crashes as of all else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bridge.chat.command import Person
from bridge.chat.reply import Message, Reply, Written
from bridge.db import Tx, works
from bridge.delivery.claim import Claims
from bridge.delivery.ports import Held, Later
from bridge.delivery.worker import DeliveryWorker
from tests.stores.delivery import SECOND, House, dm_of, dm_view, until

ALICE, BOB = dm_of("alice"), dm_of("bob")


async def _answer(house: House, person: Person, *texts: str) -> None:
    reply = Reply(tuple(Message((Written(text),)) for text in texts))
    room = dm_view(person)
    event = house.event(person, room.room_id)
    await house.db.run(lambda tx: house.outbox.answer(tx, event, room, person, reply))


async def _begin_to_send(house: House, alice: Person) -> None:
    """Answer `one`: it has arrived, and the homeserver's word of that waits at the gate."""
    house.homeserver.gates[ALICE] = asyncio.Event()
    await _answer(house, alice, "one")
    await until(lambda: house.homeserver.shown(ALICE) == ["one"])


async def _message(house: House, person: Person, text: str) -> None:
    await house.db.run(lambda tx: house.outbox.message(tx, person, Message((Written(text),))))


@asynccontextmanager
async def _delivering(house: House, **options: int) -> AsyncIterator[DeliveryWorker]:
    """A worker that takes answers already."""
    async with house.delivering(**options) as worker:
        await until(lambda: worker._tasks is not None)
        yield worker


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Grows with each look for what is to be sent."""
    found: list[None] = []
    scan = Claims.scan

    def counted(*args: object) -> object:
        found.append(None)
        return scan(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(Claims, "scan", counted)
    return found


async def test_an_answer_leaves_without_being_looked_for(house: House, looks: list[None]) -> None:
    alice = await house.person("alice")
    async with _delivering(house):
        await until(lambda: bool(looks))
        house.homeserver.gates[ALICE] = asyncio.Event()
        await _answer(house, alice, "one")
        assert house.rows("state, attempts, first_attempt_at") == [("sending", 1, house.now)]
        await until(lambda: house.homeserver.shown(ALICE) == ["one"])
        house.homeserver.gates[ALICE].set()
        await house.idle()
        assert len(looks) == 1
    assert house.rows() == []
    assert house.rows("kind, room_id, source_event", "copies") == [("answer", ALICE, "$asked1")]
    [sent] = house.homeserver.attempts
    assert (sent.only_dm_with, sent.content["m.relates_to"]) == (
        alice.user_id,
        {"m.in_reply_to": {"event_id": "$asked1"}},
    )


async def test_without_a_worker_it_waits(house: House) -> None:
    alice = await house.person("alice")
    house.new_worker()
    await _answer(house, alice, "one")
    assert house.rows("state, attempts") == [("queued", 0)]
    await house.deliver()
    assert house.homeserver.shown(ALICE) == ["one"]


async def test_what_was_there_before_goes_first(house: House) -> None:
    alice = await house.person("alice")
    async with _delivering(house):
        house.homeserver.gates[ALICE] = asyncio.Event()
        await _answer(house, alice, "one")
        for text in ("two", "three"):
            await _answer(house, alice, text)
            await _message(house, alice, f"after {text}")
        await until(lambda: house.homeserver.shown(ALICE) == ["one"])
        house.homeserver.gates[ALICE].set()
        await house.idle()
    assert house.homeserver.shown(ALICE) == ["one", "two", "after two", "three", "after three"]
    assert house.homeserver.most_in_flight == 1


async def test_what_floats_to_the_same_chat_goes_first(house: House) -> None:
    alice = await house.person("alice")

    def both(tx: Tx) -> None:
        house.outbox.message(tx, alice, Message((Written("waited"),)))
        reply = Reply((Message((Written("answer"),)),))
        house.outbox.answer(tx, house.event(alice, ALICE), dm_view(alice), alice, reply)

    async with _delivering(house):
        await house.db.run(both)
        await house.idle()
    assert house.homeserver.shown(ALICE) == ["waited", "answer"]


async def test_nothing_is_looked_for_in_a_room_that_an_answer_is_being_sent_to(house: House) -> None:
    """The look may have begun before anybody knew of the answer."""
    alice = await house.person("alice")
    async with _delivering(house) as worker:
        house.homeserver.gates[ALICE] = asyncio.Event()
        await _answer(house, alice, "one")
        await _message(house, alice, "two")
        scan = await house.db.run(lambda tx: worker._claims.scan(tx, (), 10))
        assert scan.claims == {}
        house.homeserver.gates[ALICE].set()
        await house.idle()
    assert house.homeserver.shown(ALICE) == ["one", "two"]


async def test_it_waits_for_a_free_slot(house: House) -> None:
    alice, bob = await house.person("alice"), await house.person("bob")
    async with _delivering(house, max_rooms=1):
        house.homeserver.gates[BOB] = asyncio.Event()
        await _answer(house, bob, "one")
        await until(lambda: house.homeserver.shown(BOB) == ["one"])
        await _answer(house, alice, "one")
        await _answer(house, alice, "two")
        await asyncio.sleep(0)
        assert house.homeserver.shown(ALICE) == []
        house.homeserver.gates[BOB].set()
        await house.idle()
    assert house.homeserver.shown(ALICE) == ["one", "two"]
    assert house.homeserver.most_in_flight == 1


async def test_a_failed_try_keeps_the_order(house: House) -> None:
    alice = await house.person("alice")
    house.homeserver.errors[ALICE] = [Later(10 * SECOND)]
    async with _delivering(house):
        await _answer(house, alice, "one")
        await until(lambda: house.rows() == ["queued"])
        await _answer(house, alice, "two")
        await house.idle()
        assert house.homeserver.shown(ALICE) == []
        house.later(20 * SECOND)
        await until(lambda: house.rows() == [])
    assert house.homeserver.shown(ALICE) == ["one", "two"]
    assert len({attempt.txn_id for attempt in house.homeserver.attempts}) == 2


async def test_held_it_is_as_untried_as_it_was(house: House) -> None:
    alice = await house.person("alice")
    house.homeserver.errors[ALICE] = [Held()]
    async with _delivering(house):
        await _answer(house, alice, "one")
        await until(lambda: house.rows() == ["held"])
        assert house.rows("attempts, first_attempt_at") == [(0, None)]
        assert house.worker is not None
        await house.worker.release(room_id=ALICE)
        await house.idle()
    assert house.homeserver.shown(ALICE) == ["one"]


@pytest.mark.parametrize("arrived", [False, True])
async def test_a_crash_loses_and_doubles_nothing(house: House, arrived: bool) -> None:
    alice = await house.person("alice")
    async with _delivering(house) as worker:
        if arrived:
            house.homeserver.gates[ALICE] = asyncio.Event()
        else:
            worker.at_once._hand = lambda claimed: None  # killed after the commit
        await _answer(house, alice, "one")
        if arrived:
            await until(lambda: house.homeserver.shown(ALICE) == ["one"])
    assert house.rows() == ["sending"]
    house.homeserver.gates.clear()
    await house.deliver()
    assert house.homeserver.shown(ALICE) == ["one"]
    assert house.rows() == []


async def test_of_what_was_rolled_back_nothing_leaves(house: House) -> None:
    alice = await house.person("alice")

    def fails(tx: Tx) -> None:
        reply = Reply((Message((Written("never"),)),))
        house.outbox.answer(tx, house.event(alice, ALICE), dm_view(alice), alice, reply)
        raise RuntimeError

    async with _delivering(house):
        with pytest.raises(RuntimeError):
            await house.db.run(fails)
        await _answer(house, alice, "one")
        await house.idle()
    assert [attempt.content["body"] for attempt in house.homeserver.attempts] == ["one"]


async def test_withdrawn_while_it_is_being_sent(house: House) -> None:
    """As when the question is edited before its answer has left."""
    alice = await house.person("alice")
    async with _delivering(house):
        await _begin_to_send(house, alice)
        await house.db.run(lambda tx: tx.sql("UPDATE outbox SET withdrawn = 1, sealed = NULL"))
        house.homeserver.gates[ALICE].set()
        await until(lambda: house.rows() == [])
    assert house.homeserver.shown(ALICE) == []


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What need not be written down at once never is by itself."""
    monkeypatch.setattr(works, "PATIENCE_S", 3600.0)


@pytest.mark.usefixtures("patient")
async def test_that_it_left_is_written_down_with_what_is_said_next(house: House) -> None:
    alice, bob = await house.person("alice"), await house.person("bob")
    async with _delivering(house):
        await _answer(house, alice, "one")
        await until(lambda: house.homeserver.shown(ALICE) == ["one"])
        await until(lambda: bool(house.db._works._patient))
        assert house.rows() == ["sending"]
        # Ahead of it: what is said next may be about the answer.
        copies = "SELECT COUNT(*) FROM copies"
        assert await house.db.run(lambda tx: tx.sql(copies).scalar_one()) == 1
        for text in ("two", "three"):
            for person in (alice, bob):
                await _answer(house, person, text)
        await until(lambda: [len(house.homeserver.shown(room)) for room in (ALICE, BOB)] == [3, 2])


@pytest.mark.usefixtures("patient")
async def test_that_it_left_is_known_after_an_orderly_end(house: House) -> None:
    alice = await house.person("alice")
    async with _delivering(house):
        await _answer(house, alice, "one")
        await until(lambda: bool(house.db._works._patient))
    await until(lambda: house.rows() == [])
    assert house.rows("event_id", "copies") != []


@pytest.mark.usefixtures("patient")
async def test_what_is_to_be_sent_after_it_waits_for_nothing(house: House) -> None:
    alice = await house.person("alice")
    async with _delivering(house):
        await _begin_to_send(house, alice)
        await _message(house, alice, "before it has left")
        house.homeserver.gates[ALICE].set()
        await until(lambda: len(house.homeserver.shown(ALICE)) == 2)
        await _answer(house, alice, "two")
        await until(lambda: len(house.homeserver.shown(ALICE)) == 3)
        await _message(house, alice, "after it has left")
        await until(lambda: len(house.homeserver.shown(ALICE)) == 4)
        await _answer(house, alice, "three", "in two parts")
        await until(lambda: len(house.homeserver.shown(ALICE)) == 6)
    assert house.homeserver.shown(ALICE)[-2:] == ["three", "in two parts"]
