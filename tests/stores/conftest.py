"""Fixtures of the store tests."""

import pytest

from bridge.db import Database
from tests.stores.delivery import House


@pytest.fixture
def house(database: Database) -> House:
    """A bot's account with an outbox, over both engines."""
    return House(database)
