"""Posts that are not published yet: gathered from several messages, waiting for a yes, or for their time."""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from bridge.chat import prompts
from bridge.db import Tx, day_keys, media, two_keys
from bridge.ids import AccountId, EventId, PersonId
from bridge.moments.audience import Said
from bridge.moments.content import Content, Poll
from bridge.moments.origin import BETWEEN, Heads
from bridge.moments.picture_store import Described
from bridge.moments.place import Place
from bridge.privacy import Audience

DRAFT = "draft"
"""Kind of the sources of drafts, and of the question what is to become of one."""
AUDIENCE = "draft-audience"
"""Kind of the question for whom a draft is."""


class State(Enum):
    OPEN = "open"
    """What its author says joins it."""
    KEPT = "kept"
    """Whole, and waiting for its author to decide."""
    SCHEDULED = "scheduled"
    PUBLISHED = "published"
    """Kept for a while, so that its author is told of it once, whatever happens to the message that says so."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A text, and the author's event that brought it."""

    event_id: EventId
    text: str


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture, and the author's event that brought it."""

    event_id: EventId
    picture: Described
    question: int = 0
    """The question that asked what it shows: a reply to that is its description."""


@dataclass(frozen=True, slots=True)
class Draft:
    id: int
    person: PersonId
    state: State
    to: Said
    account: AccountId
    """Whose events brought what is in it."""
    texts: tuple[Piece, ...] = ()
    pictures: tuple[Shot, ...] = ()
    warning: str | None = None
    due_at: int | None = None
    """When it is to be published, ms; None: when its author says so."""
    touched_at: int = 0
    """ms"""
    moment_id: int | None = None
    """What it became."""
    poll: tuple[str, ...] = ()
    """Answers to choose from."""
    expires: str | None = None
    """When it ends, in words: they count from when it is published."""
    responses: str | None = None
    """Who may respond: `nobody`, `all` or a tag with its #; None: all."""
    place: Place | None = None
    """As exact as its author said it; others get what is `shown` of it."""
    place_event: EventId | None = None
    """The author's event that brought the place."""
    heads: Heads = ()
    """What the message that posts said before its text; what was changed apart from it is not in there."""

    @property
    def text(self) -> str:
        return BETWEEN.join(piece.text for piece in self.texts)

    @property
    def content(self) -> Content:
        return Content(
            self.text,
            self.warning,
            (),
            Poll(self.poll) if self.poll else None,
            None if self.place is None else self.place.shown,
        )

    @property
    def is_empty(self) -> bool:
        return not self.texts and not self.pictures and self.place is None

    @property
    def events(self) -> list[EventId]:
        place = [] if self.place_event is None else [self.place_event]
        found = [piece.event_id for piece in self.texts] + [shot.event_id for shot in self.pictures] + place
        return [event_id for event_id in found if event_id]  # what was imported came by none


_COLUMNS = "id, person_id, state, sealed, due_at, touched_at, moment_id, key_id"
_WAITING = "state IN ('open', 'kept', 'scheduled')"


def add(tx: Tx, draft: Draft) -> Draft:
    """Store a new draft; its id is given here."""
    [draft_id] = tx.new_ids("drafts")
    draft = replace(draft, id=draft_id, touched_at=tx.now)
    key = day_keys.key_of(tx, day_keys.DRAFTS, draft.person, tx.now)
    tx.sql(
        "INSERT INTO drafts (id, person_id, state, sealed, due_at, touched_at, created_at, key_id)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (draft_id, draft.person, draft.state.value, _seal(tx, draft, key), draft.due_at, tx.now, tx.now, key),
    )
    _hold(tx, draft)
    return draft


def save(tx: Tx, draft: Draft) -> Draft:
    """Store a draft as it is now."""
    key = None if draft.state is State.PUBLISHED else day_keys.key_of(tx, day_keys.DRAFTS, draft.person, tx.now)
    sealed = None if key is None else _seal(tx, draft, key)
    tx.sql(
        "UPDATE drafts SET state = ?, sealed = ?, due_at = ?, touched_at = ?, moment_id = ?, key_id = ? WHERE id = ?",
        (draft.state.value, sealed, draft.due_at, tx.now, draft.moment_id, key, draft.id),
    )
    media.release(tx, media.DRAFT, draft.id)
    if sealed is not None:
        _hold(tx, draft)
    else:
        _close_questions(tx, draft.id)
    return replace(draft, touched_at=tx.now)


def delete(tx: Tx, draft_id: int) -> None:
    _close_questions(tx, draft_id)
    tx.sql("DELETE FROM drafts WHERE id = ?", (draft_id,))


def _close_questions(tx: Tx, draft_id: int) -> None:
    """Nothing is to become of it any more: a number must not answer that, but what else is open."""
    for kind in (DRAFT, AUDIENCE):
        prompts.close(tx, kind, draft_id)


