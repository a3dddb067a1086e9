"""The bot on PostgreSQL: the same conversation, a restart, a crash, and no second process for the same account."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.demo.synapse import Homeserver
from tests.conftest import create_postgres_database
from tests.e2e.bot import BotProcess, running_bot
from tests.e2e.clients.js import JsProcess
from tests.e2e.clients.olm_client import OlmClient
from tests.e2e.conftest import unique
from tests.e2e.people import befriend, js_person, olm_person

pytestmark = pytest.mark.e2e


async def test_a_conversation_on_postgresql(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path, postgres_url: str
) -> None:
    url = create_postgres_database(postgres_url, "courtyard_bot")
    settings = {"database": {"url": url}}
    async with (
        running_bot(tmp_path / "bot", servers[0], unique("courtyard"), settings) as bot,
        OlmClient() as client,
    ):
        alice = await js_person(js, servers[0], unique("alice"), bot)
        bob = await olm_person(client, servers[1], unique("bob"), bot)
        await befriend(alice, bob)
        assert "#1" in await alice.ask("post The first frost")
        assert "The first frost" in await bob.ask("feed")
        assert "#1" in await bob.ask("like 1")

        await bot.kill()
        await bot.start()
        assert "The first frost" in await bob.ask("moment 1")

        second = BotProcess(tmp_path / "second", bot.user_id, tmp_path / "second" / "courtyard.yaml")
        second.directory.mkdir()
        (second.directory / "matrix-password").write_text((bot.directory / "matrix-password").read_text())
        second.config.write_text(bot.config.read_text())
        with pytest.raises(AssertionError, match="ended before it was ready"):
            await second.start()
        assert await second.wait_for_exit(5) == 2
        assert "another courtyard works for this Matrix account" in second.log()
        assert await bot.stop() == 0
    assert not bot.database.exists()
