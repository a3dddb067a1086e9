"""Keys of days: what is let go when it is old is sealed under the key of the day on which it was written,
beside that of its owner. When a day is over and gone, its key is destroyed: then nothing of it opens, in no copy.

People for whom the operator has set a limit of their own share such keys with those of the same limit alone: so a key
goes when its limit is over, and no other limit holds it up.
"""

from bridge.db import own_limits, two_keys
from bridge.db.engine import Tx

LOG, TOLD, REQUESTS, DRAFTS = "log", "told", "requests", "drafts"
"""Kinds of what has such keys."""
CLASSES = {LOG: own_limits.LOG, TOLD: own_limits.LOG, REQUESTS: own_limits.REQUESTS}
"""Whose limits may be people's own."""
_TABLES = {LOG: "access_log", TOLD: "program_deliveries", REQUESTS: "friend_requests", DRAFTS: "drafts"}
_DAY_MS = 24 * 3600 * 1000
_MOST = 400


def key_of(tx: Tx, kind: str, owner: int, at: int) -> int:
    """The key of the day (UTC) of a time (ms), for what is somebody's of a kind; a new one if it has none."""
    if kind in CLASSES:
        kind = own_limits.group(tx, owner, kind, CLASSES[kind])
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
    return _end(tx, kind, "kind = ?", kind, before)


def end_own(tx: Tx, kind: str) -> int:
    """The same for those of limits of people's own: as soon as a day is over and no row of it is left, since rows are
    there for as long as the limit holds, or their owner has another one now."""
    return _end(tx, kind, "kind LIKE ?", f"{kind}/%", tx.now - _DAY_MS)


def _end(tx: Tx, kind: str, where: str, value: str, before: int) -> int:
    rows = tx.sql(
        f"SELECT kind, day, key_id FROM day_keys WHERE {where} AND day < ?"
        f" AND NOT EXISTS (SELECT 1 FROM {_TABLES[kind]} r WHERE r.key_id = day_keys.key_id)"
        f" ORDER BY day LIMIT {_MOST}",
        (value, before // _DAY_MS),
    ).all()
    for row in rows:
        two_keys.end(tx, row.key_id)
        tx.sql("DELETE FROM day_keys WHERE kind = ? AND day = ?", (row.kind, row.day))
    return len(rows)


def forget(tx: Tx, gone: tuple[int, ...], *, told: bool = True) -> None:
    """These keys are destroyed already: this is an older copy. What was sealed under them goes; of friend requests, by
    the job that lets old ones go, since there are questions about them. Not `told`: what programs were told had no such
    keys then."""
    marks = ",".join("?" * len(gone))
    for table in ("access_log", "drafts", *(("program_deliveries",) if told else ())):
        tx.sql(f"DELETE FROM {table} WHERE key_id IN ({marks})", gone)
    tx.sql(f"UPDATE friend_requests SET created_at = 0 WHERE key_id IN ({marks})", gone)
    tx.sql(f"DELETE FROM day_keys WHERE key_id IN ({marks})", gone)
