"""The schema's version: bring a database up to date, refuse one that is newer than the program.

Alembic changes schemas. It is imported when there is something to change: most starts only compare two versions.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from bridge.errors import OperatorError

VERSION_TABLE = "schema_version"
_MIGRATIONS = Path(__file__).parent / "migrations"
# Any number that nothing else on the server locks: all starts of this program take the same one.
_LOCK = 0x434F5552


def upgrade(engine: Engine, to: str = "head") -> None:
    """Bring the schema to this program's version (or up to version `to`), in one transaction. Two starts at once take
    turns.

    Raises:
        OperatorError: the database can't be reached, is newer than the program, or holds tables of something else.
    """
    try:
        with _changing(engine) as connection:
            if _check(connection) != (versions()[-1] if to == "head" else to):
                _upgrade(connection, to)
    except OperationalError as error:
        raise _unreachable(error) from None


@contextlib.contextmanager
def filling(engine: Engine) -> Iterator[tuple[Connection, Callable[[str], None]]]:
    """One transaction on an empty database: the connection, and a function that brings the schema to a version.

    What the block does is committed as a whole, or not at all.

    Raises:
        OperatorError: the database is not empty, or can't be used.
    """
    try:
        with _changing(engine) as connection:
            if _check(connection) is not None:
                raise OperatorError("database: it is not empty; only an empty one can be filled.")
            yield connection, lambda to: _upgrade(connection, to)
    except OperationalError as error:
        raise _unreachable(error) from None


def knows(revision: str) -> bool:
    """Whether this program knows this version of the schema."""
    return revision in versions()


@contextlib.contextmanager
def _changing(engine: Engine) -> Iterator[Connection]:
    """A transaction that may change the schema, one at a time, and leaves no row that leads nowhere."""
    with _foreign_keys_off(engine), engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            # Read what the one before us committed, not a snapshot from before the wait for the lock.
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        # SQLite: every transaction of this engine begins IMMEDIATE, which is the lock.
        yield connection
        if connection.dialect.name == "sqlite":
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
            assert broken is None, f"rows of {broken[0]} lead nowhere"


def _upgrade(connection: Connection, to: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    # The parser of the configuration takes a percent sign for the start of a variable.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection  # for migrations/env.py
    command.upgrade(config, to)


@contextlib.contextmanager
def _foreign_keys_off(engine: Engine) -> Iterator[None]:
    """SQLite changes some tables by copying and dropping them: that must not take along the rows that lead there."""
    if engine.dialect.name != "sqlite":
        yield
        return
    # Outside of a transaction, or it does nothing; the engine has one connection.
    _pragma(engine, "foreign_keys=OFF")
    try:
        yield
    finally:
        _pragma(engine, "foreign_keys=ON")


def _pragma(engine: Engine, what: str) -> None:
    raw = engine.raw_connection()
    try:
        raw.cursor().execute(f"PRAGMA {what}").close()
    finally:
        raw.close()


def version(engine: Engine) -> str | None:
    """The schema's version; None when the database is empty.

    Raises:
        OperatorError: it can't be reached, is newer than the program, or holds tables of something else.
    """
    try:
        with engine.connect() as connection:
            return _check(connection)
    except OperationalError as error:
        raise _unreachable(error) from None


def check_version(engine: Engine) -> None:
    """Refuse to run on a schema that is not exactly this program's.

    Raises:
        OperatorError: it is newer, older, or no database of this program.
    """
    try:
        with engine.connect() as connection:
            check_version_of(connection)
    except OperationalError as error:
        raise _unreachable(error) from None


def check_version_of(connection: Connection) -> str:
    """The same for a connection that is open; the version."""
    found = _check(connection)
    if found is None or found != versions()[-1]:
        raise OperatorError("database: its schema is older than this program; start `courtyard run` once.")
    return found


def _check(connection: Connection) -> str | None:
    """The database's version; None when it is empty."""
    tables = set(sa.inspect(connection).get_table_names())
    if not tables:
        return None
    if VERSION_TABLE not in tables:
        raise OperatorError(
            "database: it holds tables that are not Courtyard's; give Courtyard a database of its own (`database.url`)."
        )
    version: str | None = connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar()
    if version is not None and version not in versions():
        raise OperatorError(
            f"database: its schema ({version}) is newer than this program; install the newer Courtyard again, "
            "or restore the backup from before the update."
        )
    return version


@functools.cache
def versions() -> tuple[str, ...]:
    """The versions that this program knows, in their order: the files of migrations begin with them."""
    names = (path.name for path in _MIGRATIONS.joinpath("versions").glob("[0-9]*_*.py"))
    return tuple(sorted(name.partition("_")[0] for name in names))


def _unreachable(error: DBAPIError) -> OperatorError:
    reason = str(error.orig).strip().splitlines()[:1]
    return OperatorError(f"database: it can't be used ({''.join(reason)}); check `database.url` and the server.")
