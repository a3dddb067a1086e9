"""The smallest conversation, by the most demanding client and by the oldest one."""

from __future__ import annotations

import pytest

from bridge.demo.synapse import Homeserver
from tests.e2e.bot import BotProcess
from tests.e2e.clients.js import JsProcess
from tests.e2e.clients.olm_client import OlmClient
from tests.e2e.conftest import unique
from tests.e2e.people import js_person, olm_person

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("server", [0, 1])
async def test_element_that_excludes_insecure_devices(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, bot: BotProcess, server: int
) -> None:
    alice = await js_person(js, servers[server], unique("alice"), bot)
    for _ in range(3):
        answer = await alice.client.ask(alice.room, "ping")
        assert "pong" in answer.body
        assert answer.shield is None
        assert answer.decryption_failure is None


@pytest.mark.parametrize("server", [0, 1])
async def test_a_client_on_libolm(servers: tuple[Homeserver, Homeserver], bot: BotProcess, server: int) -> None:
    async with OlmClient() as client:
        bob = await olm_person(client, servers[server], unique("bob"), bot)
        for _ in range(3):
            assert "pong" in await bob.ask("ping")
