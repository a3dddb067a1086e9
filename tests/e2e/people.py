"""People for the end-to-end tests: each an independent client with an encrypted DM with the bot."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from bridge.demo.synapse import Homeserver
from tests.e2e.bot import BotProcess
from tests.e2e.clients.js import JsClient, JsProcess
from tests.e2e.clients.olm_client import OlmClient

PASSWORD = "correct horse battery"

Client = JsClient | OlmClient


def unique(name: str) -> str:
    """A local part that no other test uses: `alice` becomes something like `alice-5f3a91c2`."""
    return f"{name}-{secrets.token_hex(4)}"


@dataclass(frozen=True, slots=True)
class Friendly:
    """Somebody with a client and a DM with the bot."""

    client: Client
    room: str

    @property
    def user_id(self) -> str:
        return self.client.user_id

    async def ask(self, text: str, timeout: float = 30.0) -> str:
        """Send a command; the body of the (first) answer."""
        return (await self.client.ask(self.room, text, timeout=timeout)).body


async def open_dm(client: Client, bot: BotProcess) -> Friendly:
    """Open an encrypted DM with the bot and wait until it is in and has said hello."""
    mark = client.mark()
    room = await client.create_dm(bot.user_id)
    await client.wait_membership(room, bot.user_id, "join")
    await client.begin_to_type(room)  # whoever is silent gets the greeting a few seconds later: see test_greeting.py
    await client.wait_message(room, lambda message: message.sender == bot.user_id, since=mark)
    return Friendly(client, room)


async def gather(host: Friendly, guest: Friendly, bot: BotProcess) -> str:
    """One makes an encrypted room with the bot and somebody else; its id, once both are in."""
    assert isinstance(host.client, JsClient)
    room = await host.client.create_room(invite=[guest.user_id, bot.user_id])
    await host.client.wait_membership(room, bot.user_id, "join")
    assert await guest.client.wait_invite(host.user_id) == room
    await guest.client.join(room)
    await host.client.wait_membership(room, guest.user_id, "join")
    return room


async def js_person(js: JsProcess, hs: Homeserver, name: str, bot: BotProcess) -> Friendly:
    """Somebody with Element's crypto, in the mode that excludes insecure devices."""
    await hs.register(name, PASSWORD)
    client = await js.login(name, hs.url, name, PASSWORD, exclude_insecure=True)
    return await open_dm(client, bot)


async def olm_person(client: OlmClient, hs: Homeserver, name: str, bot: BotProcess) -> Friendly:
    """Somebody with an old client that stands on libolm. `client` is entered already and not logged in."""
    await hs.register(name, PASSWORD)
    await client.login(hs.url, name, PASSWORD)
    return await open_dm(client, bot)


async def befriend(one: Friendly, other: Friendly) -> None:
    """Make two people friends by the commands that people use."""
    mark = other.client.mark()
    await one.ask(f"friend add {other.user_id}")
    await other.client.wait_message(
        other.room, lambda message: one.user_id in message.body and "1" in message.body, since=mark
    )
    answer = await other.ask(f"friend accept {one.user_id}")
    assert one.user_id in answer
