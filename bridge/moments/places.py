"""Where a reader is in their lists, and what else is kept for one reader under a name."""

import json
from typing import Any

from bridge.db import Tx
from bridge.ids import PersonId


def position(tx: Tx, person: PersonId, name: str) -> dict[str, Any] | None:
    row = tx.sql("SELECT position FROM cursors WHERE person_id = ? AND list = ?", (person, name)).first()
    return dict(json.loads(row.position)) if row else None


def set_position(tx: Tx, person: PersonId, name: str, value: dict[str, Any]) -> None:
    tx.sql(
        "INSERT INTO cursors (person_id, list, position, at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (person_id, list) DO UPDATE SET position = excluded.position, at = excluded.at",
        (person, name, json.dumps(value), tx.now),
    )
