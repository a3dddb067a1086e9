"""Rows of the account that are damaged: each costs no more than itself, and a wrong store key costs nothing."""

from __future__ import annotations

import pytest

from bridge.db import Database, Tx
from bridge.db.engine import now_ms
from bridge.errors import OperatorError
from bridge.ids import RoomId
from bridge.matrix.cryptostore import CryptoStore
from bridge.matrix.debts import Debt
from bridge.matrix.late import LateKeys
from bridge.matrix.machine import MEGOLM
from bridge.matrix.rooms import Rooms, write_rooms
from bridge.matrix.seal import Sealer
from tests.unit.matrix.conftest import STORE_KEY, Device, open_device
from tests.unit.matrix.fake_homeserver import FakeHomeserver
from tests.unit.matrix.test_crypto import ROOM, Make, deliver, event, share


def damage(database: Database, table: str, column: str, where: str = "1 = 1") -> int:
    """Flip a bit in one value (or several); how many."""

    def work(tx: Tx) -> int:
        rows = tx.sql(f"SELECT {column} AS value FROM {table} WHERE {where}").all()
        for row in rows:
            changed = bytearray(row.value)
            changed[len(changed) // 2] ^= 4
            tx.sql(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (bytes(changed), bytes(row.value)))
        return len(rows)

    return database.run_sync(work)


async def meet(device: Make, homeserver: FakeHomeserver) -> tuple[Device, Device]:
    """The bot and Alice have sent each other room keys."""
    bot, alice = device("bot"), device("alice")
    for one, other in ((bot, alice), (alice, bot)):
        one.store.track(other.user_id)
        await one.keys.query()
        await share(one, [bot.user_id, alice.user_id], homeserver)
        deliver(one, other, homeserver)
        homeserver.to_device.clear()
    bot.store.debts[ROOM] = [Debt("A" * 43, {alice.user_id: {"ALICE": 0}}, {0: "key"}, now_ms())]
    bot.store.save_debts(ROOM)
    for one in (bot, alice):
        one.store.rest_outbound()
        await one.store.commit()
    return bot, alice


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("crypto_olm_sessions", "pickle"),
        ("crypto_megolm_inbound", "pickle"),
        ("crypto_megolm_outbound", "pickle"),
        ("crypto_megolm_outbound", "sealed"),
        ("crypto_room_keys_owed", "sealed"),
        ("known_users", "sealed"),
        ("known_devices", "sealed"),
    ],
)
async def test_a_damaged_row_costs_itself_alone(
    device: Make, homeserver: FakeHomeserver, database: Database, table: str, column: str
) -> None:
    bot, alice = await meet(device, homeserver)
    assert damage(database, table, column, f"account_id = {bot.store.account}")
    again = open_device(database, homeserver, "bot")
    assert again.machine.account.identity_keys == bot.machine.account.identity_keys
    # What was lost is asked for again, and both understand each other.
    again.store.track(alice.user_id)
    await again.keys.query()
    again.store.drop_outbound(ROOM)
    session = await share(again, [bot.user_id, alice.user_id], homeserver)
    assert alice.user_id in session.shared_with
    deliver(again, alice, homeserver)
    sent = again.machine.encrypt_event(session, "m.room.message", {"body": "still here"})
    assert alice.machine.decrypt_room_event(event(again, sent), ROOM).content == {"body": "still here"}


@pytest.mark.parametrize(("table", "column"), [("crypto_accounts", "pickle"), ("crypto_secrets", "value")])
async def test_without_the_account_itself_there_is_no_start(
    device: Make, homeserver: FakeHomeserver, database: Database, table: str, column: str
) -> None:
    bot, _ = await meet(device, homeserver)
    bot.store.save_secret("generation", b"1")
    await bot.store.commit()
    damage(database, table, column, f"account_id = {bot.store.account}")
    store = CryptoStore(database, bot.store.account, Sealer(STORE_KEY))
    with pytest.raises(OperatorError, match="store key is not the one"):
        database.run_sync(store.load)


def test_a_damaged_room_is_asked_for(device: Make, homeserver: FakeHomeserver, database: Database) -> None:
    bot = device("bot")
    rooms = Rooms(bot.store.account, bot.user_id, Sealer(STORE_KEY))
    for name in ("!one:x.org", "!two:x.org"):
        room = rooms.ensure(RoomId(name))
        room.joined, room.encryption = True, {"algorithm": MEGOLM}
    changed = rooms.take_changes()
    database.run_sync(lambda tx: write_rooms(tx, bot.store.account, changed))
    damage(database, "rooms", "sealed", "room_id = '!two:x.org'")
    again = Rooms(bot.store.account, bot.user_id, Sealer(STORE_KEY))
    database.run_sync(again.load)
    assert again.get(RoomId("!one:x.org")) is not None
    assert again.get(RoomId("!two:x.org")) is None
    assert again.damaged == ["!two:x.org"]


def test_a_damaged_event_waits_no_more(device: Make, homeserver: FakeHomeserver, database: Database) -> None:
    bot = device("bot")
    late = LateKeys(bot.store.account, 10**9, 10**9, Sealer(STORE_KEY))
    content = {"algorithm": MEGOLM, "session_id": "s", "ciphertext": "x"}
    for name in ("$one", "$two"):
        said = {"event_id": name, "sender": "@a:x.org", "type": "m.room.encrypted", "origin_server_ts": 1}
        late.add(RoomId("!r:x.org"), {**said, "content": content}, "s")
    write = late.take_changes()
    assert write is not None
    database.run_sync(write)
    damage(database, "waiting_events", "sealed", "event_id = '$one'")
    again = LateKeys(bot.store.account, 10**9, 10**9, Sealer(STORE_KEY))
    database.run_sync(again.load)
    assert list(again._waiting) == ["$two"]
    clean = again.take_changes()
    assert clean is not None
    database.run_sync(clean)
    left = database.run_sync(lambda tx: tx.sql("SELECT event_id FROM waiting_events").scalars().all())
    assert left == ["$two"]


async def test_a_wrong_store_key_is_one_clear_line(
    device: Make, homeserver: FakeHomeserver, database: Database
) -> None:
    bot, _ = await meet(device, homeserver)
    store = CryptoStore(database, bot.store.account, Sealer(bytes(32)))
    with pytest.raises(OperatorError, match="store key is not the one"):
        database.run_sync(store.load)
