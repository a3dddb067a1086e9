"""Token buckets per person and per server: one answer when they are empty, then silence until tokens return."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from bridge.ids import UserId, server_name

MAX_BUCKETS = 20_000


class Verdict(Enum):
    PASS = auto()
    TELL = auto()
    """Refused; say so."""
    SILENT = auto()
    """Refused, and said already."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A bucket holds `capacity` tokens, each event takes one, `per_minute` come back."""

    capacity: int
    per_minute: float


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float
    told: bool = False


class Quotas:
    """In memory and bounded: of more than MAX_BUCKETS, those unused for longest are forgotten, which fills them."""

    def __init__(
        self,
        person: Rate = Rate(30, 30),
        server: Rate = Rate(300, 600),
        *,
        clock: Callable[[], float] = time.monotonic,
        max_buckets: int = MAX_BUCKETS,
    ) -> None:
        self._rates = (person, server)
        self._clock = clock
        self._max = max_buckets
        self._buckets: tuple[OrderedDict[str, _Bucket], OrderedDict[str, _Bucket]] = (OrderedDict(), OrderedDict())

    def take(self, user_id: UserId) -> Verdict:
        """Take a token of the person's bucket and one of their server's, or none at all."""
        person = self._bucket(0, user_id)
        server = self._bucket(1, server_name(user_id))
        # A person whose own bucket is empty costs their server nothing.
        empty = person if person.tokens < 1 else server if server.tokens < 1 else None
        if empty is None:
            person.tokens -= 1
            server.tokens -= 1
            return Verdict.PASS
        if empty.told:
            return Verdict.SILENT
        empty.told = True
        return Verdict.TELL

    def refund(self, user_id: UserId) -> None:
        """Give the tokens back: the event had been handled before."""
        for index, name in enumerate((user_id, server_name(user_id))):
            bucket = self._bucket(index, name)
            bucket.tokens = min(bucket.tokens + 1, float(self._rates[index].capacity))

    def _bucket(self, index: int, name: str) -> _Bucket:
        buckets, rate, now = self._buckets[index], self._rates[index], self._clock()
        bucket = buckets.get(name)
        if bucket is None:
            bucket = buckets[name] = _Bucket(float(rate.capacity), now)
            while len(buckets) > self._max:
                buckets.popitem(last=False)
        else:
            buckets.move_to_end(name)
            elapsed = max(now - bucket.at, 0.0)
            bucket.tokens = min(bucket.tokens + elapsed * rate.per_minute / 60, float(rate.capacity))
            bucket.at = now
            # Not at the first token that returns: in a flood every other answer would be the complaint.
            if bucket.tokens >= rate.capacity / 2:
                bucket.told = False
        return bucket
