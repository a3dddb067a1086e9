"""Reading the parts of an archive that somebody sent, some at a time."""

import asyncio
from collections.abc import Mapping
from typing import Any

from bridge.contacts.importing import Origin
from bridge.db import Database
from bridge.ids import PersonId, UserId
from bridge.moments import archive_ids
from bridge.rights.archive import models
from bridge.rights.archive.layout import ArchiveSettings
from bridge.rights.archive.opening import Opened
from bridge.rights.archive.ports import Files

_LARGEST = 4
_NAMES = 500
DOCUMENTS: dict[str, type[models.Model]] = {
    name: kind for name, kind in models.Files.BY_NAME.items() if name not in ("manifest.json", "outbox.json")
}
"""What an archive must hold, but for pages."""


async def open_part(files: Files, file: Mapping[str, Any], settings: ArchiveSettings) -> Opened:
    """Fetch a part and look at it. Raises Unusable, FileGone, FileLater."""
    most = _LARGEST * max(settings.part_bytes, settings.picture_bytes)
    data = await files.fetch(file, most)
    return await asyncio.to_thread(Opened, data, settings)


async def names_here(db: Database, person: PersonId) -> set[str]:
    """Names of the moments that were written here."""
    found: set[str] = set()
    after: int | None = 0
    while after is not None:
        some, after = await db.run(
            lambda tx, after=after: archive_ids.written_here(tx, person, after, _NAMES)  # type: ignore[misc]
        )
        found |= some
    return found


class Reading:
    """Parts that are open, two at most: pictures may be in a part behind that of their moment."""

    def __init__(self, files: Files, value: Mapping[str, Any], settings: ArchiveSettings) -> None:
        """`value`: of the job."""
        self._files = files
        self._value = value
        self._settings = settings
        self._opened: dict[int, Opened] = {}
        self._places: dict[str, int] | None = None

    async def part(self, number: int) -> Opened:
        if number not in self._opened:
            while len(self._opened) > 1:
                self._opened.pop(next(iter(self._opened))).close()
            file = self._value["parts"][str(number)]["file"]
            self._opened[number] = await open_part(self._files, file, self._settings)
        return self._opened[number]

    async def file(self, name: str) -> bytes | None:
        """None: it is in no part."""
        for part in self._opened.values():
            if name in part.names:
                return await asyncio.to_thread(part.read, name)
        if self._places is None:
            last = await self.part(self._value["count"])
            self._places = {entry.name: entry.part for entry in last.manifest.files}
        number = self._places.get(name)
        return None if number is None else await asyncio.to_thread((await self.part(number)).read, name)

    def close(self) -> None:
        for part in self._opened.values():
            part.close()


def pages(part: Opened) -> list[str]:
    """Names of the files that hold the moments of a part, the newest first."""
    return sorted(name for name in part.names if name.startswith("moments/") and name.endswith(".json"))


def page(part: Opened, name: str) -> list[dict[str, Any]]:
    """The moments of such a file, the newest first. Blocks."""
    found = part.document(name, models.MomentsPage)
    return [item.object.model_dump(mode="json", exclude_none=True) for item in found.orderedItems]


def origin(docs: Mapping[str, Any]) -> Origin:
    contacts = docs["contacts.json"]
    return Origin(
        frozenset(UserId(one["user"]) for one in contacts["friends"]),
        {one["name"]: frozenset(UserId(user) for user in one["members"]) for one in contacts["tags"]},
        bool(docs["settings.json"]["privacy"]["strangers"]),
    )
