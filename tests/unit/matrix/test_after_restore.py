"""A restored database: what may have been sent since by a device that is gone is never sent a second time."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from bridge.chat.inbound import Inbound, RoomView
from bridge.db import Database
from bridge.db.engine import now_ms
from bridge.delivery import queue
from bridge.delivery.ports import MaybeSent, Outgoing
from bridge.errors import OperatorError
from bridge.ids import DeviceId, RoomId, UserId
from bridge.matrix.account import MatrixAccount
from bridge.matrix.account_settings import AccountSettings
from bridge.matrix.http import segment
from bridge.matrix.rooms import Rooms
from bridge.matrix.seal import Sealer
from bridge.matrix.sender import RoomSender
from tests.unit.matrix.conftest import STORE_KEY, Device, open_device, publish
from tests.unit.matrix.fake_homeserver import FakeHomeserver

ROOM = RoomId("!dm:example.org")
PATH = f"/_matrix/client/v3/rooms/{segment(ROOM)}"
QUEUED = now_ms() - 3_600_000
REPLY = {"m.in_reply_to": {"event_id": "$question"}}


class Timeline:
    """The bot's sender in one DM, and what is in that room's timeline."""

    def __init__(self, database: Database, homeserver: FakeHomeserver) -> None:
        self.homeserver = homeserver
        self.bot: Device = open_device(database, homeserver, "bot")
        alice = open_device(database, homeserver, "alice")
        publish(self.bot, homeserver)
        publish(alice, homeserver)
        rooms = Rooms(self.bot.store.account, self.bot.user_id, Sealer(STORE_KEY))
        room = rooms.ensure(ROOM)
        for user in (self.bot.user_id, alice.user_id):
            room.apply(self._state("m.room.member", user, {"membership": "join"}), self.bot.user_id)
        room.apply(self._state("m.room.encryption", "", {"algorithm": "m.megolm.v1.aes-sha2"}), self.bot.user_id)
        self.since = now_ms()
        self.copies: set[str] = set()
        self.sender = RoomSender(
            self.bot.user_id,
            homeserver,
            self.bot.store,
            rooms,
            lambda: self.bot.keys,
            lambda: self.since,
            1_800_000,
            self._is_copy,
        )
        self.event = Outgoing(
            self.bot.store.account,
            ROOM,
            "i.7",
            {"msgtype": "m.notice", "body": "hello"},
            UserId("@alice:example.org"),
            QUEUED,
        )
        homeserver.answers[f"{PATH}/send/m.room.encrypted/i.7"] = {"event_id": "$new"}
        self.says()

    async def _is_copy(self, event_id: str) -> bool:
        return event_id in self.copies

    @staticmethod
    def _state(kind: str, key: str, content: dict[str, Any]) -> dict[str, Any]:
        return {"type": kind, "state_key": key, "sender": "@alice:example.org", "content": content, "event_id": "$s"}

    def says(self, *events: dict[str, Any], more: bool = False) -> None:
        """The room's timeline, the newest first."""
        self.homeserver.answers[f"{PATH}/messages"] = {"chunk": list(events), **({"end": "t"} if more else {})}

    def sent(self) -> bool:
        return any(path.endswith("/i.7") for _, path, _ in self.homeserver.requests)


@pytest.fixture
def timeline(database: Database, homeserver: FakeHomeserver) -> Timeline:
    return Timeline(database, homeserver)


def by_former(at: int, relation: dict[str, Any] | None = None, sender: str = "@bot:example.org") -> dict[str, Any]:
    content: dict[str, Any] = {
        "algorithm": "m.megolm.v1.aes-sha2",
        "ciphertext": "AwgAEnACgAkLmt6qF84IK++J7UDH2Za1YVchHyprqTqsg",
        "session_id": "X3lUlvLELLYxeTx4yOVu6UDpasGEVO0Jbu+QFnm0cKQ",
        "device_id": "FORMER",
    }
    if relation is not None:
        content["m.relates_to"] = relation
    return {
        "type": "m.room.encrypted",
        "event_id": f"$e{at}",
        "sender": sender,
        "origin_server_ts": at,
        "content": content,
    }


