"""Backups come back as they were, over both engines, and fail closed."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Iterator
from pathlib import Path

import pyrage
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from bridge.backup import layout
from bridge.backup import restore as module
from bridge.backup.dump import write_backup
from bridge.backup.epochs import Epochs
from bridge.backup.filling import SKIP_IDS
from bridge.cli.commands import app
from bridge.config import MatrixConfig
from bridge.db import Tx, media
from bridge.db.migrate import filling
from bridge.db.tables import metadata
from bridge.errors import OperatorError
from bridge.ids import UserId
from bridge.storage import open_storage
from tests.backup.conftest import DAY, POSTGRESQL, SQLITE, House, MakeHouse, settle_in

pytestmark = pytest.mark.usefixtures("migrated_once")

BOTH = pytest.mark.parametrize("engine", [SQLITE, POSTGRESQL])


def contents(house: House) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables."""

    def read(tx: Tx) -> dict[str, list[tuple[object, ...]]]:
        found: dict[str, list[tuple[object, ...]]] = {}
        for table in metadata.sorted_tables:
            names = ", ".join(column.name for column in table.columns)
            rows = tx.sql(f"SELECT {names} FROM {table.name}").all()
            found[table.name] = sorted(tuple(bytes(v) if isinstance(v, memoryview) else v for v in r) for r in rows)
        return found

    with open_storage(house.config, update=False) as storage:
        return storage.db.run_sync(read)


@pytest.mark.parametrize(
    ("of", "to"), [(SQLITE, SQLITE), (SQLITE, POSTGRESQL), (POSTGRESQL, SQLITE), (POSTGRESQL, POSTGRESQL)]
)
def test_what_was_backed_up_comes_back(make_house: MakeHouse, of: str, to: str) -> None:
    house = make_house(of)
    people = settle_in(house)
    file = house.backup("a.backup")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(p.name for p in house.directory.glob(".*")) == []
    assert house.last.rows > 10

    new = make_house(to, house)
    restored = new.restore(file)
    assert (restored.people, restored.erased, restored.without_key) == (2, 0, 0)
    before, after = contents(house), contents(new)
    changed = layout.LEFT_OUT | {"accounts", "crypto_secrets", "outbox"}
    assert {name: rows for name, rows in after.items() if name not in changed} == {
        name: rows for name, rows in before.items() if name not in changed
    }
    for table in layout.LEFT_OUT:
        assert after[table] == []
    assert [row[1] for row in after["crypto_secrets"]] == ["recovery key"]
    assert len(after["outbox"]) == len(before["outbox"]) == 2

    with open_storage(new.config) as storage:

        def look(tx: Tx) -> None:
            alice = people["alice"]
            sealed = tx.sql("SELECT sealed FROM moments WHERE id = ?", (alice.moment,)).scalar_one()
            moment = tx.vault.open(alice.id, "moments", alice.moment, "sealed", sealed)
            assert moment == {"text": alice.words["text"]}
            assert tx.sql("SELECT device_id, access_token, sync_token FROM accounts").one() == (None, None, "s1")
            assert tx.sql("SELECT instance FROM accounts").scalar() != "abcd"
            assert tx.sql("SELECT COUNT(*) FROM outbox WHERE first_attempt_at IS NULL").scalar() == 0
            assert tx.new_ids("moments")[0] > SKIP_IDS
            tx.sql(
                "INSERT INTO prompts (person_id, kind, options, state, created_at, expires_at)"
                " VALUES (?, 'k', '[]', 'open', 1, 1)",
                (alice.id,),
            )
            assert tx.sql("SELECT MAX(id) FROM prompts").scalar_one() > SKIP_IDS

        storage.db.run_sync(look)


