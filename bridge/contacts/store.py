"""Rows of friends, requests and profiles."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from bridge.chat.people import user_ids
from bridge.contacts.model import Friend, FriendRequest, ProfileKey, RequestState
from bridge.db import Tx
from bridge.db.tables import cursors, friend_requests, friendships, people, profile_fields
from bridge.ids import PersonId

_CHUNK = 400
_SLOTS = "requests"
"""Row of `cursors` that holds the numbers of a person's open requests."""

_REQUEST = (
    friend_requests.c.id,
    friend_requests.c.from_id,
    friend_requests.c.to_id,
    friend_requests.c.sealed,
    friend_requests.c.state,
    friend_requests.c.created_at,
)


def _request(tx: Tx, row: Any) -> FriendRequest:
    note = tx.vault.read(row.from_id, "friend_requests", row.id, "sealed", row.sealed)
    return FriendRequest(
        row.id, PersonId(row.from_id), PersonId(row.to_id), note or "", RequestState(row.state), row.created_at
    )


# --- people -------------------------------------------------------------------------------------------------
def has_opened(tx: Tx, person: PersonId) -> bool:
    """Whether this person ever had a DM with the bot."""
    return tx.execute(sa.select(people.c.opened_at).where(people.c.id == person)).scalar_one_or_none() is not None


# --- friends ------------------------------------------------------------------------------------------------
def friends_of(tx: Tx, person: PersonId) -> list[Friend]:
    """Friends of a person, the latest last."""
    rows = tx.execute(
        sa.select(friendships.c.friend_id, friendships.c.since).where(friendships.c.person_id == person)
    ).all()
    known = user_ids(tx, [PersonId(row.friend_id) for row in rows])
    rows = [row for row in rows if row.friend_id in known]
    rows.sort(key=lambda row: (row.since, known[row.friend_id]))
    return [Friend(PersonId(row.friend_id), known[row.friend_id]) for row in rows]


def count_friends(tx: Tx, person: PersonId) -> int:
    count = sa.select(sa.func.count()).select_from(friendships).where(friendships.c.person_id == person)
    return int(tx.execute(count).scalar_one())


def are_friends(tx: Tx, a: PersonId, b: PersonId) -> bool:
    row = tx.execute(
        sa.select(friendships.c.since).where(friendships.c.person_id == a, friendships.c.friend_id == b)
    ).first()
    return row is not None


def befriend(tx: Tx, a: PersonId, b: PersonId) -> None:
    tx.execute(
        sa.insert(friendships),
        [{"person_id": a, "friend_id": b, "since": tx.now}, {"person_id": b, "friend_id": a, "since": tx.now}],
    )


def part(tx: Tx, a: PersonId, b: PersonId) -> None:
    for one, other in ((a, b), (b, a)):
        tx.execute(sa.delete(friendships).where(friendships.c.person_id == one, friendships.c.friend_id == other))


# --- requests -----------------------------------------------------------------------------------------------
def request_between(tx: Tx, asker: PersonId, asked: PersonId) -> FriendRequest | None:
    row = tx.execute(
        sa.select(*_REQUEST).where(friend_requests.c.from_id == asker, friend_requests.c.to_id == asked)
    ).first()
    return _request(tx, row) if row else None


def request_by_id(tx: Tx, request_id: int) -> FriendRequest | None:
    row = tx.execute(sa.select(*_REQUEST).where(friend_requests.c.id == request_id)).first()
    return _request(tx, row) if row else None


def pending_for(tx: Tx, asked: PersonId, limit: int) -> list[FriendRequest]:
    """The oldest open requests to a person."""
    rows = tx.execute(
        sa.select(*_REQUEST)
        .where(friend_requests.c.to_id == asked, friend_requests.c.state == RequestState.PENDING.value)
        .order_by(friend_requests.c.id)
        .limit(limit)
    )
    return [_request(tx, row) for row in rows]


