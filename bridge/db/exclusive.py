"""One process at a time for one Matrix account, wherever it runs: two would use message keys twice."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bridge.errors import OperatorError


@contextlib.contextmanager
def exclusive(engine: Engine, account: str) -> Iterator[None]:
    """Hold the account for as long as the block lasts.

    On PostgreSQL an advisory lock of a connection of its own; on SQLite a lock on a file beside the database. Both end
    with the process, however it ends.

    Raises:
        OperatorError: another process holds it.
    """
    if engine.dialect.name == "postgresql":
        with _advisory_lock(engine, account):
            yield
    elif engine.url.database in (None, "", ":memory:"):
        yield
    else:
        assert engine.url.database is not None
        with _file_lock(Path(engine.url.database + ".lock")):
            yield


def is_taken(engine: Engine, account: str) -> bool:
    """Whether a process holds the account just now."""
    try:
        with exclusive(engine, account):
            return False
    except OperatorError:
        return True


def _taken() -> OperatorError:
    return OperatorError("database: another courtyard works for this Matrix account on this database; stop it first.")


@contextlib.contextmanager
def _advisory_lock(engine: Engine, account: str) -> Iterator[None]:
    own = sa.create_engine(engine.url, poolclass=sa.pool.NullPool, isolation_level="AUTOCOMMIT")
    try:
        with own.connect() as connection:
            query = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
            if not connection.exec_driver_sql(query, (f"courtyard {account}",)).scalar():
                raise _taken()
            try:
                yield
            finally:
                # A server notices a while after its end that a connection has ended: who comes next need not wait.
                with contextlib.suppress(sa.exc.DBAPIError):
                    unlock = "SELECT pg_advisory_unlock(hashtextextended(%s, 0))"
                    connection.exec_driver_sql(unlock, (f"courtyard {account}",))
    finally:
        own.dispose()


@contextlib.contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise _taken() from None
        yield
