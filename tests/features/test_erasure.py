"""P12: the end of an account."""

import hashlib
import json
import re

import pytest
import sqlalchemy as sa

from bridge.db import Tx, ledger
from bridge.db.sealing import HOUSE, Unreadable
from bridge.db.tables import metadata
from bridge.rights import deletions
from tests.features.village import ACCOUNT, MINUTE, Village, user_id

DAY = 24 * 60 * MINUTE
BOB = user_id("bob")
CODE = re.compile(r"[A-Z]{4}-[A-Z]{4}")


def person_id(village: Village, name: str) -> int | None:
    person = village.db.run_sync(lambda tx: village.people.known(tx, user_id(name)))
    return None if person is None else person.id


def changes(village: Village) -> list[tuple[str, int]]:
    """How many rows each table has, but for those that tell that something was said."""
    passing = {"handled", "copies", "outbox"}

    def work(tx: Tx) -> list[tuple[str, int]]:
        return [
            (table.name, tx.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())
            for table in metadata.sorted_tables
            if table.name not in passing
        ]

    return village.db.run_sync(work)


# --- asking ---------------------------------------------------------------------------------------------------
def test_it_says_what_goes_and_gives_a_code_that_is_no_number(village: Village) -> None:
    village.say("bob", "post One")
    village.say("bob", "profile set name Bob")
    village.say("bob", f"tag add #family {user_id('alice')}")
    text = village.one("bob", "account delete")
    for line in ("one moment", "one friendship", "one line of your profile", "one tag", "account keep"):
        assert line in text
    [code] = CODE.findall(text)
    assert not any(c.isdigit() for c in code)
    assert "22 Jun 2025" in village.one("bob", f"account delete {code.lower()}")
    assert "gives you one" in village.one("alice", f"account delete {code}"), "a code is somebody's own"


@pytest.mark.parametrize("name", ["删除账号", "delete my account", "注销账号"])
def test_other_names(village: Village, name: str) -> None:
    assert "The end of your account" in village.one("bob", name)


def test_bad_input_changes_nothing(village: Village) -> None:
    before = changes(village)
    assert "gives you one" in village.one("bob", "account delete ABCD-EFGH")
    assert "not going to be deleted" in village.one("bob", "account keep")
    assert changes(village) == before
    [code] = CODE.findall(village.one("bob", "account delete"))
    asked = changes(village)
    wrong = "ZZZZ-ZZZZ" if code != "ZZZZ-ZZZZ" else "YYYY-YYYY"
    for words in (wrong, "1", "yes", code[:-1], f"{code}X", "x" * 500):
        assert "not the code" in village.one("bob", f"account delete {words}")
    assert "not going to be deleted" in village.one("bob", "account keep")
    assert changes(village) == asked
    village.wait(31 * MINUTE)
    assert "no longer valid" in village.one("bob", f"account delete {code}")
    [second] = CODE.findall(village.one("bob", "account delete"))
    village.one("bob", f"account delete {second}")
    decided = changes(village)
    for text in ("account delete", f"account delete {second}", "account delete ABCD-EFGH"):
        assert "already" in village.one("bob", text)
    assert changes(village) == decided


def test_only_the_last_code_counts(village: Village) -> None:
    [first] = CODE.findall(village.one("bob", "account delete"))
    [second] = CODE.findall(village.one("bob", "account delete"))
    assert "not the code" in village.one("bob", f"account delete {first}")
    assert "ends on" in village.one("bob", f"account delete {second}")


def test_until_its_time_nothing_changes_and_it_can_be_kept(village: Village) -> None:
    village.say("bob", "post One")
    village.say("alice", "feed")
    before = village.say("alice", "feed")
    village.ask_for_the_end("bob")
    village.wait(7 * DAY - MINUTE)
    assert village.db.run_sync(village.deletions.due) == []
    assert village.say("alice", "feed") == before
    assert village.one("bob", "post Two").startswith("Posted as #2")
    assert "stays" in village.one("bob", "account keep")
    village.wait(30 * DAY)
    assert village.db.run_sync(village.deletions.due) == []
    assert len(village.say("alice", "feed")) == 2
    assert "not going to be deleted" in village.one("bob", "account keep")


