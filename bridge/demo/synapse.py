"""Real Synapse homeservers as subprocesses, for the demo and for the end-to-end tests.

    async with synapse(Path(".demo/server")) as hs:
        await hs.register("alice", "her password")
        ...                                     # clients talk to hs.url
        await hs.stop()
        await hs.start()                        # the same port, the same data

    async with federated_pair(tmp_path) as (hs1, hs2):
        ...                                     # two servers that federate over loopback

Synapse comes from the PyPI wheel `matrix-synapse` (extra `demo`) and runs with this interpreter. Nothing outlives
the caller: leaving the block ends the process, and a server whose caller died without a word (kill -9) notices that
its standard input was closed and ends by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import hmac
import importlib.util
import os
import random
import re
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Protocol, TypeAlias

import aiohttp

from . import guarded
from .synapse_config import LOG_FILE, LOOPBACK, ServerState, write_server_files

START_TIMEOUT: Final = 90.0
"""Seconds until a server has to answer; a start takes 2 to 5 s on an idle machine."""
STOP_TIMEOUT: Final = 15.0
"""Seconds between the polite signal and the one that cannot be refused."""
LOCK_TIMEOUT: Final = 5.0
"""Seconds to wait for the server of a caller that was just killed: it needs about two to notice and end."""
REQUEST_TIMEOUT: Final = 30.0

_OUTPUT_FILE: Final = "output.log"
_LOCK_FILE: Final = "lock"


class SynapseError(Exception):
    """The server could not be started, or refused what was asked. The text is one line and says what to do."""


_handed_out: set[int] = set()


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on; never the same twice in one process.

    It lies below the range that systems take for outgoing connections (from 32768 on Linux, 49152 on macOS), so
    that no client can take it while a server on it is being restarted. Raises SynapseError if none is found.
    """
    for port in random.sample(range(20_000, 32_000), 200):
        if port not in _handed_out and _is_free(port):
            _handed_out.add(port)
            return port
    raise SynapseError("No free TCP port was found between 20000 and 32000 on 127.0.0.1: end other programs.")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True


class Process(Protocol):
    """What is needed of an asyncio.subprocess.Process. When its standard input is closed, it ends."""

    stdin: asyncio.StreamWriter | None

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    def terminate(self) -> None: ...

    async def wait(self) -> int: ...


Launch: TypeAlias = Callable[[Path, int, int], Awaitable[Process]]
"""Starts a server's process in a session of its own: with which `homeserver.yaml`, into which descriptor it writes, and
which one it holds open as long as it lives."""


async def launch(config: Path, output: int, lock: int) -> Process:
    """A new interpreter."""
    return await asyncio.create_subprocess_exec(
        *guarded.command("synapse.app.homeserver", "-c", str(config)),
        cwd=config.parent,
        stdin=asyncio.subprocess.PIPE,
        stdout=output,
        stderr=output,
        start_new_session=True,
        pass_fds=(lock,),
    )


@dataclass(slots=True)
class _Running:
    """The process behind a Homeserver, while there is one."""

    process: Process | None = None


