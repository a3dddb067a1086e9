"""Rows of friends, requests and profiles."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from bridge.chat.people import user_ids
from bridge.contacts.model import Friend, FriendRequest, RequestState
from bridge.db import Tx, day_keys, two_keys
from bridge.db.chunks import chunked
from bridge.db.tables import cursors, friend_requests, friendships, people
from bridge.ids import PersonId

_SLOTS = "requests"
"""Row of `cursors` that holds the numbers of a person's open requests."""

_REQUEST = (
    friend_requests.c.id,
    friend_requests.c.from_id,
    friend_requests.c.to_id,
    friend_requests.c.sealed,
    friend_requests.c.state,
    friend_requests.c.created_at,
    friend_requests.c.key_id,
)


def _request(tx: Tx, row: Any) -> FriendRequest:
    note = two_keys.read(tx, row.key_id, row.from_id, "friend_requests", row.id, "sealed", row.sealed)
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


def friend_ids(tx: Tx, person: PersonId) -> list[PersonId]:
    rows = tx.sql("SELECT friend_id FROM friendships WHERE person_id = ? ORDER BY friend_id", (person,))
    return [PersonId(row.friend_id) for row in rows]


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


def add_request(tx: Tx, asker: PersonId, asked: PersonId, note: str, state: RequestState) -> int:
    [request_id] = tx.new_ids("friend_requests")
    key = day_keys.key_of(tx, day_keys.REQUESTS, asker, tx.now)
    tx.execute(
        sa.insert(friend_requests).values(
            id=request_id,
            from_id=asker,
            to_id=asked,
            sealed=two_keys.seal(tx, key, asker, "friend_requests", request_id, "sealed", note),
            state=state.value,
            created_at=tx.now,
            key_id=key,
        )
    )
    return request_id


def set_request_state(tx: Tx, request_id: int, state: RequestState) -> None:
    tx.execute(sa.update(friend_requests).where(friend_requests.c.id == request_id).values(state=state.value))


def delete_request(tx: Tx, request_id: int) -> None:
    tx.execute(sa.delete(friend_requests).where(friend_requests.c.id == request_id))


# --- the numbers of open requests ---------------------------------------------------------------------------
def numbered_requests(tx: Tx, person: PersonId, since: int) -> list[int] | None:
    """Ids of requests in the order of the numbers under which the person was shown them last (1 is the first). None:
    that was before `since` (ms), or never."""
    row = tx.sql("SELECT position, at FROM cursors WHERE person_id = ? AND list = ?", (person, _SLOTS)).first()
    return None if row is None or row.at < since else [int(i) for i in json.loads(row.position)]


def set_numbered_requests(tx: Tx, person: PersonId, ids: Sequence[int]) -> None:
    """The person is shown these requests under the numbers from 1 on."""
    tx.execute(sa.delete(cursors).where(cursors.c.person_id == person, cursors.c.list == _SLOTS))
    tx.execute(sa.insert(cursors).values(person_id=person, list=_SLOTS, position=json.dumps(list(ids)), at=tx.now))


# --- stances ------------------------------------------------------------------------------------------------
STANCES = ("blocked", "chats_only", "shut_out", "hidden")
"""What one may decide about another, in silence: columns of `stances`."""


def stance(tx: Tx, person: PersonId, other: PersonId, name: str) -> bool:
    assert name in STANCES
    row = tx.sql(f"SELECT {name} FROM stances WHERE person_id = ? AND other_id = ?", (person, other)).first()
    return bool(row and row[0])


def set_stance(tx: Tx, person: PersonId, other: PersonId, name: str, on: bool) -> None:
    assert name in STANCES
    tx.sql(
        f"INSERT INTO stances (person_id, other_id, {name}) VALUES (?, ?, ?)"
        f" ON CONFLICT (person_id, other_id) DO UPDATE SET {name} = excluded.{name}",
        (person, other, int(on)),
    )


def with_stance(tx: Tx, person: PersonId, name: str) -> list[PersonId]:
    """About whom `person` decided this."""
    assert name in STANCES
    rows = tx.sql(f"SELECT other_id FROM stances WHERE person_id = ? AND {name} = 1 ORDER BY other_id", (person,))
    return [PersonId(row.other_id) for row in rows]


def remark(tx: Tx, person: PersonId, other: PersonId) -> dict[str, str]:
    """The private name and note that `person` keeps for `other`; empty without them."""
    row = tx.sql("SELECT sealed FROM stances WHERE person_id = ? AND other_id = ?", (person, other)).first()
    if row is None or row.sealed is None:
        return {}
    return tx.vault.read(person, "stances", other, "sealed", row.sealed) or {}


def is_remark_damaged(tx: Tx, person: PersonId, other: PersonId) -> bool:
    """Whether `person` kept something for `other` that can't be read any more."""
    row = tx.sql("SELECT sealed FROM stances WHERE person_id = ? AND other_id = ?", (person, other)).first()
    if row is None or row.sealed is None:
        return False
    return tx.vault.read(person, "stances", other, "sealed", row.sealed) is None


def set_remark(tx: Tx, person: PersonId, other: PersonId, value: dict[str, str]) -> None:
    sealed = tx.vault.seal(person, "stances", other, "sealed", value) if value else None
    tx.sql(
        "INSERT INTO stances (person_id, other_id, sealed) VALUES (?, ?, ?)"
        " ON CONFLICT (person_id, other_id) DO UPDATE SET sealed = excluded.sealed",
        (person, other, sealed),
    )


def remarks_about(tx: Tx, people: Sequence[PersonId], other: PersonId) -> dict[PersonId, str]:
    """The private names that these people keep for somebody."""
    found: dict[PersonId, str] = {}
    for some, marks in chunked(people):
        rows = tx.sql(
            "SELECT person_id, sealed FROM stances"
            f" WHERE other_id = ? AND sealed IS NOT NULL AND person_id IN ({marks})",
            (other, *some),
        ).all()
        tx.vault.prepare(row.person_id for row in rows)
        for row in rows:
            value = tx.vault.read(row.person_id, "stances", other, "sealed", row.sealed) or {}
            if value.get("name"):
                found[PersonId(row.person_id)] = value["name"]
    return found


def remarks(tx: Tx, person: PersonId, others: Iterable[PersonId]) -> dict[PersonId, str]:
    """The private names that `person` keeps for these people."""
    found: dict[PersonId, str] = {}
    wanted = sorted(set(others))
    for chunk, marks in chunked(wanted):
        for row in tx.sql(
            "SELECT other_id, sealed FROM stances"
            f" WHERE person_id = ? AND sealed IS NOT NULL AND other_id IN ({marks})",
            (person, *chunk),
        ):
            value = tx.vault.read(person, "stances", row.other_id, "sealed", row.sealed) or {}
            if value.get("name"):
                found[PersonId(row.other_id)] = value["name"]
    return found
