"""Which thing a person's own event made, so that editing or redacting the event changes the thing."""

from dataclasses import dataclass

from bridge.chat.command import Request
from bridge.chat.inbound import EditedMessage
from bridge.db import Tx
from bridge.ids import AccountId, EventId, PersonId


@dataclass(frozen=True, slots=True)
class Source:
    person_id: PersonId
    kind: str
    ref_id: int


def record(tx: Tx, account: AccountId, event_id: EventId, person_id: PersonId, kind: str, ref_id: int) -> None:
    """Remember that `event_id` made the thing `ref_id` of `kind`; what was known of the event before is replaced."""
    tx.sql(
        "INSERT INTO sources (account_id, event_id, person_id, kind, ref_id) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (account_id, event_id) DO UPDATE SET person_id = excluded.person_id, kind = excluded.kind,"
        " ref_id = excluded.ref_id",
        (account, event_id, person_id, kind, ref_id),
    )


def record_request(request: Request, kind: str, ref_id: int) -> None:
    """The same for the event of a request. An edit stands for the event that it edits: clients redact that one."""
    event = request.event
    event_id = event.target if isinstance(event, EditedMessage) else event.origin.event_id
    record(request.tx, request.account, event_id, request.person.id, kind, ref_id)


def find(tx: Tx, account: AccountId, event_id: EventId) -> Source | None:
    """What the event made, and who sent it."""
    row = tx.sql(
        "SELECT person_id, kind, ref_id FROM sources WHERE account_id = ? AND event_id = ?", (account, event_id)
    ).first()
    return None if row is None else Source(PersonId(row[0]), row[1], row[2])


def forget(tx: Tx, kind: str, ref_id: int) -> None:
    """Forget every event that made this thing."""
    tx.sql("DELETE FROM sources WHERE kind = ? AND ref_id = ?", (kind, ref_id))


def forget_event(tx: Tx, account: AccountId, event_id: EventId) -> None:
    """Forget one event."""
    tx.sql("DELETE FROM sources WHERE account_id = ? AND event_id = ?", (account, event_id))


def has_any(tx: Tx, kind: str, ref_id: int, person: PersonId) -> bool:
    """Whether an event of this person made this thing."""
    row = tx.sql(
        "SELECT 1 FROM sources WHERE kind = ? AND ref_id = ? AND person_id = ? LIMIT 1", (kind, ref_id, person)
    ).first()
    return row is not None


def forget_of(tx: Tx, kind: str, ref_id: int, person: PersonId) -> None:
    """Forget every event of this person that made this thing."""
    tx.sql("DELETE FROM sources WHERE kind = ? AND ref_id = ? AND person_id = ?", (kind, ref_id, person))
