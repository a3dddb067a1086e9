"""Fixtures for the end-to-end tests: real homeservers.

One convention for the event loop: all tests and all asynchronous fixtures of a session share one loop (the scope
"session", set in pyproject.toml), because the homeservers live in it. So a test that starts tasks ends them too.

`servers` is one federating pair per test session (with pytest-xdist: per worker). Tests do not clean up on it:
they take names that nobody else has, with `unique("alice")`. A test that stops a server, or needs other settings,
starts servers of its own with `bridge.demo.synapse`.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import pytest

from bridge.demo.synapse import Homeserver, federated_pair


def unique(name: str) -> str:
    """A local part that no other test uses: `alice` becomes something like `alice-5f3a91c2`."""
    return f"{name}-{secrets.token_hex(4)}"


@pytest.fixture(scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Homeserver, Homeserver]]:
    """Two homeservers that federate with each other."""
    async with federated_pair(tmp_path_factory.mktemp("servers")) as pair:
        yield pair
