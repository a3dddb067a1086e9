"""What is opened together belongs together: wrong, missing and damaged keys stop the start and change nothing."""

import base64
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from bridge.chat.people import People
from bridge.config import Config, load_or_create_store_key
from bridge.db import Database
from bridge.db.sealing import Unreadable
from bridge.errors import OperatorError
from bridge.ids import UserId
from bridge.matrix.seal import Sealer
from bridge.storage import open_storage
from bridge.vault import KeyStore, MasterKeys, Vault
from bridge.vault.master import parse_master_keys
from tests.conftest import create_postgres_database
from tests.vaults import config_at

pytestmark = pytest.mark.usefixtures("migrated_once")

ALICE, BOB = UserId("@alice:x.org"), UserId("@bob:x.org")


def fill(config: Config) -> None:
    """A bot that has been used: a token, a secret, two people."""
    with open_storage(config) as storage:
        seal = storage.sealer.seal
        storage.db.run_sync(
            lambda tx: tx.sql(
                "INSERT INTO accounts (user_id, access_token, instance, created_at) VALUES ('@bot:x.org', ?, 'i', 1)",
                (seal("access token", b"token"),),
            )
        )
        storage.db.run_sync(lambda tx: [People().ensure(tx, user) for user in (ALICE, BOB)])


def people_of(config: Config) -> list[bool]:
    with open_storage(config) as storage:
        return storage.db.run_sync(lambda tx: [People().get(tx, user) is not None for user in (ALICE, BOB)])


