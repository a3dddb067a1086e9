"""Units of work.

A transaction is a plain synchronous function. It gets a `Tx`, returns a value, and runs in the database's own
thread: no await inside, so it can't be cancelled half-way, and one hop pays for all its statements.
"""

import asyncio
import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, CursorResult, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from bridge.db.rows import Rows, Savepoint, Statements
from bridge.db.sealing import Sealing
from bridge.db.works import Gathered, Work, Works
from bridge.errors import OperatorError

T = TypeVar("T")
CoreRows: TypeAlias = CursorResult[*tuple[Any, ...]]

DATABASE_DOWN = (OperationalError, InterfaceError, sa.exc.TimeoutError)
"""What is raised while the database can't be reached, and by a wrong statement on SQLite: nothing has happened, and it
is tried again later."""
_RETRIES = 8
_BUSY_TIMEOUT_MS = 15_000
_CACHED_STATEMENTS = 512
"""Prepared statements that SQLite's driver keeps: more than the program has that are run often."""


def now_ms() -> int:
    """Milliseconds since the epoch, UTC."""
    return time.time_ns() // 1_000_000


class Tx:
    """One transaction. Valid only inside the function that got it."""

    __slots__ = ("_after_commit", "_ids", "_qmark", "_statements", "_vault", "_watch", "conn", "now")

    def __init__(
        self,
        conn: Connection,
        now: int,
        vault: Sealing | None = None,
        watch: Callable[[str], None] | None = None,
        ids: dict[str, int] | None = None,
    ) -> None:
        """`ids`: the last id of each table that was given out, shared by all that one commit makes durable."""
        self.conn = conn
        self.now = now
        """The transaction's time, ms since the epoch: the same for all that it writes."""
        self._vault = vault
        self._ids: dict[str, int] = {} if ids is None else ids
        self._after_commit: list[Callable[[], None]] = []
        self._qmark = conn.dialect.paramstyle == "qmark"
        self._statements = Statements(conn)
        self._watch = watch

    @property
    def vault(self) -> Sealing:
        """What seals personal values; a database that was opened without one can't hold any."""
        assert self._vault is not None, "this database was opened without a vault"
        return self._vault

    def new_ids(self, table: str, count: int = 1) -> range | list[int]:
        """Ids for rows that are about to be inserted with them: what is sealed is bound to its row. In order, and
        never given out twice."""
        if not self._qmark:
            rows = self.sql(
                f"SELECT nextval(pg_get_serial_sequence('{table}', 'id')) FROM generate_series(1, ?)", (count,)
            )
            return sorted(rows.scalars())
        # SQLite: we are the only writer, and the sequence follows the highest id that was inserted.
        last = self._ids.get(table)
        if last is None:
            last = self.sql("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).scalar() or 0
        self._ids[table] = last + count
        return range(last + 1, last + count + 1)

    def execute(self, statement: sa.Executable, params: Any = None) -> CoreRows:
        """Run a SQLAlchemy Core statement; `params` may be a list of mappings for many rows."""
        if self._watch is not None:
            self._watch(str(statement))
        return self.conn.execute(statement, params)

    def sql(self, statement: str, params: Sequence[Any] | Sequence[Sequence[Any]] = ()) -> Rows:
        """Run driver-level SQL with `?` placeholders. A list of tuples runs it for each of them.

        No `?` may stand in the statement but as a placeholder.
        """
        if self._watch is not None:
            self._watch(statement)
        return self._statements.run(statement, params)

    def savepoint(self) -> Savepoint:
        """Begin what may be undone alone. One at a time."""
        return Savepoint(self._statements)

    def scrub_later(self) -> None:
        """Note, in this transaction, that `Database.scrub` must follow: at the next start, if not before."""
        scrub_later(self.conn)

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Have `callback` called on the event loop once the transaction is committed, and only then."""
        self._after_commit.append(callback)


class Database:
    """The engine and its thread. `await db.run(work)` is one transaction."""

    def __init__(self, engine: Engine, clock: Callable[[], int] = now_ms, *, vault: Sealing | None = None) -> None:
        self.engine = engine
        self.clock = clock
        self.vault = vault
        """Given to each transaction; it may be set after opening, before the first of them."""
        self.watch: Callable[[str], None] | None = None
        """Called with each statement, for tests and measurements."""
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="db")
        self._works = Works(self._executor, self._settle)
        # `run_sync` of another thread must not slip into the one connection that SQLite has.
        self._lock = threading.RLock()
        self._kept: Connection | None = None
        """SQLite's connection between two transactions."""

    @classmethod
    def open(cls, url: str, *, clock: Callable[[], int] = now_ms, vault: Sealing | None = None) -> "Database":
        """Open `url` (`sqlite:///PATH`, `sqlite://` or `postgresql+psycopg://…`) without touching its schema.

        Raises:
            OperatorError: the URL can't be used, or the driver is missing.
        """
        try:
            parsed = sa.make_url(url)
            if parsed.get_backend_name() == "sqlite":
                engine = _sqlite(parsed)
            elif parsed.get_backend_name() == "postgresql":
                parsed = parsed.set(drivername="postgresql+psycopg")
                engine = sa.create_engine(parsed, isolation_level="SERIALIZABLE", pool_size=1, pool_pre_ping=True)
            else:
                raise OperatorError("database: only sqlite and postgresql URLs work; change `database.url`.")
        except sa.exc.ArgumentError:
            raise OperatorError("database: the URL can't be read; write sqlite:///PATH or postgresql://…") from None
        except ModuleNotFoundError:
            raise OperatorError(
                "database: the PostgreSQL driver is missing; install courtyard with the extra `postgres`."
            ) from None
        return cls(engine, clock, vault=vault)

    def run_sync(self, work: Callable[[Tx], T]) -> T:
        """One transaction in the calling thread: for the command line, migrations and tests."""
        value, callbacks = self._transact(work)
        for callback in callbacks:
            callback()
        return value

    async def run(self, work: Callable[[Tx], T], *, patient: bool = False) -> T:
        """One transaction in the database's thread. `patient`: it waits a little while for others to be committed with,
        ahead of them (`bridge.db.works.PATIENCE_S`).

        `work` may run more than once (a serialization conflict is retried), so it changes nothing but the database.
        Works that have gathered while the thread was busy are committed together; each fails or succeeds by itself, and
        nobody is told before the commit. A cancelled caller stops waiting; the transaction still ends as a whole.
        """
        # Cancelling it cancels neither the work nor what follows its commit.
        return await self._works.add(Work(work, asyncio.get_running_loop()), patient=patient)

    def hurry(self) -> None:
        """Let what is patient wait no longer. On the loop."""
        self._works.hurry()

    def scrub(self) -> bool:
        """Make sure that nothing of deleted rows is left in the files of SQLite: no page, no entry of the journal.

        On PostgreSQL it asks for a VACUUM; the server's own journal and backups keep what they keep. Takes as long as
        the database is large: for erasures, not for every day. Not inside a transaction. False: another process was
        in the way for too long; it is due still.
        """
        with self._lock:
            if self.engine.dialect.name != "sqlite":
                with self.engine.connect() as connection:
                    connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM")
                return True
            raw = self.engine.raw_connection()
            try:
                cursor = raw.cursor()
                # Deleted cells are zeroed (secure_delete), but a page may still hold what was moved within it.
                due = cursor.execute("PRAGMA user_version").fetchone()[0]
                cursor.execute("VACUUM")
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                busy = bool(cursor.fetchall()[0][0])
                if due and not busy:
                    cursor.execute("BEGIN IMMEDIATE")
                    if cursor.execute("PRAGMA user_version").fetchone()[0] == due:
                        cursor.execute("PRAGMA user_version=0")
                    cursor.execute("COMMIT")
                cursor.close()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                    raise
                busy = True
            finally:
                raw.close()
            return not busy

    def scrub_if_due(self) -> bool:
        """Scrub if a transaction asked for it (`Tx.scrub_later`) and nobody did: the process may have ended between.

        Whether all is clean now. PostgreSQL cleans up by itself after a while.
        """
        if self.engine.dialect.name != "sqlite":
            return True
        due = self.run_sync(lambda tx: tx.sql("PRAGMA user_version").scalar_one())
        return self.scrub() if due else True

    async def close(self) -> None:
        """Wait for what runs, and what is patient, then close. No transaction may follow."""
        self._works.hurry()
        await asyncio.get_running_loop().run_in_executor(self._executor, self._dispose)
        self._executor.shutdown(wait=True)

    def close_sync(self) -> None:
        """The same where no event loop runs, or after it: blocks until the running transaction has ended."""
        self._executor.shutdown(wait=True)
        self._dispose()

    def _settle(self, gathered: Gathered) -> None:
        """Run what has gathered, in one transaction; or each in its own, when that can't be committed as a whole.

        No work stays in a variable here: an error that somebody keeps refers to this frame (`Gathered.give_away`).
        """
        work = gathered.next()
        try:
            with self._lock, self._begin() as conn:
                cursor = conn.connection.cursor()
                ids: dict[str, int] = {}
                while work is not None:
                    cursor.execute("SAVEPOINT work")
                    tx = Tx(conn, self.clock(), self.vault, self.watch, ids)
                    try:
                        work.succeed(work.run(tx), tx._after_commit)
                    except DBAPIError as error:
                        if is_conflict(error) or error.connection_invalidated:
                            raise
                        work.fail(error)
                    except BaseException as error:
                        work.fail(error)
                    cursor.execute("RELEASE SAVEPOINT work" if work.error is None else "ROLLBACK TO SAVEPOINT work")
                    work = gathered.next()
                cursor.close()
        except BaseException:
            for work in gathered.taken:
                try:
                    work.succeed(*self._transact(work.run))
                except BaseException as error:
                    work.fail(error)
            work = None

    def _begin(self) -> AbstractContextManager[Connection]:
        return self._begin_kept() if self.engine.dialect.name == "sqlite" else self.engine.begin()

    @contextmanager
    def _begin_kept(self) -> Iterator[Connection]:
        """SQLite has one connection: to take it from the pool and give it back costs more than a small transaction."""
        conn, self._kept = self._kept or self.engine.connect(), None
        try:
            with conn.begin():
                yield conn
        except BaseException:
            conn.close()  # the pool sees to it that no transaction is left open
            raise
        self._kept = conn

    def _dispose(self) -> None:
        with self._lock:
            if self._kept is not None:
                self._kept.close()
                self._kept = None
            self.engine.dispose()

    def _transact(self, work: Callable[[Tx], T]) -> tuple[T, list[Callable[[], None]]]:
        for attempt in range(_RETRIES):
            try:
                with self._lock, self._begin() as conn:
                    tx = Tx(conn, self.clock(), self.vault, self.watch)
                    value = work(tx)
                return value, tx._after_commit
            except DBAPIError as error:
                if attempt == _RETRIES - 1 or not is_conflict(error):
                    raise
                # In the database's thread, never on the loop; jitter, or the same two meet again.
                time.sleep(0.005 * 2**attempt * (0.5 + random.random()))
        raise AssertionError("unreachable")


def scrub_later(connection: Connection) -> None:
    """See `Tx.scrub_later`; for migrations."""
    if connection.dialect.name == "sqlite":
        # A number that SQLite keeps in the file for programs; 0: nothing is due. It counts, so that a scrub knows
        # whether more was asked for meanwhile.
        asked = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        connection.exec_driver_sql(f"PRAGMA user_version={asked % 1_000_000 + 1}")


def is_conflict(error: BaseException) -> bool:
    """Whether the transaction only lost against another one and is run again: never swallow such an error."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in ("40001", "40P01")


def _private_file(path: Path) -> None:
    """Create the file for its owner alone; SQLite gives its journals the same mode."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise OperatorError(
            f"database: {path} can't be written ({error.strerror}); check the path and its owner."
        ) from None


def _use_wal(cursor: sqlite3.Cursor) -> None:
    """While two begin on a new file at once, SQLite refuses one of them without waiting."""
    end = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
        time.sleep(0.02)


def _sqlite(url: sa.URL) -> Engine:
    memory = url.database in (None, "", ":memory:")
    if not memory:
        assert url.database is not None
        _private_file(Path(url.database))
    engine = sa.create_engine(
        url,
        poolclass=sa.pool.StaticPool,
        connect_args={
            "check_same_thread": False,
            "timeout": _BUSY_TIMEOUT_MS / 1000,
            "cached_statements": _CACHED_STATEMENTS,
        },
    )

    @sa.event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: object) -> None:
        # The driver must not open transactions by itself: BEGIN IMMEDIATE below does.
        connection.isolation_level = None
        cursor = connection.cursor()
        _use_wal(cursor)
        # FULL: a committed sync token or message index must survive a power cut, or messages would be lost.
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _begin(conn: Connection) -> None:
        Statements(conn).run("BEGIN IMMEDIATE", ())

    return engine