def test_who_took_over_the_account_can_not_end_it(village: Village) -> None:
    village.one("bob", "privacy recovery on")
    village.reset_identity("bob", "new")
    village.deliver()
    assert "I keep everything personal back" in village.one("bob", "account delete")


# --- the end --------------------------------------------------------------------------------------------------
def settle(village: Village) -> None:
    """Bob leaves a trace of each kind with Alice."""
    village.say("bob", "profile set name Bobby")
    village.say("alice", "post Alice one")
    village.say("bob", "post Bob one")
    village.say("bob", "post Bob two")
    village.picture("bob", "post Bob three")
    village.say("bob", "feed")
    number = re.search(r"#(\d+)", next(b for b in village.bodies("bob")[::-1] if "Alice one" in b))
    assert number is not None
    village.say("bob", f"comment {number[1]} Bob says")
    village.say("bob", f"like {number[1]}")
    village.wait(2 * MINUTE)
    village.say("alice", "feed")
    village.say("alice", "moment 1")
    village.say("alice", f"profile {BOB}")
    answer_to = next(e for e in village.rooms["alice"].events[::-1] if "Bob says" in e.body and "commented" in e.body)
    village.say("alice", "Alice answers", answer_to.event_id)
    village.say("alice", "comment 2 Alice under Bobs")
    village.say("carol", f"friend add {BOB} Carol asks")
    village.say("bob", f"friend decline {user_id('carol')}")
    village.say("alice", f"chat {BOB}")
    village.say("alice", f"remark {BOB} Robert")


def test_it_is_as_if_they_had_never_been_here(village: Village) -> None:
    settle(village)
    bob = person_id(village, "bob")
    assert bob is not None
    mark = len(village.rooms["alice"].events)
    village.erase("bob")
    # What is copied of theirs is taken back, whoever else stands in it.
    standing = [e.body for e in village.rooms["alice"].events if not e.redacted]
    for words in ("Bob one", "Bob two", "Bob three", "Bob says", "Bobby", "liked"):
        assert not [body for body in standing if words in body], words
    assert len(village.rooms["alice"].events) == mark, "nobody is told"
    # Their own chat with the bot too: it is full of others.
    assert [e for e in village.left[0].events if not e.redacted] == []
    # And nothing of theirs is found by any command.
    said = [
        body
        for command in ("feed", "album", f"album {BOB}", "friends", f"profile {BOB}", "moment 1", "tags", "privacy")
        for body in village.say("alice", command)
    ]
    assert "Alice one" in "\n".join(said)
    for words in ("Bob", "Robert"):
        assert not [body for body in said if words in body and "know no" not in body]
    assert any("Alice answers" in body for body in said), "what others said stays"
    assert rows_of(village, bob) == []


def rows_of(village: Village, person: int) -> list[str]:
    """Columns in which a person's id stands, also inside of texts."""

    def work(tx: Tx) -> list[str]:
        found = []
        for table in metadata.sorted_tables:
            for row in tx.execute(sa.select(table)).mappings():
                for name, value in row.items():
                    is_reference = any(key.column.table.name == "people" for key in table.c[name].foreign_keys)
                    if (value == person and (is_reference or (table.name, name) == ("people", "id"))) or (
                        isinstance(value, str) and name in ("audience",) and re.search(rf"\b{person}\b", value)
                    ):
                        found.append(f"{table.name}.{name}")
        return found

    return village.db.run_sync(work)


def test_the_key_is_destroyed_and_what_was_kept_opens_no_more(any_engine: Village) -> None:
    village = any_engine
    village.say("bob", "post A secret")
    bob = person_id(village, "bob")
    row = village.db.run_sync(lambda tx: tx.sql("SELECT id, sealed FROM moments").one())

    def read(tx: Tx) -> object:
        return tx.vault.open(bob or 0, "moments", row.id, "sealed", row.sealed)

    assert village.db.run_sync(read) == {"text": "A secret"}
    village.erase("bob")
    with pytest.raises(Unreadable, match="erased"):
        village.db.run_sync(read)
    assert bob in village.vault.keys.erased()
    assert rows_of(village, bob or 0) == []


