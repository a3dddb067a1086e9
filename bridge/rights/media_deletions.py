"""The job that has the homeserver delete files which nothing shows any more (M10, P12), where it lets the bot do that.

Which files these are stands in the database (`bridge.db.media`), so it outlives a crash; to ask twice does no harm.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import structlog

from bridge.db import DATABASE_DOWN, Database, media
from bridge.db.alarm import Alarm
from bridge.errors import CourtyardError

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 600.0
_GATHER_S = 2.0
"""So long at least between two looks, whatever goes."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 5.0, 3600.0
_FAILURES = 5
"""So many in a row are the homeserver's, and not of one file."""


class Refused(CourtyardError):
    """The homeserver won't, until the operator mends something; the text says what it answered."""


class Later(CourtyardError):
    """It may work later; the text says what went wrong."""


Delete: TypeAlias = Callable[[str], Awaitable[None]]
"""Deletes a file by its mxc URI. What is not there is deleted. Raises `Refused` or `Later`."""


class MediaDeletions:
    """One per database."""

    def __init__(self, db: Database, delete: Delete | None) -> None:
        """`delete`: None where the homeserver lets nobody delete: then such files are forgotten."""
        self._db = db
        self._delete = delete
        self._wake = Alarm()
        self._trouble: str | None = None
        """What was logged last."""

    def wake(self) -> None:
        """Something that may have shown files is gone. On the loop."""
        self._wake.ring()

    async def uploaded(self, uri: str) -> None:
        """A file was uploaded. What shows it says so later; when nothing does, it goes after a while."""
        with contextlib.suppress(*DATABASE_DOWN):  # what shows it notes it as well
            await self._db.run(lambda tx: media.note(tx, uri))

    async def run(self) -> None:
        """Work until cancelled."""
        pause = _FIRST_PAUSE_S
        while True:
            self._wake.reset()
            try:
                done = await self.look()
            except DATABASE_DOWN as error:
                done = False
                if self._is_new("database"):
                    log.warning("files wait to be deleted: the database did not answer", error=type(error).__name__)
            if done:
                pause = _FIRST_PAUSE_S
                await asyncio.sleep(_GATHER_S)
                await self._wake.sleep(_LOOK_EVERY_S)
            else:
                # Whatever else goes meanwhile: who refused or was overloaded is left alone for a while.
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)

    async def look(self) -> bool:
        """Delete all that nothing shows any more. False: it did not work for all of it, and is to be tried again."""
        reached: int | None = 0
        failures, count, worked = 0, 0, True
        while reached is not None and failures < _FAILURES:
            after = reached
            found, reached = await self._db.run(lambda tx, after=after: media.unheld(tx, after))  # type: ignore[misc]
            gone = []
            for media_id, uri in found:
                try:
                    if self._delete is not None and uri is not None:
                        await self._delete(uri)
                        count += 1
                except Refused as error:
                    worked, failures = False, _FAILURES
                    if self._is_new("refused"):
                        why = str(error)
                        log.warning(
                            "the homeserver refuses to delete files; see matrix.media_admin_token_file", error=why
                        )
                    break
                except Later as error:
                    worked, failures = False, failures + 1
                    if self._is_new("later"):
                        log.warning("files can't be deleted yet; it is tried again", error=str(error))
                    if failures == _FAILURES:
                        break
                else:
                    gone.append(media_id)
                    failures = 0
            if gone:
                await self._db.run(lambda tx, gone=gone: media.forget(tx, gone))  # type: ignore[misc]
        if worked:
            self._trouble = None
        if count:
            log.info("files were deleted from the homeserver", count=count)
        return worked

    def _is_new(self, trouble: str) -> bool:
        """Whether it is another trouble than the last: each is logged once."""
        is_new, self._trouble = trouble != self._trouble, trouble
        return is_new
