"""A database without a thread: for tests of one process and one loop, in which nothing goes on beside a transaction."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from bridge.db import Database, Tx

T = TypeVar("T")


class DatabaseAtOnce(Database):
    """The same transactions, run where they are asked for. Two changes of threads for each of a few hundred thousand
    cost more than most of the transactions. What the thread is for, gathering and waiting, is tested in tests/stores.
    """

    async def run(self, work: Callable[[Tx], T], *, patient: bool = False) -> T:
        try:
            return self.run_sync(work)
        finally:
            await asyncio.sleep(0)  # others have their turn, as always after a transaction

    async def close(self) -> None:
        self.close_sync()
