"""`python -m tests.bench.stub.talk`: a crowd talks to a bot; what a command costs the bot, and how long it takes."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench.stub import bots
from tests.bench.stub.homeserver import Answer, StubHomeserver
from tests.bench.stub.person import StubPerson
from tests.bench.stub.process import BotProcess, running

_ANSWER_S = 60.0
_QUIET_S = 1.0


@dataclass(frozen=True, slots=True)
class Talk:
    """What was measured. CPU is the bot's, in milliseconds a command; times are what people waited."""

    bot: str
    people: int
    commands: int
    delay_ms: float
    cpu_ms: float
    per_second: float
    p50_ms: float
    p95_ms: float
    requests: dict[str, float]
    """HTTP requests of each kind a command."""
    memory_mib: tuple[float, float]
    """Before and after."""


class Crowd:
    """Who waits for which answer."""

    def __init__(self, stub: StubHomeserver) -> None:
        self.stub = stub
        self.news = asyncio.Event()
        """Set when the bot joins or says something."""
        self._waiting: dict[str, asyncio.Future[float]] = {}
        stub.on_said = self._said
        stub.on_joined = self.news.set

    def _said(self, room: str, content: Answer, at: float) -> None:
        self.news.set()
        waiter = self._waiting.pop(room, None)
        if waiter is not None and not waiter.done():
            waiter.set_result(at)

    async def ask(self, person: StubPerson, text: str) -> float:
        """Say something, and wait for the next event in the person's room. Seconds."""
        loop = asyncio.get_running_loop()
        waiter = self._waiting[person.room_id] = loop.create_future()
        began = loop.time()
        self.stub.say(person, text)
        async with asyncio.timeout(_ANSWER_S):
            at: float = await waiter
        return at - began

    async def all_joined(self, seconds: float = 120) -> None:
        """The bot is in all rooms, and has said what it says when it comes in."""
        async with asyncio.timeout(seconds):
            while len(self.stub.joined) < len(self.stub.people):
                self.news.clear()
                await self.news.wait()
        with contextlib.suppress(TimeoutError):
            while True:
                self.news.clear()
                async with asyncio.timeout(_QUIET_S):
                    await self.news.wait()


async def talk(name: str, people: int, commands: int, delay_ms: float, *, keep: Path | None = None) -> Talk:
    """Run the bot with a crowd in which each sends the next command when the answer to the last has come.

    Raises:
        AssertionError: an answer was not what it should be.
    """
    with tempfile.TemporaryDirectory() as temporary:
        directory = keep or Path(temporary)
        stub = StubHomeserver()
        await stub.start()
        try:
            crowd = Crowd(stub)
            everybody = [stub.add_person(f"p{n}") for n in range(people)]
            bot = bots.named(name, stub.url, directory)
            async with running(bot.command, bot.env, directory / "bot.log") as process:
                await crowd.all_joined()
                for person in everybody:
                    stub.give_room_key(person)
                async with asyncio.TaskGroup() as tasks:  # sessions are made, caches filled
                    for person in everybody:
                        tasks.create_task(_several(crowd, person, bot.says, 3, []))
                for person in everybody:
                    stub.unread(person)
                stub.delay_s = delay_ms / 1000
                return await _measured(name, crowd, everybody, bot, process, commands, delay_ms)
        finally:
            await stub.stop()


async def _measured(
    name: str,
    crowd: Crowd,
    everybody: list[StubPerson],
    bot: bots.Bot,
    process: BotProcess,
    commands: int,
    delay_ms: float,
) -> Talk:
    loop = asyncio.get_running_loop()
    each = max(1, commands // len(everybody))
    before, requests, memory = process.cpu_s(), crowd.stub.requests.copy(), process.memory_mib()
    waited: list[float] = []
    began = loop.time()
    async with asyncio.TaskGroup() as tasks:
        for person in everybody:
            tasks.create_task(_several(crowd, person, bot.says, each, waited))
    took = loop.time() - began
    count = each * len(everybody)
    cpu, memory_after = process.cpu_s() - before, process.memory_mib()
    for person in everybody:
        said = [str(content.get("body", "")) for content in crowd.stub.unread(person)]
        assert len(said) == each, f"{len(said)} answers to {each} commands: {set(said)}"
        assert all(bot.answers in text for text in said), "an answer is not what it should be"
    made = crowd.stub.requests - requests
    return Talk(
        name,
        len(everybody),
        count,
        delay_ms,
        round(1000 * cpu / count, 3),
        round(count / took, 1),
        round(1000 * statistics.median(waited), 1),
        round(1000 * statistics.quantiles(waited, n=20)[-1], 1),
        {kind: round(n / count, 3) for kind, n in sorted(made.items())},
        (round(memory, 1), round(memory_after, 1)),
    )


async def _several(crowd: Crowd, person: StubPerson, text: str, count: int, waited: list[float]) -> None:
    waited.extend([await crowd.ask(person, text) for _ in range(count)])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.stub.talk", description=__doc__)
    parser.add_argument("bot", help="courtyard, a peer (nio, mautrix), or a command line")
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--commands", type=int, default=2000)
    parser.add_argument("--delay-ms", type=float, default=0.0, help="before each answer of the homeserver but /sync")
    given = parser.parse_args()
    result = asyncio.run(talk(given.bot, given.people, given.commands, given.delay_ms))
    json.dump(asdict(result), sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
