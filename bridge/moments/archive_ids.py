"""By which name a moment is known in archives of its author: the same in each export, here and wherever it is imported.

The name of a moment that was written here is a keyed hash of its row, so that it tells nothing about the rows of
others. One that came with an archive keeps the name that it had there.
"""

import uuid
from collections.abc import Iterable, Sequence

from bridge.db import Tx
from bridge.db.chunks import chunked
from bridge.ids import PersonId

PREFIX = "urn:uuid:"


def names(tx: Tx, author: PersonId, moment_ids: Sequence[int]) -> dict[int, str]:
    """Names (`urn:uuid:…`) of moments of one author."""
    found = {moment_id: derived(tx, author, moment_id) for moment_id in moment_ids}
    for chunk, marks in chunked(moment_ids):
        rows = tx.sql(f"SELECT moment_id, sealed FROM archive_ids WHERE moment_id IN ({marks})", chunk).all()
        for row in rows:
            value = tx.vault.read(author, "archive_ids", row.moment_id, "sealed", row.sealed)
            if value is not None:
                found[row.moment_id] = value
    return found


def derived(tx: Tx, author: PersonId, moment_id: int) -> str:
    """The name of a moment that was written here."""
    digest = bytearray(tx.vault.lookup(f"archive moment {author}", str(moment_id))[:16])
    digest[6] = digest[6] & 0x0F | 0x80  # RFC 9562, version 8: made up by its own rules
    digest[8] = digest[8] & 0x3F | 0x80
    return PREFIX + str(uuid.UUID(bytes=bytes(digest)))


def known(tx: Tx, author: PersonId, wanted: Iterable[str]) -> set[str]:
    """Which of these names are those of moments that the author has."""
    lookups = {_lookup(tx, author, name): name for name in wanted}
    found: set[str] = set()
    keys = list(lookups)
    for chunk, marks in chunked(keys):
        rows = tx.sql(f"SELECT lookup FROM archive_ids WHERE person_id = ? AND lookup IN ({marks})", (author, *chunk))
        found |= {lookups[bytes(row.lookup)] for row in rows}
    return found


def written_here(tx: Tx, author: PersonId, after: int, most: int) -> tuple[set[str], int | None]:
    """Names of some of the author's moments that were written here, those with the lowest ids above `after`; and where
    to go on, None at the end."""
    rows = tx.sql(
        "SELECT id FROM moments WHERE author_id = ? AND id > ? ORDER BY id LIMIT ?", (author, after, most)
    ).scalars()
    ids = [int(i) for i in rows]
    return {derived(tx, author, i) for i in ids}, ids[-1] if len(ids) == most else None


def keep(tx: Tx, author: PersonId, moment_id: int, name: str) -> None:
    """A moment came with an archive under this name."""
    sealed = tx.vault.seal(author, "archive_ids", moment_id, "sealed", name)
    tx.sql(
        "INSERT INTO archive_ids (moment_id, person_id, lookup, sealed) VALUES (?, ?, ?, ?)",
        (moment_id, author, _lookup(tx, author, name), sealed),
    )


def _lookup(tx: Tx, author: PersonId, name: str) -> bytes:
    return tx.vault.lookup(f"archive name {author}", name)
