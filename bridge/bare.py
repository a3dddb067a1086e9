"""Starting a Python of ours that opens what strangers wrote: its environment is empty from its first instruction on."""

import os
import struct
import sys
from pathlib import Path

_START = "import sys; sys.path[:0] = sys.argv[1:]; from {module} import main; main()"
_ELF_64 = b"\x7fELF\x02"
_HEADER, _PROGRAM = struct.Struct("=16x16xQ14xHH6x"), struct.Struct("=II7Q")
"""Of an executable with 64 bits: where its program headers are, their size and number; and one of these (elf(5))."""
_INTERP = 3


def command(module: str) -> list[str]:
    """The command line for `main` of a module of ours, to be started with `env={}`.

    Secrets may come from the environment, and what was there at the start of a process can be read as long as it runs,
    whatever the process deletes. Where this Python finds its libraries through `LD_LIBRARY_PATH`, the dynamic loader is
    told on its command line instead.
    """
    where = [str(Path(__file__).parents[1]), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return [*_loader(), sys.executable, "-I", "-X", "utf8", "-c", _START.format(module=module), *where]


def _loader() -> list[str]:
    """How it is started where its libraries are not found by themselves."""
    libraries = os.environ.get("LD_LIBRARY_PATH")
    loader = interpreter(Path(sys.executable)) if libraries else None
    if not libraries or loader is None:
        return []
    # Relative ones are relative to where we are, and not to where the process will be.
    return [loader, "--library-path", ":".join(os.path.abspath(one) for one in libraries.split(":"))]


def interpreter(executable: Path) -> str | None:
    """The dynamic loader that an executable asks for; None: none, or this system does it in another way."""
    try:
        with executable.open("rb") as file:
            head = file.read(64)
            if not head.startswith(_ELF_64):
                return None
            start, size, count = _HEADER.unpack(head[: _HEADER.size])
            for number in range(count):
                file.seek(start + number * size)
                kind, _, offset, _, _, length, _, _, _ = _PROGRAM.unpack(file.read(_PROGRAM.size))
                if kind == _INTERP:
                    file.seek(offset)
                    return os.fsdecode(file.read(length).rstrip(b"\0"))
    except (OSError, struct.error, ValueError):
        pass
    return None