async def test_what_a_former_device_may_have_sent_is_left(timeline: Timeline) -> None:
    timeline.says(by_former(QUEUED + 5))
    with pytest.raises(MaybeSent):
        await timeline.sender.send(timeline.event)
    timeline.says(by_former(QUEUED + 5, REPLY))
    with pytest.raises(MaybeSent):
        await timeline.sender.send(replace(timeline.event, content={**timeline.event.content, "m.relates_to": REPLY}))
    timeline.says(*(by_former(QUEUED + 5, {"m.in_reply_to": {"event_id": "$other"}}) for _ in range(3)), more=True)
    with pytest.raises(MaybeSent):
        await timeline.sender.send(timeline.event)  # the end of what was said since is never reached
    assert not timeline.sent()


@pytest.mark.parametrize(
    "said",
    [
        [],
        [by_former(QUEUED - 600_000)],
        [by_former(QUEUED + 5, REPLY)],
        [by_former(QUEUED + 5, sender="@alice:example.org")],
        [by_former(QUEUED + 5, REPLY), by_former(QUEUED - 7_200_000)],
    ],
    ids=["nothing", "before it was queued", "the answer to something", "by somebody else", "until before"],
)
async def test_what_was_certainly_not_sent_is_sent(timeline: Timeline, said: list[dict[str, Any]]) -> None:
    timeline.says(*said)
    assert await timeline.sender.send(timeline.event) == "$new"
    assert timeline.sent()


async def test_what_is_known_of_the_time_before_does_not_count(timeline: Timeline) -> None:
    timeline.says(by_former(QUEUED + 5), by_former(QUEUED - 5))
    timeline.copies = {f"$e{QUEUED + 5}", f"$e{QUEUED - 5}"}
    assert await timeline.sender.send(timeline.event) == "$new"


async def test_a_try_of_the_same_device_is_repeated_as_before(timeline: Timeline) -> None:
    timeline.since = QUEUED - 1
    timeline.says(by_former(QUEUED + 5))
    assert await timeline.sender.send(timeline.event) == "$new"


def test_everything_queued_counts_as_tried_but_redactions(database: Database, homeserver: FakeHomeserver) -> None:
    account = open_device(database, homeserver, "bot").store.account

    def work(tx: Any) -> list[tuple[str, bool]]:
        queue.insert(
            tx,
            [
                queue.NewRow("message", account, ROOM, content={"body": "x"}),
                queue.NewRow("redact", account, ROOM, target_event="$e"),  # type: ignore[arg-type]
            ],
        )
        queue.mark_tried(tx)
        return [tuple(r) for r in tx.sql("SELECT kind, first_attempt_at = created_at FROM outbox ORDER BY id")]

    assert [(kind, bool(tried)) for kind, tried in database.run_sync(work)] == [("message", True), ("redact", False)]


async def test_a_token_of_a_former_device_is_refused(database: Database, homeserver: FakeHomeserver) -> None:
    """Its keys are gone: as another device with the same name it would be distrusted, rightly."""
    me = UserId("@bot:example.org")
    bot = open_device(database, homeserver, "bot")
    bot.store.save_secret("own devices", json.dumps({"FORMER": "key"}).encode())
    await bot.store.commit()
    homeserver.answers["/_matrix/client/v3/account/whoami"] = {"user_id": me, "device_id": "FORMER"}
    settings = AccountSettings(me, access_token="token", device_id=DeviceId("FORMER"))

    async def nobody(event: Inbound, room: RoomView) -> None:
        raise AssertionError

    account = MatrixAccount(database, homeserver, Sealer(STORE_KEY), settings, nobody, lambda user, direct: False)
    with pytest.raises(OperatorError, match="a former device"):
        await account.start()
