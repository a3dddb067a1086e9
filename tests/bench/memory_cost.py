"""What 100,000 commands leave behind in the memory of the bot.

    python -m tests.bench.memory_cost 100000

Twenty people, each with an encrypted chat, say by turns what people say most, again as soon as the answer has come; the
resident memory of the bot's process is read after each twentieth of them, when it has been idle for a while.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench.stub import bots
from tests.bench.stub.homeserver import StubHomeserver
from tests.bench.stub.person import StubPerson
from tests.bench.stub.process import running
from tests.bench.stub.talk import Crowd

COMMANDS = 100_000
PEOPLE = 20
STEPS = 20
FROM = 5
"""Steps after which all caches count as filled: what grows later is compared with that."""
TARGET = 0.02
_SAID: Sequence[str] = ("ping", "feed", "ping", "friends", "help", "ping", "profile", "why", "ping", "post Frost again")
_IDLE_S = 2.0


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of the bot, MiB, after how many commands."""

    commands: tuple[int, ...]
    mib: tuple[float, ...]
    database_mib: tuple[float, ...]
    """What the files of the database take: posts stay."""

    @property
    def growth(self) -> float:
        """How much larger it was at most than when a quarter had been said; a fraction."""
        first = self.mib[FROM - 1]
        return max(self.mib[FROM - 1 :]) / first - 1


async def measure(commands: int) -> Memory:
    """Talk and look."""
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        stub = StubHomeserver()
        await stub.start()
        try:
            crowd = Crowd(stub)
            everybody = [stub.add_person(f"p{n}") for n in range(PEOPLE)]
            bot = bots.courtyard(stub.url, directory)
            async with running(bot.command, bot.env, directory / "bot.log") as process:
                await crowd.all_joined()
                for person in everybody:
                    stub.give_room_key(person)
                each = max(1, commands // STEPS // PEOPLE)
                said, mib, database = [0], [process.memory_mib()], [_size(directory)]
                for step in range(STEPS):
                    async with asyncio.TaskGroup() as tasks:
                        for number, person in enumerate(everybody):
                            tasks.create_task(_says(crowd, person, step * each + number, each))
                    await asyncio.sleep(_IDLE_S)
                    said.append(said[-1] + each * PEOPLE)
                    mib.append(round(process.memory_mib(), 1))
                    database.append(_size(directory))
            return Memory(tuple(said[1:]), tuple(mib[1:]), tuple(database[1:]))
        finally:
            await stub.stop()


async def _says(crowd: Crowd, person: StubPerson, start: int, count: int) -> None:
    for turn in range(start, start + count):
        await crowd.ask(person, _SAID[turn % len(_SAID)])
        crowd.stub.forget_unread(person)


def _size(directory: Path) -> float:
    return round(sum(file.stat().st_size for file in (directory / "var").rglob("*") if file.is_file()) / 2**20, 1)


def run(commands: int = COMMANDS) -> Memory:
    return asyncio.run(measure(commands))


def told(memory: Memory) -> list[str]:
    """Print the table. What is over the target."""
    first = memory.commands[FROM - 1]
    print(f"\nMemory after commands; target: never more than {TARGET:.0%} above what it is after {first}\n")
    print(f"{'commands':>9}{'MiB':>8}{'database, MiB':>15}")
    for row in zip(memory.commands, memory.mib, memory.database_mib, strict=True):
        print(f"{row[0]:>9}{row[1]:>8.1f}{row[2]:>15.1f}")
    print(f"growth {memory.growth:.1%}")
    return ["memory after commands"] if memory.growth > TARGET else []


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.memory_cost", description=__doc__)
    parser.add_argument("commands", type=int, nargs="?", default=COMMANDS)
    memory = run(parser.parse_args().commands)
    print(json.dumps(asdict(memory) | {"growth": round(memory.growth, 4)}, indent=2))


if __name__ == "__main__":
    main()
