"""Migrations from empty, on both engines."""

import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from bridge.db import Database
from bridge.db.migrate import VERSION_TABLE, check_version, upgrade, versions
from bridge.db.tables import metadata
from bridge.errors import OperatorError


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    database = Database.open(empty_url)
    yield database
    database.close_sync()


def _differences(database: Database) -> list[object]:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": VERSION_TABLE,
                "compare_type": True,
                "compare_server_default": True,
            },
        )
        return list(compare_metadata(context, metadata))


def test_the_versions_are_those_of_the_migrations() -> None:
    """They are read from the names of files, so that a start need not load what changes schemas."""
    config = Config()
    config.set_main_option("script_location", "bridge/db/migrations")
    scripts = ScriptDirectory.from_config(config)
    assert list(versions()) == [script.revision for script in scripts.walk_revisions()][::-1]


def test_migrations_equal_the_tables(empty: Database) -> None:
    upgrade(empty.engine)
    assert _differences(empty) == []


def test_a_missing_column_would_be_noticed(empty: Database) -> None:
    upgrade(empty.engine)
    with empty.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE outbox DROP COLUMN withdrawn")
    assert _differences(empty) != []


def test_ids_of_a_migrated_database_are_never_used_again(empty: Database) -> None:
    upgrade(empty.engine)
    add = "INSERT INTO accounts (user_id, instance, created_at) VALUES ('@alice:example.org', '', 1) RETURNING id"
    first = empty.run_sync(lambda tx: tx.sql(add).scalar_one())
    empty.run_sync(lambda tx: tx.sql("DELETE FROM accounts"))
    assert empty.run_sync(lambda tx: tx.sql(add).scalar_one()) > first


def test_a_second_upgrade_changes_nothing(empty: Database) -> None:
    upgrade(empty.engine)
    empty.run_sync(
        lambda tx: tx.sql("INSERT INTO accounts (user_id, instance, created_at) VALUES ('@alice:example.org', '', 1)")
    )
    upgrade(empty.engine)
    check_version(empty.engine)
    assert empty.run_sync(lambda tx: tx.sql("SELECT COUNT(*) FROM accounts").scalar_one()) == 1


def test_a_newer_database_is_refused_and_left_alone(empty: Database) -> None:
    upgrade(empty.engine)
    empty.run_sync(lambda tx: tx.sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    for refuse in (upgrade, check_version):
        with pytest.raises(OperatorError, match="newer than this program"):
            refuse(empty.engine)
    assert empty.run_sync(lambda tx: tx.sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar_one()) == "9999"


def test_a_database_of_something_else_is_refused(empty: Database) -> None:
    empty.run_sync(lambda tx: tx.sql("CREATE TABLE recipes (id INTEGER PRIMARY KEY)"))
    for refuse in (upgrade, check_version):
        with pytest.raises(OperatorError, match="not Courtyard's"):
            refuse(empty.engine)
    assert sa.inspect(empty.engine).get_table_names() == ["recipes"]


def test_an_empty_database_is_too_old_to_run_on(empty: Database) -> None:
    with pytest.raises(OperatorError, match="older than this program"):
        check_version(empty.engine)


def test_two_starts_at_once_take_turns(empty_url: str) -> None:
    databases = [Database.open(empty_url) for _ in range(4)]
    errors: list[BaseException] = []
    together = threading.Barrier(len(databases))

    def start(database: Database) -> None:
        together.wait(10)
        try:
            upgrade(database.engine)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=start, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    try:
        assert errors == []
        check_version(databases[0].engine)
    finally:
        for database in databases:
            database.close_sync()


def test_an_unreachable_server_gives_one_line() -> None:
    database = Database.open("postgresql://courtyard:hunter2@127.0.0.1:1/courtyard")
    with pytest.raises(OperatorError, match="can't be used") as caught:
        upgrade(database.engine)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)
    database.close_sync()