def test_the_receipt_can_be_checked(village: Village) -> None:
    settle(village)
    farewell = village.erase("bob")
    assert farewell is not None
    assert (farewell.user, farewell.rooms) == (BOB, (village.left[0].room_id,))
    body = str(farewell.content["body"])
    [digest] = re.findall(r"\b[0-9a-f]{64}\b", body)
    [line] = re.findall(r"\{.*\}", body)
    assert hashlib.sha256(line.encode()).hexdigest() == digest
    said = json.loads(line)
    assert said["format"] == "courtyard erasure 1"
    assert {name: said["counts"][name] for name in ("moments", "pictures", "comments", "likes", "friends")} == {
        "moments": 3,
        "pictures": 1,
        "comments": 1,
        "likes": 1,
        "friends": 1,
    }

    def entries(tx: Tx) -> list[object]:
        return [
            tx.vault.read(entry.owner, "ledger", entry.number, "sealed", entry.sealed) for entry in ledger.entries(tx)
        ]

    assert village.db.run_sync(entries) == [None, {"kind": "erased", "digest": digest}]
    assert village.db.run_sync(ledger.verify).is_whole


@pytest.mark.parametrize("steps", range(1, 40, 3))
def test_killed_at_any_step_it_goes_on(village: Village, monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    monkeypatch.setattr(deletions, "_AT_ONCE", 1)
    settle(village)
    bob = person_id(village, "bob")
    if village.erase("bob", steps) is None:
        assert "already" not in "".join(village.say("bob", "post Too late")), "nobody listens to them any more"
        assert village.say("bob", "account keep") == []
        village.restart()
        farewell = village.end("bob")
        assert farewell is not None
        assert '"moments":3' in str(farewell.content["body"]), "counted before the first of it went"
    assert rows_of(village, bob or 0) == []
    standing = [e.body for e in village.rooms["alice"].events if not e.redacted]
    assert not [body for body in standing if "Bob one" in body or "Bob says" in body]


def test_what_is_on_its_way_is_taken_back_too(village: Village) -> None:
    village.say("alice", "post Alice one")
    village.ask_for_the_end("bob")
    village.stuck.add("bob")
    village.say_only("bob", "feed")
    village.stuck.clear()
    claimed = village.take("bob")
    event_id = village.arrive(claimed)  # and the answer never comes
    village.now += village.deletions.settings.grace_ms
    village.end("bob")
    village.settle(claimed, None)
    village.rooms["bob"] = village.left.pop()
    village.restart()
    village.wait(2000)
    [event] = [e for e in village.rooms["bob"].events if e.event_id == event_id]
    assert event.redacted


def test_who_comes_back_is_a_stranger(village: Village) -> None:
    village.session["device"] = "PHONE"
    settle(village)
    before = person_id(village, "bob")
    village.erase("bob")
    assert person_id(village, "bob") is None
    village.open("bob")
    assert person_id(village, "bob") not in (None, before)
    assert village.bodies("bob")[0].startswith("Hello")
    assert "no friends" in village.one("bob", "friends")
    assert "PHONE" in village.one("bob", "log")
    assert "Nothing here yet" in village.one("bob", "feed")
    assert village.one("bob", "post Anew").startswith("Posted as #1")
    village.befriend("alice", "bob")
    assert "Anew" in "\n".join(village.say("alice", "feed"))


def test_daily_messages_that_may_name_them_go(village: Village) -> None:
    village.has_digests = True
    village.say("alice", "notify digest")
    village.wait(DAY)
    village.say("bob", "post Of today")
    village.wait(2 * DAY)
    [told] = [e for e in village.rooms["alice"].events if BOB in e.body and "new" in e.body]
    village.say("carol", "post Of tomorrow")
    village.wait(2 * DAY)
    [other] = [e for e in village.rooms["alice"].events if user_id("carol") in e.body and "new" in e.body]
    village.erase("bob")
    assert told.redacted
    assert not other.redacted


# --- what others decided --------------------------------------------------------------------------------------
def test_an_account_that_ends_is_no_way_around_a_block(village: Village) -> None:
    village.say("alice", f"block {BOB}")
    village.erase("bob")
    assert "@bob:x.org" in village.one("alice", "privacy")
    village.open("bob")
    village.say("bob", f"friend add {user_id('alice')} Hello again")
    assert "Hello again" not in "\n".join(village.bodies("alice"))
    village.say("alice", f"unblock {BOB}")
    assert "Hello again" not in "\n".join(village.bodies("alice"))


def test_who_was_left_out_stays_left_out(village: Village) -> None:
    alice = user_id("alice")
    for text in (
        "privacy set strangers on",
        f"tag add #work {BOB}",
        f"post to public except {BOB} | Not for Bob",
        "post to public except #work | Not for work",
        "post to public | For all",
        "profile set region Berlin",
        "privacy set region everyone",
        "profile set bio Secret",
        f"privacy set bio everyone except {BOB}",
    ):
        village.say("alice", text)
    village.erase("bob")
    village.open("bob")
    album = "\n".join(village.say("bob", f"album {alice}"))
    assert "For all" in album
    assert "Not for" not in album
    profile = village.one("bob", f"profile {alice}")
    assert "Berlin" in profile
    assert "Secret" not in profile
    assert "@bob:x.org" in village.one("alice", "privacy")


def test_nothing_of_who_excluded_nobody_is_kept(village: Village) -> None:
    village.say("bob", f"block {user_id('carol')}")
    village.erase("bob")
    assert person_id(village, "bob") is None


# --- comments that one keeps ----------------------------------------------------------------------------------
def test_comments_are_kept_for_their_writer_if_they_wish(village: Village) -> None:
    village.say("bob", "post Bob one")
    village.say("alice", "feed")
    village.say("alice", "comment 1 Before")
    village.say("alice", "privacy set keep-comments on")
    village.say("alice", "comment 1 Kept")
    edited = village.last_event
    village.say("alice", "comment 1 Deleted")
    village.redact("alice", village.last_event)
    village.edit("alice", edited, "comment 1 Kept and edited")
    kept = village.one("alice", "comments")
    assert "Kept and edited" in kept
    village.erase("bob")
    assert village.one("alice", "comments") == kept, "what becomes of the moment is not told"
    assert "Before" not in kept
    assert "Deleted" not in kept
    village.say("alice", "privacy set keep-comments off")
    assert "None of your comments" in village.one("alice", "comments")
    village.say("alice", "privacy set keep-comments on")
    assert "None of your comments" in village.one("alice", "comments")


def test_the_ledger_tells_of_consents(village: Village) -> None:
    village.ask_for_the_end("bob")
    village.say("bob", "account keep")
    bob = person_id(village, "bob")

    def kinds(tx: Tx) -> list[tuple[int, str]]:
        opened = [(e, tx.vault.open(e.owner, "ledger", e.number, "sealed", e.sealed)) for e in ledger.entries(tx)]
        return [(e.owner, said["kind"]) for e, said in opened]

    assert village.db.run_sync(kinds) == [(bob, "deletion-asked"), (bob, "deletion-kept")]


def test_a_farewell_that_can_not_be_read_is_dropped(village: Village) -> None:
    farewells = village.deletions.farewells
    village.db.run_sync(lambda tx: farewells.begin(tx, 5, BOB, (ACCOUNT, None), [], {}))
    village.db.run_sync(lambda tx: tx.sql("UPDATE farewells SET sealed = ?", (b"x" * 40,)))
    assert village.db.run_sync(lambda tx: farewells.load(tx, ACCOUNT)) == []
    assert village.db.run_sync(lambda tx: tx.sql("SELECT COUNT(*) FROM farewells").scalar_one()) == 0
    assert HOUSE == 0


# --- damage ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("table", ["kept_comments", "deletions", "people", "moments", "access_log"])
def test_damaged_rows_keep_nobody_here(village: Village, table: str) -> None:
    village.session["device"] = "PHONE"
    village.say("bob", "privacy set keep-comments on")
    settle(village)
    bob = person_id(village, "bob")
    village.ask_for_the_end("bob")
    village.now += 7 * DAY
    village.db.run_sync(lambda tx: village.deletions.begin(tx, bob))  # type: ignore[arg-type]
    column = "card" if table == "people" else "sealed"
    village.db.run_sync(lambda tx: tx.sql(f"UPDATE {table} SET {column} = ?", (b"x" * 60,)))
    farewell = village.end("bob") if table != "people" else None
    if table == "people":
        while village.db.run_sync(lambda tx: village.deletions.step(tx, bob)):  # type: ignore[arg-type]
            pass
        village.deliver()
    assert rows_of(village, bob or 0) == []
    assert not [e.body for e in village.rooms["alice"].events if "Bob one" in e.body and not e.redacted]
    if farewell is not None:
        assert "Your account was erased" in str(farewell.content["body"])