def get(tx: Tx, person: PersonId, draft_id: int) -> Draft | None:
    """A draft of this person that is not published; None also when its row is damaged."""
    row = tx.sql(f"SELECT {_COLUMNS} FROM drafts WHERE id = ? AND person_id = ?", (draft_id, person)).first()
    return None if row is None else _draft(tx, row)


def opened(tx: Tx, person: PersonId, since: int) -> Draft | None:
    """The draft that what a person says joins; None: none was touched since then (ms)."""
    row = tx.sql(
        f"SELECT {_COLUMNS} FROM drafts WHERE person_id = ? AND state = 'open' AND touched_at >= ?"
        " ORDER BY id DESC LIMIT 1",
        (person, since),
    ).first()
    return None if row is None else _draft(tx, row)


def is_open(tx: Tx, person: PersonId, since: int) -> bool:
    found = tx.sql(
        "SELECT 1 FROM drafts WHERE person_id = ? AND state = 'open' AND touched_at >= ? LIMIT 1", (person, since)
    )
    return found.first() is not None


def close(tx: Tx, person: PersonId) -> None:
    """Nothing joins any draft of this person any more; what is in them is kept, and what is empty goes."""
    for draft in waiting(tx, person):
        if draft.state is not State.OPEN:
            continue
        if draft.is_empty:
            delete(tx, draft.id)
        else:
            tx.sql("UPDATE drafts SET state = 'kept' WHERE id = ?", (draft.id,))


def waiting(tx: Tx, person: PersonId) -> list[Draft]:
    """All that a person has not published, the oldest first. Damaged rows are left out."""
    rows = tx.sql(f"SELECT {_COLUMNS} FROM drafts WHERE person_id = ? AND {_WAITING} ORDER BY id", (person,)).all()
    return [draft for row in rows if (draft := _draft(tx, row)) is not None]


def count(tx: Tx, person: PersonId) -> int:
    return int(tx.sql(f"SELECT COUNT(*) FROM drafts WHERE person_id = ? AND {_WAITING}", (person,)).scalar_one())


def forget_old(tx: Tx, max_age_ms: int) -> None:
    """Delete what nobody touched for so long, with the keys of those days; what waits for its time stays."""
    tx.sql("DELETE FROM drafts WHERE state <> 'scheduled' AND touched_at < ?", (tx.now - max_age_ms,))
    # Its time came and nobody could be told: after as long, that is over too.
    tx.sql("DELETE FROM drafts WHERE state = 'scheduled' AND due_at < ?", (tx.now - max_age_ms,))
    day_keys.end(tx, day_keys.DRAFTS, tx.now - max_age_ms)


def _hold(tx: Tx, draft: Draft) -> None:
    for shot in draft.pictures:
        media.hold(tx, media.DRAFT, draft.id, shot.picture.picture.files)


# --- sealing ------------------------------------------------------------------------------------------------
def _seal(tx: Tx, draft: Draft, key: int) -> bytes:
    value: dict[str, Any] = {
        "to": draft.to.to_json(),
        "account": draft.account,
        "texts": [{"event": piece.event_id, "text": piece.text} for piece in draft.texts],
        "pictures": [
            {"event": shot.event_id, "question": shot.question, **shot.picture.to_json()} for shot in draft.pictures
        ],
        "warning": draft.warning,
        "poll": list(draft.poll),
        "expires": draft.expires,
        "responses": draft.responses,
        "place": None if draft.place is None else draft.place.to_json(),
        "place_event": draft.place_event,
        "heads": dict(draft.heads),
    }
    return two_keys.seal(tx, key, draft.person, "drafts", draft.id, "sealed", value)


def _draft(tx: Tx, row: Any) -> Draft | None:
    state = State(row.state)
    if state is State.PUBLISHED:
        nobody = Said(Audience.PRIVATE)
        return Draft(row.id, PersonId(row.person_id), state, nobody, AccountId(0), moment_id=row.moment_id)
    value = two_keys.read(tx, row.key_id, row.person_id, "drafts", row.id, "sealed", row.sealed)
    if value is None:
        return None
    return Draft(
        row.id,
        PersonId(row.person_id),
        state,
        Said.of_json(value["to"]),
        AccountId(value["account"]),
        tuple(Piece(EventId(one["event"]), one["text"]) for one in value["texts"]),
        tuple(Shot(EventId(one["event"]), Described.of_json(one), one["question"]) for one in value["pictures"]),
        value["warning"],
        row.due_at,
        row.touched_at,
        poll=tuple(value.get("poll", ())),  # an older version kept neither of these
        expires=value.get("expires"),
        responses=value.get("responses"),
        place=None if value.get("place") is None else Place.of_json(value["place"]),
        place_event=None if value.get("place_event") is None else EventId(value["place_event"]),
        heads=tuple(value.get("heads", {}).items()),
    )
