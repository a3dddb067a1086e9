"""A row that is being sent."""

from dataclasses import dataclass
from enum import Enum

from bridge.chat.reply import CopyRef
from bridge.delivery.ports import Outgoing
from bridge.ids import EventId


class What(Enum):
    SEND = "send"
    REDACT = "redact"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row that is being sent: nobody else takes it until it is settled."""

    row_id: int
    what: What
    outgoing: Outgoing
    attempts: int
    """This one included."""
    copy: CopyRef
    person_id: int | None
    target_event: EventId | None
    rendering: bytes | None = None
    """A keyed hash of what its reader reads; None: nothing that is compared later."""
    tried: bytes | None = None
    """What to know by whether the next try says the same."""
    unsure: bool = False
    """It changed between two tries, and nobody knows which of them arrived."""
    answers: EventId | None = None
    """The event that it is an answer to."""
    alone: bool = False
    """Nothing else was to be sent to its room when it was claimed."""
    due_since: int = 0
    """Of an answer: when the event came that it answers, ms since the epoch."""
