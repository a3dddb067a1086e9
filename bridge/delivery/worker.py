"""Sends what is queued: one task a room, so that a slow room delays nobody, and order within each room."""

import asyncio
import contextlib
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias, TypeVar

import structlog

from bridge.chat.catalogue import Catalogue
from bridge.db import DATABASE_DOWN, Database, Tx
from bridge.delivery import queue, settling
from bridge.delivery.at_once import AtOnce
from bridge.delivery.beat import Beat
from bridge.delivery.claim import Claims, Scan, Step
from bridge.delivery.claimed import Claimed, What
from bridge.delivery.making import Target
from bridge.delivery.manners import GATHER_S, Manners
from bridge.delivery.ports import Again, Directory, Held, Later, MaybeSent, Refused, Renderer, Sender
from bridge.delivery.refresh import Budget
from bridge.delivery.settling import Sent, Settle
from bridge.ids import EventId, PersonId, RoomId

T = TypeVar("T")

MAX_ROOMS = 128
"""Rooms that are sent to at the same time: more than a part of a post for many, so that answers find room beside it."""
MAX_AGE_MS = 30 * 24 * 3600 * 1000
"""What could not be sent for so long is dropped."""
MAINTENANCE_MS = 60_000
_FORGET_EVERY_MS = 3600 * 1000
_BACKOFF_MS = 500
_MAX_BACKOFF_MS = 30_000
_MAX_FAULTS = 8
PARK_MS = 600_000
"""A row that only ever meets unexpected errors is tried again after this time, and blocks its room no longer."""

_Tried: TypeAlias = "tuple[Settle, Target, asyncio.Future[Step]]"
"""What became of a row of a room, and who waits for what comes next there."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a try."""

    write: Settle
    failed: bool = False
    """It is to be tried again."""


