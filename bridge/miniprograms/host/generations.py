"""How often somebody began anew in a program, as somebody whom it does not know."""

from bridge.db import Tx
from bridge.ids import PersonId


def generation_of(tx: Tx, program_id: int, person: PersonId) -> int:
    """0: never."""
    found = tx.sql(
        "SELECT generation FROM program_people WHERE program_id = ? AND person_id = ?", (program_id, person)
    ).scalar()
    return int(found or 0)
