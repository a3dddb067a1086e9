"""Loads the small world that a decision needs."""

from collections.abc import Iterable, Sequence
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
        for mine, theirs in (("person_id", "friend_id"), ("friend_id", "person_id")):
            rows = _pairs(tx, f"SELECT person_id, friend_id FROM friendships WHERE {mine} IN", theirs, few, chunk)
            links.update((PersonId(row[0]), PersonId(row[1])) for row in rows)
        for mine, theirs in (("person_id", "other_id"), ("other_id", "person_id")):
            rows = _pairs(
                tx,
                f"SELECT person_id, other_id, blocked, chats_only, shut_out, hidden FROM stances WHERE {mine} IN",
                theirs,
                few,
                chunk,
            )
            # Unpacked at once: that there is such a row must not be felt in the time.
            for person, other, *flags in rows:
                pair = (person, other)
                for found, flag in zip(stances.values(), flags, strict=True):
                    if flag:
                        found.add(pair)
        for mine, theirs in (("t.owner_id", "m.person_id"), ("m.person_id", "t.owner_id")):
            rows = _pairs(
                tx,
                "SELECT t.owner_id, m.person_id FROM tags t JOIN tag_members m ON m.tag_id = t.id"
                f" WHERE t.shut_out = 1 AND {mine} IN",
                theirs,
                few,
                chunk,
            )
            stances["shut_out"].update((PersonId(row[0]), PersonId(row[1])) for row in rows)
        marks = _marks(chunk)
        for row in tx.sql(
            f"SELECT person_id, window_ms, strangers FROM privacy_settings WHERE person_id IN ({marks})", tuple(chunk)
        ):
            shows[PersonId(row.person_id)] = Shows(row.window_ms, bool(row.strangers))
    if wanted_tags:
        for chunk in _chunks(many):
            for some in _chunks(wanted_tags):
                rows = _pairs(tx, "SELECT tag_id, person_id FROM tag_members WHERE tag_id IN", "person_id", some, chunk)
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


def _pairs(tx: Tx, select: str, other: str, few: Sequence[int], many: Sequence[int]) -> Any:
    return tx.sql(f"{select} ({_marks(few)}) AND {other} IN ({_marks(many)})", (*few, *many))


def _marks(values: Sequence[int]) -> str:
    return ",".join("?" * len(values))


def _chunks(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))
