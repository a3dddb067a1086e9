"""Villages for the tests of the features."""

from collections.abc import Iterator

import pytest

from bridge.db import Database
from bridge.moments.model import MomentLimits
from tests.features.village import Village


@pytest.fixture
def village() -> Iterator[Village]:
    """Alice, Bob and Carol have chats; Alice is a friend of the two others, who don't know each other."""
    village = Village()
    village.open("alice", "bob", "carol")
    village.befriend("alice", "bob")
    village.befriend("carol", "alice")
    yield village
    village.close()


@pytest.fixture
def careful() -> Iterator[Village]:
    """The village of `village`, where posts for others than the last time are asked about."""
    village = Village(moment_limits=MomentLimits())
    village.open("alice", "bob", "carol")
    village.befriend("alice", "bob")
    village.befriend("carol", "alice")
    yield village
    village.close()


@pytest.fixture
def strangers() -> Iterator[Village]:
    """Alice, Bob and Carol have chats and know nobody."""
    village = Village()
    village.open("alice", "bob", "carol")
    yield village
    village.close()


@pytest.fixture
def any_engine(database: Database) -> Iterator[Village]:
    """The village of `village`, over each engine."""
    village = Village(database)
    village.open("alice", "bob", "carol")
    village.befriend("alice", "bob")
    village.befriend("carol", "alice")
    yield village
    village.close()
