"""Fixtures for the end-to-end tests: real homeservers.

One convention for the event loop: all tests and all asynchronous fixtures of a session share one loop (the scope
"session", set in pyproject.toml), because the homeservers live in it. So a test that starts tasks ends them too.

`servers` is one federating pair per test session (with pytest-xdist: per worker). Tests do not clean up on it:
they take names that nobody else has, with `unique("alice")`. A test that stops a server, or needs other settings,
starts servers of its own with `tests.e2e.servers`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bridge.demo.synapse import Homeserver
from tests.e2e import servers as homeservers
from tests.e2e.bot import BotProcess, running_bot
from tests.e2e.clients.js import JsProcess
from tests.e2e.flow import Meet, Three, meeting
from tests.e2e.people import befriend
from tests.e2e.people import unique as unique

SLOWEST = (
    *("posts", "demo", "crash", "archives", "erasure", "canary", "remote_down", "privacy", "hostile", "outages"),
    *("backup", "afterwards", "floods", "rooms", "private_chat", "programs", "moments", "fifty", "synapse"),
    *("verification", "friends", "faults", "identity", "media_deletion", "remote_programs", "greeting"),
)
"""These files begin first, so that no process has a long one left when the others are done. Some wait more than they
work: for a minute of the clock, or until a server is tried again."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {f"test_{name}.py": number for number, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)) if item.get_closest_marker("e2e") else -1)


@pytest.fixture(scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Homeserver, Homeserver]]:
    """Two homeservers that federate with each other."""
    async with homeservers.pair(tmp_path_factory.mktemp("servers")) as pair:
        yield pair


@pytest.fixture(scope="session")
async def js() -> AsyncIterator[JsProcess]:
    """A Node process in which people with Element's crypto log in."""
    async with JsProcess() as process:
        yield process


@pytest.fixture(scope="session")
async def bot(
    servers: tuple[Homeserver, Homeserver], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[BotProcess]:
    """A bot on the first server, for tests that leave it running. Its quotas are wide, its likes gather for 1 s."""
    directory = tmp_path_factory.mktemp("bot")
    async with running_bot(directory, servers[0], unique("courtyard")) as running:
        yield running


@pytest.fixture
async def meet(servers: tuple[Homeserver, Homeserver], js: JsProcess, bot: BotProcess) -> AsyncIterator[Meet]:
    """People for one test."""
    async with meeting(servers, js, bot) as meet:
        yield meet


@pytest.fixture(scope="module")
async def three(servers: tuple[Homeserver, Homeserver], js: JsProcess, bot: BotProcess) -> AsyncIterator[Three]:
    """Alice with two friends, Bob on her server and Carol on the other, who are no friends of each other."""
    async with meeting(servers, js, bot) as meet:
        three = Three(await meet("alice"), await meet("bob", olm=True), await meet("carol", 1))
        await befriend(three.alice, three.bob)
        await befriend(three.alice, three.carol)
        yield three
