"""How long the homeserver asks to wait, and what becomes of a request meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from bridge.matrix.http import Homeserver, MatrixError, Unreachable, retrying


@pytest.fixture
async def server() -> Any:
    """Answers with what stands in `answers`, one after the other, then with `{}`: (status, headers, body)."""
    answers: list[tuple[int, dict[str, str], str]] = []

    async def answer(request: web.Request) -> web.Response:
        status, headers, body = answers.pop(0) if answers else (200, {}, "{}")
        return web.Response(status=status, headers=headers, text=body)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with Homeserver.connect(f"http://127.0.0.1:{runner.addresses[0][1]}") as http:
        http.token = "token"
        yield http, answers
    await runner.cleanup()


LIMITED = '{"errcode": "M_LIMIT_EXCEEDED"'


@pytest.mark.parametrize(
    ("headers", "body", "wait"),
    [
        ({"Retry-After": "7"}, LIMITED + "}", 7_000),
        ({}, LIMITED + ', "retry_after_ms": 1500}', 1_500),
        ({"Retry-After": "7"}, LIMITED + ', "retry_after_ms": 1500}', 7_000),  # the header is the newer way
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, LIMITED + ', "retry_after_ms": 1500}', 1_500),
        ({"Retry-After": "-7"}, LIMITED + ', "retry_after_ms": -1}', None),
        ({}, LIMITED + ', "retry_after_ms": "soon"}', None),
        ({}, "<html>Too many requests</html>", None),
    ],
)
async def test_how_long_to_wait(server: Any, headers: dict[str, str], body: str, wait: int | None) -> None:
    http, answers = server
    answers.append((429, headers, body))
    with pytest.raises(MatrixError) as caught:
        await http.request("GET", "/_matrix/x")
    assert caught.value.temporary
    assert caught.value.retry_after_ms == wait


async def test_what_is_repeated_waits_as_long_as_it_is_asked_to(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    http, answers = server
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("bridge.matrix.http.asyncio.sleep", sleep)
    answers += [(429, {"Retry-After": "7"}, LIMITED + "}"), (503, {}, "down"), (502, {}, "{}")]
    with capture_logs() as logs:
        assert await retrying(lambda: http.request("GET", "/_matrix/x"), "asking") == {}
    assert 7.0 <= waits[0] <= 8.4
    assert 1.0 <= waits[1] <= 1.2
    assert 2.0 <= waits[2] <= 2.4
    assert [(entry["event"], entry["status"]) for entry in logs] == [
        ("homeserver refused", 429),
        ("homeserver refused", 503),
        ("homeserver refused", 502),
    ]


async def test_what_is_refused_for_good_is_not_repeated(server: Any) -> None:
    http, answers = server
    answers += [(403, {"Retry-After": "7"}, '{"errcode": "M_FORBIDDEN"}')]
    async with asyncio.timeout(5):
        with pytest.raises(MatrixError) as caught:
            await retrying(lambda: http.request("GET", "/_matrix/x"), "asking")
    assert not caught.value.temporary


async def test_between_two_logins_nothing_is_asked_without_a_name(server: Any) -> None:
    """The homeserver would refuse it for good, and what was to be sent would be given up."""
    http, answers = server
    http.token = None
    answers.append((401, {}, '{"errcode": "M_MISSING_TOKEN"}'))
    with pytest.raises(Unreachable):
        await http.request("PUT", "/_matrix/x", {})
    with pytest.raises(Unreachable):
        await http.upload(b"x")
    with pytest.raises(Unreachable):
        await http.download("mxc://example.org/abc", 10)
    assert answers
