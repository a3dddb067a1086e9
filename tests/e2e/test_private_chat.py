"""I9: two friends get a room of their own, from the bot, which never holds a key of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bridge.demo.synapse import Homeserver
from tests.e2e.audit import Books, until
from tests.e2e.bot import BotProcess, running_bot
from tests.e2e.clients.js import JsProcess
from tests.e2e.clients.olm_client import OlmClient
from tests.e2e.clients.olm_http import MatrixHttpError
from tests.e2e.conftest import unique
from tests.e2e.flow import Meet, meeting, nothing_new, settled, shown, told
from tests.e2e.people import Friendly, befriend
from tests.e2e.wire import Exchange, Stage, Wire, wire

pytestmark = pytest.mark.e2e

KEYS = "SELECT count(*) FROM crypto_megolm_inbound WHERE room_id = ?"
WAIT = 30.0


async def api(person: Friendly, method: str, path: str, body: Any = None) -> Any:
    if isinstance(person.client, OlmClient):
        return await person.client.http(method, f"/_matrix/client/v3{path}", body)
    return await person.client.request(method, path, body=body)


async def ask_for_chat(alice: Friendly, carol: Friendly, bot: BotProcess) -> str:
    """Alice asks for a private chat with Carol; the room that Carol is invited to."""
    mark = carol.client.mark()
    assert f"I invite {carol.user_id} to a chat with you alone." in await alice.ask(f"chat {carol.user_id}")
    await told(carol, mark, f"{alice.user_id} would like a chat with you alone.")
    return await carol.client.wait_invite(bot.user_id)


async def both_join(alice: Friendly, carol: Friendly, room: str, bot: BotProcess) -> None:
    mark = alice.client.mark()
    await carol.client.join(room)
    await told(alice, mark, f"{carol.user_id} is in.")
    assert await alice.client.wait_invite(bot.user_id) == room
    await alice.client.join(room)
    for person in (alice, carol):
        await person.client.wait_membership(room, bot.user_id, "leave", timeout=WAIT)


async def talk(alice: Friendly, carol: Friendly, room: str) -> None:
    """Both ways, encrypted, without a warning."""
    for one, other in ((alice, carol), (carol, alice), (alice, carol)):
        text = unique("hello")
        event_id = await one.client.send(room, text)
        heard = await other.client.wait_message(room, lambda m, text=text: m.body == text, WAIT)  # type: ignore[misc]
        assert (heard.event_id, heard.sender) == (event_id, one.user_id)
        if isinstance(other.client, OlmClient):  # it may learn later than the message who signed the device
            heard = await other.client.wait_trusted(room, event_id)
        assert heard.shield is None
        stored = await api(other, "GET", f"/rooms/{room}/event/{event_id}")
        assert stored["type"] == "m.room.encrypted"


def no_trace(bot: BotProcess, room: str) -> None:
    """Of the room the bot has nothing but its id."""
    books = Books(bot.database)
    assert books.count(KEYS, room) == 0
    assert books.count("SELECT count(*) FROM crypto_megolm_outbound WHERE room_id = ?", room) == 0
    assert books.count("SELECT count(*) FROM waiting_events WHERE room_id = ?", room) == 0
    assert books.count("SELECT count(*) FROM crypto_key_requests WHERE room_id = ?", room) == 0
    assert books.count("SELECT count(*) FROM rooms WHERE room_id = ?", room) == 0
    assert books.count("SELECT count(*) FROM private_rooms WHERE room_id = ?", room) == 1


async def test_two_friends_on_two_servers_get_a_room_of_their_own(meet: Meet, bot: BotProcess) -> None:
    alice, carol = await meet("alice"), await meet("carol", 1, olm=True)
    await befriend(alice, carol)
    room = await ask_for_chat(alice, carol, bot)
    assert (await alice.ask(f"chat {carol.user_id}")).startswith("A private chat with")
    await both_join(alice, carol, room, bot)
    await talk(alice, carol, room)

    state = {event["type"]: event["content"] for event in await api(alice, "GET", f"/rooms/{room}/state")}
    assert state["m.room.create"]["room_version"] == "11"
    assert state["m.room.history_visibility"] == {"history_visibility": "joined"}
    assert state["m.room.power_levels"]["users"] == {alice.user_id: 100, carol.user_id: 100}
    assert "m.room.name" not in state
    joined = await api(alice, "GET", f"/rooms/{room}/joined_members")
    assert set(joined["joined"]) == {alice.user_id, carol.user_id}
    # The room is theirs: each can do what the owner of a room can.
    await api(carol, "PUT", f"/rooms/{room}/state/m.room.name/", {"name": "Ours"})

    for person in (alice, carol):
        await settled(person)
        assert not [m for m in shown(person, room) if m.sender == bot.user_id]
    await until(
        lambda: Books(bot.database).count("SELECT count(*) FROM rooms WHERE room_id = ?", room) == 0, 10, "left"
    )
    no_trace(bot, room)
    # Whoever invites the bot back does so in vain.
    await alice.client.invite(room, bot.user_id)
    await alice.client.wait_membership(room, bot.user_id, "leave", timeout=WAIT)
    await talk(alice, carol, room)
    no_trace(bot, room)


async def test_a_client_that_shares_its_key_at_once_changes_nothing(meet: Meet, bot: BotProcess) -> None:
    alice, carol = await meet("alice"), await meet("carol", 1, olm=True)
    await befriend(alice, carol)
    assert isinstance(carol.client, OlmClient)
    books = Books(bot.database)
    room = await ask_for_chat(alice, carol, bot)

    async def share_at_once() -> None:
        """A room key to the bot, and an event that it would open."""
        carol.client.megolm.outbound.pop(room, None)  # type: ignore[union-attr]
        content = await carol.client.encrypt_megolm(room, "m.room.message", {"msgtype": "m.text", "body": "early"})  # type: ignore[union-attr]
        assert any(user == bot.user_id for user, _ in carol.client.megolm.outbound[room].shared_with)  # type: ignore[union-attr]
        with pytest.raises(MatrixHttpError, match="403"):
            await api(carol, "PUT", f"/rooms/{room}/send/m.room.encrypted/{unique('t')}", content)
        await settled(carol)
        assert books.count(KEYS, room) == 0

    await carol.client.join(room)
    await carol.client.wait_membership(room, bot.user_id, "join", timeout=WAIT)
    await share_at_once()
    await alice.client.wait_invite(bot.user_id)
    await share_at_once()
    # The same key in her chat with the bot is kept: it is the room that makes the difference.
    assert books.count(KEYS, carol.room) > 0
    await alice.client.join(room)
    for person in (alice, carol):
        await person.client.wait_membership(room, bot.user_id, "leave", timeout=WAIT)
    await talk(alice, carol, room)
    # A key that comes after the bot has left is as little kept.
    session = carol.client.megolm.outbound[room].session
    key = {
        "algorithm": "m.megolm.v1.aes-sha2",
        "room_id": room,
        "session_id": session.id,
        "session_key": session.session_key,
    }
    devices = (await api(carol, "POST", "/keys/query", {"device_keys": {bot.user_id: []}}))["device_keys"][bot.user_id]
    for device in devices:
        wrapped = await carol.client.encrypt_olm(bot.user_id, device, "m.room_key", key)
        await carol.client.send_to_device_raw("m.room.encrypted", {bot.user_id: {device: wrapped}})
    await settled(carol)
    no_trace(bot, room)


async def test_who_never_joins_and_who_blocks_look_the_same(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path
) -> None:
    settings = {"limits": {"private_chat_hours": 8 / 3600}}
    async with (
        running_bot(tmp_path, servers[0], unique("courtyard"), settings) as bot,
        meeting(servers, js, bot) as meet,
    ):
        alice, bob, carol = await meet("alice"), await meet("bob", olm=True), await meet("carol", 1)
        await befriend(alice, bob)
        await befriend(alice, carol)
        await carol.ask(f"block {alice.user_id}")
        marks = [person.client.mark() for person in (alice, bob, carol)]
        room = await ask_for_chat(alice, bob, bot)
        blocked = await alice.ask(f"chat {carol.user_id}")
        over = "Nothing has come of the private chat with {}"
        ignored = await told(alice, marks[0], over.format(bob.user_id))
        denied = await told(alice, marks[0], over.format(carol.user_id))
        assert ignored.body.replace(bob.user_id, "x") == denied.body.replace(carol.user_id, "x")
        assert blocked.startswith(f"I invite {carol.user_id} to a chat")
        # The invitation is gone, and what was said about it too; the one who blocks heard nothing at all.
        await bob.client.wait_membership(room, bob.user_id, "leave", timeout=WAIT)
        await bob.client.wait_messages(bob.room, lambda m: m.redacted, 1, WAIT, since=marks[1])
        await nothing_new(carol, marks[2])
        assert not [m for m in shown(bob) if "Nothing has come" in m.body]

        # Who asks and does not come: the other, who waited, is told, and sent out of the room.
        marks = [person.client.mark() for person in (alice, bob)]
        room = await ask_for_chat(alice, bob, bot)
        await bob.client.join(room)
        await told(alice, marks[0], f"{bob.user_id} is in.")
        await told(alice, marks[0], over.format(bob.user_id))
        await told(bob, marks[1], over.format(alice.user_id))
        await bob.client.wait_membership(room, bob.user_id, "leave", timeout=WAIT)
        assert Books(bot.database).count("SELECT count(*) FROM private_chats WHERE state NOT IN ('done', 'over')") == 0


def asks(method: str, end: str) -> Callable[[Exchange], bool]:
    return lambda exchange: exchange.method == method and exchange.path.endswith(end)


STEPS: list[tuple[str, str, Stage, bool]] = [
    ("POST", "/createRoom", "asked", True),
    ("POST", "/createRoom", "answered", True),
    ("POST", "/invite", "answered", True),
    ("POST", "/invite", "asked", False),
    ("PUT", "/m.room.power_levels/", "answered", True),
    ("POST", "/leave", "answered", True),
]


@pytest.mark.crash
async def test_killed_at_every_step_there_is_one_room_and_it_ends_well(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path
) -> None:
    async with wire(servers[0].url) as line:
        settings = {"matrix": {"homeserver": line.url}, "limits": {"private_chats_per_day": 100}}
        async with (
            running_bot(tmp_path, servers[0], unique("courtyard"), settings) as bot,
            meeting(servers, js, bot) as meet,
        ):
            alice, carol = await meet("alice"), await meet("carol", 1, olm=True)
            await befriend(alice, carol)
            await between_opening_and_leaving(alice, carol, bot, line)
            for step in STEPS:
                await one_chat(alice, carol, bot, line, step)
            await Books(bot.database).outbox_empty(WAIT)
            Books(bot.database).assert_sound()


async def between_opening_and_leaving(alice: Friendly, carol: Friendly, bot: BotProcess, line: Wire) -> None:
    """For a moment people can speak while the bot is still in: the keys that reach it are dropped."""
    room = await ask_for_chat(alice, carol, bot)
    mark = alice.client.mark()
    await carol.client.join(room)
    await told(alice, mark, f"{carol.user_id} is in.")
    await alice.client.wait_invite(bot.user_id)
    joining = asyncio.ensure_future(alice.client.join(room))
    async with line.caught(asks("POST", "/leave"), "asked"):
        await joining
        await alice.client.wait_membership(room, carol.user_id, "join", timeout=WAIT)
        await talk(alice, carol, room)
        joined = await api(alice, "GET", f"/rooms/{room}/joined_members")
        assert bot.user_id in joined["joined"]
        assert isinstance(carol.client, OlmClient)
        assert any(user == bot.user_id for user, _ in carol.client.megolm.outbound[room].shared_with)
        for person in (alice, carol):
            await settled(person)
        assert Books(bot.database).count(KEYS, room) == 0
    await carol.client.wait_membership(room, bot.user_id, "leave", timeout=WAIT)
    await talk(alice, carol, room)
    gone = "SELECT count(*) FROM rooms WHERE room_id = ?"
    await until(lambda: Books(bot.database).count(gone, room) == 0, WAIT, "the bot has left")
    no_trace(bot, room)


async def one_chat(
    alice: Friendly, carol: Friendly, bot: BotProcess, line: Wire, step: tuple[str, str, Stage, bool]
) -> None:
    """A private chat; the bot is killed at this step."""
    method, end, stage, lost = step
    books = Books(bot.database)
    rooms = books.count("SELECT count(*) FROM private_rooms")
    line.creates.clear()
    marks = carol.client.mark(), alice.client.mark()

    async def kill() -> None:
        async with line.caught(asks(method, end), stage) as exchange:
            exchange.lost = lost
            await bot.kill()
        await bot.start()

    async def people() -> str:
        await alice.client.send(alice.room, f"chat {carol.user_id}")
        await told(carol, marks[0], f"{alice.user_id} would like a chat with you alone.")
        room = await carol.client.wait_invite(bot.user_id)
        await both_join(alice, carol, room, bot)
        return room

    waiting: list[Awaitable[Any]] = [asyncio.ensure_future(kill()), asyncio.ensure_future(people())]
    _, room = await asyncio.gather(*waiting)
    await talk(alice, carol, room)
    ended = "SELECT count(*) FROM private_chats WHERE state = 'done' AND room_id = ?"
    await until(lambda: books.count(ended, room) == 1, WAIT, "it has ended")
    made = [exchange for exchange in line.creates if exchange.status == 200]
    assert len(made) == 1, step
    assert books.count("SELECT count(*) FROM private_rooms") == rooms + 1
    await until(
        lambda: books.count("SELECT count(*) FROM rooms WHERE room_id = ?", room) == 0, WAIT, "the bot has left"
    )
    no_trace(bot, room)
    asked = [m for m in shown(carol) if f"{alice.user_id} would like a chat" in m.body]
    assert len(asked) == 2 + STEPS.index(step)  # once for each room
