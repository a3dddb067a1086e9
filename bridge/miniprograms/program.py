"""A mini-program as a value, and who runs it."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

from bridge.errors import CourtyardError
from bridge.miniprograms.answer import Answer
from bridge.miniprograms.events import Event
from bridge.miniprograms.faults import Fault
from bridge.miniprograms.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Program:
    manifest: Manifest
    source: str
    """JavaScript that defines `handle(event)`; empty for a program on a server."""
    signing: bytes | None = field(default=None, repr=False, compare=False)
    """The secret key under which requests to its server are signed (32 bytes): of this installation, not of the
    program's."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A developer's word, signed, that what was kept of somebody is deleted (D11)."""

    at: int
    """Seconds since 1970, UTC."""
    key: str
    """`ed25519:…`, of the manifest."""
    signature: str


@dataclass(frozen=True, slots=True)
class Handled:
    """What one event led to. Nothing of it was performed yet."""

    answer: Answer
    logs: tuple[str, ...] = ()
    """What the program wrote to its console; for its developer."""
    fuel: int = 0
    """Instructions that it took."""
    receipt: Receipt | None = None
    """When somebody has left for good: of a program on a server, whose manifest has a key for that."""


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
    "refused": "the program's server refused the event",
    "unreachable": "the program's server can't be reached",
    "overdue": "the program's server had no answer in time",
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


class NotNow(CourtyardError):
    """There is no answer yet, and the same event is to be given again.

    Args:
        kind: `deferred`: the server works on it; `unreachable`: it did not answer, or with a fault of its own;
            `paused`: it did not answer of late and was not asked.
        after: seconds from now; None: the host decides.
    """

    def __init__(
        self, kind: Literal["deferred", "unreachable", "paused"], after: float | None = None, detail: str = ""
    ) -> None:
        self.kind = kind
        self.after = after
        super().__init__(f"no answer yet: {kind}{', ' + detail if detail else ''}")


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
            NotNow: it is to be given again; only where the program is on a server.
        """
        ...
