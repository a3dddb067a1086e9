"""The bot of the demo: the real `courtyard run` in a process of its own, with a configuration as operators write it."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

from bridge.demo import guarded
from bridge.errors import OperatorError

_START_S = 90.0
_STOP_S = 20.0


def write_config(directory: Path, homeserver: str, user_id: str, password: str) -> Path:
    """The bot's configuration and password file, as `courtyard init` would leave them."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret = directory / "matrix-password"
    secret.touch(mode=0o600)
    secret.write_text(password + "\n")
    config = directory / "courtyard.yaml"
    config.write_text(
        "matrix:\n"
        f"  homeserver: {homeserver}\n"
        f'  user_id: "{user_id}"\n'
        "  password_file: matrix-password\n"
        "data_dir: var\n"
        "moments:\n"
        "  likes_gather_seconds: 3\n"
    )
    return config


@contextlib.asynccontextmanager
async def running_bot(config: Path, log_file: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `courtyard run -c config` for as long as the block lasts; it answers people when the block begins.

    Raises:
        OperatorError: it did not get ready; the text holds what it said last.
    """
    with log_file.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *guarded.command("bridge", "run", "-c", str(config)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # a Ctrl-C in the terminal is the demo's to handle
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    try:
        await _until_ready(process, log_file)
        yield process
    finally:
        await _stop(process)


async def _until_ready(process: asyncio.subprocess.Process, log_file: Path) -> None:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_START_S):
            while line := await process.stdout.readline():
                if line.startswith(b"READY "):
                    return
    except TimeoutError:
        raise OperatorError(f"the bot did not get ready within {_START_S:.0f} s: see {log_file}") from None
    said = _lines(log_file)
    raise OperatorError(f"the bot ended at once: {said[-1][:300] if said else 'it said nothing'} (see {log_file})")


async def _stop(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_S):
            await process.wait()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    finally:
        if process.stdin is not None:
            process.stdin.close()


def _lines(file: Path) -> list[str]:
    return file.read_text("utf-8", "replace").strip().splitlines()
