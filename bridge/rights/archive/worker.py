"""Carries out exports and imports, one step at a time and in turns: a large one keeps nobody waiting for long."""

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

import structlog

from bridge.chat.people import People
from bridge.chat.reply import Message, Text
from bridge.db import Database, Tx
from bridge.db.alarm import Alarm
from bridge.db.sealing import Unreadable
from bridge.delivery.outbox import Outbox
from bridge.ids import PersonId
from bridge.rights.archive import jobs
from bridge.rights.archive.exports import TooMuch
from bridge.rights.archive.jobs import Job, State
from bridge.rights.archive.layout import ArchiveSettings
from bridge.rights.archive.ports import FileLater, FileRefused, Files

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 60.0
_PAUSE_S = 5.0
_MAX_PAUSE_MS = 600_000

Step: TypeAlias = Callable[[Database, Files, Job], Awaitable[None]]


class ArchiveWorker:
    """One per database."""

    def __init__(
        self,
        db: Database,
        files: Files,
        people: People,
        outbox: Outbox,
        steps: Mapping[str, Step],
        settings: ArchiveSettings,
    ) -> None:
        """`steps`: what does a step of each kind of job."""
        self._db = db
        self._files = files
        self._people = people
        self._outbox = outbox
        self._steps = steps
        self._settings = settings
        self._wake = Alarm()

    def wake(self) -> None:
        """There is something to do. On the loop."""
        self._wake.ring()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._wake.reset()
            try:
                pause = await self.look()
            except Exception as error:
                # The type alone: the text of an error may hold what a person wrote.
                log.error("exports and imports could not go on; they are tried again", error=type(error).__name__)
                pause = _PAUSE_S
            await self._wake.sleep(pause)

    async def look(self) -> float:
        """Do all that is due. In how many seconds to look again."""
        while True:
            due = await self._db.run(jobs.next_due)
            if due is None:
                return _LOOK_EVERY_S
            job_id, at = due
            wait = (at - self._db.clock()) / 1000
            if wait > 0:
                return min(wait, _LOOK_EVERY_S)
            job = await self._db.run(lambda tx, job_id=job_id: jobs.get(tx, job_id))  # type: ignore[misc]
            if job is not None:
                await self._step(job)
            else:
                await self._db.run(lambda tx, job_id=job_id: self._end_damaged(tx, job_id))  # type: ignore[misc]

    async def _step(self, job: Job) -> None:
        try:
            await self._steps[job.kind](self._db, self._files, job)
        except FileLater:
            await self._again_or_give_up(job, f"{job.kind}-unreachable")
        except FileRefused:
            log.warning("the homeserver takes no file of this size; lower `archives.part_bytes`", job=job.kind)
            await self._db.run(lambda tx: self.fail(tx, job, f"{job.kind}-refused"))
        except TooMuch:
            log.warning("an export is larger than `archives.bytes` even without its pictures")
            await self._db.run(lambda tx: self.fail(tx, job, f"{job.kind}-too-much"))
        except Exception as error:
            log.error("a step of an export or import failed", job=job.kind, error=type(error).__name__)
            await self._again_or_give_up(job, f"{job.kind}-failed")

    async def _again_or_give_up(self, job: Job, message_id: str) -> None:
        if job.failures + 1 >= self._settings.tries:
            await self._db.run(lambda tx: self.fail(tx, job, message_id))
            return
        pause = min(_MAX_PAUSE_MS, 1000 << min(job.failures, 10))
        await self._db.run(lambda tx: jobs.postpone(tx, job.id, tx.now + pause))

    def _end_damaged(self, tx: Tx, job_id: int) -> None:
        whose = jobs.owner(tx, job_id)
        if whose is not None:
            self._fail(tx, job_id, whose[0], f"{whose[1]}-failed")

    def fail(self, tx: Tx, job: Job, message_id: str) -> None:
        """It is over; the person is told why."""
        self._fail(tx, job.id, job.person, message_id)

    def _fail(self, tx: Tx, job_id: int, person_id: PersonId, message_id: str) -> None:
        if not jobs.end(tx, job_id, State.FAILED):
            return
        with contextlib.suppress(Unreadable):
            person = self._people.by_id(tx, person_id)
            if person is not None:
                self._outbox.message(tx, person, Message((Text(message_id),)))
