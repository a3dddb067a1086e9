"""Golden cases: a conversation as a text file, in which what people type and what they see stand as they appeared.

    # Two people say hello.
    @ room
    alice> open
    | Hello!
    |   1. Wave
    alice> 1

Lines of a person begin with their name and `>`; `open [payload]` and `close` are as in the chat. `@` sets how the world
is (before the first step) or lets time pass (`@ wait SECONDS`). `|` is a message, `*` one that changes an earlier one,
`!` an event that came to nothing. A case passes when the file, written anew, is the same.
"""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

from bridge.config.programs import MiniProgramsConfig
from bridge.errors import OperatorError
from bridge.miniprograms.program import Program, Runtime
from bridge.miniprograms.tools import terminal
from bridge.miniprograms.tools.simulator import Fetch, Output, Settings, Simulator

MAX_BYTES = 262_144
_DEFAULTS = MiniProgramsConfig()
_PERSON = re.compile(r"(?P<who>[a-z][a-z0-9]{0,20})> ?(?P<line>.*)")
_SHOWN = ("|", "*", "!")


@dataclass(frozen=True, slots=True)
class Step:
    """One line that does something."""

    line: str
    number: int
    """Line in the file."""


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    text: str
    settings: Settings
    head: tuple[str, ...]
    """Comments and settings before the first step."""
    steps: tuple[tuple[tuple[str, ...], Step], ...]
    """Each with the comments and empty lines that stand before it."""


def read(file: Path) -> Case:
    """The case in `file`.

    Raises:
        OperatorError: a line is none that a case may have.
    """
    try:
        raw = file.read_bytes()
        text = raw[:MAX_BYTES].decode("utf-8")
    except (OSError, UnicodeDecodeError):
        raise OperatorError(f"{file}: can't be read as UTF-8 text.") from None
    return parse(text, str(file))


def parse(text: str, name: str) -> Case:
    """The case that `text` spells."""
    settings = Settings()
    head: list[str] = []
    between: list[str] = []
    steps: list[tuple[tuple[str, ...], Step]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith(_SHOWN):
            continue
        if line.startswith("@") and not line.startswith("@ wait "):
            if steps:
                raise OperatorError(f"{name}:{number}: how the world is stands before the first step.")
            settings = _set(settings, line[1:].strip(), f"{name}:{number}")
            head.append(line)
        elif line.startswith("@") or _PERSON.fullmatch(line):
            steps.append((tuple(between), Step(line, number)))
            between = []
        elif line.strip() and not line.startswith("#"):
            raise OperatorError(f"{name}:{number}: should be `NAME> …`, `@ …`, `# …` or something that is shown.")
        elif steps:
            between.append(line)
        else:
            head.append(line)
    return Case(name, text, settings, tuple(head), tuple(steps))


async def played(case: Case, program: Program, runtime: Runtime, limits: MiniProgramsConfig = _DEFAULTS) -> str:
    """The text of the case as it is now."""
    simulator = Simulator(program, runtime, case.settings, limits=limits)
    lines = list(case.head)
    for before, step in case.steps:
        lines += [line for line in before if line or lines[-1:] != [""]]
        lines.append(step.line)
        for output in await perform(simulator, step.line, f"{case.name}:{step.number}"):
            lines += terminal.lines(output)
    return "\n".join(lines).rstrip("\n") + "\n"


async def perform(simulator: Simulator, line: str, where: str) -> list[Output]:
    """Do what a step says."""
    if line.startswith("@"):
        seconds = line.removeprefix("@ wait ").strip()
        if not re.fullmatch(r"[0-9]{1,9}", seconds, re.ASCII):
            raise OperatorError(f"{where}: should be `@ wait SECONDS`.")
        return await simulator.wait(int(seconds))
    found = _PERSON.fullmatch(line)
    assert found is not None
    who, said = found["who"], found["line"]
    word, _, rest = said.partition(" ")
    if word == "open":
        return await simulator.open(who, rest.strip() or None)
    if said == "close":
        return await simulator.close(who)
    return await simulator.type(who, said)


def _set(settings: Settings, line: str, where: str) -> Settings:
    word, _, rest = line.partition(" ")
    rest = rest.strip()
    if line == "room":
        return replace(settings, kind="room")
    if word == "language" and re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?", rest):
        return replace(settings, locale=rest)
    if word == "now" and re.fullmatch(r"[0-9]{1,11}", rest, re.ASCII):
        return replace(settings, now=int(rest))
    if word == "seed" and rest:
        return replace(settings, seed=rest)
    if word == "grant" and rest:
        return replace(settings, grants=settings.grants | set(rest.split()))
    if word == "profile" and "=" in rest:
        name, _, value = rest.partition("=")
        return replace(settings, profile={**settings.profile, name.strip(): value.strip()})
    if word == "fetch":
        found = re.fullmatch(r"(\S+) ([1-5][0-9][0-9])(?: (.*))?", rest)
        if found is not None:
            answer = Fetch(int(found[2]), found[3] or "", {"content-type": _content_type(found[3] or "")})
            return replace(settings, fetches={**settings.fetches, found[1]: answer})
    raise OperatorError(
        f"{where}: there is `@ room`, `@ language L`, `@ now SECONDS`, `@ seed TEXT`, `@ grant SCOPE…`, "
        "`@ profile FIELD = VALUE`, `@ fetch URL STATUS BODY` and `@ wait SECONDS`."
    )


def _content_type(body: str) -> str:
    try:
        json.loads(body)
    except ValueError:
        return "text/plain"
    return "application/json"
