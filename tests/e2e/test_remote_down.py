"""Another homeserver is away while the bot has something to say to its people: nobody else waits, nothing is lost."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from bridge.demo.synapse import Homeserver
from tests.e2e import servers
from tests.e2e.audit import Books, until
from tests.e2e.bot import BotProcess, running_bot
from tests.e2e.clients.js import JsClient, JsProcess
from tests.e2e.clients.message import Message
from tests.e2e.clients.olm_machine import MEGOLM
from tests.e2e.conftest import unique
from tests.e2e.flow import answers, meeting, number, told
from tests.e2e.leaks import canary
from tests.e2e.people import Friendly, befriend, gather

pytestmark = [pytest.mark.e2e, pytest.mark.crash]

PATIENCE = 150.0
"""Seconds: the bot asks again for keys after half a minute, and again."""


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[tuple[Homeserver, Homeserver]]:
    """Two homeservers of their own: one is stopped. They look for each other again at once."""
    retry = {"destination_min_retry_interval": "1s", "destination_max_retry_interval": "2s"}
    async with servers.pair(tmp_path / "servers", federation=retry) as both:
        yield both


async def post(author: Friendly) -> str:
    """Post something; its text."""
    text = canary()
    assert (await author.ask(f"post {text}")).startswith("Posted as #")
    return text


async def arrives(person: Friendly, mark: int, text: str) -> Message:
    return await person.client.wait_message(
        person.room, lambda m: text in m.body and m.decryption_failure is None, PATIENCE, since=mark
    )


async def readable(person: Friendly, room: str, mark: int, sent: Message) -> Message:
    def fits(message: Message) -> bool:
        return message.event_id == sent.event_id and message.decryption_failure is None

    return await person.client.wait_message(room, fits, PATIENCE, since=mark)


def waiting(bot: BotProcess) -> int:
    return Books(bot.database).count("SELECT count(*) FROM outbox WHERE state IN ('queued', 'held', 'claimed')")


async def test_a_server_that_is_down_during_a_fan_out(
    pair: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path
) -> None:
    here, there = pair
    async with running_bot(tmp_path / "bot", here, unique("courtyard")) as bot, meeting(pair, js, bot) as meet:
        alice, bob = await meet("alice"), await meet("bob", olm=True)
        carol, dave = await meet("carol", 1), await meet("dave", 1, olm=True)
        texts = {}
        for friend in (bob, carol, dave):
            await befriend(alice, friend)
            texts[friend.user_id] = await post(friend)
        feed = await answers(alice, "feed")
        numbers = {u: number(next(m for m in feed if text in m.body)) for u, text in texts.items()}

        # The bot has no sessions left, neither of Olm nor of Megolm: all keys must be shared anew.
        await bot.kill()
        with closing(sqlite3.connect(bot.database)) as database:
            database.execute("DELETE FROM crypto_olm_sessions")
            database.commit()
        await there.stop()
        await bot.start()

        marks = {person.user_id: person.client.mark() for person in (bob, carol, dave)}
        words = {friend.user_id: canary() for friend in (bob, carol, dave)}
        async with asyncio.timeout(30):
            for friend in (carol, dave, bob):
                answer = await alice.ask(f"comment {numbers[friend.user_id]} {words[friend.user_id]}")
                assert "Your comment is on #" in answer
            await told(bob, marks[bob.user_id], words[bob.user_id])
            assert "pong" in await alice.ask("ping")
        await until(lambda: waiting(bot) == 2, 10, "what is for the other server waits")

        await there.start()
        for friend in (carol, dave):
            await arrives(friend, marks[friend.user_id], words[friend.user_id])
            assert await friend.ask("ping", PATIENCE) == "pong"
        await Books(bot.database).outbox_empty(30)
        assert await bot.stop() == 0
        Books(bot.database).assert_sound()
        assert "Traceback" not in bot.log()


async def test_who_was_away_reads_what_was_said_also_over_sessions_that_were_replaced(
    pair: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path
) -> None:
    """In a room with several people, and without the bot saying anything more."""
    here, there = pair
    settings = {"access": {"invites": "all"}}
    async with (
        running_bot(tmp_path / "bot", here, unique("courtyard"), settings) as bot,
        meeting(pair, js, bot) as meet,
    ):
        alice, carol = await meet("alice"), await meet("carol", 1)
        assert isinstance(alice.client, JsClient)
        room = await gather(alice, carol, bot)
        rotation = {"algorithm": MEGOLM, "rotation_period_msgs": 1}
        await alice.client.set_state(room, "m.room.encryption", rotation)
        assert (await alice.client.ask(room, "!ping")).body == "pong"

        # After this the bot can give nobody a key without a new session, for which it needs their homeserver.
        await bot.kill()
        await there.stop()
        await bot.start()
        answers = [await alice.client.ask(room, "!ping") for _ in range(3)]
        assert Books(bot.database).count("SELECT count(*) FROM crypto_room_keys_owed") == 1
        assert await bot.stop() == 0
        await bot.start()

        mark = carol.client.mark()
        await there.start()
        for answer in answers:
            assert (await readable(carol, room, mark, answer)).shield is None
        books = Books(bot.database)
        await until(lambda: books.count("SELECT count(*) FROM crypto_room_keys_owed") == 0, 10, "nothing is owed")
        assert await bot.stop() == 0
        Books(bot.database).assert_sound()
