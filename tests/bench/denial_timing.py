"""Whether the time of a denial tells its reason: the same commands of people to whom different things are denied.

`python -m tests.bench.denial_timing [CALLS [PROCESSES]]`. Each reason is asked by turns in random order, in
transactions that are undone, and measured twice: the CPU of the command, and the time until its answer is handed
to what sends it, through the real pipeline, outbox and worker. What is told is the effect size (Cohen's d) between the
two reasons that are furthest apart; the target is for the second, which is all that leaves the service.
"""

import asyncio
import itertools
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from sqlalchemy.engine import Connection

from bridge.chat.command import Request
from bridge.chat.commands import build_registry
from bridge.chat.grammar import parse
from bridge.chat.inbound import Origin, RoomView, TextMessage
from bridge.chat.people import random_id
from bridge.config.chat import LimitsConfig
from bridge.db import Database, Tx
from bridge.db.tables import metadata
from bridge.delivery.beat import Beat
from bridge.delivery.ports import Outgoing
from bridge.delivery.worker import DeliveryWorker
from bridge.errors import UserError
from bridge.ids import AccountId, EventId, RoomId
from bridge.vault import Spares
from tests.features.village import ACCOUNT, MINUTE, Village, user_id
from tests.vaults import new_vault

TARGET = 0.2
_ASKED = 0.4
"""When each question is asked, in parts of the time from a beat to the next."""
DAY = 24 * 60 * MINUTE


@dataclass(frozen=True, slots=True)
class Row:
    about: str
    asked: str
    classes: tuple[str, ...]
    calls: int
    """Of each class."""
    median_ms: float
    """CPU of the command."""
    cpu_d: float
    """Of the CPU, between the two classes that are furthest apart in it."""
    answer_ms: float
    """The median time until the answer is handed over."""
    d: float
    """Of that time, between the two classes that are furthest apart."""
    apart: tuple[str, str]


class _Undone(Exception):
    """Nothing of it is to stay."""


def run(directory: Path, calls: int, processes: int = 4) -> Sequence[Row]:
    """All questions, with `calls` of each class, shared by so many processes: most of the time each waits for beats."""
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        parts = [pool.submit(_share, directory / f"denials{i}.db", calls, (i, processes)) for i in range(processes)]
        rows = [row for part in parts for row in part.result()]
    return [row for _, row in sorted(rows, key=lambda one: one[0])]


def _share(path: Path, calls: int, share: tuple[int, int]) -> list[tuple[int, Row]]:
    """Every n-th question, with its place among all."""
    with _village(path) as village:
        moments = _moments(village)
        lists = {
            "shows nothing": "eve",
            "left out": "bob",
            "blocked": "dan",
            "posted nothing": "fay",
        }
        fields = {"for himself": "eve", "left out": "bob", "blocked": "dan", "nothing in it": "fay"}
        here = {"is here": "gus", "never was here": "nobody", "blocks": "hal", "closed": "ivy", "named once": "jon"}
        questions: list[tuple[str, str, Mapping[str, object]]] = [
            *(("a moment", asked, moments) for asked in ("moment {}", "like {}", "comment {} Oh")),
            ("an album", "album @{}:x.org", lists),
            ("a profile", "profile @{}:x.org", fields),
            *(("an account", asked, here) for asked in ("profile @{}:x.org", "album @{}:x.org", "view as @{}:x.org")),
            ("an account", "why can @{}:x.org see name", here),
            ("an account", "friend add @{}:x.org", here),
            *(("an account", asked.replace("@", "@{}:x.org"), here) for asked in _NAMING),
        ]
        return [
            (place, _row(village, about, asked, classes, calls))
            for place, (about, asked, classes) in enumerate(questions)
            if place % share[1] == share[0]
        ]


_NAMING = (
    *("chat @", "friend accept @", "friend remove @", "remark @ X", "tag add #out @", "privacy set mine @ off"),
    *("privacy set phone @", "post to @ | X", "block @", "unblock @"),
)
"""Commands that name somebody; only friends, but for the last two."""


