"""The client-server API over aiohttp: JSON and media, each bounded in size and time.

nio's own HTTP client is not used: it repeats requests without a bound, logs bodies, and has no size limits.
"""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp
import structlog
from yarl import URL

from bridge.errors import CourtyardError

T = TypeVar("T")
log = structlog.get_logger(__name__)

_MAX_JSON = 64 * 1024 * 1024
_MAX_BACKOFF = 60.0
_MAX_NESTING = 100
_CONNECTIONS = 160
"""More than rooms that are sent to at a time: an answer must not wait until a copy of something has left."""
_encoded = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_NESTING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)
# What media ids and server names may consist of (spec: "Matrix Content (mxc://) URIs", security considerations):
# anything else could name another path of the server.
_MXC = re.compile(r"mxc://([A-Za-z0-9.:\[\]-]{1,255})/([A-Za-z0-9_-]{1,255})", re.ASCII)


class MatrixError(CourtyardError):
    """The homeserver refused a request (spec: "Standard error response")."""

    def __init__(self, status: int, errcode: str, body: Mapping[str, Any], retry_after_ms: int | None = None) -> None:
        super().__init__(f"{status} {errcode}")
        self.status = status
        self.errcode = errcode
        self.body = body
        self.retry_after_ms = retry_after_ms

    @property
    def temporary(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status == 429 or self.status >= 500 or self.errcode == "M_LIMIT_EXCEEDED"


class Unreachable(CourtyardError):
    """No answer from the homeserver: not listening, cut off, or out of time; or we are just logging in."""

    def __init__(self, cause: str, timed_out: bool = False) -> None:
        super().__init__(cause)
        self.timed_out = timed_out


class TokenRevoked(CourtyardError):
    """The access token is no longer valid (M_UNKNOWN_TOKEN)."""

    def __init__(self, soft_logout: bool) -> None:
        super().__init__("the access token is no longer valid")
        self.soft_logout = soft_logout


class TooLarge(CourtyardError):
    """The other side sent more than it may."""


@lru_cache(4096)
def segment(text: str) -> str:
    """`text` as one path segment, or as the value of a parameter: most are said again and again."""
    return quote(text, safe="")


class Homeserver:
    """Requests to one homeserver as one account."""

    def __init__(
        self,
        base_url: str,
        session: aiohttp.ClientSession,
        timeout_s: float = 30.0,
        media_timeout_s: float = 120.0,
        media_session: aiohttp.ClientSession | None = None,
    ) -> None:
        """`media_session`: connections for media alone, which may take minutes."""
        self.base_url = base_url.rstrip("/")
        self.token: str | None = None
        self.uploaded: Callable[[str], Awaitable[None]] | None = None
        """Called with the URI of what was uploaded, before it is used."""
        self._session = session
        self._media_session = media_session or session
        self._timeout = timeout_s
        self._media_timeout = media_timeout_s

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, base_url: str, timeout_s: float = 30.0, media_timeout_s: float = 120.0
    ) -> "AsyncIterator[Homeserver]":
        """Connection pools for as long as the context lasts."""

        def pool(limit: int) -> aiohttp.ClientSession:
            connector = aiohttp.TCPConnector(limit=limit, keepalive_timeout=60)
            return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=True)

        async with pool(_CONNECTIONS) as session, pool(16) as media_session:
            yield cls(base_url, session, timeout_s, media_timeout_s, media_session)

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        auth: bool = True,
    ) -> dict[str, Any]:
        """One request, no retry. `path` starts with `/_matrix`; its variable parts went through `segment`.

        Raises:
            MatrixError, TokenRevoked, Unreachable, TooLarge
        """
        headers = {"User-Agent": "Courtyard"}
        if auth:
            headers |= self._authorization()
        data: bytes | None = None
        if body is not None:
            data = _encoded(body).encode("utf-8", "replace")
            headers["Content-Type"] = "application/json"
        url = self.base_url + path
        if params:
            url += "?" + "&".join(f"{segment(k)}={segment(v)}" for k, v in params.items())
        timeout = aiohttp.ClientTimeout(total=timeout_s or self._timeout)
        try:
            async with self._session.request(
                method, URL(url, encoded=True), data=data, headers=headers, timeout=timeout
            ) as response:
                raw = await _read(response, _MAX_JSON)
                return _result(response.status, response.headers.get("Retry-After"), raw)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(type(error).__name__, isinstance(error, TimeoutError)) from None

    def _authorization(self) -> dict[str, str]:
        if self.token is None:
            # Said without a name, it would be refused for good.
            raise Unreachable("logging in")
        return {"Authorization": f"Bearer {self.token}"}

    async def upload(self, data: bytes, mimetype: str = "application/octet-stream") -> str:
        """Upload media (spec: `POST /_matrix/media/v3/upload`). The mxc URI."""
        headers = {"User-Agent": "Courtyard", "Content-Type": mimetype, **self._authorization()}
        try:
            async with self._media_session.post(
                self.base_url + "/_matrix/media/v3/upload",
                data=data,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=self._media_timeout),
            ) as response:
                raw = await _read(response, _MAX_JSON)
                uri = _result(response.status, response.headers.get("Retry-After"), raw).get("content_uri")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(type(error).__name__, isinstance(error, TimeoutError)) from None
        if not isinstance(uri, str) or not uri.startswith("mxc://"):
            raise MatrixError(502, "M_UNKNOWN", {})
        if self.uploaded is not None:
            await self.uploaded(uri)
        return uri

    async def download(self, mxc: str, max_bytes: int) -> bytes:
        """Download media through the authenticated endpoint (spec 1.11: `GET /_matrix/client/v1/media/download`)."""
        parts = parse_mxc(mxc)
        if parts is None:
            raise MatrixError(404, "M_NOT_FOUND", {})
        server, media_id = parts
        url = f"{self.base_url}/_matrix/client/v1/media/download/{segment(server)}/{segment(media_id)}"
        headers = {"User-Agent": "Courtyard", **self._authorization()}
        try:
            async with self._media_session.get(
                URL(url, encoded=True),
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=self._media_timeout),
            ) as response:
                if response.status != 200:
                    raw = await _read(response, _MAX_JSON)
                    _result(response.status, response.headers.get("Retry-After"), raw)
                    raise MatrixError(response.status, "M_UNKNOWN", {})
                return await _read(response, max_bytes)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(type(error).__name__, isinstance(error, TimeoutError)) from None


