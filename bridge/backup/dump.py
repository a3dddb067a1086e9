"""Writing a backup, beside the running bot."""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyrage
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridge.backup import layout
from bridge.backup.epochs import Epoch, Epochs
from bridge.backup.records import Header, Mac, Record, Seal, encoded, to_json
from bridge.config import Config, load_or_create_store_key
from bridge.db.engine import now_ms
from bridge.db.migrate import check_version_of
from bridge.db.snapshot import empty_journal, snapshot
from bridge.errors import OperatorError
from bridge.vault import keystore

_ROWS = 200
_BYTES = 512 * 1024
_FETCH = 200


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a backup."""

    rows: int
    bytes: int
    restorable_until: int
    """ms: when its epoch ends."""


def write_backup(
    config: Config, output: Path, recipients: tuple[str, ...] = (), clock: Callable[[], int] = now_ms
) -> Written:
    """Write a new file; whole, or not at all. Blocks.

    Raises:
        OperatorError: something is missing, there is such a file, or it can't be written.
    """
    to = _recipients(recipients or config.backup.recipients)
    if output.exists():
        raise OperatorError(f"backup: {output} exists already and stays as it is; name another file.")
    store_key = load_or_create_store_key(config.store_key_file, may_create=False)
    epochs = Epochs(config.epoch_dir, config.backup.epoch_days, clock)
    epochs.destroy_ended()
    with contextlib.ExitStack() as stack:
        # The database first: whatever was sealed until then has its key in what is read of the key store later.
        main = stack.enter_context(snapshot(config.database_url))
        schema = check_version_of(main)
        keys = stack.enter_context(snapshot(config.key_store_url))
        if not sa.inspect(keys).has_table("key_store"):
            raise OperatorError("backup: there is no key store; see `vault.key_store_url`.")
        epoch = epochs.current()
        header = Header(secrets.token_hex(16), epoch.id, epoch.expires, clock(), schema, config.matrix.user_id)
        source = _Source(header, epoch, Mac(store_key), main, keys)
        size = _write(output, source, to)
    for url in (config.database_url, config.key_store_url):
        empty_journal(url)  # an erasure meanwhile could not
    return Written(source.rows, size, epoch.expires)


class _Source:
    """The lines of a backup, as a file to read from."""

    def __init__(self, header: Header, epoch: Epoch, mac: Mac, main: Connection, keys: Connection) -> None:
        self.rows = 0
        self.error: BaseException | None = None
        self._header = header
        self._seal = Seal(epoch.key, header.id)
        self._mac = mac
        self._main = main
        self._keys = keys
        self._lines = self._all()
        self._buffer = bytearray()

    def read(self, size: int = -1) -> bytes:
        try:
            while size < 0 or len(self._buffer) < size:
                line = next(self._lines, None)
                if line is None:
                    size = len(self._buffer)
                else:
                    self._buffer += line
        except BaseException as error:
            self.error = error  # what is raised through the library loses its type
            raise
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _all(self) -> Iterator[bytes]:
        yield self._added(self._header.line())
        for table in keystore.metadata.sorted_tables:
            for record in self._table(self._keys, table, layout.KEYS + table.name):
                yield self._sealed(record)
        for table in layout.open_tables():
            for record in self._table(self._main, table, table.name):
                yield self._added(encoded(record))
        for table in layout.sealed_tables():
            for record in self._table(self._main, table, table.name):
                yield self._sealed(record)
        yield self._mac.end()

    def _sealed(self, record: Record) -> bytes:
        return self._added(self._seal.seal(self._mac.lines, record))

    def _added(self, line: bytes) -> bytes:
        self._mac.add(line)
        return line

    def _table(self, connection: Connection, table: sa.Table, name: str) -> Iterator[Record]:
        kinds = [_kind(column) for column in table.columns]
        omitted = layout.OMITTED_COLUMNS.get(name, frozenset())
        yield [
            "table",
            name,
            [[column.name, kind] for column, kind in zip(table.columns, kinds, strict=True)],
            _last_id(connection, table),
        ]
        query = sa.select(*(sa.null().label(c.name) if c.name in omitted else c for c in table.columns)).order_by(
            *table.primary_key.columns
        )
        if name == "crypto_secrets":
            query = query.where(table.c.name.not_in(layout.OMITTED_SECRETS))
        rows: list[list[Any]] = []
        size = 0
        with connection.execution_options(yield_per=_FETCH).execute(query) as result:
            for row in result:
                rows.append([to_json(value, kind) for value, kind in zip(row, kinds, strict=True)])
                size += sum(len(value) if isinstance(value, str) else 8 for value in rows[-1])
                self.rows += 1
                if len(rows) >= _ROWS or size >= _BYTES:
                    yield ["rows", rows]
                    rows, size = [], 0
        if rows:
            yield ["rows", rows]


def _kind(column: "sa.Column[Any]") -> str:
    if isinstance(column.type, sa.LargeBinary):
        return "b"
    return "i" if isinstance(column.type, sa.Integer) else "t"


def _last_id(connection: Connection, table: sa.Table) -> int | None:
    """The highest id that the database ever gave out for this table; None: it gives none out."""
    column = table.c.get("id")
    if column is None or column.autoincrement is not True or table.name in layout.RANDOM_IDS:
        return None
    if connection.dialect.name == "sqlite":
        query, params = "SELECT seq FROM sqlite_sequence WHERE name = ?", (table.name,)
    else:
        # Not as of the snapshot: sequences have no transactions. What was given out since does no harm.
        query, params = "SELECT last_value FROM pg_sequences WHERE sequencename = %s", (f"{table.name}_id_seq",)
    return connection.exec_driver_sql(query, params).scalar() or 0


def _recipients(texts: tuple[str, ...]) -> list[pyrage.x25519.Recipient]:
    if not texts:
        raise OperatorError(
            "backup: nobody is named who could open it; put a recipient (age1…) into `backup.recipients`, or give "
            "--recipient. `courtyard backup-key FILE` makes a key."
        )
    try:
        return [pyrage.x25519.Recipient.from_str(text) for text in texts]
    except pyrage.RecipientError:
        raise OperatorError("backup: a recipient is none of age's (age1…); check it for typing errors.") from None


def _write(output: Path, source: _Source, recipients: list[pyrage.x25519.Recipient]) -> int:
    """Encrypt the source into a new file that is there only once it is whole; its size."""
    new = output.with_name(f".{output.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with open(descriptor, "wb") as file:
                try:
                    pyrage.encrypt_io(source, file, recipients)
                except pyrage.EncryptError as error:
                    # Errors of the two files lose their type on the way through the library.
                    if source.error is not None:
                        raise source.error from None
                    raise OperatorError(f"backup: {output} can't be written ({error}).") from None
                file.flush()
                os.fsync(descriptor)
                size = os.fstat(descriptor).st_size
            os.link(new, output)  # not rename: it never replaces a file
        finally:
            os.unlink(new)
        directory = os.open(output.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except FileExistsError:
        raise OperatorError(f"backup: {output} exists already and stays as it is; name another file.") from None
    except OSError as error:
        raise OperatorError(f"backup: {output} can't be written ({error.strerror}).") from None
    return size
