"""`export` (P10): asking for it, and making it part by part. What a part holds is in memory only while it is made.

The job's row says how far it is: a crash costs the part that was being made. The parts are sent together, when all of
them are uploaded.
"""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bridge.chat.command import Command, Person, Request
from bridge.chat.people import People
from bridge.chat.reply import Attachment, CopyRef, Message, Reply, Text, Time
from bridge.db import Database, Tx, ledger, media
from bridge.delivery.outbox import Outbox
from bridge.errors import UserError
from bridge.privacy import export_page
from bridge.privacy.exporter import Exporter, Piece, Say, document, stamp
from bridge.rights import access_log
from bridge.rights.archive import jobs
from bridge.rights.archive.jobs import EXPORT, Job, State
from bridge.rights.archive.layout import FORMAT, MIMETYPE, ArchiveSettings, Listed
from bridge.rights.archive.part import Part
from bridge.rights.archive.ports import FileGone, Files

COPY = "export"
"""Kind of the copies of the messages that bring an export; the subject is the job."""
_DAY_MS = 24 * 3600 * 1000
_LARGEST = 4
"""No part may be larger than so many times the size at which it should have ended."""


class TooMuch(Exception):
    """Something can't be put into an archive within the bounds."""


class Exports:
    """The command, and the steps of the job."""

    def __init__(
        self,
        people: People,
        outbox: Outbox,
        exporters: Sequence[Exporter],
        settings: ArchiveSettings,
        wake: Any = None,
    ) -> None:
        """`exporters`: in the order of the table of contents. `wake()` is called when there is something to do."""
        self._people = people
        self._outbox = outbox
        self._exporters = exporters
        self.settings = settings
        self.wake = wake or (lambda: None)

    def ask(self, request: Request) -> Reply:
        tx, person = request.tx, request.person
        if jobs.running(tx, person.id, EXPORT) is not None:
            raise UserError("export-running")
        if jobs.count_since(tx, person.id, EXPORT, tx.now - _DAY_MS) >= self.settings.per_day:
            raise UserError("export-often", limit=self.settings.per_day)
        value = {
            "archive": str(uuid.uuid4()),
            "made": tx.now,
            "exporter": 0,
            "after": None,
            "media": [],
            "files": [],
            "parts": [],
            "missing": [],
        }
        jobs.add(tx, person.id, EXPORT, State.WORKING, value, tx.now)
        access_log.record(tx, person, EXPORT)
        ledger.append(tx, person.id, "exported")
        tx.after_commit(lambda: self.wake())
        return Reply.text("export-begun")

    # --- the job ----------------------------------------------------------------------------------------------
    async def step(self, db: Database, files: Files, job: Job) -> None:
        """Make one part, upload it and note it; with the last one, send them all.

        Raises:
            FileLater, FileRefused, TooMuch
        """
        making = _Making(job, self.settings)
        try:
            await self._make(db, files, making)
        finally:
            making.part.abandon()

    async def _make(self, db: Database, files: Files, making: "_Making") -> None:
        while not making.is_full:
            if making.media:
                await self._add_media(making, files)
            elif making.exporter < len(self._exporters):
                piece = await db.run(lambda tx: self._piece(tx, making))
                if piece is None:
                    return  # the person is gone, or the job is
                await asyncio.to_thread(making.add, piece)
            else:
                await self._finish(db, files, making)
                return
        await self._upload(files, making, last=False)
        value = making.value()

        def save(tx: Tx) -> None:
            if jobs.save(tx, making.job, State.WORKING, value, tx.now):
                media.hold(tx, media.JOB, making.job.id, _uploaded(value))

        await db.run(save)

    def _piece(self, tx: Tx, making: "_Making") -> Piece | None:
        person = self._person(tx, making.job)
        if person is None:
            return None
        return self._exporters[making.exporter].export(tx, person, making.after, self._say(person))

    def _person(self, tx: Tx, job: Job) -> Person | None:
        return None if jobs.get(tx, job.id) is None else self._people.by_id(tx, job.person)

    def _say(self, person: Person) -> Say:
        return lambda text: self._outbox.plain(text, person)

    async def _add_media(self, making: "_Making", files: Files) -> None:
        name, file, size = making.media[0]
        if making.total + size > self.settings.bytes:
            making.leave_out(name)
            return
        if not making.part.is_empty and making.part.size + size > self.settings.part_bytes:
            making.is_full = True
            return
        try:
            data = await files.fetch(file, self.settings.picture_bytes)
        except FileGone:
            making.leave_out(name)
            return
        if making.total + len(data) > self.settings.bytes:
            making.leave_out(name)
            return
        await asyncio.to_thread(making.part.add, name, data)
        making.took(len(data))

    async def _finish(self, db: Database, files: Files, making: "_Making") -> None:
        person = await db.run(lambda tx: self._person(tx, making.job))
        if person is None:
            return
        contents = self._contents(person, making)
        await asyncio.to_thread(making.part.add, "index.html", contents)
        await self._upload(files, making, last=True, person=person)
        sealed = making.value()

        def send(tx: Tx) -> None:
            now = self._person(tx, making.job)
            if now is None or not jobs.end(tx, making.job.id, State.DONE):
                return
            media.hold(tx, media.EXPORT, now.id, _uploaded(sealed))
            for message in self._messages(making.job.id, sealed):
                self._outbox.message(tx, now, message)

        await db.run(send)

    async def _upload(self, files: Files, making: "_Making", *, last: bool, person: Person | None = None) -> None:
        manifest = making.manifest(last=last, person=person)
        data = await asyncio.to_thread(making.part.close, manifest)
        if len(data) > _LARGEST * max(self.settings.part_bytes, self.settings.picture_bytes):
            raise TooMuch
        making.uploaded(dict(await files.store(data)), len(data))

    @staticmethod
    def _messages(job_id: int, value: Mapping[str, Any]) -> list[Message]:
        count = len(value["parts"])
        found: list[Message] = []
        for number, part in enumerate(value["parts"], 1):
            name = "courtyard.zip" if count == 1 else f"courtyard-{number}-of-{count}.zip"
            blocks = [
                Text("export-part", {"number": number, "count": count})
                if count > 1
                else Text("export-whole", {"time": Time(value["made"])})
            ]
            if number == count:
                blocks.append(Text("export-how"))
                if value["missing"]:
                    blocks.append(Text("export-missing", {"count": len(value["missing"])}))
            attachment = Attachment(part["file"], name, MIMETYPE, part["size"])
            found.append(Message(tuple(blocks), CopyRef(COPY, job_id), attachment=attachment))
        return found

    def _contents(self, person: Person, making: "_Making") -> bytes:
        say = self._say(person)
        title = say(Text("export-title", {"user": person.user_id}))
        listed = [f"<li>{export_page.link(one.name, one.title)}</li>" for one in making.every_file() if one.title]
        body = [
            export_page.text(say(Text("export-as-of", {"time": Time(making.made)}))),
            f"<ul>{''.join(listed)}</ul>",
            export_page.text(say(Text("export-lists"))),
            export_page.text(say(Text("export-others")), css="small"),
        ]
        return export_page.page(person.language, title, body)


