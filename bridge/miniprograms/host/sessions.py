"""A program that is open in somebody's chat: its state, what it asks, and what it is to be told."""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from pydantic import JsonValue

from bridge.db import Tx
from bridge.ids import AccountId, EventId, PersonId, RoomId
from bridge.miniprograms.strict_json import dump
from bridge.miniprograms.ui import Form

_KEPT_MS = 24 * 3600 * 1000
_EVENT_COLUMNS = "id, session_id, person_id, event, chain, sealed, created_at"
_COLUMNS = "id, program_id, person_id, account_id, room_id, sealed, open, room"
Push: TypeAlias = Literal["once", "standing"]
ANYBODY = ""
"""Who may choose, where everybody in the chat may."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody is filling in, question by question."""

    form: Form
    values: Mapping[str, Any] = field(default_factory=dict)
    """What was filled in so far."""
    tokens: tuple[str, ...] = ()
    """Of the choices of the question that was asked last."""
    alone: bool = False
    """Of a program in a room, for this person alone: it is asked and answered in their own chat."""


@dataclass(frozen=True, slots=True)
class Session:
    id: int
    program_id: int
    person_id: PersonId
    """Who opened it; what is kept of it is under their key."""
    account: AccountId
    room_id: RoomId
    is_open: bool
    in_room: bool = False
    """Open for everybody in a room with several people."""
    state: JsonValue = None
    asked: Mapping[str, Asked] = field(default_factory=dict)
    """By the id of the person who fills it in."""
    offers: Mapping[str, int] = field(default_factory=dict)
    """The message whose choices a number is for, by the id of the person who may choose, or `ANYBODY`."""
    asked_after: int = 0
    """The newest question of others when the program spoke last: a number that comes now is not for it."""
    noted: tuple[str, ...] = ()
    """Fields of the profile whose reading is in the person's log."""
    pushes: int = 0
    """Messages that the program may send by itself: one for each ring of a timer that the person agreed to."""

    @property
    def sealed(self) -> dict[str, Any]:
        return {
            "state": self.state,
            "asked": {
                who: {
                    "form": one.form.model_dump(mode="json"),
                    "values": dict(one.values),
                    "tokens": list(one.tokens),
                    "alone": one.alone,
                }
                for who, one in self.asked.items()
            },
            "offers": dict(self.offers),
            "asked_after": self.asked_after,
            "noted": list(self.noted),
            "pushes": self.pushes,
        }


