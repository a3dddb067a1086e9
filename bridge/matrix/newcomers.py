"""Devices that we have just met: whoever uses them may not know us yet."""

import time
from collections.abc import Callable

_MAX = 10_000


class Newcomers:
    """Devices that get no room key yet.

    A client that learns whose device a room key came from only after it tried to open a message with it shows that
    message as unreadable from then on (matrix-js-sdk 43: element-web#32822). It asks who we are when it sees us in a
    room; that takes a moment, and no server says when it is over. So a device waits for its first key for a while, or
    until it has written to us over Olm, which takes knowing us. Nothing of this outlives a restart: that is a wait too.
    """

    def __init__(self, wait_s: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._wait_s = wait_s
        self._clock = clock
        self._until: dict[tuple[str, str], float] = {}
        """(user, curve25519 key) → when the wait is over, by `clock`; the first that ends first."""
        self._shown: set[str] = set()

    def met(self, user: str, curve25519: str) -> None:
        """A device of this user has turned up."""
        self._tidy()
        if self._wait_s > 0 and (user, curve25519) not in self._until:
            self._until[(user, curve25519)] = self._clock() + self._wait_s
            if len(self._until) > _MAX:
                del self._until[next(iter(self._until))]

    def heard_from(self, user: str, curve25519: str) -> None:
        """A device has written to us: it knows us."""
        if self._until.pop((user, curve25519), 0.0) > self._clock():
            self._shown.add(user)

    def take_shown(self) -> set[str]:
        """Users of whom a device was heard from before its wait was over, since the last call."""
        shown, self._shown = self._shown, set()
        return shown

    def wait_ms(self, user: str, curve25519: str) -> int:
        """How long a device is still to wait, ms; 0: not at all."""
        left = self._until.get((user, curve25519), 0.0) - self._clock()
        return max(int(left * 1000) + 1, 1) if left > 0 else 0

    def __bool__(self) -> bool:
        """Whether any device waits."""
        self._tidy()
        return bool(self._until)

    def _tidy(self) -> None:
        now = self._clock()
        while self._until:
            first = next(iter(self._until))
            if self._until[first] > now:
                return
            del self._until[first]
