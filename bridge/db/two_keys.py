"""Values that open with two keys only: that of the person they belong to, and one that is destroyed when they are old.
With either gone they are unreadable, in every copy of the database.

The second key is that of a moment which ends, or that of a day (`day_keys`). These lie in the key store beside those of
people. Their ids are in another range, so that neither can be taken for the other.
"""

import base64
import binascii
import secrets
from typing import Any

from bridge.db.engine import Tx
from bridge.db.sealing import Row

_FIRST = 3 << 61
"""Ids of people are at most 1 << 62."""


def new_key(tx: Tx) -> int:
    """A new second key, by its id. It is durable at once; one that comes to nothing does no harm."""
    key = _FIRST + secrets.randbits(61)
    tx.vault.create(key)
    return key


def is_key(owner: int) -> bool:
    """Whether an owner in the key store is no person, but a second key."""
    return owner >= _FIRST


def end(tx: Tx, key: int) -> None:
    """Have it destroyed, soon: by the job that ends moments."""
    tx.sql("INSERT INTO ended_keys (key_id, at) VALUES (?, ?) ON CONFLICT DO NOTHING", (key, tx.now))


def seal(tx: Tx, key: int | None, owner: int, table: str, row: Row, column: str, value: Any) -> bytes:
    """`value` sealed under its owner's key, and under the second one where there is one.

    Raises:
        Unreadable: one of the keys is gone.
    """
    inner = tx.vault.seal(owner, table, row, column, value)
    if key is None:
        return inner
    return tx.vault.seal(key, table, row, column, base64.b64encode(inner).decode())


def read(tx: Tx, key: int | None, owner: int, table: str, row: Row, column: str, sealed: bytes | None) -> Any | None:
    """What `seal` sealed; None when it is unreadable."""
    if key is not None:
        outer = tx.vault.read(key, table, row, column, sealed)
        try:
            sealed = None if outer is None else base64.b64decode(outer)
        except (TypeError, ValueError, binascii.Error):
            sealed = None
        if sealed is None:
            return None
    return tx.vault.read(owner, table, row, column, sealed)
