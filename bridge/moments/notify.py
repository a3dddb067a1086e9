"""How people want to be told of new moments of their friends (M18): what they set, and what it means for one friend."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

from bridge.chat.people import People
from bridge.db import Tx
from bridge.db.sealing import Unreadable
from bridge.ids import PersonId


class Mode(Enum):
    OFF = "off"
    DIGEST = "digest"
    """Once a day, in one event."""
    NOW = "now"
    """Each moment as soon as it is posted."""


_LOUDEST_FIRST = (Mode.NOW, Mode.DIGEST, Mode.OFF)


@dataclass(frozen=True, slots=True)
class Notify:
    """What a person set. Times are minutes of the day in their own zone."""

    mode: Mode = Mode.DIGEST
    digest_minute: int | None = None
    """None: the operator's default."""
    quiet: tuple[int, int] | None = None
    """From, and until when nothing about moments comes unasked."""


def load(tx: Tx, person: PersonId) -> Notify:
    row = tx.sql(
        "SELECT mode, digest_minute, quiet_from, quiet_to FROM notify_settings WHERE person_id = ?", (person,)
    ).first()
    if row is None:
        return Notify()
    quiet = None if row.quiet_from is None else (row.quiet_from, row.quiet_to)
    return Notify(Mode(row.mode), row.digest_minute, quiet)


def save(tx: Tx, person: PersonId, notify: Notify) -> None:
    start, end = notify.quiet or (None, None)
    tx.sql(
        "INSERT INTO notify_settings (person_id, mode, digest_minute, quiet_from, quiet_to) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (person_id) DO UPDATE SET mode = excluded.mode, digest_minute = excluded.digest_minute,"
        # The next digest is planned anew.
        " quiet_from = excluded.quiet_from, quiet_to = excluded.quiet_to, digest_at = NULL",
        (person, notify.mode.value, notify.digest_minute, start, end),
    )


def tag_modes(tx: Tx, owner: PersonId) -> dict[int, Mode]:
    """What a person set for tags of theirs."""
    rows = tx.sql(
        "SELECT n.tag_id, n.mode FROM tag_notify n JOIN tags t ON t.id = n.tag_id WHERE t.owner_id = ?", (owner,)
    )
    return {row.tag_id: Mode(row.mode) for row in rows}


def set_tag_mode(tx: Tx, tag_id: int, mode: Mode | None) -> None:
    """None: its members are like everybody else."""
    tx.sql("DELETE FROM tag_notify WHERE tag_id = ?", (tag_id,))
    if mode is not None:
        tx.sql("INSERT INTO tag_notify (tag_id, mode) VALUES (?, ?)", (tag_id, mode.value))


def modes_for(tx: Tx, reader: PersonId, authors: Sequence[PersonId]) -> dict[PersonId, Mode]:
    """How `reader` is told of moments of each author: of the tags that one is in the loudest counts, else what holds
    for all."""
    usual = load(tx, reader).mode
    found: dict[PersonId, set[Mode]] = {}
    for row in tx.sql(
        "SELECT g.person_id, n.mode FROM tag_notify n JOIN tags t ON t.id = n.tag_id"
        " JOIN tag_members g ON g.tag_id = t.id WHERE t.owner_id = ?",
        (reader,),
    ):
        found.setdefault(PersonId(row.person_id), set()).add(Mode(row.mode))
    return {
        author: next((mode for mode in _LOUDEST_FIRST if mode in found.get(author, ())), usual) for author in authors
    }


def wanting_now(tx: Tx, author: PersonId, after: int, most: int) -> list[PersonId]:
    """Friends of `author` with ids above `after` who want to be told at once, in the order of their ids."""
    rows = tx.sql(
        "SELECT f.friend_id FROM friendships f LEFT JOIN notify_settings n ON n.person_id = f.friend_id"
        " WHERE f.person_id = ? AND f.friend_id > ? AND ("
        " EXISTS (SELECT 1 FROM tags t JOIN tag_members g ON g.tag_id = t.id JOIN tag_notify x ON x.tag_id = t.id"
        "  WHERE t.owner_id = f.friend_id AND g.person_id = f.person_id AND x.mode = 'now')"
        " OR (n.mode = 'now' AND NOT EXISTS (SELECT 1 FROM tags t JOIN tag_members g ON g.tag_id = t.id"
        "  JOIN tag_notify x ON x.tag_id = t.id WHERE t.owner_id = f.friend_id AND g.person_id = f.person_id)))"
        " ORDER BY f.friend_id LIMIT ?",
        (author, after, most),
    )
    return [PersonId(row.friend_id) for row in rows]


def quiet_ms(tx: Tx, people: People, person_id: PersonId, after_ms: int = 0) -> int:
    """How long it is until a person may be told of something unasked that can wait for `after_ms`, ms."""
    quiet = load(tx, person_id).quiet
    if quiet is None:
        return after_ms
    try:
        person = people.by_id(tx, person_id)
    except Unreadable:
        person = None  # nothing reaches them
    return after_ms if person is None else after_ms + quiet_for(tx.now + after_ms, person.time_zone, quiet)


def quiet_among(tx: Tx, readers: Sequence[PersonId]) -> list[PersonId]:
    """Who of these people, a part of those who want a post, set quiet hours."""
    if not readers:
        return []
    marks = ",".join("?" * len(readers))
    rows = tx.sql(
        f"SELECT person_id FROM notify_settings WHERE quiet_from IS NOT NULL AND person_id IN ({marks})", tuple(readers)
    )
    return [PersonId(row.person_id) for row in rows]


def quiet_for(now: int, time_zone: str, quiet: tuple[int, int]) -> int:
    """How much of the quiet time is left at `now` (ms), ms."""
    start, end = quiet
    here = datetime.fromtimestamp(now / 1000, ZoneInfo(time_zone))
    minute = here.hour * 60 + here.minute
    if not (start <= minute < end if start < end else minute >= start or minute < end):
        return 0
    return next_time(now, time_zone, end, each=True) - now


def next_time(now: int, time_zone: str, minute: int, *, each: bool = False) -> int:
    """When a minute of the day comes next in this zone after `now` (ms), ms. Where clocks go back and it comes twice,
    the second time counts only with `each`."""
    zone = ZoneInfo(time_zone)
    day = datetime.fromtimestamp(now / 1000, zone).date()
    for ahead in range(3):
        there = day + timedelta(days=ahead)
        at = datetime(there.year, there.month, there.day, minute // 60, minute % 60, tzinfo=zone)
        for one in (at, at.replace(fold=1)) if each else (at,):
            ms = round(one.astimezone(UTC).timestamp() * 1000)
            if ms > now:
                return ms
    raise AssertionError("a minute of the day comes every day")
