"""A mini-program as a value, and who runs it."""

from dataclasses import dataclass, field
from typing import Protocol

from bridge.errors import CourtyardError
from bridge.miniprograms.answer import Answer
from bridge.miniprograms.events import Event
from bridge.miniprograms.faults import Fault
from bridge.miniprograms.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Program:
    manifest: Manifest
    source: str
    """JavaScript that defines `handle(event)`."""


@dataclass(frozen=True, slots=True)
class Handled:
    """What one event led to. Nothing of it was performed yet."""

    answer: Answer
    logs: tuple[str, ...] = ()
    """What the program wrote to its console; for its developer."""
    fuel: int = 0
    """Instructions that it took."""


WHAT = {
    "error": "the program threw an error",
    "answer": "the program's answer is not valid",
    "event": "the event is larger than events may be",
    "cpu": "the program took too much time",
    "memory": "the program took too much memory",
    "stack": "the program called itself too deeply",
    "output": "the program's answer is larger than answers may be",
    "crash": "the JavaScript engine failed",
    "silent": "the process that runs programs gave no answer",
    "failed": "the process that runs programs ended",
    "busy": "too many events are waiting",
}
"""Every way in which an event can come to nothing."""


class Trapped(CourtyardError):
    """An event that came to nothing: nothing is committed. The text is for the developer, not for people."""

    def __init__(
        self,
        kind: str,
        *,
        detail: str = "",
        faults: tuple[Fault, ...] = (),
        logs: tuple[str, ...] = (),
    ) -> None:
        self.kind = kind
        self.faults = faults
        self.logs = logs
        self.detail = detail
        lines = [f"{WHAT[kind]}{': ' + detail if detail else ''}", *(f"  {fault}" for fault in faults)]
        super().__init__("\n".join(lines))


@dataclass(frozen=True, slots=True)
class ScriptError:
    """What a program threw, with the place in its own file."""

    name: str
    message: str
    places: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        where = f" (at {', '.join(self.places)})" if self.places else ""
        return f"{self.name}: {self.message}{where}"


class Runtime(Protocol):
    """Runs programs: the sandbox here, a server of the developer's elsewhere."""

    async def handle(self, program: Program, event: Event) -> Handled:
        """Give `event` to `program`.

        Raises:
            Trapped: it came to nothing.
        """
        ...
