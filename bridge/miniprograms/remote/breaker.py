"""A server that does not answer is left alone for a while, so that nobody waits for it again and again."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MAX_PAUSE_S = 600.0
_MOST = 1000


@dataclass(slots=True)
class _State:
    failures: int = 0
    pause_s: float = 0.0
    until: float = 0.0
    trying: bool = False
    """One request is out to see whether it answers again."""


class Breakers:
    """In memory and bounded: after a restart every server is asked again.

    Args:
        failures: after how many in a row a server is left alone.
        pause_s: for how long at first; twice as long after each try that fails, up to ten minutes.
        clock: seconds.
    """

    def __init__(self, failures: int, pause_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._failures = failures
        self._pause_s = pause_s
        self._clock = clock
        self._states: OrderedDict[str, _State] = OrderedDict()

    def enter(self, server: str) -> float:
        """0: ask it now, and tell what came of it. Else: in how many seconds it may be asked again."""
        state = self._states.get(server)
        if state is None or state.failures < self._failures:
            return 0.0
        left = state.until - self._clock()
        if left > 0:
            return left
        if state.trying:
            return 1.0
        state.trying = True
        return 0.0

    def answered(self, server: str) -> None:
        """It answers: whatever was before is forgotten."""
        self._states.pop(server, None)

    def failed(self, server: str) -> bool:
        """It does not answer. True: it is left alone from now on, which it was not before."""
        state = self._states.setdefault(server, _State())
        self._states.move_to_end(server)
        while len(self._states) > _MOST:
            self._states.popitem(last=False)
        state.failures += 1
        state.trying = False
        if state.failures < self._failures:
            return False
        first = state.pause_s == 0.0
        state.pause_s = self._pause_s if first else min(2 * state.pause_s, MAX_PAUSE_S)
        state.until = self._clock() + state.pause_s
        return first

    def left(self, server: str) -> None:
        """Nothing came of it, and it is nobody's fault: somebody else may try."""
        state = self._states.get(server)
        if state is not None:
            state.trying = False
