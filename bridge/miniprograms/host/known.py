"""As whom, and in which chats, programs know a person: written down when a program is told of them for the first time
there, so that it can be told when they leave for good."""

from bridge.db import Tx
from bridge.ids import PersonId
from bridge.miniprograms.host.sessions import Session

OWN = ""
"""The person's own chat with the bot."""


def note(tx: Tx, session: Session, person: PersonId, generation: int) -> None:
    """The program of this session is about to be told of somebody."""
    room = room_of(session) or OWN
    lookup = tx.vault.lookup("program known", f"{session.program_id} {person} {generation} {room}")
    if tx.sql("SELECT 1 FROM program_known WHERE lookup = ?", (lookup,)).first() is not None:
        return
    [row_id] = tx.new_ids("program_known")
    sealed = tx.vault.seal(person, "program_known", row_id, "sealed", {"room": room, "generation": generation})
    tx.sql(
        "INSERT INTO program_known (id, program_id, person_id, lookup, sealed) VALUES (?, ?, ?, ?, ?)",
        (row_id, session.program_id, person, lookup, sealed),
    )


def rooms(tx: Tx, program_id: int, person: PersonId, generation: int) -> list[str]:
    """The rooms that a program knows somebody from, `OWN` among them."""
    found = []
    for row in tx.sql(
        "SELECT id, sealed FROM program_known WHERE program_id = ? AND person_id = ? ORDER BY id", (program_id, person)
    ).all():
        said = tx.vault.read(person, "program_known", row.id, "sealed", row.sealed)
        if said is not None and said["generation"] == generation:
            found.append(str(said["room"]))
    return found


def forget(tx: Tx, program_id: int, person: PersonId) -> None:
    tx.sql("DELETE FROM program_known WHERE program_id = ? AND person_id = ?", (program_id, person))


def forget_all(tx: Tx, program_id: int) -> None:
    """It runs elsewhere from now on, where nobody is known."""
    tx.sql("DELETE FROM program_known WHERE program_id = ?", (program_id,))


def people(tx: Tx, program_id: int) -> list[PersonId]:
    """Whom a program was told of."""
    found = tx.sql("SELECT DISTINCT person_id FROM program_known WHERE program_id = ?", (program_id,)).scalars()
    return [PersonId(person) for person in found]


def is_known(tx: Tx, program_id: int, person: PersonId) -> bool:
    """Whether a program was told of somebody."""
    query = "SELECT 1 FROM program_known WHERE program_id = ? AND person_id = ? LIMIT 1"
    return tx.sql(query, (program_id, person)).first() is not None


def programs(tx: Tx, person: PersonId, most: int) -> list[int]:
    """Ids of the programs that somebody has opened, or that know them."""
    rows = tx.sql(
        "SELECT program_id FROM program_people WHERE person_id = ? UNION"
        " SELECT program_id FROM program_known WHERE person_id = ? ORDER BY program_id LIMIT ?",
        (person, person, most),
    )
    return [int(program_id) for program_id in rows.scalars()]


def room_of(session: Session) -> str | None:
    """What tells rooms with several people apart, in ids; None: it is the person's own chat."""
    return f"{session.account} {session.room_id}" if session.in_room else None
