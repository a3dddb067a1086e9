"""What people whom the bot has nothing to do with can't do to it, or to others by way of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
import vodozemac
from aiohttp import web

from bridge.db import Database
from bridge.ids import RoomId, UserId
from bridge.matrix import doorstep as doorstep_module
from bridge.matrix import machine as machine_module
from bridge.matrix.cryptostore import CryptoStore
from bridge.matrix.doorstep import Doorstep
from bridge.matrix.http import Homeserver, MatrixError, TooLarge, pruned
from bridge.matrix.late import LateKeys
from bridge.matrix.machine import OLM
from bridge.matrix.rooms import Room, Rooms
from bridge.matrix.seal import Sealer
from bridge.matrix.signing import unpadded
from tests.unit.matrix.conftest import STORE_KEY, Device, make_account, open_device, publish
from tests.unit.matrix.fake_homeserver import FakeHomeserver

pytestmark = pytest.mark.hostile

Make = Callable[[str], Device]
ALICE = UserId("@alice:example.org")
ROOM = RoomId("!room:example.org")
BOT = UserId("@bot:example.org")


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.005)


# --- Olm ------------------------------------------------------------------------------------------------------------


def greeting(bot: Device, homeserver: FakeHomeserver, sender: str, session_key: str = "") -> dict[str, Any]:
    """The first Olm message of a new device, over a key of the bot that is never used up."""
    account = vodozemac.Account()
    if not homeserver.one_time_keys[(bot.user_id, bot.machine.device_id)]:
        upload = bot.machine.upload_body(0, True)
        assert upload is not None
        bot.machine.uploaded()
        homeserver.one_time_keys[(bot.user_id, bot.machine.device_id)] = dict(upload["one_time_keys"])
    _, key = homeserver.one_time_keys[(bot.user_id, bot.machine.device_id)].popitem()
    identity = bot.machine.account.identity_keys
    session = account.create_outbound_session(
        vodozemac.Curve25519PublicKey.from_base64(identity["curve25519"]),
        vodozemac.Curve25519PublicKey.from_base64(key["key"]),
    )
    payload = {
        "type": "m.dummy",
        "content": {},
        "sender": sender,
        "recipient": bot.user_id,
        "recipient_keys": {"ed25519": identity["ed25519"]},
        "keys": {"ed25519": account.ed25519_key.to_base64()},
    }
    kind, body = session.encrypt(json.dumps(payload).encode()).to_parts()
    content = {
        "algorithm": OLM,
        "sender_key": account.curve25519_key.to_base64(),
        "ciphertext": {identity["curve25519"]: {"type": kind, "body": unpadded(bytes(body))}},
    }
    return {"type": "m.room.encrypted", "sender": sender, "content": content}


async def test_strangers_drive_out_each_other_and_nobody_else(
    device: Make, homeserver: FakeHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine_module, "_MAX_STRANGERS", 20)
    bot, alice = device("bot"), device("alice")
    # Alice's first message comes before she is known, as it does with an invite.
    await alice.keys.session_for(ROOM, [bot.user_id], (10**9, 100))
    alice.store.track(bot.user_id)
    (messages,) = homeserver.to_device or [{}]
    content = messages[bot.user_id][bot.machine.device_id]
    bot.machine.receive({"type": "m.room.encrypted", "sender": alice.user_id, "content": content})
    key = alice.machine.account.identity_keys["curve25519"]
    assert bot.machine.session_store.get(key) is not None
    bot.store.track(alice.user_id)

    forged = {"type": "m.room.encrypted", "sender": "@mallory:example.com", "content": content}
    for n in range(60):
        bot.machine.receive(forged)  # Alice's own key, in a stranger's name
        bot.machine.receive({**forged, "content": {**content, "sender_key": key, "ciphertext": {}}})
        bot.machine.receive(greeting(bot, homeserver, f"@mallory{n}:example.com"))
    await bot.store.commit()
    assert bot.machine.session_store.get(key) is not None
    assert bot.store.usage.count(key) == 1
    assert len(list(bot.machine.session_store.values())) <= 22


# --- slow servers -----------------------------------------------------------------------------------------------------


class SlowHomeserver(FakeHomeserver):
    """Queries for people of `slow` are answered when `go` is set."""

    def __init__(self, slow: str) -> None:
        super().__init__()
        self.slow = slow
        self.go = asyncio.Event()
        self.asked = 0

    async def request(self, method: str, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        if path.endswith("/keys/query") and any(user.endswith(self.slow) for user in body["device_keys"]):
            self.asked += 1
            await self.go.wait()
        return await super().request(method, path, body, **options)


@pytest.fixture
def slow() -> SlowHomeserver:
    return SlowHomeserver(":slow.example.com")


async def test_a_slow_server_holds_up_nobody_else(database: Database, slow: SlowHomeserver) -> None:
    bot, alice = open_device(database, slow, "bot"), open_device(database, slow, "alice")
    publish(alice, slow)
    mallory = "@mallory:slow.example.com"
    bot.store.track(mallory)
    assert not await bot.keys.query_briefly(mallory, 0.01)
    assert bot.keys.asking
    assert not bot.keys.may_query(mallory)
    async with asyncio.timeout(5):
        session = await bot.keys.session_for(ROOM, [alice.user_id], (10**9, 100))
    assert alice.user_id in session.shared_with
    # Nobody asks twice, and what changes meanwhile is asked for afterwards.
    waiting = asyncio.create_task(bot.keys.query([mallory]))
    await asyncio.sleep(0)
    bot.store.save_user(mallory, outdated=True)
    slow.go.set()
    await waiting
    assert (slow.asked, bot.keys.asking) == (1, False)
    assert bot.machine.users_to_query([mallory]) == [mallory]
    assert await bot.keys.query_briefly(mallory, 5)
    await bot.keys.stop()


class Gates(FakeHomeserver):
    """Joins of rooms whose name begins with "!slow" are answered when `go` is set, others at once."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.joined: list[str] = []
        self.left: list[str] = []
        self.faults = 0
        self.rooms: Rooms | None = None

    async def request(self, method: str, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        room, action = path.split("/")[-2:]
        if "slow" in room:
            await self.go.wait()
        if "faulty" in room and self.faults < 3:
            self.faults += 1
            raise MatrixError(502, "M_UNKNOWN", {})
        (self.joined if action == "join" else self.left).append(room)
        return {}


@pytest.fixture
def doorstep(database: Database) -> tuple[Doorstep, Rooms, Gates]:
    account = make_account(database, BOT)
    gates, rooms = Gates(), Rooms(account, BOT, Sealer(STORE_KEY))
    store = CryptoStore(database, account, Sealer(STORE_KEY))
    return Doorstep(gates, BOT, rooms, store, lambda user, direct: "refused" not in user), rooms, gates


def invite(doorstep: Doorstep, rooms: Rooms, room: str, sender: str) -> None:
    rooms.ensure(RoomId(room)).invite = {"sender": sender, "direct": True}
    doorstep.invited(RoomId(room))


async def test_invites_of_a_server_that_hangs(doorstep: tuple[Doorstep, Rooms, Gates]) -> None:
    step, rooms, gates = doorstep
    task = asyncio.create_task(step.run())
    for n in range(600):
        invite(step, rooms, f"!slow{n}:slow.example.com", f"@m{n}:slow.example.com")
    invite(step, rooms, "!faulty:example.org", "@bob:example.org")
    invite(step, rooms, "!good:example.org", ALICE)
    await until(lambda: gates.joined == ["%21good%3Aexample.org"])
    await until(lambda: len(gates.joined) == 2)  # a fault of the server passes
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_invites_that_found_no_place_get_one(doorstep: tuple[Doorstep, Rooms, Gates]) -> None:
    """Many people of one server may come at the same time: none of them waits for the bot's next start."""
    step, rooms, gates = doorstep
    task = asyncio.create_task(step.run())
    many = doorstep_module._MAX_JOBS_PER_SERVER + 100
    for n in range(many):
        invite(step, rooms, f"!slow{n}:example.org", f"@m{n}:example.org")
    gates.go.set()
    await until(lambda: len(gates.joined) >= many)
    assert len(set(gates.joined)) == len(gates.joined) == many
    assert not step._jobs
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_invite_while_the_last_one_is_refused(doorstep: tuple[Doorstep, Rooms, Gates]) -> None:
    step, rooms, gates = doorstep
    task = asyncio.create_task(step.run())
    invite(step, rooms, "!slow:example.org", "@refused:example.org")
    await until(lambda: bool(step._jobs) and rooms.invited() == [])
    invite(step, rooms, "!slow:example.org", "@refused:example.org")
    gates.go.set()
    await until(lambda: len(gates.left) == 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_another_server_sent_is_not_declined_before_it_has_it_itself(
    doorstep: tuple[Doorstep, Rooms, Gates], monkeypatch: pytest.MonkeyPatch
) -> None:
    step, rooms, gates = doorstep
    pauses: list[float] = []
    go = asyncio.Event()

    async def pause(seconds: float) -> None:
        if not seconds:  # no pause: it lets others run
            await _one_turn()
            return
        pauses.append(seconds)
        await go.wait()

    monkeypatch.setattr(doorstep_module.asyncio, "sleep", pause)  # type: ignore[attr-defined]
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(step.run())
        invite(step, rooms, "!far:example.com", "@refused:example.com")
        invite(step, rooms, "!near:example.org", "@refused:example.org")
        while gates.left != ["%21near%3Aexample.org"]:
            await _one_turn()
        assert pauses == [doorstep_module._DECLINE_AFTER_S]
        assert [room.room_id for room in rooms.invited()] == ["!far:example.com"], (
            "a restart meanwhile does not forget it"
        )
        go.set()
        while len(gates.left) < 2:
            await _one_turn()
        assert rooms.invited() == []
        running.cancel()


async def _one_turn() -> None:
    """Let the others run, whatever has become of `asyncio.sleep`."""
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.001, done.set_result, None)
    await done


async def test_invites_beyond_the_quota_wait_for_their_turn(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorstep_module, "_TURN_S", 0.01)
    account = make_account(database, BOT)
    gates, rooms = Gates(), Rooms(account, BOT, Sealer(STORE_KEY))
    store = CryptoStore(database, account, Sealer(STORE_KEY))
    tokens = [3]

    def has_turn(user: UserId) -> bool:
        tokens[0] -= tokens[0] > 0
        return tokens[0] > 0

    step = Doorstep(gates, BOT, rooms, store, lambda user, direct: direct, has_turn)
    task = asyncio.create_task(step.run())
    for n in range(30):
        invite(step, rooms, f"!{n}:example.org", "@m:example.org")
    await until(lambda: len(gates.joined) == 2 and len(gates.left) == 8)  # so many wait, the rest is refused
    rooms.ensure(RoomId("!20:example.org")).invite = None  # taken back meanwhile
    assert len(rooms.invited()) >= 19
    tokens[0] = 100
    await until(lambda: len(gates.joined) == 21)
    await asyncio.sleep(0.05)
    assert "%2120%3Aexample.org" not in gates.joined
    step.crowded(RoomId("!5:example.org"), UserId("@m:example.org"))
    await until(lambda: len(gates.left) == 9)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


# --- rooms and what waits ---------------------------------------------------------------------------------------------


def member(user: str, membership: str) -> dict[str, Any]:
    return {"type": "m.room.member", "state_key": user, "content": {"membership": membership}}


def test_somebody_with_an_impossible_name_makes_a_chat_public() -> None:
    room = Room(ROOM, encryption={"algorithm": "m.megolm.v1.aes-sha2"})
    for user in (BOT, ALICE):
        room.apply(member(user, "join"), BOT)
    assert room.dm_with(BOT) == ALICE
    assert room.apply(member("@ü\u202e:example.com", "join"), BOT)
    assert room.dm_with(BOT) is None
    assert "strange" in room.snapshot()
    assert sorted(room.members) == [ALICE, BOT]
    assert room.apply(member("@ü\u202e:example.com", "leave"), BOT)
    assert room.dm_with(BOT) == ALICE


def test_of_hostile_state_only_what_is_used_is_kept() -> None:
    room = Room(ROOM)
    deep: Any = "x" * 1_000
    for _ in range(500):
        deep = [deep]
    levels = {"users": {BOT: 100, ALICE: deep}, "events": {"m.room.encryption": deep}, "state_default": "50", "x": deep}
    room.apply({"type": "m.room.power_levels", "state_key": "", "content": levels}, BOT)
    settings = {"algorithm": "m.megolm.v1.aes-sha2", "rotation_period_ms": deep, "x": deep}
    room.apply({"type": "m.room.encryption", "state_key": "", "content": settings}, BOT)
    assert room.encrypted
    assert room.may_send_state(BOT, "m.room.encryption")
    assert len(json.dumps(room.snapshot())) < 1_000
    assert room.encryption == {"algorithm": "m.megolm.v1.aes-sha2"}


def test_creators_may_turn_encryption_on_whatever_the_power_levels_say() -> None:
    """In rooms of version 12 and above, clients make who is invited to a private chat a creator beside themselves."""
    room = Room(ROOM)
    create = {"room_version": "12", "additional_creators": [BOT]}
    room.apply({"type": "m.room.create", "state_key": "", "sender": ALICE, "content": create}, BOT)
    room.apply({"type": "m.room.power_levels", "state_key": "", "content": {"users": {}}}, BOT)
    assert room.may_send_state(BOT, "m.room.encryption")
    assert room.may_send_state(ALICE, "m.room.encryption")
    assert not room.may_send_state(UserId("@bob:example.com"), "m.room.encryption")


def test_where_what_we_said_can_be_taken_back() -> None:
    room = Room(ROOM)

    def is_in(user: str, membership: str) -> None:
        room.apply({"type": "m.room.member", "state_key": user, "content": {"membership": membership}}, BOT)

    def may_with(**levels: Any) -> bool:
        room.apply({"type": "m.room.power_levels", "state_key": "", "content": levels}, BOT)
        again = Room(ROOM, **{k: v for k, v in json.loads(json.dumps(room.snapshot())).items()})
        assert again.may_take_back(BOT, ALICE) == room.may_take_back(BOT, ALICE)
        return room.may_take_back(BOT, ALICE)

    is_in(ALICE, "join")
    assert not room.may_take_back(BOT, ALICE)
    is_in(BOT, "join")
    assert room.may_take_back(BOT, ALICE)
    assert may_with(users={ALICE: 100})
    assert may_with(events={"m.room.redaction": "100"}, users={BOT: "x"}), "what is no number is not there"
    assert may_with(events={"m.room.redaction": 0}, events_default=50)
    assert not may_with(events_default=50)
    assert not may_with(events={"m.room.redaction": 50})
    assert not may_with(users={BOT: -1})
    assert may_with(events={"m.room.redaction": 50}, users={BOT: 50})
    assert may_with(events_default=50, users_default=50)
    for user in (ALICE, BOT):
        is_in(user, "leave")
        assert not room.may_take_back(BOT, ALICE)
        is_in(user, "join")


def test_what_waits_for_keys_is_bounded(database: Database) -> None:
    late = LateKeys(make_account(database, BOT), 10**9, 10**9, Sealer(STORE_KEY))
    relation = {"m.in_reply_to": {"event_id": "$x", "deep": [[]]}, "deep": {"x": []}}
    for room in range(100):
        for n in range(250):
            content = {
                "algorithm": "m.megolm.v1.aes-sha2",
                "session_id": f"{n}",
                "ciphertext": "x" * 60_000,
                "m.relates_to": relation,
                "padding": "x" * 100,
            }
            event = {"event_id": f"${room}.{n}", "sender": ALICE, "type": "m.room.encrypted", "origin_server_ts": 1}
            late.add(RoomId(f"!{room}:example.org"), {**event, "content": content, "unsigned": {}}, f"{n}")
    assert late._bytes.total() <= 64_000_000
    kept = next(iter(late._waiting.values())).event
    assert set(kept) == {"event_id", "sender", "type", "origin_server_ts", "content"}
    assert kept["content"]["m.relates_to"] == {"m.in_reply_to": {"event_id": "$x"}}
    write = late.take_changes()
    assert write is not None
    database.run_sync(write)
    for event_id in list(late._waiting):
        late.settled(event_id)
    assert not late._bytes
    assert not late._rooms


# --- HTTP -------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def server() -> Any:
    """Serves `body` under every path, in chunks without an end."""
    app, seen = web.Application(), dict[str, Any](paths=[], body=b"{}", endless=False)

    async def answer(request: web.Request) -> web.StreamResponse:
        seen["paths"].append(request.raw_path)
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(seen["body"])
        while seen["endless"]:
            await response.write(b"x" * 65_536)
        return response

    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    seen["url"] = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield seen
    await runner.cleanup()


async def test_a_download_without_end_is_cut(server: dict[str, Any]) -> None:
    server["endless"] = True
    async with asyncio.timeout(10), Homeserver.connect(server["url"]) as http:
        http.token = "token"
        with pytest.raises(TooLarge):
            await http.download("mxc://example.org/abc", 1_000_000)


@pytest.mark.parametrize(
    "address",
    [
        *("mxc://../..", "mxc://example.org/../../x", "mxc://example.org/..", "mxc://./x", "mxc://example.org/a%2Fb"),
        *("mxc://example.org/a?b", "mxc://example.org/a#b", "mxc://exa\nmple.org/a", "mxc:///a", "mxc://a/", "x"),
    ],
)
async def test_addresses_of_media_name_no_other_path(server: dict[str, Any], address: str) -> None:
    async with Homeserver.connect(server["url"]) as http:
        http.token = "token"
        with pytest.raises(MatrixError):
            await http.download(address, 1_000)
    assert server["paths"] == []


@pytest.mark.parametrize(
    "poison", [b"[" * 50_000 + b"]" * 50_000, b'{"a":' * 50_000 + b"1" + b"}" * 50_000, b"9" * 10_000, b'"\xff\xfe"']
)
async def test_one_unreadable_event_costs_no_other(server: dict[str, Any], poison: bytes) -> None:
    server["body"] = b'{"next_batch":"n","poison":[{"x":' + poison + b'}],"good":{"count":12,"text":"\\"]}"}}'
    async with Homeserver.connect(server["url"]) as http:
        http.token = "token"
        answer = await http.request("GET", "/_matrix/client/v3/sync")
    assert answer["next_batch"] == "n"
    assert answer["good"] == {"count": 12, "text": '"]}'}


def test_pruning_leaves_what_is_shallow() -> None:
    value = {"a": [1, {"b": ['x"]}', "\\"]}], "c": {}}
    raw = json.dumps(value).encode()
    assert pruned(raw, 5) == raw
    assert json.loads(pruned(raw, 2)) == {"a": [1, None], "c": {}}
