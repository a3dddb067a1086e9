"""Villages that settled once, and go on as often as one likes: to settle costs more than most of what is tested then.

What goes on is the bot after a restart: the same databases, keys and rooms, and nothing of what it had in mind.
"""

import contextlib
from collections.abc import Callable

from bridge.db import Database
from tests.features.begun import Begun
from tests.features.village import Village


class Settled:
    """`settle` happens to a village once in each process; each call gives one that goes on from there by itself.

    `make` makes a village of which nobody knows yet; or, with `begun`, one that goes on from that. It is called for
    each: what it gives to the village is its own.
    """

    def __init__(self, settle: Callable[[Village], object], make: Callable[..., Village] = Village) -> None:
        self._settle = settle
        self._make = make
        self._begun: Begun | None = None

    def __call__(self, database: Database | None = None) -> Village:
        """`database`: an empty one, to be filled."""
        if self._begun is None:
            with contextlib.closing(self._make()) as village:
                self._settle(village)
                self._begun = Begun(village)
        over = () if database is None else (database,)
        return self._make(*over, begun=self._begun)
