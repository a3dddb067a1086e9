"""People verify the bot from Element's own crypto, in its strictest mode, until it is shown as verified."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bridge.demo.synapse import Homeserver
from tests.e2e.bot import BotProcess, running_bot
from tests.e2e.clients.js import JsClient, Sas
from tests.e2e.clients.message import Message
from tests.e2e.flow import Meet, settled, told
from tests.e2e.people import Friendly, unique

pytestmark = pytest.mark.e2e

WAIT = 30.0


def js_client(person: Friendly) -> JsClient:
    assert isinstance(person.client, JsClient)
    return person.client


async def bot_device(client: JsClient, bot: str) -> str:
    [device] = [d for d, facts in (await client.device_trust(bot)).items() if facts["signed"]]
    return device


async def request(person: Friendly, bot: str, *, dm: bool) -> int:
    client = js_client(person)
    if dm:
        return (await client.request_verification(bot, room_id=person.room))[0]
    return (await client.request_verification(bot, device_id=await bot_device(client, bot)))[0]


async def compare(person: Friendly, bot: str, *, dm: bool) -> tuple[int, Sas]:
    """Begin, and come to the emoji."""
    client = js_client(person)
    verification = await request(person, bot, dm=dm)
    await client.start_sas(verification, WAIT)
    shown = await client.wait_sas(verification, WAIT)
    assert len(shown.emoji) == 7
    assert len(shown.decimal) == 3
    return verification, shown


async def assert_verified(client: JsClient, bot: str) -> None:
    """Wait until the client shows the bot as verified: it uploads its signature after the flow is done."""
    shown = {"hasIdentity": True, "verified": True, "wasVerified": True, "needsApproval": False}
    for _ in range(50):
        trust = await client.user_trust(bot)
        if trust == shown:
            break
        await asyncio.sleep(0.1)
    assert trust == shown
    devices = await client.device_trust(bot)
    assert devices
    assert all(device["trusted"] and device["signed"] for device in devices.values())


async def verify(person: Friendly, bot: str, *, dm: bool = True) -> None:
    """All the way, as people do it."""
    client = js_client(person)
    verification, _ = await compare(person, bot, dm=dm)
    await client.confirm_sas(verification)
    await client.wait_verification(verification, "done", WAIT)
    await assert_verified(client, bot)


def vouched_for(hs: Homeserver, bot: str) -> set[str]:
    """Other people whose identity the bot has signed, as its homeserver keeps it."""
    with closing(sqlite3.connect(f"file:{hs.data_dir / 'homeserver.db'}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT target_user_id FROM e2e_cross_signing_signatures WHERE user_id = ?", (bot,))
        return {str(row[0]) for row in rows} - {bot}


async def ended(person: Friendly, verification: int, code: str, by: str) -> None:
    state = await js_client(person).wait_verification(verification, "cancelled", WAIT)
    assert (state.code, state.by) == (code, by)


async def assert_not_verified(client: JsClient, bot: str) -> None:
    assert not (await client.user_trust(bot))["verified"]


@pytest.mark.parametrize("dm", [True, False], ids=["in the DM", "to-device"])
@pytest.mark.parametrize("server", [0, 1], ids=["local", "federated"])
async def test_the_bot_is_shown_as_verified(
    servers: tuple[Homeserver, Homeserver], meet: Meet, bot: BotProcess, server: int, dm: bool
) -> None:
    person = await meet("alice", server)
    client = js_client(person)
    await assert_not_verified(client, bot.user_id)
    await verify(person, bot.user_id, dm=dm)
    assert (await person.ask("ping")) == "pong"
    # Nobody has looked at the bot's emoji: it vouches for nobody.
    assert vouched_for(servers[0], bot.user_id) == set()


async def test_the_operator_decides(servers: tuple[Homeserver, Homeserver], meet: Meet, tmp_path: Path) -> None:
    name = unique("operator")
    boss_id = f"@{name}:{servers[0].server_name}"
    settings = {"verification": {"mode": "operator", "operator": boss_id}}
    async with running_bot(tmp_path / "bot", servers[0], unique("courtyard"), settings) as bot:
        alice = await meet("alice", 1, bot=bot)
        client = js_client(alice)
        verification = await request(alice, bot.user_id, dm=True)
        await client.start_sas(verification, WAIT)
        await ended(alice, verification, "m.user", bot.user_id)  # there is nobody to ask

        boss = await meet(name, exact=True, bot=bot)

        async def asked() -> tuple[int, Message]:
            mark = boss.client.mark()
            verification, shown = await compare(alice, bot.user_id, dm=True)
            question = await told(boss, mark, alice.user_id, "is verifying me")
            for symbol, _ in shown.emoji:
                assert symbol.rstrip("\ufe0f") in question.body
            assert " – ".join(map(str, shown.decimal)) in question.body
            return verification, question

        # A reaction is not encrypted: the homeserver could have made it up.
        verification, question = await asked()
        mark = boss.client.mark()
        await boss.client.react(boss.room, question.event_id, "👍")
        await told(boss, mark, "answer this question with its number")
        assert vouched_for(servers[0], bot.user_id) == set()
        assert (await boss.ask("2")).startswith("Cancelled.")
        await ended(alice, verification, "m.mismatched_sas", bot.user_id)
        await assert_not_verified(client, bot.user_id)

        verification, question = await asked()
        mark = boss.client.mark()
        assert (await boss.ask("1")).startswith("Confirmed.")
        await client.confirm_sas(verification)
        await client.wait_verification(verification, "done", WAIT)
        await told(boss, mark, alice.user_id, "I have signed their identity")
        await assert_verified(client, bot.user_id)
        assert vouched_for(servers[0], bot.user_id) == {alice.user_id}


@pytest.mark.parametrize("dm", [True, False], ids=["in the DM", "to-device"])
async def test_a_person_sees_a_difference_or_changes_their_mind(meet: Meet, bot: BotProcess, dm: bool) -> None:
    person = await meet("alice", 1)
    client = js_client(person)
    verification, _ = await compare(person, bot.user_id, dm=dm)
    await client.mismatch_sas(verification)
    await ended(person, verification, "m.mismatched_sas", person.user_id)
    await settled(person)  # the client waits for no answer to its cancel: a new request could arrive before it
    verification, _ = await compare(person, bot.user_id, dm=dm)
    await client.cancel_verification(verification)
    await ended(person, verification, "m.user", person.user_id)
    await settled(person)
    await assert_not_verified(client, bot.user_id)
    await verify(person, bot.user_id, dm=dm)


async def test_two_at_once_end_both(meet: Meet, bot: BotProcess) -> None:
    person = await meet("alice")
    client = js_client(person)
    first = await request(person, bot.user_id, dm=False)
    second = await request(person, bot.user_id, dm=True)
    for verification in (first, second):
        await client.wait_verification(verification, "cancelled", WAIT)
    await assert_not_verified(client, bot.user_id)
    await verify(person, bot.user_id)


async def test_it_may_be_switched_off(servers: tuple[Homeserver, Homeserver], meet: Meet, tmp_path: Path) -> None:
    settings = {"verification": {"mode": "off"}}
    async with running_bot(tmp_path / "bot", servers[0], unique("courtyard"), settings) as bot:
        person = await meet("alice", bot=bot)
        for dm in (True, False):
            await ended(person, await request(person, bot.user_id, dm=dm), "m.user", bot.user_id)
        assert (await person.ask("ping")) == "pong"


async def test_silence_ends_it(servers: tuple[Homeserver, Homeserver], meet: Meet, tmp_path: Path) -> None:
    settings = {"verification": {"idle_seconds": 2}}
    async with running_bot(tmp_path / "bot", servers[0], unique("courtyard"), settings) as bot:
        person = await meet("alice", 1, bot=bot)
        verification = await request(person, bot.user_id, dm=True)
        await js_client(person).wait_verification(verification, "ready", WAIT)
        await ended(person, verification, "m.timeout", bot.user_id)
        await verify(person, bot.user_id)
