"""What becomes of what somebody did in programs when their account ends: the port `Eraser`."""

from collections.abc import Mapping

from bridge.chat.command import Person
from bridge.db import Tx
from bridge.miniprograms.host import asking, leaving, people
from bridge.miniprograms.host.installed import Programs
from bridge.miniprograms.host.talking import Talk

_COUNTS = {
    "programs": "SELECT COUNT(*) FROM program_people WHERE person_id = ?",
    "values": "SELECT COUNT(*) FROM program_values WHERE person_id = ?",
    "grants": "SELECT COUNT(*) FROM program_grants WHERE person_id = ?",
}


class ProgramsEraser:
    def __init__(self, programs: Programs, talk: Talk) -> None:
        self._programs = programs
        self._talk = talk

    def count(self, tx: Tx, person: Person) -> Mapping[str, int]:
        return {name: int(tx.sql(query, (person.id,)).scalar_one()) for name, query in _COUNTS.items()}

    def erase(self, tx: Tx, person: Person, most: int) -> bool:
        """Leave one program after the other. Each is told no more than that somebody left."""
        rows = tx.sql(
            "SELECT program_id, generation FROM program_people WHERE person_id = ? ORDER BY program_id LIMIT ?",
            (person.id, most),
        ).all()
        for row in rows:
            people.leave(tx, row.program_id, person.id)
            installed = self._programs.by_id(tx, row.program_id)
            if installed is not None:
                leaving.note(tx, installed, person.id, row.generation)
        tx.sql(
            "DELETE FROM program_people WHERE person_id = ? AND program_id = ?",
            [(person.id, row.program_id) for row in rows],
        )
        if self._talk.host is not None:
            tx.after_commit(self._talk.host.wake)
        return len(rows) == most

    def finish(self, tx: Tx, person: Person) -> None:
        while self.erase(tx, person, 500):
            pass
        tx.sql("DELETE FROM prompts WHERE person_id = ? AND kind = ?", (person.id, asking.KIND))
