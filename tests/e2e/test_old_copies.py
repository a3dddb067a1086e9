"""An older copy of the bot's data is never used to encrypt: the bot comes back as a new device, trusted as before."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bridge.demo.synapse import Homeserver
from tests.e2e.bot import PASSWORD, running_bot
from tests.e2e.clients.js import JsProcess
from tests.e2e.conftest import unique
from tests.e2e.people import js_person

pytestmark = [pytest.mark.e2e, pytest.mark.crash]


def device_of(database: Path) -> str:
    with closing(sqlite3.connect(database)) as connection:
        (device,) = connection.execute("SELECT device_id FROM accounts").fetchone()
    return str(device)


async def test_a_store_restored_from_an_old_copy(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path
) -> None:
    async with running_bot(tmp_path / "bot", servers[0], unique("courtyard")) as bot:
        alice = await js_person(js, servers[1], unique("alice"), bot)
        assert "pong" in await alice.ask("ping")
        assert await bot.stop() == 0
        first = device_of(bot.database)
        copy = tmp_path / "copy"
        shutil.copytree(bot.directory / "var", copy)

        await bot.start()
        assert device_of(bot.database) == first, "its own store, no copy"
        assert "pong" in await alice.ask("ping")
        assert await bot.stop() == 0

        shutil.rmtree(bot.directory / "var")
        shutil.copytree(copy, bot.directory / "var")
        await bot.start()
        assert device_of(bot.database) != first
        answer = await alice.client.ask(alice.room, "ping", timeout=60)
        assert "pong" in answer.body
        assert answer.shield is None
        second = device_of(bot.database)
        # The former device is gone, and with it whoever had the old copy's token.
        admin = await js.login(unique("admin"), servers[0].url, bot.user_id, PASSWORD, cross_signing="none")
        listed = {d["device_id"] for d in (await admin.request("GET", "/devices"))["devices"]}
        assert second in listed
        assert first not in listed
        await admin.logout()
        assert await bot.stop() == 0
        await bot.start()
        assert device_of(bot.database) == second
        assert "pong" in await alice.ask("ping")
