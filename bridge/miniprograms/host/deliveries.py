"""What programs were told of a person: the last of it, to be looked at by that person alone."""

import json
from dataclasses import dataclass
from typing import Any

from bridge.db import Tx, day_keys, two_keys
from bridge.ids import PersonId
from bridge.miniprograms.events import Event
from bridge.miniprograms.host.pictures import without_avatar

KEPT = 50
"""Events that are kept, of one person."""
_BYTES = 1_048_576
"""Of older ones no more than fits, sealed; the newest is there in any case, and nothing of any is left out."""


@dataclass(frozen=True, slots=True)
class Delivery:
    program_id: int
    at: int
    event: str
    """JSON."""


def record(tx: Tx, person: PersonId, program_id: int, event: Event) -> None:
    record_text(tx, person, program_id, shown(event))


def record_text(tx: Tx, person: PersonId, program_id: int, text: str) -> None:
    """The same for anything else that left."""
    [row_id] = tx.new_ids("program_deliveries")
    key = day_keys.key_of(tx, day_keys.TOLD, person, tx.now)
    sealed = two_keys.seal(tx, key, person, "program_deliveries", row_id, "sealed", {"event": text})
    tx.sql(
        "INSERT INTO program_deliveries (id, person_id, program_id, sealed, at, key_id) VALUES (?, ?, ?, ?, ?, ?)",
        (row_id, person, program_id, sealed, tx.now, key),
    )
    tx.sql(
        "DELETE FROM program_deliveries WHERE person_id = ? AND id < (SELECT MIN(id) FROM (SELECT id,"
        " ROW_NUMBER() OVER (ORDER BY id DESC) AS number, SUM(LENGTH(sealed)) OVER (ORDER BY id DESC) AS total"
        " FROM program_deliveries WHERE person_id = ?) told WHERE number = 1 OR (number <= ? AND total <= ?))",
        (person, person, KEPT, _BYTES),
    )


def newest(tx: Tx, person: PersonId, program_id: int | None, most: int) -> list[Delivery]:
    where, params = ("", (person,)) if program_id is None else (" AND program_id = ?", (person, program_id))
    rows = tx.sql(
        f"SELECT id, program_id, sealed, at, key_id FROM program_deliveries WHERE person_id = ?{where}"
        " ORDER BY id DESC LIMIT ?",
        (*params, most),
    ).all()
    tx.vault.prepare({row.key_id for row in rows if row.key_id is not None})
    found = []
    for row in rows:
        sealed = two_keys.read(tx, row.key_id, person, "program_deliveries", row.id, "sealed", row.sealed)
        if sealed is not None:
            found.append(Delivery(row.program_id, row.at, sealed["event"]))
    return found


def shown(event: Event) -> str:
    """An event as JSON, without what the program itself has kept: its state, and values, which may be others'. Nor does
    chance stand in it: who knows it knows the cards of the others."""
    told: dict[str, Any] = without_avatar(event).model_dump(mode="json", exclude={"state"})
    told["seed"] = "…"
    if event.type == "kv.result":
        told["data"] = {**told["data"], "items": "…"}
    return json.dumps(told, ensure_ascii=False, indent=1)
