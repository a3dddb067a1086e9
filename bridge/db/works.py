"""Transactions that wait for the database's thread. What has gathered meanwhile is committed together: making a commit
durable costs more than the statements of most of them. So the thread begins when the loop has run all that was ready:
what comes of one sync, or of one beat, is one commit. What is not urgent waits for the next of them, a little while."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from threading import Lock
from typing import Any, Generic, TypeVar

T = TypeVar("T")

MOST = 64
"""Works that are committed together."""
_LONG_S = 0.01
"""Who is done waits no longer than this, and one work more, for others."""
PATIENCE_S = 0.03
"""What is not urgent waits no longer than this for others."""


class Work(Generic[T]):
    """A transaction that somebody on an event loop waits for, and what came of it."""

    __slots__ = ("callbacks", "error", "future", "loop", "run", "value")

    def __init__(self, run: Callable[[Any], T], loop: asyncio.AbstractEventLoop) -> None:
        self.run = run
        self.loop = loop
        self.future: asyncio.Future[T] = loop.create_future()
        self.value: T | None = None
        self.error: BaseException | None = None
        self.callbacks: Sequence[Callable[[], None]] = ()

    def succeed(self, value: T, callbacks: Sequence[Callable[[], None]]) -> None:
        self.value, self.error, self.callbacks = value, None, callbacks

    def fail(self, error: BaseException) -> None:
        self.value, self.error, self.callbacks = None, error, ()

    def tell(self) -> None:
        """On the loop: run what follows the commit, then wake who waits."""
        error = self.error
        for callback in self.callbacks:
            try:
                callback()
            except Exception as failure:
                error = failure
        if self.future.done():
            return
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(self.value)  # type: ignore[arg-type]


class Works:
    """The queue. `settle` gets what has gathered, in the database's thread, and gives each its end."""

    def __init__(self, executor: Executor, settle: "Callable[[Gathered], None]") -> None:
        self._executor = executor
        self._settle = settle
        self._waiting: deque[Work[Any]] = deque()
        self._patient: deque[Work[Any]] = deque()
        """What is not urgent: it comes first in the next commit."""
        self._lock = Lock()
        self._running = False
        self._due: asyncio.AbstractEventLoop | None = None
        """The loop that is about to begin."""

    def add(self, work: Work[T], *, patient: bool = False) -> asyncio.Future[T]:
        """Queue it, on its loop; what comes of it. It fails with RuntimeError when the executor has been shut down.
        `patient`: it need not be begun by itself for a while."""
        self._queue(work, patient)
        return work.future

    def _queue(self, work: Work[Any], patient: bool) -> None:
        if patient:
            with self._lock:
                is_first = not self._patient
                self._patient.append(work)
            if is_first:
                work.loop.call_later(PATIENCE_S, self.hurry)
            return
        with self._lock:
            self._waiting.append(work)
            if self._running or self._due is work.loop:
                return
            self._due = work.loop
        work.loop.call_soon(self._begin)

    def hurry(self) -> None:
        """Begin with what is patient, if anything is. On a loop."""
        with self._lock:
            if not self._patient:
                return
            self._waiting.extendleft(reversed(self._patient))
            self._patient.clear()
        self._begin()

    def _begin(self) -> None:
        with self._lock:
            self._due = None
            if self._running or not self._waiting:
                return
            try:
                self._executor.submit(self._run)  # it waits for the lock
                self._running = True
                return
            except RuntimeError as error:
                refused, self._waiting = self._waiting, deque()
                for work in refused:
                    work.fail(error)
        _tell(refused)

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._running = False
                    return
            gathered = Gathered(self._next)
            self._settle(gathered)
            _tell(gathered.give_away())

    def _next(self) -> Work[Any] | None:
        with self._lock:
            if self._patient:
                return self._patient.popleft()
            return self._waiting.popleft() if self._waiting else None


class Gathered:
    """The works of one commit, taken from the queue while it goes on; also such as come in meanwhile."""

    def __init__(self, take: Callable[[], Work[Any] | None]) -> None:
        self._take = take
        self._until = time.monotonic() + _LONG_S
        self.taken: list[Work[Any]] = []

    def next(self) -> Work[Any] | None:
        """One more, while there is one and none has waited too long."""
        if self.taken and (len(self.taken) >= MOST or time.monotonic() >= self._until):
            return None
        work = self._take()
        if work is not None:
            self.taken.append(work)
        return work

    def give_away(self) -> Sequence[Work[Any]]:
        """All that were taken; they are forgotten here. An error refers to the frames it went through, and so to this:
        what refers to itself is not freed until the collector of garbage comes."""
        taken, self.taken = self.taken, []
        return taken


def _tell(works: Sequence[Work[Any]]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[Work[Any]]] = {}
    for work in works:
        by_loop.setdefault(work.loop, []).append(work)
    for loop, some in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_tell_all, some)


def _tell_all(works: Sequence[Work[Any]]) -> None:
    for work in works:
        work.tell()
