"""Many people who do anything at all: random conversations, until an event comes to nothing."""

import random
from dataclasses import dataclass, replace

from bridge.miniprograms.events import Event
from bridge.miniprograms.manifest import Argument
from bridge.miniprograms.program import Handled, Program, Runtime, Trapped
from bridge.miniprograms.tools.conformance import TEXTS
from bridge.miniprograms.tools.simulator import Output, Settings, Simulator

_PEOPLE = ("alice", "bob", "carol")
_STEPS = 25


@dataclass(frozen=True, slots=True)
class Failure:
    """An event that came to nothing, and how it came to it."""

    seed: int
    event: Event
    trapped: Trapped
    steps: tuple[str, ...]


async def fuzz(program: Program, runtime: Runtime, seed: int) -> Failure | None:
    """One random conversation; the same for the same `seed`."""
    chance = random.Random(seed)
    failures: list[tuple[Event, Trapped]] = []

    def seen(event: Event, handled: Handled | Trapped) -> None:
        if isinstance(handled, Trapped):
            failures.append((event, handled))

    granted = [scope for scope in program.manifest.scopes if chance.random() < 0.5]
    settings = replace(
        Settings(),
        kind="room" if chance.random() < 0.5 else "dm",
        locale=chance.choice(program.manifest.languages),
        seed=str(seed),
        grants=frozenset(granted),
    )
    simulator = Simulator(program, runtime, settings, seen)
    people = _PEOPLE if settings.kind == "room" else _PEOPLE[:1]
    steps: list[str] = []
    outputs: list[Output] = []
    for _ in range(_STEPS):
        person = chance.choice(people)
        if not simulator.is_open or chance.random() < 0.05:
            payload = chance.choice((None, "x", "42"))
            steps.append(f"{person}> open {payload or ''}".rstrip())
            outputs = await simulator.open(person, payload)
        elif chance.random() < 0.05:
            steps.append("@ wait 90000")
            outputs = await simulator.wait(90_000)
        elif chance.random() < 0.02:
            steps.append(f"{person}> close")
            outputs = await simulator.close(person)
        else:
            line = _line(program, outputs, chance)
            steps.append(f"{person}> {line}")
            outputs = await simulator.type(person, line) or outputs
        if failures:
            event, trapped = failures[0]
            return Failure(seed, event, trapped, tuple(steps))
    return None


def _line(program: Program, outputs: list[Output], chance: random.Random) -> str:
    """What somebody may type who has just seen `outputs`."""
    offered = [choice for output in outputs if output.content for choice in output.content.choices or ()]
    commands = program.manifest.commands
    kind = chance.choices(("choice", "command", "text"), (6 if offered else 0, 4 if commands else 0, 2))[0]
    if kind == "choice":
        return chance.choice(offered).label
    if kind == "command":
        command = chance.choice(commands)
        given = [
            _word(argument, chance) for argument in command.arguments if argument.required or chance.random() < 0.7
        ]
        return " ".join([command.name, *given])
    return chance.choice(
        (*(text.replace("\n", " ") for text in TEXTS), "1", "2", "3", "yes", "2026-03-01", "cancel", "back")
    )


def _word(argument: Argument, chance: random.Random) -> str:
    if argument.type == "choice":
        return chance.choice(argument.choices or ()).id
    return chance.choice(
        {
            "text": ("soup", "a b c", "你好", "x" * 300),
            "integer": ("0", "1", "7", "-3", "999999999"),
            "number": ("0", "1.5", "-2", "1e3"),
            "boolean": ("yes", "no"),
            "date": ("2026-03-01", "1999-12-31"),
        }[argument.type]
    )
