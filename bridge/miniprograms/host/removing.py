"""The end of a program. What it stored here goes at once; its server is told that everybody has left (D11), and until
it has confirmed that, or its time is over, there is still a row with the keys that this takes."""

from bridge.config.programs import ProgramsConfig
from bridge.db import Tx
from bridge.miniprograms.host import known, leaving
from bridge.miniprograms.host.generations import generation_of
from bridge.miniprograms.host.installed import Installed, name_aside

_OF_PEOPLE = (
    "program_sessions",
    "program_known",
    "program_people",
    "program_grants",
    "program_deliveries",
    "program_values",
    "program_spaces",
)


def remove(tx: Tx, installed: Installed, limits: ProgramsConfig) -> None:
    """Remove a program with all that it stored."""
    if installed.manifest.server is not None:
        for person in known.people(tx, installed.id):
            leaving.note(tx, installed, person, generation_of(tx, installed.id, person), limits, ends=False)
    for table in _OF_PEOPLE:
        tx.sql(f"DELETE FROM {table} WHERE program_id = ?", (installed.id,))
    # Its name is free for another one, which knows nobody.
    name = name_aside(installed.name, installed.id)
    tx.sql("UPDATE programs SET removed = 1, name = ? WHERE id = ?", (name, installed.id))
    forget(tx)


def forget(tx: Tx) -> None:
    """Forget removed programs that nobody is to be told of any more."""
    tx.sql("DELETE FROM programs WHERE removed = 1 AND id NOT IN (SELECT program_id FROM program_leavings)")
