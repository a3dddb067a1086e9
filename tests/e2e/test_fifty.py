"""The same fifty commands with Element's crypto, in its strictest mode, and with libolm, from both homeservers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.demo.synapse import Homeserver
from tests.e2e.bot import BotProcess
from tests.e2e.clients.js import JsClient, JsProcess
from tests.e2e.fifty import FIFTY, THEIRS, Hour, befriended
from tests.e2e.flow import Meet, meeting
from tests.e2e.people import Friendly

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
async def friend(servers: tuple[Homeserver, Homeserver], js: JsProcess, bot: BotProcess) -> AsyncIterator[Friendly]:
    """Somebody on the first server who has shared something."""
    async with meeting(servers, js, bot) as meet:
        friend = await meet("friend", olm=True)
        await friend.ask(f"post {THEIRS}")
        yield friend


@pytest.mark.parametrize("server", [0, 1], ids=["local", "federated"])
@pytest.mark.parametrize("olm", [False, True], ids=["js", "libolm"])
async def test_fifty_commands(
    meet: Meet, bot: BotProcess, friend: Friendly, tmp_path: Path, server: int, olm: bool
) -> None:
    person = await meet("robin", server, olm=olm)
    hour = Hour(person, friend, await befriended(friend, person), tmp_path)
    for step in FIFTY:
        answer = await hour.do(step)
        assert answer.sender == bot.user_id, step
        if isinstance(person.client, JsClient):
            assert answer.shield is None, step
    assert hour.unreadable() == []
