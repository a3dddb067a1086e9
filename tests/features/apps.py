"""Programs for tests: the real engine in this process, programs as Python functions, and what they were told."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest

from bridge.config.programs import ProgramsConfig
from bridge.miniprograms import answer, builtin, package
from bridge.miniprograms.events import Event
from bridge.miniprograms.faults import Faulty
from bridge.miniprograms.machine import Job, Machine, read_prelude
from bridge.miniprograms.manifest import Manifest
from bridge.miniprograms.package import Package
from bridge.miniprograms.program import Handled, Program, Receipt, Trapped
from bridge.miniprograms.strict_json import dump
from bridge.miniprograms.tools import project
from tests.features.village import Village
from tests.sandbox.made import artifact
from tests.unit.miniprograms.fakes import does, says

LIMITS = ProgramsConfig()
Handle = Callable[[dict[str, Any]], dict[str, Any]]


class Engine:
    """A `Runtime`: JavaScript in the real engine, or functions by the name of their program. Remembers every event."""

    def __init__(self, **functions: Handle) -> None:
        self.functions = functions
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.servers: list[str | None] = []
        """For each of these, the server that was told."""
        self.receipt: Receipt | None = None
        """What developers sign when somebody leaves for good."""

    async def handle(self, program: Program, event: Event) -> Handled:
        name, given = program.manifest.name, json.loads(event.model_dump_json())
        self.told.append((name, given))
        self.servers.append(program.manifest.server)
        function = self.functions.get(name)
        fuel = 0
        if function is not None:
            raw = json.dumps(function(given)).encode()
        else:
            job = Job(program.source, dump(given).decode(), event.now, event.seed, 100, 32 * 1024 * 1024, 65_536)
            ran = machine().run(job)
            if ran.outcome != "answer":
                raise Trapped(ran.outcome)
            raw, fuel = ran.answer, ran.fuel
        try:
            receipt = self.receipt if given["data"] == {"reason": "left"} else None
            return Handled(answer.read(raw, event, program.manifest, LIMITS), (), fuel, receipt)
        except Faulty as faulty:
            raise Trapped("answer", faults=faulty.faults) from None

    def of(self, name: str, kind: str | None = None) -> list[dict[str, Any]]:
        """What a program was told."""
        return [event for whose, event in self.told if whose == name and kind in (None, event["type"])]

    def at(self, server: str | None, kind: str | None = None) -> list[dict[str, Any]]:
        """What a server was told, or what programs were told that run here."""
        told = zip(self.told, self.servers, strict=True)
        return [event for (_, event), where in told if where == server and kind in (None, event["type"])]


@cache
def machine() -> Machine:
    return Machine(artifact(), read_prelude())


@cache
def built_in(name: str) -> Package:
    """A program that comes with Courtyard."""
    [folder] = [folder for folder in builtin.folders() if folder.name == name]
    return package.read(package.pack(project.load(folder, LIMITS)), LIMITS)


def packed(name: str = "tester", source: str = "", **changes: Any) -> Package:
    """A program of the tests."""
    about: dict[str, Any] = {
        "manifest": 1,
        "name": name,
        "version": "1.0.0",
        "title": name.title(),
        "description": "A program of the tests.",
        "languages": ("en",),
        "main": "main.js",
    }
    program = Program(Manifest(**{**about, **changes}), source or "function handle(event) {}")
    return package.read(package.pack(program), LIMITS)


@contextmanager
def village(
    *packages: Package, limits: ProgramsConfig | None = None, **functions: Any
) -> Iterator[tuple[Village, Engine]]:
    engine = Engine(**functions)
    one = Village(runtime=engine, apps_limits=limits)
    one.install(*packages)
    one.open("alice", "bob")
    try:
        yield one, engine
    finally:
        one.close()


def live(town: Village, work: Coroutine[Any, Any, None], seconds: float = 20) -> None:
    """Something happens while programs are run in earnest, in tasks of their own."""

    async def lives() -> None:
        assert town.host is not None
        running = asyncio.create_task(town.host.run())
        async with asyncio.timeout(seconds):
            await work
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    town.live(lives())


def echo(event: dict[str, Any]) -> dict[str, Any]:
    return does(says(f"{event['type']} {event['data']}"), state=(event["state"] or 0) + 1)


def killed_before_commit(town: Village, text: str) -> Callable[[], None]:
    """Alice says something; the process ends when what a program answered was to be written, and starts again. What is
    given back writes it after all."""
    host = town.host
    assert host is not None
    commit, killed = host._commit, []

    def dies(*args: Any) -> None:
        killed.append(args)
        raise KeyboardInterrupt  # the process ends before the transaction does

    host._commit = dies  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        town.say("alice", text)
    host._commit = commit  # type: ignore[method-assign]
    town.run_programs()
    town.deliver()
    [ready] = killed

    def write() -> None:
        town.db.run_sync(lambda tx: commit(tx, *ready[1:]))
        town.deliver()

    return write
