"""Reading a whole database as it is at one moment, while others go on writing."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridge.errors import OperatorError

_TIMEOUT_S = 15.0


@contextlib.contextmanager
def snapshot(url: str) -> Iterator[Connection]:
    """A connection of its own in one transaction that only reads, all of it from the same moment.

    Writers are not held up. On SQLite their journal grows meanwhile: see `empty_journal`.

    Raises:
        OperatorError: the URL can't be used, or there is no database.
    """
    engine = _engine(url)
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("SELECT COUNT(*) FROM sqlite_master")  # the moment is that of the first read
            yield connection
    except sa.exc.OperationalError as error:
        reason = "".join(str(error.orig).strip().splitlines()[:1])
        raise OperatorError(f"database: it can't be read ({reason}); check its URL and the server.") from None
    finally:
        engine.dispose()


def empty_journal(url: str) -> None:
    """Let SQLite empty its journal, which an erasure during a snapshot could not. Nothing happens on PostgreSQL."""
    engine = _engine(url)
    try:
        if engine.dialect.name == "sqlite":
            raw = engine.raw_connection()
            try:
                cursor = raw.cursor()
                with contextlib.suppress(sqlite3.OperationalError):  # somebody is busy with it: another time
                    cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                    cursor.fetchall()
                cursor.close()
            finally:
                raw.close()
    finally:
        engine.dispose()


def _engine(url: str) -> sa.Engine:
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise OperatorError("database: the URL can't be read; write sqlite:///PATH or postgresql://…") from None
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    try:
        return sa.create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            poolclass=sa.pool.NullPool,
            isolation_level="SERIALIZABLE",
            execution_options={"postgresql_readonly": True, "postgresql_deferrable": True},
        )
    except ModuleNotFoundError:
        raise OperatorError(
            "database: the PostgreSQL driver is missing; install courtyard with the extra `postgres`."
        ) from None


def _sqlite(url: sa.URL) -> sa.Engine:
    if not url.database or not Path(url.database).exists():
        raise OperatorError("database: there is none yet; start the bot once with `courtyard run`.")
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool, connect_args={"timeout": _TIMEOUT_S})

    @sa.event.listens_for(engine, "connect")
    def _connect(connection: object, _record: object) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]  # BEGIN is ours

    @sa.event.listens_for(engine, "begin")
    def _begin(conn: Connection) -> None:
        conn.exec_driver_sql("PRAGMA query_only=ON")
        conn.exec_driver_sql("BEGIN")

    return engine
