"""Profiles: fields, and who sees which."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from bridge.chat.picture import StoredPicture
from bridge.contacts.model import AVATAR, KNOWN_FIELDS, Field
from bridge.db import Tx, media
from bridge.ids import PersonId
from bridge.privacy import Addressed, ProfileItem, World, field_rules, load_world, may_see

Shown: TypeAlias = tuple[str, str, str]
"""Name, value and address of the picture of a field."""
_CHUNK = 400
_FREE = "x:"


@dataclass(frozen=True, slots=True)
class Filled:
    """A field with its value."""

    field: Field
    value: str
    to: Addressed
    picture: StoredPicture | None = None

    @property
    def shown(self) -> "Shown":
        """What a copy shows of it."""
        return (self.field.name, self.value, "" if self.picture is None else str(self.picture.file.get("url")))


def column(tx: Tx, owner: PersonId, field: Field) -> str:
    """What stands in the database for a field. The names that people make up are personal too."""
    return _FREE + tx.vault.lookup(f"field {owner}", field.name).hex()[:32] if field.free else field.name


def fields(tx: Tx, owner: PersonId) -> list[Filled]:
    """All fields of a profile: known ones first, in their order, then free ones by name."""
    return _read(tx, owner, _rows(tx, owner))


def damaged(tx: Tx, owner: PersonId) -> bool:
    """Whether a field can't be read any more."""
    rows = tx.sql("SELECT field, sealed FROM profile_fields WHERE person_id = ?", (owner,)).all()
    return any(tx.vault.read(owner, "profile_fields", row.field, "sealed", row.sealed) is None for row in rows)


def visible(tx: Tx, viewer: PersonId, owner: PersonId, world: World | None = None) -> list[Filled]:
    """The fields that `viewer` may see. What they may not see is not even opened. `world`: of the two."""
    if viewer == owner:
        return fields(tx, owner)
    world = world or load_world(tx, [viewer, owner], [])
    # How much there is that strangers can't see must not take their time.
    rows = _rows(tx, owner) if world.friends(viewer, owner) else _public_rows(tx, owner)
    tags = {tag for _, _, to in rows for tag in to.all_tags}
    if tags:
        world = load_world(tx, [viewer, owner], [], tags)
    return _read(tx, owner, [row for row in rows if may_see(viewer, ProfileItem(owner, row[2]), world)])


def _rows(tx: Tx, owner: PersonId) -> list[tuple[str, bytes, Addressed]]:
    """Name, sealed value and audience of each field."""
    rules = field_rules.load(tx, [owner])
    rows = tx.sql("SELECT field, sealed FROM profile_fields WHERE person_id = ?", (owner,))
    return [(row.field, row.sealed, rules.get((owner, row.field), field_rules.default(row.field))) for row in rows]


def _public_rows(tx: Tx, owner: PersonId) -> list[tuple[str, bytes, Addressed]]:
    """The same, of those that may be for strangers."""
    rules = field_rules.load_public(tx, owner)
    if not rules:
        return []
    marks = ",".join("?" * len(rules))
    query = f"SELECT field, sealed FROM profile_fields WHERE person_id = ? AND field IN ({marks})"
    return [(row.field, row.sealed, rules[row.field]) for row in tx.sql(query, (owner, *rules))]


def _read(tx: Tx, owner: PersonId, rows: Iterable[tuple[str, bytes, Addressed]]) -> list[Filled]:
    found: list[Filled] = []
    for name, sealed, to in rows:
        value = tx.vault.read(owner, "profile_fields", name, "sealed", sealed)
        if value is not None:
            found.append(_filled(name, value, to))
    order = {name: place for place, name in enumerate(KNOWN_FIELDS)}
    return sorted(found, key=lambda one: (order.get(one.field.name, len(order)), one.field.name))


