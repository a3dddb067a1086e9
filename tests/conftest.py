"""Fixtures for all tests. `database` runs a test once on SQLite and once on PostgreSQL."""

import contextlib
import fcntl
import gc
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import settings

from bridge.db import Database, Tx, migrate
from bridge.db.tables import metadata
from tests import migrated
from tests.schema import create_tables
from tests.stores.postgres import Unavailable, postgres_server
from tests.vaults import new_vault

# `make test` tries the same each time: what is red is red for everybody. `make explore` looks further.
# Without deadlines: how long an example takes tells of the machine.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", print_blob=True, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


MEMORY = "/dev/shm"
PLENTY = 2 * 1024**3
"""Bytes. A whole run of the end-to-end tests writes a few hundred megabytes."""


def pytest_configure() -> None:
    """Temporary files lie in memory where there is plenty of it: hundreds of databases would wait for the disk.

    A container may forbid to run programs from there; then it is the usual place.
    """
    usable = os.path.isdir(MEMORY) and os.access(MEMORY, os.W_OK) and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC
    if usable and shutil.disk_usage(MEMORY).free >= PLENTY:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", MEMORY)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """In a fresh tree the workers collect one after the other: what the first has compiled, the others read.

    Compiling takes twice as long as all the rest of it, and the other tools of `make test` have work meanwhile.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run is None or any(Path(__file__).parent.joinpath("unit", "__pycache__").glob("test_*-pytest-*.pyc")):
        return (yield)
    with open(Path(tempfile.gettempdir(), f"courtyard-collection-{run}"), "wb") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        result = yield
    with contextlib.suppress(FileNotFoundError):
        os.unlink(turn.name)
    return result


def pytest_collection_finish() -> None:
    """What is there now stays: the collector of garbage need not look at it again and again, nor so often at all."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture
def migrated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that make databases as the bot does, and of which the migrations are none of their business."""
    monkeypatch.setattr(migrate, "_upgrade", migrated.upgrade)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of a PostgreSQL server's maintenance database, started when the first test asks for it."""
    try:
        with postgres_server() as url:
            yield url
    except Unavailable as reason:
        pytest.skip(str(reason))


class _Lasting(Database):
    """Leaves the connection to who comes next: a new one costs the server more than most tests do."""

    def _dispose(self) -> None:
        pass


@pytest.fixture(scope="session")
def _postgres_schema(postgres_url: str) -> Iterator[sa.Engine]:
    """A database with the whole schema; tests empty it."""
    engine = Database.open(create_postgres_database(postgres_url, "courtyard")).engine
    metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database with the whole schema; the test runs over both engines. `database.clock` may be replaced."""
    vault = new_vault()
    if request.param == "sqlite":
        database = Database.open(f"sqlite:///{tmp_path / 'courtyard.db'}", vault=vault)
        create_tables(database)
    else:
        database = _Lasting(request.getfixturevalue("_postgres_schema"), vault=vault)
        _empty(database)
    yield database
    database.close_sync()
    vault.keys.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database without any table, on both engines: for the tests of the migrations."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    return create_postgres_database(request.getfixturevalue("postgres_url"), "courtyard_empty")


def create_postgres_database(server_url: str, name: str) -> str:
    """Create the database `name` anew on the server; returns its URL."""
    engine = sa.create_engine(server_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    engine.dispose()
    return sa.make_url(server_url).set(database=name).render_as_string(hide_password=False)


def _empty(database: Database) -> None:
    """As after `metadata.create_all`. TRUNCATE makes new files for each table and index: 80 ms where 20 are filled."""

    def empty(tx: Tx) -> None:
        filled = [f'"{name}"' for (name,) in tx.sql(_FILLED).all()]
        if filled:
            tx.sql("SET LOCAL session_replication_role = replica")  # foreign keys are not looked at
            for name in filled:
                tx.sql(f"DELETE FROM {name}")
        # Also those whose rows were rolled back: the number of what comes next is the first one again.
        tx.sql(
            "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)"
            " FROM pg_sequences WHERE last_value IS NOT NULL"
        ).all()

    database.run_sync(empty)


_FILLED = " UNION ALL ".join(
    f"SELECT '{table.name}' WHERE EXISTS (SELECT FROM \"{table.name}\")" for table in metadata.sorted_tables
)
