"""Villages for the tests of the features."""

from collections.abc import Iterator
from functools import partial

import pytest

from bridge.db import Database
from bridge.moments.model import MomentLimits
from tests.features.settled import Settled
from tests.features.village import Village


def _meet(village: Village) -> None:
    village.open("alice", "bob", "carol")


def _become_friends(village: Village) -> None:
    _meet(village)
    village.befriend("alice", "bob")
    village.befriend("carol", "alice")


_friends = Settled(_become_friends, Village)
_careful = Settled(_become_friends, partial(Village, moment_limits=MomentLimits()))
_strangers = Settled(_meet, Village)


@pytest.fixture
def village() -> Iterator[Village]:
    """Alice, Bob and Carol have chats; Alice is a friend of the two others, who don't know each other."""
    village = _friends()
    yield village
    village.close()


@pytest.fixture
def careful() -> Iterator[Village]:
    """The village of `village`, where posts for others than the last time are asked about."""
    village = _careful()
    yield village
    village.close()


@pytest.fixture
def strangers() -> Iterator[Village]:
    """Alice, Bob and Carol have chats and know nobody."""
    village = _strangers()
    yield village
    village.close()


@pytest.fixture
def any_engine(database: Database) -> Iterator[Village]:
    """The village of `village`, over each engine."""
    village = _friends(database)
    yield village
    village.close()
