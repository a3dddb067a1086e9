"""Files for the operator alone (mode 0600), written as a whole or not at all."""

import contextlib
import os
import secrets
from pathlib import Path


def write_new(path: Path, data: bytes) -> None:
    """Write a file that must not be there yet; its directory is made when it is missing.

    Raises:
        FileExistsError: it is there; it stays as it is.
        OSError: it can't be written; nothing of it is left.
    """
    _write(path, data, replace=False)


def write_over(path: Path, data: bytes) -> None:
    """Write a file in place of the one that may be there; it belongs to whom that belonged to.

    Raises:
        OSError: it can't be written; the old file stays.
    """
    _write(path, data, replace=True)


def _write(path: Path, data: bytes, *, replace: bool) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if replace and path.exists():
                # Root may write what the bot's own user has to read.
                before = path.stat()
                if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(descriptor, before.st_uid, before.st_gid)
            os.fsync(descriptor)
        if replace:
            os.replace(new, path)
        else:
            # link, not rename: it never replaces a file, and a crash never leaves half of one.
            os.link(new, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
