"""What is asked of a homeserver whose files may be deleted, and what its answers mean."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from bridge.db import Database, media
from bridge.ids import UserId
from bridge.matrix.http import Homeserver
from bridge.matrix.media_admin import MediaAdmin
from bridge.rights.media_deletions import Later, MediaDeletions, Refused
from tests.schema import create_tables
from tests.vaults import new_vault

BOT = UserId("@bot:localhost:8448")
FILE = "mxc://localhost:8448/abcDEF_-1"


@dataclass
class Server:
    url: str = ""
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    answers: list[tuple[int, Any]] = field(default_factory=list)
    answer: tuple[int, Any] = (200, {"deleted_media": ["abcDEF_-1"], "total": 1})


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    found = Server()

    async def handle(request: web.Request) -> web.Response:
        found.asked.append((request.method, request.raw_path, request.headers.get("Authorization")))
        status, body = found.answers.pop(0) if found.answers else found.answer
        return web.json_response(body, status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


@pytest.fixture
async def admin(server: Server) -> AsyncIterator[MediaAdmin]:
    async with Homeserver.connect(server.url) as http:
        http.token = "an administrator's"
        yield MediaAdmin(http, BOT)


async def test_one_file_is_asked_for_with_the_token(server: Server, admin: MediaAdmin) -> None:
    await admin(FILE)
    assert server.asked == [
        ("DELETE", "/_synapse/admin/v1/media/localhost%3A8448/abcDEF_-1", "Bearer an administrator's")
    ]


@pytest.mark.parametrize(
    "uri",
    [
        "mxc://elsewhere.example.org/abc",
        "mxc://localhost/abc",
        "mxc://localhost:8448/../users",
        "mxc://localhost:8448/a/b",
        "mxc://localhost:8448/",
        "mxc://../x",
        "https://localhost:8448/abc",
        "",
    ],
)
async def test_what_is_none_of_this_homeserver_is_never_asked_for(server: Server, admin: MediaAdmin, uri: str) -> None:
    await admin(uri)
    assert server.asked == []


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, {"errcode": "M_NOT_FOUND"}, None),
        (404, {"errcode": "M_UNRECOGNIZED"}, Refused),
        (404, {}, Refused),
        (401, {"errcode": "M_UNKNOWN_TOKEN"}, Refused),
        (401, {"errcode": "M_MISSING_TOKEN"}, Refused),
        (403, {"errcode": "M_FORBIDDEN"}, Refused),
        (400, {"errcode": "M_UNKNOWN"}, Refused),
        (429, {"errcode": "M_LIMIT_EXCEEDED"}, Later),
        (502, {}, Later),
    ],
)
async def test_what_answers_mean(
    server: Server, admin: MediaAdmin, status: int, body: Any, error: type[Exception] | None
) -> None:
    server.answers.append((status, body))
    if error is None:
        await admin(FILE)
    else:
        with pytest.raises(error) as caught:
            await admin(FILE)
        assert "mxc" not in str(caught.value)


async def test_who_is_not_there_is_asked_again_later() -> None:
    async with Homeserver.connect("http://127.0.0.1:1") as http:
        http.token = "x"
        with pytest.raises(Later):
            await MediaAdmin(http, BOT)(FILE)


async def test_uploads_are_noted_and_the_job_goes_on_after_a_refusal(
    server: Server, admin: MediaAdmin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the pauses that the job makes: it asks again by itself."""
    monkeypatch.setattr("bridge.rights.media_deletions._FIRST_PAUSE_S", 0.001)
    db = Database.open("sqlite://", vault=new_vault())
    create_tables(db)
    job = MediaDeletions(db, admin)
    async with Homeserver.connect(server.url) as http:
        http.token, http.uploaded = "the bot's", job.uploaded
        server.answers.append((200, {"content_uri": FILE}))
        assert await http.upload(b"x") == FILE
    await db.run(lambda tx: media.hold(tx, media.ROOM, None, [{"url": FILE}]))
    await db.run(lambda tx: tx.sql("DELETE FROM media_holders"))
    server.asked.clear()
    server.answers += [(403, {"errcode": "M_FORBIDDEN"}), (403, {"errcode": "M_FORBIDDEN"}), (502, {})]
    with capture_logs() as logs:
        running = asyncio.create_task(job.run())
        async with asyncio.timeout(20):
            while len(logs) < 3:
                await db.run(media.count_unheld)
        running.cancel()
    assert len(server.asked) == 4
    assert await db.run(media.count_unheld) == 0
    lines = [(one["event"], one.get("error")) for one in logs]
    assert lines == [
        ("the homeserver refuses to delete files; see matrix.media_admin_token_file", "403 M_FORBIDDEN"),
        ("files can't be deleted yet; it is tried again", "502 M_UNKNOWN"),
        ("files were deleted from the homeserver", None),
    ]
    await db.close()
