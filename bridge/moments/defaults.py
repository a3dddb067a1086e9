"""For whom a person's posts are when they name nobody (M2)."""

from bridge.db import Tx
from bridge.ids import PersonId
from bridge.moments.audience import Said
from bridge.privacy import Audience

FRIENDS = Said(Audience.FRIENDS)


def load(tx: Tx, person: PersonId) -> Said:
    """In the person's own words, to be looked up anew for each post. What is damaged is for nobody else."""
    row = tx.sql("SELECT sealed FROM post_defaults WHERE person_id = ?", (person,)).first()
    if row is None:
        return FRIENDS
    value = tx.vault.read(person, "post_defaults", person, "sealed", row.sealed)
    return Said(Audience.PRIVATE) if value is None else Said.of_json(value)


def save(tx: Tx, person: PersonId, said: Said) -> None:
    sealed = tx.vault.seal(person, "post_defaults", person, "sealed", said.to_json())
    tx.sql(
        "INSERT INTO post_defaults (person_id, sealed) VALUES (?, ?)"
        " ON CONFLICT (person_id) DO UPDATE SET sealed = excluded.sealed",
        (person, sealed),
    )
