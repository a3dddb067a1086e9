"""Programs side by side: what is slow, and what goes wrong, is its own matter."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from bridge.db import Tx
from bridge.miniprograms.events import Event
from bridge.miniprograms.program import Handled, Program
from tests.features.apps import Engine, echo, live, packed, village
from tests.features.village import Village


class Slow(Engine):
    """A runtime in which one program takes as long as one likes."""

    def __init__(self, **functions: Any) -> None:
        super().__init__(**functions)
        self.inside = 0
        self.entered = asyncio.Event()
        self.goes_on = asyncio.Event()

    async def handle(self, program: Program, event: Event) -> Handled:
        if program.manifest.name == "slow" and event.type == "text":
            self.inside += 1
            self.entered.set()
            await self.goes_on.wait()
        return await super().handle(program, event)


def test_no_program_takes_the_places_of_others() -> None:
    """However many are in it."""
    engine = Slow(slow=echo, tester=echo)
    town = Village(runtime=engine)
    town.install(packed("slow"), packed())
    names = [f"p{number}" for number in range(6)]
    town.open("alice", *names)
    town.say("alice", "open tester")
    for name in names:
        town.say(name, "open slow")

    async def goes_on() -> None:
        for name in names:
            await town.hear(name, "good morning")
        await engine.entered.wait()
        await town.hear("alice", "good morning")
        while not engine.of("tester", "text"):  # noqa: ASYNC110 (an engine tells nobody)
            await asyncio.sleep(0.005)
        assert engine.inside == 1
        engine.goes_on.set()
        while len(engine.of("slow", "text")) < len(names):  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    with contextlib.closing(town):
        live(town, goes_on())


def test_a_fault_of_the_host_costs_one_event_and_nothing_else() -> None:
    """As it is run in earnest, in a task of its own."""
    with village(packed(), tester=echo) as (town, _):
        town.say("alice", "open tester")
        host = town.host
        assert host is not None
        commit = host._commit

        def fails(tx: Tx, ready: Any, *args: Any) -> None:
            if ready.waiting.data.get("text") == "break":
                raise RuntimeError
            commit(tx, ready, *args)

        host._commit = fails  # type: ignore[method-assign, assignment]

        work, done = host._work, asyncio.Event()

        async def observed(session_id: int) -> None:
            await work(session_id)
            done.set()

        host._work = observed  # type: ignore[method-assign]

        async def goes_on() -> None:
            for text in ("break", "mend"):
                done.clear()
                await town.hear("alice", text)
                await done.wait()

        live(town, goes_on())
        town.deliver()
        assert "mend" in town.bodies("alice")[-1]
        assert "break" not in "".join(town.bodies("alice"))
