"""An older copy of the bot's data is never used to encrypt: the bot comes back as a new device, trusted as before."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bridge.demo.synapse import Homeserver
from tests.e2e.bot import PASSWORD, running_bot
from tests.e2e.clients.js import JsClient, JsProcess
from tests.e2e.clients.olm_machine import MEGOLM
from tests.e2e.conftest import unique
from tests.e2e.people import js_person
from tests.e2e.wire import Exchange, wire

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


def kinds(exchanges: list[Exchange]) -> list[int]:
    """Of each Olm message: 0 begins a session, 1 goes on with one that both sides have used."""
    return [
        message["type"]
        for exchange in exchanges
        for devices in exchange.content["messages"].values()
        for content in devices.values()
        for message in content["ciphertext"].values()
    ]


async def test_a_copy_of_the_running_store_put_back_before_anything_could_tell(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path
) -> None:
    """It goes on as the same device, and encrypts nothing with what may have encrypted since the copy was made."""
    hs = servers[0]
    async with (
        wire(hs.url) as line,
        running_bot(tmp_path / "bot", hs, unique("courtyard"), {"matrix": {"homeserver": line.url}}) as bot,
    ):
        alice = await js_person(js, hs, unique("alice"), bot)
        assert isinstance(alice.client, JsClient)
        rotation = {"algorithm": MEGOLM, "rotation_period_msgs": 1}
        await alice.client.set_state(alice.room, "m.room.encryption", rotation)
        assert "pong" in await alice.ask("ping")
        copy = tmp_path / "copy.db"
        with closing(sqlite3.connect(bot.database)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        device, before = device_of(bot.database), len(line.to_device)
        for _ in range(3):
            assert "pong" in await alice.ask("ping")
        assert 1 in kinds(line.to_device[before:]), "the session that the copy has too was used"
        await bot.kill()
        for name in ("", "-wal", "-shm"):
            bot.database.with_name(bot.database.name + name).unlink(missing_ok=True)
        shutil.copy(copy, bot.database)

        sessions, before = sessions_of(bot.database), len(line.to_device)
        await bot.start()
        assert device_of(bot.database) == device
        answer = await alice.client.ask(alice.room, "ping", timeout=60)
        assert "pong" in answer.body
        assert answer.shield is None
        assert set(kinds(line.to_device[before:])) == {0}
        new = sessions_of(bot.database).keys() - sessions.keys()
        assert len(new) == 1
        for _ in range(2):
            assert "pong" in await alice.ask("ping")
        after = sessions_of(bot.database)
        assert all(after[session] == 1 for session in sessions)
        assert after[new.pop()] == 0
        await alice.client.stop()


def sessions_of(database: Path) -> dict[str, int]:
    """Olm sessions, and whether they are retired."""
    with closing(sqlite3.connect(database)) as connection:
        return dict(connection.execute("SELECT session_id, retired FROM crypto_olm_sessions").fetchall())
