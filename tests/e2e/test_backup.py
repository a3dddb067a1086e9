"""The drill: the bot is backed up while people talk to it, killed, and its machine lost; it comes back as itself."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.demo.synapse import Homeserver
from tests.conftest import create_postgres_database
from tests.e2e.bot import BotProcess, running_bot
from tests.e2e.clients.js import JsClient, JsProcess
from tests.e2e.clients.olm_client import OlmClient
from tests.e2e.conftest import unique
from tests.e2e.flow import answers, number
from tests.e2e.people import Friendly, befriend, js_person, olm_person
from tests.e2e.test_old_copies import device_of

pytestmark = [pytest.mark.e2e, pytest.mark.crash]

ROOT = Path(__file__).parents[2]


async def courtyard(*arguments: str) -> str:
    """Run a command that must succeed; what it prints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", *arguments),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


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
    out = await courtyard("restore", str(backup), "--identity", str(identity), "-c", str(bot.config))
    await bot.start()
    return out


async def test_the_drill(servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    recipient = (await courtyard("backup-key", str(elsewhere / "identity"))).strip()
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
            out = await courtyard("backup", "--output", str(backup), "-c", str(bot.config))
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


async def test_the_drill_to_postgresql(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path, postgres_url: str
) -> None:
    """From SQLite to PostgreSQL, with answers queued that nobody can take just now."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    recipient = (await courtyard("backup-key", str(elsewhere / "identity"))).strip()
    keys = {name: str(elsewhere / name.replace("_", "-")) for name in ("store_key_file", "master_key_file")}
    settings = {"backup": {"recipients": [recipient], "epoch_dir": str(elsewhere / "epochs")}, "secrets": keys}
    async with running_bot(tmp_path / "bot", servers[0], unique("courtyard"), settings) as bot:
        alice = await js_person(js, servers[0], unique("alice"), bot)
        assert "#1" in await alice.ask("post On paper")
        backup = elsewhere / "courtyard.backup"
        await courtyard("backup", "-o", str(backup), "-c", str(bot.config))
        assert "pong" in await alice.ask("ping")
        urls = {
            "url": create_postgres_database(postgres_url, "courtyard_restored"),
            "key_store_url": create_postgres_database(postgres_url, "courtyard_restored_keys"),
        }
        text = bot.config.read_text()
        bot.config.write_text(
            f"{text}\ndatabase:\n  url: {urls['url']}\nvault:\n  key_store_url: {urls['key_store_url']}\n"
        )
        await lose_everything(bot, backup, elsewhere / "identity")
        answer = await alice.client.ask(alice.room, "moment 1", timeout=60)
        assert "On paper" in answer.body
        assert not bot.database.exists()
        assert await bot.stop() == 0
