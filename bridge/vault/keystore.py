"""The key store: wrapped data keys, and the list of who was erased. A database of its own, apart from the main one.

Its transactions are its own too: a key is durable before anything is sealed under it, and destroyed before the rows
are. A key that is left over because the main transaction was rolled back does no harm.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.db.engine import Database, Tx
from bridge.db.sealing import HOUSE, Unreadable
from bridge.errors import OperatorError
from bridge.vault.envelope import KEY_BYTES
from bridge.vault.erasures import ErasureList
from bridge.vault.master import MasterKey, MasterKeys

LOOKUP = -1
"""Owner of the key of the keyed hashes."""
COMMON = (LOOKUP, HOUSE)
"""Owners whose keys are everybody's: made with the key store, and never again."""

_VERSION = 1
_CHUNK = 400
_REWRAP_AT_ONCE = 500

log = structlog.get_logger(__name__)

metadata = sa.MetaData()
data_keys = sa.Table(
    "data_keys",
    metadata,
    sa.Column("owner", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("wrapped", sa.LargeBinary, nullable=False),
    sa.Column("master", sa.Text, nullable=False),  # id of the master key that wrapped it
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Index("ix_data_keys_master", "master"),
)
erasures = sa.Table(
    "erasures",
    metadata,
    sa.Column("owner", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.BigInteger, nullable=False),
)
key_store = sa.Table(  # one row
    "key_store",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("master", sa.Text, nullable=False),  # id of the master key that new keys must be wrapped by
)


class KeyStore:
    """Data keys by owner. Every method is one transaction, synchronous: for the database's thread, never the loop."""

    def __init__(self, database: Database, masters: MasterKeys, erasures: ErasureList | None = None) -> None:
        self.database = database
        self.masters = masters
        self._list = erasures

    @classmethod
    def open(
        cls, url: str, masters: MasterKeys, erasures: ErasureList | None = None, *, change: bool = True
    ) -> "KeyStore":
        """Open the key store at `url`; with `change`, an empty database becomes a new one, and what a former process
        left half done is ended. `erasures`: the list that outlives it.

        Raises:
            OperatorError: the URL can't be used, it is damaged or newer than the program, or its keys were wrapped by
                a master key that is not among `masters`.
        """
        _check_mode(url)
        database = Database.open(url)
        store = cls(database, masters, erasures)
        try:
            database.run_sync(lambda tx: store.check(tx, change=change))
            if change:
                store._scrub(only_if_due=True)
        except sa.exc.DBAPIError as error:
            database.close_sync()
            raise _unusable(error) from None
        except BaseException:
            database.close_sync()
            raise
        return store

    @staticmethod
    def exists(url: str) -> bool:
        """Whether there is a key store at `url`. Nothing is created.

        Raises:
            OperatorError: the URL can't be used.
        """
        path = _file(url)
        if path is not None and not path.exists():
            return False
        database = Database.open(url)
        try:
            return database.run_sync(lambda tx: sa.inspect(tx.conn).has_table("key_store"))
        except sa.exc.DBAPIError as error:
            raise _unusable(error) from None
        finally:
            database.close_sync()

    def close(self) -> None:
        self.database.close_sync()

    # --- keys ---
    def get(self, owners: Sequence[int]) -> dict[int, bytes | None]:
        """The data keys of these owners; None for one that is damaged. Who has none is left out."""
        found: dict[int, bytes | None] = {}
        left = self._read(owners, found)
        if left:
            # Wrapped by a key that is not there: a rotation may just have ended, so look once more.
            left = self._read(left, found)
        found.update(dict.fromkeys(left))
        for _ in range(sum(key is None for key in found.values())):
            log.error("a key of the key store can't be opened")
        return found

    def create(self, owner: int) -> bytes:
        """The owner's data key; a new one if they have none.

        Raises:
            Unreadable: the owner was erased: nobody gets a key back. Or their key is damaged.
        """
        return self.create_all([owner])[owner]

    def create_all(self, owners: Iterable[int]) -> dict[int, bytes]:
        """`create` for several, in one transaction."""
        keys = {owner: os.urandom(KEY_BYTES) for owner in owners}

        def work(tx: Tx) -> list[int]:
            for owner in keys:
                if tx.sql("SELECT 1 FROM erasures WHERE owner = ?", (owner,)).first() is not None:
                    raise Unreadable("erased")
            return [owner for owner, key in keys.items() if not self._add(tx, owner, key)]

        if there := self.database.run_sync(work):
            for owner, key in self.get(there).items():
                if key is None:
                    raise Unreadable("damaged")
                keys[owner] = key
        return keys

    def destroy(self, owners: Iterable[int]) -> None:
        """Destroy data keys, for good, and note their owners as erased: first where it outlives this database.

        Raises:
            OperatorError: it can't be noted there; nothing was destroyed.
        """
        gone = sorted(set(owners))
        assert not set(COMMON) & set(gone), "these keys are everybody's"
        if self._list is not None:
            now = self.database.clock()
            self._list.add(dict.fromkeys(gone, now))
        self._destroy(gone)

    def agree(self) -> None:
        """Destroy what the list of erasures says was destroyed, should this be an older copy; and complete the list.

        Raises:
            OperatorError: the list can't be used.
        """
        if self._list is None:
            return
        listed, noted = self._list.read(), self.erased()
        self._list.add({owner: at for owner, at in noted.items() if owner not in listed})
        if missing := sorted(listed.keys() - noted.keys()):
            self._destroy(missing)

    def _destroy(self, gone: Sequence[int]) -> None:

        def work(tx: Tx) -> None:
            for owner in gone:
                tx.sql("DELETE FROM data_keys WHERE owner = ?", (owner,))
                tx.sql("INSERT INTO erasures (owner, at) VALUES (?, ?) ON CONFLICT (owner) DO NOTHING", (owner, tx.now))
            tx.scrub_later()

        self.database.run_sync(work)
        self._scrub()

    def erased(self) -> dict[int, int]:
        """Who was erased → when, ms."""
        rows = self.database.run_sync(lambda tx: tx.sql("SELECT owner, at FROM erasures").all())
        return {row.owner: row.at for row in rows}

    def count(self) -> dict[str, int]:
        """How many data keys each master key wraps, by its id."""
        rows = self.database.run_sync(
            lambda tx: tx.sql("SELECT master, COUNT(*) AS keys FROM data_keys GROUP BY master ORDER BY master").all()
        )
        return {row.master: row.keys for row in rows}

    # --- rotation ---
    def current_id(self) -> str:
        """Id of the master key that wraps new keys."""
        return self.database.run_sync(_current)

    def version(self) -> int:
        """Of the key store's layout."""
        number: int = self.database.run_sync(lambda tx: tx.sql("SELECT version FROM key_store").scalar_one())
        return number

    def sample(self, count: int) -> list[int]:
        """Some owners: those of the keys that are everybody's, the newest, and one for each master key."""
        rows = self.database.run_sync(
            lambda tx: tx.sql(
                "SELECT owner FROM (SELECT owner, created_at FROM data_keys ORDER BY created_at DESC LIMIT ?) newest"
                " UNION SELECT MAX(owner) FROM data_keys GROUP BY master",
                (count,),
            ).all()
        )
        return sorted({*COMMON, *(row.owner for row in rows)})

    def rewrap(self) -> int:
        """Have every data key wrapped by the current master key, a few at a time; how many were not.

        New keys are wrapped by it from the beginning on. May be broken off and called again; others may read and
        create keys meanwhile. A damaged key stays as it is.
        """
        current = self.masters.current
        self.database.run_sync(lambda tx: tx.sql("UPDATE key_store SET master = ?", (current.id,)))
        done = 0
        while step := self._rewrap_all(current):
            done += step
        if done:
            # Wrapped by the former key, they must not be found in the file any more.
            self._scrub()
        return done

    # --- inside ---
    def _rewrap_all(self, current: MasterKey) -> int:
        def some(tx: Tx, after: int) -> tuple[int, int | None]:
            rows = tx.sql(
                "SELECT owner, wrapped, master FROM data_keys WHERE master <> ? AND owner > ? ORDER BY owner LIMIT ?",
                (current.id, after, _REWRAP_AT_ONCE),
            ).all()
            done = 0
            for owner, wrapped, master in rows:
                key = self._unwrap(owner, bytes(wrapped), master)
                if key is None:
                    continue
                tx.sql(
                    "UPDATE data_keys SET wrapped = ?, master = ? WHERE owner = ?",
                    (current.wrap(_context(owner), key), current.id, owner),
                )
                done += 1
            if done:
                tx.scrub_later()
            return done, rows[-1].owner if rows else None

        total, after = 0, min(COMMON) - 1
        while True:
            done, last = self.database.run_sync(lambda tx, after=after: some(tx, after))  # type: ignore[misc]
            total += done
            if last is None:
                return total
            after = last

    # --- inside ---
    def check(self, tx: Tx, *, change: bool = True) -> None:
        """Make the tables in an empty database; else see that this program and its master keys can read it.

        Raises:
            OperatorError
        """
        if not sa.inspect(tx.conn).has_table("key_store"):
            if sa.inspect(tx.conn).get_table_names():
                raise OperatorError(
                    "key store: `vault.key_store_url` leads to a database of something else; give it one of its own."
                )
            if not change:
                raise OperatorError("key store: there is none yet; start `courtyard run` once.")
            metadata.create_all(tx.conn)
            tx.sql("INSERT INTO key_store (id, version, master) VALUES (1, ?, ?)", (_VERSION, self.masters.current.id))
            for owner in COMMON:
                self._add(tx, owner, os.urandom(KEY_BYTES))
        row = tx.sql("SELECT version, master FROM key_store").first()
        if row is None:
            raise _damaged()
        if row.version > _VERSION:
            raise OperatorError("key store: it is newer than this program; install the newer Courtyard again.")
        if self.masters.by_id(row.master) is None:
            raise _no_master()
        self._check_keys(tx)
        if change and row.master != self.masters.current.id:
            # A rotation that was broken off is gone on with before anything new is wrapped by the former key.
            tx.sql("UPDATE key_store SET master = ?", (self.masters.current.id,))

    def _check_keys(self, tx: Tx) -> None:
        for master, keys in tx.sql("SELECT master, COUNT(*) FROM data_keys GROUP BY master").all():
            # One alone may be a damaged row, which is nobody's loss but its owner's.
            if keys > 1 and self.masters.by_id(master) is None:
                raise _no_master()
        rows = {row.owner: row for row in tx.sql(f"{_SELECT} (?, ?)", COMMON).all()}
        for owner in COMMON:
            row = rows.get(owner)
            if row is None or self._unwrap(owner, bytes(row.wrapped), row.master) is None:
                raise _damaged()

    def _add(self, tx: Tx, owner: int, key: bytes) -> bool:
        """Store a new key. False when there is one."""
        # What the store says, not what we think: another process may have begun to exchange the master key.
        current = _current(tx)
        master = self.masters.by_id(current)
        if master is None:
            raise _no_master()
        added = tx.sql(
            "INSERT INTO data_keys (owner, wrapped, master, created_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (owner) DO NOTHING",
            (owner, master.wrap(_context(owner), key), current, tx.now),
        )
        return bool(added.rowcount)

    def _read(self, owners: Sequence[int], found: dict[int, bytes | None]) -> list[int]:
        """Read keys into `found`; those whose master key is not known are returned."""
        left: list[int] = []
        for start in range(0, len(owners), _CHUNK):
            chunk = owners[start : start + _CHUNK]
            marks = ",".join("?" * len(chunk))

            def work(tx: Tx, chunk: Sequence[int] = chunk, marks: str = marks) -> Sequence[Any]:
                return tx.sql(f"{_SELECT} ({marks})", tuple(chunk)).all()

            for owner, wrapped, master in self.database.run_sync(work):
                if self.masters.by_id(master) is None:
                    left.append(owner)
                else:
                    found[owner] = self._unwrap(owner, bytes(wrapped), master)
        return left

    def _unwrap(self, owner: int, wrapped: bytes, master_id: str) -> bytes | None:
        """None: it is damaged."""
        master = self.masters.by_id(master_id)
        try:
            return None if master is None else master.unwrap(_context(owner), wrapped)
        except ValueError:
            return None

    def _scrub(self, *, only_if_due: bool = False) -> None:
        clean = self.database.scrub_if_due() if only_if_due else self.database.scrub()
        if not clean:
            log.warning("destroyed keys may still lie in the file of the key store; cleaned at the next start")


_SELECT = "SELECT owner, wrapped, master FROM data_keys WHERE owner IN"


def _current(tx: Tx) -> str:
    current: str = tx.sql("SELECT master FROM key_store").scalar_one()
    return current


def _context(owner: int) -> bytes:
    return f"courtyard data key {owner}".encode()


def _file(url: str) -> Path | None:
    """Where SQLite keeps the key store; None: it is no file."""
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        return None  # opening it says what is wrong
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    return Path(parsed.database or "")


def _check_mode(url: str) -> None:
    path = _file(url)
    if path is not None and path.exists() and path.stat().st_mode & 0o007:
        raise OperatorError(f"key store: {path} is open to everybody on this machine; run: chmod 600 {path}")


def _unusable(error: sa.exc.DBAPIError) -> OperatorError:
    reason = "".join(str(error.orig).strip().splitlines()[:1])
    return OperatorError(f"key store: it can't be used ({reason}); check `vault.key_store_url`.")


def _no_master() -> OperatorError:
    return OperatorError(
        "key store: it was written with another master key than the one configured. Put the right key back "
        "(`secrets.master_key_file`)."
    )


def _damaged() -> OperatorError:
    return OperatorError("key store: it is damaged: the keys that everything hangs on can't be read. Restore a backup.")