@BOTH
def test_a_restore_that_breaks_off_leaves_nothing(
    make_house: MakeHouse, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the last moment: the key store is complete by then, the database is not."""
    house = make_house(engine)
    settle_in(house)
    file = house.backup("a.backup")
    new = make_house(engine, house)
    real = filling

    @contextlib.contextmanager
    def full(engine: sa.Engine) -> Iterator[object]:
        with real(engine) as pair:
            yield pair
            raise OSError("the disk is full")

    monkeypatch.setattr(module, "filling", full)
    with pytest.raises(OSError, match="full"):
        new.restore(file)
    monkeypatch.undo()
    if engine == SQLITE:
        assert list(new.directory.glob("*.db*")) == []
    assert new.restore(file).people == 2


def test_every_table_is_somewhere() -> None:
    """A new table goes into backups as it is: if its values open without the key of the person they are about, it
    belongs into `layout.SEALED`."""
    names = {table.name for table in metadata.sorted_tables}
    assert names >= layout.LEFT_OUT
    assert names >= layout.SEALED
    assert not layout.LEFT_OUT & layout.SEALED


@BOTH
def test_a_snapshot_is_of_one_moment(make_house: MakeHouse, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody new comes in between the tables: all of them, or nothing, is in the backup; nobody is held up."""
    house = make_house(engine)
    people = settle_in(house)
    real = layout.open_tables

    def with_traffic() -> list[object]:
        with open_storage(house.config) as storage:

            def more(tx: Tx) -> None:
                tx.sql("DELETE FROM moments")
                tx.sql("UPDATE people SET paused_at = 7")

            storage.db.run_sync(more)
        return real()  # type: ignore[return-value]

    monkeypatch.setattr(layout, "open_tables", with_traffic)
    file = house.backup("a.backup")
    monkeypatch.undo()
    new = make_house(engine, house)
    new.restore(file)
    after = contents(new)
    assert len(after["moments"]) == len(people)
    assert all(row[-1] is None for row in after["people"])
    assert contents(house)["moments"] == []


@BOTH
def test_restore_fills_only_what_is_empty(make_house: MakeHouse, engine: str) -> None:
    house = make_house(engine)
    settle_in(house)
    file = house.backup("a.backup")
    before = contents(house)
    with pytest.raises(OperatorError, match="key store already"):
        house.restore(file)
    assert contents(house) == before
    new = make_house(engine, house)
    new.restore(file)
    with pytest.raises(OperatorError, match="restore works only where nothing is"):
        new.restore(file)


@BOTH
def test_what_is_wrong_with_a_file_changes_nothing(make_house: MakeHouse, engine: str, tmp_path: Path) -> None:
    house = make_house(engine)
    settle_in(house)
    good = house.backup("good.backup").read_bytes()
    identity = pyrage.x25519.Identity.from_str(house.identity.read_text().splitlines()[1])
    inside = pyrage.decrypt(good, [identity])
    lines = inside.splitlines(keepends=True)

    def forged(data: bytes) -> bytes:
        return bytes(pyrage.encrypt(data, [identity.to_public()]))

    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1
    broken = {
        "nothing": b"",
        "foreign": b"just a text\n" * 99,
        "cut off": good[:-1],
        "cut off early": good[:100],
        "damaged": bytes(flipped),
        "longer": good + b"x",
        "no lines": forged(b"x" * 10_000),
        "deep": forged(b"[" * 1_000_000 + b"\n"),
        "no end": forged(b"".join(lines[:-1])),
        "a line less": forged(b"".join(lines[:5] + lines[6:])),
        "a line twice": forged(b"".join(lines[:5] + lines[4:])),
        "a table with another name": forged(inside.replace(b'"likes"', b'"evil; --"')),
        "more after the end": forged(inside + lines[3]),
        "another header": forged(lines[0].replace(b'"created_at":', b'"created_at":1') + b"".join(lines[1:])),
        "newer": forged(lines[0].replace(b'"version":1', b'"version":2') + b"".join(lines[1:])),
        "a friend more": forged(inside.replace(b'["table","likes"', b'["table","friendships"')),
    }
    new = make_house(engine, house)
    for name, data in broken.items():
        file = tmp_path / "broken.backup"
        file.write_bytes(data)
        with pytest.raises(OperatorError) as caught:
            new.restore(file)
        assert "\n" not in str(caught.value), name
        assert not (new.directory / "main.db").exists()
        assert not (new.directory / "keys.db").exists()
    with pytest.raises(OperatorError, match="can't be read"):
        new.restore(tmp_path / "missing")
    with pytest.raises(OperatorError, match="no file"):
        new.restore(tmp_path)
    new.restore(house.directory / "good.backup")


@BOTH
def test_each_missing_key_is_named(make_house: MakeHouse, engine: str) -> None:
    house = make_house(engine)
    settle_in(house)
    file = house.backup("a.backup")
    new = make_house(engine, house)

    def refused(match: str) -> None:
        with pytest.raises(OperatorError, match=match):
            new.restore(file)

    for name in ("store.key", "master.key"):
        path = new.directory / name
        right = path.read_bytes()
        path.unlink()
        refused(f"{name} is missing")
        path.write_bytes(b"A" * 43 + b"=\n")
        path.chmod(0o600)
        refused("another (store|master) key")
        path.write_bytes(right)
    [epoch] = house.config.epoch_dir.glob("*.epoch")
    away = epoch.rename(house.directory / "away")
    refused(r"key of its epoch, [0-9a-f]+\.epoch, is not in")
    away.rename(epoch)
    new.identity = house.directory / "wrong"
    new.identity.write_text(str(pyrage.x25519.Identity.generate()))
    refused("another recipient")
    new.identity.write_text("nothing")
    refused("no secret key of age")
    new.identity = house.identity
    other = MatrixConfig(homeserver="https://example.org", user_id=UserId("@other:example.org"), password="p")  # type: ignore[arg-type]
    config, new.config = new.config, new.config.model_copy(update={"matrix": other})
    refused("another account")
    new.config = config
    assert new.restore(file).people == 2


def test_a_backup_is_whole_or_not_there(make_house: MakeHouse) -> None:
    house = make_house(SQLITE)
    with pytest.raises(OperatorError, match="store key"):
        house.backup("early")
    settle_in(house)
    with pytest.raises(OperatorError, match="nobody is named"):
        write_backup(house.config, house.directory / "x")
    with pytest.raises(OperatorError, match="none of age's"):
        write_backup(house.config, house.directory / "x", ("age1" + "q" * 58,))
    file = house.backup("x")
    before = file.read_bytes()
    with pytest.raises(OperatorError, match="exists already"):
        house.backup("x")
    assert file.read_bytes() == before
    with pytest.raises(OperatorError, match="can't be written"):
        house.backup("no-such-directory/x")
    assert [p.name for p in house.directory.iterdir() if p.name.startswith(".")] == []


def came_later(tx: Tx, alice: int) -> None:
    """Somebody new, and what a program keeps for them and for Alice, and showed them."""
    dave = alice ^ 1
    tx.vault.create(dave)
    card = tx.vault.seal(dave, "people", dave, "card", {"user_id": "@dave:example.org"})
    lookup = tx.vault.lookup("person", "@dave:example.org")
    tx.sql("INSERT INTO people (id, lookup, card, created_at) VALUES (?, ?, ?, ?)", (dave, lookup, card, tx.now))
    program = tx.sql("SELECT id FROM programs").scalar()
    for person in (alice, dave):
        tx.sql(
            "INSERT INTO program_values (program_id, person_id, place, lookup, sealed, version, bytes)"
            " VALUES (?, ?, ?, ?, ?, 1, 1)",
            (program, person, b"p", f"{person}".encode(), b"s"),
        )
        media.hold(tx, media.PROGRAM, person, [{"url": f"mxc://example.org/{person}"}])


@BOTH
def test_a_newer_backup_lends_its_keys(make_house: MakeHouse, engine: str) -> None:
    house = make_house(engine)
    people = settle_in(house, ("alice", "bob", "carol"))
    with open_storage(house.config) as storage:
        storage.db.run_sync(
            lambda tx: tx.sql(
                "INSERT INTO programs (name, version, package, signers, sealed, installed_at, changed_at)"
                " VALUES ('p', '1', '', '[]', ?, 0, 0)",
                (b"s",),
            )
        )
    old = house.backup("old")
    house.clock.offset = 8 * DAY
    with open_storage(house.config) as storage:
        storage.vault.destroy([people["bob"].id])
        storage.db.run_sync(lambda tx: tx.sql("DELETE FROM moments"))
        storage.db.run_sync(lambda tx: came_later(tx, people["alice"].id))
    new = house.backup("new")

    fresh = make_house(engine, house)
    with pytest.raises(OperatorError, match="its key was destroyed"):
        fresh.restore(old)
    with pytest.raises(OperatorError, match="exchange the two"):
        fresh.restore(new, old)
    restored = fresh.restore(old, new)
    assert (restored.people, restored.erased, restored.without_key) == (2, 1, 0)
    after = contents(fresh)
    assert {row[1] for row in after["moments"]} == {people["alice"].id, people["carol"].id}
    assert after["outbox"] == [], "long sent"
    assert len(after["rooms"]) == 3
    assert len(after["program_values"]) == len(after["media_holders"]) == 1, (
        "Alice's; of who came later nobody is there"
    )
    assert len(after["media"]) == 2
    with open_storage(fresh.config) as storage:
        assert storage.vault.keys.erased().keys() == {people["bob"].id}


def test_epochs_begin_and_end(tmp_path: Path) -> None:
    now = 1_000 * DAY
    epochs = Epochs(tmp_path / "epochs", 7, lambda: now)
    first = epochs.current()
    assert stat.S_IMODE((tmp_path / "epochs" / f"{first.id}.epoch").stat().st_mode) == 0o600
    assert epochs.current() == first
    assert first.key.hex() not in repr(first)
    now += DAY + 1
    second = epochs.current()
    assert second.id != first.id
    now += 6 * DAY
    assert epochs.find(first.id) is None, "before it is destroyed, too"
    assert epochs.destroy_ended() == 1
    assert epochs.find(second.id) == second
    assert [p.name for p in (tmp_path / "epochs").iterdir()] == [f"{second.id}.epoch"]
    (tmp_path / "epochs" / f"{'0' * 16}.epoch").write_text("damaged")
    assert epochs.find("0" * 16) is None
    assert epochs.find("../../etc/passwd") is None
    (tmp_path / "epochs" / "notes.txt").write_text("not ours")
    now += 10_000_000 * DAY
    assert epochs.destroy_ended() == 2
    assert [p.name for p in (tmp_path / "epochs").iterdir()] == ["notes.txt"]


def test_the_commands(make_house: MakeHouse, tmp_path: Path) -> None:
    """As an operator gives them: what they print, and nothing of the keys in it."""
    house = make_house(SQLITE)
    settle_in(house)
    text = (
        f"matrix: {{homeserver: 'https://example.org', user_id: '{house.config.matrix.user_id}', password: secret}}\n"
        f"data_dir: {house.directory}\n"
        f"database: {{url: 'sqlite:///{house.directory}/main.db'}}\n"
    )
    config = tmp_path / "courtyard.yaml"
    config.write_text(text)
    config.chmod(0o600)
    runner = CliRunner()

    def run(*words: str) -> tuple[int, str]:
        done = runner.invoke(app, [*words])
        if isinstance(done.exception, OperatorError):
            return done.exception.exit_code, str(done.exception)
        return done.exit_code, done.output

    identity = tmp_path / "identity"
    code, recipient = run("backup-key", str(identity))
    assert code == 0
    assert stat.S_IMODE(identity.stat().st_mode) == 0o600
    assert run("backup-key", str(identity)) == (2, f"backup: {identity} exists already and stays as it is.")
    file = tmp_path / "a.backup"
    code, said = run("backup", "-c", str(config), "-o", str(file))
    assert code == 2
    assert "backup.recipients" in said
    code, said = run("backup", "-c", str(config), "-o", str(file), "--recipient", recipient.strip())
    assert code == 0
    assert "epoch_dir lies in data_dir" in said
    code, said = run("restore", str(file), "-i", str(identity), "-c", str(config))
    assert code == 2
    for name in ("main.db", "keys.db"):
        for path in house.directory.glob(f"{name}*"):
            path.unlink()
    code, said = run("restore", str(file), "-i", str(identity), "-c", str(config))
    assert code == 0
    assert "Restored 2 people" in said
    assert house.config.matrix.user_id not in said
    config.write_text(text + "backup: {recipients: [age1short]}\n")
    code, said = run("check-config", "-c", str(config))
    assert code == 2
    assert "should be a recipient of age" in said
