"""The last known head of the ledger, in a file apart from the database: what is cut off at its end is missed.

One head a line, appended and synced; the last one counts.
"""

import os
from pathlib import Path

from bridge.errors import OperatorError

NAME = "ledger.heads"


class Heads:
    """A file of its own, beside the epoch keys."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def last(self) -> str | None:
        """The head that was noted last; None: none was.

        Raises:
            OperatorError: it can't be read.
        """
        try:
            lines = self._path.read_text("ascii", "replace").split()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise OperatorError(f"ledger: {self._path} can't be read ({error.strerror}).") from None
        return lines[-1] if lines else None

    def note(self, head: str) -> None:
        """Append a head, if it is another one than the last.

        Raises:
            OperatorError: it can't be written.
        """
        if self.last() == head:
            return
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            with open(descriptor, "ab", buffering=0) as file:
                file.write(f"\n{head}\n".encode())  # whatever a power cut left before it
                os.fsync(descriptor)
        except OSError as error:
            raise OperatorError(f"ledger: {self._path} can't be written ({error.strerror}).") from None
