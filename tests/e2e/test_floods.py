"""More than anybody may: messages, invites, and pictures that are traps. The bot has narrow limits."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator
from time import monotonic

import pytest

from bridge.demo.synapse import Homeserver
from tests.e2e import attacks
from tests.e2e.audit import until
from tests.e2e.bot import running_bot
from tests.e2e.clients.message import Message
from tests.e2e.clients.olm_client import OlmClient
from tests.e2e.conftest import unique
from tests.e2e.flow import shown
from tests.e2e.people import Friendly, olm_person
from tests.e2e.scene import (
    PATIENCE,
    Scene,
    client,
    try_state,
    watch,
)

pytestmark = [pytest.mark.e2e, pytest.mark.hostile]


BURST, INVITES, PICTURE_BYTES = 10, 12, 100_000


@pytest.fixture(scope="module")
async def narrow(
    servers: tuple[Homeserver, Homeserver], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scene]:
    """A bot with narrow limits, and Alice's chat with it."""
    limits = {
        "person_burst": BURST,
        "person_commands_per_minute": 60,
        "invites_per_minute": INVITES,
        "picture_bytes": PICTURE_BYTES,
        "picture_pixels": 1_000_000,
    }
    directory = tmp_path_factory.mktemp("narrow")
    async with running_bot(directory, servers[0], unique("courtyard"), {"limits": limits}) as bot, OlmClient() as alice:
        yield await watch(bot, await olm_person(alice, servers[0], unique("alice"), bot))


@pytest.fixture(scope="module")
async def flooder(servers: tuple[Homeserver, Homeserver], narrow: Scene) -> AsyncIterator[Friendly]:
    async with OlmClient() as attacker:
        person = await olm_person(attacker, servers[1], unique("mallory"), narrow.bot)
        narrow.attackers.append(attacker)
        yield person


async def test_a_flood_of_messages(narrow: Scene, flooder: Friendly) -> None:
    attacker, start = client(flooder), monotonic()
    before = len(shown(flooder))
    flood = asyncio.gather(*(attacker.send(flooder.room, "ping") for _ in range(300)))
    while not flood.done():
        await narrow.ask_alice()
        await asyncio.sleep(1.2)  # she has a quota, too
    sent = await flood
    await attacker.replies(flooder.room, sent[0])
    await until(lambda: "quota" in map(_kind, shown(flooder)[before:]), PATIENCE, "the quota's answer")
    await narrow.unharmed()
    kinds = [_kind(m) for m in shown(flooder)[before:]]
    assert kinds.count("quota") == 1
    assert kinds.count("pong") <= BURST + (monotonic() - start) + 1
    assert set(kinds) == {"quota", "pong"}


def _kind(message: Message) -> str:
    return "quota" if message.body.startswith("That was a lot at once.") else message.body


async def test_invited_and_thrown_out_at_once(
    narrow: Scene, flooder: Friendly, servers: tuple[Homeserver, Homeserver]
) -> None:
    """A Synapse that still fetches a room's state when its user is thrown out never gets it, and hangs in every
    ordinary sync that should tell of it."""
    attacker, bot = client(flooder), narrow.bot.user_id
    room = await attacker.create_room()
    invite = {"membership": "invite", "is_direct": True}
    assert await try_state(attacker, room, "m.room.member", invite, bot)
    await attacker.wait_membership(room, bot, "join")
    await attacker.kick(room, bot)
    async with OlmClient() as bob:
        person = await olm_person(bob, servers[0], unique("bob"), narrow.bot)
        assert await person.ask("ping", PATIENCE) == "pong"
    await narrow.unharmed()


async def test_a_flood_of_invites(narrow: Scene, flooder: Friendly, servers: tuple[Homeserver, Homeserver]) -> None:
    attacker, bot = client(flooder), narrow.bot.user_id
    rooms: list[str] = []

    async def pester() -> None:
        for _ in range(4):
            room = await attacker.create_room(name="x" * 200)
            rooms.append(room)
            assert await try_state(attacker, room, "m.room.member", {"membership": "invite", "is_direct": True}, bot)

            def answered(room: str = room) -> bool | None:
                return True if attacker.members(room).get(bot) in ("join", "leave") else None

            with contextlib.suppress(TimeoutError):  # it waits for its turn
                await attacker.inbox.until(answered, 2, "answer to an invite")

    start = monotonic()
    flood = asyncio.gather(*(pester() for _ in range(8)))
    async with OlmClient() as bob:
        person = await olm_person(bob, servers[0], unique("bob"), narrow.bot)
        assert await person.ask("ping", PATIENCE) == "pong"
    while not flood.done():
        await narrow.ask_alice()
        await asyncio.sleep(1.2)
    await flood
    joined = sum(attacker.members(room).get(bot) == "join" for room in rooms)
    # A person has a third of what their server has.
    assert 0 < joined <= (INVITES / 3) * (1 + (monotonic() - start) / 60) + 1
    await narrow.unharmed()


async def test_pictures_that_are_traps(narrow: Scene, servers: tuple[Homeserver, Homeserver]) -> None:
    before = narrow.memory()
    async with OlmClient() as attacker:
        person = await olm_person(attacker, servers[0], unique("mallory"), narrow.bot)
        narrow.attackers.append(attacker)
        for name, data, expected in attacks.pictures(PICTURE_BYTES):
            sent = await attacker.send_image(person.room, data, "image/png", caption="post look", filename=name)
            answer = (await attacker.replies(person.room, sent))[0].body
            assert re.search(expected, answer), (name, answer)
            await asyncio.sleep(1.0)  # within the quota
        lie = {"info": {"size": 1, "w": 1, "h": 1, "mimetype": "image/gif"}}
        sent = await attacker.send_image(
            person.room, os.urandom(3 * PICTURE_BYTES), "image/png", caption="post look", content_extra=lie
        )
        assert "large" in (await attacker.replies(person.room, sent))[0].body
    assert narrow.memory() - before < 60_000
    await narrow.unharmed()
