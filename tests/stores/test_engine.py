"""Units of work, over both engines."""

import sqlalchemy as sa

from bridge.db import Database, Tx
from bridge.db.tables import people


def _add(tx: Tx, user_id: str) -> int:
    row = tx.execute(sa.insert(people).values(user_id=user_id, created_at=tx.now).returning(people.c.id)).one()
    return int(row.id)


async def test_ids_are_never_used_again(database: Database) -> None:
    first = await database.run(lambda tx: _add(tx, "@alice:example.org"))
    await database.run(lambda tx: tx.execute(sa.delete(people)))
    second = await database.run(lambda tx: _add(tx, "@alice:example.org"))
    assert second > first


async def test_each_test_starts_empty(database: Database) -> None:
    assert await database.run(lambda tx: tx.execute(sa.select(sa.func.count()).select_from(people)).scalar_one()) == 0