class _Making:
    """An export in the making: what its row says, and the part that is being made."""

    def __init__(self, job: Job, settings: ArchiveSettings) -> None:
        value = job.value
        self.job = job
        self._settings = settings
        self._archive = str(value["archive"])
        self.made = int(value["made"])
        self.exporter = int(value["exporter"])
        self.after = value["after"]
        self.media: list[list[Any]] = [list(one) for one in value["media"]]
        """Name, EncryptedFile and size of the pictures that are next."""
        self._files = [Listed(*one) for one in value["files"]]
        """Of the parts that are done."""
        self._parts: list[dict[str, Any]] = [dict(one) for one in value["parts"]]
        self._missing: list[str] = list(value["missing"])
        self.part = Part(len(self._parts) + 1)
        self.is_full = False

    @property
    def total(self) -> int:
        """Bytes of all parts so far."""
        return sum(int(part["size"]) for part in self._parts) + self.part.size

    def add(self, piece: Piece) -> None:
        """Blocks."""
        for file in piece.files:
            self.part.add(file.name, file.data, file.title)
        self.media += [[one.name, dict(one.file), one.size] for one in piece.media]
        self.after = piece.after
        if piece.after is None:
            self.exporter += 1
        if self.total > self._settings.bytes:
            raise TooMuch
        self.is_full = self.part.size >= self._settings.part_bytes

    def took(self, size: int) -> None:
        """The next picture is in the part."""
        del self.media[0]
        self.is_full = self.part.size >= self._settings.part_bytes

    def leave_out(self, name: str) -> None:
        del self.media[0]
        self._missing.append(name)

    def every_file(self) -> list[Listed]:
        return [*self._files, *self.part.files]

    def manifest(self, *, last: bool, person: Person | None) -> bytes:
        """The last one lists the files of all parts."""
        listed = self.every_file() if last else self.part.files
        value: dict[str, Any] = {
            "format": FORMAT,
            "archive": self._archive,
            "made": stamp(self.made),
            "part": self.part.number,
            "last": last,
            "files": [{name: one for name, one in asdict(file).items() if name != "title"} for file in listed],
        }
        if last:
            assert person is not None
            value |= {"person": person.user_id, "missing": sorted(self._missing)}
        return document(value)

    def uploaded(self, file: dict[str, Any], size: int) -> None:
        self._files += self.part.files
        self._parts.append({"file": file, "size": size})

    def value(self) -> dict[str, Any]:
        """What its row is to say."""
        return {
            "archive": self._archive,
            "made": self.made,
            "exporter": self.exporter,
            "after": self.after,
            "media": self.media,
            "files": [list(asdict(file).values()) for file in self._files],
            "parts": self._parts,
            "missing": self._missing,
        }


def _uploaded(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [part["file"] for part in value["parts"]]


def build(exports: Exports) -> list[Command]:
    return [Command("export", (), exports.ask, group="privacy")]
