"""What running mini-programs costs: an event, a thousand programs, and a hostile neighbour."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from bridge.config.programs import MiniProgramsConfig
from bridge.miniprograms.machine import Job, Machine, read_prelude
from bridge.miniprograms.program import Trapped
from bridge.miniprograms.sandbox import Sandbox
from bridge.miniprograms.strict_json import dump
from tests.sandbox.made import NOW, SEED, artifact, opened, program, sandbox

PROGRAMS = 1000
PROGRAM_BYTES = 10_000
_NEIGHBOUR_ROUNDS = 400
_PAUSE = 0.005


@dataclass(frozen=True, slots=True)
class Figure:
    what: str
    value: float
    unit: str
    target: float | None = None

    @property
    def missed(self) -> bool:
        return self.target is not None and self.value > self.target


def run(rounds: int) -> list[Figure]:
    """All figures; `rounds` events for each median."""
    return [*_in_thread(lambda: _alone(rounds)), *asyncio.run(_together(rounds))]


def source(number: int = 0) -> str:
    """A program of about PROGRAM_BYTES that does something with its event."""
    code = (
        "const TEXTS = { hello: 'Hello' };\n"
        f"function handle(event) {{ const count = (event.state?.count ?? {number}) + 1;\n"
        "  return { state: { count }, effects: [{ type: 'ui.send', text: `${TEXTS.hello} ${helper0(count)}` }] } }\n"
    )
    index = 0
    while len(code) < PROGRAM_BYTES:
        code += f"function helper{index}(x) {{ const list = [x, {index}]; return list.map(y => y * 2).join(', ') }}\n"
        index += 1
    return code


def _alone(rounds: int) -> list[Figure]:
    """The machine of the worker, without the process around it."""
    machine = Machine(artifact(), read_prelude())
    event = dump(opened().model_dump(mode="json")).decode()
    limits = MiniProgramsConfig()

    def once(text: str) -> float:
        job = Job(text, event, NOW, SEED, limits.cpu_ms, limits.memory_bytes, limits.answer_bytes)
        start = time.thread_time()
        assert machine.run(job).outcome == "answer"
        return (time.thread_time() - start) * 1000

    small = sorted(once("function handle() { return { state: 0, effects: [] } }") for _ in range(rounds))
    usual = sorted(once(source()) for _ in range(rounds))
    return [
        Figure("a fresh instance and an event of a tiny program, CPU, median", statistics.median(small), "ms", 3.0),
        Figure("a fresh instance and an event of a program of 10 kB, CPU, median", statistics.median(usual), "ms", 3.0),
    ]


async def _together(rounds: int) -> list[Figure]:
    box = sandbox()
    try:
        await box.handle(program(source()), opened())
        (pid,) = box.worker_pids
        through = []
        for _ in range(rounds):
            start = time.perf_counter()
            await box.handle(program(source()), opened())
            through.append((time.perf_counter() - start) * 1000)
        before = _resident(pid)
        for number in range(PROGRAMS):
            await box.handle(program(source(number)), opened())
        grown = (_resident(pid) - before) / 1024
        quiet = await _lag(_nothing)
        hostile = await _lag(lambda: _endless(box))
    finally:
        await box.close()
    return [
        Figure("the same through the worker process, with its checks, median", statistics.median(through), "ms", 3.0),
        Figure("the same, 95th percentile", statistics.quantiles(through, n=20)[-1], "ms"),
        Figure("memory of the worker, idle", before / 1024, "MiB"),
        Figure(f"what {PROGRAMS} programs that ran once add to it", grown, "MiB", 2.0),
        Figure("delay of other work in the bot, p99, without a program", quiet, "ms"),
        Figure("the same beside a program that never ends, p99", hostile, "ms", quiet + 20.0),
    ]


async def _lag(meanwhile: Callable[[], Awaitable[None]]) -> float:
    """How late the event loop is, in ms, at the 99th percentile, while something runs over and over."""
    stop = False

    async def over() -> None:
        while not stop:
            await meanwhile()

    task = asyncio.create_task(over())
    late = []
    for _ in range(_NEIGHBOUR_ROUNDS):
        start = time.perf_counter()
        await asyncio.sleep(_PAUSE)
        late.append((time.perf_counter() - start - _PAUSE) * 1000)
    stop = True
    await task
    return statistics.quantiles(late, n=100)[-1]


async def _nothing() -> None:
    await asyncio.sleep(_PAUSE)


async def _endless(box: Sandbox) -> None:
    try:
        await box.handle(program("for (;;);"), opened())
    except Trapped as trapped:
        if trapped.kind != "cpu":
            raise


def _resident(pid: int) -> float:
    """Memory of a process, in KiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return float(line.split()[1])
    return 0.0


def _in_thread(work: Callable[[], list[Figure]]) -> list[Figure]:
    """In a thread with the worker's stack."""
    found: list[Figure] = []
    size = threading.stack_size(16 * 1024 * 1024)
    thread = threading.Thread(target=lambda: found.extend(work()))
    thread.start()
    threading.stack_size(size)
    thread.join()
    return found
