"""The tables of an empty database, made once and copied: making them takes longer than most tests."""

import sqlite3
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bridge.db import Database
from bridge.db.tables import metadata

_TEMPLATES: dict[int, sqlite3.Connection] = {}


def create_tables(database: Database) -> None:
    """Make all tables in an empty database of either engine; nothing where they are, as `metadata.create_all` does."""
    fill(database.engine, metadata)


def fill(engine: Engine, tables: sa.MetaData) -> None:
    """The same for other tables."""
    if engine.dialect.name != "sqlite":
        tables.create_all(engine)
        return
    template = _TEMPLATES.get(id(tables))
    if template is None:
        made = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool)
        tables.create_all(made)
        raw: Any = made.raw_connection().dbapi_connection
        template = _TEMPLATES[id(tables)] = raw
    connection: Any = engine.raw_connection()
    try:
        if connection.dbapi_connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None:
            template.backup(connection.dbapi_connection)
    finally:
        connection.close()
