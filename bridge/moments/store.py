"""Rows of moments, likes and comments. What is loaded here is narrowed; whether it may be seen is decided elsewhere."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from bridge.db import Tx
from bridge.db.tables import (
    comments,
    copies,
    cursors,
    friendships,
    likes,
    moment_people,
    moments,
    numbers,
    pictures,
    sources,
)
from bridge.ids import AccountId, EventId, PersonId
from bridge.moments.model import Comment, Moment, Position
from bridge.moments.picture import StoredPicture
from bridge.privacy import Audience

_CHUNK = 400
_COUNTER = "numbers"
"""Row of `cursors` with the highest number that a person was ever given."""

_MOMENT = (
    moments.c.id,
    moments.c.author_id,
    moments.c.sealed,
    moments.c.audience,
    moments.c.created_at,
    moments.c.edited_at,
)
_COMMENT = (
    comments.c.id,
    comments.c.moment_id,
    comments.c.person_id,
    comments.c.answer_to,
    comments.c.sealed,
    comments.c.created_at,
)


def _comment(tx: Tx, row: Any) -> Comment:
    said = tx.vault.read(row.person_id, "comments", row.id, "sealed", row.sealed)
    return Comment(
        row.id,
        row.moment_id,
        PersonId(row.person_id),
        row.answer_to,
        "" if said is None else said["text"],
        row.created_at,
        said is None,
    )


def _moments(tx: Tx, rows: Sequence[Any]) -> list[Moment]:
    named: dict[int, set[PersonId]] = {}
    wanted = [row.id for row in rows if row.audience == Audience.PEOPLE.value]
    if wanted:
        pairs = tx.execute(
            sa.select(moment_people.c.moment_id, moment_people.c.person_id).where(moment_people.c.moment_id.in_(wanted))
        )
        for pair in pairs:
            named.setdefault(pair.moment_id, set()).add(PersonId(pair.person_id))
    tx.vault.prepare(row.author_id for row in rows)
    found: list[Moment] = []
    for row in rows:
        said = tx.vault.read(row.author_id, "moments", row.id, "sealed", row.sealed)
        found.append(
            Moment(
                row.id,
                PersonId(row.author_id),
                "" if said is None else said["text"],
                Audience.of(row.audience),
                frozenset(named.get(row.id, ())),
                row.created_at,
                row.edited_at,
                said is None,
            )
        )
    return found


# --- moments ------------------------------------------------------------------------------------------------
def add_moment(tx: Tx, author: PersonId, text: str, audience: Audience, people: Iterable[PersonId]) -> int:
    [moment_id] = tx.new_ids("moments")
    tx.execute(
        sa.insert(moments).values(
            id=moment_id,
            author_id=author,
            sealed=tx.vault.seal(author, "moments", moment_id, "sealed", {"text": text}),
            audience=audience.value,
            created_at=tx.now,
        )
    )
    rows = [{"moment_id": moment_id, "person_id": person} for person in sorted(set(people))]
    if rows:
        tx.execute(sa.insert(moment_people), rows)
    return moment_id


def moment(tx: Tx, moment_id: int) -> Moment | None:
    row = tx.execute(sa.select(*_MOMENT).where(moments.c.id == moment_id)).first()
    return _moments(tx, [row])[0] if row else None


def set_text(tx: Tx, moment: Moment, text: str) -> None:
    sealed = tx.vault.seal(moment.author, "moments", moment.id, "sealed", {"text": text})
    tx.execute(sa.update(moments).where(moments.c.id == moment.id).values(sealed=sealed, edited_at=tx.now))


def delete_moment(tx: Tx, moment_id: int) -> None:
    """Delete a moment and all that hangs on it (likes, comments, pictures, numbers follow by their foreign keys)."""
    tx.execute(sa.delete(moments).where(moments.c.id == moment_id))


def newest_by(tx: Tx, author: PersonId, reader: PersonId, before: Position | None, limit: int) -> list[Moment]:
    """The newest moments of one author before a position. What can't be for `reader` is left out to save work."""
    query = sa.select(*_MOMENT).where(moments.c.author_id == author)
    if author != reader:
        named = sa.exists().where(moment_people.c.moment_id == moments.c.id, moment_people.c.person_id == reader)
        query = query.where(sa.or_(moments.c.audience == Audience.FRIENDS.value, named))
    if before is not None:
        query = query.where(
            moments.c.created_at <= before.created_at,
            sa.or_(moments.c.created_at < before.created_at, moments.c.id < before.id),
        )
    rows = tx.execute(query.order_by(moments.c.created_at.desc(), moments.c.id.desc()).limit(limit)).all()
    return _moments(tx, rows)


