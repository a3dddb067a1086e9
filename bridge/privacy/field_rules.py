"""For whom the fields of profiles are (P5)."""

import json
from collections.abc import Iterable

from bridge.db import Tx
from bridge.ids import PersonId
from bridge.privacy.audience import FRIENDS, PRIVATE, Addressed, Audience

_CHUNK = 400
_PUBLIC = '%"public"%'
"""What stands in the column for such."""
_CLOSED = frozenset(("birthday", "phone", "email"))


def default(field: str) -> Addressed:
    """Before its owner said anything: contact data is for the owner alone, the rest for friends."""
    return PRIVATE if field in _CLOSED else FRIENDS


def load(tx: Tx, owners: Iterable[PersonId]) -> dict[tuple[PersonId, str], Addressed]:
    """What owners said about their fields; where they said nothing, `default` holds."""
    found: dict[tuple[PersonId, str], Addressed] = {}
    wanted = sorted(set(owners))
    for start in range(0, len(wanted), _CHUNK):
        chunk = tuple(wanted[start : start + _CHUNK])
        marks = ",".join("?" * len(chunk))
        for row in tx.sql(f"SELECT person_id, field, audience FROM field_rules WHERE person_id IN ({marks})", chunk):
            found[PersonId(row.person_id), row.field] = decoded(row.audience)
    return found


def load_public(tx: Tx, owner: PersonId) -> dict[str, Addressed]:
    """The fields of an owner that are for everyone, but for some perhaps. By default none is."""
    rows = tx.sql("SELECT field, audience FROM field_rules WHERE person_id = ? AND audience LIKE ?", (owner, _PUBLIC))
    return {row.field: to for row in rows if (to := decoded(row.audience)).kind is Audience.PUBLIC}


def save(tx: Tx, owner: PersonId, field: str, to: Addressed) -> None:
    tx.sql(
        "INSERT INTO field_rules (person_id, field, audience) VALUES (?, ?, ?)"
        " ON CONFLICT (person_id, field) DO UPDATE SET audience = excluded.audience",
        (owner, field, encoded(to)),
    )


def forget(tx: Tx, owner: PersonId, field: str) -> None:
    tx.sql("DELETE FROM field_rules WHERE person_id = ? AND field = ?", (owner, field))


def forget_tag(tx: Tx, owner: PersonId, tag: int, members: Iterable[PersonId]) -> None:
    """A tag is about to be deleted: whom it left out stays left out, by name."""
    out = frozenset(members)
    for (_, field), to in load(tx, [owner]).items():
        if tag in to.all_tags:
            save(tx, owner, field, to.without_tag(tag, out))


def encoded(to: Addressed) -> str:
    """An audience as it is stored: ids only."""
    assert to.kind is not None
    parts = {
        "people": sorted(to.people),
        "tags": sorted(to.tags),
        "except_people": sorted(to.except_people),
        "except_tags": sorted(to.except_tags),
    }
    return json.dumps({"kind": to.kind.value, **{name: ids for name, ids in parts.items() if ids}})


def decoded(text: str) -> Addressed:
    """What `encoded` wrote."""
    value = json.loads(text)
    return Addressed(
        Audience.of(value["kind"]),
        frozenset(PersonId(i) for i in value.get("people", ())),
        frozenset(value.get("tags", ())),
        frozenset(PersonId(i) for i in value.get("except_people", ())),
        frozenset(value.get("except_tags", ())),
    )
