"""What a person sees first: the greeting, by a client that has just logged in and knows nobody yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from bridge.demo.synapse import Homeserver
from tests.e2e.bot import BotProcess, running_bot
from tests.e2e.clients.js import JsClient, JsProcess
from tests.e2e.people import PASSWORD, open_dm, unique

pytestmark = pytest.mark.e2e

PEOPLE = 6
UNREADABLE = "UNSIGNED_SENDER_DEVICE"

LogIn = Callable[..., Awaitable[JsClient]]


@pytest.fixture
async def log_in(servers: tuple[Homeserver, Homeserver], js: JsProcess) -> AsyncIterator[LogIn]:
    """Somebody new whose client excludes insecure devices, on the first or the second server."""
    clients: list[JsClient] = []

    async def log_in(server: int = 0) -> JsClient:
        hs, name = servers[server], unique("g")
        await hs.register(name, PASSWORD)
        clients.append(await js.login(name, hs.url, name, PASSWORD, exclude_insecure=True))
        return clients[-1]

    yield log_in
    for client in clients:
        await client.stop()


async def test_everybody_can_read_the_greeting(log_in: LogIn, bot: BotProcess) -> None:
    """All at once and at once after logging in, by people who say nothing."""

    async def meet(n: int) -> tuple[str | None, object]:
        """Why the greeting can't be read, and the warning that the client shows at it."""
        client = await log_in(n % 2)
        room = await client.create_dm(bot.user_id)
        greeting = await client.wait_message(room, lambda m: m.sender == bot.user_id)
        return greeting.decryption_failure, greeting.shield

    assert await asyncio.gather(*(meet(n) for n in range(PEOPLE))) == [(None, None)] * PEOPLE


async def held_back(client: JsClient, bot: BotProcess, seconds: float) -> str:
    """A chat with the bot, whose devices the client learns of so long after the bot came in."""
    await client.hold_devices(bot.user_id)
    room = await client.create_dm(bot.user_id)
    await client.wait_membership(room, bot.user_id, "join")
    await asyncio.sleep(seconds)
    assert await client.release_devices() > 0, "it had asked"
    return room


async def test_a_client_that_learns_late_who_the_bot_is_can_read_the_greeting(log_in: LogIn, bot: BotProcess) -> None:
    client = await log_in()
    room = await held_back(client, bot, 2.0)
    greeting = await client.wait_message(room, lambda m: m.sender == bot.user_id)
    assert (greeting.decryption_failure, greeting.shield) == (None, None)


async def test_without_the_wait_it_never_could(
    servers: tuple[Homeserver, Homeserver], log_in: LogIn, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What the wait is for: once this client has tried in vain, nothing makes it try again."""
    settings = {"limits": {"first_key_seconds": 0}}
    async with running_bot(tmp_path_factory.mktemp("hasty"), servers[0], unique("courtyard"), settings) as hasty:
        client = await log_in()
        await client.hold_devices(hasty.user_id)
        room = await client.create_dm(hasty.user_id)
        greeting = await client.wait_message(room, lambda m: m.sender == hasty.user_id)
        assert greeting.decryption_failure == UNREADABLE
        await client.release_devices()
        answer = await client.ask(room, "ping")
        assert (answer.body, answer.decryption_failure) == ("pong", None), "it knows the bot now"
        [greeting] = [m for m in client.received(room) if m.event_id == greeting.event_id]
        assert greeting.decryption_failure == UNREADABLE


async def test_who_begins_to_type_does_not_wait(
    servers: tuple[Homeserver, Homeserver], log_in: LogIn, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = {"limits": {"first_key_seconds": 60}}
    async with running_bot(tmp_path_factory.mktemp("patient"), servers[0], unique("courtyard"), settings) as patient:
        client = await log_in(1)
        room = await client.create_dm(patient.user_id)
        await client.wait_membership(room, patient.user_id, "join")
        await client.begin_to_type(room)
        greeting = await client.wait_message(room, lambda m: m.sender == patient.user_id)
        assert (greeting.decryption_failure, greeting.shield) == (None, None)


async def test_a_second_device_reads_what_was_said_while_it_learnt_who_the_bot_is(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, log_in: LogIn, bot: BotProcess
) -> None:
    """The first device need not wait for it."""
    laptop = await log_in()
    room = (await open_dm(laptop, bot)).room
    recovery_key = await laptop.set_up_recovery()
    name = laptop.user_id[1:].partition(":")[0]
    phone = await js.login(
        *(f"{name}-phone", servers[0].url, name, PASSWORD), recovery_key=recovery_key, hold_devices_of=bot.user_id
    )
    answer = await laptop.ask(room, "ping")
    await phone.wait_message(room, lambda m: m.event_id == answer.event_id)
    assert await phone.release_devices() > 0, "it had asked"
    seen = await phone.wait_message(room, lambda m: m.event_id == answer.event_id and m.readable)
    assert (seen.body, seen.shield) == ("pong", None)
    await phone.stop()