def _moments(village: Village) -> dict[str, int]:
    """Alice's numbers of moments that are denied to her, by why."""
    numbers: dict[str, int] = {}
    for why, author in (("excluded", "bob"), ("deleted", "carol"), ("blocked", "dan"), ("too old", "fay")):
        village.say(author, "post to friends except #out | Look")
        [body] = [body for body in village.say("alice", f"album {user_id(author)}") if "Look" in body]
        numbers[why] = int(body[1:].split(" ")[0])
    village.wait(4 * DAY)
    village.say("bob", "tag add #out @alice:x.org")
    village.say("carol", f"delete {village.one('carol', 'album')[1:].split(' ')[0]}")
    village.say("dan", "block @alice:x.org")
    village.say("fay", "privacy set window 3d")
    numbers["never existed"] = 999
    return numbers


@contextmanager
def _village(path: Path) -> Iterator[Village]:
    vault = new_vault()
    database = _Undoing.open(f"sqlite:///{path}", vault=vault)
    raw = database.engine.raw_connection()
    raw.cursor().execute("PRAGMA synchronous=OFF").close()
    raw.close()
    metadata.create_all(database.engine)
    spares = Spares(vault, random_id, 10_000)  # what is taken is not rolled back
    village = Village(database, new_id=spares.take)
    friends = ("bob", "carol", "dan", "eve", "fay")
    village.open("alice", *friends, "gus", "hal", "ivy", "kim")
    for name in friends:
        village.befriend(name, "alice")
        village.befriend(name, "kim")
        village.say(name, "tag add #out @kim:x.org")
    for text in ("post Mine", "post Mine too"):
        village.say("alice", text)
    village.say("eve", "privacy set mine @alice:x.org off")
    for name in ("eve", "bob", "dan", "gus", "hal"):
        village.say(name, "profile set bio Hello")
        village.say(name, "privacy set bio me")
    village.say("hal", "block @alice:x.org")
    village.say("ivy", "privacy set by-id off")
    village.say("ivy", "privacy set by-room off")
    village.know("jon")
    spares.refill()
    try:
        yield village
    finally:
        village.close()
        database.close_sync()
        vault.keys.close()


def _row(village: Village, about: str, asked: str, classes: Mapping[str, object], calls: int) -> Row:
    works = {why: _asking(village, asked.format(what)) for why, what in classes.items()}
    cpu, cpu_d, _ = _furthest({why: partial(_time, village, work) for why, work in works.items()}, calls)
    talk = _Talk(village)
    answers = {why: partial(talk.ask, asked.format(what)) for why, what in classes.items()}
    median, d, apart = _furthest(answers, calls)
    return Row(about, asked.format("…"), tuple(works), calls, cpu, cpu_d, median, d, apart)


