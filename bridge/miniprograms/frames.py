"""How the host and its worker talk: parts of bytes over pipes, each with its length in 4 bytes, big-endian.

The host begins with a head (JSON: `memory_bytes`) and the compiled guest. The worker answers a head once it is ready
(`confined`: what of `confine.py` could be done). Then for each job: a head with the numbers of `machine.Job`, the
source, the event; and back: a head with `outcome`, `error`, `logs` and `fuel`, and the answer. The end of the input
ends the worker.
"""

import struct
from typing import BinaryIO

LENGTH = struct.Struct(">I")
MAX_HEAD = 1_048_576
MAX_PART = 128 * 1024 * 1024


def frame(*parts: bytes) -> bytes:
    """The parts, one behind the other, each with its length."""
    return b"".join(LENGTH.pack(len(part)) + part for part in parts)


def read_part(source: BinaryIO, limit: int = MAX_PART) -> bytes | None:
    """The next part; None: there is none, or it is larger than `limit`."""
    head = source.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    if length > limit:
        return None
    data = source.read(length)
    return data if len(data) == length else None
