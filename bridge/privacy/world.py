"""Loads the small world that a decision needs."""

from collections.abc import Iterable

import sqlalchemy as sa

from bridge.db import Tx
from bridge.db.tables import friendships
from bridge.ids import PersonId
from bridge.privacy.model import World

# Far below the number of parameters that any engine takes.
_CHUNK = 400


def load_world(tx: Tx, viewers: Iterable[PersonId], others: Iterable[PersonId]) -> World:
    """The friendships of `viewers` (few: reader, author) with `others` and with each other."""
    few = sorted(set(viewers))
    many = sorted(set(others) | set(few))
    links: set[tuple[PersonId, PersonId]] = set()
    for start in range(0, len(many), _CHUNK):
        chunk = many[start : start + _CHUNK]
        for mine, theirs in (
            (friendships.c.person_id, friendships.c.friend_id),
            (friendships.c.friend_id, friendships.c.person_id),
        ):
            rows = tx.execute(
                sa.select(friendships.c.person_id, friendships.c.friend_id).where(mine.in_(few), theirs.in_(chunk))
            )
            links.update((PersonId(row.person_id), PersonId(row.friend_id)) for row in rows)
    return World(frozenset(links))
