"""Restoring: a backup becomes the database and the key store of a bot that logs in as a new device."""

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from bridge.backup import layout
from bridge.backup.epochs import Epochs
from bridge.backup.filling import Filling, fill_keys
from bridge.backup.reading import BackupFile, read_identities
from bridge.backup.records import Header, Seal
from bridge.config import Config, load_or_create_store_key, master_key_source
from bridge.db import Database, Tx
from bridge.db.engine import now_ms
from bridge.db.exclusive import exclusive
from bridge.db.migrate import filling, knows, version
from bridge.delivery import queue
from bridge.errors import OperatorError
from bridge.vault import KeyStore, MasterKeys, erasures, keystore
from bridge.vault.erasures import ErasureList
from bridge.vault.master import parse_master_keys


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored, in numbers."""

    people: int
    rows: int
    erased: int
    """People in the backup whose erasure was done again: nothing of theirs was restored."""
    without_key: int
    """People for whom the key store has no key."""
    created_at: int


def restore(
    config: Config, path: Path, identity: Path, keys_path: Path | None = None, clock: Callable[[], int] = now_ms
) -> Restored:
    """Fill an empty database and key store; both wholly, or not at all. `keys_path`: a newer backup, for the keys and
    all else that only an epoch key opens. Blocks.

    Raises:
        OperatorError: something is missing or wrong; nothing was changed.
    """
    with contextlib.ExitStack() as stack:
        if KeyStore.exists(config.key_store_url):
            raise OperatorError(
                "restore: there is a key store already (`vault.key_store_url`); restore works only where nothing is. "
                "Move the old database and key store away first."
            )
        db = stack.enter_context(_opened(config.database_url))
        if version(db.engine) is not None:
            raise OperatorError(
                "restore: the database is not empty (`database.url`); restore works only where nothing is. Move the "
                "old database and key store away first."
            )
        stack.enter_context(exclusive(db.engine, config.matrix.user_id))
        key_db = stack.enter_context(_opened(config.key_store_url))
        if sa.inspect(key_db.engine).get_table_names():
            raise OperatorError(
                "restore: `vault.key_store_url` leads to a database of something else; give it one of its own."
            )
        store_key = load_or_create_store_key(config.store_key_file, may_create=False)
        source = master_key_source(config)
        masters = MasterKeys(lambda: parse_master_keys(source.read(), source.name))
        identities = read_identities(identity)
        file = BackupFile(path, identities, store_key)
        stack.callback(file.close)
        keys_file = file
        if keys_path is not None:
            keys_file = BackupFile(keys_path, identities, store_key)
            stack.callback(keys_file.close)
        _check(config, file, keys_file)
        seal = _seal(Epochs(config.epoch_dir, config.backup.epoch_days, clock), keys_file)
        listed = ErasureList(config.epoch_dir / erasures.NAME).read()
        return _fill(db, KeyStore(key_db, masters), file, keys_file, seal, listed, clock())


@contextlib.contextmanager
def _opened(url: str) -> Iterator[Database]:
    """A database; a file of SQLite that is made for it goes again when the block fails."""
    parsed = sa.make_url(url)
    path = Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None
    is_new = path is not None and not path.exists()
    db = Database.open(url)
    try:
        yield db
    except BaseException:
        db.close_sync()
        if is_new and path is not None:
            for suffix in ("", "-wal", "-shm", ".lock"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
        raise
    db.close_sync()


def _check(config: Config, file: BackupFile, keys_file: BackupFile) -> None:
    for one in (file, keys_file):
        if one.header.account != config.matrix.user_id:
            raise OperatorError(
                f"restore: {one.path} is of another account than `matrix.user_id`; restore it with its own "
                "configuration."
            )
        if not knows(one.header.schema):
            raise OperatorError(f"restore: {one.path} is of a newer Courtyard; install that one.")
    if keys_file.header.created_at < file.header.created_at:
        raise OperatorError("restore: the backup for --keys is older than the other one; exchange the two.")


def _seal(epochs: Epochs, file: BackupFile) -> Seal:
    header: Header = file.header
    epoch = epochs.find(header.epoch)
    if epoch is not None:
        return Seal(epoch.key, header.id)
    ended = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(header.epoch_ends / 1000))
    if header.epoch_ends <= epochs.clock():
        raise OperatorError(
            f"restore: the epoch of {file.path} ended on {ended} and its key was destroyed: it can't be opened any "
            "more. Take a newer backup, or give one with --keys together with this one."
        )
    raise OperatorError(
        f"restore: the key of its epoch, {header.epoch}.epoch, is not in {epochs.directory}; put it there "
        f"(`backup.epoch_dir`). It is of use until {ended}."
    )


def _fill(
    db: Database,
    keys: KeyStore,
    file: BackupFile,
    keys_file: BackupFile,
    seal: Seal,
    listed: dict[int, int],
    now: int,
) -> Restored:
    whole = keys_file is file
    try:
        with filling(db.engine) as (connection, upgrade), keys.database.engine.begin() as key_connection:
            key_tx = Tx(key_connection, now)
            found = fill_keys(key_tx, keys, keys_file, seal, listed)
            upgrade(file.header.schema)
            tx = Tx(connection, now)
            rows = Filling(tx, found)
            of_file = layout.open_names() | (layout.SEALED if whole else frozenset())
            file.read(seal if whole else None, lambda r: rows.take(r, of_file))
            if not whole:
                # What follows from here is the newer backup's.
                upgrade(keys_file.header.schema)
                rows.look_again()
                rows.is_another = True
                wanted = layout.SEALED - {layout.TEMPORARY}
                keys_file.read(seal, lambda r: rows.take(r, wanted))
            rows.finish()
            _begin_anew(tx)
    except BaseException as error:
        # The key store may be complete already; it was empty before.
        keystore.metadata.drop_all(keys.database.engine)
        if not isinstance(error, sa.exc.DBAPIError):
            raise
        reason = "".join(str(error.orig).strip().splitlines()[:1])
        raise OperatorError(f"restore: the database refuses it ({reason}).") from None
    return Restored(rows.people, rows.rows, rows.erased, rows.without_key, file.header.created_at)


def _begin_anew(tx: Tx) -> None:
    """What must not be the same as in the database that the backup is of."""
    for (account,) in tx.sql("SELECT id FROM accounts").all():
        tx.sql("UPDATE accounts SET instance = ? WHERE id = ?", (secrets.token_hex(4), account))
    queue.mark_tried(tx)
