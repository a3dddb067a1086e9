"""One sealed value after the other is damaged: its owner sees a plain line, and all others go on as before."""

from typing import Any

import pytest
import sqlalchemy as sa

from bridge.contacts import store
from bridge.db import Database, Tx
from bridge.db.tables import metadata
from bridge.delivery import queue
from bridge.ids import PersonId
from tests.features.village import MINUTE, Village, user_id

HASHES = {
    ("people", "lookup"),
    ("deletions", "code"),
    ("ledger", "hash"),
    ("copies", "rendering"),
    ("gone_copies", "lookup"),
    ("tags", "lookup"),
    ("invites", "lookup"),
    ("archive_ids", "lookup"),
    ("known_users", "user_lookup"),
    ("known_devices", "user_lookup"),
    ("known_devices", "device_lookup"),
    ("outbox", "tried"),
    ("program_messages", "lookup"),
    ("program_choices", "lookup"),
    ("program_spaces", "place"),
    ("program_values", "place"),
    ("program_values", "lookup"),
    ("program_timers", "lookup"),
    ("program_fetches", "lookup"),
    ("program_known", "lookup"),
    ("media", "lookup"),
}
ACCOUNT = {  # tests/unit/matrix/test_damage.py
    ("accounts", "access_token"),
    ("rooms", "sealed"),
    ("waiting_events", "sealed"),
    ("crypto_accounts", "pickle"),
    ("crypto_secrets", "value"),
    ("crypto_olm_sessions", "pickle"),
    ("crypto_megolm_inbound", "pickle"),
    ("crypto_megolm_outbound", "pickle"),
    ("crypto_megolm_outbound", "sealed"),
    ("crypto_room_keys_owed", "sealed"),
    ("known_users", "sealed"),
    ("known_devices", "sealed"),
}
PERSONAL = {
    ("people", "card"),
    ("profile_fields", "sealed"),
    ("friend_requests", "sealed"),
    ("moments", "sealed"),
    ("pictures", "sealed"),
    ("drafts", "sealed"),
    ("undos", "sealed"),
    ("post_defaults", "sealed"),
    ("comments", "sealed"),
    ("votes", "sealed"),
    ("outbox", "sealed"),
    ("tags", "sealed"),
    ("stances", "sealed"),
    ("invites", "sealed"),
    ("access_log", "sealed"),
    ("kept_comments", "sealed"),
    ("deletions", "sealed"),  # tests/features/test_erasure.py, and the next two
    ("farewells", "sealed"),
    ("ledger", "sealed"),
    ("archive_jobs", "sealed"),  # tests/features/test_export_job.py
    ("archive_ids", "sealed"),
    ("gone_moments", "sealed"),  # tests/features/test_copy_counts.py
    ("media", "sealed"),  # tests/features/test_media_deletion.py
}
PROGRAMS = {  # tests/features/test_programs_lasting.py
    ("programs", "sealed"),
    ("program_sessions", "sealed"),
    ("program_messages", "sealed"),
    ("program_events", "sealed"),
    ("program_values", "sealed"),
    ("program_grants", "sealed"),
    ("program_questions", "sealed"),
    ("program_timers", "sealed"),
    ("program_fetches", "sealed"),
    ("program_deliveries", "sealed"),
    ("program_leavings", "sealed"),
    ("program_known", "sealed"),
}
LINE = "damaged and can't be read any more"


def test_every_sealed_column_has_its_test() -> None:
    binary = {
        (table.name, column.name)
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, sa.LargeBinary)
    }
    assert binary == PERSONAL | PROGRAMS | ACCOUNT | HASHES


def person_id(db: Database, name: str) -> int:
    def find(tx: Tx) -> int:
        lookup = tx.vault.lookup("person", user_id(name))
        found: int = tx.sql("SELECT id FROM people WHERE lookup = ?", (lookup,)).scalar_one()
        return found

    return db.run_sync(find)


