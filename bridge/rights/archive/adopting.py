"""Taking an archive, after the yes: who may see what first, then the moments from the oldest on.

Each step may be repeated: moments are known by their names, and what is there already stays.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import available_timezones

from bridge.chat.command import Person
from bridge.chat.people import People
from bridge.chat.picture import StoredPicture
from bridge.chat.reply import Message, Text
from bridge.contacts.importing import ContactsImporter, Origin
from bridge.contacts.model import AVATAR
from bridge.db import Database, Tx
from bridge.delivery.outbox import Outbox
from bridge.errors import UserError
from bridge.ids import AccountId
from bridge.moments import keep_times
from bridge.moments.importing import MomentsImporter, Taken
from bridge.moments.picture_store import Described
from bridge.privacy import settings
from bridge.privacy.settings import WINDOWS
from bridge.rights.archive import jobs
from bridge.rights.archive.jobs import Job, State
from bridge.rights.archive.layout import ArchiveSettings
from bridge.rights.archive.ports import Files
from bridge.rights.archive.reading import Reading, names_here, origin, page, pages

_AT_ONCE = 400
"""Moments that one step takes, about: each step opens its part anew, and others wait for it."""
_LANGUAGES = frozenset({"en", "zh"})
_SWITCHES = ("strangers", "by_id", "by_code", "by_room", "reactions", "keep_comments")


class Adopting:
    def __init__(
        self,
        people: People,
        outbox: Outbox,
        contacts: ContactsImporter,
        moments: MomentsImporter,
        archives: ArchiveSettings,
    ) -> None:
        self._people = people
        self._outbox = outbox
        self._contacts = contacts
        self._moments = moments
        self._settings = archives

    async def step(self, db: Database, files: Files, job: Job) -> None:
        """Take some of it: first who may see what, then the moments from the oldest on."""
        value = dict(job.value)
        if value["part"] is None:
            fresh = value["fresh"]
            if fresh is None:
                fresh = value["fresh"] = await db.run(lambda tx: _is_fresh(tx, job))
                await db.run(lambda tx: jobs.save(tx, job, State.WORKING, value, tx.now))
            avatar = await self._avatar(db, files, job)
            value["part"] = value["count"]
            await db.run(lambda tx: self._restore_rest(tx, job, value, avatar, fresh=bool(fresh)))
            return
        here = await names_here(db, job.person)
        there = origin(value["docs"])
        reading = Reading(files, value, self._settings)
        try:
            part = await reading.part(value["part"])
            taken = 0
            for name in pages(part)[::-1]:
                for note in (await asyncio.to_thread(page, part, name))[::-1]:
                    looked = await db.run(lambda tx, note=note: self._look(tx, job, note, here, there))  # type: ignore[misc]
                    if looked is None:
                        return  # the person is gone
                    if not looked.is_new:
                        continue
                    pictures = await self._pictures(files, reading, note, value)
                    value["done"] += await db.run(
                        lambda tx, note=note, pictures=pictures: self._restore(tx, job, note, pictures, here, there)  # type: ignore[misc]
                    )
                    taken += 1
                if taken >= _AT_ONCE:
                    await db.run(lambda tx: jobs.save(tx, job, State.WORKING, value, tx.now))
                    return
        finally:
            reading.close()
        value["part"] -= 1
        if value["part"] <= 0:
            await self._restore_drafts(db, files, job, value)
            await db.run(lambda tx: self._finish(tx, job, value))
            return
        await db.run(lambda tx: jobs.save(tx, job, State.WORKING, value, tx.now))

    async def _restore_drafts(self, db: Database, files: Files, job: Job, value: dict[str, Any]) -> None:
        """They come last: a crash costs the looking for what is here already."""
        archived = value["docs"]["moments.json"]["drafts"]
        reading = Reading(files, value, self._settings)
        try:
            for index in await db.run(lambda tx: self._missing_drafts(tx, job, archived)):
                one = archived[index]
                pictures = await self._described(files, reading, one["pictures"], value)
                if not await db.run(lambda tx, one=one, pictures=pictures: self._restore_draft(tx, job, one, pictures)):  # type: ignore[misc]
                    value["drafts_left"] = value.get("drafts_left", 0) + 1
        finally:
            reading.close()

    def _missing_drafts(self, tx: Tx, job: Job, archived: list[dict[str, Any]]) -> list[int]:
        person = self._people.by_id(tx, job.person)
        return [] if person is None else self._moments.missing_drafts(tx, person, archived)

    def _restore_draft(self, tx: Tx, job: Job, one: Mapping[str, Any], pictures: list[Described]) -> bool:
        person = self._people.by_id(tx, job.person)
        if person is None or jobs.get(tx, job.id) is None:
            return True
        account = tx.sql("SELECT dm_account_id FROM people WHERE id = ?", (person.id,)).scalar()
        return account is not None and self._moments.restore_draft(tx, person, one, pictures, AccountId(account))

    def _look(self, tx: Tx, job: Job, note: dict[str, Any], here: set[str], there: Origin) -> Taken | None:
        person = self._people.by_id(tx, job.person)
        return None if person is None else self._moments.look(tx, person, note, here, there)

    def _restore(
        self, tx: Tx, job: Job, note: dict[str, Any], pictures: list[Described], here: set[str], there: Origin
    ) -> bool:
        person = self._people.by_id(tx, job.person)
        if person is None or jobs.get(tx, job.id) is None:
            return False
        return self._moments.restore(tx, person, note, pictures, here, there).is_new

    async def _pictures(
        self, files: Files, reading: Reading, note: Mapping[str, Any], value: dict[str, Any]
    ) -> list[Described]:
        return await self._described(files, reading, note.get("attachment") or (), value)

    async def _described(
        self, files: Files, reading: Reading, images: Iterable[Mapping[str, Any]], value: dict[str, Any]
    ) -> list[Described]:
        found: list[Described] = []
        for image in images:
            picture = await self._picture(files, reading, image["url"].removeprefix("../"), value)
            if picture is not None:
                found.append(Described(picture, image.get("name") or ""))
        return found

    async def _picture(self, files: Files, reading: Reading, name: str, value: dict[str, Any]) -> StoredPicture | None:
        """None: it is not in the archive, or is none."""
        data = await reading.file(name)
        if data is not None:
            try:
                return await files.picture(data)
            except UserError:
                pass
        value["unusable"] += 1
        return None

    async def _avatar(self, db: Database, files: Files, job: Job) -> StoredPicture | None:
        value = dict(job.value)
        [media] = [one["media"] for one in value["docs"]["actor.json"]["fields"] if one.get("media")][:1] or [None]
        if media is None:
            return None

        def needed(tx: Tx) -> bool:
            person = self._people.by_id(tx, job.person)
            return person is not None and self._contacts.needs_picture(tx, person)

        if not await db.run(needed):
            return None
        reading = Reading(files, value, self._settings)
        try:
            return await self._picture(files, reading, media, {"unusable": 0})
        finally:
            reading.close()

    def _restore_rest(
        self, tx: Tx, job: Job, value: Mapping[str, Any], avatar: StoredPicture | None, *, fresh: bool
    ) -> None:
        person = self._people.by_id(tx, job.person)
        if person is None or not jobs.save(tx, job, State.WORKING, value, tx.now):
            return
        docs = value["docs"]
        there = origin(docs)
        # What narrows comes first.
        self._contacts.restore_people(tx, person, docs["contacts.json"]["people"])
        self._contacts.restore_tags(tx, person, docs["contacts.json"]["tags"])
        self._restore_settings(tx, person, docs["settings.json"], fresh=fresh)
        for line in docs["actor.json"]["fields"]:
            picture = avatar if line["field"] == AVATAR and not line["free"] else None
            self._contacts.restore_field(tx, person, line, there, picture)
        self._moments.restore_settings(tx, person, docs["moments.json"], fresh=fresh)

    def _restore_settings(self, tx: Tx, person: Person, value: Mapping[str, Any], *, fresh: bool) -> None:
        said = value["privacy"]
        now = settings.load(tx, person.id)
        window = WINDOWS[said["window"]]
        if fresh:
            new = settings.Settings(window, *(bool(said[name]) for name in _SWITCHES))
            if value["language"] in _LANGUAGES and value["language"] != person.language:
                self._people.set_language(tx, person.id, value["language"])
            if value["time_zone"] in available_timezones() and value["time_zone"] != person.time_zone:
                self._people.set_time_zone(tx, person.id, value["time_zone"])
        else:
            windows = [one for one in (window, now.window_ms) if one is not None]
            both = {name: getattr(now, name) and bool(said[name]) for name in _SWITCHES}
            # A copy of one's own comments is for oneself: whoever wants it in one place has it.
            both["keep_comments"] = now.keep_comments or bool(said["keep_comments"])
            new = settings.Settings(min(windows) if windows else None, **both)
        if fresh and value["keep_moments_days"] is not None:
            keep_times.save(tx, person.id, value["keep_moments_days"] * keep_times.DAY_MS)
        if new != now:
            self._contacts.narrow(tx, person, lambda: settings.save(tx, person.id, new))

    def _finish(self, tx: Tx, job: Job, value: Mapping[str, Any]) -> None:
        person = self._people.by_id(tx, job.person)
        if person is None or not jobs.end(tx, job.id, State.DONE):
            return
        blocks = [Text("import-done", {"count": value["done"]})]
        if value["unusable"]:
            blocks.append(Text("import-pictures", {"count": value["unusable"]}))
        if value.get("drafts_left"):
            blocks.append(Text("import-drafts-left", {"count": value["drafts_left"]}))
        self._outbox.message(tx, person, Message(tuple(blocks)))


def _is_fresh(tx: Tx, job: Job) -> bool:
    """Whether there is nothing yet that a wider setting could show."""
    one = (job.person,)
    tables = (
        "moments WHERE author_id = ?",
        "profile_fields WHERE person_id = ?",
        "privacy_settings WHERE person_id = ?",
    )
    return not any(tx.sql(f"SELECT 1 FROM {table} LIMIT 1", one).first() for table in tables)