@dataclass(frozen=True, slots=True)
class Homeserver:
    """One Synapse and its data. Made by `synapse` or `federated_pair`."""

    server_name: str
    """The part of Matrix ids after the colon: `localhost`, or `localhost:PORT` where it federates."""
    url: str
    """Base URL for clients, without a slash at the end."""
    data_dir: Path
    port: int
    federation_port: int | None
    _state: ServerState = field(repr=False)
    _overrides: Mapping[str, Any] = field(repr=False, default_factory=dict)
    _launch: Launch = field(repr=False, default=launch)
    _running: _Running = field(repr=False, compare=False, default_factory=_Running)

    @property
    def pid(self) -> int | None:
        """The id of the server's process, or None while it is stopped."""
        process = self._running.process
        return process.pid if process is not None and process.returncode is None else None

    @property
    def log_file(self) -> Path:
        """Synapse's own log, from WARNING on."""
        return self.data_dir / LOG_FILE

    def user_id(self, localpart: str) -> str:
        """The full Matrix id of a user of this server."""
        return f"@{localpart}:{self.server_name}"

    async def start(self, timeout: float = START_TIMEOUT) -> None:
        """Start the server and return when it answers clients; does nothing while it runs.

        Raises SynapseError when a port is taken, the data is in use by another server, or the process ends or
        does not answer within `timeout` seconds. Then, and when cancelled, no process is left.
        """
        if self.pid is not None:
            return
        with contextlib.ExitStack() as files:
            lock = files.enter_context((self.data_dir / _LOCK_FILE).open("w"))
            await self._lock(lock)
            for port in filter(None, (self.port, self.federation_port)):
                if not _is_free(port):
                    raise SynapseError(
                        f"Port {port} on {LOOPBACK} is in use: stop the program that listens on it, "
                        "or choose another port."
                    )
            config = write_server_files(self.data_dir, self._state, self._overrides)
            output = files.enter_context((self.data_dir / _OUTPUT_FILE).open("wb"))
            # The lock is inherited and thereby held for exactly as long as the server lives. A session of its own
            # keeps a terminal's Ctrl-C from it.
            self._running.process = await self._launch(config, output.fileno(), lock.fileno())
        try:
            await self._wait_until_it_answers(timeout)
        except BaseException:
            await self.stop(timeout=1)
            raise

    async def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        """End the server; does nothing while it is stopped. Returns when the process is gone.

        After `timeout` seconds, or when cancelled meanwhile, the process is killed.
        """
        process, self._running.process = self._running.process, None
        if process is None:
            return
        try:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(timeout):
                        await process.wait()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
            if process.stdin is not None:
                process.stdin.close()

    async def wait(self) -> int:
        """Wait until the server's process ends, for whatever reason; its exit status."""
        process = self._running.process
        assert process is not None, "the server was not started"
        return await process.wait()

    async def kill(self) -> None:
        """End the server without letting it finish anything (kill -9), as a power cut would."""
        process = self._running.process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        await self.stop()

    async def register(self, username: str, password: str, *, admin: bool = False) -> str:
        """Make an account and return its Matrix id; an account that is there already is left as it is.

        Uses the shared-secret registration of Synapse's admin API. Raises SynapseError when the server refuses or
        does not answer.
        """
        endpoint = f"{self.url}/_synapse/admin/v1/register"
        try:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT)) as http:
                async with http.get(endpoint) as answer:
                    nonce = (await answer.json())["nonce"]
                role = "admin" if admin else "notadmin"
                message = "\0".join((nonce, username, password, role)).encode()
                mac = hmac.new(self._state.registration_secret.encode(), message, hashlib.sha1).hexdigest()
                request = {
                    "nonce": nonce,
                    "username": username,
                    "password": password,
                    "admin": admin,
                    "mac": mac,
                }
                async with http.post(endpoint, json=request) as answer:
                    result = await answer.json()
                    status = answer.status
        except (aiohttp.ClientError, TimeoutError, KeyError, ValueError) as error:
            raise SynapseError(
                f"The homeserver at {self.url} did not answer a registration ({type(error).__name__}): "
                f"see {self.log_file}."
            ) from error
        if status == 200:
            return str(result["user_id"])
        if result.get("errcode") == "M_USER_IN_USE":
            return self.user_id(username.lower())
        raise SynapseError(f"The homeserver refused to register an account: {result.get('error', status)}.")

    async def _lock(self, lock: IO[str]) -> None:
        deadline = asyncio.get_running_loop().time() + LOCK_TIMEOUT
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if asyncio.get_running_loop().time() >= deadline:
                    raise SynapseError(
                        f"Another homeserver runs on the data in {self.data_dir}: stop that one first."
                    ) from error
                await asyncio.sleep(0.1)
            else:
                return

    async def _wait_until_it_answers(self, timeout: float) -> None:
        process = self._running.process
        assert process is not None
        try:
            async with (
                asyncio.timeout(timeout),
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http,
            ):
                while process.returncode is None:
                    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                        async with http.get(f"{self.url}/_matrix/client/versions") as answer:
                            if answer.status == 200:
                                return
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise SynapseError(
                f"The homeserver did not answer on {self.url} within {timeout:.0f} s: see {self.log_file}."
            ) from None
        raise SynapseError(self._why_it_ended(process.returncode))

    def _why_it_ended(self, status: int | None) -> str:
        said = ""
        for name in (LOG_FILE, _OUTPUT_FILE):
            with contextlib.suppress(OSError):
                said += (self.data_dir / name).read_bytes()[-20_000:].decode("utf-8", "replace")
        if re.search(r"Address already in use|CannotListenError|Couldn't listen on", said):
            return (
                f"Port {self.port} or {self.federation_port} on {LOOPBACK} was taken by another program "
                "while the homeserver started: try again."
            )
        last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "it said nothing")
        return f"The homeserver ended at once (status {status}): {last[:300]} (see {self.data_dir / _OUTPUT_FILE})"