def count_asked_since(tx: Tx, asker: PersonId, since: int) -> int:
    """Requests of a person that were not accepted, whatever became of them."""
    count = (
        sa.select(sa.func.count())
        .select_from(friend_requests)
        .where(friend_requests.c.from_id == asker, friend_requests.c.created_at > since)
    )
    return int(tx.execute(count).scalar_one())


def add_request(tx: Tx, asker: PersonId, asked: PersonId, note: str) -> int:
    [request_id] = tx.new_ids("friend_requests")
    tx.execute(
        sa.insert(friend_requests).values(
            id=request_id,
            from_id=asker,
            to_id=asked,
            sealed=tx.vault.seal(asker, "friend_requests", request_id, "sealed", note),
            state=RequestState.PENDING.value,
            created_at=tx.now,
        )
    )
    return request_id


def set_request_state(tx: Tx, request_id: int, state: RequestState) -> None:
    tx.execute(sa.update(friend_requests).where(friend_requests.c.id == request_id).values(state=state.value))


def delete_request(tx: Tx, request_id: int) -> None:
    tx.execute(sa.delete(friend_requests).where(friend_requests.c.id == request_id))


# --- the numbers of open requests ---------------------------------------------------------------------------
def request_slots(tx: Tx, person: PersonId) -> list[int]:
    """Ids of requests in the order of their numbers (1 is the first)."""
    row = tx.execute(
        sa.select(cursors.c.position).where(cursors.c.person_id == person, cursors.c.list == _SLOTS)
    ).first()
    return [int(i) for i in json.loads(row.position)] if row else []


def set_request_slots(tx: Tx, person: PersonId, slots: Sequence[int]) -> None:
    tx.execute(sa.delete(cursors).where(cursors.c.person_id == person, cursors.c.list == _SLOTS))
    tx.execute(sa.insert(cursors).values(person_id=person, list=_SLOTS, position=json.dumps(list(slots)), at=tx.now))


# --- profiles -----------------------------------------------------------------------------------------------
def profile(tx: Tx, person: PersonId) -> dict[ProfileKey, str]:
    rows = tx.execute(
        sa.select(profile_fields.c.field, profile_fields.c.sealed).where(profile_fields.c.person_id == person)
    )
    known = {key.value: key for key in ProfileKey}
    values = {known[row.field]: _field(tx, person, row.field, row.sealed) for row in rows if row.field in known}
    return {key: value for key, value in values.items() if value is not None}


def names(tx: Tx, ids: Iterable[PersonId]) -> dict[PersonId, str]:
    """The names that people gave themselves."""
    found: dict[PersonId, str] = {}
    wanted = sorted(set(ids))
    tx.vault.prepare(wanted)
    for start in range(0, len(wanted), _CHUNK):
        rows = tx.execute(
            sa.select(profile_fields.c.person_id, profile_fields.c.sealed).where(
                profile_fields.c.field == ProfileKey.NAME.value,
                profile_fields.c.person_id.in_(wanted[start : start + _CHUNK]),
            )
        )
        for row in rows:
            name = _field(tx, row.person_id, ProfileKey.NAME.value, row.sealed)
            if name is not None:
                found[PersonId(row.person_id)] = name
    return found


def set_profile_field(tx: Tx, person: PersonId, key: ProfileKey, value: str) -> None:
    """Store a field; an empty value removes it."""
    tx.execute(
        sa.delete(profile_fields).where(profile_fields.c.person_id == person, profile_fields.c.field == key.value)
    )
    if value:
        sealed = tx.vault.seal(person, "profile_fields", key.value, "sealed", value)
        tx.execute(
            sa.insert(profile_fields).values(person_id=person, field=key.value, sealed=sealed, updated_at=tx.now)
        )


def _field(tx: Tx, person: int, field: str, sealed: bytes | None) -> str | None:
    value: str | None = tx.vault.read(person, "profile_fields", field, "sealed", sealed)
    return value
