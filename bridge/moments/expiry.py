"""Moments that expire (M11): invisible from the second on that their author said, then removed with their keys.

That nobody sees them any more is decided by the policy, whether or not this job has come round. It takes back every
copy, deletes the rows, and destroys the key in the end; the table `ended_keys` keeps what is still to be destroyed.
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from bridge.db import DATABASE_DOWN, Database, Tx, two_keys
from bridge.db.alarm import Alarm
from bridge.errors import OperatorError
from bridge.moments import store
from bridge.moments.service import Moments

_AT_ONCE = 20
_LONGEST_S, _SHORTEST_S = 60.0, 1.0

log = structlog.get_logger(__name__)


class Expiry:
    """Ends moments whose time is over. Its state is in the database."""

    def __init__(self, db: Database, moments: Moments, destroy: Callable[[Sequence[int]], None]) -> None:
        """`destroy` destroys keys in the key store; it blocks."""
        self._db = db
        self._moments = moments
        self._destroy = destroy
        self._wake = Alarm()

    def wake(self) -> None:
        """Something expires earlier than was known."""
        self._wake.ring()

    async def run(self) -> None:
        """End what is over, until cancelled."""
        while True:
            self._wake.reset()
            wait = _LONGEST_S
            try:
                while await self._db.run(self.sweep):
                    pass
                await asyncio.to_thread(self.destroy_keys)
                due = await self._db.run(store.next_expiry)
                if due is not None:
                    wait = min(max((due - self._db.clock()) / 1000, _SHORTEST_S), _LONGEST_S)
            except (*DATABASE_DOWN, OperatorError) as error:
                log.error("expired moments could not be removed", error=type(error).__name__)
            await self._wake.sleep(wait)

    def sweep(self, tx: Tx) -> bool:
        """Remove some of the moments whose time is over. Whether there may be more."""
        over = store.expired(tx, _AT_ONCE)
        for moment in over:
            self._moments.remove(tx, moment)
        return len(over) == _AT_ONCE

    def destroy_keys(self) -> None:
        """Destroy the keys of moments that are gone. Blocks.

        Raises:
            OperatorError: it can't be noted that they are destroyed, so they are not.
        """
        keys = self._db.run_sync(store.ended_keys)
        if not keys:
            return
        assert all(two_keys.is_key(key) for key in keys)
        self._destroy(keys)
        self._db.run_sync(lambda tx: store.forget_ended_keys(tx, keys))
