"""Rows of moments, likes and comments. What is loaded here is narrowed; whether it may be seen is decided elsewhere."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from bridge.chat.picture import StoredPicture
from bridge.db import Tx
from bridge.db.tables import (
    comments,
    copies,
    cursors,
    friendships,
    likes,
    moments,
    numbers,
    pictures,
    sources,
)
from bridge.ids import AccountId, EventId, PersonId
from bridge.moments.model import Comment, Moment, Position
from bridge.privacy import Addressed, Audience

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
    named = _named(tx, [row.id for row in rows if row.audience != Audience.PRIVATE.value])
    tx.vault.prepare(row.author_id for row in rows)
    found: list[Moment] = []
    for row in rows:
        said = tx.vault.read(row.author_id, "moments", row.id, "sealed", row.sealed)
        found.append(
            Moment(
                row.id,
                PersonId(row.author_id),
                "" if said is None else said["text"],
                named.addressed(row.id, row.audience),
                frozenset(named.tags.get((row.id, NAMED), ())),
                row.created_at,
                row.edited_at,
                said is None,
            )
        )
    return found


NAMED, LIVE, LEFT_OUT = "named", "live", "left_out"
"""How an audience names a tag: as it was then, as it is at any time, or to leave it out (always as it is)."""


class _Named:
    """Whom and which tags audiences name."""

    def __init__(self) -> None:
        self.people: dict[tuple[int, int], set[PersonId]] = {}
        self.tags: dict[tuple[int, str], set[int]] = {}

    def addressed(self, moment_id: int, audience: str) -> Addressed:
        return Addressed(
            Audience.of(audience),
            frozenset(self.people.get((moment_id, 0), ())),
            frozenset(self.tags.get((moment_id, LIVE), ())),
            frozenset(self.people.get((moment_id, 1), ())),
            frozenset(self.tags.get((moment_id, LEFT_OUT), ())),
        )


def _named(tx: Tx, ids: Sequence[int]) -> _Named:
    found = _Named()
    for start in range(0, len(ids), _CHUNK):
        chunk = tuple(ids[start : start + _CHUNK])
        marks = ",".join("?" * len(chunk))
        for row in tx.sql(
            f"SELECT moment_id, person_id, left_out FROM moment_people WHERE moment_id IN ({marks})", chunk
        ):
            found.people.setdefault((row.moment_id, row.left_out), set()).add(PersonId(row.person_id))
        for row in tx.sql(f"SELECT moment_id, tag_id, mode FROM moment_tags WHERE moment_id IN ({marks})", chunk):
            found.tags.setdefault((row.moment_id, row.mode), set()).add(row.tag_id)
    return found


# --- moments ------------------------------------------------------------------------------------------------
def add_moment(tx: Tx, author: PersonId, text: str, to: Addressed, named_tags: Iterable[int] = ()) -> int:
    """Store a new moment. `named_tags`: tags that were named and are not followed; their members are in `to.people`."""
    assert to.kind is not None
    [moment_id] = tx.new_ids("moments")
    tx.execute(
        sa.insert(moments).values(
            id=moment_id,
            author_id=author,
            sealed=tx.vault.seal(author, "moments", moment_id, "sealed", {"text": text}),
            audience=to.kind.value,
            created_at=tx.now,
        )
    )
    set_addressed(tx, moment_id, to, named_tags)
    return moment_id


def set_addressed(tx: Tx, moment_id: int, to: Addressed, named_tags: Iterable[int] = ()) -> None:
    """Replace the audience of a moment."""
    assert to.kind is not None
    tx.sql("UPDATE moments SET audience = ? WHERE id = ?", (to.kind.value, moment_id))
    tx.sql("DELETE FROM moment_people WHERE moment_id = ?", (moment_id,))
    tx.sql("DELETE FROM moment_tags WHERE moment_id = ?", (moment_id,))
    people = [(moment_id, person, 0) for person in sorted(to.people - to.except_people)]
    people += [(moment_id, person, 1) for person in sorted(to.except_people)]
    modes = dict.fromkeys(sorted(named_tags), NAMED) | dict.fromkeys(to.tags, LIVE)
    modes |= dict.fromkeys(to.except_tags, LEFT_OUT)
    tx.sql("INSERT INTO moment_people (moment_id, person_id, left_out) VALUES (?, ?, ?)", people)
    tx.sql(
        "INSERT INTO moment_tags (moment_id, tag_id, mode) VALUES (?, ?, ?)",
        [(moment_id, tag, mode) for tag, mode in modes.items()],
    )


def forget_tag(tx: Tx, tag_id: int, members: Iterable[PersonId]) -> None:
    """A tag is about to be deleted: whom it left out stays left out, by name; whom it let in live is no longer in."""
    rows = tx.sql("SELECT moment_id FROM moment_tags WHERE tag_id = ? AND mode = ?", (tag_id, LEFT_OUT)).all()
    out = sorted(set(members))
    for row in rows:
        tx.sql(
            "INSERT INTO moment_people (moment_id, person_id, left_out) VALUES (?, ?, 1)"
            " ON CONFLICT (moment_id, person_id) DO UPDATE SET left_out = 1",
            [(row.moment_id, person) for person in out],
        )
    tx.sql("DELETE FROM moment_tags WHERE tag_id = ?", (tag_id,))


def count_newer_public(tx: Tx, moment: Moment, viewer: PersonId, most: int) -> int:
    """How many newer public moments of the same author do not leave `viewer` out; at most `most`."""
    at = (moment.author, moment.created_at, moment.created_at, moment.id)
    return int(
        tx.sql(
            "SELECT COUNT(*) FROM (SELECT 1 FROM moments n WHERE n.author_id = ? AND n.audience = 'public'"
            " AND n.created_at >= ? AND (n.created_at > ? OR n.id > ?)"
            " AND NOT EXISTS (SELECT 1 FROM moment_people p"
            "  WHERE p.moment_id = n.id AND p.person_id = ? AND p.left_out = 1)"
            " AND NOT EXISTS (SELECT 1 FROM moment_tags t JOIN tag_members m ON m.tag_id = t.tag_id"
            "  WHERE t.moment_id = n.id AND t.mode = 'left_out' AND m.person_id = ?)"
            " LIMIT ?) AS newer",
            (*at, viewer, viewer, most),
        ).scalar_one()
    )


def moment(tx: Tx, moment_id: int) -> Moment | None:
    row = tx.execute(sa.select(*_MOMENT).where(moments.c.id == moment_id)).first()
    return _moments(tx, [row])[0] if row else None


def set_text(tx: Tx, moment: Moment, text: str) -> None:
    sealed = tx.vault.seal(moment.author, "moments", moment.id, "sealed", {"text": text})
    tx.execute(sa.update(moments).where(moments.c.id == moment.id).values(sealed=sealed, edited_at=tx.now))


def delete_moment(tx: Tx, moment_id: int) -> None:
    """Delete a moment and all that hangs on it (likes, comments, pictures, numbers follow by their foreign keys)."""
    tx.execute(sa.delete(moments).where(moments.c.id == moment_id))


def newest_by(
    tx: Tx,
    author: PersonId,
    reader: PersonId,
    before: Position | None,
    since: int | None,
    limit: int,
    *,
    only_public: bool = False,
) -> list[Moment]:
    """The newest moments of one author before a position and not older than `since` (ms). What can't be for `reader` is
    left out to save work."""
    where: list[str] = ["m.author_id = ?"]
    params: list[int] = [author]
    if author != reader:
        where.append(
            "(m.audience IN ('friends', 'public')"
            " OR EXISTS (SELECT 1 FROM moment_people p WHERE p.moment_id = m.id AND p.person_id = ?)"
            " OR EXISTS (SELECT 1 FROM moment_tags t JOIN tag_members g ON g.tag_id = t.tag_id"
            "  WHERE t.moment_id = m.id AND t.mode = 'live' AND g.person_id = ?))"
            " AND NOT EXISTS (SELECT 1 FROM moment_people p"
            "  WHERE p.moment_id = m.id AND p.person_id = ? AND p.left_out = 1)"
            " AND NOT EXISTS (SELECT 1 FROM moment_tags t JOIN tag_members g ON g.tag_id = t.tag_id"
            "  WHERE t.moment_id = m.id AND t.mode = 'left_out' AND g.person_id = ?)"
        )
        params += [reader] * 4
    if only_public:
        where.append("m.audience = 'public'")
    if since is not None:
        where.append("m.created_at >= ?")
        params.append(since)
    if before is not None:
        where.append("m.created_at <= ? AND (m.created_at < ? OR m.id < ?)")
        params += [before.created_at, before.created_at, before.id]
    rows = tx.sql(
        "SELECT m.id, m.author_id, m.sealed, m.audience, m.created_at, m.edited_at FROM moments m"
        f" WHERE {' AND '.join(where)} ORDER BY m.created_at DESC, m.id DESC LIMIT ?",
        (*params, limit),
    ).all()
    return _moments(tx, rows)


def latest_times(tx: Tx, reader: PersonId, before: Position | None) -> list[tuple[PersonId, int]]:
    """For the reader and each of their friends: when they posted last, at or before a position. One index seek each.
    Friends whose moments can't be for the reader are left out to save work."""
    until = "" if before is None else " AND m.created_at <= ?"
    times = () if before is None else (before.created_at,)
    rows = tx.sql(
        "SELECT a.id, (SELECT MAX(m.created_at) FROM moments m WHERE m.author_id = a.id"
        f"{until}) AS latest FROM ("
        "SELECT f.friend_id AS id FROM friendships f WHERE f.person_id = ?"
        " AND NOT EXISTS (SELECT 1 FROM stances s WHERE s.person_id = ? AND s.other_id = f.friend_id"
        "  AND (s.blocked = 1 OR s.chats_only = 1 OR s.hidden = 1))"
        " AND NOT EXISTS (SELECT 1 FROM stances s WHERE s.person_id = f.friend_id AND s.other_id = ?"
        "  AND (s.blocked = 1 OR s.chats_only = 1 OR s.shut_out = 1))"
        " UNION ALL SELECT id FROM people WHERE id = ?) AS a",
        (*times, *[reader] * 4),
    )
    return [(PersonId(row.id), row.latest) for row in rows if row.latest is not None]


