"""The records of a backup become rows, but for those of people who were erased."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bridge.backup import layout
from bridge.backup.reading import BackupFile
from bridge.backup.records import Damaged, Record, Seal, from_json
from bridge.db import Tx
from bridge.db.sealing import HOUSE
from bridge.errors import OperatorError
from bridge.vault import KeyStore, keystore

SKIP_IDS = 1_000_000
"""Ids are never given out twice: these are left out for those that were given out since the backup."""
_MAX_LAST_ID = 1 << 53


@dataclass(frozen=True, slots=True)
class Owners:
    """Who has a data key, and who was erased."""

    with_key: set[int]
    erased: set[int]


@dataclass(slots=True)
class _Table:
    name: str
    columns: list[tuple[str, str]]
    """Name and kind."""

    def rows(self, record: Record) -> list[tuple[Any, ...]]:
        try:
            return [
                tuple(from_json(value, kind) for value, (_, kind) in zip(row, self.columns, strict=True))
                for row in record[1]
            ]
        except (ValueError, TypeError):
            raise Damaged from None

    def position(self, column: str) -> int:
        return [name for name, _ in self.columns].index(column)

    def insert(self, tx: Tx, rows: list[tuple[Any, ...]]) -> None:
        names = ", ".join(f'"{name}"' for name, _ in self.columns)
        marks = ", ".join("?" * len(self.columns))
        tx.sql(f'INSERT INTO "{self.name}" ({names}) VALUES ({marks})', rows)


def _table(record: Record, name: str, existing: set[str]) -> _Table:
    """The table that a record begins. Only names that are in the schema go into statements."""
    try:
        columns = [(str(column), str(kind)) for column, kind in record[2]]
    except (IndexError, ValueError, TypeError):
        raise Damaged from None
    if not columns or not {column for column, _ in columns} <= existing:
        raise Damaged
    return _Table(name, columns)


def fill_keys(tx: Tx, keys: KeyStore, file: BackupFile, seal: Seal, listed: dict[int, int]) -> Owners:
    """The key store, without the keys of those who were erased since: on the list, whatever the backup says.

    Raises:
        OperatorError: the master key is another one, or the backup has no keys.
    """
    keystore.metadata.create_all(tx.conn)
    found = Owners(set(), set(listed))
    noted = dict(listed)
    table: _Table | None = None

    def take(record: Record) -> None:
        nonlocal table
        if record[0] == "table":
            name = str(record[1]).removeprefix(layout.KEYS)
            is_ours = str(record[1]).startswith(layout.KEYS) and name in keystore.metadata.tables
            table = _table(record, name, set(keystore.metadata.tables[name].columns.keys())) if is_ours else None
        elif table is not None:
            rows = table.rows(record)
            if table.name == "erasures":
                owner, at = table.position("owner"), table.position("at")
                noted.update({row[owner]: row[at] for row in rows})
                found.erased.update(row[owner] for row in rows)
                return
            if table.name == "data_keys":
                owner = table.position("owner")
                rows = [row for row in rows if row[owner] not in found.erased]
                found.with_key.update(row[owner] for row in rows)
            table.insert(tx, rows)

    file.read(seal, take)
    tx.sql("INSERT INTO erasures (owner, at) VALUES (?, ?)", sorted(noted.items()))
    if HOUSE not in found.with_key:
        raise OperatorError(f"restore: {file.path} holds no keys; it was made of a bot that never ran.")
    keys.check(tx)
    return found


class Filling:
    """Fills the tables of the main database."""

    def __init__(self, tx: Tx, owners: Owners) -> None:
        self.people = self.rows = self.erased = self.without_key = 0
        self._tx = tx
        self._owners = owners
        self._dead: dict[str, set[int]] = {}
        """Ids of rows that were left out, by table: what leads to them is left out too."""
        self._accounts: set[int] = set()
        self.is_another = False
        """What comes is of another backup than the rest: what leads to a row that is not there is left out."""
        self._there: dict[str, set[int]] = {}
        self._last_ids: dict[str, int] = {}
        self._table: _Table | None = None
        self.look_again()

    def look_again(self) -> None:
        """The schema has changed."""
        self._inspector = sa.inspect(self._tx.conn)

    def take(self, record: Record, wanted: frozenset[str]) -> None:
        """One record; those of other tables than `wanted` are passed over.

        Raises:
            Damaged: it does not fit the schema.
        """
        if record[0] == "table":
            name = record[1]
            self._table = None
            if name not in wanted:
                return
            if not self._inspector.has_table(name):
                raise Damaged
            existing = {column["name"] for column in self._inspector.get_columns(name)}
            self._table = _table(record, name, existing)
            self._parents = self._led_to(self._table)
            if record[3] is not None:
                self._last_ids[name] = int(record[3])
        elif self._table is not None:
            rows = [self._freed(row) for row in self._table.rows(record) if self._lives(row)]
            self._table.insert(self._tx, rows)
            self._there.pop(self._table.name, None)
            self.rows += len(rows)
            if self._table.name == "accounts":
                self._accounts.update(row[self._table.position("id")] for row in rows)

    def finish(self) -> None:
        """Let the database go on with ids that were never given out."""
        sqlite = self._tx.conn.dialect.name == "sqlite"
        for table, last in self._last_ids.items():
            following = last + SKIP_IDS if last < _MAX_LAST_ID else last
            if not sqlite:
                self._tx.sql("SELECT setval(pg_get_serial_sequence(?, 'id'), ?)", (table, following))
            elif not self._tx.sql(
                "UPDATE sqlite_sequence SET seq = MAX(seq, ?) WHERE name = ?", (following, table)
            ).rowcount:
                self._tx.sql("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, following))

    def _led_to(self, table: _Table) -> list[tuple[int, str]]:
        """Where in a row the id of a row of another table stands."""
        names = {name for name, _ in table.columns}
        return [
            (table.position(key["constrained_columns"][0]), key["referred_table"])
            for key in self._inspector.get_foreign_keys(table.name)
            if key["constrained_columns"][0] in names
        ]

    def _lives(self, row: tuple[Any, ...]) -> bool:
        table = self._table
        assert table is not None
        lives = True
        for position, parent in self._parents:
            value = row[position]
            if value is None or parent == table.name:
                continue
            if (
                value in self._dead.get(parent, ())
                or (parent == "accounts" and value not in self._accounts)
                or (self.is_another and value not in self._ids(parent))
            ):
                lives = False
        if table.name == "people":
            person = row[table.position("id")]
            if person in self._owners.erased:
                self.erased += 1
                lives = False
            elif person not in self._owners.with_key:
                self.without_key += 1
                lives = False
            else:
                self.people += 1
        if not lives and table.columns[0][0] == "id":
            self._dead.setdefault(table.name, set()).add(row[0])
        return lives

    def _ids(self, table: str) -> set[int]:
        """Ids of what is there of a table, as far as the other backup adds nothing to it."""
        if table not in self._there:
            self._there[table] = set(self._tx.sql(f'SELECT id FROM "{table}"').scalars())
        return self._there[table]

    def _freed(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """A row without what leads to rows of its own table that were left out: answers to comments stay."""
        assert self._table is not None
        for position, parent in self._parents:
            if parent == self._table.name and row[position] in self._dead.get(parent, ()):
                row = (*row[:position], None, *row[position + 1 :])
        return row
