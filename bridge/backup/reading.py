"""Reading a backup: decrypting it, and seeing that it is whole and the bot's own before anything is done with it."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pyrage

from bridge.backup.records import Damaged, Header, Lines, Mac, Newer, Record, Seal, decoded, parse_header, record
from bridge.errors import OperatorError

_MAX_IDENTITY = 65_536


def read_identities(path: Path) -> list[pyrage.x25519.Identity]:
    """The secret keys in a file as age-keygen writes it.

    Raises:
        OperatorError: it can't be read, or holds none.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_IDENTITY).decode("utf-8", "replace")
    except OSError as error:
        raise OperatorError(f"restore: the identity {path} can't be read ({error.strerror}).") from None
    try:
        lines = [line.strip() for line in text.splitlines()]
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except pyrage.IdentityError:
        found = []
    if not found:
        raise OperatorError(f"restore: {path} holds no secret key of age (AGE-SECRET-KEY-1…).")
    return found


class BackupFile:
    """One backup, read as often as needed from the file as it was opened."""

    def __init__(self, path: Path, identities: list[pyrage.x25519.Identity], store_key: bytes) -> None:
        """Reads all of it once.

        Raises:
            OperatorError: it can't be opened, is damaged, newer than the program, or not written by this bot.
        """
        self.path = path
        self._identities = identities
        self._store_key = store_key
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise OperatorError(f"restore: {path} can't be read ({error.strerror}).") from None
        try:
            if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
                raise OperatorError(f"restore: {path} is no file.")
            self.header = self._check()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        os.close(self._descriptor)

    def read(self, seal: Seal | None, take: Callable[[Record], None]) -> None:
        """Give each record to `take`, in order; without `seal`, the sealed ones are left out.

        Raises:
            OperatorError: it can't be read any more, or what is sealed was sealed with another key.
        """
        place = 0

        def line(data: bytes) -> None:
            nonlocal place
            value = decoded(data)
            if isinstance(value, list):
                take(record(value))
            elif place and "sealed" in value and seal is not None:
                take(seal.open(place, value["sealed"]))
            place += 1

        self._run(line)

    def _check(self) -> Header:
        mac = Mac(self._store_key)
        header: Header | None = None
        ours = False
        ended = False

        def line(data: bytes) -> None:
            nonlocal header, ours, ended
            if header is None:
                header = parse_header(data)
            elif ended:
                raise Damaged
            elif data.startswith(b'{"end"'):
                ended = True
                ours = mac.is_end(decoded(data))
            elif not data.startswith((b'{"sealed"', b"[")):
                raise Damaged
            mac.add(data)

        self._run(line)
        if header is None or not ended:
            raise self._damaged()
        if not ours:
            raise OperatorError(
                f"restore: {self.path} was written with another store key, or by somebody else; put the store key in "
                "place that the bot had then (`secrets.store_key_file`)."
            )
        return header

    def _run(self, line: Callable[[bytes], None]) -> None:
        lines = Lines(line)
        try:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            with open(self._descriptor, "rb", closefd=False) as file:
                pyrage.decrypt_io(file, lines, self._identities)
            lines.finish()
        except Newer:
            raise OperatorError(f"restore: {self.path} is of a newer Courtyard; install that one.") from None
        except Damaged:
            raise self._damaged() from None
        except pyrage.DecryptError as error:
            if "No matching keys" in str(error):
                raise OperatorError(
                    f"restore: the identity does not open {self.path}; it is encrypted to another recipient."
                ) from None
            raise self._damaged() from None
        except OSError as error:
            if error.errno is None:  # age's own
                raise self._damaged() from None
            raise OperatorError(f"restore: {self.path} can't be read ({error.strerror}).") from None

    def _damaged(self) -> OperatorError:
        return OperatorError(f"restore: {self.path} is no backup of Courtyard, or it is damaged or cut off.")
