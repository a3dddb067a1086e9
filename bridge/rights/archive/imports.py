"""`import` (P11): taking back an archive. The parts are looked at one by one, then it is asked about, then it is taken.

Until the yes nothing changes. What is taken twice changes nothing: moments are known by their names, and what is there
already stays. So after a crash it is simply gone on with.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any

from bridge.chat import prompts
from bridge.chat.command import Command, Person, Request
from bridge.chat.hooks import Hooks
from bridge.chat.inbound import EncryptedFile, FileMessage
from bridge.chat.people import People
from bridge.chat.reply import NOTHING, Block, CopyRef, Lines, Message, Reply, Text, Time
from bridge.contacts.importing import ContactsImporter
from bridge.db import Database, Tx, ledger
from bridge.delivery.outbox import Outbox
from bridge.errors import UserError
from bridge.moments.importing import MomentsImporter, Taken, ms
from bridge.rights.archive import jobs, models
from bridge.rights.archive.adopting import Adopting
from bridge.rights.archive.jobs import IMPORT, Job, State
from bridge.rights.archive.layout import ArchiveSettings
from bridge.rights.archive.opening import Opened, Unusable, damaged, digest
from bridge.rights.archive.ports import FileGone, Files
from bridge.rights.archive.reading import DOCUMENTS, names_here, open_part, origin, page, pages

PROMPT = "import"
"""Kind of the question whether to take an archive; its subject is the job."""
TAKE, LEAVE = "take", "leave"
COLLECT, LOOK, ASK, ADOPT = "collect", "look", "ask", "adopt"
"""What a job is at: parts come, they are counted, it waits for a yes, it is taken."""
_DAY_MS = 24 * 3600 * 1000
_MOST_PARTS = 1000
_LARGEST = 4
_AT_ONCE = 40
"""Moments that one step takes."""
_MAX_DOCUMENTS = 16 * 1024 * 1024
"""Of all files that are no moments, pages and pictures, in one part."""
_MAX_LOOKED = 32 * 1024 * 1024
"""Of what is kept of moments until it is asked."""


class Imports:
    """The command, the question, and the steps of the job."""

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
        self._moments = moments
        self._settings = archives
        self._adopting = Adopting(people, outbox, contacts, moments, archives)
        self.wake: Any = lambda: None
        """Called when there is something to do."""

    # --- what people say --------------------------------------------------------------------------------------
    def ask(self, request: Request) -> Reply:
        """`import`, alone or as the caption of a file."""
        tx, person = request.tx, request.person
        job = jobs.running(tx, person.id, IMPORT)
        if job is not None and job.value["at"] != COLLECT:
            raise UserError("import-running")
        if job is None:
            since = tx.now - _DAY_MS
            if jobs.count_since(tx, person.id, IMPORT, since) >= self._settings.per_day:
                raise UserError("import-often", limit=self._settings.per_day)
            value: dict[str, Any] = {"at": COLLECT, "incoming": [], "parts": {}, "archive": None, "count": None}
            job_id = jobs.add(tx, person.id, IMPORT, State.WAITING, value, tx.now + self._settings.wait_ms)
            job = jobs.get(tx, job_id)
            assert job is not None
        if isinstance(request.event, FileMessage):
            return self._take_in(tx, job, request.event)
        return Reply.text("import-send")

    def file(self, request: Request) -> Reply | None:
        """A file without a caption: a part, where parts are waited for."""
        job = jobs.running(request.tx, request.person.id, IMPORT)
        if job is None or job.value["at"] != COLLECT or not isinstance(request.event, FileMessage):
            return None
        return self._take_in(request.tx, job, request.event)

    def _take_in(self, tx: Tx, job: Job, event: FileMessage) -> Reply:
        if len(job.value["incoming"]) + len(job.value["parts"]) >= _MOST_PARTS:
            raise UserError("import-too-large")
        incoming = [*job.value["incoming"], _encrypted(event.file)]
        jobs.save(tx, job, State.WORKING, {**job.value, "incoming": incoming}, tx.now)
        tx.after_commit(lambda: self.wake())
        return NOTHING  # what comes of it is said when it was looked at

    def choose(self, request: Request, job_id: int, option: str) -> Reply:
        """The answer to the question."""
        tx, person = request.tx, request.person
        job = jobs.get(tx, job_id)
        if job is None or job.person != person.id or job.value["at"] != ASK:
            raise UserError("prompt-none")
        if option != TAKE:
            jobs.end(tx, job.id, State.DONE)
            return Reply.text("import-left")
        ledger.append(tx, person.id, "imported")
        value = {**job.value, "at": ADOPT, "part": None, "done": 0, "unusable": 0, "fresh": None}
        jobs.save(tx, job, State.WORKING, value, tx.now)
        tx.after_commit(lambda: self.wake())
        return Reply.text("import-begun")

    # --- the job ----------------------------------------------------------------------------------------------
    async def step(self, db: Database, files: Files, job: Job) -> None:
        """Go on with it.

        Raises:
            FileLater
        """
        try:
            if job.state is State.WAITING:
                await self._end(db, job, "import-over")
            elif job.value["at"] == COLLECT:
                await self._collect(db, files, job)
            elif job.value["at"] == LOOK:
                await self._look(db, files, job)
            else:
                await self._adopting.step(db, files, job)
        except Unusable as unusable:
            await self._end(db, job, unusable.message_id)
        except FileGone:
            await self._end(db, job, "import-gone")

    async def _collect(self, db: Database, files: Files, job: Job) -> None:
        """Look at the next part that came."""
        file = job.value["incoming"][0]
        try:
            part = await open_part(files, file, self._settings)
        except (Unusable, FileGone) as error:
            message = error.message_id if isinstance(error, Unusable) else "import-gone"
            await db.run(lambda tx: self._refuse(tx, job, message))
            return
        try:
            manifest, own = part.manifest, part.digest
            wrong = self._wrong(job, manifest)
        finally:
            part.close()

        def note(tx: Tx) -> None:
            now = jobs.get(tx, job.id)
            person = self._people.by_id(tx, job.person)
            if now is None or person is None:
                return
            if manifest.last and manifest.person != person.user_id:
                self._refuse(tx, now, "import-not-yours")
                return
            if wrong:
                self._refuse(tx, now, wrong)
                return
            entry: dict[str, Any] = {"file": file, "digest": own}
            value = {**now.value, "incoming": now.value["incoming"][1:], "archive": manifest.archive}
            value["parts"] = {**now.value["parts"], str(manifest.part): entry}
            if manifest.last:
                value |= {"count": manifest.part, "made": ms(manifest.made)}
                value["digests"] = [digest(manifest, number) for number in range(1, manifest.part + 1)]
            self._go_on(tx, now, value, person)

        await db.run(note)

    @staticmethod
    def _wrong(job: Job, manifest: models.Manifest) -> str | None:
        """Why a part does not fit to those that are there."""
        if job.value["archive"] not in (None, manifest.archive):
            return "import-other-archive"
        count = job.value["count"]
        if count is not None and (manifest.part > count or (manifest.last and manifest.part != count)):
            return "import-damaged"
        highest = max([0, *map(int, job.value["parts"])])
        return "import-damaged" if manifest.last and manifest.part < highest else None

    def _refuse(self, tx: Tx, job: Job, message_id: str) -> None:
        """A part can't be used. Others may come still, or be there already."""
        now = jobs.get(tx, job.id)
        person = None if now is None else self._people.by_id(tx, job.person)
        if now is None or person is None:
            return
        value = {**now.value, "incoming": now.value["incoming"][1:]}
        self._outbox.message(tx, person, Message((Text(message_id),)))
        if value["incoming"]:
            jobs.save(tx, now, State.WORKING, value, tx.now)
        elif value["parts"]:
            jobs.save(tx, now, State.WAITING, value, tx.now + self._settings.wait_ms)
        else:
            jobs.end(tx, now.id, State.FAILED)

    def _go_on(self, tx: Tx, job: Job, value: dict[str, Any], person: Person) -> None:
        """After a part was noted: look at the next, ask for those that lack, or count what there is."""
        there, count = set(map(int, value["parts"])), value["count"]
        missing = sorted(set(range(1, (count or max(there)) + 1)) - there)
        if value["incoming"]:
            jobs.save(tx, job, State.WORKING, value, tx.now)
        elif count is None or missing:
            lacking = ", ".join(map(str, missing[:20]))
            text = "import-more" if count is None else "import-missing"
            args: dict[str, Any] = {"have": len(there)} if count is None else {"count": count, "missing": lacking}
            self._outbox.message(tx, person, Message((Text(text, args),)))
            jobs.save(tx, job, State.WAITING, value, tx.now + self._settings.wait_ms)
        else:
            if any(value["parts"][str(n)]["digest"] != value["digests"][n - 1] for n in range(1, count + 1)):
                raise damaged()
            value |= {"at": LOOK, "part": count, "docs": {}, "look": _NO_COUNTS}
            jobs.save(tx, job, State.WORKING, value, tx.now)

    async def _end(self, db: Database, job: Job, message_id: str) -> None:
        def end(tx: Tx) -> None:
            person = self._people.by_id(tx, job.person)
            if jobs.end(tx, job.id, State.FAILED) and person is not None:
                self._outbox.message(tx, person, Message((Text(message_id),)))

        await db.run(end)

    # --- counting ---------------------------------------------------------------------------------------------
    async def _look(self, db: Database, files: Files, job: Job) -> None:
        """Read one part for what it would bring; with the last, ask. Small documents are kept for what follows."""
        value = dict(job.value)
        here = await names_here(db, job.person)
        with closing(await open_part(files, value["parts"][str(value["part"])]["file"], self._settings)) as part:
            docs = dict(value["docs"])
            there = [name for name in DOCUMENTS if name in part.names]
            if sum(map(part.size, there)) > _MAX_DOCUMENTS:
                raise Unusable("import-too-large")
            docs |= await asyncio.to_thread(_documents, part, there)
            notes = value.get("pages", [])
            size = sum(note["size"] for note in notes)
            for name in pages(part):
                more = await asyncio.to_thread(_looked_at, part, name)
                notes += more
                size += sum(note["size"] for note in more)
                if len(notes) > self._settings.moments or size > _MAX_LOOKED:
                    raise Unusable("import-too-large")
        value |= {"docs": docs, "pages": notes}
        value["part"] -= 1
        if value["part"] > 0:
            await db.run(lambda tx: jobs.save(tx, job, State.WORKING, value, tx.now))
            return
        if docs.keys() != DOCUMENTS.keys():
            raise damaged()
        notes = value.pop("pages")
        counts = dict(_NO_COUNTS)
        for start in range(0, len(notes), _AT_ONCE):
            some = notes[start : start + _AT_ONCE]
            looked = await db.run(lambda tx, some=some: self._looked(tx, job, some, here, docs))  # type: ignore[misc]
            for taken in looked:
                counts["known"] += taken.known
                counts["over"] += taken.over
                counts["new"] += taken.is_new
                counts["narrowed"] += taken.narrowed
        value |= {"at": ASK, "look": counts}
        await db.run(lambda tx: self._ask(tx, job, value))

    def _looked(
        self, tx: Tx, job: Job, notes: list[dict[str, Any]], here: set[str], docs: Mapping[str, Any]
    ) -> list[Taken]:
        person = self._people.by_id(tx, job.person)
        if person is None:
            return []
        there = origin(docs)
        return [self._moments.look(tx, person, note, here, there) for note in notes]

    def _ask(self, tx: Tx, job: Job, value: Mapping[str, Any]) -> None:
        person = self._people.by_id(tx, job.person)
        due = tx.now + self._settings.wait_ms
        if person is None or not jobs.save(tx, job, State.WAITING, value, due):
            return
        docs, look = value["docs"], value["look"]
        lines = [Text(f"import-moments-{name}", {"count": look[name]}) for name in ("new", "narrowed") if look[name]]
        waiting = docs["moments.json"]["drafts"]
        others = {
            "profile": len([one for one in docs["actor.json"]["fields"] if one["value"] or one.get("media")]),
            "tags": len(docs["contacts.json"]["tags"]),
            "people": len(docs["contacts.json"]["people"]),
            "drafts": len(self._moments.missing_drafts(tx, person, waiting)),
        }
        lines += [Text(f"import-{name}", {"count": count}) for name, count in others.items() if count]
        lines.append(Text("import-settings"))
        left = [Text(f"import-moments-{name}", {"count": look[name]}) for name in ("known", "over") if look[name]]
        left.append(Text("import-not-friends", {"count": len(docs["contacts.json"]["friends"])}))
        left += [Text("import-not-others"), Text("import-not-programs")]
        blocks: tuple[Block, ...] = (
            Text("import-question", {"time": Time(value["made"])}),
            Lines(tuple(lines)),
            Text("import-left-out"),
            Lines(tuple(left)),
            Text("import-choices"),
        )
        prompt_id = prompts.open(tx, person.id, PROMPT, job.id, (TAKE, LEAVE), self._settings.wait_ms)
        self._outbox.message(tx, person, Message(blocks, CopyRef(prompts.COPY_KIND, prompt_id)))


