"""Hostile programs: each ends within its limits, in the worker, and the next event works in the same process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bridge.miniprograms.program import Handled, Trapped
from bridge.miniprograms.sandbox import Sandbox
from tests.sandbox import hostile
from tests.sandbox.made import opened, program, sandbox

pytestmark = pytest.mark.hostile

TIME = {"cpu"}
BOUNDS = {"cpu", "memory", "stack"}
GROUPS: dict[str, tuple[Any, set[str]]] = {
    "loop": (hostile.LOOPS, TIME),
    "native": (hostile.NATIVES, {"cpu", "memory", "error"}),
    "regex": (hostile.REGEXES, {*BOUNDS, "error"}),
    "memory": (hostile.MEMORY, {"cpu", "memory", "error"}),
    "recursion": (hostile.RECURSION, {*BOUNDS, "error", "output"}),
    "answer": (hostile.ANSWERS, {"answer", "error", "output", "memory"}),
}
CASES = [(group, name) for group, (programs, _) in GROUPS.items() for name in programs]
HARMLESS = {("memory", "logs"), ("memory", "ropes"), ("recursion", "async-deep"), ("regex", "huge-pattern")}
"""These may come to a valid answer: what they wanted was not there."""


@pytest.fixture(scope="module")
async def box() -> AsyncIterator[Sandbox]:
    box = sandbox(cpu_ms=50)
    await box.handle(program(hostile.GOOD), opened())
    yield box
    await box.close()
    assert box.worker_pids == ()


def test_there_are_enough_of_them() -> None:
    assert len(CASES) + len(hostile.SEEN) >= 60


@pytest.mark.parametrize(("group", "name"), CASES, ids=lambda value: value)
async def test_it_ends_within_its_limits(box: Sandbox, group: str, name: str) -> None:
    programs, expected = GROUPS[group]
    before = box.worker_pids
    ended = await _ended(box, programs[name])
    if isinstance(ended, Trapped):
        assert ended.kind in expected, str(ended)
        assert len(str(ended)) < 5000
    else:
        assert (group, name) in HARMLESS
        assert ended.answer.effects == ()
    after = await box.handle(program(hostile.GOOD), opened(state=41))
    assert after.answer.state == 42
    assert box.worker_pids == before, "it took the worker with it"


async def _ended(box: Sandbox, source: str) -> Handled | Trapped:
    try:
        return await box.handle(program(source), opened())
    except Trapped as trapped:
        return trapped


@pytest.mark.parametrize("name", hostile.SEEN)
async def test_it_sees_nothing(box: Sandbox, name: str) -> None:
    expression, visible = hostile.SEEN[name]
    source = f"function handle(event) {{ return {{ state: {expression}, effects: [] }} }}"
    for _ in range(2):  # nothing stays from one event to the next
        handled = await box.handle(program(source), opened())
        assert handled.answer.state == visible
