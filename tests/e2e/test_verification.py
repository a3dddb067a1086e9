"""People verify the bot from Element's own crypto, in its strictest mode, until it is shown as verified."""

from __future__ import annotations

import asyncio
from time import monotonic

import pytest

from tests.e2e.bot import BotProcess
from tests.e2e.clients.js import JsClient, Sas
from tests.e2e.flow import Meet
from tests.e2e.people import Friendly

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
    end = monotonic() + WAIT
    while not (trust := await client.user_trust(bot))["verified"] and monotonic() < end:  # noqa: ASYNC110
        await asyncio.sleep(0.1)  # "done" comes before the client has read its own signature
    assert trust == {"hasIdentity": True, "verified": True, "wasVerified": True, "needsApproval": False}
    devices = await client.device_trust(bot)
    assert devices
    assert all(device["trusted"] and device["signed"] for device in devices.values())


async def assert_not_verified(client: JsClient, bot: str) -> None:
    assert not (await client.user_trust(bot))["verified"]


@pytest.mark.parametrize("dm", [True, False], ids=["in the DM", "to-device"])
@pytest.mark.parametrize("server", [0, 1], ids=["local", "federated"])
async def test_the_bot_is_shown_as_verified(meet: Meet, bot: BotProcess, server: int, dm: bool) -> None:
    person = await meet("alice", server)
    client = js_client(person)
    await assert_not_verified(client, bot.user_id)
    verification, _ = await compare(person, bot.user_id, dm=dm)
    await client.confirm_sas(verification)
    await client.wait_verification(verification, "done", WAIT)
    await assert_verified(client, bot.user_id)
    assert (await person.ask("ping")) == "pong"
