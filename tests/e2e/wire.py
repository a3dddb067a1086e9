"""The wire between the bot and its homeserver: it can be listened to, and cut at a chosen moment.

::

    async with wire(hs.url) as line:
        bot = await prepare_bot(directory, hs, name, {"matrix": {"homeserver": line.url}})
        ...
        async with line.caught(is_send, "answered") as exchange:   # the homeserver has it, the bot waits
            exchange.lost = True                                  # and never learns of it
            await bot.kill()
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp
from aiohttp import web
from yarl import URL

Stage = Literal["asked", "answered"]
"""`asked`: the bot's request has not gone on yet. `answered`: the homeserver has acted on it, the bot doesn't know."""

_HOP_BY_HOP = frozenset({"host", "content-length", "transfer-encoding", "connection", "content-encoding", "keep-alive"})
_NO_LIMIT = 256 * 1024 * 1024


@dataclass(slots=True, eq=False)
class Exchange:
    """One request of the bot, and what the homeserver said to it."""

    method: str
    path: str
    query: str
    body: bytes
    status: int = 0
    answer: bytes = b""
    lost: bool = False
    """Set it to cut the connection instead of passing on: the request when it was asked, else the answer."""
    refused: int = 0
    """Set it to answer with this status, as a proxy would, instead of passing on."""

    @property
    def content(self) -> Any:
        return json.loads(self.body) if self.body else {}

    @property
    def result(self) -> Any:
        return json.loads(self.answer) if self.answer else {}


Fits = Callable[[Exchange], bool]


def is_send(exchange: Exchange) -> bool:
    """An encrypted room event of the bot."""
    return exchange.method == "PUT" and "/send/m.room.encrypted/" in exchange.path


def is_sync(exchange: Exchange) -> bool:
    return exchange.path.endswith("/sync")


def brings_to_device(exchange: Exchange) -> bool:
    """A /sync with to-device events, such as room keys."""
    return is_sync(exchange) and bool(exchange.status == 200 and exchange.result.get("to_device", {}).get("events"))


@dataclass(slots=True, eq=False)
class _Trap:
    fits: Fits
    stage: Stage
    caught: asyncio.Future[Exchange]
    go: asyncio.Event = field(default_factory=asyncio.Event)


class Wire:
    """Passes everything on, and keeps what was sent to rooms."""

    def __init__(self, homeserver: str) -> None:
        self.url = ""
        self.sends: list[Exchange] = []
        """Every try to send an encrypted room event, also those that never arrived or that the server knew already."""
        self.to_device: list[Exchange] = []
        """Every try to send encrypted to-device messages."""
        self.creates: list[Exchange] = []
        """Every try to make a room."""
        self.count = 0
        """Requests so far."""
        self._homeserver = homeserver
        self._traps: list[_Trap] = []
        self._session: aiohttp.ClientSession | None = None

    @contextlib.asynccontextmanager
    async def caught(self, fits: Fits, stage: Stage, timeout: float = 60.0) -> AsyncIterator[Exchange]:
        """Wait for a request; it stands still for the length of the block. Raises TimeoutError if none comes."""
        trap = _Trap(fits, stage, asyncio.get_running_loop().create_future())
        self._traps.append(trap)
        try:
            async with asyncio.timeout(timeout):
                await trap.caught
            yield trap.caught.result()
        finally:
            self._traps.remove(trap)
            trap.go.set()

    async def _stand_still(self, exchange: Exchange, stage: Stage) -> bool:
        """Wait in the trap that fits. Whether the exchange is lost."""
        for trap in list(self._traps):
            if trap.stage == stage and not trap.caught.done() and trap.fits(exchange):
                trap.caught.set_result(exchange)
                await trap.go.wait()
                break
        return exchange.lost

    async def _handle(self, request: web.Request) -> web.Response:
        exchange = Exchange(request.method, request.path, request.query_string, await request.read())
        self.count += 1
        if is_send(exchange):
            self.sends.append(exchange)
        if "/sendToDevice/m.room.encrypted/" in exchange.path:
            self.to_device.append(exchange)
        if exchange.path.endswith("/createRoom"):
            self.creates.append(exchange)
        if await self._stand_still(exchange, "asked"):
            return _cut(request)
        if refusal := _refusal(exchange):
            return refusal
        forward = asyncio.ensure_future(self._forward(request, exchange))
        try:
            # What has gone to the homeserver happens, whatever becomes of the bot; only waiting for news ends with it.
            content_type = await (forward if request.method == "GET" else asyncio.shield(forward))
        except (aiohttp.ClientError, OSError):
            return _cut(request)
        if await self._stand_still(exchange, "answered"):
            return _cut(request)
        if refusal := _refusal(exchange):
            return refusal
        return web.Response(status=exchange.status, body=exchange.answer, headers={"Content-Type": content_type})

    async def _forward(self, request: web.Request, exchange: Exchange) -> str:
        assert self._session is not None
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP_BY_HOP}
        async with self._session.request(
            request.method, URL(self._homeserver + request.raw_path, encoded=True), data=exchange.body, headers=headers
        ) as answer:
            exchange.answer = await answer.read()
            exchange.status = answer.status
            return answer.headers.get("Content-Type", "application/json")


def _refusal(exchange: Exchange) -> web.Response | None:
    return web.Response(status=exchange.refused, text="<html>no</html>") if exchange.refused else None


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=502)


@contextlib.asynccontextmanager
async def wire(homeserver: str) -> AsyncIterator[Wire]:
    """A wire to `homeserver` (its base URL) for the length of the block."""
    line = Wire(homeserver)
    app = web.Application(client_max_size=_NO_LIMIT)
    app.router.add_route("*", "/{path:.*}", line._handle)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.5)
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        line._session = session
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            assert site._server is not None
            line.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield line
        finally:
            await runner.cleanup()
