"""The drill: the bot is backed up while people talk to it, killed, and its machine lost; it comes back as itself."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from bridge.demo.synapse import Homeserver
from tests.conftest import create_postgres_database
from tests.e2e.births import printed
from tests.e2e.bot import BotProcess, running_bot
from tests.e2e.clients.js import JsClient, JsProcess
from tests.e2e.clients.olm_client import OlmClient
from tests.e2e.conftest import unique
from tests.e2e.flow import answers, number
from tests.e2e.people import Friendly, befriend, js_person, olm_person
from tests.e2e.test_old_copies import device_of

pytestmark = [pytest.mark.e2e, pytest.mark.crash]

ROOT = Path(__file__).parents[2]


@contextlib.asynccontextmanager
async def chatter(person: Friendly, asked: list[str]) -> AsyncIterator[None]:
    """The person asks and asks for the length of the block; `asked` gets the ids of the questions."""

    async def talk() -> None:
        while True:
            asked.append(await person.client.send(person.room, "!ping"))
            await asyncio.sleep(0.05)

    task = asyncio.create_task(talk())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def pongs(person: Friendly, asked: list[str]) -> None:
    """Wait until all that was asked is answered."""
    wanted = set(asked)
    await person.client.wait_messages(person.room, lambda m: m.reply_to in wanted, len(wanted), 60)


def tally(person: Friendly) -> Counter[str]:
    """How often each message was answered."""
    assert isinstance(person.client, JsClient)
    return Counter(m.reply_to for m in person.client.received(person.room) if m.reply_to is not None)


async def lose_everything(bot: BotProcess, backup: Path, identity: Path) -> str:
    """SIGKILL; the directory goes; restore; start. What the restore prints."""
    await bot.kill()
    shutil.rmtree(bot.directory / "var")
    out = await printed("restore", str(backup), "--identity", str(identity), "-c", str(bot.config))
    await bot.start()
    return out


async def test_the_drill(servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    recipient = (await printed("backup-key", str(elsewhere / "identity"))).strip()
    settings = {
        "backup": {"recipients": [recipient], "epoch_dir": str(elsewhere / "epochs")},
        "secrets": {
            "store_key_file": str(elsewhere / "store.key"),
            "master_key_file": str(elsewhere / "master.key"),
            "recovery_key_file": str(elsewhere / "recovery-key"),
        },
    }
    async with (
        running_bot(tmp_path / "bot", servers[0], unique("courtyard"), settings) as bot,
        OlmClient() as olm,
    ):
        alice = await js_person(js, servers[1], unique("alice"), bot)
        bob = await olm_person(olm, servers[0], unique("bob"), bot)
        assert isinstance(alice.client, JsClient)
        await befriend(alice, bob)
        assert "#1" in await alice.ask("post The first frost")
        assert "The first frost" in await bob.ask("feed")

        asked: list[str] = []
        backup = elsewhere / "courtyard.backup"
        async with chatter(alice, asked):
            await asyncio.sleep(0.5)
            out = await printed("backup", "--output", str(backup), "-c", str(bot.config))
            assert "can be restored until" in out
            await asyncio.sleep(0.5)
        await pongs(alice, asked)
        assert "The second frost" not in await bob.ask("feed")
        assert "#2" in await alice.ask("post The second frost")
        assert "The second frost" in await bob.ask("feed")
        former = device_of(bot.database)
        answered = tally(alice)

        async with chatter(alice, asked):
            await asyncio.sleep(0.3)
            await bot.kill()
        mark, bobs = alice.client.mark(), bob.client.mark()
        out = await lose_everything(bot, backup, elsewhere / "identity")
        assert "Restored 2 people" in out

        assert device_of(bot.database) != former
        # What a client says before its server told it of the new device is for the former one alone.
        async with asyncio.timeout(60):
            while device_of(bot.database) not in await alice.client.device_trust(bot.user_id):  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        answer = await alice.client.ask(alice.room, "!ping", timeout=60)
        assert answer.body == "pong"
        assert answer.shield is None
        trust = await alice.client.user_trust(bot.user_id)
        assert trust["hasIdentity"]
        assert not trust["needsApproval"]
        devices = await alice.client.device_trust(bot.user_id)
        assert former not in devices, "the former device was signed out"
        assert devices[device_of(bot.database)]["signed"]

        feed = await bob.ask("feed", timeout=60)
        assert "The first frost" in feed
        assert "The second frost" not in feed, "that was after the backup"
        assert "#" in await alice.ask("post The third frost")
        third = [m for m in await answers(bob, "feed") if "The third frost" in m.body]
        assert len(third) == 1
        assert await bob.ask(f"like {number(third[0])}")

        await asyncio.sleep(25)  # longer than what can't be read is waited for
        assert await alice.ask("!ping") == "pong"
        twice = {event: times for event, times in tally(alice).items() if times > 1}
        assert twice == {}
        for event, times in answered.items():
            assert tally(alice)[event] == times
        for person, since in ((alice, mark), (bob, bobs)):
            later = await person.client.wait_messages(person.room, lambda m: True, 1, since=since)
            told = [m.body for m in later if m.sender == bot.user_id and m.body != "pong"]
            unread = [body for body in told if "read" in body]
            # What nobody had answered when the bot died is explained once, to her alone.
            assert len(unread) <= (1 if person is alice else 0), told
        assert await bot.stop() == 0


@pytest.mark.parametrize("sent", [True, False], ids=["sent since", "not sent"])
async def test_what_was_queued_is_shown_once(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path, postgres_url: str, sent: bool
) -> None:
    """From SQLite to PostgreSQL, with a line queued for Alice that the former device has sent since, or has not."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    recipient = (await printed("backup-key", str(elsewhere / "identity"))).strip()
    settings = {
        "backup": {"recipients": [recipient], "epoch_dir": str(elsewhere / "epochs")},
        "secrets": {name: str(elsewhere / name) for name in ("store_key_file", "master_key_file")},
        "moments": {"likes_gather_seconds": 5 if sent else 25},
    }
    async with (
        running_bot(tmp_path / "bot", servers[0], unique("courtyard"), settings) as bot,
        OlmClient() as olm,
    ):
        alice = await js_person(js, servers[0], unique("alice"), bot)
        bob = await olm_person(olm, servers[0], unique("bob"), bot)
        assert isinstance(alice.client, JsClient)
        await befriend(alice, bob)
        assert "#1" in await alice.ask("post On paper")
        assert "#1" in await bob.ask("feed")
        mark = alice.client.mark()
        assert await bob.ask("like 1")
        backup = elsewhere / "courtyard.backup"
        await printed("backup", "-o", str(backup), "-c", str(bot.config))

        def about_the_like() -> list[str]:
            assert isinstance(alice.client, JsClient)
            return [m.event_id for m in alice.client.received(alice.room, since=mark) if bob.user_id in m.body]

        if sent:
            await alice.client.wait_message(alice.room, lambda m: bob.user_id in m.body, since=mark)
            assert "pong" in await alice.ask("ping")
        else:
            assert about_the_like() == []
        config = yaml.safe_load(bot.config.read_text())
        names = [f"restored_{unique('db').replace('-', '_')}{part}" for part in ("", "_keys")]
        config["database"] = {"url": create_postgres_database(postgres_url, names[0])}
        config["vault"] = {"key_store_url": create_postgres_database(postgres_url, names[1])}
        await bot.kill()
        bot.config.write_text(yaml.safe_dump(config))
        await lose_everything(bot, backup, elsewhere / "identity")
        answer = await alice.client.ask(alice.room, "moment 1", timeout=60)
        assert "On paper" in answer.body
        await alice.client.wait_message(
            alice.room, lambda m: bob.user_id in m.body and m.reply_to is None, 60, since=mark
        )
        await asyncio.sleep(10)
        assert await alice.ask("ping") == "pong"
        told = [e for e in about_the_like() if e != answer.event_id]
        assert len(told) == 1
        assert not bot.database.exists()
        assert await bot.stop() == 0
