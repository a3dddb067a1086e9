"""What an export holds of somebody's settings, and of what read something of theirs: the port `Exporter`."""

from typing import Any

from bridge.chat.command import Person
from bridge.chat.reply import Text, Time
from bridge.db import Tx
from bridge.moments import keep_times
from bridge.privacy import export_page, settings
from bridge.privacy.exporter import ExportFile, Piece, Say, document, stamp, table
from bridge.rights import access_log

FORMAT = "courtyard settings 1"


class OwnExporter:
    name = "settings"

    def export(self, tx: Tx, person: Person, after: Any | None, say: Say) -> Piece:
        now = settings.load(tx, person.id)
        guarded = tx.sql("SELECT recovery_hash FROM people WHERE id = ?", (person.id,)).scalar() is not None
        privacy = {
            "window": now.window,
            "strangers": now.strangers,
            "by_id": now.by_id,
            "by_code": now.by_code,
            "by_room": now.by_room,
            "reactions": now.reactions,
            "keep_comments": now.keep_comments,
        }
        value = {
            "format": FORMAT,
            "language": person.language,
            "time_zone": person.time_zone,
            "privacy": privacy,
            "recovery": guarded,
            "keep_moments_days": keep_times.load_days(tx, person.id),
        }
        lines = [
            ("language", person.language),
            ("time_zone", person.time_zone),
            *((name, _shown(one)) for name, one in privacy.items()),
            ("recovery", _shown(guarded)),
            ("keep_moments_days", value["keep_moments_days"]),
        ]
        read = access_log.entries(tx, person.id)
        agreed = self._agreed(tx, person)
        log_title, title = say(Text("export-page-log")), say(Text("export-page-settings"))
        log_body = [
            export_page.text(say(Text(f"log-{entry['kind']}", {"time": Time(at), **access_log.arguments(entry)})))
            for at, entry in read
        ]
        return Piece(
            (
                ExportFile("settings.json", document(value)),
                ExportFile("lists/settings.csv", table(["setting", "value"], lines)),
                ExportFile(
                    "settings.html",
                    export_page.page(person.language, title, [export_page.rows(["", ""], lines)]),
                    title,
                ),
                ExportFile(
                    "lists/log.csv",
                    table(
                        ["at", "what", "details"],
                        [
                            *((stamp(at), entry["kind"], _details(entry)) for at, entry in read),
                            *((stamp(at), entry["kind"], _details(entry)) for at, entry in agreed),
                        ],
                    ),
                ),
                ExportFile("log.html", export_page.page(person.language, log_title, log_body), log_title),
            )
        )

    @staticmethod
    def _agreed(tx: Tx, person: Person) -> list[tuple[int, dict[str, Any]]]:
        """What the person agreed to and took back. Numbers of the ledger are left out: they count what others did."""
        rows = tx.sql("SELECT number, at, sealed FROM ledger WHERE owner = ? ORDER BY number", (person.id,)).all()
        found = [(row.at, tx.vault.read(person.id, "ledger", row.number, "sealed", row.sealed)) for row in rows]
        return [(at, value) for at, value in found if value is not None]


def _shown(value: object) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def _details(entry: dict[str, Any]) -> str:
    return "; ".join(f"{name}: {value}" for name, value in sorted(entry.items()) if name not in ("kind", "number"))
