"""Everything that is kept, opened together: database, key store, master key, store key."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from bridge.adopt import NOTHING_CLEAR, bring_up_to_date
from bridge.config import Config, load_or_create_store_key, master_key_source
from bridge.db import Database, Tx
from bridge.db.exclusive import exclusive
from bridge.db.migrate import check_version, version
from bridge.db.sealing import Unreadable
from bridge.errors import OperatorError
from bridge.matrix.seal import Sealer
from bridge.vault import KeyStore, MasterKeys, Vault, erasures
from bridge.vault.erasures import ErasureList
from bridge.vault.master import parse_master_keys

_SAMPLE = 20
_CHUNK = 400


@dataclass(frozen=True, slots=True)
class Storage:
    """What `open_storage` gives; closed by it."""

    db: Database
    vault: Vault
    sealer: Sealer
    """Seals what belongs to the bot's account."""


@contextlib.contextmanager
def open_storage(config: Config, *, update: bool = True) -> Iterator[Storage]:
    """Open everything; with `update`, for this process alone, and up to date.

    Blocks: migrations may take a while.

    Raises:
        OperatorError: something can't be opened, a key is missing or wrong, or (without `update`) the schema is not
            this program's; with it, if another process has it.
    """
    with contextlib.ExitStack() as stack:
        db = Database.open(config.database_url)
        stack.callback(db.close_sync)
        was = version(db.engine)
        if update:
            stack.enter_context(exclusive(db.engine, config.matrix.user_id))
        else:
            check_version(db.engine)
        keys = _key_store(config, is_new=was is None or was < NOTHING_CLEAR, stack=stack)
        db.vault = vault = Vault(keys)

        def sealer() -> Sealer:
            return Sealer(load_or_create_store_key(config.store_key_file, may_create=update and not has_keys(db)))

        if update:
            keys.agree()
            bring_up_to_date(db, sealer)
            forget_erased(db, keys)
        db.run_sync(_check_pair)
        yield Storage(db, vault, sealer())


def _key_store(config: Config, *, is_new: bool, stack: contextlib.ExitStack) -> KeyStore:
    source = master_key_source(config)
    exists = KeyStore.exists(config.key_store_url)
    if not exists and not is_new:
        raise OperatorError(
            "key store: it is missing, so nothing that people entrusted to the bot can be read. Put back the file that "
            "`vault.key_store_url` leads to, or restore a backup."
        )
    if not exists:
        source.create()
    masters = MasterKeys(lambda: parse_master_keys(source.read(), source.name))
    keys = KeyStore.open(config.key_store_url, masters, ErasureList(config.epoch_dir / erasures.NAME))
    stack.callback(keys.close)
    return keys


def has_keys(db: Database) -> bool:
    """Whether the database holds keys that were sealed with a store key."""

    def work(tx: Tx) -> bool:
        return tx.sql("SELECT 1 FROM crypto_accounts LIMIT 1").first() is not None

    return db.run_sync(work)


def forget_erased(db: Database, keys: KeyStore) -> int:
    """Delete the rows of people whose keys were destroyed: after a crash in an erasure, or a restored copy. How many
    people there were."""
    gone = sorted(keys.erased())

    def work(tx: Tx) -> int:
        count = 0
        for start in range(0, len(gone), _CHUNK):
            chunk = tuple(gone[start : start + _CHUNK])
            marks = ",".join("?" * len(chunk))
            count += tx.sql(f"DELETE FROM people WHERE id IN ({marks})", chunk).rowcount
        return count

    count = db.run_sync(work)
    if count:
        db.scrub()
    return count


def _check_pair(tx: Tx) -> None:
    """Refuse a key store that belongs to another database. One damaged row is no reason."""
    rows = tx.execute(sa.text(f"SELECT id, card FROM people ORDER BY id LIMIT {_SAMPLE}")).all()
    for row in rows:
        try:
            tx.vault.open(row.id, "people", row.id, "card", row.card)
        except Unreadable:
            continue
        return
    if rows:
        raise OperatorError(
            "key store: it does not belong to this database: none of its keys opens anything. Put back the key store "
            "that was used with it, or restore both from one backup."
        )
