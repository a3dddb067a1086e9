"""Epoch keys: each seals the backups of a day, and is destroyed when its epoch ends, with all that it alone opens."""

import base64
import binascii
import contextlib
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from bridge.config.private_file import write_new
from bridge.db.engine import now_ms
from bridge.errors import OperatorError

KEY_BYTES = 32
_DAY_MS = 24 * 3600 * 1000
_PARTS = 7
"""A key takes new backups for this part of its epoch: the first of them can be restored for all of it, the last for six
sevenths."""
_ID = re.compile(r"[0-9a-f]{16}", re.ASCII)
_SUFFIX = ".epoch"
_MAX_BYTES = 4096

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Epoch:
    """A key and its time, ms."""

    id: str
    created: int
    expires: int
    key: bytes = field(repr=False)


class Epochs:
    """The keys in a directory, which should lie on another disk or machine than what they seal. Blocks."""

    def __init__(self, directory: Path, days: int, clock: Callable[[], int] = now_ms) -> None:
        self.directory = directory
        self._lasts_ms = days * _DAY_MS
        self.clock = clock

    def current(self) -> Epoch:
        """The key for a backup that is made now: the newest if it is young enough, else a new one.

        Raises:
            OperatorError: the directory can't be used.
        """
        now = self.clock()
        with self._errors("used"):
            young = [
                epoch
                for path in self._files()
                if (epoch := _read(path)) is not None
                and epoch.created > now - self._lasts_ms // _PARTS
                and epoch.expires > now
            ]
            if young:
                return max(young, key=lambda epoch: epoch.created)
            new = Epoch(secrets.token_hex(8), now, now + self._lasts_ms, secrets.token_bytes(KEY_BYTES))
            value = {
                "id": new.id,
                "created": new.created,
                "expires": new.expires,
                "key": base64.b64encode(new.key).decode(),
            }
            write_new(self._path(new.id), (json.dumps(value) + "\n").encode())
            return new

    def find(self, epoch_id: str) -> Epoch | None:
        """The key with this id; None when it is not there, or its time is over.

        Raises:
            OperatorError: the directory can't be used.
        """
        if not _ID.fullmatch(epoch_id):
            return None
        with self._errors("read"):
            epoch = _read(self._path(epoch_id))
        return epoch if epoch is not None and epoch.expires > self.clock() else None

    def destroy_ended(self) -> int:
        """Destroy the keys whose time is over; how many there were.

        Raises:
            OperatorError: one can't be destroyed.
        """
        now, count = self.clock(), 0
        with self._errors("cleaned up"):
            for path in self._files():
                with contextlib.suppress(FileNotFoundError):  # another process was quicker
                    epoch = _read(path)
                    # A file that can't be read any more has no time in it: what it was is over by its age.
                    ends = path.stat().st_mtime_ns // 1_000_000 + self._lasts_ms if epoch is None else epoch.expires
                    if ends <= now:
                        _destroy(path)
                        count += 1
            if count:
                _sync(self.directory)
        if count:
            log.info("epoch keys were destroyed: their backups can't be restored any more", count=count)
        return count

    def _files(self) -> list[Path]:
        if not self.directory.exists():
            return []
        return sorted(p for p in self.directory.glob(f"*{_SUFFIX}") if _ID.fullmatch(p.name.removesuffix(_SUFFIX)))

    def _path(self, epoch_id: str) -> Path:
        return self.directory / f"{epoch_id}{_SUFFIX}"

    @contextlib.contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OperatorError(
                f"backup: the epoch keys in {self.directory} can't be {what} ({error.strerror}); check "
                "`backup.epoch_dir` and its owner."
            ) from None


def _read(path: Path) -> Epoch | None:
    """The key in a file; None: there is none."""
    try:
        with path.open("rb") as file:
            value: Any = json.loads(file.read(_MAX_BYTES))
        key = base64.b64decode(value["key"], validate=True)
        created, expires = value["created"], value["expires"]
    except (FileNotFoundError, binascii.Error, ValueError, TypeError, KeyError, RecursionError):
        return None
    if type(created) is not int or type(expires) is not int or len(key) != KEY_BYTES:
        return None
    return Epoch(path.name.removesuffix(_SUFFIX), created, expires, key)


def _destroy(path: Path) -> None:
    """Overwrite, then delete: a deleted file alone could be undeleted."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        for data in (os.urandom(size), bytes(size)):
            os.pwrite(descriptor, data, 0)
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.unlink(path)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