def windows(tx: Tx, authors: Sequence[PersonId]) -> dict[PersonId, int]:
    """How far back these authors let others look, ms; who sets no bound is left out."""
    found: dict[PersonId, int] = {}
    for start in range(0, len(authors), _CHUNK):
        chunk = tuple(authors[start : start + _CHUNK])
        marks = ",".join("?" * len(chunk))
        for row in tx.sql(
            f"SELECT person_id, window_ms FROM privacy_settings WHERE window_ms IS NOT NULL AND person_id IN ({marks})",
            chunk,
        ):
            found[PersonId(row.person_id)] = row.window_ms
    return found


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


_OUT = (
    "(SELECT kind, ref_id, person_id, created_at FROM copies WHERE kind IN ({kinds}) AND person_id {who}"
    " UNION ALL SELECT copy_kind, copy_ref, person_id, {now} FROM outbox"
    " WHERE copy_kind IN ({kinds}) AND person_id {who} AND first_attempt_at IS NOT NULL AND kind = 'copy') AS c"
)
"""What was sent, and what is being sent or may have arrived although no answer has come: it holds what it held then."""


def _out(tx: Tx, kinds: Sequence[str], who: str = "= ?") -> str:
    quoted = ",".join(f"'{kind}'" for kind in kinds)
    return _OUT.format(kinds=quoted, who=who, now=tx.now)


