"""The list of erasures: who was erased, in a file apart from the databases, so that it outlives the loss of them.

One JSON object a line, appended and synced before a key is destroyed: what is restored later from an older copy of
the key store is destroyed again.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from bridge.errors import OperatorError

NAME = "erasures.jsonl"


class ErasureList:
    """Owners (see `bridge.db.sealing`) and when their keys were destroyed, ms. Nothing else about anybody."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, owners: Mapping[int, int]) -> None:
        """Append owner → time. It is on the disk when this returns.

        Raises:
            OperatorError: it can't be written: nothing may be destroyed then.
        """
        if not owners:
            return
        data = "".join(f'{{"owner": {owner}, "at": {at}}}\n' for owner, at in sorted(owners.items())).encode()
        try:
            is_new = not self._path.exists()
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            with open(descriptor, "rb+", buffering=0) as file:
                size = os.fstat(descriptor).st_size
                if size and os.pread(descriptor, 1, size - 1) != b"\n":
                    data = b"\n" + data  # a power cut left half a line
                file.write(data)
                os.fsync(descriptor)
            if is_new:
                _sync_directory(self._path.parent)
        except OSError as error:
            raise OperatorError(
                f"erasures: {self._path} can't be written ({error.strerror}), so nothing was erased; check the "
                "directory (`backup.epoch_dir`)."
            ) from None

    def read(self) -> dict[int, int]:
        """Owner → when.

        Raises:
            OperatorError: it can't be read, or is damaged.
        """
        found: dict[int, int] = {}
        try:
            with self._path.open("rb") as file:
                for number, line in enumerate(file, 1):
                    entry = _parsed(line)
                    if entry is not None:
                        found.setdefault(*entry)
                    elif line.strip() and not _is_torn(line):
                        raise OperatorError(
                            f"erasures: line {number} of {self._path} is damaged; put back the file as it was, or "
                            "delete this line if you know that it names nobody."
                        )
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise OperatorError(
                f"erasures: {self._path} can't be read ({error.strerror}); check its permissions."
            ) from None
        return found


def _parsed(line: bytes) -> tuple[int, int] | None:
    try:
        entry = json.loads(line[:200])
        owner, at = entry["owner"], entry["at"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    # 0 and below own what is everybody's: such a line would destroy all.
    if type(owner) is not int or type(at) is not int or not 0 < owner < 1 << 63:
        return None
    return owner, at


def _is_torn(line: bytes) -> bool:
    """What a power cut in `add` may leave: the beginning of a line. Its owner's key was not destroyed then."""
    return b"}" not in line


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