@dataclass(frozen=True, slots=True)
class Source:
    """What somebody said that led to an event: answers hang on it."""

    reply_to: EventId | None = None
    thread: EventId | None = None
    push: Push | None = None
    """Nobody said anything: a timer rang, by what the person agreed to."""

    @property
    def kept(self) -> dict[str, Any]:
        """As it is stored."""
        return {"reply_to": self.reply_to, "thread": self.thread, "push": self.push}

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> "Source":
        return cls(kept["reply_to"], kept["thread"], kept.get("push"))


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that a program is to be told."""

    id: int
    session_id: int
    person_id: PersonId
    event: str
    chain: int
    type: str
    data: Mapping[str, Any]
    source: Source
    created_at: int


@dataclass(frozen=True, slots=True)
class Spot:
    """Where somebody says something: in their chat with the bot, or in a room with others."""

    person: PersonId
    account: AccountId
    room_id: RoomId
    in_room: bool

    @property
    def _where(self) -> tuple[str, tuple[object, ...]]:
        if self.in_room:
            return "room = 1 AND open = 1 AND account_id = ? AND room_id = ?", (self.account, self.room_id)
        where = "room = 0 AND person_id = ? AND open = 1 AND account_id = ? AND room_id = ?"
        return where, (self.person, self.account, self.room_id)


def begin(tx: Tx, program_id: int, at: Spot) -> Session:
    [session_id] = tx.new_ids("program_sessions")
    session = Session(session_id, program_id, at.person, at.account, at.room_id, True, at.in_room)
    tx.sql(
        "INSERT INTO program_sessions"
        " (id, program_id, person_id, account_id, room_id, sealed, opened_at, used_at, room)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            session_id,
            program_id,
            at.person,
            at.account,
            at.room_id,
            _seal(tx, session),
            tx.now,
            tx.now,
            int(at.in_room),
        ),
    )
    return session


def current(tx: Tx, at: Spot) -> Session | None:
    """The program that is open there."""
    where, params = at._where
    row = tx.sql(f"SELECT {_COLUMNS} FROM program_sessions WHERE {where} ORDER BY id DESC LIMIT 1", params).first()
    return None if row is None else _session(tx, row)


def is_open(tx: Tx, at: Spot) -> bool:
    """Whether there is one: cheaper, as nothing is opened."""
    where, params = at._where
    return tx.sql(f"SELECT 1 FROM program_sessions WHERE {where} LIMIT 1", params).first() is not None


def open_rooms(tx: Tx) -> set[tuple[AccountId, RoomId]]:
    """Rooms with several people in which a program is open."""
    rows = tx.sql("SELECT DISTINCT account_id, room_id FROM program_sessions WHERE room = 1 AND open = 1").all()
    return {(AccountId(row.account_id), RoomId(row.room_id)) for row in rows}


def by_id(tx: Tx, session_id: int) -> Session | None:
    row = tx.sql(f"SELECT {_COLUMNS} FROM program_sessions WHERE id = ?", (session_id,)).first()
    return None if row is None else _session(tx, row)


def of_person(tx: Tx, person: PersonId, program_id: int | None = None) -> list[Session]:
    """Open ones, in every chat."""
    where, params = ("", (person,)) if program_id is None else (" AND program_id = ?", (person, program_id))
    rows = tx.sql(f"SELECT {_COLUMNS} FROM program_sessions WHERE person_id = ? AND open = 1{where}", params).all()
    return [_session(tx, row) for row in rows]


def save(tx: Tx, session: Session) -> None:
    tx.sql(
        "UPDATE program_sessions SET sealed = ?, open = ?, used_at = ? WHERE id = ?",
        (_seal(tx, session), int(session.is_open), tx.now, session.id),
    )


def end(tx: Tx, session: Session) -> Session:
    """Close it: no timer rings any more, nothing that was asked is answered, nothing that was offered chosen."""
    ended = replace(session, is_open=False, asked={}, offers={})
    save(tx, ended)
    tx.sql("DELETE FROM program_choices WHERE session_id = ?", (session.id,))
    tx.sql("DELETE FROM program_timers WHERE session_id = ?", (session.id,))
    tx.sql("DELETE FROM program_questions WHERE session_id = ?", (session.id,))
    tx.sql("DELETE FROM program_fetches WHERE session_id = ?", (session.id,))
    # Nothing of it is sent any more, so that what comes after waits for nothing.
    tx.sql("UPDATE program_events SET due_at = 0 WHERE session_id = ? AND due_at > 0", (session.id,))
    return ended


def idle_since(tx: Tx, before: int, most: int) -> list[Session]:
    """Open ones in which nothing happened since, and no timer is set."""
    rows = tx.sql(
        f"SELECT {_COLUMNS} FROM program_sessions s WHERE open = 1 AND used_at < ? AND NOT EXISTS"
        " (SELECT 1 FROM program_timers t WHERE t.session_id = s.id) ORDER BY used_at LIMIT ?",
        (before, most),
    ).all()
    return [_session(tx, row) for row in rows]


def forget_old(tx: Tx) -> None:
    """Forget closed ones of a day ago with what was said in them, and grants whose time is over."""
    before = tx.now - _KEPT_MS
    tx.sql("DELETE FROM program_grants WHERE expires_at IS NOT NULL AND expires_at < ?", (tx.now,))
    tx.sql(
        "DELETE FROM program_sessions WHERE open = 0 AND used_at < ? AND NOT EXISTS"
        " (SELECT 1 FROM program_events e WHERE e.session_id = program_sessions.id)",
        (before,),
    )


# --- what a program is to be told -------------------------------------------------------------------------------


def tell(
    tx: Tx,
    session: Session,
    person: PersonId,
    kind: str,
    data: Mapping[str, Any],
    source: Source,
    *,
    chain: int = 0,
) -> None:
    """Queue an event for the program of a session: what this person did."""
    [row_id] = tx.new_ids("program_events")
    said = {"type": kind, "data": dict(data), **source.kept}
    sealed = tx.vault.seal(person, "program_events", row_id, "sealed", said)
    tx.sql(
        "INSERT INTO program_events (id, session_id, person_id, event, chain, sealed, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (row_id, session.id, person, secrets.token_hex(12), chain, sealed, tx.now),
    )


@dataclass(frozen=True, slots=True)
class Turn:
    """A session whose next event is due."""

    session_id: int
    program_id: int


def waiting_sessions(
    tx: Tx, busy: Collection[int], most: int, *, remote: bool, full: Collection[int] = ()
) -> list[Turn]:
    """Sessions with something to be told now, the longest waiting first: of programs that run here, or of those on
    servers. `full`: programs that are told enough at the same time."""
    besides = f" AND s.program_id NOT IN ({','.join('?' * len(full))})" if full else ""
    rows = tx.sql(
        "SELECT e.session_id, MIN(s.program_id) AS program_id FROM program_events e"
        " JOIN program_sessions s ON s.id = e.session_id JOIN programs p ON p.id = s.program_id"
        f" WHERE p.remote = ?{besides}"
        " GROUP BY e.session_id HAVING MAX(e.due_at) <= ? ORDER BY MIN(e.id) LIMIT ?",
        (int(remote), *full, tx.now, most + len(busy)),
    ).all()
    return [Turn(row.session_id, row.program_id) for row in rows if row.session_id not in busy][:most]


def next_event(tx: Tx, session_id: int) -> Waiting | None:
    """What a program is told next: what was sent already and has no answer yet; what follows from an event; the next
    thing that somebody does. None: nothing, or not yet."""
    row = tx.sql(
        f"SELECT {_EVENT_COLUMNS}, MAX(due_at) OVER () AS due_at FROM program_events WHERE session_id = ?"
        " ORDER BY CASE WHEN tries > 0 THEN 0 WHEN chain > 0 THEN 1 ELSE 2 END, id LIMIT 1",
        (session_id,),
    ).first()
    return None if row is None or row.due_at > tx.now else _waiting(tx, row)


def event_by_id(tx: Tx, row_id: int) -> Waiting | None:
    row = tx.sql(f"SELECT {_EVENT_COLUMNS} FROM program_events WHERE id = ?", (row_id,)).first()
    return None if row is None else _waiting(tx, row)


def _waiting(tx: Tx, row: Any) -> Waiting:
    said = tx.vault.read(row.person_id, "program_events", row.id, "sealed", row.sealed)
    if said is None:
        said = {"type": "", "data": {}, "reply_to": None, "thread": None}  # damaged: it comes to nothing
    source = Source.read(said)
    return Waiting(
        row.id,
        row.session_id,
        row.person_id,
        row.event,
        row.chain,
        said["type"],
        said["data"],
        source,
        row.created_at,
    )


def told(tx: Tx, waiting: Waiting) -> bool:
    """An event is done with. False: it was before, or is gone: nothing of it counts."""
    return tx.sql("DELETE FROM program_events WHERE id = ?", (waiting.id,)).rowcount == 1


def drop_following(tx: Tx, session_id: int) -> None:
    """Forget what would have followed from events that came to nothing."""
    tx.sql("DELETE FROM program_events WHERE session_id = ? AND chain > 0", (session_id,))


def count_waiting(tx: Tx, session_id: int) -> int:
    return int(tx.sql("SELECT COUNT(*) FROM program_events WHERE session_id = ?", (session_id,)).scalar_one())


def _seal(tx: Tx, session: Session) -> bytes:
    return tx.vault.seal(session.person_id, "program_sessions", session.id, "sealed", session.sealed)


def _session(tx: Tx, row: Any) -> Session:
    sealed = tx.vault.read(row.person_id, "program_sessions", row.id, "sealed", row.sealed) or {}
    asked = {
        who: Asked(
            Form.model_validate_json(dump(one["form"])),
            one["values"],
            tuple(one.get("tokens", ())),
            one.get("alone", False),
        )
        for who, one in sealed.get("asked", {}).items()
    }
    return Session(
        row.id,
        row.program_id,
        row.person_id,
        AccountId(row.account_id),
        RoomId(row.room_id),
        bool(row.open),
        bool(row.room),
        sealed.get("state"),
        asked,
        sealed.get("offers", {}),
        sealed.get("asked_after", 0),
        tuple(sealed.get("noted", ())),
        sealed.get("pushes", 0),
    )
