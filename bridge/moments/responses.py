"""Rows of likes, votes and comments. What is loaded here is narrowed; whether it may be seen is decided elsewhere."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from bridge.db import Tx
from bridge.db.tables import comments, likes
from bridge.db.two_keys import read, seal
from bridge.ids import PersonId
from bridge.moments.model import Comment, Moment

_CHUNK = 400
_COMMENTS = (
    "SELECT k.id, k.moment_id, k.person_id, k.answer_to, k.sealed, k.created_at, m.key_id"
    " FROM comments k JOIN moments m ON m.id = k.moment_id"
)


# --- likes --------------------------------------------------------------------------------------------------
def like(tx: Tx, moment_id: int, person: PersonId) -> bool:
    """Returns False when they liked it already."""
    done = tx.sql(
        "INSERT INTO likes (moment_id, person_id, created_at, told) VALUES (?, ?, ?, 0)"
        " ON CONFLICT (moment_id, person_id) DO NOTHING",
        (moment_id, person, tx.now),
    )
    return done.rowcount == 1


def unlike(tx: Tx, moment_id: int, person: PersonId) -> bool:
    """Returns False when there was no like."""
    return bool(tx.sql("DELETE FROM likes WHERE moment_id = ? AND person_id = ?", (moment_id, person)).rowcount)


def likers(tx: Tx, moment_id: int, reader: PersonId, author: PersonId) -> list[PersonId]:
    """Who may come into question as a like that `reader` sees, in the order in which they liked."""
    some, more = _narrowed("l.person_id", reader, author)
    rows = tx.sql(
        f"SELECT l.person_id FROM likes l WHERE l.moment_id = ?{some} ORDER BY l.created_at, l.person_id",
        (moment_id, *more),
    )
    return [PersonId(row.person_id) for row in rows]


def untold_likers(tx: Tx, moment_id: int, turn: int) -> list[PersonId]:
    """Likes that no notice told, or only the notice number `turn`, which may not have been sent."""
    rows = tx.execute(
        sa.select(likes.c.person_id)
        .where(likes.c.moment_id == moment_id, likes.c.told.in_((0, turn)))
        .order_by(likes.c.created_at, likes.c.person_id)
    )
    return [PersonId(row.person_id) for row in rows]


def tell_likes(tx: Tx, moment_id: int, people: Sequence[PersonId], turn: int) -> None:
    for start in range(0, len(people), _CHUNK):
        tx.execute(
            sa.update(likes)
            .where(likes.c.moment_id == moment_id, likes.c.person_id.in_(people[start : start + _CHUNK]))
            .values(told=turn)
        )


def forget_told(tx: Tx, moment_id: int) -> None:
    """The notices that told of likes are taken back: they are counted from the start, and nobody is told again."""
    tx.sql("UPDATE likes SET told = -1 WHERE moment_id = ? AND told > 0", (moment_id,))


def told_moments(tx: Tx, writer: PersonId, author: PersonId) -> list[int]:
    """Moments of an author who was told that `writer` likes them."""
    rows = tx.sql(
        "SELECT l.moment_id FROM likes l JOIN moments m ON m.id = l.moment_id"
        " WHERE l.person_id = ? AND m.author_id = ? AND l.told > 0 ORDER BY l.moment_id",
        (writer, author),
    )
    return [int(row.moment_id) for row in rows]


# --- votes --------------------------------------------------------------------------------------------------
def vote(tx: Tx, moment: Moment, person: PersonId, answer: int) -> bool:
    """Somebody's answer to a poll, from 0; it takes the place of what they answered before. True: it is their first."""
    row = tx.sql("SELECT id FROM votes WHERE moment_id = ? AND person_id = ?", (moment.id, person)).first()
    vote_id = tx.new_ids("votes")[0] if row is None else int(row.id)
    sealed = seal(tx, moment.key, person, "votes", vote_id, "sealed", answer)
    tx.sql(
        "INSERT INTO votes (id, moment_id, person_id, sealed, created_at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed",
        (vote_id, moment.id, person, sealed, tx.now),
    )
    return row is None


