"""Driver-level SQL: a statement goes straight to the driver, and its rows come back as named tuples.

SQLAlchemy's own result and statement objects cost several times what SQLite takes for a small statement, and a command
has some dozens of them. Errors are SQLAlchemy's, as those of all other statements are.
"""

from collections import namedtuple
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

_ROW_TYPES: dict[tuple[str, ...], Callable[[Sequence[Any]], Any]] = {}
_MOST_TYPES = 2000


class Rows:
    """What a statement gave: rows with the names of its columns, read once, and how many rows it changed."""

    __slots__ = ("_cursor", "_make", "_translated")

    def __init__(self, cursor: Any, translated: "Statements") -> None:
        self._cursor = cursor
        self._translated = translated
        about = cursor.description
        self._make = None if about is None else _row_type(tuple([column[0] for column in about]))

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""
        return int(self._cursor.rowcount)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.all())

    def all(self) -> list[Any]:
        try:
            rows = self._cursor.fetchall()
        except self._translated.driver_error as error:
            raise self._translated.error(error) from error
        make = self._make
        assert make is not None, "the statement gives no rows"
        return [make(row) for row in rows]

    def first(self) -> Any:
        """The first row, or None."""
        try:
            row = self._cursor.fetchone()
        except self._translated.driver_error as error:
            raise self._translated.error(error) from error
        # What is left is not wanted: a statement that is still open would be in the way of others.
        self._cursor.close()
        assert self._make is not None, "the statement gives no rows"
        return None if row is None else self._make(row)

    def one(self) -> Any:
        """The only row.

        Raises:
            sqlalchemy.exc.NoResultFound, sqlalchemy.exc.MultipleResultsFound: there is none, or more than one.
        """
        rows = self.all()
        if len(rows) != 1:
            kind = sa.exc.MultipleResultsFound if rows else sa.exc.NoResultFound
            raise kind(f"{len(rows)} rows where one was expected")
        return rows[0]

    def one_or_none(self) -> Any:
        """The only row, or None.

        Raises:
            sqlalchemy.exc.MultipleResultsFound: there is more than one.
        """
        rows = self.all()
        if len(rows) > 1:
            raise sa.exc.MultipleResultsFound(f"{len(rows)} rows where one was expected")
        return rows[0] if rows else None

    def scalar(self) -> Any:
        """The first column of the first row; None without one."""
        row = self.first()
        return None if row is None else row[0]

    def scalar_one(self) -> Any:
        """The first column of the only row. Raises as `one` does."""
        return self.one()[0]

    def scalar_one_or_none(self) -> Any:
        """The first column of the only row, or None. Raises as `one_or_none` does."""
        row = self.one_or_none()
        return None if row is None else row[0]

    def scalars(self) -> "Scalars":
        """The first column of all rows."""
        return Scalars(row[0] for row in self.all())


class Scalars(list[Any]):
    """The values of one column."""

    def all(self) -> list[Any]:
        return list(self)


class Statements:
    """Runs statements on the driver's connection behind one of SQLAlchemy, inside its transaction."""

    __slots__ = ("_conn", "_qmark", "_raw", "driver_error")

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._raw: Any = conn.connection.dbapi_connection
        self._qmark = conn.dialect.paramstyle == "qmark"
        self.driver_error: type[Exception] = conn.dialect.loaded_dbapi.Error

    def run(self, statement: str, params: Sequence[Any] | Sequence[Sequence[Any]]) -> Rows:
        """Run a statement with `?` placeholders; a list of tuples runs it for each.

        Raises:
            sqlalchemy.exc.DBAPIError: as for any other statement of SQLAlchemy.
        """
        if not self._qmark:
            statement = statement.replace("%", "%%").replace("?", "%s")
        try:
            if isinstance(params, list) and len(params) == 1:
                cursor = self._raw.execute(statement, params[0])
            elif isinstance(params, list):
                cursor = self._raw.cursor()
                cursor.executemany(statement, params)
            else:
                cursor = self._raw.execute(statement, params)
        except self.driver_error as error:
            raise self.error(error) from error
        return Rows(cursor, self)

    def error(self, error: Exception) -> sa.exc.DBAPIError:
        """The driver's error as SQLAlchemy's, without statement or parameters: these may be personal."""
        dialect = self._conn.dialect
        lost = dialect.is_disconnect(error, self._raw, None)  # type: ignore[arg-type]
        if lost:
            self._conn.invalidate(error)
        wrapped = sa.exc.DBAPIError.instance(
            None, None, error, self.driver_error, hide_parameters=True, connection_invalidated=lost, dialect=dialect
        )
        assert isinstance(wrapped, sa.exc.DBAPIError)
        return wrapped


class Savepoint:
    """A part of a transaction that can be undone alone: begun when it is made, to be ended by one of its methods."""

    __slots__ = ("_statements",)

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        statements.run("SAVEPOINT part", ())

    def keep(self) -> None:
        """What was done in it is a part of the transaction."""
        self._statements.run("RELEASE SAVEPOINT part", ())

    def undo(self) -> None:
        """As if nothing had been done in it."""
        self._statements.run("ROLLBACK TO SAVEPOINT part", ())
        self.keep()


def _row_type(names: tuple[str, ...]) -> Callable[[Sequence[Any]], Any]:
    make = _ROW_TYPES.get(names)
    if make is None:
        if len(_ROW_TYPES) >= _MOST_TYPES:
            _ROW_TYPES.clear()
        made: Any = namedtuple("Row", names, rename=True)  # type: ignore[misc]
        make = _ROW_TYPES[names] = made._make
    return make
