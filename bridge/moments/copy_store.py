"""What was sent of moments and comments, and to whom: rows of `copies`, and of what is on its way."""

from collections.abc import Sequence

import sqlalchemy as sa

from bridge.db import Tx
from bridge.db.chunks import chunked
from bridge.db.tables import copies
from bridge.delivery.outbox import Outbox
from bridge.ids import PersonId
from bridge.moments import pages
from bridge.moments.kinds import ALL_COPIES, MOMENT_COPIES, PAGE, VOTES


def count_copies(tx: Tx, kinds: Sequence[str], ref_id: int, reader: PersonId) -> int:
    query = sa.select(sa.func.count()).where(
        copies.c.kind.in_(kinds), copies.c.ref_id == ref_id, copies.c.person_id == reader
    )
    return int(tx.execute(query.select_from(copies)).scalar_one())


def was_shown(tx: Tx, moment_id: int, reader: PersonId) -> bool:
    """Whether a copy of a moment was sent to a reader: of it alone, or of a page with it."""
    marks = ",".join(f"'{kind}'" for kind in MOMENT_COPIES)
    found = tx.sql(
        f"SELECT 1 FROM copies WHERE kind IN ({marks}) AND ref_id = ? AND person_id = ?"
        f" UNION ALL SELECT 1 FROM page_moments g JOIN copies c ON c.kind = '{PAGE}' AND c.ref_id = g.page_id"
        " WHERE g.moment_id = ? AND c.person_id = ? LIMIT 1",
        (moment_id, reader) * 2,
    )
    return found.first() is not None


def shown_to(tx: Tx, moment_id: int, readers: Sequence[PersonId]) -> set[PersonId]:
    """The same for many readers: to which of them."""
    marks = ",".join(f"'{kind}'" for kind in MOMENT_COPIES)
    found: set[PersonId] = set()
    for some, who in chunked(readers):
        rows = tx.sql(
            f"SELECT person_id FROM copies WHERE kind IN ({marks}) AND ref_id = ? AND person_id IN ({who})"
            f" UNION SELECT c.person_id FROM page_moments g JOIN copies c ON c.kind = '{PAGE}' AND c.ref_id = g.page_id"
            f" WHERE g.moment_id = ? AND c.person_id IN ({who})",
            (moment_id, *some) * 2,
        )
        found.update(PersonId(row.person_id) for row in rows)
    return found


def take_back(tx: Tx, outbox: Outbox, moment_id: int, reader: PersonId | None = None) -> None:
    """Redact every copy of a moment, of one reader or of all, and drop what is queued of it. A page goes as a whole:
    an edit would hide what stood on it, and not take it away."""
    for kind in ALL_COPIES:
        outbox.withdraw(tx, kind, moment_id, only_for=reader)
    for page, _ in pages.with_moment(tx, moment_id, reader):
        # One that nobody was shown is made without it when it is sent.
        if outbox.holders(tx, PAGE, page):
            outbox.withdraw(tx, PAGE, page)


def take_back_since(tx: Tx, outbox: Outbox, moment_id: int, reader: PersonId, since: int) -> None:
    """Redact what a reader was shown of a moment, and of what was said about it, at or after a time (ms)."""
    outbox.take_back_since(tx, MOMENT_COPIES, moment_id, reader, since)
    for page, _ in pages.with_moment(tx, moment_id, reader):
        outbox.take_back_since(tx, (PAGE,), page, reader, since)


def take_back_votes(tx: Tx, outbox: Outbox, moment_id: int, author: PersonId, delay_ms: int) -> None:
    """Take back what an author was told of who voted: these notices name all of them. If they are about to be told of
    votes, they are, of those that are left."""
    waiting = outbox.is_waiting(tx, author, VOTES, moment_id)
    outbox.withdraw(tx, VOTES, moment_id)
    if waiting:
        outbox.copy(tx, author, VOTES, moment_id, delay_ms=delay_ms, once=True)


