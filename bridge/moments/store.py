"""Rows of moments. What is loaded here is narrowed; whether it may be seen is decided elsewhere."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bridge.db import Tx, two_keys
from bridge.db.chunks import chunked
from bridge.db.tables import moments, undos
from bridge.ids import PersonId
from bridge.moments.content import NOTHING, Content
from bridge.moments.model import Moment, Position
from bridge.privacy import Addressed, Audience
from bridge.privacy.undo import DELETE

_MOMENT = (
    moments.c.id,
    moments.c.author_id,
    moments.c.sealed,
    moments.c.audience,
    moments.c.created_at,
    moments.c.edited_at,
    moments.c.expires_at,
    moments.c.key_id,
)


_WHOLE = ", ".join(column.name for column in _MOMENT)


def _moments(tx: Tx, rows: Sequence[Any], *, texts: bool = True) -> list[Moment]:
    """Rows as moments; without `texts`, their texts stay sealed, and empty here."""
    named = _named(tx, [row.id for row in rows if row.audience != Audience.PRIVATE.value])
    if texts:
        tx.vault.prepare([*(row.author_id for row in rows), *(row.key_id for row in rows if row.key_id is not None)])
    found: list[Moment] = []
    for row in rows:
        said = None
        if texts:
            said = two_keys.read(tx, row.key_id, row.author_id, "moments", row.id, "sealed", row.sealed)
        found.append(
            Moment(
                row.id,
                PersonId(row.author_id),
                NOTHING if said is None else Content.of_json(said),
                named.addressed(row.id, row.audience),
                frozenset(named.tags.get((row.id, NAMED), ())),
                row.created_at,
                row.edited_at,
                texts and said is None,
                row.expires_at,
                row.key_id,
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
    for chunk, marks in chunked(ids):
        for row in tx.sql(
            f"SELECT moment_id, person_id, left_out FROM moment_people WHERE moment_id IN ({marks})", chunk
        ):
            found.people.setdefault((row.moment_id, row.left_out), set()).add(PersonId(row.person_id))
        for row in tx.sql(f"SELECT moment_id, tag_id, mode FROM moment_tags WHERE moment_id IN ({marks})", chunk):
            found.tags.setdefault((row.moment_id, row.mode), set()).add(row.tag_id)
    return found


def add_moment(tx: Tx, author: PersonId, content: Content, to: Addressed, named_tags: Iterable[int] = ()) -> int:
    """Store a new moment. `named_tags`: tags that were named and are not followed; their members are in `to.people`."""
    assert to.kind is not None
    [moment_id] = tx.new_ids("moments")
    tx.execute(
        sa.insert(moments).values(
            id=moment_id,
            author_id=author,
            sealed=tx.vault.seal(author, "moments", moment_id, "sealed", content.to_json()),
            audience=to.kind.value,
            created_at=tx.now,
        )
    )
    set_addressed(tx, moment_id, to, named_tags)
    return moment_id


def set_addressed(tx: Tx, moment_id: int, to: Addressed, named_tags: Iterable[int] = ()) -> None:
    """Replace the audience of a moment."""
    assert to.kind is not None
    tx.sql("UPDATE moments SET once_public = 1 WHERE id = ? AND audience = 'public'", (moment_id,))
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


def count_of(tx: Tx, author: PersonId) -> int:
    """How many moments somebody has."""
    return int(tx.sql("SELECT COUNT(*) FROM moments WHERE author_id = ?", (author,)).scalar_one())


def count_newer_public(tx: Tx, moment: Moment, viewer: PersonId, most: int) -> int:
    """How many newer public moments of the same author do not leave `viewer` out; at most `most`."""
    at = (moment.author, tx.now, moment.created_at, moment.created_at, moment.id)
    return int(
        tx.sql(
            "SELECT COUNT(*) FROM (SELECT 1 FROM moments n WHERE n.author_id = ? AND n.audience = 'public'"
            " AND (n.expires_at IS NULL OR n.expires_at > ?)"
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
    row = tx.sql(f"SELECT {_WHOLE} FROM moments WHERE id = ?", (moment_id,)).first()
    return _moments(tx, [row])[0] if row else None


def with_texts(tx: Tx, moment_ids: Sequence[int]) -> list[Moment]:
    """These moments, in this order."""
    found: dict[int, Moment] = {}
    for some, marks in chunked(moment_ids):
        rows = tx.sql(f"SELECT {_WHOLE} FROM moments WHERE id IN ({marks})", some).all()
        found |= {moment.id: moment for moment in _moments(tx, rows)}
    return [found[moment_id] for moment_id in moment_ids if moment_id in found]


def set_text(tx: Tx, moment: Moment, content: Content) -> None:
    """Another text, with whom it mentions: it was edited now."""
    set_content(tx, moment, content)
    tx.sql("UPDATE moments SET edited_at = ? WHERE id = ?", (tx.now, moment.id))


def set_content(tx: Tx, moment: Moment, content: Content) -> None:
    value = two_keys.seal(tx, moment.key, moment.author, "moments", moment.id, "sealed", content.to_json())
    tx.execute(sa.update(moments).where(moments.c.id == moment.id).values(sealed=value))


def delete_moment(tx: Tx, moment: Moment) -> None:
    """Delete a moment and all that hangs on it (likes, comments, pictures, numbers follow by their foreign keys). A key
    of its own is destroyed soon."""
    tx.execute(sa.delete(moments).where(moments.c.id == moment.id))
    if moment.key is not None:
        two_keys.end(tx, moment.key)


# --- expiry -------------------------------------------------------------------------------------------------
def set_expiry(tx: Tx, moment: Moment, at: int | None) -> None:
    """When it ends, ms; None: never. Give it a key of its own before."""
    assert at is None or moment.key is not None
    tx.sql("UPDATE moments SET expires_at = ? WHERE id = ?", (at, moment.id))


def end(tx: Tx, moment: Moment, at: int | None) -> None:
    """Hide it from everybody, its author included, from this time on (ms); None: no longer."""
    tx.sql("UPDATE moments SET expires_at = ? WHERE id = ?", (at, moment.id))


def set_key(tx: Tx, moment: Moment, key: int) -> None:
    """Seal what its author wrote under this key too."""
    row = tx.sql("SELECT sealed FROM moments WHERE id = ?", (moment.id,)).one()
    said = two_keys.read(tx, moment.key, moment.author, "moments", moment.id, "sealed", row.sealed)
    if said is None:
        return  # damaged before
    value = two_keys.seal(tx, key, moment.author, "moments", moment.id, "sealed", said)
    tx.sql("UPDATE moments SET key_id = ?, sealed = ? WHERE id = ?", (key, value, moment.id))


def expired(tx: Tx, most: int) -> list[Moment]:
    """Moments whose time is over."""
    # A deleted one stays for as long as its author may want it back; nobody sees it meanwhile.
    kept = sa.exists().where(undos.c.kind == DELETE, undos.c.ref_id == moments.c.id, undos.c.until > tx.now)
    query = sa.select(*_MOMENT).where(moments.c.expires_at <= tx.now, ~kept)
    query = query.order_by(moments.c.expires_at, moments.c.id)
    return _moments(tx, tx.execute(query.limit(most)).all())


def next_expiry(tx: Tx) -> int | None:
    """When the next one ends, ms."""
    at: int | None = tx.sql("SELECT MIN(expires_at) FROM moments WHERE expires_at IS NOT NULL").scalar()
    return at


def ended_keys(tx: Tx) -> list[int]:
    """Keys of moments that are gone: to be destroyed."""
    return list(tx.sql("SELECT key_id FROM ended_keys ORDER BY key_id LIMIT 1000").scalars())


def forget_ended_keys(tx: Tx, keys: Sequence[int]) -> None:
    """They were destroyed."""
    tx.sql("DELETE FROM ended_keys WHERE key_id = ?", [(key,) for key in keys])


_BARE = "m.id, m.author_id, m.audience, m.created_at, m.edited_at, m.expires_at, m.key_id"
_NEWEST = f"SELECT {_BARE}, m.sealed FROM moments m"


def newest_by(
    tx: Tx, author: PersonId, reader: PersonId, before: Position | None, since: int | None, limit: int
) -> list[Moment]:
    """The newest moments of one author before a position and not older than `since` (ms). What can't be for `reader` is
    left out to save work."""
    where, params = _narrowed(Span(author, before, since), reader, only_public=False)
    rows = tx.sql(f"{_NEWEST} WHERE {where} ORDER BY m.created_at DESC, m.id DESC LIMIT ?", (*params, limit)).all()
    return _moments(tx, rows)


@dataclass(frozen=True, slots=True)
class Span:
    """Moments of one author before a position and not older than `since` (ms)."""

    author: PersonId
    before: Position | None
    since: int | None


def newest_of(
    tx: Tx, spans: Sequence[Span], reader: PersonId, limit: int, *, only_public: bool = False
) -> list[list[Moment]]:
    """The newest moments of each of a few spans, in one statement, without their texts: these are for deciding who may
    see them. What can't be for `reader` is left out to save work."""
    params: list[int] = []
    selects: list[str] = []
    for number, span in enumerate(spans):
        where, values = _narrowed(span, reader, only_public=only_public)
        params += [*values, limit]
        selects.append(
            f"SELECT * FROM (SELECT {number} AS span, {_BARE} FROM moments m"
            f" WHERE {where} ORDER BY m.created_at DESC, m.id DESC LIMIT ?) AS s{number}"
        )
    rows = tx.sql(" UNION ALL ".join(selects), tuple(params)).all() if selects else []
    found: list[list[Moment]] = [[] for _ in spans]
    for row, moment in zip(rows, _moments(tx, rows, texts=False), strict=True):
        found[row.span].append(moment)
    for some in found:
        some.sort(key=lambda moment: moment.position, reverse=True)
    return found


