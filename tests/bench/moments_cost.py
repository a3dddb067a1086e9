"""What moments cost where there are many people: accepting a post, spreading it, a page, a like, a search, a digest."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median

from bridge.db import Database, Tx
from bridge.db.tables import metadata
from bridge.delivery.claimed import Claimed
from bridge.delivery.worker import MAX_ROOMS
from bridge.ids import RoomId
from bridge.moments.fanout import PART
from tests.bench.sandbox_cost import Figure
from tests.features.village import ACCOUNT, MINUTE, Room, Village, user_id
from tests.vaults import new_vault

MANY, MOST = 500, 5_000
DAY = 24 * 60 * MINUTE
_MOST_BEFORE = float(PART + MAX_ROOMS)
"""What waits already, and what is being sent just then."""


def run(directory: Path, rounds: int) -> Sequence[Figure]:
    """The figures; databases are made in `directory`."""
    with _village(directory / "many.db", MANY, opened=True) as village:
        many = _many(village, rounds)
    with _village(directory / "most.db", MOST, opened=False) as village:
        _give_chats(village, MOST)
        waited = float(_waited(village))
        accepted = _each(rounds, lambda: village.say_only("alice", "post Hello"))
        return [
            *many,
            Figure(f"copies for {MOST:,} that are sent before those of another post for 3", waited, "", _MOST_BEFORE),
            Figure(f"accepting a post that {MOST:,} friends want at once", accepted, "ms", None),
        ]


def _many(village: Village, rounds: int) -> list[Figure]:
    figures = [
        Figure(
            f"accepting a post that {MANY} friends want at once",
            _each(rounds, lambda: village.say_only("alice", "post Hello")),
            "ms",
            100.0,
        )
    ]
    village.deliver()
    village.say_only("alice", "post The lake")
    start = time.process_time_ns()
    village.deliver()
    figures.append(Figure("spreading it, for each copy", _since(start) / MANY, "ms", None))
    waited = float(_waited(village))
    figures.append(
        Figure(f"copies for {MANY} that are sent before those of another post for 3", waited, "", _MOST_BEFORE)
    )
    village.deliver()
    village.now += 1000
    likers = iter(range(MANY))
    figures.append(
        Figure(
            f"a like under a moment that {MANY} were shown",
            _each(min(rounds, MANY), lambda: village.say_only(f"n{next(likers)}", "like 1")),
            "ms",
            None,
        )
    )
    village.wait(2 * MINUTE)
    figures.append(
        Figure("a page of 5, drawn from 500 friends", _each(rounds, lambda: village.say("alice", "feed")), "ms", None)
    )
    figures.append(
        Figure(
            "a search that looks at 500 moments",
            _each(max(1, rounds // 4), lambda: village.say_only("alice", "search nowhere")),
            "ms",
            None,
        )
    )
    return figures


def _give_chats(village: Village, friends: int) -> None:
    """Alice's friends have chats, and nothing was ever said in them."""

    def work(tx: Tx) -> None:
        for number in range(friends):
            name = f"n{number}"
            village.rooms[name] = Room(RoomId(f"!{name}:x.org"))
            person = village.people.ensure(tx, user_id(name))
            village.people.set_dm(tx, person.id, ACCOUNT, village.rooms[name].room_id)

    village.db.run_sync(work)


def _waited(village: Village) -> int:
    """Alice posts for many; before any copy left, somebody posts for three. How many of hers leave before the last of
    theirs, when the worker sends to so many rooms at a time as it does."""
    author, readers = "n0", ("n1", "n2", "n3")
    for reader in readers:
        village.befriend(author, reader)
    village.deliver()
    village.say_only("alice", "post For the many")
    village.db.run_sync(village.fanout.step)
    village.say_only(author, "post to friends except @alice:x.org | For the few")
    left, before = set(readers), 0
    while left:
        village.db.run_sync(village.fanout.step)
        scan = village.db.run_sync(lambda tx: village._claims.scan(tx, set(), MAX_ROOMS))
        for first in scan.claims.values():
            claimed: Claimed | None = first
            while claimed is not None:
                about = str(claimed.outgoing.content.get("body", ""))
                left -= {
                    reader
                    for reader in left
                    if "For the few" in about and claimed.outgoing.only_dm_with == user_id(reader)
                }
                before += "For the many" in about and bool(left)
                claimed = village.settle(claimed, village.arrive(claimed))
    return before


def _each(rounds: int, operation: Callable[[], object]) -> float:
    """The median of the CPU time, ms, of a call."""
    times = []
    for _ in range(rounds):
        start = time.process_time_ns()
        operation()
        times.append(_since(start))
    return median(times)


def _since(start: int) -> float:
    return (time.process_time_ns() - start) / 1e6


@contextlib.contextmanager
def _village(path: Path, friends: int, *, opened: bool) -> Iterator[Village]:
    """Alice has so many friends, who all want her moments at once; with `opened` they have chats, and posted once."""
    with contextlib.ExitStack() as stack:
        vault = new_vault()
        stack.callback(vault.keys.close)
        database = Database.open(f"sqlite:///{path}", vault=vault)
        stack.callback(database.close_sync)
        metadata.create_all(database.engine)
        village = Village(database)
        stack.callback(village.close)
        names = [f"n{number}" for number in range(friends)]
        village.open("alice", *(names if opened else ()))

        def befriend(tx: Tx) -> None:
            ids = {name: village.people.ensure(tx, user_id(name)).id for name in ("alice", *names)}
            pairs = [(ids["alice"], ids[name]) for name in names]
            tx.sql(
                "INSERT INTO friendships (person_id, friend_id, since) VALUES (?, ?, 0)",
                [*pairs, *((b, a) for a, b in pairs)],
            )
            tx.sql("INSERT INTO notify_settings (person_id, mode) VALUES (?, 'now')", [(b,) for _, b in pairs])

        database.run_sync(befriend)
        for name in names if opened else ():
            village.say_only(name, "post A day at the lake, and then home through the fields")
        if opened:
            village.deliver()
        yield village