_SENT = "SELECT kind, ref_id, person_id, created_at FROM copies WHERE kind IN ({kinds}) AND person_id {who}"
_SENDING = (
    "SELECT copy_kind AS kind, copy_ref AS ref_id, person_id, {now} AS created_at FROM outbox"
    " WHERE copy_kind IN ({kinds}) AND person_id {who} AND first_attempt_at IS NOT NULL AND kind IN ('copy', 'edit')"
)
"""What was sent, and what is being sent or may have arrived although no answer has come: it holds what it held then."""


def _out(tx: Tx, kinds: Sequence[str], reader: PersonId | None = None) -> tuple[str, tuple[PersonId, ...]]:
    """A subquery `c` of what was sent to one reader or to all, with its parameters. Of pages: what stands on them."""
    who = "IS NOT NULL" if reader is None else "= ?"
    single = ",".join(f"'{kind}'" for kind in kinds if kind != PAGE)
    parts = [part.format(kinds=single, who=who, now=tx.now) for part in (_SENT, _SENDING)]
    if PAGE in kinds:
        parts += [
            "SELECT s.kind, g.moment_id, s.person_id, s.created_at FROM page_moments g"
            f" JOIN ({part}) AS s ON s.ref_id = g.page_id"
            for part in (part.format(kinds=f"'{PAGE}'", who=who, now=tx.now) for part in (_SENT, _SENDING))
        ]
    params = () if reader is None else (reader,) * len(parts)
    return f"({' UNION ALL '.join(parts)}) AS c", params


def readers_since(tx: Tx, kinds: Sequence[str], ref_id: int, since: int) -> list[PersonId]:
    """To whom copies were sent at or after a time (ms)."""
    out, params = _out(tx, kinds)
    rows = tx.sql(
        f"SELECT DISTINCT c.person_id FROM {out} WHERE c.ref_id = ? AND c.created_at >= ?", (*params, ref_id, since)
    )
    return sorted(PersonId(row.person_id) for row in rows)


def moments_copied(tx: Tx, kinds: Sequence[str], reader: PersonId, author: PersonId) -> list[int]:
    """Moments of an author of which a reader has copies."""
    out, params = _out(tx, kinds, reader)
    rows = tx.sql(
        f"SELECT DISTINCT m.id FROM {out} JOIN moments m ON m.id = c.ref_id WHERE m.author_id = ?", (*params, author)
    )
    return sorted(int(row.id) for row in rows)


def comments_copied(tx: Tx, kind: str, reader: PersonId, other: PersonId) -> list[int]:
    """Comments of which `reader` has copies, written by `other` or under a moment of theirs."""
    out, params = _out(tx, (kind,), reader)
    rows = tx.sql(
        f"SELECT DISTINCT k.id FROM {out} JOIN comments k ON k.id = c.ref_id"
        " JOIN moments m ON m.id = k.moment_id WHERE k.person_id = ? OR m.author_id = ?",
        (*params, other, other),
    )
    return sorted(int(row.id) for row in rows)


def moments_with_responses(tx: Tx, kinds: Sequence[str], reader: PersonId, writer: PersonId) -> list[int]:
    """Moments of which a reader has copies that may show a like, comment or vote of `writer`."""
    out, params = _out(tx, kinds, reader)
    rows = tx.sql(
        f"SELECT DISTINCT c.ref_id FROM {out} WHERE"
        " EXISTS (SELECT 1 FROM likes l"
        "  WHERE l.moment_id = c.ref_id AND l.person_id = ? AND l.created_at <= c.created_at)"
        " OR EXISTS (SELECT 1 FROM comments k"
        "  WHERE k.moment_id = c.ref_id AND k.person_id = ? AND k.created_at <= c.created_at)"
        " OR EXISTS (SELECT 1 FROM votes v"
        "  WHERE v.moment_id = c.ref_id AND v.person_id = ? AND v.created_at <= c.created_at)",
        (*params, writer, writer, writer),
    )
    return sorted(int(row.ref_id) for row in rows)


def holders(tx: Tx, kinds: Sequence[str], author: PersonId) -> list[PersonId]:
    """Everybody who has a copy of a moment of this author."""
    out, params = _out(tx, kinds)
    rows = tx.sql(
        f"SELECT DISTINCT c.person_id FROM {out} JOIN moments m ON m.id = c.ref_id WHERE m.author_id = ?",
        (*params, author),
    )
    return sorted(PersonId(row.person_id) for row in rows)
