"""A village as it was, to go on from."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bridge.db import Database, Tx
from bridge.db.tables import metadata
from bridge.vault import KeyStore, Vault
from tests.at_once import DatabaseAtOnce
from tests.features.homes import Room

if TYPE_CHECKING:
    from tests.features.village import Village

_STATE = (
    *("now", "rooms", "meeting", "stuck", "shut", "absent", "thrown_out", "left"),
    *("counted", "last_event", "_events", "_by_txn"),
)
"""What a village knows besides its databases."""


class Begun:
    """A village as it is now."""

    def __init__(self, village: Village) -> None:
        keys = village.vault.keys
        self._main, self._keys = _copied(village.db.engine), _copied(keys.database.engine)
        self._masters = keys.masters
        self._state = {name: _apart(getattr(village, name)) for name in _STATE}

    def database(self) -> Database:
        """A database in which all of it is, with a vault of its own."""
        database = DatabaseAtOnce.open("sqlite://", vault=self._vault())
        _fill(database.engine, self._main)
        return database

    def pour(self, database: Database) -> Database:
        """Put all of it into an empty database with the whole schema, and give that a vault of its own."""
        database.vault = self._vault()
        if database.engine.dialect.name == "sqlite":
            _fill(database.engine, self._main)
        else:
            database.run_sync(self._insert)
        return database

    def _vault(self) -> Vault:
        keys = Database.open("sqlite://")
        _fill(keys.engine, self._keys)
        return Vault(KeyStore(keys, self._masters))

    def _insert(self, tx: Tx) -> None:
        with sa.create_engine("sqlite://", creator=lambda: self._main, poolclass=sa.pool.StaticPool).connect() as saved:
            for table in metadata.sorted_tables:
                if rows := saved.execute(table.select()).mappings().all():
                    tx.execute(table.insert(), [dict(row) for row in rows])
        for name, last in self._main.execute("SELECT name, seq FROM sqlite_sequence WHERE seq > 0"):
            tx.sql("SELECT setval(pg_get_serial_sequence(?, 'id'), ?)", (name, last)).all()

    def hand_on(self, village: Village) -> None:
        """Let a village, over such a database, know what this one knew."""
        for name, value in self._state.items():
            setattr(village, name, _apart(value))


def _copied(engine: Engine) -> sqlite3.Connection:
    copy = sqlite3.connect(":memory:", check_same_thread=False)
    raw: Any = engine.raw_connection()
    try:
        raw.dbapi_connection.backup(copy)
    finally:
        raw.close()
    return copy


def _fill(engine: Engine, saved: sqlite3.Connection) -> None:
    raw: Any = engine.raw_connection()
    try:
        saved.backup(raw.dbapi_connection)
    finally:
        raw.close()


def _apart(value: Any) -> Any:
    """What changes in the one must not change in the other. What was sent never changes."""
    match value:
        case Room():
            return replace(value, events=[replace(event) for event in value.events], log=[*value.log])
        case dict():
            return {key: _apart(one) for key, one in value.items()}
        case list():
            return [_apart(one) for one in value]
        case set():
            return set(value)
    return value