def state(directory: Path) -> dict[str, bytes]:
    """All there is in the files: rows of databases, bytes of others."""
    found: dict[str, bytes] = {}
    for file in sorted(directory.rglob("*")):
        if file.suffix == ".db":
            with sqlite3.connect(file) as db:
                found[file.name] = "\n".join(db.iterdump()).encode()
        elif file.is_file() and not file.name.endswith((".db-wal", ".db-shm", ".lock")):
            found[file.name] = file.read_bytes()
    return found


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory that was filled: each test that uses one gets a copy."""
    config = config_at(tmp_path_factory.mktemp("used"))
    fill(config)
    return config.data_dir


@pytest.fixture
def used(template: Path, tmp_path: Path) -> Config:
    config = config_at(tmp_path)
    shutil.copytree(template, config.data_dir, dirs_exist_ok=True)
    return config


def other_key(path: Path) -> None:
    path.write_text(base64.b64encode(os.urandom(32)).decode())


def of_another(config: Config, name: str) -> None:
    """The file of another installation that was used just as well."""
    other = config.data_dir.parent / "other"
    other.mkdir()
    with_same_master = config_at(other)
    with_same_master.data_dir.mkdir()
    shutil.copy(config.data_dir / "master.key", with_same_master.data_dir)
    fill(with_same_master)
    for suffix in ("", "-wal", "-shm"):
        (config.data_dir / f"{name}{suffix}").unlink(missing_ok=True)
    shutil.copy(with_same_master.data_dir / name, config.data_dir)
    shutil.rmtree(other)


def damaged_lookup(config: Config) -> None:
    with sqlite3.connect(config.data_dir / "keys.db") as db:
        db.execute("UPDATE data_keys SET wrapped = X'00' WHERE owner = -1")


WRONG: dict[str, tuple[Callable[[Config], object], str]] = {
    "another master key": (lambda c: other_key(c.data_dir / "master.key"), "another master key"),
    "no master key": (lambda c: (c.data_dir / "master.key").unlink(), "master key: .* is missing"),
    "an empty master key": (lambda c: (c.data_dir / "master.key").write_text(""), "does not hold 32 bytes"),
    "half a master key": (lambda c: (c.data_dir / "master.key").write_text("AAAA"), "does not hold 32 bytes"),
    "an open master key": (lambda c: (c.data_dir / "master.key").chmod(0o644), "open to everybody"),
    "no key store": (lambda c: (c.data_dir / "keys.db").unlink(), "key store: it is missing"),
    "an empty key store": (lambda c: (c.data_dir / "keys.db").write_bytes(b""), "key store: it is missing"),
    "garbage for a key store": (
        lambda c: (c.data_dir / "keys.db").write_bytes(b"x" * 9000),
        "key store: it can't be used",
    ),
    "an open key store": (lambda c: (c.data_dir / "keys.db").chmod(0o644), "open to everybody"),
    "a damaged key store": (damaged_lookup, "key store: it is damaged"),
    "another key store": (lambda c: of_another(c, "keys.db"), "does not belong to this database"),
    "another store key": (lambda c: other_key(c.data_dir / "store.key"), "store key is not the one"),
    "no store key": (lambda c: (c.data_dir / "store.key").unlink(), "store key: .* is missing"),
    "an empty store key": (lambda c: (c.data_dir / "store.key").write_text(""), "does not hold 32 bytes"),
    "an open store key": (lambda c: (c.data_dir / "store.key").chmod(0o604), "open to everybody"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_does_not_belong_is_refused(used: Config, wrong: str) -> None:
    spoil, says = WRONG[wrong]
    kept = used.data_dir.parent / "kept"
    shutil.copytree(used.data_dir, kept)
    spoil(used)
    if "garbage" not in wrong:
        before = state(used.data_dir)
    for _ in range(2):
        with pytest.raises(OperatorError, match=says) as caught, open_storage(used):
            pass
        assert "\n" not in str(caught.value)
    if "garbage" not in wrong:
        assert state(used.data_dir) == before
    shutil.rmtree(used.data_dir)
    shutil.copytree(kept, used.data_dir)
    assert people_of(used) == [True, True]


def test_one_database_for_both_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'var' / 'courtyard.db'}"
    with pytest.raises(OperatorError, match="another database"), open_storage(config_at(tmp_path, key_store_url=url)):
        pass
    assert not (tmp_path / "var" / "courtyard.db").exists()


def test_a_key_store_url_to_something_else_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "recipes.db") as db:
        db.execute("CREATE TABLE recipes (id INTEGER)")
    (tmp_path / "recipes.db").chmod(0o600)
    config = config_at(tmp_path, key_store_url=f"sqlite:///{tmp_path / 'recipes.db'}")
    with pytest.raises(OperatorError, match="a database of something else"), open_storage(config):
        pass


def test_files_are_for_their_owner_alone(used: Config) -> None:
    with open_storage(used):
        modes = {file.name: file.stat().st_mode & 0o777 for file in used.data_dir.iterdir() if "lock" not in file.name}
    assert {"keys.db", "keys.db-wal", "courtyard.db", "master.key", "store.key"} <= modes.keys()
    assert set(modes.values()) == {0o600}


def test_one_damaged_card_is_no_foreign_key_store(used: Config) -> None:
    with sqlite3.connect(used.data_dir / "courtyard.db") as db:
        db.execute("UPDATE people SET card = X'0102' WHERE id = (SELECT MIN(id) FROM people)")
    with open_storage(used):
        pass


def test_an_erasure_that_was_broken_off_is_ended(used: Config) -> None:
    """The key is destroyed first; should the process end then, the rows go at the next start."""
    with open_storage(used) as storage:
        alice = storage.db.run_sync(lambda tx: People().get(tx, ALICE))
        assert alice is not None
        storage.vault.destroy([alice.id])
    assert people_of(used) == [False, True]
    with open_storage(used) as storage:
        assert storage.db.run_sync(lambda tx: People().ensure(tx, ALICE)).id != alice.id


def test_a_scrub_that_was_broken_off_is_done_at_the_next_start(used: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_storage(used) as storage:
        alice = storage.db.run_sync(lambda tx: People().get(tx, ALICE))
        assert alice is not None
        [wrapped] = storage.vault.keys.database.run_sync(
            lambda tx: tx.sql("SELECT wrapped FROM data_keys WHERE owner = ?", (alice.id,)).one()
        )

        def killed(database: Database) -> bool:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(Database, "scrub", killed)
            with pytest.raises(KeyboardInterrupt):
                storage.vault.destroy([alice.id])
    done: list[str] = []
    scrub = Database.scrub

    def counted(database: Database) -> bool:
        done.append(str(database.engine.url))
        return scrub(database)

    monkeypatch.setattr(Database, "scrub", counted)
    for _ in range(2):
        with open_storage(used):
            files = [file for file in used.data_dir.iterdir() if file.name.startswith("keys.db")]
            assert not [file for file in files if wrapped in file.read_bytes()]
    assert len([url for url in done if "keys.db" in url]) == 1, "once, and not at every start"


def test_destroyed_keys_are_in_no_file(used: Config) -> None:
    with open_storage(used) as storage:
        keys = storage.vault.keys.database
        rows = keys.run_sync(lambda tx: tx.sql("SELECT owner, wrapped FROM data_keys WHERE owner > 0").all())
        storage.vault.destroy([rows[0].owner])
        files = [file.read_bytes() for file in used.data_dir.iterdir() if file.name.startswith("keys.db")]
        assert not any(rows[0].wrapped in content for content in files)
        assert any(rows[1].wrapped in content for content in files)


def test_a_reader_in_the_way_is_no_fault(used: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_storage(used) as storage:
        alice = storage.db.run_sync(lambda tx: People().get(tx, ALICE))
        assert alice is not None
        storage.vault.keys.database.run_sync(lambda tx: tx.sql("SELECT 1"))
        raw = storage.vault.keys.database.engine.raw_connection()
        raw.cursor().execute("PRAGMA busy_timeout=200")
        raw.close()
        reader = sqlite3.connect(used.data_dir / "keys.db")
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM data_keys").fetchall()
        storage.vault.destroy([alice.id])
        reader.close()
        assert storage.vault.keys.database.scrub_if_due()


@pytest.fixture(params=["sqlite", "postgresql"])
def keys(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], KeyStore]]:
    """Opens one key store with the given master keys, any number of times, on both engines."""
    opened: list[KeyStore] = []
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'keys.db'}"
    else:
        url = create_postgres_database(request.getfixturevalue("postgres_url"), "courtyard_keys")

    def open_(text: str) -> KeyStore:
        opened.append(KeyStore.open(url, MasterKeys(lambda: parse_master_keys(text, "the test"))))
        return opened[-1]

    yield open_
    for store in opened:
        store.close()


A, B = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))


def test_rewrapping_while_others_create(keys: Callable[[str], KeyStore]) -> None:
    first = keys(A)
    made = {owner: first.create(owner) for owner in range(1, 1200)}
    second = keys(f"{B},{A}")
    first.masters._load = lambda: parse_master_keys(f"{B},{A}", "the test")  # as the file is read again
    made[5000] = first.create(5000)
    assert second.rewrap() == 1199 + 2
    made[5001] = first.create(5001)
    assert second.count() == {second.masters.current.id: 1203}
    assert second.rewrap() == 0
    only_new = keys(B)
    assert only_new.get(list(made)) == made
    assert first.get(list(made)) == made
    with pytest.raises(OperatorError, match="another master key"):
        keys(A)


def test_a_damaged_key_stays_and_stops_nobody(keys: Callable[[str], KeyStore]) -> None:
    store = keys(A)
    made = {owner: store.create(owner) for owner in (1, 2, 3)}
    store.database.run_sync(lambda tx: tx.sql("UPDATE data_keys SET wrapped = ? WHERE owner = 2", (b"x" * 60,)))
    assert store.get([1, 2, 3, 4]) == {1: made[1], 2: None, 3: made[3]}
    vault = Vault(store)
    vault.prepare([1, 2, 3, 4])
    assert vault.read(1, "moments", 1, "sealed", vault.seal(1, "moments", 1, "sealed", "x")) == "x"
    assert vault.read(2, "moments", 1, "sealed", b"x") is None
    rotated = keys(f"{B},{A}")
    assert rotated.rewrap() == 4
    assert sorted(rotated.count().values()) == [1, 4]
    assert rotated.rewrap() == 0


def test_erased_means_erased(keys: Callable[[str], KeyStore]) -> None:
    store = keys(A)
    vault = Vault(store)
    vault.create(7)
    sealed = vault.seal(7, "moments", 1, "sealed", "x")
    vault.destroy([7])

    for attempt in (
        lambda: vault.open(7, "moments", 1, "sealed", sealed),
        lambda: vault.seal(7, "moments", 1, "sealed", "y"),
        lambda: vault.create(7),
        lambda: store.create(7),
    ):
        with pytest.raises(Unreadable) as caught:
            attempt()
        assert caught.value.reason == "erased"
    # A key that was being read while it was destroyed is not kept.
    with pytest.raises(Unreadable):
        vault._keep(7, AESGCMSIV(bytes(32)))
    assert list(keys(A).erased()) == [7]


def test_a_sealer_needs_something_to_open(tmp_path: Path) -> None:
    sealer = Sealer(load_or_create_store_key(tmp_path / "store.key"))
    with pytest.raises(OperatorError, match="store key is not the one"):
        sealer.open("x", b"")
    with pytest.raises(AssertionError, match="everybody's"):
        Vault(KeyStore.open("sqlite://", MasterKeys(lambda: parse_master_keys(A, "the test")))).destroy([0])
