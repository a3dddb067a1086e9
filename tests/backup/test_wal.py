"""P12 on PostgreSQL: what its write-ahead log and its files hold of somebody who was erased, and for how long."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa

from bridge.cli import vault
from bridge.config import VaultConfig
from bridge.db import Tx
from bridge.moments.model import MomentLimits
from bridge.storage import Storage, open_storage
from bridge.vault.master import LocalMasterKey
from tests.backup.conftest import DAY, POSTGRESQL, SQLITE, House, MakeHouse, canary
from tests.features.apps import packed
from tests.features.village import Village, user_id
from tests.stores.postgres import Unavailable, postgres_server

_SEGMENTS = 4
HOUR = 3_600_000


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """A server of its own: its log holds what one house wrote, with whole pages, as servers usually write it."""
    try:
        with postgres_server("full_page_writes=on", "wal_recycle=off") as url:
            yield url
    except Unavailable as reason:
        pytest.skip(str(reason))


@dataclass
class Erased:
    """Somebody who was, and what was to be seen of them before."""

    house: House
    words: dict[str, str]
    wrapped: set[bytes] = field(default_factory=set)
    """Their key, and those of their moments and days, as the key store had them."""
    raw: dict[int, bytes] = field(default_factory=dict)
    """These keys."""
    sealed: set[bytes] = field(default_factory=set)
    """Values of their rows."""


def live_and_be_erased(make_house: MakeHouse, keys_on: str) -> Erased:
    house = make_house(POSTGRESQL)
    if keys_on == SQLITE:
        url = f"sqlite:///{house.directory / 'keys.db'}"
        house.config = house.config.model_copy(update={"vault": VaultConfig.model_validate({"key_store_url": url})})
    found = Erased(house, {what: canary(what) for what in ("text", "bio", "comment", "note", "draft")})
    with open_storage(house.config) as storage, contextlib.closing(village_in(storage)) as village:
        village.install(packed())
        village.open("alice", "bob", "carol")
        village.befriend("alice", "bob")
        village.say("alice", "post Of Alice")
        village.say("bob", "feed")
        for text in (
            f"post {found.words['text']}",
            f"profile set bio {found.words['bio']}",
            f"comment 1 {found.words['comment']}",
            f"friend add {user_id('carol')} {found.words['note']}",
            "post",
            found.words["draft"],
        ):
            village.say("bob", text)
        village.wait(2 * HOUR)  # nothing joins the draft any more
        note_what_is_there(storage, village, found)
        village.ask_for_the_end("bob")
        village.wait(8 * DAY)
        village.end("bob")
        village.wait(0)
        village.db.scrub()
    return found


def village_in(storage: Storage) -> Village:
    return Village(storage.db, moment_limits=MomentLimits(confirm_wider=False, kept_days=1000))


def note_what_is_there(storage: Storage, village: Village, found: Erased) -> None:
    def rows(tx: Tx) -> tuple[set[int], set[bytes]]:
        bob = village.people.known(tx, user_id("bob"))
        assert bob is not None
        queries = {
            "moments": "SELECT sealed, key_id FROM moments WHERE author_id = ?",
            "fields": "SELECT sealed, NULL AS key_id FROM profile_fields WHERE person_id = ?",
            "comments": "SELECT sealed, NULL AS key_id FROM comments WHERE person_id = ?",
            "requests": "SELECT sealed, NULL AS key_id FROM friend_requests WHERE from_id = ?",
            "drafts": "SELECT sealed, NULL AS key_id FROM drafts WHERE person_id = ?",
        }
        every = [row for query in queries.values() for row in tx.sql(query, (bob.id,)).all()]
        assert len(every) == len(queries)
        return {bob.id, *(row.key_id for row in every if row.key_id)}, {bytes(row.sealed) for row in every}

    owners, found.sealed = village.db.run_sync(rows)
    assert len(owners) == 2, "a person's, and their moment's"
    found.raw = {owner: key for owner, key in storage.vault.keys.get(sorted(owners)).items() if key is not None}
    assert found.raw.keys() == owners
    marks = ",".join("?" * len(owners))
    query = f"SELECT wrapped FROM data_keys WHERE owner IN ({marks})"
    found.wrapped = set(
        storage.vault.keys.database.run_sync(lambda tx: map(bytes, tx.sql(query, tuple(owners)).scalars()))
    )
    assert len(found.wrapped) == 2


def data_of(url: str) -> Path:
    return Path(str(sa.make_url(url).query["host"])) / "data"


def wal(url: str) -> bytes:
    """All of the write-ahead log."""
    return b"".join(file.read_bytes() for file in (data_of(url) / "pg_wal").rglob("*") if file.is_file())


def server_files(url: str) -> bytes:
    return b"".join(file.read_bytes() for file in data_of(url).rglob("*") if file.is_file())


def run(url: str, *statements: str) -> None:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def readable(found: Erased, loot: bytes) -> list[str]:
    """Which words, and which keys as they are, stand in some bytes."""
    wanted = {what: word.encode() for what, word in found.words.items()}
    wanted |= {f"key {number}": key for number, key in enumerate(found.raw.values())}
    return [
        what
        for what, value in wanted.items()
        if value in loot or value.hex().encode() in loot or base64.b64encode(value) in loot
    ]


def master_keys(house: House) -> list[LocalMasterKey]:
    return [LocalMasterKey(base64.b64decode(line)) for line in (house.directory / "master.key").read_text().split()]


def unwrapped(found: Erased) -> set[bytes]:
    """What the master keys that there are make of the wrapped keys."""
    opened = set()
    for master in master_keys(found.house):
        for owner in found.raw:
            for wrapped in found.wrapped:
                with contextlib.suppress(ValueError):
                    opened.add(master.unwrap(f"courtyard data key {owner}".encode(), wrapped))
    return opened


def configuration(house: House) -> Path:
    """As a file, for the commands."""
    config = house.config
    path = house.directory / "courtyard.yaml"
    path.write_text(
        json.dumps(
            {
                "matrix": {"homeserver": "https://example.org", "user_id": config.matrix.user_id, "password": "p"},
                "data_dir": str(config.data_dir),
                "database": {"url": config.database_url},
                "vault": {"key_store_url": config.key_store_url},
                "backup": {"epoch_dir": str(config.epoch_dir)},
            }
        )
    )
    path.chmod(0o600)
    return path


def test_the_log_holds_wrapped_keys_that_end_with_the_master_key(make_house: MakeHouse, postgres_url: str) -> None:
    """Nothing is readable in it. A wrapped key is there until its segment goes; what it is good for ends earlier, with
    an exchange of the master key."""
    found = live_and_be_erased(make_house, POSTGRESQL)
    for moment in ("at once", "after a checkpoint"):
        log = wal(postgres_url)
        assert [one for one in found.sealed if one in log], "the search looks at the right place"
        assert [one for one in found.wrapped if one in log] == [*found.wrapped], moment
        assert readable(found, log) == []
        assert readable(found, server_files(postgres_url)) == []
        run(postgres_url, "CHECKPOINT")
    # As the documents say: with the master key, such a wrapped key is a key.
    assert unwrapped(found) == {*found.raw.values()}
    assert vault.rotate(configuration(found.house)) == 0
    assert unwrapped(found) == set()
    assert readable(found, server_files(postgres_url)) == []
    # What would be readable, would be found.
    for word in found.words.values():
        run(postgres_url, f"SELECT pg_logical_emit_message(false, 'courtyard', '{word}')")
    run(postgres_url, "CHECKPOINT")
    assert readable(found, wal(postgres_url)) == [*found.words]


def test_with_its_segments_the_wrapped_keys_are_gone(make_house: MakeHouse, postgres_url: str) -> None:
    """With `wal_recycle = off`; otherwise a segment's bytes stay in it until it is written over."""
    found = live_and_be_erased(make_house, POSTGRESQL)
    assert any(one in wal(postgres_url) for one in found.wrapped)
    for _ in range(_SEGMENTS):
        run(
            postgres_url,
            "SELECT pg_logical_emit_message(false, 'courtyard', 'x')",
            "SELECT pg_switch_wal()",
            "CHECKPOINT",
        )
    log = wal(postgres_url)
    assert not [one for one in found.wrapped if one in log]
    assert not [one for one in found.sealed if one in log]


def test_with_the_key_store_in_sqlite_it_never_holds_any(make_house: MakeHouse, postgres_url: str) -> None:
    """What is sealed is there, and no key that opens it, in whatever form; nor in the file of the key store."""
    found = live_and_be_erased(make_house, SQLITE)
    log, everything = wal(postgres_url), server_files(postgres_url)
    assert [one for one in found.sealed if one in log]
    files = b"".join(p.read_bytes() for p in found.house.directory.rglob("*") if p.is_file())
    assert not [one for one in found.wrapped if one in log or one in everything or one in files]
    assert readable(found, everything + files) == []
