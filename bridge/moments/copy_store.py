"""What was sent of moments and comments, and to whom: rows of `copies`, and of what is on its way."""

from collections.abc import Sequence

import sqlalchemy as sa

from bridge.db import Tx
from bridge.db.tables import copies
from bridge.ids import PersonId


def count_copies(tx: Tx, kinds: Sequence[str], ref_id: int, reader: PersonId) -> int:
    query = sa.select(sa.func.count()).where(
        copies.c.kind.in_(kinds), copies.c.ref_id == ref_id, copies.c.person_id == reader
    )
    return int(tx.execute(query.select_from(copies)).scalar_one())


_OUT = (
    "(SELECT kind, ref_id, person_id, created_at FROM copies WHERE kind IN ({kinds}) AND person_id {who}"
    " UNION ALL SELECT copy_kind, copy_ref, person_id, {now} FROM outbox"
    " WHERE copy_kind IN ({kinds}) AND person_id {who} AND first_attempt_at IS NOT NULL"
    " AND kind IN ('copy', 'edit')) AS c"
)
"""What was sent, and what is being sent or may have arrived although no answer has come: it holds what it held then."""


def _out(tx: Tx, kinds: Sequence[str], who: str = "= ?") -> str:
    quoted = ",".join(f"'{kind}'" for kind in kinds)
    return _OUT.format(kinds=quoted, who=who, now=tx.now)


def readers_since(tx: Tx, kinds: Sequence[str], ref_id: int, since: int) -> list[PersonId]:
    """To whom copies were sent at or after a time (ms)."""
    rows = tx.sql(
        f"SELECT DISTINCT c.person_id FROM {_out(tx, kinds, 'IS NOT NULL')} WHERE c.ref_id = ? AND c.created_at >= ?",
        (ref_id, since),
    )
    return sorted(PersonId(row.person_id) for row in rows)


def moments_copied(tx: Tx, kinds: Sequence[str], reader: PersonId, author: PersonId) -> list[int]:
    """Moments of an author of which a reader has copies."""
    rows = tx.sql(
        f"SELECT DISTINCT m.id FROM {_out(tx, kinds)} JOIN moments m ON m.id = c.ref_id WHERE m.author_id = ?",
        (reader, reader, author),
    )
    return sorted(int(row.id) for row in rows)


def comments_copied(tx: Tx, kind: str, reader: PersonId, other: PersonId) -> list[int]:
    """Comments of which `reader` has copies, written by `other` or under a moment of theirs."""
    rows = tx.sql(
        f"SELECT DISTINCT k.id FROM {_out(tx, (kind,))} JOIN comments k ON k.id = c.ref_id"
        " JOIN moments m ON m.id = k.moment_id WHERE k.person_id = ? OR m.author_id = ?",
        (reader, reader, other, other),
    )
    return sorted(int(row.id) for row in rows)


def moments_with_responses(tx: Tx, kinds: Sequence[str], reader: PersonId, writer: PersonId) -> list[int]:
    """Moments of which a reader has copies that may show a like or comment of `writer`."""
    rows = tx.sql(
        f"SELECT DISTINCT c.ref_id FROM {_out(tx, kinds)} WHERE"
        " EXISTS (SELECT 1 FROM likes l"
        "  WHERE l.moment_id = c.ref_id AND l.person_id = ? AND l.created_at <= c.created_at)"
        " OR EXISTS (SELECT 1 FROM comments k"
        "  WHERE k.moment_id = c.ref_id AND k.person_id = ? AND k.created_at <= c.created_at)",
        (reader, reader, writer, writer),
    )
    return sorted(int(row.ref_id) for row in rows)


def holders(tx: Tx, kinds: Sequence[str], author: PersonId) -> list[PersonId]:
    """Everybody who has a copy of a moment of this author."""
    rows = tx.sql(
        f"SELECT DISTINCT c.person_id FROM {_out(tx, kinds, 'IS NOT NULL')} JOIN moments m ON m.id = c.ref_id"
        " WHERE m.author_id = ?",
        (author,),
    )
    return sorted(PersonId(row.person_id) for row in rows)
