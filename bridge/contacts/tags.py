"""Tags: names under which a person keeps friends, for themselves alone (I4)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bridge.contacts.model import folded
from bridge.db import Tx
from bridge.ids import PersonId


@dataclass(frozen=True, slots=True)
class Tag:
    id: int
    name: str
    """As its owner wrote it first; "?" when its row is damaged."""
    shut_out: bool
    """Its members don't see the owner's moments (P2)."""
    changed_at: int
    """When somebody was added or removed last, ms."""
    count: int


_SELECT = (
    "SELECT t.id, t.owner_id, t.sealed, t.shut_out, t.changed_at,"
    " (SELECT COUNT(*) FROM tag_members m WHERE m.tag_id = t.id) AS count FROM tags t"
)


def _lookup(tx: Tx, owner: PersonId, name: str) -> bytes:
    return tx.vault.lookup(f"tag {owner}", folded(name))


def every(tx: Tx, owner: PersonId) -> list[Tag]:
    """All tags of a person, by name."""
    rows = tx.sql(f"{_SELECT} WHERE t.owner_id = ?", (owner,)).all()
    return sorted((_tag(tx, row) for row in rows), key=lambda tag: folded(tag.name))


def find(tx: Tx, owner: PersonId, name: str) -> Tag | None:
    row = tx.sql(f"{_SELECT} WHERE t.owner_id = ? AND t.lookup = ?", (owner, _lookup(tx, owner, name))).first()
    return None if row is None else _tag(tx, row)


def by_ids(tx: Tx, ids: Iterable[int]) -> dict[int, Tag]:
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    marks = ",".join("?" * len(wanted))
    return {row.id: _tag(tx, row) for row in tx.sql(f"{_SELECT} WHERE t.id IN ({marks})", tuple(wanted)).all()}


def create(tx: Tx, owner: PersonId, name: str) -> Tag:
    [tag_id] = tx.new_ids("tags")
    tx.sql(
        "INSERT INTO tags (id, owner_id, lookup, sealed, created_at, changed_at) VALUES (?, ?, ?, ?, ?, ?)",
        (
            tag_id,
            owner,
            _lookup(tx, owner, name),
            tx.vault.seal(owner, "tags", tag_id, "sealed", name),
            tx.now,
            tx.now,
        ),
    )
    return Tag(tag_id, name, False, tx.now, 0)


def rename(tx: Tx, owner: PersonId, tag_id: int, name: str) -> None:
    tx.sql(
        "UPDATE tags SET lookup = ?, sealed = ? WHERE id = ? AND owner_id = ?",
        (_lookup(tx, owner, name), tx.vault.seal(owner, "tags", tag_id, "sealed", name), tag_id, owner),
    )


def delete(tx: Tx, tag_id: int) -> None:
    tx.sql("DELETE FROM tags WHERE id = ?", (tag_id,))


def members(tx: Tx, tag_ids: Iterable[int]) -> list[PersonId]:
    """Who is in any of these tags."""
    wanted = sorted(set(tag_ids))
    if not wanted:
        return []
    marks = ",".join("?" * len(wanted))
    rows = tx.sql(f"SELECT DISTINCT person_id FROM tag_members WHERE tag_id IN ({marks})", tuple(wanted))
    return sorted(PersonId(row.person_id) for row in rows)


def tags_of(tx: Tx, owner: PersonId, member: PersonId) -> list[Tag]:
    """The tags of `owner` that `member` is in."""
    rows = tx.sql(
        f"{_SELECT} JOIN tag_members g ON g.tag_id = t.id WHERE t.owner_id = ? AND g.person_id = ?", (owner, member)
    ).all()
    return sorted((_tag(tx, row) for row in rows), key=lambda tag: folded(tag.name))


def add(tx: Tx, tag_id: int, person: PersonId) -> bool:
    """False when they were in already."""
    done = tx.sql("INSERT INTO tag_members (tag_id, person_id) VALUES (?, ?) ON CONFLICT DO NOTHING", (tag_id, person))
    tx.sql("UPDATE tags SET changed_at = ? WHERE id = ?", (tx.now, tag_id))
    return done.rowcount == 1


def remove(tx: Tx, tag_id: int, person: PersonId) -> bool:
    """False when they were not in it."""
    done = tx.sql("DELETE FROM tag_members WHERE tag_id = ? AND person_id = ?", (tag_id, person))
    tx.sql("UPDATE tags SET changed_at = ? WHERE id = ?", (tx.now, tag_id))
    return done.rowcount == 1


def set_shut_out(tx: Tx, tag_id: int, on: bool) -> None:
    tx.sql("UPDATE tags SET shut_out = ? WHERE id = ?", (int(on), tag_id))


def _tag(tx: Tx, row: Any) -> Tag:
    name = tx.vault.read(row.owner_id, "tags", row.id, "sealed", row.sealed)
    return Tag(row.id, name or "?", bool(row.shut_out), row.changed_at, row.count)
