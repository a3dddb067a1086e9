"""A village as it was, to go on from."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import Engine

from bridge.db import Database
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
        keys = Database.open("sqlite://")
        _fill(keys.engine, self._keys)
        database = DatabaseAtOnce.open("sqlite://", vault=Vault(KeyStore(keys, self._masters)))
        _fill(database.engine, self._main)
        return database

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
