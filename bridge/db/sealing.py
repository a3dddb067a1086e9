"""The port of the vault: what stores need to keep personal values sealed. `bridge.vault` implements it."""

from collections.abc import Iterable
from typing import Any, Protocol, TypeAlias

from bridge.errors import CourtyardError

Row: TypeAlias = int | str
"""What tells a row from all others of its table and owner: its id, or its name among its owner's."""

HOUSE = 0
"""Owner of what belongs to nobody in particular, such as the bot's answers in rooms. No person has this id."""


class Unreadable(CourtyardError):
    """A sealed value can't be opened: damaged, moved from another place, or its owner's key is gone."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"a sealed value can't be read: {reason}")
        self.reason = reason
        """`damaged`, `erased` or `newer`."""


class Sealing(Protocol):
    """Seals values under the key of the person they belong to (`owner`, a `PersonId` or `HOUSE`).

    Table, column, row and owner are bound to what is sealed: in any other place it does not open. Called inside
    transactions, in the database's thread.
    """

    def seal(self, owner: int, table: str, row: Row, column: str, value: Any) -> bytes:
        """`value` (anything that JSON can say), sealed.

        Raises:
            Unreadable: the owner has no key: they were erased.
        """
        ...

    def open(self, owner: int, table: str, row: Row, column: str, sealed: bytes | None) -> Any:
        """What was sealed.

        Raises:
            Unreadable
        """
        ...

    def read(self, owner: int, table: str, row: Row, column: str, sealed: bytes | None) -> Any | None:
        """The same where one damaged row must not spoil its neighbours: None when it is unreadable."""
        ...

    def prepare(self, owners: Iterable[int]) -> None:
        """Fetch the keys of several owners at once, ahead of `open`."""
        ...

    def create(self, owner: int) -> None:
        """Make a key for a new owner; it is durable at once. Nothing changes for one who has a key."""
        ...

    def lookup(self, kind: str, value: str) -> bytes:
        """A keyed hash, 32 bytes: finds a value without telling it. `kind` keeps hashes of unlike things apart."""
        ...
