"""What becomes of what somebody did in programs when their account ends: the port `Eraser`."""

from collections.abc import Mapping

from bridge.chat.command import Person
from bridge.chat.reply import Time
from bridge.config.programs import ProgramsConfig
from bridge.db import Tx
from bridge.miniprograms.host import asking, known, leaving, people
from bridge.miniprograms.host.generations import generation_of
from bridge.miniprograms.host.installed import Programs
from bridge.miniprograms.host.talking import Talk
from bridge.miniprograms.manifest import in_language
from bridge.privacy.eraser import Told

_COUNTS = {
    "programs": "SELECT COUNT(*) FROM program_people WHERE person_id = ?",
    "values": "SELECT COUNT(*) FROM program_values WHERE person_id = ?",
    "grants": "SELECT COUNT(*) FROM program_grants WHERE person_id = ?",
}


class ProgramsEraser:
    """Also the port `Teller`."""

    def __init__(self, programs: Programs, talk: Talk, limits: ProgramsConfig) -> None:
        self._programs = programs
        self._talk = talk
        self._limits = limits

    def count(self, tx: Tx, person: Person) -> Mapping[str, int]:
        return {name: int(tx.sql(query, (person.id,)).scalar_one()) for name, query in _COUNTS.items()}

    def erase(self, tx: Tx, person: Person, most: int) -> bool:
        """Leave one program after the other. Each is told no more than that somebody left."""
        found = known.programs(tx, person.id, most)
        for program_id in found:
            people.leave(tx, program_id, person.id)
            installed = self._programs.by_id(tx, program_id)
            if installed is not None:
                generation = generation_of(tx, program_id, person.id)
                leaving.note(tx, installed, person.id, generation, self._limits, ends=True)
            for table in ("program_people", "program_known"):
                tx.sql(f"DELETE FROM {table} WHERE person_id = ? AND program_id = ?", (person.id, program_id))
        if self._talk.host is not None:
            tx.after_commit(self._talk.host.wake)
        return len(found) == most

    def is_awaited(self, tx: Tx, person: Person) -> bool:
        """See `Teller`."""
        return leaving.is_awaited(tx, person.id, self._limits.leave_wait_minutes * 60_000)

    def told(self, tx: Tx, person: Person) -> list[Told]:
        """See `Teller`."""
        found = []
        for one in leaving.of_owner(tx, person.id):
            installed = self._programs.by_id(tx, one.program_id)
            if installed is None or installed.manifest.server is None:
                continue
            about = {"title": in_language(installed.manifest.title, person.language), "host": installed.manifest.server}
            told = leaving.shown(installed, one)
            at = one.done_at if one.receipt is None else one.receipt["at"] * 1000
            state = f"{told['state']}-{one.kind}" if told["state"] == "pending" else told["state"]
            found.append(Told(state, {**about, "time": Time(at or one.until or one.at)}, told))
        return found

    def finish(self, tx: Tx, person: Person) -> None:
        while self.erase(tx, person, 500):
            pass
        leaving.forget_owner(tx, person.id)
        tx.sql("DELETE FROM prompts WHERE person_id = ? AND kind = ?", (person.id, asking.KIND))
