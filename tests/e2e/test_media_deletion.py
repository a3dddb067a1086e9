"""M10, P12 on a real Synapse: files that nothing shows any more can't be downloaded, where the bot may delete them."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp import web
from PIL import Image
from yarl import URL

from bridge.demo.synapse import Homeserver
from tests.e2e.archives import export
from tests.e2e.bot import running_bot
from tests.e2e.clients.js import JsProcess
from tests.e2e.clients.olm_client import OlmClient
from tests.e2e.flow import answers, gone, meeting, number, told
from tests.e2e.leaks import server_rows
from tests.e2e.people import PASSWORD, Friendly, befriend, unique
from tests.e2e.test_erasure import end

pytestmark = pytest.mark.e2e

_WAIT = 60.0


async def token(hs: Homeserver, *, admin: bool) -> str:
    """An access token of a new account."""
    user_id = await hs.register(unique("media"), PASSWORD, admin=admin)
    request = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": user_id},
        "password": PASSWORD,
    }
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{hs.url}/_matrix/client/v3/login", json=request) as answer,
    ):
        return str((await answer.json())["access_token"])


class Media:
    """What the bot has uploaded, as its homeserver has it."""

    def __init__(self, hs: Homeserver, user_id: str, reader: str) -> None:
        """`reader`: a token of anybody."""
        self._hs = hs
        self._user_id = user_id
        self._headers = {"Authorization": f"Bearer {reader}"}
        self._known: set[str] = set()

    def new(self) -> set[str]:
        """Ids of what came since this was asked last."""
        rows = server_rows(self._hs, "SELECT media_id FROM local_media_repository WHERE user_id = ?", self._user_id)
        found = {str(media_id) for (media_id,) in rows} - self._known
        self._known |= found
        return found

    async def there(self, ids: set[str]) -> set[str]:
        """Which of these can be downloaded."""
        found = set()
        async with aiohttp.ClientSession(headers=self._headers) as http:
            for media_id in ids:
                url = f"{self._hs.url}/_matrix/client/v1/media/download/{self._hs.server_name}/{media_id}"
                async with http.get(url) as answer:
                    assert answer.status in (200, 404)
                    if answer.status == 200:
                        assert await answer.read()
                        found.add(media_id)
        return found

    async def until_gone(self, ids: set[str]) -> None:
        assert ids
        async with asyncio.timeout(_WAIT):
            while await self.there(ids):
                pass
        names = {file.name for file in self._hs.data_dir.rglob("*") if "media" in str(file)}
        assert not {media_id for media_id in ids if media_id[4:] in names}, "nor is it on the disk"


@contextlib.asynccontextmanager
async def proxy(hs: Homeserver, word: str, admin: str) -> AsyncIterator[str]:
    """Lets nothing through but the deletion of a file, for who knows the word; its address."""
    wanted = re.compile(rf"/_synapse/admin/v1/media/{re.escape(quote(hs.server_name, safe=''))}/[A-Za-z0-9_-]+")

    async def handle(request: web.Request) -> web.Response:
        is_wanted = request.method == "DELETE" and wanted.fullmatch(request.raw_path)
        if not is_wanted or request.headers.get("Authorization") != f"Bearer {word}":
            return web.Response(status=403)
        url, headers = URL(hs.url + request.raw_path, encoded=True), {"Authorization": f"Bearer {admin}"}
        async with aiohttp.ClientSession() as http, http.delete(url, headers=headers) as answer:
            return web.Response(status=answer.status, body=await answer.read(), content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def picture(person: Friendly, caption: str, directory: Path) -> None:
    path = directory / f"{unique('picture')}.png"
    Image.effect_noise((200, 100), 50).convert("RGB").save(path)
    mark = person.client.mark()
    if isinstance(person.client, OlmClient):
        await person.client.send_image(person.room, path.read_bytes(), "image/png", caption)
    else:
        await person.client.send_image(person.room, path, "image/png", caption=caption)
    await told(person, mark, "Posted as" if caption.startswith("post") else "avatar")


@pytest.mark.parametrize("olm", [False, True], ids=["js", "olm"])
async def test_what_is_gone_can_not_be_downloaded(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path, olm: bool
) -> None:
    """A moment of somebody of the other server is deleted, then the account ends; what others show stays. With a token,
    or without one through a proxy that has it."""
    home = servers[0]
    admin = await token(home, admin=True)
    secret = tmp_path / "media-token"
    secret.touch(mode=0o600)
    secret.write_text(word := secrets.token_hex(16) if olm else admin)
    async with contextlib.AsyncExitStack() as stack:
        settings: dict[str, dict[str, Any]] = {
            "matrix": {"media_admin_token_file": str(secret)},
            "moments": {"undo_seconds": 0},
            "erasure": {"grace_days": 3 / 86_400},
        }
        if olm:
            settings["matrix"]["media_admin_url"] = await stack.enter_async_context(proxy(home, word, admin))
        await deleted(servers, js, tmp_path, settings, olm=olm)


async def deleted(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path, settings: dict[str, Any], *, olm: bool
) -> None:
    home = servers[0]
    async with (
        running_bot(tmp_path / "bot", home, unique("courtyard"), settings) as bot,
        meeting(servers, js, bot) as meet,
    ):
        alice, carol = await meet("alice"), await meet("carol", 1, olm=olm)
        await befriend(alice, carol)
        media = Media(home, bot.user_id, await token(home, admin=False))
        media.new()
        await picture(alice, "post Of Alice", tmp_path)
        of_alice = media.new()
        await picture(carol, "post First", tmp_path)
        first = media.new()
        await picture(carol, "post Second", tmp_path)
        await picture(carol, "profile set avatar", tmp_path)
        await export(carol, tmp_path)
        rest = media.new()
        every = of_alice | first | rest
        assert (len(of_alice), len(first)) == (2, 2), "a picture and its thumbnail"
        assert len(rest) >= 5
        feed = await answers(alice, "feed")
        [shown] = [m for m in feed if "First" in m.body]
        mine = next(m for m in await answers(carol, "album") if "First" in m.body)
        assert await media.there(every) == every
        await carol.ask(f"delete {number(mine)}")
        await gone(alice, shown.event_id)
        await media.until_gone(first)
        assert await media.there(every) == every - first
        await end(carol)
        await media.until_gone(rest)
        assert await media.there(every) == of_alice
        assert "warning" not in bot.log().lower()


async def test_who_may_not_delete_harms_nothing_and_it_is_made_up_for(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path
) -> None:
    """The token is none of an administrator; the bot is killed; the operator mends it."""
    home = servers[0]
    secret = tmp_path / "media-token"
    secret.touch(mode=0o600)
    secret.write_text(await token(home, admin=False))
    settings = {"matrix": {"media_admin_token_file": str(secret)}, "moments": {"undo_seconds": 0}}
    async with (
        running_bot(tmp_path / "bot", home, unique("courtyard"), settings) as bot,
        meeting(servers, js, bot) as meet,
    ):
        alice = await meet("alice")
        media = Media(home, bot.user_id, await token(home, admin=False))
        media.new()
        await picture(alice, "post One", tmp_path)
        ids = media.new()
        await alice.ask("delete 1")
        async with asyncio.timeout(_WAIT):
            while "refuses to delete files" not in bot.log():
                await alice.ask("ping")
        assert await media.there(ids) == ids
        await bot.kill()
        secret.write_text(await token(home, admin=True))
        await bot.start()
        await media.until_gone(ids)
        assert bot.log().count("refuses to delete files") == 1
        assert await alice.ask("ping") == "pong"
