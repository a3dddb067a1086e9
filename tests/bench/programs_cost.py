"""What mini-programs cost the whole bot, on the stub homeserver: installed ones and hostile ones."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bridge.config import load as load_config
from bridge.db import Tx
from bridge.miniprograms.host.installed import Programs
from bridge.storage import open_storage
from tests.bench.sandbox_cost import PROGRAMS, Figure, source
from tests.bench.stub import bots
from tests.bench.stub.homeserver import StubHomeserver
from tests.bench.stub.person import StubPerson
from tests.bench.stub.process import running
from tests.bench.stub.talk import Crowd
from tests.features.apps import packed

_PEOPLE, _ACCOMPLICES = 10, 10
_EACH, _PAUSE_S = 25, 0.1
_ALLOWED_S = 1.02
"""What one person may do in one program: once a second."""
HOSTILE: Mapping[str, str] = {
    "endless": "function handle(event) { if (event.type === 'text') for (;;); return { state: 0, effects: [] } }",
    "loud": (
        "function handle(event) { let x = 0; for (let i = 0; i < 1e6; i++) x += i;\n"
        "  const text = 'x'.repeat(2500);\n"
        "  return { state: 0, effects: event.type === 'text' ? Array(5).fill({ type: 'ui.send', text }) : [] } }"
    ),
}
"""One ends by its limits each time; the other stays within them, and says as much as it may."""
_CONFIG = "miniprograms: {traps: 1000, builtin: false}\n"
"""Otherwise the first would be suspended after five times."""


def run(rounds: int) -> list[Figure]:
    """All figures; `rounds` turns without and beside each hostile program."""
    return asyncio.run(_run(rounds))


async def _run(rounds: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as temporary:
        directory, stub = Path(temporary), StubHomeserver()
        await stub.start()
        try:
            crowd = Crowd(stub)
            people = [stub.add_person(f"p{n}") for n in range(_PEOPLE)]
            accomplices = [stub.add_person(f"m{n}") for n in range(_ACCOMPLICES)]
            bot = bots.courtyard(stub.url, directory, _CONFIG)
            async with running(bot.command, bot.env, directory / "bot.log") as process:
                await crowd.all_joined()
                for person in (*people, *accomplices):
                    stub.give_room_key(person)
                await _quiet(crowd, people)
                before = process.memory_mib()
                await asyncio.to_thread(_install, directory, {f"many{n}": source(n) for n in range(PROGRAMS)})
                await _quiet(crowd, people)
                grown = process.memory_mib() - before
                await asyncio.to_thread(_install, directory, HOSTILE)
                figures = [
                    Figure("memory of the bot, idle", before, "MiB"),
                    Figure(f"what {PROGRAMS} installed programs add to it, idle", grown, "MiB", 2.0),
                ]
                for name in HOSTILE:
                    figures += await _beside(crowd, people, accomplices, name, rounds)
                return figures
        finally:
            await stub.stop()


def _install(directory: Path, programs: Mapping[str, str]) -> None:
    """As an operator's command does, beside the running bot."""
    config = load_config(directory / "courtyard.yaml")
    packages = [packed(name, code) for name, code in programs.items()]

    def work(tx: Tx) -> None:
        rows = Programs(config.miniprograms)
        for package in packages:
            rows.install(tx, package)

    with open_storage(config, update=False) as storage:
        storage.db.run_sync(work)


async def _beside(
    crowd: Crowd, people: list[StubPerson], accomplices: list[StubPerson], name: str, rounds: int
) -> list[Figure]:
    alone: list[float] = []
    beside: list[float] = []
    for _ in range(rounds):
        alone.append(_p99(await _quiet(crowd, people)))
        async with asyncio.TaskGroup() as tasks:
            running_ = [tasks.create_task(_pesters(crowd.stub, one, name)) for one in accomplices]
            await asyncio.sleep(_ALLOWED_S)
            beside.append(_p99(await _quiet(crowd, people)))
            for task in running_:
                task.cancel()
        for one in accomplices:
            await crowd.ask(one, "close")
        await _calm(crowd, accomplices)
    quiet, loud = statistics.median(alone), statistics.median(beside)
    late = statistics.median(b - a for a, b in zip(alone, beside, strict=True))
    what = f"{len(accomplices)} people in the hostile program “{name}”"
    return [
        Figure("an answer to others, p99, nobody in a program", quiet, "ms"),
        Figure(f"the same beside {what}", loud, "ms"),
        Figure("how much later that is", late, "ms", 20.0),
    ]


async def _quiet(crowd: Crowd, people: list[StubPerson]) -> list[float]:
    """People who say something now and then; how long each answer took, in ms."""
    waited: list[float] = []

    async def one(person: StubPerson, number: int) -> None:
        await asyncio.sleep(_PAUSE_S * number / len(people))
        for _ in range(_EACH):
            waited.append(1000 * await crowd.ask(person, "ping"))
            await asyncio.sleep(_PAUSE_S)

    async with asyncio.TaskGroup() as tasks:
        for number, person in enumerate(people):
            tasks.create_task(one(person, number))
    for person in people:
        assert all("pong" in str(content.get("body")) for content in crowd.stub.unread(person)[-_EACH:])
    return waited


async def _pesters(stub: StubHomeserver, person: StubPerson, name: str) -> None:
    stub.say(person, f"open {name}")
    for _ in range(8):
        stub.say(person, "go")
    while True:
        await asyncio.sleep(_ALLOWED_S)
        stub.say(person, "go")


async def _calm(crowd: Crowd, accomplices: list[StubPerson]) -> None:
    """Until nothing more comes of what they did."""
    while True:
        crowd.news.clear()
        try:
            async with asyncio.timeout(2):
                await crowd.news.wait()
        except TimeoutError:
            break
    for one in accomplices:
        crowd.stub.unread(one)


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[-1]