def latest_times(tx: Tx, reader: PersonId, before: Position | None) -> list[tuple[PersonId, int]]:
    """For the reader and each of their friends: when they posted last, at or before a position. One index seek each."""
    authors = sa.union_all(
        sa.select(friendships.c.friend_id.label("id")).where(friendships.c.person_id == reader),
        sa.select(sa.literal(reader).label("id")),
    ).subquery()
    latest = sa.select(sa.func.max(moments.c.created_at)).where(moments.c.author_id == authors.c.id)
    if before is not None:
        latest = latest.where(moments.c.created_at <= before.created_at)
    rows = tx.execute(sa.select(authors.c.id, latest.scalar_subquery().label("latest")))
    return [(PersonId(row.id), row.latest) for row in rows if row.latest is not None]


# --- pictures -----------------------------------------------------------------------------------------------
def add_picture(tx: Tx, moment_id: int, author: PersonId, position: int, picture: StoredPicture) -> None:
    """Store a picture's keys and address, under the key of the moment's author."""
    [picture_id] = tx.new_ids("pictures")
    value = {
        "file": dict(picture.file),
        "thumbnail": None if picture.thumbnail is None else dict(picture.thumbnail),
        "info": dict(picture.info),
    }
    sealed = tx.vault.seal(author, "pictures", picture_id, "sealed", value)
    tx.execute(sa.insert(pictures).values(id=picture_id, moment_id=moment_id, position=position, sealed=sealed))


def has_picture(tx: Tx, moment_id: int) -> bool:
    return tx.execute(sa.select(pictures.c.id).where(pictures.c.moment_id == moment_id).limit(1)).first() is not None


def first_picture(tx: Tx, moment: Moment) -> StoredPicture | None:
    """None also when its row is damaged."""
    row = tx.execute(
        sa.select(pictures.c.id, pictures.c.sealed)
        .where(pictures.c.moment_id == moment.id)
        .order_by(pictures.c.position)
        .limit(1)
    ).first()
    value = None if row is None else tx.vault.read(moment.author, "pictures", row.id, "sealed", row.sealed)
    return None if value is None else StoredPicture(value["file"], value["thumbnail"], value["info"])


# --- likes --------------------------------------------------------------------------------------------------
def like(tx: Tx, moment_id: int, person: PersonId) -> bool:
    """Returns False when they liked it already."""
    known = sa.select(likes.c.created_at).where(likes.c.moment_id == moment_id, likes.c.person_id == person)
    if tx.execute(known).first() is not None:
        return False
    tx.execute(sa.insert(likes).values(moment_id=moment_id, person_id=person, created_at=tx.now, told=0))
    return True


def unlike(tx: Tx, moment_id: int, person: PersonId) -> bool:
    """Returns False when there was no like."""
    result = tx.execute(sa.delete(likes).where(likes.c.moment_id == moment_id, likes.c.person_id == person))
    return bool(result.rowcount)


