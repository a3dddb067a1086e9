"""What the guest finds where a system would be: nothing. A clock that stands still, and a bounded place to write to.

The engine was built for WASI and imports its functions; each is answered here with a fixed value (WASI preview 1).
"""

from collections.abc import Callable

import wasmtime

MODULE = "wasi_snapshot_preview1"

_SUCCESS, _BADF, _FAULT, _NOSYS = 0, 8, 21, 52
_MAX_PARTS = 64

_NOTHING = (
    "fd_close", "fd_fdstat_set_flags", "fd_prestat_get", "fd_prestat_dir_name", "fd_read", "fd_readdir", "fd_seek",
    "path_create_directory", "path_filestat_get", "path_filestat_set_times", "path_open", "path_remove_directory",
    "path_rename", "path_unlink_file", "poll_oneoff",
)  # fmt: skip


class TooMuchOutput(Exception):
    """More was written than there is room for."""


class Ended(Exception):
    """The guest wants to end the process."""


class System:
    """The system of one event.

    Args:
        now: what every clock says, in seconds since 1970.
        room: bytes that may be written in all.
    """

    def __init__(self, now: int, room: int) -> None:
        self._now = now
        self._room = room
        self.written = bytearray()
        self.memory: wasmtime.Memory | None = None
        self.store: wasmtime.Store | None = None

    def function(self, name: str) -> Callable[..., int | None]:
        """What stands in for the WASI function `name`.

        Raises:
            LookupError: there is no such function; the guest is none that we know.
        """
        if name in _NOTHING:
            return self._bad_descriptor if name.startswith("fd_") else self._not_there
        known: dict[str, Callable[..., int | None]] = {
            "clock_time_get": self._clock_time_get,
            "environ_get": self._environ_get,
            "environ_sizes_get": self._environ_sizes_get,
            "fd_fdstat_get": self._fd_fdstat_get,
            "fd_write": self._fd_write,
            "proc_exit": self._proc_exit,
        }
        return known[name]

    def _bad_descriptor(self, *_: int) -> int:
        return _BADF

    def _not_there(self, *_: int) -> int:
        return _NOSYS

    def _clock_time_get(self, _clock: int, _precision: int, to: int) -> int:
        return self._put(to, (self._now * 1_000_000_000).to_bytes(8, "little"))

    def _environ_get(self, _list: int, _texts: int) -> int:
        return _SUCCESS

    def _environ_sizes_get(self, count: int, size: int) -> int:
        return self._put(count, bytes(4)) or self._put(size, bytes(4))

    def _fd_fdstat_get(self, descriptor: int, to: int) -> int:
        if descriptor not in (1, 2):
            return _BADF
        return self._put(to, b"\x02" + bytes(23))  # a character device: written at once

    def _fd_write(self, descriptor: int, parts: int, count: int, to: int) -> int:
        if descriptor not in (1, 2) or not 0 <= count <= _MAX_PARTS:
            return _BADF
        table = self._get(parts, 8 * count)
        if table is None:
            return _FAULT
        total = 0
        for index in range(count):
            place = int.from_bytes(table[8 * index : 8 * index + 4], "little")
            length = int.from_bytes(table[8 * index + 4 : 8 * index + 8], "little")
            if len(self.written) + length > self._room:
                raise TooMuchOutput
            data = self._get(place, length)
            if data is None:
                return _FAULT
            if descriptor == 1:
                self.written += data
            total += length
        return self._put(to, total.to_bytes(4, "little"))

    def _proc_exit(self, _status: int) -> None:
        raise Ended

    def _get(self, at: int, length: int) -> bytes | None:
        assert self.memory is not None
        assert self.store is not None
        at &= 0xFFFFFFFF
        if at + length > self.memory.data_len(self.store):
            return None
        return bytes(self.memory.read(self.store, at, at + length))

    def _put(self, at: int, data: bytes) -> int:
        assert self.memory is not None
        assert self.store is not None
        at &= 0xFFFFFFFF
        if at + len(data) > self.memory.data_len(self.store):
            return _FAULT
        self.memory.write(self.store, data, at)
        return _SUCCESS