def unvote(tx: Tx, moment_id: int, person: PersonId) -> bool:
    """Returns False when there was no vote."""
    return bool(tx.sql("DELETE FROM votes WHERE moment_id = ? AND person_id = ?", (moment_id, person)).rowcount)


def voters(tx: Tx, moment_id: int) -> list[PersonId]:
    rows = tx.sql("SELECT person_id FROM votes WHERE moment_id = ? ORDER BY id", (moment_id,))
    return [PersonId(row.person_id) for row in rows]


def voted_moments(tx: Tx, writer: PersonId, author: PersonId) -> list[int]:
    """Moments of an author in whose polls `writer` voted."""
    rows = tx.sql(
        "SELECT v.moment_id FROM votes v JOIN moments m ON m.id = v.moment_id"
        " WHERE v.person_id = ? AND m.author_id = ? ORDER BY v.moment_id",
        (writer, author),
    )
    return [int(row.moment_id) for row in rows]


def votes_on(tx: Tx, moment: Moment, reader: PersonId) -> list[tuple[PersonId, int]]:
    """(who, answer): votes that may come into question for `reader`, in the order in which people first voted. What is
    damaged is left out."""
    some, more = _narrowed("v.person_id", reader, moment.author)
    rows = tx.sql(
        f"SELECT v.id, v.person_id, v.sealed FROM votes v WHERE v.moment_id = ?{some} ORDER BY v.id",
        (moment.id, *more),
    ).all()
    tx.vault.prepare(row.person_id for row in rows)
    found = [
        (PersonId(row.person_id), read(tx, moment.key, row.person_id, "votes", row.id, "sealed", row.sealed))
        for row in rows
    ]
    return [(person, answer) for person, answer in found if answer is not None]


# --- all ----------------------------------------------------------------------------------------------------
def any_on(tx: Tx, moment_id: int) -> bool:
    """Whether anybody has liked, commented or voted."""
    row = tx.sql(
        "SELECT 1 FROM likes WHERE moment_id = ? UNION ALL SELECT 1 FROM comments WHERE moment_id = ?"
        " UNION ALL SELECT 1 FROM votes WHERE moment_id = ? LIMIT 1",
        (moment_id,) * 3,
    ).first()
    return row is not None


def answered_moments(tx: Tx, writer: PersonId, author: PersonId) -> list[tuple[int, int]]:
    """(moment, ms): what `writer` liked, commented or voted on of an author's, and since when."""
    rows = tx.sql(
        "SELECT r.moment_id, MIN(r.created_at) AS since FROM ("
        "SELECT moment_id, created_at FROM likes WHERE person_id = ?"
        " UNION ALL SELECT moment_id, created_at FROM comments WHERE person_id = ?"
        " UNION ALL SELECT moment_id, created_at FROM votes WHERE person_id = ?"
        ") AS r JOIN moments m ON m.id = r.moment_id WHERE m.author_id = ? GROUP BY r.moment_id ORDER BY r.moment_id",
        (writer, writer, writer, author),
    )
    return [(int(row.moment_id), int(row.since)) for row in rows]


# --- comments -----------------------------------------------------------------------------------------------
def add_comment(
    tx: Tx, moment: Moment, person: PersonId, text: str, answer_to: int | None, mentions: Sequence[PersonId] = ()
) -> int:
    [comment_id] = tx.new_ids("comments")
    tx.execute(
        sa.insert(comments).values(
            id=comment_id,
            moment_id=moment.id,
            person_id=person,
            answer_to=answer_to,
            sealed=seal(tx, moment.key, person, "comments", comment_id, "sealed", _said(text, mentions)),
            created_at=tx.now,
        )
    )
    return comment_id


def comment(tx: Tx, comment_id: int) -> Comment | None:
    row = tx.sql(f"{_COMMENTS} WHERE k.id = ?", (comment_id,)).first()
    return _comment(tx, row) if row else None


def comments_on(tx: Tx, moment_id: int, reader: PersonId, author: PersonId) -> list[Comment]:
    """Comments that may come into question for `reader`, the oldest first."""
    some, more = _narrowed("k.person_id", reader, author)
    rows = tx.sql(f"{_COMMENTS} WHERE k.moment_id = ?{some} ORDER BY k.id", (moment_id, *more)).all()
    tx.vault.prepare(row.person_id for row in rows)
    return [_comment(tx, row) for row in rows]


