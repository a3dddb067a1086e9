"""Messages whose key comes late, or over a broken session: nothing is lost, and people are told what is wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from bridge.demo.synapse import Homeserver
from tests.e2e.bot import BotProcess, running_bot
from tests.e2e.clients.js import JsClient, JsProcess
from tests.e2e.clients.message import Message
from tests.e2e.clients.olm_client import OlmClient
from tests.e2e.clients.olm_machine import MEGOLM, OlmPayload
from tests.e2e.conftest import unique
from tests.e2e.people import Friendly, js_person, olm_person

pytestmark = pytest.mark.e2e

KEY_NOTICE = "its key has not reached me yet"
WITHHELD_NOTICE = "keeps its key from me"


@pytest.fixture(scope="module")
async def bot(
    servers: tuple[Homeserver, Homeserver], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[BotProcess]:
    """A bot that complains after two seconds already."""
    settings = {"limits": {"key_notice_seconds": 2}}
    async with running_bot(tmp_path_factory.mktemp("late"), servers[0], unique("courtyard"), settings) as running:
        yield running


async def bots_device(client: OlmClient, bot: BotProcess) -> str:
    (device,) = await client.directory.devices([bot.user_id])
    return str(device.device_id)


def begin_session_in_secret(client: OlmClient, room: str, bot: BotProcess, device: str) -> dict[str, str]:
    """Start a Megolm session that the bot does not get; the content of the m.room_key that it should have got."""
    machine = client.machine
    owner = OlmPayload(machine.user_id, machine.curve25519, machine.ed25519, "", {})
    outbound = client.megolm.start(room, owner)
    key = {
        "algorithm": MEGOLM,
        "room_id": room,
        "session_id": outbound.session.id,
        "session_key": outbound.session.session_key,
    }
    outbound.shared_with.add((bot.user_id, device))
    return key


async def notice(person: Friendly, bot: BotProcess, mark: int, text: str) -> Message:
    return await person.client.wait_message(
        person.room, lambda message: message.sender == bot.user_id and text in message.body, since=mark
    )


async def pong_to(client: OlmClient, room: str, event_id: str) -> None:
    await client.wait_message(room, lambda message: message.reply_to == event_id and "pong" in message.body)


async def gone(client: OlmClient, room: str, event_id: str) -> None:
    def redacted() -> bool | None:
        shown = client.timeline(room, everything=True)
        return True if any(m.event_id == event_id and m.redacted for m in shown) else None

    await client.inbox.until(redacted, 30, "redaction of the notice")


async def test_a_late_key_is_waited_for_and_the_notice_goes_away(
    servers: tuple[Homeserver, Homeserver], bot: BotProcess
) -> None:
    async with OlmClient() as client:
        alice = await olm_person(client, servers[1], unique("alice"), bot)
        assert "pong" in await alice.ask("ping")
        device = await bots_device(client, bot)
        key = begin_session_in_secret(client, alice.room, bot, device)
        mark = client.mark()
        first = await client.send(alice.room, "ping")
        second = await client.send(alice.room, "ping")
        told = await notice(alice, bot, mark, KEY_NOTICE)
        assert told.reply_to in (first, second)
        # The bot asked for the key itself as well.
        assert any(
            event.get("type") == "m.room_key_request" and event["content"].get("action") == "request"
            for event in client.inbox.to_device
        )
        content = await client.encrypt_olm(bot.user_id, device, "m.room_key", key)
        await client.send_to_device_raw("m.room.encrypted", {bot.user_id: {device: content}})
        for event_id in (first, second):
            await pong_to(client, alice.room, event_id)
        await gone(client, alice.room, told.event_id)
        notices = [m for m in client.timeline(alice.room) if KEY_NOTICE in m.body]
        assert notices == [], "one notice, and it is gone"


async def test_late_keys_survive_a_restart(servers: tuple[Homeserver, Homeserver], bot: BotProcess) -> None:
    async with OlmClient() as client:
        alice = await olm_person(client, servers[0], unique("alice"), bot)
        device = await bots_device(client, bot)
        key = begin_session_in_secret(client, alice.room, bot, device)
        mark = client.mark()
        event_id = await client.send(alice.room, "ping")
        told = await notice(alice, bot, mark, KEY_NOTICE)
        await bot.kill()
        await bot.start()
        content = await client.encrypt_olm(bot.user_id, device, "m.room_key", key)
        await client.send_to_device_raw("m.room.encrypted", {bot.user_id: {device: content}})
        await pong_to(client, alice.room, event_id)
        await gone(client, alice.room, told.event_id)


async def test_a_withheld_key_is_explained(servers: tuple[Homeserver, Homeserver], bot: BotProcess) -> None:
    async with OlmClient() as client:
        alice = await olm_person(client, servers[0], unique("alice"), bot)
        device = await bots_device(client, bot)
        key = begin_session_in_secret(client, alice.room, bot, device)
        withheld = {
            "algorithm": MEGOLM,
            "room_id": alice.room,
            "session_id": key["session_id"],
            "sender_key": client.machine.curve25519,
            "code": "m.unverified",
        }
        await client.send_to_device_raw("m.room_key.withheld", {bot.user_id: {device: withheld}})
        mark = client.mark()
        await client.send(alice.room, "ping")
        await notice(alice, bot, mark, WITHHELD_NOTICE)


async def test_a_key_that_is_withheld_after_the_notice_is_explained_in_its_place(
    servers: tuple[Homeserver, Homeserver], bot: BotProcess
) -> None:
    async with OlmClient() as client:
        alice = await olm_person(client, servers[1], unique("alice"), bot)
        device = await bots_device(client, bot)
        key = begin_session_in_secret(client, alice.room, bot, device)
        mark = client.mark()
        event_id = await client.send(alice.room, "ping")
        await notice(alice, bot, mark, KEY_NOTICE)
        withheld = {
            "algorithm": MEGOLM,
            "room_id": alice.room,
            "session_id": key["session_id"],
            "sender_key": client.machine.curve25519,
            "code": "m.unverified",
        }
        await client.send_to_device_raw("m.room_key.withheld", {bot.user_id: {device: withheld}})
        explained = await notice(alice, bot, mark, WITHHELD_NOTICE)

        def alone() -> bool | None:
            # It was edited; or taken back, if the bot did not know yet that it had arrived.
            shown = [m for m in client.timeline(alice.room) if not m.redacted]
            return True if not any(KEY_NOTICE in m.body for m in shown) else None

        await client.inbox.until(alone, 30, "no other notice")
        content = await client.encrypt_olm(bot.user_id, device, "m.room_key", key)
        await client.send_to_device_raw("m.room_key.withheld", {bot.user_id: {device: withheld}})
        await client.send_to_device_raw("m.room.encrypted", {bot.user_id: {device: content}})
        await pong_to(client, alice.room, event_id)
        await gone(client, alice.room, explained.event_id)


async def test_the_bot_lost_its_olm_sessions(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path
) -> None:
    """Nothing of what Element said meanwhile is lost: it gives its key once more over the session that the bot made.
    That does not wait until it would be time to complain."""
    settings = {"limits": {"key_notice_seconds": 300}}
    async with running_bot(tmp_path / "bot", servers[0], unique("courtyard"), settings) as bot:
        alice = await js_person(js, servers[1], unique("alice"), bot)
        assert "pong" in await alice.ask("ping")
        await bot.stop()
        with closing(sqlite3.connect(bot.database)) as database:
            database.execute("DELETE FROM crypto_olm_sessions")
            database.commit()
        await bot.start()
        assert isinstance(alice.client, JsClient)
        await alice.client.discard_session(alice.room)
        lost = await alice.client.send(alice.room, "ping")
        await alice.client.wait_message(alice.room, lambda message: message.reply_to == lost and "pong" in message.body)
        assert "pong" in await alice.ask("ping")


async def test_a_person_lost_their_olm_sessions(servers: tuple[Homeserver, Homeserver], bot: BotProcess) -> None:
    async with OlmClient() as client:
        alice = await olm_person(client, servers[0], unique("alice"), bot)
        assert "pong" in await alice.ask("ping")
        client.machine.sessions.clear()
        client.megolm.outbound.clear()
        assert "pong" in await alice.ask("ping")


async def test_events_without_the_deprecated_fields_are_read(
    servers: tuple[Homeserver, Homeserver], bot: BotProcess
) -> None:
    """New clients leave `sender_key` and `device_id` out (spec: "m.megolm.v1.aes-sha2")."""
    async with OlmClient(deprecated_fields=False) as client:
        alice = await olm_person(client, servers[1], unique("alice"), bot)
        assert await alice.ask("ping") == "pong"


async def test_a_key_that_starts_too_late_leaves_the_notice(
    servers: tuple[Homeserver, Homeserver], bot: BotProcess
) -> None:
    """The first message stays unreadable with the key as it is later, and is answered when the whole key comes."""
    async with OlmClient() as client:
        alice = await olm_person(client, servers[0], unique("alice"), bot)
        device = await bots_device(client, bot)
        key = begin_session_in_secret(client, alice.room, bot, device)
        mark = client.mark()
        first = await client.send(alice.room, "ping")
        told = await notice(alice, bot, mark, KEY_NOTICE)
        later = {**key, "session_key": client.megolm.outbound[alice.room].session.session_key}
        assert later != key
        content = await client.encrypt_olm(bot.user_id, device, "m.room_key", later)
        await client.send_to_device_raw("m.room.encrypted", {bot.user_id: {device: content}})
        second = await client.send(alice.room, "ping")
        await pong_to(client, alice.room, second)
        (kept,) = [m for m in client.timeline(alice.room) if m.event_id == told.event_id]
        assert not kept.redacted
        content = await client.encrypt_olm(bot.user_id, device, "m.room_key", key)
        await client.send_to_device_raw("m.room.encrypted", {bot.user_id: {device: content}})
        await pong_to(client, alice.room, first)
        await gone(client, alice.room, told.event_id)
