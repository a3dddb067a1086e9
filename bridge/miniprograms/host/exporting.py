"""What an export holds of what somebody did in programs: the port `Exporter`."""

from typing import Any

from bridge.chat.command import Person
from bridge.chat.reply import Text
from bridge.db import Tx
from bridge.miniprograms.host import deliveries, grants, known
from bridge.miniprograms.host.asking import scope_text
from bridge.miniprograms.host.installed import Programs
from bridge.miniprograms.host.spaces import kept_for
from bridge.miniprograms.manifest import in_language
from bridge.miniprograms.strict_json import dump
from bridge.privacy import export_page
from bridge.privacy.exporter import ExportFile, Piece, Say, stamp, table

_PROGRAMS = 10_000


class ProgramsExporter:
    """One piece: what programs keep for the person, what they may know, and what they were told last. What a program
    keeps for all of its users together is nobody's."""

    name = "programs"

    def __init__(self, programs: Programs) -> None:
        self._programs = programs

    def export(self, tx: Tx, person: Person, after: Any | None, say: Say) -> Piece:
        names: dict[int, str] = {}
        values: list[list[object]] = []
        for program_id in known.programs(tx, person.id, _PROGRAMS):
            installed = self._programs.by_id(tx, program_id)
            if installed is None:
                continue
            names[installed.id] = installed.name
            for key, value in kept_for(tx, installed.id, person.id):
                values.append([installed.name, key, dump(value).decode("utf-8")])
        allowed = [
            [names.get(one.program_id, ""), say(scope_text(one.scope)), one.verdict, stamp(one.created_at)]
            for one in grants.of_person(tx, person.id)
        ]
        told = [
            [names.get(one.program_id, ""), stamp(one.at), one.event]
            for one in deliveries.newest(tx, person.id, None, deliveries.KEPT)
        ]
        if not names:
            return Piece()
        lists: list[tuple[str, list[str], list[list[object]]]] = [
            ("program-values", ["program", "key", "value"], values),
            ("program-grants", ["program", "what", "decision", "at"], [list(line) for line in allowed]),
            ("program-told", ["program", "at", "event"], [list(line) for line in told]),
        ]
        title = say(Text("export-page-programs"))
        body = [export_page.text(", ".join(self._titles(tx, person, names)))]
        for name, header, lines in lists:
            body.append(export_page.text(say(Text(f"export-list-{name}")), "h2"))
            body.append(export_page.rows(header, lines))
        return Piece(
            (
                *(ExportFile(f"lists/{name}.csv", table(header, lines)) for name, header, lines in lists),
                ExportFile("programs.html", export_page.page(person.language, title, body), title),
            )
        )

    def _titles(self, tx: Tx, person: Person, names: dict[int, str]) -> list[str]:
        found = (self._programs.by_id(tx, program_id) for program_id in names)
        return [in_language(one.manifest.title, person.language) for one in found if one is not None]