def readers_since(tx: Tx, kinds: Sequence[str], ref_id: int, since: int) -> list[PersonId]:
    """To whom copies were sent at or after a time (ms)."""
    rows = tx.sql(
        f"SELECT DISTINCT c.person_id FROM {_out(tx, kinds, 'IS NOT NULL')} WHERE c.ref_id = ? AND c.created_at >= ?",
        (ref_id, since),
    )
    return sorted(PersonId(row.person_id) for row in rows)


def moments_copied(tx: Tx, kinds: Sequence[str], reader: PersonId, author: PersonId) -> list[int]:
    """Moments of an author of which a reader has copies."""
    rows = tx.sql(
        f"SELECT DISTINCT m.id FROM {_out(tx, kinds)} JOIN moments m ON m.id = c.ref_id WHERE m.author_id = ?",
        (reader, reader, author),
    )
    return sorted(int(row.id) for row in rows)


def comments_copied(tx: Tx, kind: str, reader: PersonId, other: PersonId) -> list[int]:
    """Comments of which `reader` has copies, written by `other` or under a moment of theirs."""
    rows = tx.sql(
        f"SELECT DISTINCT k.id FROM {_out(tx, (kind,))} JOIN comments k ON k.id = c.ref_id"
        " JOIN moments m ON m.id = k.moment_id WHERE k.person_id = ? OR m.author_id = ?",
        (reader, reader, other, other),
    )
    return sorted(int(row.id) for row in rows)


def moments_with_responses(tx: Tx, kinds: Sequence[str], reader: PersonId, writer: PersonId) -> list[int]:
    """Moments of which a reader has copies that may show a like or comment of `writer`."""
    rows = tx.sql(
        f"SELECT DISTINCT c.ref_id FROM {_out(tx, kinds)} WHERE"
        " EXISTS (SELECT 1 FROM likes l"
        "  WHERE l.moment_id = c.ref_id AND l.person_id = ? AND l.created_at <= c.created_at)"
        " OR EXISTS (SELECT 1 FROM comments k"
        "  WHERE k.moment_id = c.ref_id AND k.person_id = ? AND k.created_at <= c.created_at)",
        (reader, reader, writer, writer),
    )
    return sorted(int(row.ref_id) for row in rows)


def holders(tx: Tx, kinds: Sequence[str], author: PersonId) -> list[PersonId]:
    """Everybody who has a copy of a moment of this author."""
    rows = tx.sql(
        f"SELECT DISTINCT c.person_id FROM {_out(tx, kinds, 'IS NOT NULL')} JOIN moments m ON m.id = c.ref_id"
        " WHERE m.author_id = ?",
        (author,),
    )
    return sorted(PersonId(row.person_id) for row in rows)


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