def likers(tx: Tx, moment_id: int, reader: PersonId, author: PersonId) -> list[PersonId]:
    """Who may come into question as a like that `reader` sees, in the order in which they liked."""
    query = sa.select(likes.c.person_id).where(likes.c.moment_id == moment_id)
    rows = tx.execute(
        _narrowed(query, likes.c.person_id, reader, author).order_by(likes.c.created_at, likes.c.person_id)
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


# --- comments -----------------------------------------------------------------------------------------------
def add_comment(tx: Tx, moment_id: int, person: PersonId, text: str, answer_to: int | None) -> int:
    [comment_id] = tx.new_ids("comments")
    tx.execute(
        sa.insert(comments).values(
            id=comment_id,
            moment_id=moment_id,
            person_id=person,
            answer_to=answer_to,
            sealed=tx.vault.seal(person, "comments", comment_id, "sealed", {"text": text}),
            created_at=tx.now,
        )
    )
    return comment_id


def comment(tx: Tx, comment_id: int) -> Comment | None:
    row = tx.execute(sa.select(*_COMMENT).where(comments.c.id == comment_id)).first()
    return _comment(tx, row) if row else None


def comments_on(tx: Tx, moment_id: int, reader: PersonId, author: PersonId) -> list[Comment]:
    """Comments that may come into question for `reader`, the oldest first."""
    query = sa.select(*_COMMENT).where(comments.c.moment_id == moment_id)
    rows = tx.execute(_narrowed(query, comments.c.person_id, reader, author).order_by(comments.c.id)).all()
    tx.vault.prepare(row.person_id for row in rows)
    return [_comment(tx, row) for row in rows]


def comment_ids(tx: Tx, moment_id: int) -> list[int]:
    return list(tx.execute(sa.select(comments.c.id).where(comments.c.moment_id == moment_id)).scalars())


def count_comments(tx: Tx, moment_id: int, person: PersonId) -> int:
    query = sa.select(sa.func.count()).where(comments.c.moment_id == moment_id, comments.c.person_id == person)
    return int(tx.execute(query.select_from(comments)).scalar_one())


def set_comment_text(tx: Tx, comment: Comment, text: str) -> None:
    sealed = tx.vault.seal(comment.writer, "comments", comment.id, "sealed", {"text": text})
    tx.execute(sa.update(comments).where(comments.c.id == comment.id).values(sealed=sealed, edited_at=tx.now))


def delete_comment(tx: Tx, comment_id: int) -> None:
    """Delete one comment; the answers to it stay, as comments of their own."""
    tx.execute(sa.update(comments).where(comments.c.answer_to == comment_id).values(answer_to=None))
    tx.execute(sa.delete(comments).where(comments.c.id == comment_id))


def _narrowed(query: "sa.Select[Any]", writer: "sa.Column[int]", reader: PersonId, author: PersonId) -> Any:
    if reader == author:
        return query
    friends = sa.select(friendships.c.friend_id).where(friendships.c.person_id == reader)
    return query.where(sa.or_(writer == reader, writer.in_(friends)))


# --- the reader's own numbers -------------------------------------------------------------------------------
def number_of(tx: Tx, reader: PersonId, moment_id: int) -> int:
    """The reader's number of a moment; a new one when it has none yet. Numbers are never used again."""
    row = tx.execute(
        sa.select(numbers.c.number).where(numbers.c.person_id == reader, numbers.c.moment_id == moment_id)
    ).first()
    if row is not None:
        return int(row.number)
    highest = position(tx, reader, _COUNTER)
    number = 1 + (0 if highest is None else int(highest["highest"]))
    set_position(tx, reader, _COUNTER, {"highest": number})
    tx.execute(sa.insert(numbers).values(person_id=reader, number=number, moment_id=moment_id))
    return number


def numbered(tx: Tx, reader: PersonId, number: int) -> int | None:
    """The id of the moment that has this number for the reader."""
    row = tx.execute(
        sa.select(numbers.c.moment_id).where(numbers.c.person_id == reader, numbers.c.number == number)
    ).first()
    return int(row.moment_id) if row else None


# --- places in lists ----------------------------------------------------------------------------------------
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


# --- copies that were sent ----------------------------------------------------------------------------------
def count_copies(tx: Tx, kinds: Sequence[str], ref_id: int, reader: PersonId) -> int:
    query = sa.select(sa.func.count()).where(
        copies.c.kind.in_(kinds), copies.c.ref_id == ref_id, copies.c.person_id == reader
    )
    return int(tx.execute(query.select_from(copies)).scalar_one())


def readers_since(tx: Tx, kinds: Sequence[str], ref_id: int, since: int) -> list[PersonId]:
    """To whom copies were sent at or after a time (ms)."""
    rows = tx.execute(
        sa.select(copies.c.person_id)
        .where(
            copies.c.kind.in_(kinds),
            copies.c.ref_id == ref_id,
            copies.c.created_at >= since,
            copies.c.person_id.is_not(None),
        )
        .distinct()
    )
    return sorted(PersonId(row.person_id) for row in rows)


def moments_copied(tx: Tx, kinds: Sequence[str], reader: PersonId, author: PersonId) -> list[int]:
    """Moments of an author of which a reader has copies. What a reader was shown has a number: that keeps it short."""
    query = (
        sa.select(numbers.c.moment_id)
        .join(moments, moments.c.id == numbers.c.moment_id)
        .join(copies, sa.and_(copies.c.kind.in_(kinds), copies.c.ref_id == numbers.c.moment_id))
        .where(numbers.c.person_id == reader, moments.c.author_id == author, copies.c.person_id == reader)
        .distinct()
    )
    return sorted(int(row.moment_id) for row in tx.execute(query))


def comments_copied(tx: Tx, kind: str, reader: PersonId, other: PersonId) -> list[int]:
    """Comments of which `reader` has copies, written by `other` or under a moment of theirs."""
    query = (
        sa.select(comments.c.id)
        .select_from(numbers)
        .join(moments, moments.c.id == numbers.c.moment_id)
        .join(comments, comments.c.moment_id == numbers.c.moment_id)
        .join(copies, sa.and_(copies.c.kind == kind, copies.c.ref_id == comments.c.id))
        .where(
            numbers.c.person_id == reader,
            copies.c.person_id == reader,
            sa.or_(comments.c.person_id == other, moments.c.author_id == other),
        )
        .distinct()
    )
    return sorted(int(row.id) for row in tx.execute(query))


# --- sources ------------------------------------------------------------------------------------------------
def forget_source(tx: Tx, account: AccountId, event_id: EventId) -> None:
    tx.execute(sa.delete(sources).where(sources.c.account_id == account, sources.c.event_id == event_id))


def has_source(tx: Tx, kind: str, ref_id: int, person: PersonId) -> bool:
    row = tx.execute(
        sa.select(sources.c.event_id)
        .where(sources.c.kind == kind, sources.c.ref_id == ref_id, sources.c.person_id == person)
        .limit(1)
    ).first()
    return row is not None


def forget_sources_of(tx: Tx, kind: str, ref_id: int, person: PersonId) -> None:
    tx.execute(
        sa.delete(sources).where(sources.c.kind == kind, sources.c.ref_id == ref_id, sources.c.person_id == person)
    )
