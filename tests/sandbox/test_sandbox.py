"""The sandbox: reproducible, closed off, and alive after everything that ends a worker."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

import bridge
from bridge.miniprograms.program import Trapped
from bridge.miniprograms.sandbox import Sandbox
from tests.sandbox import hostile
from tests.sandbox.made import SEED, artifact, failing_once, opened, program, sandbox

CHANCE = "function handle(event) { return { state: [1, 2, 3].map(() => Math.random()), effects: [] } }"


async def test_the_same_event_gives_the_same_to_the_byte() -> None:
    source = """
      function handle(event) {
        console.log("now", new Date().toISOString());
        const drawn = Array.from({ length: 50 }, () => Math.floor(Math.random() * 1e9));
        const words = Object.keys({ b: 1, a: 2, 3: 4 }).concat([...new Set(["y", "x"])]);
        return { state: { drawn, words, at: Date.now() }, effects: [{ type: "ui.send", text: drawn.join() }] };
      }"""
    results = []
    for _ in range(2):  # in two processes
        box = sandbox()
        try:
            results += [await box.handle(program(source), opened()) for _ in range(3)]
        finally:
            await box.close()
    assert all(result == results[0] for result in results), "answers, logs and the count of instructions"
    assert results[0].fuel > 0


async def test_chance_follows_from_the_seed() -> None:
    box = sandbox()
    try:
        first, again, other = [
            (await box.handle(program(CHANCE), opened(seed=seed))).answer.state for seed in (SEED, SEED, "f" + SEED[1:])
        ]
    finally:
        await box.close()
    assert first == again != other
    assert isinstance(first, list)
    assert all(isinstance(number, float) and 0 <= number < 1 for number in first)


@pytest.mark.crash
async def test_a_worker_that_was_killed_between_two_events_is_replaced() -> None:
    box = sandbox()
    try:
        await box.handle(program(hostile.GOOD), opened())
        (pid,) = box.worker_pids
        os.kill(pid, signal.SIGKILL)
        handled = await box.handle(program(hostile.GOOD), opened(state=1))
        assert handled.answer.state == 2
        assert box.worker_pids != (pid,)
    finally:
        await box.close()


@pytest.mark.crash
async def test_a_worker_that_is_killed_in_the_middle_costs_nothing() -> None:
    box = sandbox(cpu_ms=5000)
    slow = "function handle() { for (let i = 0; i < 3e7; i++); return { state: 'done', effects: [] } }"
    try:
        await box.handle(program(hostile.GOOD), opened())
        (pid,) = box.worker_pids
        before = _cpu_ticks(pid)
        task = asyncio.create_task(box.handle(program(slow), opened()))
        await _until(lambda: _cpu_ticks(pid) > before + 2)
        os.kill(pid, signal.SIGKILL)
        assert (await task).answer.state == "done"
    finally:
        await box.close()


@pytest.mark.crash
async def test_a_silent_worker_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    box = sandbox(cpu_ms=5)
    try:
        await box.handle(program(hostile.GOOD), opened())
        monkeypatch.setattr("bridge.miniprograms.sandbox._SILENT_SECONDS", 0.1)
        (pid,) = box.worker_pids
        os.kill(pid, signal.SIGSTOP)
        await _until(lambda: _stopped(pid))
        with pytest.raises(Trapped) as trapped:
            await box.handle(program(hostile.GOOD), opened())
        assert trapped.value.kind == "silent"
        assert pid not in box.worker_pids
        assert not Path(f"/proc/{pid}").exists()
    finally:
        await box.close()


async def test_who_is_cancelled_leaves_no_answer_behind() -> None:
    box = sandbox(cpu_ms=1000)
    try:
        await box.handle(program(hostile.GOOD), opened())
        task = asyncio.create_task(box.handle(program("while (true);"), opened()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await box.handle(program(hostile.GOOD), opened(state=6))).answer.state == 7
    finally:
        await box.close()


async def test_events_wait_for_their_turn() -> None:
    box = sandbox(workers=2)
    try:
        handled = await asyncio.gather(*(box.handle(program(hostile.GOOD), opened(state=n)) for n in range(40)))
        assert [one.answer.state for one in handled] == list(range(1, 41))
        assert len(box.worker_pids) <= 2
    finally:
        await box.close()


async def test_a_compiled_guest_that_can_not_be_had_is_tried_again() -> None:
    box = Sandbox(sandbox()._limits, failing_once(artifact))
    try:
        with pytest.raises(OSError, match="disk is full"):
            await box.handle(program(hostile.GOOD), opened())
        assert (await box.handle(program(hostile.GOOD), opened())).answer.state == 1
    finally:
        await box.close()


async def test_an_event_may_not_be_too_large() -> None:
    box = sandbox()
    try:
        with pytest.raises(Trapped) as trapped:
            await box.handle(program(hostile.GOOD), opened(state="x" * 70_000))
        assert trapped.value.kind == "event"
        assert box.worker_pids == (), "it was not even started"
    finally:
        await box.close()


@pytest.mark.crash
async def test_a_worker_that_can_not_start_is_told(caplog: pytest.LogCaptureFixture) -> None:
    box = Sandbox(sandbox()._limits, lambda: b"this is no compiled guest")
    try:
        for _ in range(3):
            with pytest.raises(Trapped) as trapped:
                await box.handle(program(hostile.GOOD), opened())
            assert trapped.value.kind == "failed"
        assert box.worker_pids == ()
    finally:
        await box.close()
    assert [record.message for record in caplog.records if "child" in record.message] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has what others can't read")
async def test_code_that_only_root_can_read_is_no_hindrance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    shutil.copytree(Path(bridge.__file__).parent, hidden / "bridge", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr("bridge.bare.__file__", str(hidden / "bridge" / "bare.py"))
    box = sandbox()
    try:
        assert (await box.handle(program(hostile.GOOD), opened())).answer.state == 1
        (pid,) = box.worker_pids
        assert str(hidden).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    finally:
        await box.close()


async def test_after_the_end_nothing_runs() -> None:
    box = sandbox()
    await box.handle(program(hostile.GOOD), opened())
    await box.close()
    assert box.worker_pids == ()
    with pytest.raises(Trapped):
        await box.handle(program(hostile.GOOD), opened())


def _cpu_ticks(pid: int) -> int:
    """CPU time that the process has taken, in the kernel's ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _stopped(pid: int) -> bool:
    """Whether every thread of the process stands still; the signal reaches them one after the other."""
    states = [(task / "stat").read_text().rpartition(")")[2].split()[0] for task in Path(f"/proc/{pid}/task").iterdir()]
    return set(states) == {"T"}


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 (another process tells nobody)
            await asyncio.sleep(0.005)
