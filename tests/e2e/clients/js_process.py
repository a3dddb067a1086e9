"""The Node process behind the JavaScript clients, and the JSON lines that are exchanged with it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from tests.e2e.clients.node import NODE, ensure_modules

TIMEOUT = 30.0  # seconds; generous, since the homeserver shares two cores with everything else
_LINE_LIMIT = 64 * 1024 * 1024  # bytes; a timeline of large events is one line

Listener = Callable[[Mapping[str, Any] | None], None]


class JsError(Exception):
    """The client refused a request, or the homeserver did: then with ``errcode`` and ``http_status``."""

    def __init__(self, method: str, error: Mapping[str, Any]) -> None:
        self.errcode: str | None = error.get("errcode")
        self.http_status: int | None = error.get("httpStatus")
        super().__init__(f"{method}: {error.get('message')} ({self.errcode or error.get('name')})")


class NodeProcess:
    """A Node process with any number of clients. Use it as an async context manager."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._numbers = itertools.count(1)
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._listeners: dict[str, Listener] = {}
        self._ready = asyncio.Event()
        self._ended = False

    async def __aenter__(self) -> Self:
        directory = await asyncio.to_thread(ensure_modules)
        self._process = await asyncio.create_subprocess_exec(
            str(NODE),
            "client.mjs",
            cwd=directory,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE_LIMIT,
            env={**os.environ, "NODE_NO_WARNINGS": "1"},
            start_new_session=True,  # Ctrl-C is for the tests; they end this process in order
        )
        self._reader = asyncio.create_task(self._read(self._process))
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._ready.wait()
            if self._ended:
                raise RuntimeError("the JavaScript client did not start; its stderr tells why")
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def close(self) -> None:
        """End the process: by closing its stdin, by its pid if that does not help."""
        process, reader = self._process, self._reader
        if process is None or reader is None:
            return
        self._process = None
        try:
            if process.stdin is not None:
                process.stdin.close()
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:
            pass
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await asyncio.shield(process.wait())
            await asyncio.gather(reader, return_exceptions=True)

    async def call(self, client: str, method: str, timeout: float = TIMEOUT, /, **params: Any) -> Any:
        """One request of the protocol. Parameters that are None are left out."""
        if self._process is None or self._process.stdin is None or self._ended:
            raise RuntimeError("the JavaScript client is not running")
        number = next(self._numbers)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._calls[number] = future
        given = {key: value for key, value in params.items() if value is not None}
        line = json.dumps({"id": number, "client": client, "method": method, "params": given})
        try:
            async with asyncio.timeout(timeout):
                self._process.stdin.write(line.encode() + b"\n")
                await self._process.stdin.drain()
                answer = await future
        except TimeoutError:
            raise TimeoutError(f"{client}: {method} took more than {timeout} s") from None
        finally:
            self._calls.pop(number, None)
        if "error" in answer:
            raise JsError(method, answer["error"])
        return answer["result"]

    @property
    def ended(self) -> bool:
        return self._ended

    def listen(self, client: str, listener: Listener) -> None:
        """Hand the events of ``client`` to ``listener``, and None when the process ends."""
        self._listeners[client] = listener

    def forget(self, client: str) -> None:
        self._listeners.pop(client, None)

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        try:
            while line := await process.stdout.readline():
                self._dispatch(json.loads(line))
        finally:
            self._ended = True
            self._ready.set()
            for future in self._calls.values():
                if not future.done():
                    future.set_exception(RuntimeError("the JavaScript client ended in the middle of a request"))
            for listener in list(self._listeners.values()):
                listener(None)

    def _dispatch(self, line: Mapping[str, Any]) -> None:
        match line:
            case {"event": "ready"}:
                self._ready.set()
            case {"event": _, "client": str(client)}:
                if listener := self._listeners.get(client):
                    listener(line)
            case {"id": int(number)}:
                future = self._calls.get(number)
                if future is not None and not future.done():
                    future.set_result(line)
