"""Who may use the bot, and how much: invites, deny lists, quotas."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bridge.demo.synapse import Homeserver
from tests.e2e.bot import BotProcess, running_bot
from tests.e2e.clients.js import JsClient, JsProcess
from tests.e2e.conftest import unique
from tests.e2e.flow import Meet, shown

pytestmark = pytest.mark.e2e

BURST = 4


@pytest.fixture(scope="module")
async def strict_bot(
    servers: tuple[Homeserver, Homeserver], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[BotProcess]:
    """A bot with tight quotas that wants nothing to do with one person of each server."""
    settings = {
        "limits": {"person_burst": BURST, "person_commands_per_minute": 1},
        "access": {"deny_people": [f"@bob-*:{servers[0].server_name}", f"@dave-*:{servers[1].server_name}"]},
    }
    async with running_bot(tmp_path_factory.mktemp("strict"), servers[0], unique("courtyard"), settings) as running:
        yield running


async def test_one_answer_and_then_silence(meet: Meet, strict_bot: BotProcess) -> None:
    alice, carol = await meet("alice", bot=strict_bot), await meet("carol", 1, bot=strict_bot)
    for _ in range(BURST * 3):
        await alice.client.send(alice.room, "ping")
    await alice.client.wait_messages(alice.room, lambda m: m.body == "pong", BURST)
    # Others are not affected, on whatever server.
    assert await carol.ask("ping") == "pong"
    await alice.client.wait_message(alice.room, lambda m: m.body.startswith("That was a lot at once."))
    assert await carol.ask("ping") == "pong"
    bodies = [m.body for m in shown(alice)][1:]  # behind the greeting
    assert bodies[:BURST] == ["pong"] * BURST
    assert [body.split(".")[0] for body in bodies[BURST:]] == ["That was a lot at once"]


@pytest.mark.parametrize(("who", "server"), [("bob", 0), ("dave", 1)])
async def test_who_is_denied_gets_no_answer(
    meet: Meet, strict_bot: BotProcess, servers: tuple[Homeserver, Homeserver], js: JsProcess, who: str, server: int
) -> None:
    """Nothing but the decline, on whatever server they are."""
    name = unique(who)
    await servers[server].register(name, "x")
    denied = await js.login(name, servers[server].url, name, "x")
    for _ in range(3):
        room = await denied.create_dm(strict_bot.user_id)
        await denied.wait_membership(room, strict_bot.user_id, "leave")
    # The patterns name people of one server: the other one's are welcome.
    other = await meet(who, 1 - server, bot=strict_bot)
    assert await other.ask("ping") == "pong"
    assert denied.received() == []
    await denied.stop()


async def test_rooms_with_several_people_are_declined(meet: Meet, bot: BotProcess) -> None:
    alice, carol = await meet("alice"), await meet("carol", 1)
    for host, guest in ((alice, carol), (carol, alice)):
        assert isinstance(host.client, JsClient)
        room = await host.client.create_room(invite=[guest.user_id])
        await host.client.invite(room, bot.user_id)
        await host.client.wait_membership(room, bot.user_id, "leave")
        assert await host.ask("ping") == "pong"
        assert not [m for m in shown(host, room) if m.sender == bot.user_id]
