"""The job that carries out what `Deletions` decided, beside all else. Each step may be repeated after a crash."""

import asyncio
from collections.abc import Callable, Iterable

import structlog

from bridge.db import Database
from bridge.db.alarm import Alarm
from bridge.errors import OperatorError
from bridge.ids import PersonId
from bridge.rights.deletions import Deletions

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 60.0
_PAUSE_S = 5.0


class Erasures:
    """One per database. `destroy` destroys the keys of people for good (see `bridge.vault`); it may block."""

    def __init__(self, db: Database, deletions: Deletions, destroy: Callable[[Iterable[int]], None]) -> None:
        self._db = db
        self._deletions = deletions
        self._destroy = destroy
        self._wake = Alarm()
        deletions.wake = self._wake.ring

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._wake.reset()
            pause = _LOOK_EVERY_S
            try:
                pause = await self.look()
            except Exception as error:
                # The type alone: the text of an error may hold what a person wrote.
                log.error("an account could not be erased; it is tried again", error=type(error).__name__)
                pause = _PAUSE_S
            await self._wake.sleep(pause)

    async def look(self) -> float:
        """Do all that is due. In how many seconds to look again."""
        await self.destroy_keys()
        for person in await self._db.run(self._deletions.due):
            await self._erase(person)
        due = await self._db.run(self._deletions.next_due)
        return _LOOK_EVERY_S if due is None else min(_LOOK_EVERY_S, max(0.0, (due - self._db.clock()) / 1000))

    async def _erase(self, person: PersonId) -> None:
        if not await self._db.run(lambda tx: self._deletions.begin(tx, person)):
            return
        more = True
        while more:  # others have the database in between
            more = await self._db.run(lambda tx: self._deletions.step(tx, person))
        if await self._db.run(lambda tx: self._deletions.state(tx, person)) is not None:
            return  # it waits for others, who are told
        await self.destroy_keys()
        log.info("an account was erased")

    async def destroy_keys(self) -> None:
        """Destroy the keys of those whose rows are gone, and overwrite what is left of the rows."""
        farewells = self._deletions.farewells
        for owner in await self._db.run(farewells.owners):
            try:
                await asyncio.to_thread(self._destroy, [owner])
            except OperatorError as error:
                log.error("the key of an erased account could not be destroyed; it is tried again", error=str(error))
                return
            await self._db.run(lambda tx, owner=owner: farewells.destroyed(tx, owner))  # type: ignore[misc]
            if not await asyncio.to_thread(self._db.scrub):
                log.warning("deleted rows may still lie in the database file; cleaned up later")
            farewells.wake()
