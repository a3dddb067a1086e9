"""The ledger: what operators did and what people agreed to, as a chain of SHA-256 over sealed entries.

An entry is sealed under the key of the person whom it is about, or of the house; the hash is over what is sealed. So
the chain can be followed by anybody, without a key, and still when a person's key is gone and with it what their
entries say.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bridge.db.engine import Tx

START = bytes(32)
"""What stands for the hash before the first entry."""
_DOMAIN = b"courtyard ledger 1\0"
_ROWS = 500


@dataclass(frozen=True, slots=True)
class Entry:
    number: int
    """From 1, without a gap."""
    at: int
    """ms since the epoch, UTC."""
    owner: int
    """A `PersonId`, or `bridge.db.sealing.HOUSE`."""
    sealed: bytes
    hash: bytes

    @property
    def head(self) -> str:
        """What to note down, to find later whether anything up to here was changed or taken out."""
        return f"{self.number}:{self.hash.hex()}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What following the chain has shown."""

    entries: int
    head: str
    """Of the last entry; `0:` and zeros when there is none."""
    broken: int | None
    """The number of the first entry that is not as it was written, or lacks."""
    misses_head: bool = False
    """A head that was noted is not in it."""

    @property
    def is_whole(self) -> bool:
        return self.broken is None and not self.misses_head


def append(tx: Tx, owner: int, kind: str, **details: Any) -> Entry:
    """Add an entry in this transaction. `details` go to JSON.

    Raises:
        Unreadable: the owner was erased.
    """
    last = tx.sql("SELECT number, hash FROM ledger ORDER BY number DESC LIMIT 1").first()
    number, before = (1, START) if last is None else (last.number + 1, bytes(last.hash))
    sealed = tx.vault.seal(owner, "ledger", number, "sealed", {"kind": kind, **details})
    entry = Entry(number, tx.now, owner, sealed, chained(before, number, tx.now, owner, sealed))
    # With ON CONFLICT, PostgreSQL tells of another process that took the number as a conflict: it is tried again.
    tx.sql(
        "INSERT INTO ledger (number, at, owner, sealed, hash) VALUES (?, ?, ?, ?, ?) ON CONFLICT (number) DO NOTHING",
        (number, tx.now, owner, sealed, entry.hash),
    )
    return entry


def chained(before: bytes, number: int, at: int, owner: int, sealed: bytes) -> bytes:
    """The hash of an entry: SHA-256 of the name of the format, the hash before, number, time, owner (each 8 bytes, big
    endian, signed), the length of what is sealed in the same way, and what is sealed."""
    numbers = b"".join(value.to_bytes(8, "big", signed=True) for value in (number, at, owner, len(sealed)))
    return hashlib.sha256(_DOMAIN + before + numbers + sealed).digest()


def entries(tx: Tx, after: int = 0) -> Iterator[Entry]:
    """All entries behind a number, in order."""
    while True:
        rows = tx.sql(
            f"SELECT number, at, owner, sealed, hash FROM ledger WHERE number > ? ORDER BY number LIMIT {_ROWS}",
            (after,),
        ).all()
        for row in rows:
            yield Entry(row.number, row.at, row.owner, bytes(row.sealed), bytes(row.hash))
        if len(rows) < _ROWS:
            return
        after = rows[-1].number


def verify(tx: Tx, noted: str | None = None) -> Verdict:
    """Follow the whole chain. `noted`: a head that was noted earlier and has to be in it."""
    before, count, head = START, 0, f"0:{START.hex()}"
    found = noted in (None, head)
    for entry in entries(tx):
        expected = chained(before, count + 1, entry.at, entry.owner, entry.sealed)
        if entry.number != count + 1 or entry.hash != expected:
            return Verdict(count, head, count + 1)
        before, count, head = entry.hash, entry.number, entry.head
        found = found or head == noted
    return Verdict(count, head, None, not found)
