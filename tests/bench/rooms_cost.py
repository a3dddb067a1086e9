"""What many chats cost: a restart, and a post for all of them.

    python -m tests.bench.rooms_cost 1000

The bot gets so many encrypted chats, is stopped, and started again on the same data: how long until it is READY, how
much memory a chat takes. All people are friends of the first, and want her posts at once: how long until the last has
one, and the CPU of the bot for each; with the room keys that it had (warm), and after a `kill -9`, which ends all of
them (cold).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from bridge.chat.people import People
from bridge.config import load_with_warnings
from bridge.db import Tx
from bridge.ids import PersonId, UserId
from bridge.storage import open_storage
from tests.bench.stub import bots
from tests.bench.stub.homeserver import Answer, StubHomeserver
from tests.bench.stub.process import BotProcess, running
from tests.bench.stub.talk import Crowd

SIZES: Sequence[int] = (1_000, 10_000)
READY_TARGETS_S = {1_000: 1.0, 10_000: 6.0}
ROOM_TARGET_KIB = 15.0
FANOUT = 1_000
WARM_TARGET_MS, COLD_TARGET_MS = 0.6, 1.5
_FANOUT_S = 300.0
_DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Fanout:
    """A post for all. Times in seconds; CPU of the bot's process, in milliseconds a copy."""

    kind: str
    copies: int
    delay_ms: float
    last_s: float
    cpu_ms: float
    requests: float
    """HTTP requests a copy, but for /sync."""


@dataclass(frozen=True, slots=True)
class Rooms:
    """What was measured of one size."""

    rooms: int
    empty_ready_s: float
    """A restart with no chats at all, on the same machine in the same run."""
    ready_s: float
    ready_cpu_s: float
    room_kib: float
    """Memory of a chat after the restart."""
    fanouts: tuple[Fanout, ...]


class _Counter:
    """Waits until the bot has said so many things in all."""

    def __init__(self, stub: StubHomeserver) -> None:
        self._count, self._news = 0, asyncio.Event()
        self.last = 0.0
        stub.on_said = self._said

    def _said(self, room: str, content: Answer, at: float) -> None:
        self._count += 1
        self.last = at
        self._news.set()

    async def more(self, count: int) -> None:
        """Wait for `count` from now on."""
        end = self._count + count
        async with asyncio.timeout(_FANOUT_S):
            while self._count < end:
                self._news.clear()
                await self._news.wait()


async def measure(rooms: int, *, delay_ms: float = 0.0, fan_out: bool = True) -> Rooms:
    """Everything about one number of chats."""
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        stub = StubHomeserver()
        await stub.start()
        try:
            bot = bots.courtyard(stub.url, directory)

            @asynccontextmanager
            async def started() -> AsyncIterator[BotProcess]:
                async with running(bot.command, bot.env, directory / "bot.log") as process:
                    yield process

            async with started():
                pass
            async with started() as process:
                empty_ready_s, empty_mib = process.ready_s, process.memory_mib()
            crowd = Crowd(stub)
            first, *others = [stub.add_person(f"p{n}") for n in range(rooms)]
            async with started():
                await crowd.all_joined(seconds=60 + rooms)
                while not all(stub.heard(one) for one in (first, *others)):
                    crowd.news.clear()
                    await crowd.news.wait()
                stub.give_room_key(first)
                await crowd.ask(first, "ping")
            await asyncio.to_thread(befriend, directory, first.user_id, [one.user_id for one in others[: FANOUT - 1]])
            fanouts: list[Fanout] = []
            async with started() as process:
                ready_s, ready_cpu_s = process.ready_s, process.cpu_s()
                room_kib = 1024 * (process.memory_mib() - empty_mib) / rooms
                if fan_out:
                    # The first post is the one that everything is loaded for.
                    copies = min(rooms, FANOUT) - 1
                    fanouts += [await _fan_out(kind, stub, process, copies, delay_ms) for kind in ("first", "warm")]
                    os.kill(process.pid, signal.SIGKILL)
            if fan_out:
                async with started() as process:
                    fanouts.append(await _fan_out("cold", stub, process, min(rooms, FANOUT) - 1, delay_ms))
            return Rooms(rooms, empty_ready_s, ready_s, ready_cpu_s, room_kib, tuple(fanouts))
        finally:
            await stub.stop()


