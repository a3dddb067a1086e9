"""Where a reader is in their lists, and what else is kept for one reader under a name."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bridge.db import Tx
from bridge.db.chunks import chunked
from bridge.ids import PersonId


def position(tx: Tx, person: PersonId, name: str) -> dict[str, Any] | None:
    row = tx.sql("SELECT position FROM cursors WHERE person_id = ? AND list = ?", (person, name)).first()
    return dict(json.loads(row.position)) if row else None


def positions(tx: Tx, people: Sequence[PersonId], name: str) -> dict[PersonId, dict[str, Any]]:
    """The same for several people; who has none is left out."""
    found: dict[PersonId, dict[str, Any]] = {}
    for some, marks in chunked(people):
        rows = tx.sql(
            f"SELECT person_id, position FROM cursors WHERE list = ? AND person_id IN ({marks})", (name, *some)
        )
        found |= {PersonId(row.person_id): dict(json.loads(row.position)) for row in rows}
    return found


def set_position(tx: Tx, person: PersonId, name: str, value: dict[str, Any]) -> None:
    set_positions(tx, name, {person: value})


def set_positions(tx: Tx, name: str, values: Mapping[PersonId, dict[str, Any]]) -> None:
    """The same for several people."""
    tx.sql(
        "INSERT INTO cursors (person_id, list, position, at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (person_id, list) DO UPDATE SET position = excluded.position, at = excluded.at",
        [(person, name, json.dumps(value), tx.now) for person, value in values.items()],
    )
