"""How long people keep their own moments: after that, they go as by `delete`, and their keys are destroyed (O4)."""

from collections.abc import Sequence

from bridge.db import Tx
from bridge.ids import PersonId

DAY_MS = 24 * 3600 * 1000
_OLD = "FROM moments m JOIN keep_times k ON k.person_id = m.author_id WHERE m.created_at < ? - k.moments_ms"


def load(tx: Tx, person: PersonId) -> int | None:
    """ms; None: for ever."""
    ms: int | None = tx.sql("SELECT moments_ms FROM keep_times WHERE person_id = ?", (person,)).scalar()
    return ms


def load_days(tx: Tx, person: PersonId) -> int | None:
    """The same in days."""
    ms = load(tx, person)
    return None if ms is None else ms // DAY_MS


def save(tx: Tx, person: PersonId, ms: int | None) -> None:
    tx.sql("DELETE FROM keep_times WHERE person_id = ?", (person,))
    if ms is not None:
        tx.sql("INSERT INTO keep_times (person_id, moments_ms) VALUES (?, ?)", (person, ms))


def count_older(tx: Tx, person: PersonId, ms: int) -> int:
    """How many of somebody's moments are older than this."""
    query = "SELECT COUNT(*) FROM moments WHERE author_id = ? AND created_at < ?"
    return int(tx.sql(query, (person, tx.now - ms)).scalar_one())


def count_over(tx: Tx) -> int:
    """Moments, of whomever, that are older than their authors keep them."""
    return int(tx.sql(f"SELECT COUNT(*) {_OLD}", (tx.now,)).scalar_one())


def over(tx: Tx, most: int) -> Sequence[int]:
    """Ids of some of these."""
    rows = tx.sql(f"SELECT m.id {_OLD} ORDER BY m.id LIMIT ?", (tx.now, most))
    return [int(i) for i in rows.scalars()]
