"""The key store: wrapped data keys, and the list of who was erased. A database of its own, apart from the main one.

Its transactions are its own too: a key is durable before anything is sealed under it, and destroyed before the rows
are. A key that is left over because the main transaction was rolled back does no harm.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import sqlalchemy as sa

from bridge.db.engine import Database, Tx
from bridge.db.sealing import Unreadable
from bridge.errors import OperatorError
from bridge.vault.envelope import KEY_BYTES
from bridge.vault.erasures import ErasureList
from bridge.vault.master import MasterKeys

_VERSION = 1
_CHUNK = 400
_REWRAP_AT_ONCE = 500

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
    def open(cls, url: str, masters: MasterKeys, erasures: ErasureList | None = None) -> "KeyStore":
        """Open the key store at `url`; an empty database becomes a new one. `erasures`: the list that outlives it.

        Raises:
            OperatorError: the URL can't be used, it is newer than the program, or its keys were wrapped by a master
                key that is not among `masters`.
        """
        database = Database.open(url)
        store = cls(database, masters, erasures)
        try:
            database.run_sync(store.check)
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
        parsed = sa.make_url(url)
        if parsed.get_backend_name() == "sqlite" and not (parsed.database and Path(parsed.database).exists()):
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
    def get(self, owners: Sequence[int]) -> dict[int, bytes]:
        """The data keys of these owners; who has none is left out.

        Raises:
            OperatorError: a key was wrapped by a master key that is not there.
            Unreadable: a key is damaged.
        """
        found: dict[int, bytes] = {}
        for start in range(0, len(owners), _CHUNK):
            chunk = owners[start : start + _CHUNK]
            marks = ",".join("?" * len(chunk))
            rows = self.database.run_sync(
                lambda tx, chunk=chunk, marks=marks: tx.sql(  # type: ignore[misc]
                    f"SELECT owner, wrapped, master FROM data_keys WHERE owner IN ({marks})", tuple(chunk)
                ).all()
            )
            for owner, wrapped, master in rows:
                found[owner] = self._unwrap(owner, bytes(wrapped), master)
        return found

    def create(self, owner: int) -> bytes:
        """The owner's data key; a new one if they have none.

        Raises:
            Unreadable: the owner was erased: nobody gets a key back.
        """
        key = os.urandom(KEY_BYTES)

        def work(tx: Tx) -> bytes | None:
            current = tx.sql("SELECT master FROM key_store").scalar_one()
            if current != self.masters.current.id:
                self.masters.reload()  # a rotation is under way
                if current != self.masters.current.id:
                    raise _no_master()
            if tx.sql("SELECT 1 FROM erasures WHERE owner = ?", (owner,)).first() is not None:
                raise Unreadable("erased")
            added = tx.sql(
                "INSERT INTO data_keys (owner, wrapped, master, created_at) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (owner) DO NOTHING",
                (owner, self.masters.current.wrap(_context(owner), key), current, tx.now),
            )
            return key if added.rowcount else None

        return self.database.run_sync(work) or self.get([owner])[owner]

    def destroy(self, owners: Iterable[int]) -> None:
        """Destroy data keys, for good, and note their owners as erased: first where it outlives this database.

        Raises:
            OperatorError: it can't be noted there; nothing was destroyed.
        """
        gone = sorted(set(owners))
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

        self.database.run_sync(work)
        self.database.scrub()

    def erased(self) -> dict[int, int]:
        """Who was erased → when, ms."""
        rows = self.database.run_sync(lambda tx: tx.sql("SELECT owner, at FROM erasures").all())
        return {row.owner: row.at for row in rows}

    def count(self) -> dict[str, int]:
        """How many data keys each master key wraps, by its id."""
        rows = self.database.run_sync(
            lambda tx: tx.sql("SELECT master, COUNT(*) AS keys FROM data_keys GROUP BY master").all()
        )
        return {row.master: row.keys for row in rows}

    # --- rotation ---
    def rewrap(self) -> int:
        """Have every data key wrapped by the current master key, a few at a time; how many were not.

        New keys are wrapped by it from the beginning on. May be broken off and called again; others may read and
        create keys meanwhile.

        Raises:
            OperatorError: a key was wrapped by a master key that is not there.
            Unreadable: a key is damaged.
        """
        current = self.masters.current
        self.database.run_sync(lambda tx: tx.sql("UPDATE key_store SET master = ?", (current.id,)))

        def some(tx: Tx) -> int:
            rows = tx.sql(
                "SELECT owner, wrapped, master FROM data_keys WHERE master <> ? ORDER BY owner LIMIT ?",
                (current.id, _REWRAP_AT_ONCE),
            ).all()
            for owner, wrapped, master in rows:
                key = self._unwrap(owner, bytes(wrapped), master)
                tx.sql(
                    "UPDATE data_keys SET wrapped = ?, master = ? WHERE owner = ?",
                    (current.wrap(_context(owner), key), current.id, owner),
                )
            return len(rows)

        done = 0
        while step := self.database.run_sync(some):
            done += step
        if done:
            self.database.scrub()
        return done

    # --- inside ---
    def check(self, tx: Tx) -> None:
        """Make the tables in an empty database; else see that this program and its master keys can read it.

        Raises:
            OperatorError
        """
        if not sa.inspect(tx.conn).has_table("key_store"):
            if sa.inspect(tx.conn).get_table_names():
                raise OperatorError(
                    "key store: `vault.key_store_url` leads to a database of something else; give it one of its own."
                )
            metadata.create_all(tx.conn)
            tx.sql("INSERT INTO key_store (id, version, master) VALUES (1, ?, ?)", (_VERSION, self.masters.current.id))
        row = tx.sql("SELECT version, master FROM key_store").one()
        if row.version > _VERSION:
            raise OperatorError("key store: it is newer than this program; install the newer Courtyard again.")
        # A rotation that was broken off is gone on with before anything new is sealed under the former key.
        if self.masters.by_id(row.master) is None:
            raise _no_master()
        if self.masters.former(row.master):
            tx.sql("UPDATE key_store SET master = ?", (self.masters.current.id,))
        sample = tx.sql("SELECT owner, wrapped, master FROM data_keys ORDER BY owner LIMIT 1").first()
        if sample is not None:
            self._unwrap(sample.owner, bytes(sample.wrapped), sample.master)

    def _unwrap(self, owner: int, wrapped: bytes, master_id: str) -> bytes:
        master = self.masters.by_id(master_id)
        if master is None:
            raise _no_master()
        try:
            return master.unwrap(_context(owner), wrapped)
        except ValueError:
            raise Unreadable("damaged") from None


def _context(owner: int) -> bytes:
    return f"courtyard data key {owner}".encode()


def _unusable(error: sa.exc.DBAPIError) -> OperatorError:
    reason = "".join(str(error.orig).strip().splitlines()[:1])
    return OperatorError(f"key store: it can't be used ({reason}); check `vault.key_store_url`.")


def _no_master() -> OperatorError:
    return OperatorError(
        "key store: it was written with another master key than the one configured. Put the right key back "
        "(`secrets.master_key_file`)."
    )
