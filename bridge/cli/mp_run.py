"""`courtyard mp run`: a mini-program in this terminal."""

import asyncio
import contextlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from bridge.cli.mp_remote import Where, running
from bridge.cli.mp_tools import limits_of, load, print_logs
from bridge.errors import OperatorError
from bridge.miniprograms.events import Event
from bridge.miniprograms.program import Handled, Trapped
from bridge.miniprograms.tools import cases, recording, terminal
from bridge.miniprograms.tools.simulator import Settings, Simulator

_SOMEBODY = re.compile(r"[a-z][a-z0-9]{0,20}> ?.*")


@dataclass(frozen=True, slots=True)
class World:
    """How the simulated chat is."""

    person: str
    room: bool
    language: str
    seed: str
    grants: tuple[str, ...]

    def lines(self) -> list[str]:
        """The same as the head of a golden case."""
        head = ["@ room"] if self.room else []
        head += [f"@ language {self.language}"] if self.language != Settings().locale else []
        head += [f"@ seed {self.seed}"] if self.seed != Settings().seed else []
        return head + ([f"@ grant {' '.join(self.grants)}"] if self.grants else [])


def run(
    path: Path, world: World, record: Path | None, case: Path | None, config: Path | None, where: Where | None = None
) -> int:
    """Open the program, and give it what is typed until the input ends."""
    if not re.fullmatch(r"[a-z][a-z0-9]{0,20}", world.person):
        raise OperatorError("mp run: --as takes a name of small letters and digits.")
    limits = limits_of(config)
    program = load(path, limits)
    head = world.lines()
    settings = cases.parse("\n".join(head), "mp run").settings
    shown: list[str] = list(head)

    with contextlib.ExitStack() as stack:
        recorded = stack.enter_context(record.open("w", encoding="utf-8")) if record is not None else None
        # The loop runs for each step, and not while somebody thinks: Ctrl-C ends that at once.
        runner = stack.enter_context(asyncio.Runner())
        at = running(program, limits, where)
        program, box = runner.run(at.__aenter__())
        stack.callback(lambda: runner.run(at.__aexit__(None, None, None)))

        def seen(event: Event, handled: Handled | Trapped) -> None:
            print_logs(event, handled)
            if recorded is not None:
                recorded.write(recording.line(event, handled))

        simulator = Simulator(program, box, settings, seen, limits)
        line: str | None = f"{world.person}> open"
        while line is not None:
            shown.append(line)
            if not sys.stdin.isatty() or len(shown) == len(head) + 1:
                print(line)  # what is printed is then the whole conversation
            for output in runner.run(cases.perform(simulator, line, "mp run")):
                for text in terminal.lines(output):
                    shown.append(text)
                    print(text, flush=True)
            line = _typed(world.person)
    if sys.stdin.isatty():
        print()
    if case is not None:
        case.parent.mkdir(parents=True, exist_ok=True)
        case.write_text("\n".join(shown) + "\n", "utf-8")
        print(f"wrote {case}")
    return 0


def _typed(person: str) -> str | None:
    """The next line as a step of a case; None at the end."""
    while True:
        if sys.stdin.isatty():
            print(f"{person}> ", end="", flush=True)
        typed = sys.stdin.readline()  # nothing else is going on
        if not typed:
            return None
        line = typed.rstrip("\n")
        if re.fullmatch(r"@ wait [0-9]{1,9}", line, re.ASCII) or _SOMEBODY.fullmatch(line):
            return line
        if line.startswith("@"):
            print("There is `@ wait SECONDS`, and `bob> text` to type as somebody else.")
        elif line:
            return f"{person}> {line}"
