"""Other people's devices: unsigned ones, new ones, removed ones, and identities that were reset."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bridge.demo.synapse import Homeserver
from tests.e2e.bot import BotProcess, running_bot
from tests.e2e.clients.js import JsProcess
from tests.e2e.clients.olm_client import OlmClient
from tests.e2e.conftest import unique
from tests.e2e.people import PASSWORD, js_person, olm_person, open_dm

pytestmark = pytest.mark.e2e


async def test_a_strict_bot_is_mute_to_unsigned_devices(servers: tuple[Homeserver, Homeserver], tmp_path: Path) -> None:
    settings = {"access": {"unsigned_devices": "strict"}}
    async with running_bot(tmp_path / "bot", servers[0], unique("courtyard"), settings) as bot, OlmClient() as client:
        name = unique("alice")
        await servers[0].register(name, PASSWORD)
        await client.login(servers[0].url, name, PASSWORD, cross_sign=False)
        room = await client.create_dm(bot.user_id)
        await client.wait_membership(room, bot.user_id, "join")
        mark = client.mark()
        await client.send(room, "ping")
        hidden = await client.wait_message(room, lambda m: m.sender == bot.user_id, since=mark)
        assert hidden.decryption_failure == "withheld:m.unverified"

        await client.publish_identity()  # the person verifies the session
        answer = await client.ask(room, "ping", timeout=60)
        assert "pong" in answer.body


async def test_an_identity_that_was_reset_is_told(servers: tuple[Homeserver, Homeserver], bot: BotProcess) -> None:
    async with OlmClient() as client:
        alice = await olm_person(client, servers[1], unique("alice"), bot)
        assert "pong" in await alice.ask("ping")
        mark = client.mark()
        await client.publish_identity()
        assert "pong" in await alice.ask("ping"), "they are told, and go on"
        told = await client.wait_message(
            alice.room, lambda m: "encryption identity has been reset" in m.body, since=mark, timeout=60
        )
        assert told.decryption_failure is None
        assert "pong" in await alice.ask("ping")
        again = [m for m in client.timeline(alice.room) if "encryption identity has been reset" in m.body]
        assert len(again) == 1


@pytest.mark.parametrize("server", [0, 1], ids=["local", "federated"])
async def test_a_new_device_reads_what_is_sent_from_then_on(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, bot: BotProcess, server: int
) -> None:
    name = unique("alice")
    alice = await js_person(js, servers[server], name, bot)
    assert "pong" in await alice.ask("ping")
    recovery_key = await alice.client.set_up_recovery()  # type: ignore[union-attr]
    phone = await js.login(f"{name}-phone", servers[server].url, name, PASSWORD, recovery_key=recovery_key)
    answer = await phone.ask(alice.room, "ping")
    assert "pong" in answer.body
    assert answer.shield is None
    on_the_first = await alice.client.wait_message(alice.room, lambda m: m.event_id == answer.event_id)
    assert "pong" in on_the_first.body

    # A device that is signed out gets nothing any more: the session is a new one.
    session = answer_session(servers[0], answer.event_id)
    await phone.logout()
    after = await alice.client.ask(alice.room, "ping")
    assert "pong" in after.body
    assert answer_session(servers[0], after.event_id) != session


def answer_session(hs: Homeserver, event_id: str) -> str:
    """The Megolm session of an event, as the server keeps it."""
    with closing(sqlite3.connect(f"file:{hs.data_dir / 'homeserver.db'}?mode=ro", uri=True)) as database:
        (text,) = database.execute("SELECT json FROM event_json WHERE event_id = ?", (event_id,)).fetchone()
    return str(json.loads(text)["content"]["session_id"])


async def test_recovery_keeps_everything_personal_back(servers: tuple[Homeserver, Homeserver], bot: BotProcess) -> None:
    async with OlmClient() as old, OlmClient() as new:
        name = unique("alice")
        alice = await olm_person(old, servers[1], name, bot)
        switched_on = await alice.ask("privacy recovery on")
        code = switched_on.rpartition(":")[2].strip(" *")
        assert "Welcome" not in await alice.ask("recover"), "nothing is paused yet"

        mark = old.mark()
        await old.publish_identity()
        await old.send(alice.room, "ping")
        await old.wait_message(alice.room, lambda m: "keep everything personal back until" in m.body, since=mark)
        assert "keep everything personal back" in await alice.ask("feed")
        assert "pong" in await alice.ask("ping")

        # Another session, signed by the new identity: whoever reset it could have made that.
        await new.login(servers[1].url, name, PASSWORD, identity=old.identity)
        await new.inbox.until(lambda: True if alice.room in new.inbox.rooms else None, 30, "the room")
        refused = await new.ask(alice.room, "recover")
        assert "was not verified before" in refused.body
        assert "not the code" in (await new.ask(alice.room, "recover 2222-2222-2222-2222-2222")).body
        assert "keep everything personal back" in (await new.ask(alice.room, "feed")).body
        assert "Welcome back" in (await new.ask(alice.room, f"recover {code}")).body
        assert "personal back" not in (await new.ask(alice.room, "feed")).body

        # Once more: this time the session that was verified before confirms without a code.
        mark = old.mark()
        await old.publish_identity()
        await old.send(alice.room, "ping")
        await old.wait_message(alice.room, lambda m: "keep everything personal back until" in m.body, since=mark)
        assert "Welcome back" in await alice.ask("recover")
        assert "personal back" not in await alice.ask("feed")


async def test_who_has_only_the_password_gets_nothing(servers: tuple[Homeserver, Homeserver], bot: BotProcess) -> None:
    async with OlmClient() as old, OlmClient() as thief:
        name = unique("alice")
        alice = await olm_person(old, servers[1], name, bot)
        code = (await alice.ask("privacy recovery on")).rpartition(":")[2].strip(" *")
        await old.pause()

        # With a session that nobody has verified: it is neither heard nor given keys.
        await thief.login(servers[1].url, name, PASSWORD, cross_sign=False)
        await thief.inbox.until(lambda: True if alice.room in thief.inbox.rooms else None, 30, "the room")
        mark = thief.mark()
        await thief.send(alice.room, "feed")
        hidden = await thief.wait_message(alice.room, lambda m: m.sender == bot.user_id, since=mark)
        assert hidden.decryption_failure == "withheld:m.unverified"

        # With a new identity: the very first words come too late to switch it off, in a new chat as well.
        await thief.leave(alice.room)
        await thief.publish_identity()
        elsewhere = await open_dm(thief, bot)
        assert "keep everything personal back" in await elsewhere.ask("privacy recovery off")
        assert "was not verified before" in await elsewhere.ask("recover")
        assert "Welcome back" in await elsewhere.ask(f"recover {code}")


async def test_a_warning_bot_answers_unsigned_devices_and_says_it_once(
    servers: tuple[Homeserver, Homeserver], bot: BotProcess
) -> None:
    async with OlmClient() as client:
        name = unique("alice")
        await servers[0].register(name, PASSWORD)
        await client.login(servers[0].url, name, PASSWORD, cross_sign=False)
        alice = await open_dm(client, bot)
        for _ in range(3):
            assert await alice.ask("ping") == "pong"
        told = [m for m in client.timeline(alice.room) if "session that you have not verified" in m.body]
        assert told == [], "its signature may be on its way for a minute"
