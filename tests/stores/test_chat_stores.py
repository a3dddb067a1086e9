"""People, sources and prompts, on every engine."""

import pytest

from bridge.chat import prompts, sources
from bridge.chat.people import People
from bridge.db import Database
from bridge.ids import AccountId, EventId, RoomId, UserId

ALICE, BOB = UserId("@alice:x.org"), UserId("@bob:x.org")
ACCOUNT = AccountId(1)
EVENT = EventId("$e")


@pytest.fixture
def store(database: Database) -> Database:
    database.run_sync(
        lambda tx: tx.sql("INSERT INTO accounts (id, user_id, instance, created_at) VALUES (1, '@bot:x', 'i', 0)")
    )
    return database


def test_people(store: Database) -> None:
    people = People("zh", "Asia/Shanghai")
    assert store.run_sync(lambda tx: people.get(tx, ALICE)) is None
    alice = store.run_sync(lambda tx: people.ensure(tx, ALICE))
    assert store.run_sync(lambda tx: people.ensure(tx, ALICE)) == alice
    assert (alice.language, alice.time_zone) == ("zh", "Asia/Shanghai")
    assert store.run_sync(lambda tx: people.dm(tx, alice.id)) is None
    assert store.run_sync(lambda tx: people.set_dm(tx, alice.id, ACCOUNT, RoomId("!a:x"))) is True
    assert store.run_sync(lambda tx: people.set_dm(tx, alice.id, ACCOUNT, RoomId("!b:x"))) is False
    assert store.run_sync(lambda tx: people.dm(tx, alice.id)) == (1, "!b:x")
    store.run_sync(lambda tx: people.set_language(tx, alice.id, "en"))
    store.run_sync(lambda tx: people.set_time_zone(tx, alice.id, "UTC"))
    changed = store.run_sync(lambda tx: people.by_id(tx, alice.id))
    assert changed is not None
    assert (changed.user_id, changed.language, changed.time_zone) == (ALICE, "en", "UTC")


def test_a_dm_that_is_none_any_more_is_nobodys(store: Database) -> None:
    dms = {(ACCOUNT, RoomId("!a:x")): ALICE}
    people = People(is_dm=lambda account, room, user: dms.get((account, room)) == user)
    alice = store.run_sync(lambda tx: people.ensure(tx, ALICE))
    store.run_sync(lambda tx: people.set_dm(tx, alice.id, ACCOUNT, RoomId("!a:x")))
    assert store.run_sync(lambda tx: people.dm(tx, alice.id)) == (ACCOUNT, "!a:x")
    dms.clear()
    assert store.run_sync(lambda tx: people.dm(tx, alice.id)) is None
    dms[(ACCOUNT, RoomId("!a:x"))] = BOB
    assert store.run_sync(lambda tx: people.dm(tx, alice.id)) is None


def test_sources(store: Database) -> None:
    alice = store.run_sync(lambda tx: People().ensure(tx, ALICE))
    store.run_sync(lambda tx: sources.record(tx, ACCOUNT, EVENT, alice.id, "command", 0))
    store.run_sync(lambda tx: sources.record(tx, ACCOUNT, EVENT, alice.id, "moment", 4))
    assert store.run_sync(lambda tx: sources.find(tx, ACCOUNT, EVENT)) == sources.Source(alice.id, "moment", 4)
    store.run_sync(lambda tx: sources.forget(tx, "moment", 4))
    assert store.run_sync(lambda tx: sources.find(tx, ACCOUNT, EVENT)) is None


def test_prompts(store: Database) -> None:
    now = [1_000]
    store.clock = lambda: now[0]
    alice = store.run_sync(lambda tx: People().ensure(tx, ALICE))
    bob = store.run_sync(lambda tx: People().ensure(tx, BOB))
    first = store.run_sync(lambda tx: prompts.open(tx, alice.id, "friend", 1, ["yes", "no"], 100))
    again = store.run_sync(lambda tx: prompts.open(tx, alice.id, "friend", 1, ["yes", "no"], 100))
    other = store.run_sync(lambda tx: prompts.open(tx, alice.id, "audience", None, ["a"], 50))
    closed = store.run_sync(lambda tx: prompts.by_id(tx, first))
    assert closed is not None
    assert not closed.is_open
    latest = store.run_sync(lambda tx: prompts.latest_open(tx, alice.id))
    assert latest == prompts.Prompt(other, alice.id, "audience", None, ("a",), True)
    assert store.run_sync(lambda tx: prompts.latest_open(tx, bob.id)) is None
    now[0] += 50
    latest = store.run_sync(lambda tx: prompts.latest_open(tx, alice.id))
    assert latest is not None
    assert latest.id == again
    assert store.run_sync(lambda tx: prompts.answer(tx, again)) is True
    assert store.run_sync(lambda tx: prompts.answer(tx, again)) is False
    assert store.run_sync(lambda tx: prompts.by_id(tx, 10**9)) is None
