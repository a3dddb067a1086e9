"""Everything that is kept, opened together: database, key store, master key, store key."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from bridge.adopt import NOTHING_CLEAR, ROOM_FOR_SEALED, bring_up_to_date
from bridge.config import Config, load_or_create_store_key, master_key_source
from bridge.db import Database, Tx, day_keys
from bridge.db.exclusive import exclusive
from bridge.db.forgetting import forget_people
from bridge.db.migrate import check_version, version
from bridge.db.sealing import Unreadable
from bridge.errors import OperatorError
from bridge.matrix.seal import Sealer
from bridge.vault import KeyStore, MasterKeys, Vault, erasures
from bridge.vault.erasures import ErasureList
from bridge.vault.master import parse_master_keys

EXPIRY = "0010"
"""From this version of the database on moments may have keys of their own."""
DAY_KEYS = "0028"
"""From this version on log entries, friend requests and drafts have keys of their days."""
TOLD_KEYS = "0032"
"""From this version on, what mini-programs were told as well."""
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
        if config.database_url == config.key_store_url:
            raise OperatorError("key store: `vault.key_store_url` must lead to another database than `database.url`.")
        db = Database.open(config.database_url)
        stack.callback(db.close_sync)
        was = version(db.engine)
        if update:
            stack.enter_context(exclusive(db.engine, config.matrix.user_id))
            was = version(db.engine)
        else:
            check_version(db.engine)

        def sealer() -> Sealer:
            found = Sealer(load_or_create_store_key(config.store_key_file, may_create=update and not has_keys(db)))
            db.run_sync(lambda tx: _check_store_key(tx, found))
            return found

        if was is not None:
            sealer()  # before anything is changed
        keys = _key_store(config, is_new=not _has_sealed(db, was), create=update, stack=stack)
        db.vault = vault = Vault(keys)
        if was is not None and was >= ROOM_FOR_SEALED:
            db.run_sync(_check_pair)
        if update:
            keys.agree()
            if was is not None:
                forget_erased(db, keys, was)  # nothing of theirs could be sealed
            bring_up_to_date(db, sealer)
        yield Storage(db, vault, sealer())


def _key_store(config: Config, *, is_new: bool, create: bool, stack: contextlib.ExitStack) -> KeyStore:
    source = master_key_source(config)
    exists = KeyStore.exists(config.key_store_url)
    if not exists and not is_new:
        raise OperatorError(
            "key store: it is missing, so nothing that people entrusted to the bot can be read. Put back the file that "
            "`vault.key_store_url` leads to, or restore a backup."
        )
    if not exists and create:
        source.create()
    erasure_list = ErasureList(config.epoch_dir / erasures.NAME)
    keys = KeyStore.open(config.key_store_url, master_keys(config), erasure_list, change=create)
    stack.callback(keys.close)
    return keys


def master_keys(config: Config) -> MasterKeys:
    """The configured master keys.

    Raises:
        OperatorError: there are none, or they can't be read.
    """
    source = master_key_source(config)
    return MasterKeys(lambda: parse_master_keys(source.read(), source.name))


def has_keys(db: Database) -> bool:
    """Whether the database holds anything that was sealed with a store key."""

    def work(tx: Tx) -> bool:
        queries = [f"SELECT 1 FROM {table} LIMIT 1" for table in ("crypto_accounts", "crypto_secrets")]
        queries.append("SELECT 1 FROM accounts WHERE access_token IS NOT NULL LIMIT 1")
        return any(tx.sql(query).first() is not None for query in queries)

    return db.run_sync(work)


def _has_sealed(db: Database, was: str | None) -> bool:
    """Whether anything in the database needs the key store."""
    if was is None or was < ROOM_FOR_SEALED:
        return False
    if was >= NOTHING_CLEAR:
        return True
    return db.run_sync(lambda tx: tx.sql("SELECT 1 FROM people WHERE card IS NOT NULL LIMIT 1").first() is not None)


def forget_erased(db: Database, keys: KeyStore, was: str) -> int:
    """Delete the rows of people whose keys were destroyed: after a crash in an erasure, or a restored copy. How many
    people there were. `was`: the version of the database."""
    gone = sorted(keys.erased())

    def work(tx: Tx) -> int:
        count = forget_people(tx, gone)
        # A moment whose key is gone has ended: the job that removes such moments takes back their copies too.
        for start in range(0, len(gone) if was >= EXPIRY else 0, _CHUNK):
            chunk = tuple(gone[start : start + _CHUNK])
            marks = ",".join("?" * len(chunk))
            tx.sql(f"UPDATE moments SET expires_at = 0 WHERE key_id IN ({marks})", chunk)
            if was >= DAY_KEYS:
                day_keys.forget(tx, chunk, told=was >= TOLD_KEYS)
        if count:
            tx.scrub_later()
        return count

    count = db.run_sync(work)
    if count:
        db.scrub()
    return count


def _check_store_key(tx: Tx, sealer: Sealer) -> None:
    """Refuse a store key that opens nothing. One damaged row is no reason."""
    tokens = tx.sql(f"SELECT access_token FROM accounts WHERE access_token IS NOT NULL LIMIT {_SAMPLE}").scalars()
    sealed = [("access token", value) for value in tokens]
    sealed += [
        (f"secret {row.name}", row.value) for row in tx.sql(f"SELECT name, value FROM crypto_secrets LIMIT {_SAMPLE}")
    ]
    for index, (context, value) in enumerate(sealed, 1):
        try:
            sealer.open(context, bytes(value))
            return
        except OperatorError:
            if index == len(sealed):
                raise


def _check_pair(tx: Tx) -> None:
    """Refuse a key store that belongs to another database. One damaged row is no reason."""
    tried = 0
    for table, owner, key, column in _SAMPLES:
        for row in tx.sql(
            f"SELECT {owner} AS owner_id, {key} AS row_key, {column} AS sealed FROM {table} WHERE {column} IS NOT NULL"
            f" ORDER BY {key} DESC LIMIT {_SAMPLE}"
        ).all():
            try:
                tx.vault.open(row.owner_id, table, row.row_key, column, row.sealed)
            except Unreadable:
                tried += 1
                continue
            return
    if tried:
        raise OperatorError(
            "key store: it does not belong to this database: none of its keys opens anything. Put back the key store "
            "that was used with it, or restore both from one backup."
        )


_SAMPLES = (
    ("people", "id", "id", "card"),
    ("profile_fields", "person_id", "field", "sealed"),
    ("moments", "author_id", "id", "sealed"),
    ("comments", "person_id", "id", "sealed"),
)
