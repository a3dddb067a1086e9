"""A database of schema 0001, with rows in every table, is brought up to date: broken off anywhere, it ends the same."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bridge import adopt
from bridge.chat.people import People
from bridge.config import Config, load_or_create_store_key
from bridge.contacts import profiles
from bridge.contacts import store as contacts
from bridge.db import Database, Tx
from bridge.db.migrate import VERSION_TABLE, upgrade
from bridge.delivery.queue import open_content
from bridge.errors import OperatorError
from bridge.ids import AccountId, PersonId, UserId
from bridge.matrix.cryptorows import shared_context
from bridge.matrix.late import LateKeys
from bridge.matrix.rooms import Rooms
from bridge.matrix.seal import Sealer
from bridge.moments import picture_store, responses
from bridge.moments import store as moments
from bridge.storage import open_storage
from tests.vaults import config_at

PEOPLE = 5
ROOM = {
    "members": {"@bot:x.org": "join", "@person1:canary.org": "join"},
    "power_levels": None,
    "creators": ["@person1:canary.org"],
    "joined": True,
    "noticed": False,
    "invite": None,
}
EVENT = {
    "event_id": "$wait1",
    "sender": "@person1:canary.org",
    "type": "m.room.encrypted",
    "origin_server_ts": 1,
    "content": {"algorithm": "m.megolm.v1.aes-sha2", "session_id": "s", "ciphertext": "canary-ciphertext"},
}
PICTURE = {"url": "mxc://canary.org/picture", "key": {"k": "canary-key"}}


def fill(tx: Tx, sealer: Sealer) -> None:
    """Rows in every table of schema 0001, as the version before the vault wrote them. Everything personal: canary."""

    def insert(table: str, **values: Any) -> None:
        marks = ", ".join("?" * len(values))
        tx.sql(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))

    token = sealer.seal("access token", b"token")
    insert("accounts", id=1, user_id="@bot:x.org", device_id="BOT", access_token=token, instance="i", created_at=1)
    insert("crypto_accounts", account_id=1, pickle=b"pickle")
    insert("crypto_secrets", account_id=1, name="generation", value=sealer.seal("secret generation", b"1"))
    insert("crypto_olm_sessions", account_id=1, session_id="s", sender_key="k", pickle=b"p", created_at=1, used_at=1)
    insert(
        "crypto_megolm_inbound",
        account_id=1,
        room_id="!r1:x.org",
        sender_key="k",
        session_id="s",
        ed25519="e",
        forwarding_chain="[]",
        pickle=b"p",
    )
    insert("crypto_key_requests", account_id=1, session_id="s", request_id="r", room_id="!r1:x.org", algorithm="m")
    for n in range(1, PEOPLE + 1):
        person, room = f"@person{n}:canary.org", f"!r{n}:x.org"
        insert(
            "crypto_devices",
            account_id=1,
            user_id=person,
            device_id=f"CANARY-DEVICE-{n}",
            ed25519=f"canary-ed{n}",
            curve25519=f"canary-curve{n}",
            display_name=f"canary phone {n}",
            signed_at=n,
        )
        insert("crypto_users", account_id=1, user_id=person, outdated=n % 2, master_key=f"canary-master{n}")
        insert(
            "crypto_megolm_outbound",
            account_id=1,
            room_id=room,
            pickle=b"p",
            created_at=1,
            messages=n,
            shared_with=json.dumps({person: {f"CANARY-DEVICE-{n}": "canary-curve"}}),
        )
        insert(
            "rooms",
            account_id=1,
            room_id=room,
            encryption=json.dumps({"algorithm": "m.megolm.v1.aes-sha2"}) if n % 2 else None,
            snapshot=json.dumps(ROOM),
        )
        insert(
            "waiting_events",
            account_id=1,
            event_id=f"$wait{n}",
            room_id=room,
            session_id="s",
            event=json.dumps(EVENT | {"event_id": f"$wait{n}"}),
            since=n,
        )
        insert("handled", account_id=1, event_id=f"$said{n}", at=1, command="post", effect=1)
        for fact in (
            f"unsigned:{person}:CANARY-DEVICE-{n}",
            f"$opened {room} {person}",
            f"$identity {person} canary-key",
        ):
            insert("handled", account_id=1, event_id=fact, at=1)
        insert(
            "people",
            id=n,
            user_id=person,
            language="zh" if n == 1 else None,
            time_zone="Asia/Canary-1" if n == 1 else None,
            created_at=n,
            opened_at=n,
            dm_account_id=1,
            dm_room_id=room,
        )
        insert("profile_fields", person_id=n, field="name", value=f"canary name {n} 名", updated_at=1)
        insert("profile_fields", person_id=n, field="bio", value=f"canary bio {n}", updated_at=1)
    for n in range(1, PEOPLE + 1):
        friend = n % PEOPLE + 1
        insert("friendships", person_id=n, friend_id=friend, since=1)
        asked = (n + 1) % PEOPLE + 1
        insert("friend_requests", id=n, from_id=n, to_id=asked, note=f"canary note {n}", state="pending", created_at=n)
        insert("prompts", person_id=n, kind="k", options="[]", state="open", created_at=1, expires_at=1)
        insert("moments", id=n, author_id=n, text=f"canary post {n} ☃", audience="friends", created_at=n)
        insert("moment_people", moment_id=n, person_id=friend)
        insert("likes", moment_id=n, person_id=friend, created_at=1)
        insert("comments", id=n, moment_id=n, person_id=friend, text=f"canary comment {n}", created_at=n)
        insert("numbers", person_id=n, number=1, moment_id=n)
        insert("cursors", person_id=n, list="numbers", position='{"highest": 1}', at=1)
        insert(
            "pictures",
            id=n,
            moment_id=n,
            position=0,
            file=json.dumps(PICTURE),
            thumbnail=json.dumps(PICTURE) if n % 2 else None,
            info=json.dumps({"w": n}),
            alt="canary alt",
        )
        insert("sources", account_id=1, event_id=f"$said{n}", person_id=n, kind="moment", ref_id=n)
        insert(
            "copies",
            account_id=1,
            event_id=f"$out{n}",
            room_id=f"!r{n}:x.org",
            person_id=n,
            kind="moment",
            ref_id=n,
            source_event=f"$identity @person{n}:canary.org canary-key",
            outbox_id=n,
            created_at=1,
        )
        insert(
            "outbox",
            id=n,
            account_id=1,
            room_id=f"!r{n}:x.org",
            person_id=n if n % 2 else None,
            kind="message",
            content=json.dumps({"body": f"canary answer {n}"}),
            not_before=1,
            created_at=1,
            state="queued",
        )
    insert(
        "outbox",
        id=100,
        person_id=1,
        kind="copy",
        copy_kind="moment",
        copy_ref=1,
        not_before=1,
        created_at=1,
        state="q",
    )


def contents(config: Config) -> dict[str, Any]:
    """Everything, read as the program reads it."""
    with open_storage(config) as storage:

        def work(tx: Tx) -> dict[str, Any]:
            found: dict[str, Any] = {}
            ids = [PersonId(n) for n in range(1, PEOPLE + 1)]
            people = [People().by_id(tx, n) for n in ids]
            found["people"] = people
            found["by name"] = [People().get(tx, UserId(f"@person{n}:canary.org")) for n in ids]
            found["profile"] = [[field.value for field in profiles.fields(tx, n)] for n in ids]
            found["friends"] = [contacts.friends_of(tx, n) for n in ids]
            found["requests"] = [contacts.request_by_id(tx, n) for n in ids]
            posts = [moments.moment(tx, n) for n in ids]
            found["moments"] = posts
            found["comments"] = [responses.comment(tx, n) for n in ids]
            found["pictures"] = [
                one.picture for post in posts if post for one in picture_store.of_moment(tx, post) if one is not None
            ]
            found["outbox"] = [
                open_content(tx, row.person_id, row.id, row.sealed)
                for row in tx.sql("SELECT id, person_id, sealed FROM outbox WHERE id < 100 ORDER BY id").all()
            ]
            found["unrendered"] = tx.sql("SELECT sealed FROM outbox WHERE id = 100").scalar_one()
            rooms = Rooms(AccountId(1), UserId("@bot:x.org"), storage.sealer)
            rooms.load(tx)
            found["rooms"] = {room: value.snapshot() for room, value in rooms._rooms.items()}
            late = LateKeys(AccountId(1), 10**15, 10**15, storage.sealer)
            late.load(tx)
            found["waiting"] = {event: (w.since, w.event) for event, w in late._waiting.items()}
            found["shared"] = {
                row.room_id: storage.sealer.open_json(shared_context(row.room_id), row.sealed)
                for row in tx.sql("SELECT room_id, sealed FROM crypto_megolm_outbound").all()
            }
            for table, context in (("known_users", "user"), ("known_devices", "device")):
                rows = tx.sql(f"SELECT sealed FROM {table}").scalars()
                opened = [storage.sealer.open_json(context, sealed) for sealed in rows]
                found[table] = sorted(opened, key=lambda known: str(known["user"]))
            found["marks"] = sorted(tx.sql("SELECT event_id FROM handled").scalars())
            return found

        return storage.db.run_sync(work)


def check(found: dict[str, Any]) -> None:
    people = found["people"]
    assert [person.user_id for person in people] == [f"@person{n}:canary.org" for n in range(1, PEOPLE + 1)]
    assert found["by name"] == people
    assert (people[0].language, people[0].time_zone) == ("zh", "Asia/Canary-1")
    assert (people[1].language, people[1].time_zone) == ("en", "UTC")
    assert [sorted(fields) for fields in found["profile"]] == [
        [f"canary bio {n}", f"canary name {n} 名"] for n in range(1, PEOPLE + 1)
    ]
    for n, (request, post, comment, picture, answer) in enumerate(
        zip(*(found[k] for k in ("requests", "moments", "comments", "pictures", "outbox")), strict=True), 1
    ):
        assert (request.note, post.text, comment.text) == (
            f"canary note {n}",
            f"canary post {n} ☃",
            f"canary comment {n}",
        )
        assert not post.damaged
        assert not comment.damaged
        assert (picture.file, picture.thumbnail, picture.info) == (PICTURE, PICTURE if n % 2 else None, {"w": n})
        assert answer == {"body": f"canary answer {n}"}
    assert found["unrendered"] is None
    assert len(found["rooms"]) == len(found["waiting"]) == len(found["shared"]) == PEOPLE
    encryption = {"algorithm": "m.megolm.v1.aes-sha2"}
    for n in range(1, PEOPLE + 1):
        expected = ROOM | {"encryption": encryption if n % 2 else None, "strange": [], "private": False, "marker": None}
        assert found["rooms"][f"!r{n}:x.org"] == expected
        assert found["waiting"][f"$wait{n}"] == (n, EVENT | {"event_id": f"$wait{n}"})
        assert found["shared"][f"!r{n}:x.org"] == {f"@person{n}:canary.org": {f"CANARY-DEVICE-{n}": "canary-curve"}}
        user, device = found["known_users"][n - 1], found["known_devices"][n - 1]
        assert (user["user"], user["outdated"], user["master"]) == (
            f"@person{n}:canary.org",
            bool(n % 2),
            f"canary-master{n}",
        )
        assert (device["device"], device["signed_at"]) == (f"CANARY-DEVICE-{n}", n)
    for kind in ("unsigned:", "$opened ", "$identity "):
        assert sum(mark.startswith(kind) for mark in found["marks"]) == PEOPLE
    assert not [mark for mark in found["marks"] if "@" in mark]


def old_database(config: Config) -> None:
    """Schema 0001 with its rows, and the store key that was used with it."""
    db = Database.open(config.database_url)
    upgrade(db.engine, "0001")
    sealer = Sealer(load_or_create_store_key(config.store_key_file))
    db.run_sync(lambda tx: fill(tx, sealer))
    tables = set(sa.inspect(db.engine).get_table_names()) - {VERSION_TABLE}
    empty = [t for t in tables if not db.run_sync(lambda tx, t=t: tx.sql(f"SELECT 1 FROM {t}").first())]  # type: ignore[misc]
    assert empty == [], "every table has rows"
    db.close_sync()


def clear_text(config: Config) -> list[str]:
    """Where something personal stands in the clear: files of SQLite byte by byte, or all rows of PostgreSQL."""
    found = [
        file.name
        for file in config.data_dir.rglob("*")
        if file.is_file() and any(word in file.read_bytes() for word in (b"canary", b"CANARY"))
    ]
    if config.database_url.startswith("sqlite"):
        return found
    engine = sa.create_engine(config.database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        for table in sa.inspect(engine).get_table_names():
            rows = connection.exec_driver_sql(f"SELECT t::text FROM {table} t").scalars()
            found += [table for row in rows if "canary" in row.lower()]
            # Binary columns are shown in hexadecimal.
            rows = connection.exec_driver_sql(f"SELECT t::text FROM {table} t").scalars()
            found += [table for row in rows if b"canary".hex() in row.lower()]
    engine.dispose()
    return found


@pytest.fixture
def old(empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setattr(adopt, "_BATCH", 2)
    config = config_at(tmp_path, None if empty_url.startswith("sqlite") else empty_url)
    old_database(config)
    return config


def test_everything_is_sealed_and_readable(old: Config) -> None:
    assert old.database_url.startswith("postgresql") or clear_text(old), "it does stand there before"
    with open_storage(old):
        # With the bot running: the journal counts as well.
        assert clear_text(old) == []
    found = contents(old)
    check(found)
    assert clear_text(old) == []
    assert contents(old) == found
    with open_storage(old, update=False):
        pass


def test_broken_off_again_and_again(old: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each start ends after a few more statements than the one before."""
    real = Tx.sql
    allowed, used, starts = 4, 0, 0

    def counted(self: Tx, statement: str, params: Any = ()) -> Any:
        nonlocal used
        used += 1
        if used > allowed:
            raise KeyboardInterrupt
        return real(self, statement, params)

    monkeypatch.setattr(Tx, "sql", counted)
    while True:
        used, starts = 0, starts + 1
        try:
            with open_storage(old):
                break
        except KeyboardInterrupt:
            allowed += 3
    monkeypatch.undo()
    assert starts > 8
    check(contents(old))
    assert clear_text(old) == []


