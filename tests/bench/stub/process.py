"""A bot as a process: started until it says READY, its CPU time and memory read from the system, and ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_START_S = 120.0


@dataclass(frozen=True, slots=True)
class BotProcess:
    pid: int
    ready_s: float
    """From the start until it answers people."""

    def cpu_s(self) -> float:
        """CPU seconds that it and its ended children have used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(field) for field in fields[11:15]) / _TICKS

    def memory_mib(self) -> float:
        """Resident memory now."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE / 2**20


@contextlib.asynccontextmanager
async def running(command: Sequence[str], env: Mapping[str, str], log: Path) -> AsyncIterator[BotProcess]:
    """Run a bot for as long as the block lasts. It says READY on a line of its own when it answers people.

    Python keeps what it has compiled, as it does for an installed program: the first start of a checkout takes longer.

    Raises:
        RuntimeError: it did not.
    """
    loop = asyncio.get_running_loop()
    whole = {**os.environ, **env}
    whole.pop("PYTHONDONTWRITEBYTECODE", None)
    began = loop.time()
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=errors, env=whole
        )
    assert process.stdout is not None
    try:
        try:
            async with asyncio.timeout(_START_S):
                while not (line := await process.stdout.readline()).startswith(b"READY"):
                    if not line:
                        raise RuntimeError(f"the bot ended before it was ready: {log.read_text()[-2000:]}")
        except TimeoutError:
            raise RuntimeError(f"the bot was not ready after {_START_S:.0f} s: {log.read_text()[-2000:]}") from None
        yield BotProcess(process.pid, loop.time() - began)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(20):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
