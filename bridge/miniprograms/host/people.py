"""Who has opened a program, and as whom the program knows them."""

from bridge.config.programs import ProgramsConfig
from bridge.db import Tx
from bridge.ids import PersonId
from bridge.miniprograms.host import known, leaving, sessions
from bridge.miniprograms.host.installed import Installed


def opened(tx: Tx, program_id: int, person: PersonId) -> bool:
    """Note that somebody opens a program. True: for the first time."""
    known = tx.sql(
        "UPDATE program_people SET opened_at = ? WHERE program_id = ? AND person_id = ?", (tx.now, program_id, person)
    )
    if known.rowcount:
        return False
    tx.sql(
        "INSERT INTO program_people (program_id, person_id, opened_at) VALUES (?, ?, ?)", (program_id, person, tx.now)
    )
    return True


def recent(tx: Tx, person: PersonId, most: int) -> list[int]:
    """Ids of the programs that somebody has opened, the last first."""
    rows = tx.sql(
        "SELECT program_id FROM program_people WHERE person_id = ? ORDER BY opened_at DESC, program_id LIMIT ?",
        (person, most),
    )
    return [int(program_id) for program_id in rows.scalars()]


def leave(tx: Tx, program_id: int, person: PersonId) -> None:
    """What was the person's in a program goes: sessions, grants, stored values."""
    for session in sessions.of_person(tx, person, program_id):
        sessions.end(tx, session)
    for query in (
        "DELETE FROM program_events WHERE person_id = ? AND session_id IN"
        " (SELECT id FROM program_sessions WHERE program_id = ?)",
        "DELETE FROM program_sessions WHERE person_id = ? AND program_id = ?",
        "DELETE FROM program_grants WHERE person_id = ? AND program_id = ?",
        "DELETE FROM program_deliveries WHERE person_id = ? AND program_id = ?",
    ):
        tx.sql(query, (person, program_id))
    for query in (
        "DELETE FROM program_values WHERE person_id = ? AND program_id = ?",
        "DELETE FROM program_spaces WHERE person_id = ? AND program_id = ?",
    ):
        tx.sql(query, (person, program_id))


def begin_anew(tx: Tx, installed: Installed, person: PersonId, limits: ProgramsConfig) -> None:
    """Be somebody whom the program does not know, from now on. It is told that whom it knew has left."""
    program_id = installed.id
    row = tx.sql(
        "SELECT generation FROM program_people WHERE program_id = ? AND person_id = ?", (program_id, person)
    ).first()
    if row is None:
        if not known.is_known(tx, program_id, person):
            return
        opened(tx, program_id, person)  # in rooms alone, which others opened it in
    leave(tx, program_id, person)
    leaving.note(tx, installed, person, 0 if row is None else row.generation, limits, ends=False)
    tx.sql(
        "UPDATE program_people SET generation = generation + 1 WHERE program_id = ? AND person_id = ?",
        (program_id, person),
    )
