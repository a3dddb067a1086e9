"""A bot's device over a database, and what others send to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from bridge.db import Database
from bridge.ids import AccountId, DeviceId, UserId
from bridge.matrix.cryptostore import CryptoStore
from bridge.matrix.keys import Keys
from bridge.matrix.late import LateKeys
from bridge.matrix.machine import Machine
from bridge.matrix.rooms import Rooms
from bridge.matrix.seal import Sealer
from bridge.matrix.sync import SyncReader
from tests.unit.matrix.fake_homeserver import FakeHomeserver

STORE_KEY = bytes(range(32))


@dataclass(slots=True)
class Device:
    """One device: its keys and where they are kept."""

    user_id: UserId
    store: CryptoStore
    machine: Machine
    keys: Keys

    async def stop(self) -> None:
        """As an orderly end leaves the store; without it, opening the device again is what follows a crash."""
        self.store.rest_outbound()
        await self.store.commit()


@pytest.fixture
def homeserver() -> FakeHomeserver:
    return FakeHomeserver()


def make_account(database: Database, user_id: str) -> AccountId:
    def work(tx: Any) -> AccountId:
        tx.sql(
            "INSERT INTO accounts (user_id, instance, created_at) VALUES (?, ?, ?) ON CONFLICT (user_id) DO NOTHING",
            (user_id, "i", 0),
        )
        return AccountId(tx.sql("SELECT id FROM accounts WHERE user_id = ?", (user_id,)).one()[0])

    return database.run_sync(work)


def open_device(database: Database, homeserver: FakeHomeserver, name: str) -> Device:
    """The device of `@name:example.org` as its store has it: called again, it is what a restart finds."""
    user_id = UserId(f"@{name}:example.org")
    store = CryptoStore(database, make_account(database, user_id), Sealer(STORE_KEY))
    database.run_sync(store.load)
    machine = Machine(user_id, DeviceId(name.upper()), store)
    return Device(user_id, store, machine, Keys(homeserver, machine, store))


def publish(device: Device, homeserver: FakeHomeserver) -> None:
    """Upload a device's keys."""
    body = device.machine.upload_body(None, False)
    assert body is not None
    homeserver.add_device(body)
    device.machine.uploaded()


@pytest.fixture
def device(database: Database, homeserver: FakeHomeserver) -> Callable[[str], Device]:
    """Make (or open again) the published device of a person."""

    def make(name: str) -> Device:
        made = open_device(database, homeserver, name)
        if not made.machine.account.shared:
            publish(made, homeserver)
        return made

    return make


def make_rooms(device: Device) -> Rooms:
    """What the device's account knows of its rooms: nothing yet."""
    return Rooms(device.store.account, device.user_id, Sealer(STORE_KEY))


def make_late(device: Device, keep_ms: int = 10**9, notice_ms: int = 10**9) -> LateKeys:
    """What waits for keys: nothing yet."""
    return LateKeys(device.store.account, keep_ms, notice_ms, Sealer(STORE_KEY))


def make_reader(device: Device, homeserver: FakeHomeserver, rooms: Rooms, late: LateKeys) -> SyncReader:
    """The device's reader of syncs."""
    return SyncReader(
        device.store.account,
        device.user_id,
        homeserver,
        device.store,
        device.keys,
        rooms,
        max_backfill=100,
        late=late,
        hear=lambda heard: None,
    )
