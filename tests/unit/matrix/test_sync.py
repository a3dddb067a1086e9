"""Batches of /sync: gaps, chats that open again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.chat.inbound import DmOpened
from bridge.db import Database
from bridge.ids import RoomId, UserId
from bridge.matrix.late import LateKeys
from bridge.matrix.machine import MEGOLM
from bridge.matrix.rooms import Rooms, write_rooms
from bridge.matrix.seal import Sealer
from bridge.matrix.sync import SyncReader
from tests.unit.matrix.conftest import STORE_KEY, Device
from tests.unit.matrix.fake_homeserver import FakeHomeserver

ROOM = RoomId("!room:example.org")
ALICE, CAROL = UserId("@alice:example.org"), UserId("@carol:example.org")


def member(user: str, membership: str) -> dict[str, Any]:
    return {"type": "m.room.member", "state_key": user, "sender": user, "content": {"membership": membership}}


@pytest.fixture
def reader(device: Callable[[str], Device], homeserver: FakeHomeserver) -> tuple[SyncReader, Rooms]:
    """The reader of a bot that has a DM with Alice."""
    bot = device("bot")
    rooms = Rooms(bot.store.account, bot.user_id, Sealer(STORE_KEY))
    room = rooms.ensure(ROOM)
    room.joined, room.encryption, room.members = True, {"algorithm": MEGOLM}, {bot.user_id: "join", ALICE: "join"}
    late = LateKeys(bot.store.account, 10**9, 10**9, Sealer(STORE_KEY))
    made = SyncReader(
        *(bot.store.account, bot.user_id, homeserver, bot.store, bot.keys, rooms),
        max_backfill=250,
        late=late,
        hear=lambda heard: None,
    )
    return made, rooms


def joined(token: str, *events: dict[str, Any], **timeline: Any) -> dict[str, Any]:
    return {"next_batch": token, "rooms": {"join": {ROOM: {"timeline": {"events": list(events), **timeline}}}}}


async def test_a_chat_opens_anew_each_time_that_a_third_member_goes(reader: tuple[SyncReader, Rooms]) -> None:
    facts = []
    for number in range(3):
        batch = await reader[0].read(joined(f"in{number}", member(CAROL, "join")), "s")
        assert batch.events == []
        answer = joined(f"out{number}", member(CAROL, "leave"))
        batch = await reader[0].read(answer, "s")
        [opened] = batch.events
        assert isinstance(opened, DmOpened)
        assert opened.origin.sender == ALICE
        facts.append(opened.origin.event_id)
    assert len(set(facts)) == 3


async def test_a_room_of_many_that_an_invite_called_a_private_chat_is_noticed(
    reader: tuple[SyncReader, Rooms], homeserver: FakeHomeserver
) -> None:
    read, rooms = reader
    bot = member(rooms.me, "join")
    for number, (direct, others, found) in enumerate(
        [(True, [ALICE, CAROL], True), (True, [ALICE], False), (False, [ALICE, CAROL], False), (True, [], False)]
    ):
        room_id = RoomId(f"!{number}:example.org")
        rooms.ensure(room_id).invite = {"sender": ALICE, "direct": direct}
        answer = {
            "next_batch": "n",
            "rooms": {"join": {room_id: {"state": {"events": [member(o, "join") for o in others]}}}},
        }
        answer["rooms"]["join"][room_id]["timeline"] = {"events": [bot]}  # type: ignore[index]
        batch = await read.read(answer, "s")
        assert batch.crowded == ([(room_id, ALICE)] if found else [])
        batch = await read.read(
            {"next_batch": "n", "rooms": {"join": {room_id: {"timeline": {"events": [member(CAROL, "invite")]}}}}}, "s"
        )
        assert batch.crowded == []  # they came later


@pytest.mark.parametrize(("pages", "cut"), [(2, False), (9, True)])
async def test_a_gap_that_is_too_long_is_said(
    reader: tuple[SyncReader, Rooms], homeserver: FakeHomeserver, monkeypatch: pytest.MonkeyPatch, pages: int, cut: bool
) -> None:
    async def page(method: str, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        if not path.endswith("/messages"):
            return {}
        number = int(options["params"]["from"])
        chunk = [{"type": "m.reaction", "event_id": f"${number}.{n}"} for n in range(100)]
        return {"chunk": chunk, **({"end": str(number + 1)} if number < pages - 1 else {})}

    monkeypatch.setattr(homeserver, "request", page)
    with capture_logs() as logs:
        await reader[0].read(joined("n", limited=True, prev_batch="0"), "s")
    said = [entry for entry in logs if entry["event"].startswith("a gap was filled in part only")]
    assert [entry["events"] for entry in said] == ([300] if cut else [])


def test_the_notice_about_encryption_is_remembered_when_the_bot_is_thrown_out(
    device: Callable[[str], Device], database: Database
) -> None:
    bot = device("bot")
    rooms = Rooms(bot.store.account, bot.user_id, Sealer(STORE_KEY))
    for number in range(1_100):
        room = rooms.ensure(RoomId(f"!{number}:example.org"))
        room.joined, room.noticed, room.members = True, True, {bot.user_id: "join", ALICE: "join"}
        rooms.forget(room.room_id)
    rooms.ensure(ROOM).joined = True
    rooms.forget(ROOM)
    rows = rooms.take_changes()
    database.run_sync(lambda tx: write_rooms(tx, bot.store.account, rows))
    rooms = Rooms(bot.store.account, bot.user_id, Sealer(STORE_KEY))
    database.run_sync(rooms.load)
    assert rooms.get(ROOM) is None
    assert rooms.get(RoomId("!99:example.org")) is None  # so many are remembered, no more
    last = rooms.ensure(RoomId("!1099:example.org"))
    assert (last.noticed, last.joined, last.members) == (True, False, {})
    assert len(rooms._rooms) == 1_000
