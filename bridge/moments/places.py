"""Where a reader is in their lists, and what else is kept for one reader under a name."""

import json
from typing import Any

import sqlalchemy as sa

from bridge.db import Tx
from bridge.db.tables import cursors
from bridge.ids import PersonId


def position(tx: Tx, person: PersonId, name: str) -> dict[str, Any] | None:
    row = tx.execute(sa.select(cursors.c.position).where(cursors.c.person_id == person, cursors.c.list == name)).first()
    return dict(json.loads(row.position)) if row else None


def set_position(tx: Tx, person: PersonId, name: str, value: dict[str, Any]) -> None:
    changed = tx.execute(
        sa.update(cursors)
        .where(cursors.c.person_id == person, cursors.c.list == name)
        .values(position=json.dumps(value), at=tx.now)
    )
    if not changed.rowcount:
        tx.execute(sa.insert(cursors).values(person_id=person, list=name, position=json.dumps(value), at=tx.now))
