"""The key that seals the crypto store: the operator's, never the program's."""

import base64
import binascii
import contextlib
import os
import secrets
import stat
from pathlib import Path

from bridge.config.private_file import write_new
from bridge.errors import OperatorError

KEY_BYTES = 32


def load_or_create_store_key(path: Path, *, may_create: bool = True) -> bytes:
    """The 32 bytes in the file at `path`; with `may_create`, a new key is made (mode 0600) when there is none.

    Raises:
        OperatorError: the file can't be read or written, is no key, or may be read by others.
    """
    for _ in range(2):
        try:
            return _load(path)
        except FileNotFoundError:
            if not may_create:
                raise OperatorError(
                    f"store key: {path} is missing, so the encryption keys in the database can't be read. "
                    "Put the file back; to give up the old device, remove the database as well."
                ) from None
            _create(path)
    raise OperatorError(f"store key: {path} disappears while it is used; start only one program with it.")


def _load(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            raw = file.read(1024)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise OperatorError(f"store key: {path} can't be read ({error.strerror}); check its permissions.") from None
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        raise OperatorError(f"store key: {path} is open to everybody on this machine; run: chmod 600 {path}")
    try:
        key = base64.b64decode(raw.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise OperatorError(f"store key: {path} does not hold 32 bytes in base64. Put back the file that was there.")
    return key


def _create(path: Path) -> None:
    try:
        # Another start that was quicker: its key is the key.
        with contextlib.suppress(FileExistsError):
            write_new(path, base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
    except OSError as error:
        raise OperatorError(f"store key: {path} can't be written ({error.strerror}); check the directory.") from None
