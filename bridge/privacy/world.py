"""Loads the small world that a decision needs."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from bridge.db import Tx
from bridge.ids import PersonId
from bridge.privacy.model import Pair, Shows, World

# Far below the number of parameters that any engine takes.
_CHUNK = 400


def load_world(tx: Tx, viewers: Iterable[PersonId], others: Iterable[PersonId], tags: Iterable[int] = ()) -> World:
    """What decisions between `viewers` (few: reader, author) and `others`, and among the viewers, depend on.

    `tags`: those that the audiences in question name.
    """
    few = sorted(set(viewers))
    many = sorted(set(others) | set(few))
    wanted_tags = sorted(set(tags))
    links: set[Pair] = set()
    stances: dict[str, set[Pair]] = {"blocked": set(), "chats_only": set(), "shut_out": set(), "hidden": set()}
    tagged: set[tuple[int, PersonId]] = set()
    shows: dict[PersonId, Shows] = {}
    for chunk in _chunks(many):
        for row in _pairs(tx, "person_id, friend_id FROM friendships", few, chunk):
            links.add((PersonId(row[0]), PersonId(row[1])))
        for person, other, *flags in _pairs(
            tx, "person_id, other_id, blocked, chats_only, shut_out, hidden FROM stances", few, chunk
        ):
            for found, flag in zip(stances.values(), flags, strict=True):
                if flag:
                    found.add((PersonId(person), PersonId(other)))
        shut_out = "t.owner_id, m.person_id FROM tags t JOIN tag_members m ON m.tag_id = t.id AND t.shut_out = 1"
        for row in _pairs(tx, shut_out, few, chunk):
            stances["shut_out"].add((PersonId(row[0]), PersonId(row[1])))
        for row in _settings(tx, chunk):
            shows[PersonId(row[0])] = Shows(row[1], bool(row[2]))
    if wanted_tags:
        for chunk in _chunks(many):
            for some in _chunks(wanted_tags):
                rows = tx.sql(
                    f"SELECT tag_id, person_id FROM tag_members WHERE tag_id IN ({_marks(some)})"
                    f" AND person_id IN ({_marks(chunk)})",
                    (*some, *chunk),
                )
                tagged.update((row[0], PersonId(row[1])) for row in rows)
    return World(
        now=tx.now,
        links=frozenset(links),
        blocks=frozenset(stances["blocked"]),
        chats_only=frozenset(stances["chats_only"]),
        shut_out=frozenset(stances["shut_out"]),
        hidden=frozenset(stances["hidden"]),
        tagged=frozenset(tagged),
        shows=shows,
    )


def _pairs(tx: Tx, select: str, few: Sequence[int], many: Sequence[int]) -> Iterator[Any]:
    """Rows about one of `few` and one of `many`, either way round. `select`: the first two columns are the two."""
    columns, _, source = select.partition(" FROM ")
    one, other, *_ = columns.split(", ")
    if len(many) <= 2:
        # Between two people that there is such a row must not be felt in the time: there are always as many.
        empty = ", ".join(["-1"] * 2 + ["0"] * (columns.count(",") - 1))
        sql = (
            f"SELECT * FROM (SELECT DISTINCT {columns} FROM {source}"
            f" WHERE {one} IN ({_marks(many)}) AND {other} IN ({_marks(many)})"
            f" UNION ALL SELECT {empty} UNION ALL SELECT {empty}) AS found ORDER BY 1 DESC LIMIT 2"
        )
        yield from tx.sql(sql, (*many, *many))
        return
    for mine, theirs in ((one, other), (other, one)):
        sql = f"SELECT {columns} FROM {source} WHERE {mine} IN ({_marks(few)}) AND {theirs} IN ({_marks(many)})"
        yield from tx.sql(sql, (*few, *many))


def _settings(tx: Tx, people: Sequence[int]) -> Any:
    where = f"SELECT person_id, window_ms, strangers FROM privacy_settings WHERE person_id IN ({_marks(people)})"
    if len(people) > 2:
        return tx.sql(where, tuple(people))
    empty = "SELECT -1, NULL, 0"
    return tx.sql(
        f"SELECT * FROM ({where} UNION ALL {empty} UNION ALL {empty}) AS found ORDER BY 1 DESC LIMIT 2", tuple(people)
    )


def _marks(values: Sequence[int]) -> str:
    return ",".join("?" * len(values))


def _chunks(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))
