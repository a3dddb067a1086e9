"""The bot under test: the real `courtyard run`, a process with a configuration file, as operators run it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from bridge.demo.synapse import Homeserver
from tests.e2e.births import Born, bear
from tests.e2e.leaks import event_leaks, log_leaks

READY_TIMEOUT = 60.0
STOP_TIMEOUT = 30.0
PASSWORD = "the bot's password"


class BotProcess:
    """`courtyard run -c …`: start it, stop it, kill it, start it again on the same data."""

    def __init__(self, directory: Path, user_id: str, config: Path) -> None:
        self.module: str | None = None
        """What an interpreter of its own runs, in place of a quick birth: `bridge`, or what runs that and looks on."""
        self.environment: dict[str, str] = {}
        self.directory = directory
        self.user_id = user_id
        self.config = config
        self.log_file = directory / "bot.log"
        self._process: asyncio.subprocess.Process | Born | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def database(self) -> Path:
        return self.directory / "var" / "courtyard.db"

    def log(self) -> str:
        """Everything that it has logged, over all its starts."""
        return self.log_file.read_text("utf-8", "replace") if self.log_file.exists() else ""

    async def start(self, timeout: float = READY_TIMEOUT) -> None:
        """Start it and wait for its line READY."""
        assert not self.running
        with self.log_file.open("ab") as log:
            self._process = await self._start(log.fileno())
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(timeout):
                while line := await self._process.stdout.readline():
                    if line.decode().strip() == f"READY {self.user_id}":
                        return
        except TimeoutError:
            await self.kill()
            raise AssertionError(f"the bot was not ready within {timeout} s; its log:\n{self.log()[-3000:]}") from None
        raise AssertionError(f"the bot ended before it was ready; its log:\n{self.log()[-3000:]}")

    async def _start(self, log: int) -> asyncio.subprocess.Process | Born:
        run = ("run", "-c", str(self.config))
        if self.module is None:
            return await bear(*run, environment=self.environment, stderr=log, guarded=True)
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bridge.demo.guarded", self.module, *run),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env={**os.environ, **self.environment, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )

    async def stop(self) -> int:
        """SIGTERM; the exit status."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOP_TIMEOUT):
            return await self._process.wait()

    async def kill(self) -> None:
        """SIGKILL: as a power cut would end it."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def wait_for_exit(self, timeout: float) -> int:
        assert self._process is not None
        async with asyncio.timeout(timeout):
            return await self._process.wait()


async def prepare_bot(
    directory: Path, hs: Homeserver, name: str, settings: Mapping[str, Any] | None = None
) -> BotProcess:
    """Register the account `name` and write a configuration; `settings` are merged into it, section by section."""
    directory.mkdir(parents=True, exist_ok=True)
    user_id = await hs.register(name, PASSWORD)
    secret = directory / "matrix-password"
    secret.touch(mode=0o600)
    secret.write_text(PASSWORD + "\n")
    config: dict[str, Any] = {
        "matrix": {"homeserver": hs.url, "user_id": user_id, "password_file": secret.name},
        "data_dir": "var",
        "limits": {
            "person_commands_per_minute": 6000,
            "person_burst": 6000,
            "server_commands_per_minute": 60000,
            "server_burst": 60000,
            "invites_per_minute": 6000,
        },
        "moments": {"likes_gather_seconds": 1, "confirm_wider": False},
        "miniprograms": {"events_per_minute": 6000, "events_burst": 1000, "cpu_ms_per_minute": 60_000},
    }
    for section, values in (settings or {}).items():
        config.setdefault(section, {}).update(values)
    path = directory / "courtyard.yaml"
    path.write_text(yaml.safe_dump(config))
    return BotProcess(directory, user_id, path)


@contextlib.asynccontextmanager
async def running_bot(
    directory: Path,
    hs: Homeserver,
    name: str,
    settings: Mapping[str, Any] | None = None,
    *,
    module: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[BotProcess]:
    """A bot for the length of the block. At its end, nothing readable may have left it, and its log tells nothing."""
    bot = await prepare_bot(directory, hs, name, settings)
    bot.module = module
    bot.environment.update(environment or {})
    try:
        await bot.start()
        yield bot
    finally:
        await bot.kill()
    leaked = event_leaks(hs, bot.user_id) + log_leaks(bot.log())
    assert not leaked, leaked
