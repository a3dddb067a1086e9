"""Whether the time of a denial tells its reason: the same commands of people to whom different things are denied.

Each class is asked on the service layer, in a transaction that is rolled back, by turns in random order. What is told
is the effect size (Cohen's d) between the two classes that are furthest apart.
"""

import itertools
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bridge.chat.command import Request
from bridge.chat.commands import build_registry
from bridge.chat.grammar import parse
from bridge.chat.inbound import Origin, RoomView, TextMessage
from bridge.chat.people import random_id
from bridge.db import Database, Tx
from bridge.db.tables import metadata
from bridge.errors import UserError
from bridge.ids import EventId
from bridge.vault import Spares
from tests.features.village import ACCOUNT, MINUTE, Village, user_id
from tests.vaults import new_vault

TARGET = 0.2
DAY = 24 * 60 * MINUTE


@dataclass(frozen=True, slots=True)
class Row:
    about: str
    asked: str
    classes: tuple[str, ...]
    calls: int
    """Of each class."""
    median_ms: float
    d: float
    """Between the two classes that are furthest apart."""
    apart: tuple[str, str]


class _Undone(Exception):
    """Nothing of it is to stay."""


def run(directory: Path, calls: int) -> Sequence[Row]:
    """All questions, with `calls` of each class."""
    with _village(directory / "denials.db") as village:
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
        return [_row(village, about, asked, classes, calls) for about, asked, classes in questions]


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
    database = Database.open(f"sqlite:///{path}", vault=vault)
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
        database.engine.dispose()
        vault.keys.close()


def _row(village: Village, about: str, asked: str, classes: Mapping[str, object], calls: int) -> Row:
    works = {why: _asking(village, asked.format(what)) for why, what in classes.items()}
    times: dict[str, list[float]] = {why: [] for why in works}
    order = random.Random(1)
    names = list(works)
    for turn in range(calls + calls // 10):
        order.shuffle(names)
        for why in names:
            taken = _time(village, works[why])
            if turn >= calls // 10:
                times[why].append(taken)
    pairs = {(a, b): _d(times[a], times[b]) for a, b in itertools.combinations(times, 2)}
    apart = max(pairs, key=lambda pair: pairs[pair])
    median = statistics.median(itertools.chain.from_iterable(times.values()))
    return Row(about, asked.format("…"), tuple(works), calls, median, pairs[apart], apart)


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
    for row in rows:
        print(f"{row.about:<12}{row.asked:<34}{row.median_ms:>8.3f} ms{row.d:>8.3f}   {' / '.join(row.apart)}")
    return [f"denials: {row.asked}" for row in rows if row.d >= TARGET]
