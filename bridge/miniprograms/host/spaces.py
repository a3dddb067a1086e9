"""What programs store, in the database: the same rules as `bridge.miniprograms.storage`."""

from dataclasses import dataclass, replace

from pydantic import JsonValue

from bridge.config.programs import MiniProgramsConfig
from bridge.db import Tx
from bridge.db.sealing import HOUSE
from bridge.ids import PersonId
from bridge.miniprograms.effects import KvDel, KvGet, KvSet
from bridge.miniprograms.events import Stored
from bridge.miniprograms.storage import NOTHING, Refusal, Share, size_of


@dataclass(frozen=True, slots=True)
class Place:
    """One space: of a person, of a chat, or of all who use the program."""

    program_id: int
    owner: PersonId | None
    """Under whose key it is; None: it belongs to nobody in particular."""
    name: bytes
    """A keyed hash: finds the space without telling whose it is."""
    beside: bytes | None = None
    """The space that takes from the same share: what is one person's alone."""


def place(tx: Tx, program_id: int, space: str, owner: PersonId | None, generation: int = 0) -> Place:
    """The space of a program; with each generation of a person it is another one."""
    said = f"{program_id} {space} {'' if owner is None else owner} {generation}"
    return Place(program_id, owner, tx.vault.lookup("program space", said))


def own(tx: Tx, program_id: int, space: str, owner: PersonId, generation: int) -> Place:
    """A person's space, or that of their own chat with the bot: both are theirs alone, and count together."""
    beside = place(tx, program_id, "chat" if space == "person" else "person", owner, generation)
    return replace(place(tx, program_id, space, owner, generation), beside=beside.name)


def read(tx: Tx, at: Place, effect: KvGet | KvSet | KvDel) -> dict[str, Stored]:
    """What is stored now under the keys that the effect is about."""
    keys = effect.keys if isinstance(effect, KvGet) else (effect.key,)
    return {key: _one(tx, at, key) or NOTHING for key in keys}


def change(tx: Tx, at: Place, effect: KvSet | KvDel, limits: MiniProgramsConfig) -> Refusal | None:
    """Perform the effect, or say why not; then nothing is changed."""
    lookup = _lookup(tx, at, effect.key)
    row = tx.sql("SELECT version, bytes FROM program_values WHERE lookup = ?", (lookup,)).first()
    if effect.if_version is not None and effect.if_version != (0 if row is None else row.version):
        return "conflict"
    if isinstance(effect, KvDel):
        if row is not None:
            tx.sql("DELETE FROM program_values WHERE lookup = ?", (lookup,))
            tx.sql(
                "UPDATE program_spaces SET count = count - 1, bytes = bytes - ? WHERE place = ?", (row.bytes, at.name)
            )
        return None
    places = [at.name] if at.beside is None else [at.name, at.beside]
    spaces = tx.sql(
        "SELECT place, last_version, count AS number, bytes FROM program_spaces"
        f" WHERE place IN ({', '.join('?' * len(places))})",
        tuple(places),
    ).all()
    size = size_of(effect.key, effect.value)
    new, more = int(row is None), size - (0 if row is None else row.bytes)
    if Share(sum(one.number for one in spaces), sum(one.bytes for one in spaces)).refuses(new, more, effect, limits):
        return "quota"
    space = next((one for one in spaces if bytes(one.place) == at.name), None)
    version = 0 if space is None else space.last_version
    if space is None:
        tx.sql(
            "INSERT INTO program_spaces (place, program_id, person_id, last_version, count, bytes)"
            " VALUES (?, ?, ?, 0, 0, 0)",
            (at.name, at.program_id, at.owner),
        )
    tx.sql(
        "UPDATE program_spaces SET last_version = ?, count = count + ?, bytes = bytes + ? WHERE place = ?",
        (version + 1, new, more, at.name),
    )
    _store(tx, at, lookup, effect.key, effect.value, version + 1, size)
    return None


def kept_for(tx: Tx, program_id: int, owner: PersonId) -> list[tuple[str, JsonValue]]:
    """Keys and values that are stored for somebody, by key: in their own chat, and in rooms. What is damaged is left
    out."""
    query = "SELECT id, sealed FROM program_values WHERE program_id = ? AND person_id = ? ORDER BY id"
    rows = tx.sql(query, (program_id, owner)).all()
    opened = [tx.vault.read(owner, "program_values", row.id, "sealed", row.sealed) for row in rows]
    return sorted(((one["key"], one["value"]) for one in opened if one is not None), key=lambda pair: pair[0])


def _store(tx: Tx, at: Place, lookup: bytes, key: str, value: JsonValue, version: int, size: int) -> None:
    # A row is never changed: what is sealed is bound to it, and the old value must not open in the new one's place.
    tx.sql("DELETE FROM program_values WHERE lookup = ?", (lookup,))
    [row_id] = tx.new_ids("program_values")
    sealed = tx.vault.seal(_owner(at), "program_values", row_id, "sealed", {"key": key, "value": value})
    tx.sql(
        "INSERT INTO program_values (id, program_id, person_id, place, lookup, sealed, version, bytes)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (row_id, at.program_id, at.owner, at.name, lookup, sealed, version, size),
    )


def _one(tx: Tx, at: Place, key: str) -> Stored | None:
    row = tx.sql("SELECT id, sealed, version FROM program_values WHERE lookup = ?", (_lookup(tx, at, key),)).first()
    if row is None:
        return None
    opened = tx.vault.read(_owner(at), "program_values", row.id, "sealed", row.sealed)
    # A damaged value is as one that is null: its version lets the program store it anew.
    return Stored(value=None if opened is None else opened["value"], version=row.version)


def _lookup(tx: Tx, at: Place, key: str) -> bytes:
    return tx.vault.lookup("program value", f"{at.name.hex()} {key}")


def _owner(at: Place) -> int:
    return HOUSE if at.owner is None else at.owner
