"""A copy of the store is found out: put back, started beside the original, or taken while it ran."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bridge.db import Database
from bridge.errors import OperatorError
from bridge.ids import DeviceId, RoomId
from bridge.matrix import generation as module
from bridge.matrix.generation import ACCOUNT_DATA, Generation, begin, end, keep_advancing
from bridge.matrix.http import MatrixError, Unreachable
from bridge.matrix.seal import Sealer
from bridge.matrix.sync import account_data, sync_filter
from tests.schema import create_tables
from tests.unit.matrix.conftest import STORE_KEY, Device, open_device, publish
from tests.unit.matrix.fake_homeserver import FakeHomeserver

ROOM = RoomId("!room:example.org")

Make = Callable[[str], Device]


class Keeper(FakeHomeserver):
    """Keeps account data."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, Any] = {}
        self.refused: set[str] = set()
        """Methods that fail."""
        self.lost = False
        """The next answer is lost; the request arrives."""

    async def request(self, method: str, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        if "/account_data/" not in path:
            return await super().request(method, path, body, **options)
        if method in self.refused:
            raise Unreachable("refused")
        if method == "PUT":
            self.kept[path] = body
            if self.lost:
                self.lost = False
                raise Unreachable("lost")
            return {}
        if path not in self.kept:
            raise MatrixError(404, "M_NOT_FOUND", {})
        return dict(self.kept[path])


@pytest.fixture
def keeper() -> Keeper:
    return Keeper()


class Process:
    """One run of the bot over the database in `directory`."""

    def __init__(self, directory: Path, keeper: Keeper) -> None:
        self.keeper = keeper
        self.database = Database.open(f"sqlite:///{directory / 'c.db'}")
        create_tables(self.database)
        self.device: Device = open_device(self.database, keeper, "bot")
        self.generation = Generation(keeper, self.device.store, Sealer(STORE_KEY), self.device.user_id, DeviceId("BOT"))

    async def start(self) -> bool:
        """As the account does it. Whether the store may be used."""
        if not await self.generation.is_current():
            return False
        begin(self.device.store)
        await self.generation.advance()
        return True

    async def speak(self) -> str:
        """Begin or go on with the room's session; its id."""
        session = await self.device.keys.session_for(ROOM, [self.device.user_id], (10**9, 100))
        self.device.machine.encrypt_event(session, "m.room.message", {"body": "x"})
        await self.device.store.commit()
        return str(session.session.session_id)

    async def tell(self, other: Device, body: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Say something over a new session, so that its key has to be shared: the to-device event, and the message."""
        self.device.store.drop_outbound(ROOM)
        members = [self.device.user_id, other.user_id]
        session = await self.device.keys.session_for(ROOM, members, (10**9, 100))
        message = self.device.machine.encrypt_event(session, "m.room.message", {"body": body})
        await self.device.store.commit()
        key = self.keeper.to_device.pop()[other.user_id][other.machine.device_id]
        return key, message

    async def stop(self) -> None:
        await end(self.device.store, self.generation, 5)
        self.kill()

    def kill(self) -> None:
        self.database.close_sync()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


async def test_a_store_goes_on_after_a_stop_with_its_sessions(home: Path, keeper: Keeper) -> None:
    one = Process(home, keeper)
    assert await one.start()
    session = await one.speak()
    await one.stop()
    for _ in range(3):
        one = Process(home, keeper)
        assert await one.start()
        assert await one.speak() == session
        await one.stop()


async def test_after_an_unclean_end_no_session_is_used_again(home: Path, keeper: Keeper) -> None:
    one = Process(home, keeper)
    assert await one.start()
    session = await one.speak()
    one.kill()
    one = Process(home, keeper)
    assert await one.start()
    after = await one.speak()
    assert after != session
    one.kill()
    one = Process(home, keeper)  # the mark of an orderly end is good for one start
    assert await one.start()
    assert await one.speak() != after
    await one.stop()


async def test_after_an_unclean_end_no_olm_session_encrypts_that_was_there(
    home: Path, keeper: Keeper, tmp_path: Path, database: Database
) -> None:
    """A copy of a running store, put back, knows nothing of what was encrypted after it was made."""
    alice = open_device(database, keeper, "alice")
    publish(alice, keeper)
    alice.store.track("@bot:example.org")
    read: list[object] = []

    async def hear(key: dict[str, Any], message: dict[str, Any]) -> None:
        await alice.keys.query()
        alice.machine.receive({"type": "m.room.encrypted", "sender": "@bot:example.org", "content": key})
        event = {"type": "m.room.encrypted", "sender": "@bot:example.org", "event_id": f"${len(read)}"}
        read.append(alice.machine.decrypt_room_event({**event, "content": message}, ROOM).content["body"])

    async def answer(process: Process) -> None:
        """Both sides have used the session: from here on it has no more pre-key messages."""
        await alice.keys.session_for(RoomId("!other:example.org"), ["@bot:example.org"], (10**9, 1))
        ((_, sent),) = keeper.to_device.pop().items()
        process.device.machine.receive({"type": "m.room.encrypted", "sender": alice.user_id, "content": sent["BOT"]})
        await process.device.store.commit()

    def kind(key: dict[str, Any]) -> int:
        ((_, sent),) = key["ciphertext"].items()
        return int(sent["type"])

    one = Process(home, keeper)
    publish(one.device, keeper)
    assert await one.start()
    await hear(*await one.tell(alice, "first"))
    await answer(one)
    shutil.copytree(home, tmp_path / "copy")
    key, message = await one.tell(alice, "after the copy")
    assert kind(key) == 1
    await hear(key, message)
    one.kill()

    copy = Process(tmp_path / "copy", keeper)
    assert await copy.start(), "the counter can't tell it from the newest"
    before = {session.id for session in copy.device.machine.session_store}
    assert before
    for body in ("one", "two"):
        key, message = await copy.tell(alice, body)
        assert kind(key) == 0, "a new session"
        await hear(key, message)
    await answer(copy)  # over whichever session Alice takes
    assert read == ["first", "after the copy", "one", "two"]
    sessions = {session.id: session for session in copy.device.machine.session_store}
    assert len(sessions) == len(before) + 1
    assert all(copy.device.store.session_to(alice_key(alice)).id != old for old in before)  # type: ignore[union-attr]
    copy.kill()

    copy = Process(tmp_path / "copy", keeper)  # and what was made for it is not used after the next unclean end
    assert await copy.start()
    assert copy.device.store.session_to(alice_key(alice)) is None
    key, message = await copy.tell(alice, "three")
    await hear(key, message)
    (session,) = {s.id for s in copy.device.machine.session_store} - sessions.keys()
    await copy.stop()

    copy = Process(tmp_path / "copy", keeper)  # after an orderly one it is
    assert await copy.start()
    await hear(*await copy.tell(alice, "four"))
    assert read[4:] == ["three", "four"]
    assert copy.device.store.session_to(alice_key(alice)).id == session  # type: ignore[union-attr]
    assert {s.id for s in copy.device.machine.session_store} == {*sessions, session}
    copy.kill()


def alice_key(alice: Device) -> str:
    return str(alice.machine.account.identity_keys["curve25519"])


async def test_a_copy_that_was_taken_while_it_ran_is_found_out(home: Path, keeper: Keeper, tmp_path: Path) -> None:
    one = Process(home, keeper)
    assert await one.start()
    await one.speak()
    shutil.copytree(home, tmp_path / "copy")
    await one.stop()
    assert not await Process(tmp_path / "copy", keeper).start()


@pytest.mark.parametrize("mark", ["advance", "check"])
async def test_a_copy_that_is_started_beside_the_original_stops_it(
    home: Path, keeper: Keeper, tmp_path: Path, mark: str
) -> None:
    one = Process(home, keeper)
    assert await one.start()
    shutil.copytree(home, tmp_path / "copy")
    other = Process(tmp_path / "copy", keeper)
    assert await other.start(), "nothing tells it from the original yet"
    (content,) = keeper.kept.values()
    assert one.generation.is_strange(content), "one sync tells"
    with pytest.raises(OperatorError, match="another courtyard"):
        await getattr(one.generation, mark)()
    await other.generation.advance()
    await other.stop()
    assert not await Process(home, keeper).generation.is_current()


async def test_another_installation_stops_the_first(home: Path, keeper: Keeper) -> None:
    one = Process(home, keeper)
    assert await one.start()
    for path in keeper.kept:
        keeper.kept[path] = {"sealed": "AAAA"}
    with pytest.raises(OperatorError, match="second"):
        await one.generation.advance()


async def test_its_own_echoes_are_no_reason_to_stop(home: Path, keeper: Keeper) -> None:
    one = Process(home, keeper)
    assert await one.start()
    for _ in range(3):
        (old,) = keeper.kept.values()
        await one.generation.advance()
        (new,) = keeper.kept.values()
        assert not one.generation.is_strange(old)
        assert not one.generation.is_strange(new)
        await one.generation.check()


@pytest.mark.parametrize("arrives", [True, False])
@pytest.mark.parametrize("restart", [True, False])
async def test_a_count_that_may_not_have_arrived(home: Path, keeper: Keeper, arrives: bool, restart: bool) -> None:
    one = Process(home, keeper)
    assert await one.start()
    for _ in range(2):
        if arrives:
            keeper.lost = True
        else:
            keeper.refused = {"PUT"}
        with pytest.raises(Unreachable):
            await one.generation.advance()
        keeper.refused = set()
        if restart:
            one.kill()
            one = Process(home, keeper)
            assert await one.start()
    await one.generation.advance()
    await one.generation.advance()
    await one.stop()
    one = Process(home, keeper)
    assert await one.start()
    await one.stop()


async def test_the_very_first_count_may_fail(home: Path, keeper: Keeper) -> None:
    keeper.kept[Process(home, keeper).generation._path] = {"sealed": "another device's"}
    one = Process(home, keeper)
    keeper.refused = {"PUT"}
    with pytest.raises(Unreachable):
        await one.start()
    keeper.refused = set()
    await one.generation.advance()
    await one.generation.advance()


async def test_an_orderly_end_needs_no_homeserver(home: Path, keeper: Keeper) -> None:
    one = Process(home, keeper)
    assert await one.start()
    session = await one.speak()
    keeper.refused = {"GET", "PUT"}
    await one.stop()
    keeper.refused = set()
    one = Process(home, keeper)
    assert await one.start()
    assert await one.speak() == session


async def test_a_failed_count_is_made_good(home: Path, keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_EVERY_S", 0.01)
    monkeypatch.setattr(module, "_AGAIN_S", 0.01)
    one = Process(home, keeper)
    assert await one.start()
    (before,) = keeper.kept.values()
    suspicion = asyncio.Event()
    task = asyncio.create_task(keep_advancing(lambda: one.generation, one.device.store, suspicion))
    await asyncio.sleep(0.05)
    assert list(keeper.kept.values()) == [before], "nothing was written"
    keeper.refused = {"GET", "PUT"}
    await one.speak()
    await asyncio.sleep(0.1)
    assert list(keeper.kept.values()) == [before]
    keeper.refused = set()
    async with asyncio.timeout(5):
        while list(keeper.kept.values()) == [before]:  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.01)
    for path in keeper.kept:
        keeper.kept[path] = {"sealed": "AAAA"}
    suspicion.set()
    with pytest.raises(OperatorError):
        await asyncio.wait_for(task, 5)


def test_each_sync_brings_the_counter() -> None:
    assert ACCOUNT_DATA in sync_filter(50)
    event = {"type": ACCOUNT_DATA, "content": {"sealed": "x"}}
    answer = {"account_data": {"events": [event, {"type": "other", "content": {}}, 7]}}
    assert account_data(answer, ACCOUNT_DATA) == [{"sealed": "x"}]
    assert account_data({"account_data": 3}, ACCOUNT_DATA) == []


async def test_two_that_count_at_the_same_time_find_out(home: Path, keeper: Keeper, tmp_path: Path) -> None:
    one = Process(home, keeper)
    assert await one.start()
    shutil.copytree(home, tmp_path / "copy")
    other = Process(tmp_path / "copy", keeper)
    before = dict(keeper.kept)
    await other.generation.advance()
    others = dict(keeper.kept)
    keeper.kept = before  # neither had seen the other's count when it looked
    await one.generation.advance()
    keeper.kept = others
    with pytest.raises(OperatorError):
        await one.generation.check()


def counter(device: Device, keeper: Keeper, *, key: bytes = STORE_KEY, name: str = "BOT") -> Generation:
    return Generation(keeper, device.store, Sealer(key), device.user_id, DeviceId(name))


async def test_a_store_that_was_used_last_is_current(device: Make, keeper: Keeper) -> None:
    bot = device("bot")
    assert await counter(bot, keeper).is_current(), "it has not been used yet"
    for _ in range(3):
        await counter(bot, keeper).advance()
        assert await counter(bot, keeper).is_current()


async def test_an_older_copy_is_not(device: Make, keeper: Keeper) -> None:
    bot = device("bot")
    await counter(bot, keeper).advance()
    copy = dict(bot.store.secrets)
    await counter(bot, keeper).advance()
    bot.store.secrets = copy
    assert not await counter(bot, keeper).is_current()


async def test_a_store_that_is_ahead_was_stopped_in_between(device: Make, keeper: Keeper) -> None:
    bot = device("bot")
    await counter(bot, keeper).advance()
    keeper.refused = {"GET", "PUT"}
    with pytest.raises(Unreachable):
        await counter(bot, keeper).advance()
    with pytest.raises(Unreachable):
        await counter(bot, keeper).is_current()  # not known: asked again
    keeper.refused = set()
    assert await counter(bot, keeper).is_current()


@pytest.mark.hostile
async def test_what_is_missing_or_not_ours_counts_as_unknown(device: Make, keeper: Keeper) -> None:
    bot = device("bot")
    await counter(bot, keeper).advance()
    [path] = keeper.kept
    good = keeper.kept[path]
    assert await counter(bot, keeper).is_current()
    assert not await counter(bot, keeper, key=bytes(32)).is_current()
    assert not await counter(bot, keeper, name="OTHER").is_current()
    for bad in ({}, {"sealed": 7}, {"sealed": ""}, {"sealed": good["sealed"][:-4] + "AAAA"}, {"sealed": "A" * 100}):
        keeper.kept[path] = bad
        assert not await counter(bot, keeper).is_current(), bad
    del keeper.kept[path]
    assert not await counter(bot, keeper).is_current()
