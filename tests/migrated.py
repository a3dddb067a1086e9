"""The tables of a new SQLite database: the migrations run once in each process, and what they made is made again.

For tests of what is done with such a database. That the migrations do what they should is for those of tests/stores.
"""

from functools import cache

from sqlalchemy.engine import Connection

from bridge.db import Database, migrate

_run = migrate._upgrade


def upgrade(connection: Connection, to: str) -> None:
    """In place of `bridge.db.migrate._upgrade`."""
    newest = migrate.versions()[-1]
    is_new = connection.dialect.name == "sqlite" and migrate._check(connection) is None
    if not is_new or to not in ("head", newest):
        _run(connection, to)
        return
    for statement in _statements():
        connection.exec_driver_sql(statement)


@cache
def _statements() -> tuple[str, ...]:
    """All that they leave in an empty database."""
    database = Database.open("sqlite://")
    with database.engine.begin() as connection:
        _run(connection, "head")

        def rows(query: str) -> list[tuple[str, ...]]:
            return [tuple(row) for row in connection.exec_driver_sql(query)]

        made = [sql for (sql,) in rows("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")]
        tables = [name for (name,) in rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
        filled = [name for name in tables if rows(f"SELECT 1 FROM {name} LIMIT 1")]
        assert set(filled) == {migrate.VERSION_TABLE, "sqlite_sequence"}, filled
        begun = rows("SELECT name, seq FROM sqlite_sequence")
        [(version,)] = rows(f"SELECT version_num FROM {migrate.VERSION_TABLE}")
        [(due,)] = rows("PRAGMA user_version")
    database.close_sync()
    return (
        *(sql for sql in made if not sql.startswith("CREATE TABLE sqlite_")),
        f"INSERT INTO {migrate.VERSION_TABLE} VALUES ('{version}')",
        *(f"INSERT INTO sqlite_sequence VALUES ('{name}', {seq})" for name, seq in begun),
        f"PRAGMA user_version={due}",
    )
