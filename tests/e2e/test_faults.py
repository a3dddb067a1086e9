"""Sends that the homeserver refuses for a moment or hangs over; starting with a token; a change of who is welcome."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest
import yaml

from bridge.demo.synapse import Homeserver
from tests.e2e.audit import Books, assert_answered_once, assert_indices_used_once, chat_of
from tests.e2e.bot import PASSWORD, prepare_bot
from tests.e2e.clients.js import JsClient, JsProcess
from tests.e2e.conftest import unique
from tests.e2e.flow import shown
from tests.e2e.leaks import event_leaks, log_leaks
from tests.e2e.people import js_person
from tests.e2e.wire import Stage, is_send, wire

pytestmark = [pytest.mark.e2e, pytest.mark.crash]


@pytest.mark.parametrize("stage", ["asked", "answered"])
@pytest.mark.parametrize("fault", ["503", "hang"])
async def test_a_send_that_fails_for_a_moment_is_shown_once_and_in_order(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path, fault: str, stage: Stage
) -> None:
    """Whether or not the homeserver has it: the bot can't know."""
    hs = servers[0]
    async with wire(hs.url) as line:
        settings = {"matrix": {"homeserver": line.url}, "limits": {"request_timeout_seconds": 5}}
        bot = await prepare_bot(tmp_path, hs, unique("courtyard"), settings)
        await bot.start()
        alice = await js_person(js, hs, unique("alice"), bot)
        try:
            await alice.ask("ping")
            before = len(line.sends)
            sent = await alice.client.send(alice.room, "ping")
            for _ in range(2 if fault == "503" else 1):
                async with line.caught(is_send, stage) as exchange:
                    if fault == "503":
                        exchange.refused = 503
                        continue
                    exchange.lost = True
                    later = await alice.client.send(alice.room, "ping")
                    async with line.caught(is_send, "asked", timeout=30):
                        pass  # the bot has given that one up, and tries again
            last = await alice.client.send(alice.room, "ping")
            await alice.client.wait_message(alice.room, lambda m: m.reply_to == last)
            chat = await chat_of(hs, alice, bot.user_id)
            assert_answered_once(chat)
            assert [m.reply_to for m in shown(alice) if m.reply_to] == chat.questions
            assert chat.questions[1] == sent
            assert fault == "503" or later in chat.questions
            tries = [exchange.path for exchange in line.sends[before:]]
            assert tries.count(tries[0]) >= (3 if fault == "503" else 2)
            assert fault != "503" or "delivery_delayed" in bot.log()
            assert bot.log().count("Traceback") == 0
        finally:
            assert isinstance(alice.client, JsClient)
            await alice.client.stop()
        assert await bot.stop() == 0
        Books(bot.database).assert_sound()
        assert_indices_used_once(line.sends, [])
        assert event_leaks(hs, bot.user_id) == []
        assert log_leaks(bot.log()) == []


async def test_a_token_with_its_device_is_enough(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path
) -> None:
    hs = servers[0]
    name = unique("courtyard")
    bot = await prepare_bot(tmp_path, hs, name)
    login = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": name},
        "password": PASSWORD,
        "device_id": "COURTYARD",
    }
    url = f"{hs.url}/_matrix/client/v3/login"
    async with aiohttp.ClientSession() as http, http.post(url, json=login) as answer:
        token = (await answer.json())["access_token"]
    config = yaml.safe_load(bot.config.read_text())
    (tmp_path / "token").touch(mode=0o600)
    (tmp_path / "token").write_text(token + "\n")
    del config["matrix"]["password_file"]
    config["matrix"] |= {"access_token_file": "token", "device_id": "COURTYARD"}
    bot.config.write_text(yaml.safe_dump(config))
    await bot.start()
    alice = await js_person(js, hs, unique("alice"), bot)
    assert isinstance(alice.client, JsClient)
    assert await alice.ask("ping") == "pong"
    assert await bot.stop() == 0
    await bot.start()
    assert await alice.ask("ping") == "pong"
    await alice.client.stop()
    assert await bot.stop() == 0
    assert log_leaks(bot.log()) == []
    assert token not in bot.log()


async def test_who_is_denied_later_gets_silence_in_the_chat_that_is_there(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path
) -> None:
    hs = servers[0]
    bot = await prepare_bot(tmp_path, hs, unique("courtyard"))
    await bot.start()
    alice, bob = await js_person(js, hs, unique("alice"), bot), await js_person(js, hs, unique("bob"), bot)
    assert await alice.ask("ping") == "pong"
    assert await bob.ask(f"friend add {alice.user_id}")
    assert await bot.stop() == 0
    config = yaml.safe_load(bot.config.read_text())
    config["access"] = {"deny_people": [alice.user_id]}
    bot.config.write_text(yaml.safe_dump(config))
    await bot.start()
    mark = len(shown(alice))
    await alice.client.send(alice.room, "ping")
    await alice.client.send(alice.room, "1")
    assert await bob.ask("ping") == "pong"
    assert (await bob.ask("friends")).startswith("You have no friends here yet.")
    assert len(shown(alice)) == mark
    for person in (alice, bob):
        assert isinstance(person.client, JsClient)
        await person.client.stop()
    assert await bot.stop() == 0