def prepare(
    data_dir: Path,
    server_name: str | None = None,
    port: int | None = None,
    *,
    federation: bool = False,
    config_overrides: Mapping[str, Any] | None = None,
    launch: Launch = launch,
) -> Homeserver:
    """A Homeserver that is not started yet; the arguments are those of `synapse`."""
    if importlib.util.find_spec("synapse") is None:
        raise SynapseError("Synapse is not installed in this Python: run make demo, or pip install 'courtyard[demo]'.")
    data_dir = data_dir.resolve()
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        state = ServerState.load(data_dir)
    except (OSError, ValueError) as error:
        raise SynapseError(f"The data in {data_dir} cannot be used ({error}): delete it.") from error
    if state is None:
        federation_port = free_port() if federation else None
        name = server_name or (f"localhost:{federation_port}" if federation else "localhost")
        state = ServerState.new(name, port or free_port(), federation_port)
    elif server_name not in (None, state.server_name) or federation != (state.federation_port is not None):
        raise SynapseError(
            f"The data in {data_dir} belongs to the server {state.server_name}, whose name and federation cannot "
            "change: delete it, or name another directory."
        )
    elif port is not None:
        state = state.with_port(port)
    state.save(data_dir)
    return Homeserver(
        server_name=state.server_name,
        url=f"http://{LOOPBACK}:{state.port}",
        data_dir=data_dir,
        port=state.port,
        federation_port=state.federation_port,
        _state=state,
        _overrides=dict(config_overrides or {}),
        _launch=launch,
    )


@contextlib.asynccontextmanager
async def synapse(
    data_dir: Path,
    server_name: str | None = None,
    port: int | None = None,
    *,
    federation: bool = False,
    config_overrides: Mapping[str, Any] | None = None,
    launch: Launch = launch,
) -> AsyncIterator[Homeserver]:
    """Run a homeserver for the length of the block.

    data_dir: where everything about it lies; with the data of an earlier run, that server goes on.
    server_name: by default `localhost`, with federation `localhost:PORT` of its federation listener (another name
    would not be found by other servers).
    port: for clients; by default the one of the earlier run, else a free one.
    federation: also listen for other servers, over TLS with a self-signed certificate.
    config_overrides: top-level keys of homeserver.yaml to replace; None removes one.
    launch: how its process is started.

    Raises SynapseError if it cannot be started.
    """
    hs = prepare(data_dir, server_name, port, federation=federation, config_overrides=config_overrides, launch=launch)
    try:
        await hs.start()
        yield hs
    finally:
        await hs.stop()


@contextlib.asynccontextmanager
async def federated_pair(
    base_dir: Path, *, config_overrides: Mapping[str, Any] | None = None, launch: Launch = launch
) -> AsyncIterator[tuple[Homeserver, Homeserver]]:
    """Run two homeservers that federate with each other over loopback, in `base_dir/hs1` and `base_dir/hs2`.

    Raises SynapseError if one of them cannot be started; then none is left.
    """
    hs1, hs2 = (
        prepare(base_dir / name, federation=True, config_overrides=config_overrides, launch=launch)
        for name in ("hs1", "hs2")
    )
    try:
        try:
            async with asyncio.TaskGroup() as starting:
                starting.create_task(hs1.start())
                starting.create_task(hs2.start())
        except* SynapseError as errors:
            raise errors.exceptions[0] from None
        yield hs1, hs2
    finally:
        async with asyncio.TaskGroup() as stopping:
            stopping.create_task(hs1.stop())
            stopping.create_task(hs2.stop())
