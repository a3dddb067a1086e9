"""Whether a crypto store may be used: only when it is surely the newest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bridge.ids import DeviceId
from bridge.matrix.generation import Generation
from bridge.matrix.http import MatrixError
from bridge.matrix.seal import Sealer
from tests.unit.matrix.conftest import STORE_KEY, Device
from tests.unit.matrix.fake_homeserver import FakeHomeserver

Make = Callable[[str], Device]


class AccountData(FakeHomeserver):
    """Keeps account data; can fail."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, Any] = {}
        self.error: MatrixError | None = None

    async def request(self, method: str, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        if "/account_data/" not in path:
            return await super().request(method, path, body, **options)
        if self.error is not None:
            raise self.error
        if method == "PUT":
            self.kept[path] = body
            return {}
        if path not in self.kept:
            raise MatrixError(404, "M_NOT_FOUND", {})
        found: dict[str, Any] = self.kept[path]
        return found


@pytest.fixture
def homeserver() -> AccountData:
    return AccountData()


def counter(device: Device, homeserver: AccountData, *, key: bytes = STORE_KEY, name: str = "BOT") -> Generation:
    return Generation(homeserver, device.store, Sealer(key), device.user_id, DeviceId(name))


async def test_a_store_that_was_used_last_is_current(device: Make, homeserver: AccountData) -> None:
    bot = device("bot")
    assert await counter(bot, homeserver).is_current(), "it has not been used yet"
    for _ in range(3):
        await counter(bot, homeserver).advance()
        assert await counter(bot, homeserver).is_current()


async def test_an_older_copy_is_not(device: Make, homeserver: AccountData) -> None:
    bot = device("bot")
    await counter(bot, homeserver).advance()
    copy = dict(bot.store.secrets)
    await counter(bot, homeserver).advance()
    bot.store.secrets = copy
    assert not await counter(bot, homeserver).is_current()


async def test_a_store_that_is_ahead_was_stopped_in_between(device: Make, homeserver: AccountData) -> None:
    bot = device("bot")
    await counter(bot, homeserver).advance()
    homeserver.error = MatrixError(502, "M_UNKNOWN", {})
    with pytest.raises(MatrixError):
        await counter(bot, homeserver).advance()
    with pytest.raises(MatrixError):
        await counter(bot, homeserver).is_current()  # not known: asked again
    homeserver.error = None
    assert await counter(bot, homeserver).is_current()


@pytest.mark.hostile
async def test_what_is_missing_or_not_ours_counts_as_unknown(device: Make, homeserver: AccountData) -> None:
    bot = device("bot")
    await counter(bot, homeserver).advance()
    [path] = homeserver.kept
    good = homeserver.kept[path]
    assert await counter(bot, homeserver).is_current()
    assert not await counter(bot, homeserver, key=bytes(32)).is_current()
    assert not await counter(bot, homeserver, name="OTHER").is_current()
    for bad in ({}, {"sealed": 7}, {"sealed": ""}, {"sealed": good["sealed"][:-4] + "AAAA"}, {"sealed": "A" * 100}):
        homeserver.kept[path] = bad
        assert not await counter(bot, homeserver).is_current(), bad
    del homeserver.kept[path]
    assert not await counter(bot, homeserver).is_current()
