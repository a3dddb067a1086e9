"""The last thing that a person did, for as long as they may take it back (X10)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.db import Tx
from bridge.ids import PersonId

POST, DELETE, AUDIENCE, SETTING = "post", "delete", "audience", "setting"
"""What can be taken back. Of the first three `ref_id` is the moment; of the last two `value` is how it was before."""


@dataclass(frozen=True, slots=True)
class Undo:
    kind: str
    ref_id: int | None
    value: Mapping[str, Any]


def record(
    tx: Tx, person: PersonId, ms: int, kind: str, ref_id: int | None = None, value: Mapping[str, Any] | None = None
) -> None:
    """Remember what was done for `ms`. What was remembered before is final from now on."""
    tx.sql("DELETE FROM undos WHERE person_id = ?", (person,))
    if ms <= 0:
        return
    sealed = tx.vault.seal(person, "undos", person, "sealed", dict(value or {}))
    tx.sql(
        "INSERT INTO undos (person_id, kind, ref_id, sealed, until) VALUES (?, ?, ?, ?, ?)",
        (person, kind, ref_id, sealed, tx.now + ms),
    )


def take(tx: Tx, person: PersonId) -> Undo | None:
    """What may be taken back now; it is not remembered any more. None: nothing, or it can't be read."""
    row = tx.sql("SELECT kind, ref_id, sealed, until FROM undos WHERE person_id = ?", (person,)).first()
    tx.sql("DELETE FROM undos WHERE person_id = ?", (person,))
    if row is None or row.until <= tx.now:
        return None
    value = tx.vault.read(person, "undos", person, "sealed", row.sealed)
    return None if value is None else Undo(row.kind, row.ref_id, value)


def forget_old(tx: Tx) -> None:
    """Forget what is final."""
    tx.sql("DELETE FROM undos WHERE until <= ?", (tx.now,))