@pytest.fixture
def old_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setattr(adopt, "_BATCH", 2)
    config = config_at(tmp_path)
    old_database(config)
    return config


def test_broken_off_before_and_after_each_transaction(old_sqlite: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = old_sqlite.data_dir.with_name("kept")
    shutil.copytree(old_sqlite.data_dir, kept)
    real, scrub, calls, stop = Database.run_sync, Database.scrub, 0, 0

    def counted(step: Any) -> Any:
        def wrapper(self: Database, *args: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == stop:
                raise KeyboardInterrupt
            result = step(self, *args)
            calls += 1
            if calls == stop:
                raise KeyboardInterrupt
            return result

        return wrapper

    with monkeypatch.context() as patch:
        patch.setattr(Database, "run_sync", counted(real))
        with open_storage(old_sqlite):
            total = calls
    assert total > 40
    for stop in range(1, total, 9):
        shutil.rmtree(old_sqlite.data_dir)
        shutil.copytree(kept, old_sqlite.data_dir)
        calls = 0
        with monkeypatch.context() as patch:
            patch.setattr(Database, "run_sync", counted(real))
            patch.setattr(Database, "scrub", counted(scrub))
            with pytest.raises(KeyboardInterrupt), open_storage(old_sqlite):
                pass
        check(contents(old_sqlite))
        assert clear_text(old_sqlite) == [], f"broken off at {stop}"


@pytest.mark.crash
@pytest.mark.parametrize("after", [3, 40, 140])
def test_killed_in_the_middle(old_sqlite: Config, after: int) -> None:
    code = f"""
import os
from pathlib import Path
from bridge import adopt
from bridge.config import load
from bridge.db import Tx
from bridge.storage import open_storage
adopt._BATCH, left, real = 2, {after}, Tx.sql
def sql(*args):
    global left
    left -= 1
    if left < 0: os.kill(os.getpid(), 9)
    return real(*args)
Tx.sql = sql
with open_storage(load(Path({str(old_sqlite.data_dir.parent / "courtyard.yaml")!r}), {{}})): pass
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=False,
        env=dict(os.environ),
    )
    assert done.returncode == -9, done.stderr.decode()[-500:]
    check(contents(old_sqlite))
    assert clear_text(old_sqlite) == []


def test_wrong_store_key_changes_nothing(old_sqlite: Config) -> None:
    key = old_sqlite.store_key_file.read_bytes()
    before = (old_sqlite.data_dir / "courtyard.db").read_bytes()
    for wrong in (b"A" * 43 + b"=", None):
        old_sqlite.store_key_file.unlink(missing_ok=True)
        if wrong is not None:
            old_sqlite.store_key_file.touch(0o600)
            old_sqlite.store_key_file.write_bytes(wrong)
        with pytest.raises(OperatorError, match="store key"), open_storage(old_sqlite):
            pass
        assert (old_sqlite.data_dir / "courtyard.db").read_bytes() == before
        assert not (old_sqlite.data_dir / "keys.db").exists()
    old_sqlite.store_key_file.touch(0o600)
    old_sqlite.store_key_file.write_bytes(key)
    check(contents(old_sqlite))


def test_a_copy_from_before_the_vault_brings_nobody_back(old_sqlite: Config) -> None:
    """Who was erased is erased, also when an old copy of the database is put back."""
    kept = old_sqlite.data_dir.with_name("old.db")
    shutil.copy(old_sqlite.data_dir / "courtyard.db", kept)
    with open_storage(old_sqlite) as storage:
        storage.vault.destroy([3])
    for suffix in ("", "-wal", "-shm"):
        (old_sqlite.data_dir / f"courtyard.db{suffix}").unlink(missing_ok=True)
    shutil.copy(kept, old_sqlite.data_dir / "courtyard.db")
    with open_storage(old_sqlite) as storage:
        people = storage.db.run_sync(lambda tx: tx.sql("SELECT id FROM people ORDER BY id").scalars().all())
        assert people == [1, 2, 4, 5]
        content = b"".join(f.read_bytes() for f in old_sqlite.data_dir.iterdir() if f.name.startswith("courtyard.db"))
        assert b"person3" not in content
