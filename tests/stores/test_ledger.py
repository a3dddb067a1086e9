"""The ledger: a chain that shows each change, without a key, and outlives those whom it is about."""

import hashlib
from pathlib import Path

import pytest

from bridge.db import Database, Tx, ledger
from bridge.db.sealing import HOUSE, Unreadable
from bridge.db.tables import metadata
from bridge.errors import OperatorError
from bridge.vault import Vault
from bridge.vault.heads import Heads
from tests.vaults import new_vault

ALICE = 4711


@pytest.fixture
def filled(database: Database) -> Database:
    def fill(tx: Tx) -> None:
        tx.vault.create(ALICE)
        for number in range(1, 6):
            ledger.append(tx, ALICE if number % 2 else HOUSE, "did", what=number)

    database.run_sync(fill)
    return database


def test_entries_are_numbered_and_opened_by_their_owners_key(filled: Database) -> None:
    def look(tx: Tx) -> list[tuple[int, object]]:
        return [
            (entry.number, tx.vault.open(entry.owner, "ledger", entry.number, "sealed", entry.sealed))
            for entry in ledger.entries(tx)
        ]

    assert filled.run_sync(look) == [(n, {"kind": "did", "what": n}) for n in range(1, 6)]
    verdict = filled.run_sync(ledger.verify)
    assert (verdict.is_whole, verdict.entries) == (True, 5)
    assert verdict.head.startswith("5:")


def test_an_empty_ledger_is_whole(database: Database) -> None:
    verdict = database.run_sync(ledger.verify)
    assert (verdict.is_whole, verdict.entries) == (True, 0)
    assert database.run_sync(lambda tx: ledger.verify(tx, verdict.head)).is_whole


def test_the_hash_is_what_the_document_says() -> None:
    before, sealed = bytes(range(32)), b"sealed"
    text = (
        b"courtyard ledger 1\0" + before + b"".join(n.to_bytes(8, "big") for n in (3, 1_750_000_000_000, 7, 6)) + sealed
    )
    assert ledger.chained(before, 3, 1_750_000_000_000, 7, sealed) == hashlib.sha256(text).digest()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger SET at = at + 1 WHERE number = 3",
        "UPDATE ledger SET owner = 0 WHERE number = 3",
        "UPDATE ledger SET sealed = (SELECT sealed FROM ledger WHERE number = 5) WHERE number = 3",
        "UPDATE ledger SET hash = (SELECT hash FROM ledger WHERE number = 5) WHERE number = 3",
        "DELETE FROM ledger WHERE number = 3",
    ],
)
def test_a_change_shows_where_it_is(filled: Database, change: str) -> None:
    filled.run_sync(lambda tx: tx.sql(change))
    verdict = filled.run_sync(ledger.verify)
    assert (verdict.is_whole, verdict.broken) == (False, 3)


def test_the_first_entry_can_not_be_taken_out(filled: Database) -> None:
    filled.run_sync(lambda tx: tx.sql("DELETE FROM ledger WHERE number = 1"))
    assert filled.run_sync(ledger.verify).broken == 1


def test_what_was_cut_off_or_written_anew_lacks_a_noted_head(filled: Database) -> None:
    head = filled.run_sync(ledger.verify).head
    filled.run_sync(lambda tx: tx.sql("DELETE FROM ledger WHERE number = 5"))
    assert filled.run_sync(ledger.verify).is_whole
    assert not filled.run_sync(lambda tx: ledger.verify(tx, head)).is_whole
    filled.run_sync(lambda tx: ledger.append(tx, HOUSE, "did", what=5))
    assert not filled.run_sync(lambda tx: ledger.verify(tx, head)).is_whole


def test_it_is_whole_when_somebody_was_erased() -> None:
    database = Database.open("sqlite://", vault=new_vault())
    metadata.create_all(database.engine)
    assert isinstance(database.vault, Vault)
    database.vault.create(ALICE)
    head = database.run_sync(lambda tx: ledger.append(tx, ALICE, "did")).head
    database.run_sync(lambda tx: ledger.append(tx, HOUSE, "did"))
    database.vault.destroy([ALICE])
    assert database.run_sync(lambda tx: ledger.verify(tx, head)).is_whole
    with pytest.raises(Unreadable, match="erased"):
        database.run_sync(lambda tx: ledger.append(tx, ALICE, "did"))
    assert database.run_sync(ledger.verify).entries == 2
    database.close_sync()


def test_heads_are_kept_apart(tmp_path: Path) -> None:
    heads = Heads(tmp_path / "epochs" / "ledger.heads")
    assert heads.last() is None
    for head in ("1:aa", "2:bb", "2:bb"):
        heads.note(head)
    assert heads.last() == "2:bb"
    assert (tmp_path / "epochs" / "ledger.heads").read_text().split() == ["1:aa", "2:bb"]
    (tmp_path / "epochs" / "ledger.heads").unlink()
    (tmp_path / "epochs" / "ledger.heads").mkdir()
    with pytest.raises(OperatorError, match="can't be"):
        heads.note("3:cc")
