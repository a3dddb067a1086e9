"""The programs that come with Courtyard: their golden cases, the public suite, and random conversations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.config.programs import MiniProgramsConfig
from bridge.miniprograms import builtin, package
from bridge.miniprograms.effects import KvGet, KvSet, UiSend
from bridge.miniprograms.events import Command, CommandEvent, Kept, KvResultEvent, Stored
from bridge.miniprograms.manifest import in_language
from bridge.miniprograms.program import Program
from bridge.miniprograms.sandbox import Sandbox
from bridge.miniprograms.tools import cases, conformance, fuzzing, project
from tests.sandbox.made import opened, sandbox

LIMITS = MiniProgramsConfig()
FOLDERS = builtin.folders()
CASES = [file for folder in FOLDERS for file in sorted((folder / project.CASES).glob("*.txt"))]


@pytest.fixture(scope="module")
async def box() -> AsyncIterator[Sandbox]:
    box = sandbox()
    yield box
    await box.close()


def named(path: Path) -> str:
    return path.stem


def load(name: str) -> Program:
    return project.load(builtin.FOLDER / name, LIMITS)


def test_they_are_there() -> None:
    assert [folder.name for folder in FOLDERS] == ["canteen", "gomoku", "poll", "split", "tickets", "word"]


@pytest.mark.parametrize("case", CASES, ids=lambda file: f"{file.parts[-3]}-{file.stem}")
async def test_a_golden_case(box: Sandbox, case: Path) -> None:
    read = cases.read(case)
    assert await cases.played(read, project.load(case.parents[1], LIMITS), box) == read.text, "run: courtyard mp test"


@pytest.mark.parametrize("folder", FOLDERS, ids=named)
async def test_it_stands_what_every_program_has_to_stand(box: Sandbox, folder: Path) -> None:
    program = project.load(folder, LIMITS)
    assert [result for result in await conformance.run(program, box) if result.fault] == []
    for seed in range(8):
        assert await fuzzing.fuzz(program, box, seed) is None


@pytest.mark.parametrize("folder", FOLDERS, ids=named)
def test_it_is_written_as_others_are(folder: Path) -> None:
    program = project.load(folder, LIMITS)
    assert program.manifest.name == folder.name
    assert program.manifest.languages == ("en", "zh")
    assert list(project.hints(program)) == []
    for where, text in program.manifest.texts():
        assert in_language(text, "zh") != in_language(text, "en"), where
    assert {cases.read(file).settings.locale for file in CASES if file.parents[1] == folder} == {"en", "zh"}
    assert package.read(package.pack(program), LIMITS).program == program


async def test_a_seat_that_somebody_else_took_in_the_meantime_is_not_sold(box: Sandbox) -> None:
    program = load("tickets")
    show: Any = {"n": 1, "title": "Choir", "when": 0, "rows": 1, "columns": 2, "owner": "u9"}
    events = Stored(value=[show], version=1)
    about = opened().model_dump(exclude={"type", "data", "id", "state"})

    async def give(number: int, state: Any, data: Command | Kept) -> tuple[Any, Any]:
        kind = CommandEvent if isinstance(data, Command) else KvResultEvent
        event = kind(**about, id=f"e{number}", state=state, data=data)  # type: ignore[arg-type]
        answer = (await box.handle(program, event)).answer
        assert len(answer.effects) == 1
        return answer.state, answer.effects[0]

    def result(wanted: Any, *, ok: bool = True, seats: Stored) -> Kept:
        effect = wanted.effect
        op: Any = effect.type.removeprefix("kv.")
        items = {"seats/1": seats} if op == "set" else {"events": events, "seats/1": seats}
        error: Any = None if ok else "conflict"
        return Kept(effect=wanted.id, tag=effect.tag, op=op, space="program", ok=ok, error=error, items=items)

    state, read = await give(1, None, Command(name="book", args={"event": 1, "seat": "A1"}))
    assert isinstance(read.effect, KvGet)
    state, write = await give(2, state, result(read, seats=Stored(value=None, version=0)))
    assert isinstance(write.effect, KvSet)
    assert write.effect.if_version == 0
    taken = Stored(value={"A1": {"code": "x", "in": False}}, version=1)
    state, again = await give(3, state, result(write, ok=False, seats=taken))
    assert isinstance(again.effect, KvGet)
    state, told = await give(4, state, result(again, seats=taken))
    assert isinstance(told.effect, UiSend)
    assert told.effect.text == "A1 is taken."
