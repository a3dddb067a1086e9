"""How much of the machine one person's use of one program may take: events, and the work that they cause."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from bridge.config.programs import ProgramsConfig
from bridge.ids import PersonId

_MOST = 20_000
_AT_ONCE = 20
"""Messages that a program may say at once."""
_DAY_S = 24 * 3600


@dataclass(slots=True)
class _Use:
    events: float
    cpu_ms: float
    at: float


class Allowances:
    """In memory and bounded: of more than 20,000, those unused for longest are forgotten, which fills them."""

    def __init__(self, limits: ProgramsConfig, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._uses: OrderedDict[tuple[PersonId, int], _Use] = OrderedDict()
        self._pushes: OrderedDict[tuple[PersonId, int], tuple[float, float]] = OrderedDict()
        """What is left of a day's messages, and when that was reckoned."""

    def take(self, person: PersonId, program_id: int) -> bool:
        """Take one event. False: there was too much of late."""
        use = self._use(person, program_id)
        if use.events < 1 or use.cpu_ms <= 0:
            return False
        use.events -= 1
        return True

    def worked(self, person: PersonId, program_id: int, ms: float) -> None:
        """Note what an event took; it may be more than there was left."""
        self._use(person, program_id).cpu_ms -= ms

    def push(self, person: PersonId, program_id: int) -> bool:
        """Take one message that a program sends by itself. False: there were too many of late."""
        most, now, key = float(self._limits.messages_per_day), self._clock(), (person, program_id)
        left, at = self._pushes.pop(key, (most, now))
        left = min(most, left + (now - at) / _DAY_S * most)
        self._pushes[key] = (left - 1, now) if left >= 1 else (left, now)
        while len(self._pushes) > _MOST:
            self._pushes.popitem(last=False)
        return left >= 1

    def _use(self, person: PersonId, program_id: int) -> _Use:
        limits, now = self._limits, self._clock()
        key = (person, program_id)
        use = self._uses.get(key)
        if use is None:
            use = self._uses[key] = _Use(limits.events_burst, limits.cpu_ms_per_minute, now)
            while len(self._uses) > _MOST:
                self._uses.popitem(last=False)
        minutes = (now - use.at) / 60
        use.at = now
        use.events = min(limits.events_burst, use.events + minutes * limits.events_per_minute)
        use.cpu_ms = min(limits.cpu_ms_per_minute, use.cpu_ms + minutes * limits.cpu_ms_per_minute)
        self._uses.move_to_end(key)
        return use


class Pace:
    """Lets no program say so much, to all people together, that others wait: what is too much for now comes later.

    Args:
        rate: messages in a second.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._until: dict[int, float] = {}
        """When a program that said much will have said no more than it may, by its id."""

    def said(self, program_id: int, count: int) -> bool:
        """Note messages. True: for now it has said enough."""
        now = self._clock()
        until = self._until[program_id] = max(now, self._until.get(program_id, now)) + count / self._rate
        return until - now > _AT_ONCE / self._rate

    def late(self) -> dict[int, float]:
        """The programs that have said enough, and in how many seconds they may go on."""
        now = self._clock()
        self._until = {one: until for one, until in self._until.items() if until > now}
        waits = {one: until - now - _AT_ONCE / self._rate for one, until in self._until.items()}
        return {one: wait for one, wait in waits.items() if wait > 0}