def commenters(tx: Tx, moment_id: int, reader: PersonId, author: PersonId) -> list[PersonId]:
    """Who wrote each comment that may come into question for `reader`; nothing is opened."""
    some, more = _narrowed("k.person_id", reader, author)
    rows = tx.sql(f"SELECT k.person_id FROM comments k WHERE k.moment_id = ?{some} ORDER BY k.id", (moment_id, *more))
    return [PersonId(row.person_id) for row in rows]


def comment_ids(tx: Tx, moment_id: int) -> list[int]:
    return list(tx.execute(sa.select(comments.c.id).where(comments.c.moment_id == moment_id)).scalars())


def count_comments(tx: Tx, moment_id: int, person: PersonId) -> int:
    query = sa.select(sa.func.count()).where(comments.c.moment_id == moment_id, comments.c.person_id == person)
    return int(tx.execute(query.select_from(comments)).scalar_one())


def comments_under(tx: Tx, writer: PersonId, author: PersonId) -> list[int]:
    """Comments of `writer` under moments of `author`."""
    rows = tx.sql(
        "SELECT k.id FROM comments k JOIN moments m ON m.id = k.moment_id"
        " WHERE k.person_id = ? AND m.author_id = ? ORDER BY k.id",
        (writer, author),
    )
    return [int(row.id) for row in rows]


def set_comment_text(tx: Tx, comment: Comment, text: str, mentions: Sequence[PersonId]) -> None:
    key = tx.sql("SELECT key_id FROM moments WHERE id = ?", (comment.moment_id,)).scalar()
    said = _said(text, mentions)
    sealed = seal(tx, key, comment.writer, "comments", comment.id, "sealed", said)
    tx.execute(sa.update(comments).where(comments.c.id == comment.id).values(sealed=sealed, edited_at=tx.now))


def set_key(tx: Tx, moment: Moment, key: int) -> None:
    """Seal the comments and votes of a moment under this key too. One that is damaged stays as it is."""
    for table in ("comments", "votes"):
        rows = tx.sql(f"SELECT id, person_id, sealed FROM {table} WHERE moment_id = ?", (moment.id,)).all()
        tx.vault.prepare(row.person_id for row in rows)
        for row in rows:
            value = read(tx, moment.key, row.person_id, table, row.id, "sealed", row.sealed)
            if value is not None:
                sealed = seal(tx, key, row.person_id, table, row.id, "sealed", value)
                tx.sql(f"UPDATE {table} SET sealed = ? WHERE id = ?", (sealed, row.id))


def delete_comment(tx: Tx, comment_id: int) -> None:
    """Delete one comment; the answers to it stay, as comments of their own."""
    tx.execute(sa.update(comments).where(comments.c.answer_to == comment_id).values(answer_to=None))
    tx.execute(sa.delete(comments).where(comments.c.id == comment_id))


def _comment(tx: Tx, row: Any) -> Comment:
    said = read(tx, row.key_id, row.person_id, "comments", row.id, "sealed", row.sealed)
    return Comment(
        row.id,
        row.moment_id,
        PersonId(row.person_id),
        row.answer_to,
        "" if said is None else said["text"],
        row.created_at,
        said is None,
        () if said is None else tuple(PersonId(person) for person in said.get("mentions", ())),
    )


def _narrowed(writer: str, reader: PersonId, author: PersonId) -> tuple[str, tuple[PersonId, ...]]:
    """A condition that leaves out those whom `reader` can't know, with its parameters. The policy decides later."""
    if reader == author:
        return "", ()
    friends = "SELECT friend_id FROM friendships WHERE person_id = ?"
    return f" AND ({writer} = ? OR {writer} IN ({friends}))", (reader, reader)


def _said(text: str, mentions: Sequence[PersonId]) -> dict[str, Any]:
    """As it is sealed; what is not there takes no place."""
    return {"text": text, "mentions": list(mentions)} if mentions else {"text": text}