def damage(db: Database, table: str, where: str, *params: Any, column: str = "sealed") -> None:
    """Flip a bit in the middle of one value."""

    def work(tx: Tx) -> None:
        [value] = tx.sql(f"SELECT {column} FROM {table} WHERE {where}", params).one()
        changed = bytearray(value)
        changed[len(changed) // 2] ^= 4
        tx.sql(f"UPDATE {table} SET {column} = ? WHERE {where}", (bytes(changed), *params))

    db.run_sync(work)


def swap(db: Database, table: str, column: str, one: tuple[str, Any], other: tuple[str, Any]) -> None:
    """Put each of two values into the other's row."""

    def work(tx: Tx) -> None:
        values = [
            tx.sql(f"SELECT {column} FROM {table} WHERE {where}", (param,)).scalar_one()
            for where, param in (one, other)
        ]
        for (where, param), value in zip((one, other), reversed(values), strict=True):
            tx.sql(f"UPDATE {table} SET {column} = ? WHERE {where}", (value, param))

    db.run_sync(work)


@pytest.fixture
def town(any_engine: Village) -> Village:
    """Alice and her friends Bob and Carol, and Dave and Erin, who know each other only; something of everybody."""
    village = any_engine
    village.open("dave", "erin")
    village.befriend("dave", "erin")
    village.say("dave", "post Of no matter to the others")
    village.say("alice", "profile set name Alice Liddell")
    village.say("alice", "profile set bio Lives by the river")
    village.say("bob", "profile set name Bob Miller")
    village.say("bob", "post Harvest is in")
    village.say("carol", "post Sowing begins")
    assert "#2" in village.picture("bob", "post A picture of the field")[0]
    village.say("alice", "feed")
    return village


def others_go_on(village: Village) -> None:
    """Dave and Erin notice nothing at all."""
    assert any("Of no matter to the others" in body for body in village.say("erin", "feed"))
    assert "@dave:x.org" in village.one("erin", "friends")
    village.say("dave", "profile set name Dave")
    assert "Dave" in village.one("erin", "profile @dave:x.org")
    assert "#" in village.one("dave", "post And on it goes")
    assert any("And on it goes" in body for body in village.say("erin", "feed"))
    village.say("erin", "comment 1 Good to hear")
    assert any("Good to hear" in body for body in village.bodies("dave"))
    assert village.one("erin", "like 1")


def test_a_moment(town: Village) -> None:
    damage(town.db, "moments", "id = (SELECT MIN(id) FROM moments WHERE author_id = ?)", person_id(town.db, "bob"))
    shown = "\n".join(town.say("alice", "feed"))
    assert LINE in shown
    assert "Harvest" not in shown
    assert "Sowing begins" in shown
    assert "A picture of the field" in shown
    assert any(LINE in body for body in town.say("bob", "moment 1"))
    assert "#" in town.one("bob", "post Another one")
    assert any("Another one" in body for body in town.say("alice", "feed"))
    assert town.one("alice", "like 1")
    others_go_on(town)


def test_a_picture(town: Village) -> None:
    damage(town.db, "pictures", "1 = 1")
    shown = "\n".join(town.say("alice", "feed"))
    assert "A picture of the field" in shown
    assert "The picture is damaged" in shown
    assert any("The picture is damaged" in body for body in town.say("bob", "moment 2"))
    others_go_on(town)


def test_a_comment(town: Village) -> None:
    town.say("carol", "feed")
    town.say("alice", "post Under one roof")
    for name in ("bob", "carol"):
        town.say(name, "feed")
    town.say("bob", "comment 3 The first word")
    town.say("alice", "comment 4 The second word")
    damage(town.db, "comments", "person_id = ?", person_id(town.db, "bob"))
    for name, number in (("alice", 4), ("bob", 3)):
        shown = "\n".join(town.say(name, f"moment {number}"))
        assert "(damaged)" in shown
        assert "The first word" not in shown
        assert "The second word" in shown
    others_go_on(town)


def test_a_profile(town: Village) -> None:
    alice = person_id(town.db, "alice")
    damage(town.db, "profile_fields", "person_id = ? AND field = 'name'", alice)
    own = town.one("alice", "profile")
    assert "A field is damaged" in own
    assert "Lives by the river" in own
    assert "Alice Liddell" not in town.one("bob", "profile @alice:x.org")
    assert "@alice:x.org" in town.one("bob", "friends")
    town.say("alice", "profile set name Alice again")
    assert "Alice again" in town.one("bob", "profile @alice:x.org")
    others_go_on(town)


def test_a_request(town: Village) -> None:
    town.say("dave", "friend add @alice:x.org I mend your roof")
    assert any("I mend your roof" in body for body in town.bodies("alice"))
    damage(town.db, "friend_requests", "from_id = ?", person_id(town.db, "dave"))
    listed = town.one("alice", "friends")
    assert "@dave:x.org" in listed
    assert "roof" not in listed
    town.say("alice", "friend accept @dave:x.org")
    assert "@dave:x.org" in town.one("alice", "friends")
    others_go_on(town)


@pytest.mark.parametrize("table", ["tags", "stances", "invites", "access_log"])
def test_what_somebody_keeps_for_themselves(town: Village, table: str) -> None:
    alice, bob = (PersonId(person_id(town.db, name)) for name in ("alice", "bob"))
    town.say("alice", "tag add family @bob:x.org")
    town.say("alice", "tag add work @carol:x.org")
    town.say("alice", "invite new")

    def note(tx: Tx) -> None:
        store.set_remark(tx, alice, bob, {"name": "Bobby"})
        tx.sql("DELETE FROM access_log WHERE person_id = ?", (alice,))
        [row] = tx.new_ids("access_log")
        sealed = tx.vault.seal(alice, "access_log", row, "sealed", {"kind": "device", "device": "PHONE"})
        tx.sql("INSERT INTO access_log (id, person_id, at, sealed) VALUES (?, ?, ?, ?)", (row, alice, tx.now, sealed))

    town.db.run_sync(note)
    where = {
        "tags": "id = (SELECT MIN(id) FROM tags WHERE owner_id = ?)",
        "stances": "person_id = ? AND sealed IS NOT NULL",
        "invites": "owner_id = ?",
        "access_log": "person_id = ?",
    }
    damage(town.db, table, where[table], alice)
    said = (
        "tags",
        "friends",
        "invites",
        "log",
        "privacy",
        "privacy checkup",
        "profile @bob:x.org",
        "feed",
        "tag add new",
    )
    for text in (*said, "why can't @bob:x.org see 1", "view as @bob:x.org", "post to work | Only for work"):
        for answer in town.say("alice", text):
            assert "Something went wrong" not in answer, text
    assert "work" in town.one("alice", "tags")
    assert "@bob:x.org" in town.one("alice", "friends")
    others_go_on(town)


def test_a_message_that_waits(town: Village) -> None:
    ids = {name: PersonId(person_id(town.db, name)) for name in ("alice", "dave")}

    def wait(tx: Tx) -> None:
        for name, person in ids.items():
            content = {"msgtype": "m.text", "body": f"for {name}", "m.mentions": {}}
            queue.insert(tx, [queue.NewRow("message", person_id=person, copy_kind="answer", content=content)])

    town.db.run_sync(wait)
    damage(town.db, "outbox", "person_id = ?", ids["alice"])
    town.deliver()
    assert "damaged before I could send it" in town.bodies("alice")[-1]
    assert town.bodies("dave")[-1] == "for dave"
    assert "Bob" in town.one("alice", "friends")
    others_go_on(town)


@pytest.mark.parametrize("what", ["card", "key", "erased key"])
def test_a_person(town: Village, what: str) -> None:
    """Whatever of Bob can be read no more: Bob is told, his friends and who names him are not disturbed."""
    bob = person_id(town.db, "bob")
    town.say("alice", "post Only Bob can't read this")
    town.say("bob", "friend add @dave:x.org")
    if what == "card":
        damage(town.db, "people", "id = ?", bob, column="card")
    else:
        vault: Any = town.db.vault
        vault._cache.clear()
        if what == "key":
            damage(vault.keys.database, "data_keys", "owner = ?", bob, column="wrapped")
        else:
            vault.keys.destroy([bob])
    for said in ("feed", "post Can anybody hear me", "friends", "help"):
        [answer] = town.say("bob", said)
        assert "What I keep about you is damaged" in answer
        event = town.last_event
        [done] = town.db.run_sync(lambda tx: tx.sql("SELECT command, effect FROM handled WHERE event_id = ?", (event,)))  # noqa: B023
        assert tuple(done) == (None, 0), "what was not done must not stand there as done"
    feed = "\n".join(town.say("alice", "feed"))
    assert "Sowing begins" in feed
    assert "Only Bob can't read this" in feed
    friends = town.one("alice", "friends")
    assert "@carol:x.org" in friends
    for said in (
        "profile @bob:x.org",
        "album @bob:x.org",
        "friend remove @bob:x.org",
        "friend add @bob:x.org",
        "friends",
        "like 1",
        "post to @carol:x.org | Only for Carol",
    ):
        for answer in town.say("alice", said):
            assert "Something went wrong" not in answer, said
    for said in ("friend accept @bob:x.org", "friend decline @bob:x.org", "friend add @bob:x.org", "friends"):
        for answer in town.say("dave", said):
            assert "Something went wrong" not in answer, said
    others_go_on(town)


def test_swapped_values_show_neither(town: Village) -> None:
    bob, carol, dave = (person_id(town.db, name) for name in ("bob", "carol", "dave"))
    first = "id = (SELECT MIN(id) FROM moments WHERE author_id = ?)"
    swap(town.db, "moments", "sealed", (first, bob), (first, dave))
    shown = "\n".join(town.say("alice", "feed"))
    assert LINE in shown
    assert "Of no matter" not in shown
    assert LINE in "\n".join(town.say("erin", "feed"))
    # Also among the rows of one person.
    swap(town.db, "moments", "sealed", (first, bob), ("id = (SELECT MAX(id) FROM moments WHERE author_id = ?)", bob))
    shown = "\n".join(town.say("alice", "feed"))
    assert shown.count(LINE) == 2
    assert "Sowing begins" in shown
    swap(town.db, "people", "card", ("id = ?", bob), ("id = ?", carol))
    for name in ("bob", "carol"):
        assert "What I keep about you is damaged" in town.one(name, "feed")


def test_nobody_becomes_somebody_else(town: Village) -> None:
    """Who writes into the database gives Bob's row to Dave's name: Dave gets nothing of Bob's."""
    bob, dave = person_id(town.db, "bob"), person_id(town.db, "dave")

    def exchange(tx: Tx) -> None:
        lookups: dict[int, bytes] = dict(tx.sql("SELECT id, lookup FROM people WHERE id IN (?, ?)", (bob, dave)).all())
        tx.sql("UPDATE people SET lookup = ? WHERE id = ?", (b"away", bob))
        tx.sql("UPDATE people SET lookup = ? WHERE id = ?", (lookups[bob], dave))
        tx.sql("UPDATE people SET lookup = ? WHERE id = ?", (lookups[dave], bob))

    town.db.run_sync(exchange)
    for name in ("bob", "dave"):
        assert "What I keep about you is damaged" in town.one(name, "feed")
        assert "What I keep about you is damaged" in town.one(name, "post As another")


def test_a_damaged_draft_costs_itself_alone(town: Village) -> None:
    alice = person_id(town.db, "alice")
    town.say("alice", "post at in 2 hours | Damaged")
    town.say("alice", "post at in 2 hours | Whole")
    damage(town.db, "drafts", "id = (SELECT MIN(id) FROM drafts WHERE person_id = ?)", alice)
    listed = town.one("alice", "drafts")
    assert "Damaged" not in listed
    assert "Whole" in listed
    town.wait(2 * 60 * MINUTE + MINUTE)
    told = next(body for body in town.bodies("alice") if "scheduled post" in body)
    assert told.startswith("Your scheduled post is out")
    assert "Damaged" not in "".join(town.say("bob", "feed"))


def test_a_damaged_default_audience_is_for_nobody(town: Village) -> None:
    town.say("alice", "privacy set post friends")
    damage(town.db, "post_defaults", "person_id = ?", person_id(town.db, "alice"))
    assert town.one("alice", "post Hello").startswith("Saved")


def test_a_person_who_is_damaged_can_be_shut_out(town: Village) -> None:
    bob = person_id(town.db, "bob")
    damage(town.db, "people", "id = ?", bob, column="card")
    assert "@bob:x.org" in town.one("alice", "block @bob:x.org")
    blocked = town.db.run_sync(lambda tx: tx.sql("SELECT other_id FROM stances WHERE blocked = 1").scalars().all())
    assert list(blocked) == [bob]
    town.say("alice", "unblock @bob:x.org")
    answer = town.one("alice", "post to friends except @bob:x.org | Not for him")
    assert "somebody (their entry is damaged)" in answer
    out = town.db.run_sync(lambda tx: tx.sql("SELECT person_id FROM moment_people WHERE left_out = 1").scalars().all())
    assert list(out) == [bob]
    others_go_on(town)


def test_a_remark(town: Village) -> None:
    town.say("alice", "remark @bob:x.org Neighbour")
    town.say("alice", "note @bob:x.org Owes me a ladder")
    damage(town.db, "stances", "person_id = ?", person_id(town.db, "alice"))
    shown = town.one("alice", "profile @bob:x.org")
    assert "the note that you kept are damaged" in shown
    assert "@bob:x.org" in town.one("alice", "friends")
    assert "damaged" not in town.one("bob", "profile @alice:x.org")
    town.say("alice", "remark @bob:x.org Neighbour")
    assert "Neighbour" in town.one("alice", "profile @bob:x.org")
    others_go_on(town)
