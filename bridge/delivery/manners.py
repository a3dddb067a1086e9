"""How much of what nobody waits for is in work at a time, while people are being answered.

Each step of an answer takes its turn behind what is ready already: on the loop, and in the database's thread. A post
for hundreds would fill both. So while anybody is answered, only as much of it is begun as keeps the homeserver busy.
"""

import time
from collections.abc import Callable

_LATELY_S = 0.2
"""Who was answered so lately may say more."""
_FEWEST, _MOST = 6, 128
_PER_SECOND = 1500.0
"""Copies that are made in a second: so many times the time for one are in work at once."""
GATHER_S = 0.003
"""What became of rows that leave together, at a beat or of one post, is known within so long: it waits for that, to be
written in one commit."""
_TOGETHER, _TOGETHER_BESIDE = 64, 8


class Manners:
    """Asked by the worker before each look for what is to be sent."""

    def __init__(self, waited_for: Callable[[], bool], clock: Callable[[], float] = time.monotonic) -> None:
        """`waited_for`: whether anybody's message is being handled."""
        self._waited_for = waited_for
        self._clock = clock
        self._answered_at = -_LATELY_S
        self._takes = 0.1
        """From the claim of a copy to the commit of what became of it, seconds: the least that was seen lately. Nobody
        knows at first how far the homeserver is."""

    def answering(self) -> None:
        """An answer leaves."""
        self._answered_at = self._clock()

    def took(self, seconds: float) -> None:
        """So long something that nobody waits for was in work."""
        self._takes = min(seconds, self._takes * 1.05)

    def room(self, in_work: int) -> int:
        """To how many more rooms something may be begun to be sent, beside `in_work`."""
        if not self._beside():
            return _MOST
        window = min(max(int(self._takes * _PER_SECOND), _FEWEST), _MOST)
        return max(window - in_work, 0)

    def together(self) -> int:
        """Of how many rows it may be written down in one transaction what became of them."""
        return _TOGETHER_BESIDE if self._beside() else _TOGETHER

    def gathers(self) -> bool:
        """Whether what becomes of rows waits for what becomes of others: beside answers fewer are in work, and none of
        them long."""
        return not self._beside()

    def _beside(self) -> bool:
        return self._clock() - self._answered_at < _LATELY_S or self._waited_for()
