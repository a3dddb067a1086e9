"""Break-glass (O3): the one way in which an operator is shown what people entrusted to the bot. The person is told."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bridge.chat.command import Person
from bridge.chat.people import user_ids
from bridge.chat.reply import Message, Text
from bridge.contacts import profiles, store
from bridge.db import Tx, ledger
from bridge.delivery.outbox import Outbox
from bridge.moments import responses
from bridge.moments import store as moments
from bridge.rights import access_log

MAX_REASON = 300
_MOST = 500


def _profile(tx: Tx, person: Person) -> list[dict[str, Any]]:
    return [{"field": one.field.name, "value": one.value} for one in profiles.fields(tx, person.id)]


def _friends(tx: Tx, person: Person) -> list[str]:
    return sorted(user_ids(tx, store.friend_ids(tx, person.id)).values())


def _moments(tx: Tx, person: Person) -> list[dict[str, Any]]:
    found = moments.newest_by(tx, person.id, person.id, None, None, _MOST)
    return [{"at": one.created_at, "text": None if one.damaged else one.text} for one in found]


def _comments(tx: Tx, person: Person) -> list[dict[str, Any]]:
    ids = tx.sql("SELECT id FROM comments WHERE person_id = ? ORDER BY id DESC LIMIT ?", (person.id, _MOST)).scalars()
    found = [responses.comment(tx, comment_id) for comment_id in ids.all()]
    return [{"at": c.created_at, "text": None if c.damaged else c.text} for c in found if c is not None]


PARTS: Mapping[str, Callable[[Tx, Person], Sequence[Any]]] = {
    "profile": _profile,
    "friends": _friends,
    "moments": _moments,
    "comments": _comments,
}
"""What can be asked for: the newest 500 of each."""


def open_person(tx: Tx, person: Person, what: Sequence[str], reason: str, outbox: Outbox) -> dict[str, Any]:
    """What an operator asked for. That they did, why, and when is written into the ledger and the person's access log,
    and the person is told, in the transaction that reads: nothing is shown before it is committed."""
    parts = [part for part in PARTS if part in what]
    entry = ledger.append(tx, person.id, "opened", what=parts, reason=reason)
    names = ", ".join(parts)
    access_log.record(tx, person, "operator", what=names, reason=reason, number=entry.number)
    short = entry.hash.hex()[:16]
    args: dict[str, str | int] = {"what": names, "reason": reason, "number": entry.number, "hash": short}
    outbox.message(tx, person, Message((Text("operator-opened", args),)))
    shown: dict[str, Any] = {part: PARTS[part](tx, person) for part in parts}
    return {"entry": entry.head, "person": person.user_id, **shown}