class DeliveryWorker:
    """Runs the outbox. Its rows are the truth: whatever is cancelled or killed here is tried again, by the same
    transaction id, so that the homeserver shows it once."""

    def __init__(
        self,
        db: Database,
        sender: Sender,
        renderers: Mapping[str, Renderer],
        people: Directory,
        catalogue: Catalogue,
        *,
        max_rooms: int = MAX_ROOMS,
        max_age_ms: int = MAX_AGE_MS,
        jitter: Callable[[], float] = random.random,
        again: Again | None = None,
        budget: Budget | None = None,
        beat: Beat | None = None,
        left: Callable[[int], None] = lambda count: None,
        waited_for: Callable[[], bool] = lambda: False,
    ) -> None:
        """`beat`: when answers leave; without one, at once. `left`: called on the loop with how many rows were
        sent, held or dropped. `waited_for`: whether anybody's message is being handled."""
        self._db = db
        self._sender = sender
        self._claims = Claims(people, renderers, catalogue, again, budget)
        self._left = left
        self._max_rooms = max_rooms
        self._max_age_ms = max_age_ms
        self._jitter = jitter
        self._beat = beat or Beat()
        self._manners = Manners(waited_for)
        self._unasked: set[Target] = set()
        """Busy rooms that get what nobody waits for."""
        self._wake = asyncio.Event()
        self._busy: set[Target] = set()
        self._again: set[Target] = set()
        """Busy rooms that a scan found more work for."""
        self._waiting: dict[Target, None] = {}
        """Idle rooms with work that waits for a free slot, first come first served."""
        self._later: dict[Target, None] = {}
        """Idle rooms with nothing but what nobody waits for: they come after the others, and as manners allow."""
        self._claimed: dict[Target, deque[Claimed]] = {}
        """Rows that are claimed and were not tried yet, of rooms that are busy or wait for a slot."""
        self._tasks: asyncio.TaskGroup | None = None
        """While it runs."""
        self.at_once = AtOnce(self._claims.txn_id, lambda: self._tasks is not None, self._take)
        """What queues answers in such a way that they need not be looked for."""
        self._reserved = 0
        """Slots that a scan may be claiming rows for just now."""
        self._tried: list[_Tried] = []
        """What became of rows, to be written down together."""
        self._writing = False
        self._faults: Counter[int] = Counter()
        """Unexpected errors by row."""
        self._more = self._more_asked = False
        """The last look did not find all; maybe not even all that somebody waits for."""
        self._maintain_at = 0
        self._forget_at = 0

    def wake(self) -> None:
        """Look for new rows soon. Call it on the event loop; it never blocks."""
        self._wake.set()

    async def release(self, *, room_id: RoomId | None = None, person_id: PersonId | None = None) -> None:
        """Try again at once what was held for a room or a person. `Outbox.release` is the same inside a transaction."""
        await self._db.run(lambda tx: queue.release(tx, room_id, person_id))
        self.wake()

    async def hurry(self, room_id: RoomId) -> None:
        """Try again at once what waits in a room after a failed try."""
        await self._db.run(lambda tx: queue.hurry(tx, room_id))
        self.wake()

    async def run(self) -> None:
        """Send until cancelled. Only one may run at a time on one database."""
        self._busy.clear()
        self._again.clear()
        self._waiting.clear()
        self._claimed.clear()
        self._unasked.clear()
        self._later.clear()
        self._tried.clear()
        self._writing = False
        await self._transact(self._claims.recover)
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                while True:
                    self._wake.clear()
                    scan = await self._look()
                    self._start(tasks, scan)
                    await self._sleep(scan.next_due)
            finally:
                self._tasks = None
                self._db.hurry()  # what has left is known, whoever comes next

    async def _look(self) -> Scan:
        now = self._db.clock()
        if now >= self._maintain_at:
            await self._transact(lambda tx: self._claims.maintain(tx, self._max_age_ms))
            self._maintain_at = now + MAINTENANCE_MS
        if now >= self._forget_at:
            await self._transact(lambda tx: self._claims.forget(tx, self._max_age_ms))
            self._forget_at = now + _FORGET_EVERY_MS
        # What waits already goes first: a scan claims rows only for slots that nobody waits for.
        free = max(self._max_rooms - len(self._busy) - len(self._waiting), 0)
        busy = frozenset(self._busy | self._waiting.keys() | self._later.keys())
        self._reserved = free
        try:
            unasked = self._manners.room(len(self._unasked))
            return await self._transact(lambda tx: self._claims.scan(tx, busy, free, unasked))
        finally:
            self._reserved = 0

    def _start(self, tasks: asyncio.TaskGroup, scan: Scan) -> None:
        for target, claimed in scan.claims.items():
            self._claimed.setdefault(target, deque()).append(claimed)
            if target in self._busy:
                continue  # it was handed something since the look began
            if claimed.answers is None:
                self._unasked.add(target)
            self._begin(tasks, target)
        for target in scan.others:
            if target in self._busy:
                self._look_again(target)
            else:
                self._waiting[target] = None
        for target in scan.later:
            if target in self._busy:
                self._look_again(target)
            elif target not in self._waiting:
                self._later[target] = None
        self._more, self._more_asked = scan.more, scan.more_asked
        self._fill(tasks)

    def _look_again(self, target: Target) -> None:
        """There is more to be sent to a busy room."""
        self._again.add(target)
        self._db.hurry()

    def _begin(self, tasks: asyncio.TaskGroup, target: Target) -> None:
        self._waiting.pop(target, None)
        self._later.pop(target, None)
        self._busy.add(target)
        tasks.create_task(self._drain(tasks, target))

    def _fill(self, tasks: asyncio.TaskGroup) -> None:
        """Begin with rooms that wait, as far as there are slots."""
        free = self._max_rooms - len(self._busy) - self._reserved
        for target in list(islice(self._waiting, max(free, 0))):
            self._begin(tasks, target)
            free -= 1
        room = self._manners.room(len(self._unasked))
        if room > len(self._unasked):  # when half of what may be in work has left: what begins together costs less
            for target in list(islice(self._later, max(min(free, room), 0))):
                self._unasked.add(target)
                self._begin(tasks, target)
        if not self._waiting and (self._more_asked or (self._more and not self._later)):
            self._more = self._more_asked = False
            self.wake()

    def _take(self, claimed: Claimed) -> None:
        """Send a row that was claimed when it was queued. On the event loop."""
        if self._tasks is None:
            return  # the next run begins with all that was being sent
        target = (claimed.outgoing.account, claimed.outgoing.room_id)
        self._claimed.setdefault(target, deque()).append(claimed)
        if target not in self._busy:
            self._waiting[target] = None
            self._fill(self._tasks)

    async def _sleep(self, next_due: int | None) -> None:
        now = self._db.clock()
        until = self._maintain_at if next_due is None else min(next_due, self._maintain_at)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(until - now, 1) / 1000):
                await self._wake.wait()

    async def _drain(self, tasks: asyncio.TaskGroup, target: Target) -> None:
        """Send what a room has, one by one."""
        failed = False
        answered: EventId | None = None
        began = time.monotonic()
        ready = self._claimed.setdefault(target, deque())
        while True:
            if not ready:
                self._again.discard(target)
                step = await self._settle(tasks, _nothing, target)
            else:
                claimed = ready.popleft()
                if claimed.answers is not None:
                    self._manners.answering()
                    if claimed.answers != answered:
                        await self._beat.wait(claimed.due_since)  # the rest of the same answer follows at once
                answered = claimed.answers
                outcome = await self._send(claimed)
                failed = outcome.failed
                if not outcome.failed:
                    self._faults.pop(claimed.row_id, None)
                step = await self._settle(tasks, outcome.write, target)
                if answered is None and not failed:
                    self._manners.took(time.monotonic() - began)
                    began = time.monotonic()
            if step.claimed is not None:
                ready.append(step.claimed)
            if not ready and not step.again and target not in self._again:
                break
        del self._claimed[target]
        self._busy.discard(target)
        self._unasked.discard(target)
        self._fill(tasks)
        if failed:
            self.wake()  # the last look knew nothing of the time of the next try

    async def _settle(self, tasks: asyncio.TaskGroup, settle: Settle, target: Target) -> Step:
        """Write down what became of a row and claim the next one of its room, together with others."""
        done: asyncio.Future[Step] = asyncio.get_running_loop().create_future()
        self._tried.append((settle, target, done))
        if not self._writing:
            self._writing = True
            tasks.create_task(self._write(tasks))
        return await done

    async def _write(self, tasks: asyncio.TaskGroup) -> None:
        while self._tried:
            if self._manners.gathers() or all(map(_is_answer, self._tried)):
                await asyncio.sleep(GATHER_S)
            if patient := [one for one in self._tried if self._is_patient(one)]:
                self._tried = [one for one in self._tried if not self._is_patient(one)]
                tasks.create_task(self._write_some(patient, patient=True))
            if self._tried:
                await self._write_some(self._next_tried())
        self._writing = False

    def _is_patient(self, tried: _Tried) -> bool:
        """Whether nobody waits for what comes after it: it can be written down with what somebody says next."""
        settle, target, _ = tried
        is_last = not self._claimed.get(target) and target not in self._again
        return isinstance(settle, Sent) and settle.claimed.alone and is_last

    def _next_tried(self) -> Sequence[_Tried]:
        """What is written down next: of all answers that left, and of as much else as manners allow."""
        room = self._manners.together()
        some: list[_Tried] = []
        left: list[_Tried] = []
        for one in self._tried:
            is_answer = _is_answer(one)
            if not is_answer:
                room -= 1
            (some if is_answer or room >= 0 else left).append(one)
        self._tried = left
        return some

    async def _write_some(self, some: Sequence[_Tried], *, patient: bool = False) -> None:
        await self._write_together(some, patient=patient)
        self._left(sum(settle is not _nothing for settle, _, _ in some))

    async def _write_together(self, some: Sequence[_Tried], *, patient: bool = False) -> None:
        try:
            settled = [(settle, target) for settle, target, _ in some]
            steps = await self._transact(lambda tx: self._claims.settle_all(tx, settled), patient=patient)
        except Exception as error:
            if len(some) > 1:
                for one in some:
                    await self._write_together([one])
                return
            settle, _, _ = some[0]
            # Whatever is wrong with the next row: what became of the last one must be written down.
            log.error("delivery_claim_failed", error=type(error).__name__)
            await self._transact(settle)
            steps = {some[0][1]: Step(None)}
        for _, target, done in some:
            if not done.done():
                done.set_result(steps[target])

    async def _send(self, claimed: Claimed) -> "_Outcome":
        out = claimed.outgoing
        try:
            if claimed.what is What.REDACT:
                assert claimed.target_event is not None
                await self._sender.redact(out.account, out.room_id, claimed.target_event, out.txn_id)
                return _Outcome(settling.Sent(claimed, claimed.target_event))
            return _Outcome(settling.Sent(claimed, await self._sender.send(out)))
        except Held:
            return _Outcome(settling.held(claimed), failed=True)
        except Later as wait:
            delay = max(wait.after_ms, 0) + self._backoff(claimed.attempts)
            if claimed.attempts > 1 and claimed.attempts.bit_count() == 1:  # ever more seldom
                log.warning("delivery_delayed", attempts=claimed.attempts, wait_s=round(delay / 1000, 1))
            return _Outcome(settling.later(claimed, delay), failed=True)
        except MaybeSent:
            log.info("delivery_maybe_sent", kind=claimed.copy.kind)
            return _Outcome(settling.dropped(claimed))
        except Refused as error:
            log.warning("delivery_refused", kind=claimed.what.value, why=error.why, final=error.final)
            if error.final:
                return _Outcome(settling.refused(claimed))
            return _Outcome(self._once_more(claimed, claimed.attempts), failed=True)
        except Exception as error:
            # The type alone: the text of an error may name people or rooms.
            log.error("delivery_fault", error=type(error).__name__, attempts=claimed.attempts)
            self._faults[claimed.row_id] += 1
            return _Outcome(self._once_more(claimed, self._faults[claimed.row_id]), failed=True)

    def _once_more(self, claimed: Claimed, faults: int) -> Settle:
        if faults >= _MAX_FAULTS:
            # Nothing is lost, but what is behind it in the room goes first from now on.
            return settling.park(claimed, PARK_MS)
        return settling.later(claimed, self._backoff(claimed.attempts))

    def _backoff(self, attempts: int) -> int:
        longest = min(_MAX_BACKOFF_MS, _BACKOFF_MS * 2 ** min(attempts - 1, 16))
        return int(longest * (0.5 + self._jitter() / 2))

    async def _transact(self, work: Callable[[Tx], T], *, patient: bool = False) -> T:
        """`work` as a transaction; while the database can't be reached it is tried again and again."""
        attempts = 0
        while True:
            try:
                return await self._db.run(work, patient=patient)
            except DATABASE_DOWN as error:
                attempts += 1
                log.error("delivery_database_unavailable", error=type(error).__name__, attempts=attempts)
                await asyncio.sleep(self._backoff(attempts) / 1000)


def _nothing(tx: Tx) -> None:
    """Nothing was tried yet."""


def _is_answer(tried: _Tried) -> bool:
    """Whether somebody waited for what has left."""
    return isinstance(tried[0], Sent) and tried[0].claimed.answers is not None