def parse_mxc(uri: str) -> tuple[str, str] | None:
    """Server and media id of an mxc URI; None: it is none, or could lead to another path."""
    match = _MXC.fullmatch(uri)
    return None if match is None or set(match[1]) <= {"."} else (match[1], match[2])


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    length = response.content_length
    if length is not None and length > limit:
        raise TooLarge("the answer is too large")
    if length is not None and "Content-Encoding" not in response.headers:
        return await response.read()  # it is that long; what is compressed may be any length
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_chunked(65536):
        size += len(part)
        if size > limit:
            raise TooLarge("the answer is too large")
        parts.append(part)
    return b"".join(parts)


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        # One event in it may be nested too deep, or hold what no number and no text is. Homeservers differ in what
        # they pass on; all the other events must not be lost with it.
        text = pruned(raw, _MAX_NESTING).decode("utf-8", "replace")
        return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) <= 20 else None)


def pruned(raw: bytes, levels: int) -> bytes:
    """JSON in which null stands for every list or object that is nested deeper than `levels`."""
    parts: list[bytes] = []
    depth = start = 0
    for token in _NESTING.finditer(raw):
        if token[0] in (b"[", b"{"):
            depth += 1
            if depth == levels + 1:
                parts += (raw[start : token.start()], b"null")
        elif token[0] in (b"]", b"}"):
            if depth == levels + 1:
                start = token.end()
            depth -= 1
    return b"".join(parts) + (raw[start:] if depth <= levels else b"")


def _result(status: int, retry_after: str | None, raw: bytes) -> dict[str, Any]:
    try:
        body = _parsed(raw) if raw else {}
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        # A proxy's error page, or a cut answer: as good as no answer.
        raise MatrixError(status if status >= 400 else 502, "M_UNKNOWN", {})
    if status < 400:
        return body
    errcode = body.get("errcode")
    errcode = errcode if isinstance(errcode, str) else "M_UNKNOWN"
    if errcode == "M_UNKNOWN_TOKEN":
        raise TokenRevoked(body.get("soft_logout") is True)
    wait: int | None = None
    after = body.get("retry_after_ms")
    if isinstance(after, int) and after >= 0:
        wait = after
    if retry_after is not None and retry_after.isdigit():  # seconds (spec 1.10 prefers the header)
        wait = int(retry_after) * 1000
    raise MatrixError(status, errcode, body, wait)


async def retrying(call: Callable[[], Awaitable[T]], what: str) -> T:
    """Repeat `call` until it succeeds or is refused for good: for what must happen before anything else can.

    Waits as long as the homeserver asks for, else doubles from half a second to a minute, with jitter.
    """
    pause = 0.5
    while True:
        try:
            return await call()
        except Unreachable as error:
            wait = pause
            log.warning("homeserver unreachable", doing=what, error=str(error), wait_s=round(wait, 1))
        except MatrixError as error:
            if not error.temporary:
                raise
            wait = pause if error.retry_after_ms is None else error.retry_after_ms / 1000
            log.warning(
                "homeserver refused", doing=what, status=error.status, code=error.errcode, wait_s=round(wait, 1)
            )
        await asyncio.sleep(wait * random.uniform(1.0, 1.2))
        pause = min(pause * 2, _MAX_BACKOFF)