def _narrowed(span: Span, reader: PersonId, *, only_public: bool) -> tuple[str, list[int]]:
    where: list[str] = ["m.author_id = ?"]
    params: list[int] = [span.author]
    if span.author != reader:
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
    where.append("m.created_at >= ?")
    params.append(span.since or 0)
    if span.before is not None:
        at = span.before
        where.append("m.created_at <= ? AND (m.created_at < ? OR m.id < ?)")
        params += [at.created_at, at.created_at, at.id]
    return " AND ".join(where), params


def latest_times(
    tx: Tx, reader: PersonId, before: Position | None, limit: int, offset: int
) -> list[tuple[PersonId, int]]:
    """Of the reader and their friends, those who posted last at or before a position, and when: the latest first. One
    index seek each. Friends whose moments can't be for the reader are left out to save work."""
    until = "" if before is None else " AND m.created_at <= ?"
    times = () if before is None else (before.created_at,)
    # Those left out are few: they are found once, not asked for with each friend.
    rows = tx.sql(
        "SELECT a.id, COALESCE((SELECT MAX(m.created_at) FROM moments m WHERE m.author_id = a.id"
        f"{until}), -1) AS latest FROM ("
        "SELECT f.friend_id AS id FROM friendships f WHERE f.person_id = ? AND f.friend_id NOT IN ("
        "SELECT s.other_id FROM stances s WHERE s.person_id = ?"
        " AND (s.blocked = 1 OR s.chats_only = 1 OR s.hidden = 1)"
        " UNION ALL SELECT s.person_id FROM stances s WHERE s.other_id = ?"
        " AND (s.blocked = 1 OR s.chats_only = 1 OR s.shut_out = 1)"
        " UNION ALL SELECT t.owner_id FROM tag_members g JOIN tags t ON t.id = g.tag_id"
        " WHERE g.person_id = ? AND t.shut_out = 1)"
        " UNION ALL SELECT id FROM people WHERE id = ?) AS a ORDER BY latest DESC, a.id DESC LIMIT ? OFFSET ?",
        (*times, *[reader] * 5, limit, offset),
    )
    return [(PersonId(row.id), row.latest) for row in rows if row.latest >= 0]


def windows(tx: Tx, authors: Sequence[PersonId]) -> dict[PersonId, int]:
    """How far back these authors let others look, ms; who sets no bound is left out."""
    found: dict[PersonId, int] = {}
    for chunk, marks in chunked(authors):
        where = (
            f"SELECT person_id, window_ms FROM privacy_settings WHERE window_ms IS NOT NULL AND person_id IN ({marks})"
        )
        if len(chunk) == 1:  # that there is a bound must not be felt in the time
            where = f"SELECT * FROM ({where} UNION ALL SELECT -1, 0) AS found ORDER BY 1 DESC LIMIT 1"
        for row in tx.sql(where, chunk):
            found[PersonId(row.person_id)] = row.window_ms
    return found
