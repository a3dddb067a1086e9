"""The numbers under which a reader knows moments: their own, given once, never used again."""

from collections.abc import Sequence

from bridge.db import Tx
from bridge.db.chunks import chunked
from bridge.ids import PersonId
from bridge.moments.places import position, positions, set_position, set_positions

_COUNTER = "numbers"
"""The place with the highest number that a person was ever given."""
_LATELY = 20


def number_of(tx: Tx, reader: PersonId, moment_id: int) -> int:
    """The reader's number of a moment; a new one when it has none yet."""
    return numbers_of(tx, reader, (moment_id,))[moment_id]


def numbers_of(tx: Tx, reader: PersonId, moment_ids: Sequence[int]) -> dict[int, int]:
    """The reader's numbers of moments; new ones, in this order, for those that have none yet."""
    if not moment_ids:
        return {}
    marks = ",".join("?" * len(moment_ids))
    rows = tx.sql(
        f"SELECT moment_id, number FROM numbers WHERE person_id = ? AND moment_id IN ({marks})", (reader, *moment_ids)
    )
    known = {int(row.moment_id): int(row.number) for row in rows}
    new = [moment_id for moment_id in dict.fromkeys(moment_ids) if moment_id not in known]
    if new:
        place = position(tx, reader, _COUNTER)
        highest = 0 if place is None else int(place["highest"])
        given = dict(zip(new, range(highest + 1, highest + 1 + len(new)), strict=True))
        set_position(tx, reader, _COUNTER, {"highest": highest + len(new)})
        tx.sql(
            "INSERT INTO numbers (person_id, number, moment_id) VALUES (?, ?, ?)",
            [(reader, number, moment_id) for moment_id, number in given.items()],
        )
        known |= given
    return known


def numbers_for(tx: Tx, readers: Sequence[PersonId], moment_id: int) -> dict[PersonId, int]:
    """The same for one moment and many readers."""
    found: dict[PersonId, int] = {}
    for some, marks in chunked(readers):
        rows = tx.sql(
            f"SELECT person_id, number FROM numbers WHERE moment_id = ? AND person_id IN ({marks})",
            (moment_id, *some),
        )
        found |= {PersonId(row.person_id): int(row.number) for row in rows}
    new = [reader for reader in dict.fromkeys(readers) if reader not in found]
    if new:
        counters = positions(tx, new, _COUNTER)
        given = {reader: 1 + int(counters[reader]["highest"] if reader in counters else 0) for reader in new}
        set_positions(tx, _COUNTER, {reader: {"highest": number} for reader, number in given.items()})
        tx.sql(
            "INSERT INTO numbers (person_id, number, moment_id) VALUES (?, ?, ?)",
            [(reader, number, moment_id) for reader, number in given.items()],
        )
        found |= given
    return found


def known(tx: Tx, reader: PersonId, moment_id: int) -> int | None:
    """The reader's number of a moment, if it has one."""
    number: int | None = tx.sql(
        "SELECT number FROM numbers WHERE person_id = ? AND moment_id = ?", (reader, moment_id)
    ).scalar()
    return number


def numbered_or_other(tx: Tx, reader: PersonId, number: int) -> tuple[int | None, int]:
    """The id of the moment that has this number for the reader, None when there is none (any more); and the id of
    another one that they were shown lately, of somebody else where there is one, or 0."""
    row = tx.sql(
        "SELECT (SELECT moment_id FROM numbers WHERE person_id = ? AND number = ?) AS wanted,"
        " (SELECT n.moment_id FROM (SELECT moment_id FROM numbers WHERE person_id = ? AND number <> ?"
        f"  ORDER BY number DESC LIMIT {_LATELY}) AS n JOIN moments m ON m.id = n.moment_id"
        "  ORDER BY CASE WHEN m.author_id = ? THEN 1 ELSE 0 END, m.id DESC LIMIT 1) AS other",
        (reader, number, reader, number, reader),
    ).one()
    return (None if row.wanted is None else int(row.wanted)), int(row.other or 0)
