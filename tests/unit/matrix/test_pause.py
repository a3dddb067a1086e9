"""Between two syncs."""

from __future__ import annotations

import asyncio

import pytest

from bridge.matrix.pause import Pause


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("bridge.matrix.pause.asyncio.sleep", sleep)
    return pauses


async def test_the_first_sync_waits_for_nothing(slept: list[float]) -> None:
    await Pause(10.0).wait()
    assert slept == []


async def test_the_next_sync_waits_from_the_last_answer_on(slept: list[float]) -> None:
    pause = Pause(10.0)
    pause.begin()
    await pause.wait()
    assert len(slept) == 1
    assert 9.0 < slept[0] <= 10.0


async def test_what_was_handled_for_longer_delays_nothing_more(slept: list[float]) -> None:
    loop = asyncio.get_running_loop()
    pause = Pause(0.001)
    pause.begin()
    until = loop.time() + 0.002
    while loop.time() < until:
        pass
    await pause.wait()
    assert slept == []
