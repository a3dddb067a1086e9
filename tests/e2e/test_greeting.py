"""What a person sees first: the greeting, by a client that has just logged in and knows nobody yet."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bridge.demo.synapse import Homeserver
from tests.e2e.bot import BotProcess
from tests.e2e.clients.js import JsProcess
from tests.e2e.people import PASSWORD

pytestmark = pytest.mark.e2e

PEOPLE = 6


async def test_everybody_can_read_the_greeting(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, bot: BotProcess, tmp_path: Path
) -> None:
    """In the mode that excludes insecure devices, all at once and at once after logging in: the room key may come
    before the client has asked for the bot's devices."""
    prefix = f"g{tmp_path.name[-6:].replace('_', '')}".lower()

    async def meet(n: int) -> str | None:
        """The warning that the client shows at the greeting."""
        hs, name = servers[n % 2], f"{prefix}{n}"
        await hs.register(name, PASSWORD)
        client = await js.login(name, hs.url, name, PASSWORD, exclude_insecure=True)
        mark = client.mark()
        room = await client.create_dm(bot.user_id)
        greeting = await client.wait_message(
            room, lambda m: m.sender == bot.user_id and m.decryption_failure is None, since=mark
        )
        shield: str | None = greeting.shield
        return shield

    assert await asyncio.gather(*(meet(n) for n in range(PEOPLE))) == [None] * PEOPLE
