"""The outbox at work, over both engines: order, failures, crashes, withdrawals."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from bridge.chat.command import Person
from bridge.chat.reply import Message, Written
from bridge.db import Tx
from bridge.db.tables import people
from bridge.delivery.claim import BLANK
from bridge.delivery.ports import Held, Later, MaybeSent, Refused
from bridge.ids import PersonId, RoomId
from tests.stores.delivery import DAY, MINUTE, SECOND, House, dm_of, until

ALICE, BOB, CAROL = dm_of("alice"), dm_of("bob"), dm_of("carol")


async def _message(house: House, person: Person, *texts: str) -> None:
    def work(tx: Tx) -> None:
        for text in texts:
            house.outbox.message(tx, person, Message((Written(text),)))

    await house.db.run(work)


async def _note(house: House, person: Person, ref_id: int = 7, *, delay_ms: int = 0, once: bool = False) -> None:
    house.notes.texts[ref_id] = "a note"
    await house.db.run(lambda tx: house.outbox.copy(tx, person.id, "note", ref_id, delay_ms=delay_ms, once=once))


async def _withdraw(house: House, ref_id: int = 7, only_for: PersonId | None = None) -> int:
    return await house.db.run(lambda tx: house.outbox.withdraw(tx, "note", ref_id, only_for=only_for))


async def _tried(house: House, tries: int) -> None:
    await until(lambda: len(house.homeserver.attempts) == tries and house.rows() == ["queued"])


class TestOrder:
    async def test_a_room_gets_its_messages_in_order(self, house: House) -> None:
        alice = await house.person("alice")
        texts = [f"text {number}" for number in range(30)]
        await _message(house, alice, *texts)
        await house.deliver()
        assert house.homeserver.shown(ALICE) == texts

    async def test_a_slow_room_delays_nobody(self, house: House) -> None:
        alice, bob = await house.person("alice"), await house.person("bob")
        house.homeserver.gates[ALICE] = asyncio.Event()
        await _message(house, alice, "one", "two")
        await _message(house, bob, "one", "two")
        async with house.delivering():
            await until(lambda: house.homeserver.shown(BOB) == ["one", "two"])
            await until(lambda: house.homeserver.shown(ALICE) == ["one"])
            # Commits that come meanwhile neither send a row twice nor wait for the slow room.
            await _message(house, alice, "three")
            await _message(house, bob, "three")
            await until(lambda: house.homeserver.shown(BOB) == ["one", "two", "three"])
            house.homeserver.gates[ALICE].set()
            await house.idle()
        assert house.homeserver.shown(ALICE) == ["one", "two", "three"]
        assert len(house.homeserver.attempts) == 6

    async def test_only_so_many_rooms_at_once(self, house: House) -> None:
        crowd = [await house.person(f"carol{number}") for number in range(12)]
        for number in range(12):
            house.homeserver.gates[dm_of(f"carol{number}")] = asyncio.Event()
        for person in crowd:
            await _message(house, person, "one", "two")
        async with house.delivering(max_rooms=3):
            await until(lambda: house.homeserver.in_flight == 3)
            for gate in house.homeserver.gates.values():
                gate.set()
            await house.idle()
        assert house.homeserver.most_in_flight == 3
        assert all(house.homeserver.shown(dm_of(f"carol{number}")) == ["one", "two"] for number in range(12))

    async def test_redactions_overtake(self, house: House) -> None:
        alice = await house.person("alice")
        await _note(house, alice)
        await house.deliver()
        await _message(house, alice, "one", "two")
        assert await _withdraw(house) == 1
        await house.deliver()
        assert house.homeserver.log == ["send a note", "redact a note", "send one", "send two"]

    async def test_a_delayed_copy_blocks_nobody(self, house: House) -> None:
        alice = await house.person("alice")
        await _note(house, alice, delay_ms=5 * MINUTE)
        await _message(house, alice, "one")
        async with house.delivering():
            await until(lambda: house.homeserver.shown(ALICE) == ["one"])
            house.later(5 * MINUTE)
            await until(lambda: house.homeserver.shown(ALICE) == ["one", "a note"])

    async def test_more_rooms_than_one_look_takes(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bridge.delivery.claim.SCAN_PEOPLE", 4)
        monkeypatch.setattr("bridge.delivery.claim.SCAN_ROOMS", 3)
        for number in range(20):
            await _message(house, await house.person(f"carol{number}"), "one")
        await house.deliver()
        assert all(house.homeserver.shown(dm_of(f"carol{number}")) == ["one"] for number in range(20))


class TestFailures:
    async def test_later_keeps_the_transaction_id_and_the_order(self, house: House) -> None:
        alice, bob = await house.person("alice"), await house.person("bob")
        house.homeserver.errors[ALICE] = [Later(2 * SECOND), Later(0)]
        await _message(house, alice, "one", "two")
        await _message(house, bob, "hello")
        async with house.delivering():
            await until(lambda: house.homeserver.shown(BOB) == ["hello"])
            await house.idle()
            house.later(SECOND)  # too early: the homeserver said two seconds
            await _message(house, bob, "again")
            await until(lambda: house.homeserver.shown(BOB) == ["hello", "again"])
            assert len(house.homeserver.attempts) == 3
            for _ in range(2):
                house.later(10 * SECOND)
                await house.idle()
        tries = [sent for sent in house.homeserver.attempts if sent.room_id == ALICE]
        assert [sent.content["body"] for sent in tries] == ["one", "one", "one", "two"]
        assert len({sent.txn_id for sent in tries[:3]}) == 1
        assert [sent.first_attempt_at is None for sent in tries] == [True, False, False, True]
        assert house.homeserver.shown(ALICE) == ["one", "two"]

    async def test_hurried_is_tried_again_at_once_and_what_is_for_later_stays_for_later(self, house: House) -> None:
        alice, bob = await house.person("alice"), await house.person("bob")
        for room in (ALICE, BOB):
            house.homeserver.errors[room] = [Later(5 * SECOND)]
        await _message(house, alice, "one", "two")
        await _message(house, bob, "one")
        await _note(house, alice, delay_ms=MINUTE)
        async with house.delivering() as worker:
            await until(lambda: len(house.homeserver.attempts) == 2)
            await house.idle()
            await worker.hurry(ALICE)
            await until(lambda: house.homeserver.shown(ALICE) == ["one", "two"])
            assert house.homeserver.shown(BOB) == []
            house.later(MINUTE)
            await until(lambda: house.homeserver.shown(ALICE) == ["one", "two", "a note"])

    async def test_waits_longer_each_time(self, house: House) -> None:
        alice = await house.person("alice")
        house.homeserver.errors[ALICE] = [Later(100) for _ in range(10)]
        await _message(house, alice, "one")
        waits = []
        async with house.delivering():
            for tries in range(1, 11):
                await _tried(house, tries)
                [until_ms] = house.rows("not_before")
                waits.append(until_ms - house.now)
                house.later(waits[-1])
            await house.idle()
        assert waits[:4] == [600, 1100, 2100, 4100]
        assert max(waits) == 30_100
        assert house.homeserver.shown(ALICE) == ["one"]

    async def test_a_lost_answer_makes_no_duplicate(self, house: House) -> None:
        alice = await house.person("alice")
        house.homeserver.errors_after[ALICE] = [Later(0)]
        await _message(house, alice, "one")
        async with house.delivering():
            await _tried(house, 1)
            house.later(SECOND)
            await until(lambda: house.rows() == [])
        assert len(house.homeserver.attempts) == 2
        assert [event.body for event in house.homeserver.rooms[ALICE]] == ["one"]
        assert house.rows("event_id", "copies") == [house.homeserver.rooms[ALICE][0].event_id]

    async def test_refused_is_erased_and_blocks_nobody(self, house: House) -> None:
        alice = await house.person("alice")
        house.homeserver.errors[ALICE] = [Refused(final=True)]
        await _message(house, alice, "one", "two")
        await house.deliver()
        assert house.homeserver.shown(ALICE) == ["two"]
        assert house.rows("state, sealed") == [("failed", None)]

    async def test_what_may_have_been_sent_is_dropped_and_blocks_nobody(self, house: House) -> None:
        alice = await house.person("alice")
        house.homeserver.errors[ALICE] = [MaybeSent()]
        await _message(house, alice, "one", "two")
        await house.deliver()
        assert house.homeserver.shown(ALICE) == ["two"]
        assert house.rows("state, sealed") == []
        assert len(house.rows("event_id", "copies")) == 1

    # A refusal may be the error page of a proxy: nothing is lost by it.
    @pytest.mark.parametrize("fault", [ZeroDivisionError(), Refused("404 M_UNKNOWN")])
    async def test_a_fault_of_the_sender_is_survived(self, house: House, fault: Exception) -> None:
        alice, bob = await house.person("alice"), await house.person("bob")
        house.homeserver.errors[ALICE] = [fault] * 8
        await _message(house, alice, "one", "two")
        await _message(house, bob, "hello")
        async with house.delivering():
            await until(lambda: house.homeserver.shown(BOB) == ["hello"])
            for _ in range(8):
                await house.idle()
                house.later(MINUTE)
            # It stands in the way of the others no longer, and is not lost.
            await until(lambda: house.homeserver.shown(ALICE) == ["two"])
            house.later(11 * MINUTE)
            await until(lambda: house.homeserver.shown(ALICE) == ["two", "one"])
        assert len(house.homeserver.attempts) == 8 + 3

    @pytest.mark.parametrize("fault", [ZeroDivisionError(), "sql"])
    async def test_a_renderer_that_fails_harms_only_its_row(self, house: House, fault: object) -> None:
        alice = await house.person("alice")

        def fail(tx: Tx) -> None:
            if isinstance(fault, Exception):
                raise fault
            tx.sql("SELECT nothing FROM nowhere")

        house.notes.on_render = fail
        await _message(house, alice, "one")
        await _note(house, alice)
        await _message(house, alice, "two")
        await house.deliver()
        assert house.homeserver.shown(ALICE) == ["one", "two"]
        assert house.rows() == ["failed"]
        assert house.rows("kind", "copies") == ["answer", "answer"]

    async def test_a_kind_that_nobody_renders(self, house: House) -> None:
        alice = await house.person("alice")
        await house.db.run(lambda tx: house.outbox.copy(tx, alice.id, "unknown", 1))
        await _message(house, alice, "one")
        await house.deliver()
        assert house.homeserver.shown(ALICE) == ["one"]
        assert house.rows() == ["failed"]


class TestHeld:
    async def test_held_until_released(self, house: House) -> None:
        alice = await house.person("alice")
        house.homeserver.dms = {}
        await _message(house, alice, "one", "two", "three")
        async with house.delivering() as worker:
            await until(lambda: house.rows() == ["held"] * 3)
            assert len(house.homeserver.attempts) == 1  # one try tells for all
            house.homeserver.dms[ALICE] = alice.user_id
            await worker.release(person_id=alice.id)
            await house.idle()
        assert house.homeserver.shown(ALICE) == ["one", "two", "three"]
        # Held means untried: the sender need not look for it in the room.
        assert all(sent.first_attempt_at is None for sent in house.homeserver.attempts)

    async def test_tried_again_by_itself(self, house: House) -> None:
        alice = await house.person("alice")
        house.homeserver.errors[ALICE] = [Held()]
        await _message(house, alice, "one")
        async with house.delivering():
            await until(lambda: house.rows() == ["held"])
            house.later(2 * MINUTE)
            await until(lambda: house.homeserver.shown(ALICE) == ["one"])

    async def test_goes_to_the_new_dm(self, house: House) -> None:
        alice = await house.person("alice")
        new = RoomId("!new:example.org")
        house.homeserver.dms = {new: alice.user_id}
        await _message(house, alice, "one")
        async with house.delivering():
            await until(lambda: house.rows() == ["held"])

            def opened(tx: Tx) -> None:
                house.people.set_dm(tx, alice.id, house.account, new)
                house.outbox.release(tx, person_id=alice.id)

            await house.db.run(opened)
            await until(lambda: house.homeserver.shown(new) == ["one"])
        assert house.homeserver.shown(ALICE) == []

    async def test_what_may_have_been_sent_stays_with_its_room(self, house: House) -> None:
        alice = await house.person("alice")
        new = RoomId("!new:example.org")
        house.homeserver.errors_after[ALICE] = [Later(0)]
        await _message(house, alice, "one")
        async with house.delivering():
            await _tried(house, 1)
            await house.db.run(lambda tx: house.people.set_dm(tx, alice.id, house.account, new))
            house.later(SECOND)
            await until(lambda: house.rows() == [])
        assert house.homeserver.shown(new) == []

    async def test_waits_for_the_first_dm(self, house: House) -> None:
        alice = await house.person("alice", dm=False)
        await _note(house, alice)
        async with house.delivering():
            await until(lambda: house.rows() == ["held"])
            assert house.notes.rendered == []

            def opened(tx: Tx) -> None:
                house.people.set_dm(tx, alice.id, house.account, ALICE)
                house.outbox.release(tx, person_id=alice.id)

            await house.db.run(opened)
            await until(lambda: house.homeserver.shown(ALICE) == ["a note"])

    async def test_dropped_after_thirty_days(self, house: House) -> None:
        alice = await house.person("alice", dm=False)
        await _note(house, alice)
        async with house.delivering():
            await until(lambda: house.rows() == ["held"])
            house.later(29 * DAY)
            await until(lambda: house.rows("state, not_before") == [("held", house.now + MINUTE)])
            house.later(2 * DAY)
            await until(lambda: house.rows() == [])

    @pytest.mark.parametrize("fault", [Held(), Later(5_000)])
    async def test_what_cant_be_taken_back_is_tried_for_days(self, house: House, fault: Exception) -> None:
        alice = await house.person("alice")
        await _note(house, alice)
        await house.deliver()
        errors = house.homeserver.errors[ALICE]
        errors.append(fault)
        await _withdraw(house)
        async with house.delivering():
            for _ in range(28):
                await until(lambda: not errors and house.rows() != ["sending"])
                errors.append(fault)
                house.later(DAY)
            await until(lambda: not errors and house.rows() != ["sending"])
            assert house.homeserver.shown(ALICE) == ["a note"]
            house.later(DAY)
            await until(lambda: house.homeserver.shown(ALICE) == [])
            await until(lambda: house.rows() == [])

    async def test_a_redaction_needs_no_dm(self, house: House) -> None:
        alice = await house.person("alice")
        await _note(house, alice)
        await house.deliver()
        house.homeserver.dms = {}
        await _message(house, alice, "held")
        await _withdraw(house)
        async with house.delivering():
            await until(lambda: house.homeserver.shown(ALICE) == [])
            await until(lambda: house.rows() == ["held"])


class TestCopies:
    async def test_the_policy_is_asked_when_it_is_sent(self, house: House) -> None:
        alice = await house.person("alice")
        await _note(house, alice)
        house.notes.texts[7] = "as it is now"
        await _note(house, alice, 8)
        del house.notes.texts[8]
        await house.deliver()
        assert house.homeserver.shown(ALICE) == ["as it is now"]
        assert house.rows() == []

    async def test_once(self, house: House) -> None:
        alice, bob = await house.person("alice"), await house.person("bob")
        for _ in range(3):
            await _note(house, alice, once=True)
            await _note(house, bob, once=True)
        await house.deliver()
        await _note(house, alice, once=True)
        await house.deliver()
        assert house.homeserver.shown(ALICE) == ["a note"] * 2
        assert house.homeserver.shown(BOB) == ["a note"]

    async def test_withdrawn_before_it_was_sent(self, house: House) -> None:
        alice = await house.person("alice")
        await _note(house, alice)
        assert await _withdraw(house) == 0
        await house.deliver()
        assert house.homeserver.attempts == []

    async def test_withdrawn_everywhere_or_for_one(self, house: House) -> None:
        alice, bob, carol = [await house.person(name) for name in ("alice", "bob", "carol")]
        for person in (alice, bob, carol):
            await _note(house, person)
        await house.deliver()
        assert await _withdraw(house, only_for=bob.id) == 1
        await house.deliver()
        assert [house.homeserver.shown(room) for room in (ALICE, BOB, CAROL)] == [["a note"], [], ["a note"]]
        assert await _withdraw(house) == 2
        assert await _withdraw(house) == 0
        await house.deliver()
        assert [house.homeserver.shown(room) for room in (ALICE, BOB, CAROL)] == [[], [], []]

    async def test_withdrawn_while_it_is_being_sent(self, house: House) -> None:
        alice = await house.person("alice")
        house.homeserver.gates[ALICE] = asyncio.Event()
        await _note(house, alice)
        await _message(house, alice, "behind it")
        async with house.delivering():
            await until(lambda: house.homeserver.shown(ALICE) == ["a note"])
            await _withdraw(house)
            house.homeserver.gates[ALICE].set()
            await house.idle()
        assert house.homeserver.log == ["send a note", "redact a note", "send behind it"]
        assert house.rows("kind", "copies") == ["answer"]

    @pytest.mark.parametrize("arrived", [True, False])
    async def test_withdrawn_after_a_try_of_unknown_outcome(self, house: House, arrived: bool) -> None:
        alice = await house.person("alice")
        errors = house.homeserver.errors_after if arrived else house.homeserver.errors
        errors[ALICE] = [Later(0)]
        await _note(house, alice)
        async with house.delivering():
            await _tried(house, 1)
            await _withdraw(house)
            house.later(SECOND)
            await until(lambda: house.rows() == [])
        assert house.homeserver.shown(ALICE) == []
        # Either the try had arrived and is redacted, or nothing of the note ever leaves.
        assert [event.body for event in house.homeserver.rooms[ALICE]] == ["a note" if arrived else BLANK["body"]]
        assert house.homeserver.attempts[1].content == BLANK

    async def test_the_policy_says_no_after_a_try(self, house: House) -> None:
        alice = await house.person("alice")
        house.homeserver.errors_after[ALICE] = [Later(0)]
        await _note(house, alice)
        async with house.delivering():
            await _tried(house, 1)
            house.notes.texts.clear()
            house.later(SECOND)
            await until(lambda: house.rows() == [])
        assert [(event.body, event.redacted) for event in house.homeserver.rooms[ALICE]] == [("a note", True)]

    async def test_the_person_is_erased_while_it_is_being_sent(self, house: House) -> None:
        alice = await house.person("alice")
        house.homeserver.gates[ALICE] = asyncio.Event()
        await _note(house, alice)
        async with house.delivering():
            await until(lambda: house.homeserver.shown(ALICE) == ["a note"])
            await house.db.run(lambda tx: tx.execute(sa.delete(people).where(people.c.id == alice.id)))
            house.homeserver.gates[ALICE].set()
            await until(lambda: house.homeserver.shown(ALICE) == [])


class TestCrashes:
    @pytest.mark.parametrize("withdrawn", [False, True])
    async def test_between_sending_and_writing_it_down(self, house: House, withdrawn: bool) -> None:
        alice = await house.person("alice")
        house.homeserver.gates[ALICE] = asyncio.Event()
        await _note(house, alice)
        async with house.delivering():
            await until(lambda: house.homeserver.shown(ALICE) == ["a note"])
        del house.homeserver.gates[ALICE]
        assert house.rows() == ["sending"]
        if withdrawn:
            await _withdraw(house)
        await house.deliver()
        assert [event.body for event in house.homeserver.rooms[ALICE]] == ["a note"]
        first, second = house.homeserver.attempts
        assert first.txn_id == second.txn_id == f"abc.{int(first.txn_id.partition('.')[2])}"
        assert second.first_attempt_at == house.now
        assert house.homeserver.shown(ALICE) == ([] if withdrawn else ["a note"])
        assert house.rows() == []
        assert house.rows("kind", "copies") == ([] if withdrawn else ["note"])

    async def test_many_crashes_lose_and_double_nothing(self, house: House) -> None:
        """Workers are cancelled at any moment, answers get lost, rooms fail: all arrives, once, in order."""
        rng = random.Random(2)
        crowd = [await house.person(f"carol{number}") for number in range(6)]
        texts = [f"text {number}" for number in range(25)]
        for text in texts:
            for person in crowd:
                await _message(house, person, text)
        faults: list[Callable[[], Exception]] = [lambda: Later(50), Held, ZeroDivisionError]
        while any(state in ("queued", "sending", "held") for state in house.rows()):
            for number in range(6):
                room = dm_of(f"carol{number}")
                house.homeserver.errors[room] = [rng.choice(faults)()] if rng.random() < 0.2 else []
                house.homeserver.errors_after[room] = [Later(10)] if rng.random() < 0.3 else []
            async with house.delivering():
                for _ in range(rng.randrange(40)):
                    await asyncio.sleep(0)
                await asyncio.sleep(rng.random() / 50)
            house.now += 2 * MINUTE
        for number in range(6):
            assert house.homeserver.shown(dm_of(f"carol{number}")) == texts
        assert set(Counter(event.txn_id for room in house.homeserver.rooms.values() for event in room).values()) == {1}
        assert len(house.rows("event_id", "copies")) == len(texts) * len(crowd)