async def _fan_out(kind: str, stub: StubHomeserver, process: BotProcess, copies: int, delay_ms: float) -> Fanout:
    author = next(iter(stub.people.values()))
    for person in stub.people.values():
        stub.forget_unread(person)
    counter = _Counter(stub)
    stub.delay_s = delay_ms / 1000
    cpu, requests = process.cpu_s(), stub.requests.copy()
    began = asyncio.get_running_loop().time()
    stub.say(author, "post The first frost came in the night, and the pumpkins are all in the barn by now")
    await counter.more(copies + 1)
    took, cpu = counter.last - began, process.cpu_s() - cpu
    made = stub.requests - requests
    stub.delay_s = 0.0
    for person in stub.people.values():
        said = [str(content.get("body", "")) for content in stub.unread(person)]
        assert len(said) <= 1, f"several events for one post: {said}"
        assert all("The first frost" in text or "Posted" in text for text in said), said
    asked = sum(n for name, n in made.items() if name != "sync")
    return Fanout(kind, copies, delay_ms, round(took, 3), round(1000 * cpu / copies, 3), round(asked / copies, 3))


def befriend(directory: Path, author: str, friends: Sequence[str]) -> None:
    """Write friendships where the bot keeps them, while it is stopped."""
    config = load_with_warnings(directory / "courtyard.yaml").config
    with open_storage(config) as storage:
        people = People()

        def write(tx: Tx) -> None:
            def known(user: str) -> PersonId:
                person = people.known(tx, UserId(user))
                assert person is not None, f"{user} has no chat with the bot"
                return person.id

            one = known(author)
            ids = [known(user) for user in friends]
            pairs = [*((one, other) for other in ids), *((other, one) for other in ids)]
            tx.sql("INSERT INTO friendships (person_id, friend_id, since) VALUES (?, ?, 0)", pairs)
            # Whoever has been here for a while has a row: of when the next daily message is due.
            tx.sql(
                "INSERT INTO notify_settings (person_id, mode, digest_at, digest_from, digest_until)"
                " VALUES (?, 'now', ?, ?, ?)"
                " ON CONFLICT (person_id) DO UPDATE SET mode = excluded.mode, digest_at = excluded.digest_at",
                [(other, tx.now + _DAY_MS, tx.now, tx.now) for other in (one, *ids)],
            )

        storage.db.run_sync(write)


def run(sizes: Sequence[int] = SIZES) -> Sequence[Rooms]:
    """Each size; the fan-out with the homeserver near, and once more 50 ms away for a hundred."""
    return [
        *(asyncio.run(measure(size, fan_out=size <= FANOUT)) for size in sizes),
        asyncio.run(measure(101, delay_ms=50.0)),
    ]


def told(rows: Sequence[Rooms]) -> list[str]:
    """Print the tables. What is over the target."""
    missed: list[str] = []
    print("\nA restart with many encrypted chats\n")
    print(f"{'chats':>7}{'READY, s':>10}{'without chats':>15}{'CPU, s':>8}{'KiB a chat':>12}{'target, s':>11}")
    for row in rows:
        target = READY_TARGETS_S.get(row.rooms)
        print(
            f"{row.rooms:>7}{row.ready_s:>10.2f}{row.empty_ready_s:>15.2f}{row.ready_cpu_s:>8.2f}{row.room_kib:>12.1f}"
            f"{'' if target is None else f'{target:.1f}':>11}"
        )
        missed += [f"restart with {row.rooms}: READY"] if target is not None and row.ready_s > target else []
        missed += [f"restart with {row.rooms}: memory"] if row.rooms in SIZES and row.room_kib > ROOM_TARGET_KIB else []
    print("\nA post for everybody, at once\n")
    print(f"{'copies':>7}{'keys':>7}{'away, ms':>10}{'last, s':>9}{'CPU ms a copy':>15}{'requests':>10}")
    for one in (fanout for row in rows for fanout in row.fanouts):
        print(
            f"{one.copies:>7}{one.kind:>7}{one.delay_ms:>10.0f}{one.last_s:>9.2f}{one.cpu_ms:>15.2f}{one.requests:>10.2f}"
        )
        target = {"warm": WARM_TARGET_MS, "cold": COLD_TARGET_MS}.get(one.kind)
        missed += [f"fan-out, {one.kind}: CPU"] if target is not None and one.cpu_ms > target else []
    return missed


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.rooms_cost", description=__doc__)
    parser.add_argument("rooms", type=int)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    given = parser.parse_args()
    print(json.dumps(asdict(asyncio.run(measure(given.rooms, delay_ms=given.delay_ms))), indent=2))


if __name__ == "__main__":
    main()
