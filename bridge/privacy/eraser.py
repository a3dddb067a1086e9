"""The port for the end of an account: what each feature does then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bridge.chat.command import Person
from bridge.db import Tx


class Eraser(Protocol):
    """Part of a feature. Whatever it must read of the person is there until the last step is done; afterwards their row
    goes, and with it every row that leads to it, and their key."""

    def count(self, tx: Tx, person: Person) -> Mapping[str, int]:
        """What there is of this person, by class: a name (the catalogue's `erasure-NAME`) and how many."""
        ...

    def erase(self, tx: Tx, person: Person, most: int) -> bool:
        """Do up to about `most` things: take back what others were sent of theirs, delete what is nobody else's.

        Called in one transaction after another until it returns False: nothing is left. After a crash it goes on.
        """
        ...

    def finish(self, tx: Tx, person: Person) -> None:
        """The last step, in the transaction that deletes the person's row. To others the person vanishes with it."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody elsewhere who keeps something of a person, and was told that they are gone."""

    state: str
    """What came of it: the catalogue's `erasure-told-STATE`."""
    about: Mapping[str, Any]
    """What that text speaks of."""
    document: Mapping[str, Any]
    """All of it, as JSON: part of what the digest of the receipt is of."""


class Teller(Eraser, Protocol):
    """One that also tells others, elsewhere, that somebody is gone. What is still to be told when the person's row goes
    is told afterwards."""

    def is_awaited(self, tx: Tx, person: Person) -> bool:
        """Whether the end is to wait a little, as an answer may come."""
        ...

    def told(self, tx: Tx, person: Person) -> Sequence[Told]:
        """What the person is told of it, in their last message."""
        ...