_NO_COUNTS = {"new": 0, "known": 0, "over": 0, "narrowed": 0}


def _documents(part: Opened, names: Iterable[str]) -> dict[str, Any]:
    """Blocks."""
    return {name: part.document(name, DOCUMENTS[name]).model_dump(mode="json", by_alias=True) for name in names}


def _looked_at(part: Opened, name: str) -> list[dict[str, Any]]:
    """What has to be known of the moments of a page to say what would become of them. Blocks."""
    keys = ("id", "expires", "audience_rule", "attachment", "location", "oneOf")
    found: list[dict[str, Any]] = []
    for note in page(part, name):
        kept = {key: note[key] for key in keys if key in note}
        kept["source"] = {"content": note["source"]["content"][:1]}
        found.append({**kept, "size": len(json.dumps(kept))})
    return found


def _encrypted(file: EncryptedFile) -> dict[str, Any]:
    return {"url": file.url, "key": {"k": file.key}, "iv": file.iv, "hashes": {"sha256": file.sha256}}


def build(imports: Imports) -> tuple[list[Command], Hooks]:
    """The command, and what listens to files and answers."""
    hooks = Hooks(on_choice={PROMPT: imports.choose}, on_file=imports.file)
    return [Command("import", (), imports.ask, group="privacy", file=True)], hooks