def visible_values(tx: Tx, viewer: PersonId, owners: Iterable[PersonId], name: str) -> dict[PersonId, str]:
    """One known field of several people, where `viewer` may see it."""
    wanted = sorted(set(owners))
    if not wanted:
        return {}
    rules = field_rules.load(tx, wanted)
    to = {owner: rules.get((owner, name), field_rules.default(name)) for owner in wanted}
    world = load_world(tx, [viewer], wanted, {tag for one in to.values() for tag in one.all_tags})
    seen = [owner for owner in wanted if may_see(viewer, ProfileItem(owner, to[owner]), world)]
    tx.vault.prepare(seen)
    found: dict[PersonId, str] = {}
    for start in range(0, len(seen), _CHUNK):
        chunk = tuple(seen[start : start + _CHUNK])
        marks = ",".join("?" * len(chunk))
        for row in tx.sql(
            f"SELECT person_id, sealed FROM profile_fields WHERE field = ? AND person_id IN ({marks})", (name, *chunk)
        ):
            value = tx.vault.read(row.person_id, "profile_fields", name, "sealed", row.sealed)
            if isinstance(value, str):
                found[PersonId(row.person_id)] = value
    return found


def visible_to(
    tx: Tx, viewers: Sequence[PersonId], owner: PersonId, name: str
) -> tuple[str | None, frozenset[PersonId]]:
    """One known field of one person, and which of many viewers may see it. It is opened if anybody may."""
    to = field_rules.load(tx, [owner]).get((owner, name), field_rules.default(name))
    world = load_world(tx, [owner], viewers, to.all_tags)
    seeing = frozenset(viewer for viewer in viewers if may_see(viewer, ProfileItem(owner, to), world))
    row = None
    if seeing:
        query = "SELECT sealed FROM profile_fields WHERE person_id = ? AND field = ?"
        row = tx.sql(query, (owner, name)).first()
    value = None if row is None else tx.vault.read(owner, "profile_fields", name, "sealed", row.sealed)
    return (value if isinstance(value, str) else None), seeing


def count_free(tx: Tx, owner: PersonId) -> int:
    query = "SELECT COUNT(*) FROM profile_fields WHERE person_id = ? AND field LIKE 'x:%'"
    return int(tx.sql(query, (owner,)).scalar_one())


def has(tx: Tx, owner: PersonId, field: Field) -> bool:
    query = "SELECT 1 FROM profile_fields WHERE person_id = ? AND field = ?"
    return tx.sql(query, (owner, column(tx, owner, field))).first() is not None


def store(tx: Tx, owner: PersonId, field: Field, value: str) -> None:
    """Store a field; an empty value removes it."""
    _store(tx, owner, field, ({"name": field.name, "value": value} if field.free else value) if value else None)


def store_avatar(tx: Tx, owner: PersonId, picture: StoredPicture) -> None:
    thumbnail = None if picture.thumbnail is None else dict(picture.thumbnail)
    value = {"file": dict(picture.file), "thumbnail": thumbnail, "info": dict(picture.info)}
    _store(tx, owner, Field(AVATAR), value)
    media.hold(tx, media.AVATAR, owner, picture.files)


def _store(tx: Tx, owner: PersonId, field: Field, value: str | Mapping[str, Any] | None) -> None:
    name = column(tx, owner, field)
    tx.sql("DELETE FROM profile_fields WHERE person_id = ? AND field = ?", (owner, name))
    if field.name == AVATAR and not field.free:
        media.release(tx, media.AVATAR, owner)
    if value is None:
        if field.free:
            field_rules.forget(tx, owner, name)
        return
    tx.sql(
        "INSERT INTO profile_fields (person_id, field, sealed, updated_at) VALUES (?, ?, ?, ?)",
        (owner, name, tx.vault.seal(owner, "profile_fields", name, "sealed", value), tx.now),
    )


def _filled(name: str, value: Any, to: Addressed) -> Filled:
    if name.startswith(_FREE):
        return Filled(Field(value["name"], free=True), value["value"], to)
    if name == AVATAR:
        picture = StoredPicture(value["file"], value["thumbnail"], value["info"])
        return Filled(Field(name), "", to, picture)
    return Filled(Field(name), value, to)
