"""Plain HTTP to a homeserver's client-server API: one token, and patience with rate limits and restarts."""

from __future__ import annotations

import asyncio
import json as json_codec
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from tests.e2e.clients.signed_json import text, thing

__all__ = ["Homeserver", "MatrixHttpError", "segment"]

_PATIENCE = 30.0
"""Seconds for which a request is tried again while the server limits, restarts or fails."""


class MatrixHttpError(Exception):
    """The homeserver said no: HTTP status, ``errcode`` and the whole answer. The text names no ids."""

    def __init__(self, method: str, status: int, answer: dict[str, Any]) -> None:
        self.status = status
        self.errcode = text(answer.get("errcode"))
        self.answer = answer
        super().__init__(f"{method} was answered {status} {self.errcode}: {text(answer.get('error'))}")


def segment(value: str) -> str:
    """``value`` as one percent-encoded path segment."""
    return quote(value, safe="")


class Homeserver:
    """A homeserver as one device sees it. ``access_token`` may be set and exchanged at any time."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.access_token: str | None = None
        self._session = aiohttp.ClientSession()

    async def close(self) -> None:
        await self._session.close()

    async def request(
        self,
        method: str,
        path: str,
        json: object = None,
        *,
        params: dict[str, str] | None = None,
        data: bytes | None = None,
        content_type: str = "application/json",
        timeout: float = 60.0,
        patience: float = _PATIENCE,
    ) -> dict[str, Any]:
        """The JSON object that answers; ``path`` begins with ``/_matrix`` and is encoded already.

        ``json`` is sent as it is (also what is no canonical JSON), ``data`` instead of it as raw bytes.
        Raises MatrixHttpError for an answer that is no success, aiohttp.ClientError and TimeoutError for none at all.
        """
        body = data if json is None else json_codec.dumps(json).encode()
        status, raw = await self._patiently(method, path, params, body, content_type, timeout, patience)
        try:
            answer = thing(json_codec.loads(raw))
        except ValueError:
            answer = {}
        if status >= 400:
            raise MatrixHttpError(method, status, answer)
        return answer

    async def download(self, path: str, timeout: float = 60.0) -> bytes:
        """The bytes behind ``path``. Raises MatrixHttpError."""
        status, raw = await self._patiently("GET", path, None, None, "application/json", timeout, _PATIENCE)
        if status >= 400:
            raise MatrixHttpError("GET", status, {})
        return raw

    async def _patiently(
        self,
        method: str,
        path: str,
        params: dict[str, str] | None,
        body: bytes | None,
        content_type: str,
        timeout: float,
        patience: float,
    ) -> tuple[int, bytes]:
        end = asyncio.get_running_loop().time() + patience
        # What is not idempotent is repeated only if the server cannot have acted on it.
        idempotent = method in ("GET", "PUT")
        while True:
            pause = 0.5
            try:
                status, raw = await self._once(method, path, params, body, content_type, timeout)
            except aiohttp.ClientConnectorError:
                if asyncio.get_running_loop().time() + pause > end:
                    raise
            except aiohttp.ClientError:
                if not idempotent or asyncio.get_running_loop().time() + pause > end:
                    raise
            else:
                if status == 429:
                    pause = _retry_after(raw)
                elif status < 500 or not idempotent:
                    return status, raw
                if asyncio.get_running_loop().time() + pause > end:
                    return status, raw
            await asyncio.sleep(pause)

    async def _once(
        self,
        method: str,
        path: str,
        params: dict[str, str] | None,
        body: bytes | None,
        content_type: str,
        timeout: float,
    ) -> tuple[int, bytes]:
        query = (
            "" if not params else "?" + "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in params.items())
        )
        headers = {} if self.access_token is None else {"Authorization": f"Bearer {self.access_token}"}
        if body is not None:
            headers["Content-Type"] = content_type
        async with self._session.request(
            method,
            URL(self.url + path + query, encoded=True),
            data=body,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=timeout),
        ) as response:
            return response.status, await response.read()


def _retry_after(raw: bytes) -> float:
    """Seconds that a rate-limited answer asks for ("Rate limiting"; ``retry_after_ms``)."""
    try:
        wait = thing(json_codec.loads(raw)).get("retry_after_ms")
    except ValueError:
        wait = None
    return min(max(wait / 1000, 0.05), 10.0) if isinstance(wait, int) else 1.0