def _furthest(classes: Mapping[str, Callable[[], float]], calls: int) -> tuple[float, float, tuple[str, str]]:
    """Measure each class so often, by turns: the median of all, and the effect size of the two furthest apart."""
    times: dict[str, list[float]] = {why: [] for why in classes}
    order = random.Random(1)
    names = list(classes)
    for turn in range(calls + calls // 10):
        order.shuffle(names)
        for why in names:
            taken = classes[why]()
            if turn >= calls // 10:
                times[why].append(taken)
    pairs = {(a, b): _d(times[a], times[b]) for a, b in itertools.combinations(times, 2)}
    apart = max(pairs, key=lambda pair: pairs[pair])
    return statistics.median(itertools.chain.from_iterable(times.values())), pairs[apart], apart


class _Undoing(Database):
    """A database in which all that is done for a while can be undone, though it is committed as usual."""

    _held: Connection | None = None

    def _begin(self) -> AbstractContextManager[Connection]:
        return super()._begin() if self._held is None else nullcontext(self._held)

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Nothing runs when it begins or ends."""
        with self.engine.connect() as connection:
            connection.begin()
            self._held = connection
            try:
                yield
            finally:
                self._held = None
                connection.rollback()


class _Talk:
    """Alice asks, and waits for her answer."""

    def __init__(self, village: Village) -> None:
        self._village = village
        start = time.time()
        since = village.now / 1000
        self._answered = asyncio.Event()
        self._at = 0.0

        def clock() -> float:
            return since + time.time() - start

        self._clock = clock
        village.db.clock = lambda: int(clock() * 1000)
        self._beat = Beat(LimitsConfig().answer_beat_ms, self._clock)

    def ask(self, text: str) -> float:
        """Milliseconds until the answer is handed to what sends it."""
        taken = 0.0

        async def asked() -> None:
            nonlocal taken
            taken = await self._ask(text)

        self._village.live(asked())
        return taken

    async def _ask(self, text: str) -> float:
        db = self._village.db
        assert isinstance(db, _Undoing)
        with db.undone():
            village = self._village
            worker = DeliveryWorker(
                db, self, village.renderers, village.people, village.catalogue, again=village.again, beat=self._beat
            )
            village.on_queued = worker.wake
            village.outbox.at_once = worker.at_once
            self._answered.clear()
            running = asyncio.create_task(worker.run())
            await self._idle()
            await self._moment()
            began = time.perf_counter()
            await self._village.hear("alice", text)
            await asyncio.wait_for(self._answered.wait(), 60)
            taken = (self._at - began) * 1000
            await self._idle()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await self._idle()
        return taken

    async def _moment(self) -> None:
        """Each question comes at the same place between two beats. Right after the work of the one before, it would
        tell how long that took: and of each turn a class follows all others, never itself."""
        beat = LimitsConfig().answer_beat_ms / 1000
        await asyncio.sleep((_ASKED * beat - self._clock()) % beat)

    async def _idle(self) -> None:
        """Whoever waits for the database is told, and asks again, before this has asked so often."""
        for _ in range(8):
            await self._village.db.run(lambda tx: None)

    async def send(self, out: Outgoing) -> EventId:
        if out.room_id == self._village.rooms["alice"].room_id and not self._answered.is_set():
            self._at = time.perf_counter()
            self._answered.set()
        return EventId(f"$sent {out.txn_id}")

    async def react(self, account: AccountId, room_id: RoomId, event_id: EventId, key: str, txn_id: str) -> None:
        pass

    async def redact(self, account: AccountId, room_id: RoomId, event_id: EventId, txn_id: str) -> None:
        pass


def _asking(village: Village, text: str) -> Callable[[Tx], object]:
    registry = build_registry(village.commands, village.people, village.catalogue)
    found = registry.find(text)
    assert found is not None
    room = RoomView(village.rooms["alice"].room_id, user_id("alice"), True)
    event = TextMessage(Origin(ACCOUNT, room.room_id, EventId("$bench"), user_id("alice"), village.now, True), text)
    args = parse(found.command, found.rest)

    def work(tx: Tx) -> object:
        person = village.people.known(tx, user_id("alice"))
        assert person is not None
        return found.command.handler(Request(tx, person, room, ACCOUNT, event, args))

    return work


def _time(village: Village, work: Callable[[Tx], object]) -> float:
    """CPU of one transaction, ms."""
    taken = 0.0

    def undone(tx: Tx) -> None:
        nonlocal taken
        start = time.process_time_ns()
        with suppress(UserError):
            work(tx)
        taken = (time.process_time_ns() - start) / 1e6
        raise _Undone

    try:
        village.db.run_sync(undone)
    except _Undone:
        return taken
    raise AssertionError


def _d(one: Sequence[float], other: Sequence[float]) -> float:
    """Cohen's d of two samples, each without its slowest twentieth: what the machine did meanwhile."""
    a, b = (sorted(times)[: len(times) * 19 // 20] for times in (one, other))
    spread = ((statistics.variance(a) + statistics.variance(b)) / 2) ** 0.5
    return abs(statistics.fmean(a) - statistics.fmean(b)) / spread if spread else 0.0


def told(rows: Sequence[Row]) -> list[str]:
    """Print the table. What is over the target."""
    print(f"\nDenials: effect size between the two reasons furthest apart, {rows[0].calls} calls of each\n")
    print(f"{'about':<12}{'asked':<34}{'CPU ms':>8}{'its d':>8}{'answer ms':>11}{'its d':>8}   apart")
    for row in rows:
        figures = f"{row.median_ms:>8.3f}{row.cpu_d:>8.3f}{row.answer_ms:>11.3f}{row.d:>8.3f}"
        print(f"{row.about:<12}{row.asked:<34}{figures}   {' / '.join(row.apart)}")
    return [f"denials: {row.asked}" for row in rows if row.d >= TARGET]


def main() -> int:
    numbers = [int(word) for word in sys.argv[1:3]]
    with tempfile.TemporaryDirectory() as directory:
        over = told(run(Path(directory), *(numbers or [1000])))
    print(f"\nOver the target: {', '.join(over)}." if over else "")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
