"""The job that tells people of new moments: at once, and once a day. All that it has to do stands in the database."""

import asyncio
import contextlib

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError

from bridge.db import Database
from bridge.moments.digests import Digests
from bridge.moments.fanout import Fanout

_PART_S, _LOOK_S = 0.2, 30.0

log = structlog.get_logger(__name__)


class Telling:
    def __init__(self, db: Database, fanout: Fanout, digests: Digests) -> None:
        self._db = db
        self._fanout = fanout
        self._digests = digests
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Something was posted."""
        self._wake.set()

    async def run(self) -> None:
        """Queue what is due, until cancelled."""
        look_at = 0
        while True:
            self._wake.clear()
            wait = _LOOK_S
            try:
                if await self._db.run(self._fanout.step):
                    wait = _PART_S  # there is more than is sent at once
                if self._db.clock() >= look_at:
                    while await self._db.run(self._digests.step):
                        pass
                    look_at = self._db.clock() + round(_LOOK_S * 1000)
            except (OperationalError, InterfaceError) as error:
                log.error("new moments could not be told of", error=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()
