"""Files that hold keys: the operator's, never the program's."""

import base64
import contextlib
import os
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path

from bridge.config.private_file import write_new, write_over
from bridge.errors import OperatorError

KEY_BYTES = 32
_MAX_BYTES = 4096


def read_key_file(path: Path, what: str) -> str:
    """The text of a key file. `what` names the key in errors.

    Raises:
        FileNotFoundError
        OperatorError: it can't be read, or may be read or written by others.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            raw = file.read(_MAX_BYTES)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise OperatorError(f"{what}: {path} can't be read ({error.strerror}); check its permissions.") from None
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        raise OperatorError(f"{what}: {path} is open to everybody on this machine; run: chmod 600 {path}")
    return raw.decode("ascii", "replace").strip()


def new_key() -> str:
    """A new key as it stands in a file: 32 random bytes in base64."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def create_key_file(path: Path, what: str) -> None:
    """Write a new key (mode 0600) unless there is a file: another start may have been quicker, and its key is the key.

    Raises:
        OperatorError: it can't be written.
    """
    try:
        with contextlib.suppress(FileExistsError):
            write_new(path, f"{new_key()}\n".encode())
    except OSError as error:
        raise OperatorError(f"{what}: {path} can't be written ({error.strerror}); check the directory.") from None


def write_key_file(path: Path, keys: Sequence[str], what: str) -> None:
    """Write keys, one a line, in place of those that are there: all of them or none, and for their owner alone.

    Raises:
        OperatorError: it can't be written; the old file stays.
    """
    try:
        write_over(path, "".join(f"{key}\n" for key in keys).encode())
    except OSError as error:
        raise OperatorError(f"{what}: {path} can't be written ({error.strerror}); nothing was changed.") from None
