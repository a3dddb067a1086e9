"""The job that tells people of new moments: at once, and once a day. All that it has to do stands in the database."""

import structlog

from bridge.db import DATABASE_DOWN, Database
from bridge.db.alarm import Alarm
from bridge.moments.digests import Digests
from bridge.moments.fanout import Fanout

_PART_S, _LOOK_S = 0.2, 30.0

log = structlog.get_logger(__name__)


class Telling:
    def __init__(self, db: Database, fanout: Fanout, digests: Digests) -> None:
        self._db = db
        self._fanout = fanout
        self._digests = digests
        self._wake = Alarm()
        self._until: int | None = None
        """How many copies have to leave before the next part of a post can be queued; None: there is none."""

    def wake(self) -> None:
        """Something was posted."""
        self._wake.ring()

    def left(self, count: int) -> None:
        """So many rows were sent or dropped: there may be room for the next part of a post."""
        if self._until is not None:
            self._until -= count
            if self._until <= 0:
                self._wake.ring()

    async def run(self) -> None:
        """Queue what is due, until cancelled."""
        look_at = 0
        while True:
            self._wake.reset()
            wait = _LOOK_S
            try:
                self._until = await self._db.run(self._fanout.step)
                if self._until is not None:
                    wait = _PART_S  # there is more than is sent at once
                if self._db.clock() >= look_at:
                    while await self._db.run(self._digests.step):
                        pass
                    look_at = self._db.clock() + round(_LOOK_S * 1000)
                if self._until == 0:
                    continue
            except DATABASE_DOWN as error:
                log.error("new moments could not be told of", error=type(error).__name__)
            await self._wake.sleep(wait)
