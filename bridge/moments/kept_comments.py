"""Copies of comments, for who wrote them, when they want that: the comment itself goes with the moment.

A copy is made when the comment is written, and never later: so what becomes of the moment is not told by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.chat.command import Command, Request
from bridge.chat.reply import Block, Lines, Message, Reply, Text, Time
from bridge.contacts.model import one_line
from bridge.db import Tx
from bridge.ids import PersonId
from bridge.privacy import settings

_KEPT, _SHOWN = 2000, 20


@dataclass(frozen=True, slots=True)
class Kept:
    text: str
    at: int
    """When it was written, ms."""


def note(tx: Tx, person: PersonId, comment_id: int, text: str) -> None:
    """Keep a copy of a new comment, if its writer wants it. Of too many, the oldest go."""
    if not settings.load(tx, person).keep_comments:
        return
    [kept_id] = tx.new_ids("kept_comments")
    tx.sql(
        "INSERT INTO kept_comments (id, person_id, comment_id, sealed, created_at) VALUES (?, ?, ?, ?, ?)",
        (kept_id, person, comment_id, _seal(tx, person, kept_id, text), tx.now),
    )
    tx.sql(
        "DELETE FROM kept_comments WHERE person_id = ? AND id <="
        " (SELECT id FROM kept_comments WHERE person_id = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
        (person, person, _KEPT),
    )


def restore(tx: Tx, person: PersonId, several: Sequence[tuple[int, str]]) -> None:
    """Copies from an archive (ms, text), those that are not here. They are of no comment that is here."""
    here = {(one.at, one.text) for one in newest(tx, person, _KEPT)}
    new = [one for one in sorted(several) if one not in here]
    for kept_id, (at, text) in zip(tx.new_ids("kept_comments", len(new)), new, strict=True):
        tx.sql(
            "INSERT INTO kept_comments (id, person_id, comment_id, sealed, created_at) VALUES (?, ?, 0, ?, ?)",
            (kept_id, person, _seal(tx, person, kept_id, text), min(at, tx.now)),
        )


def change(tx: Tx, person: PersonId, comment_id: int, text: str) -> None:
    """A comment was edited by its writer."""
    rows = tx.sql("SELECT id FROM kept_comments WHERE comment_id = ? AND person_id = ?", (comment_id, person)).all()
    for row in rows:
        tx.sql("UPDATE kept_comments SET sealed = ? WHERE id = ?", (_seal(tx, person, row.id, text), row.id))


def forget(tx: Tx, comment_id: int) -> None:
    """A comment was deleted by its writer."""
    tx.sql("DELETE FROM kept_comments WHERE comment_id = ?", (comment_id,))


def clear(tx: Tx, person: PersonId) -> None:
    """They don't want it any more."""
    tx.sql("DELETE FROM kept_comments WHERE person_id = ?", (person,))


def newest(tx: Tx, person: PersonId, most: int) -> list[Kept]:
    rows = tx.sql(
        "SELECT id, sealed, created_at FROM kept_comments WHERE person_id = ? ORDER BY id DESC LIMIT ?", (person, most)
    ).all()
    values = [(tx.vault.read(person, "kept_comments", row.id, "sealed", row.sealed), row.created_at) for row in rows]
    return [Kept(value["text"], at) for value, at in values if value is not None]


def show(request: Request) -> Reply:
    """`comments`."""
    tx, person = request.tx, request.person
    kept = newest(tx, person.id, _SHOWN)
    on = settings.load(tx, person.id).keep_comments
    foot = Text("kept-comments-on" if on else "kept-comments-off")
    if not kept:
        return Reply((Message((Text("kept-comments-none"), foot)),))
    lines = tuple(Text("kept-comment", {"time": Time(one.at), "text": one_line(one.text)}) for one in kept)
    blocks: tuple[Block, ...] = (Text("kept-comments-head"), Lines(lines), foot)
    return Reply((Message(blocks),))


def build() -> list[Command]:
    return [Command("comments", (), show, effect=False, group="moments")]


def _seal(tx: Tx, person: PersonId, kept_id: int, text: str) -> bytes:
    return tx.vault.seal(person, "kept_comments", kept_id, "sealed", {"text": text})
