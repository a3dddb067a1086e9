"""The numbers under which a reader knows moments: their own, given once, never used again."""

import sqlalchemy as sa

from bridge.db import Tx
from bridge.db.tables import numbers
from bridge.ids import PersonId
from bridge.moments.places import position, set_position

_COUNTER = "numbers"
"""The place with the highest number that a person was ever given."""


def number_of(tx: Tx, reader: PersonId, moment_id: int) -> int:
    """The reader's number of a moment; a new one when it has none yet. Numbers are never used again."""
    row = tx.execute(
        sa.select(numbers.c.number).where(numbers.c.person_id == reader, numbers.c.moment_id == moment_id)
    ).first()
    if row is not None:
        return int(row.number)
    highest = position(tx, reader, _COUNTER)
    number = 1 + (0 if highest is None else int(highest["highest"]))
    set_position(tx, reader, _COUNTER, {"highest": number})
    tx.execute(sa.insert(numbers).values(person_id=reader, number=number, moment_id=moment_id))
    return number


def numbered(tx: Tx, reader: PersonId, number: int) -> int | None:
    """The id of the moment that has this number for the reader."""
    row = tx.execute(
        sa.select(numbers.c.moment_id).where(numbers.c.person_id == reader, numbers.c.number == number)
    ).first()
    return int(row.moment_id) if row else None
