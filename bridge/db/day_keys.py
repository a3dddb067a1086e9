"""Keys of days: what is let go when it is old is sealed under the key of the day on which it was written,
beside that of its owner. When a day is over and gone, its key is destroyed: then nothing of it opens, in no copy.
"""

from bridge.db import two_keys
from bridge.db.engine import Tx

LOG, REQUESTS, DRAFTS = "log", "requests", "drafts"
"""Classes of data that have such keys."""
_TABLES = {LOG: "access_log", REQUESTS: "friend_requests", DRAFTS: "drafts"}
_DAY_MS = 24 * 3600 * 1000
_MOST = 400


def key_of(tx: Tx, kind: str, at: int) -> int:
    """The key of the day (UTC) of a time (ms), for a class; a new one if it has none."""
    day = at // _DAY_MS
    query = "SELECT key_id FROM day_keys WHERE kind = ? AND day = ?"
    found = tx.sql(query, (kind, day)).scalar()
    if found is None:
        tx.sql(
            "INSERT INTO day_keys (kind, day, key_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (kind, day, two_keys.new_key(tx)),
        )
        found = tx.sql(query, (kind, day)).scalar_one()
    return int(found)


def end(tx: Tx, kind: str, before: int) -> int:
    """Have the keys of the days destroyed that were over before a time (ms), and of which no row is left. How many."""
    rows = tx.sql(
        f"SELECT day, key_id FROM day_keys WHERE kind = ? AND day < ?"
        f" AND NOT EXISTS (SELECT 1 FROM {_TABLES[kind]} r WHERE r.key_id = day_keys.key_id)"
        f" ORDER BY day LIMIT {_MOST}",
        (kind, before // _DAY_MS),
    ).all()
    for row in rows:
        two_keys.end(tx, row.key_id)
        tx.sql("DELETE FROM day_keys WHERE kind = ? AND day = ?", (kind, row.day))
    return len(rows)


def forget(tx: Tx, gone: tuple[int, ...]) -> None:
    """These keys are destroyed already: this is an older copy. What was sealed under them goes; of friend requests, by
    the job that lets old ones go, since there are questions about them."""
    marks = ",".join("?" * len(gone))
    tx.sql(f"DELETE FROM access_log WHERE key_id IN ({marks})", gone)
    tx.sql(f"DELETE FROM drafts WHERE key_id IN ({marks})", gone)
    tx.sql(f"UPDATE friend_requests SET created_at = 0 WHERE key_id IN ({marks})", gone)
    tx.sql(f"DELETE FROM day_keys WHERE key_id IN ({marks})", gone)
