"""The homeserver goes away, limits, or revokes; the operator stops, starts twice, or errs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import aiohttp
import pytest

from bridge.demo.synapse import Homeserver
from tests.e2e import servers
from tests.e2e.audit import Books, Chat, assert_answered_once, assert_indices_used_once, chat_of, room_events, until
from tests.e2e.births import courtyard
from tests.e2e.bot import PASSWORD, BotProcess, prepare_bot, running_bot
from tests.e2e.clients.js import JsProcess
from tests.e2e.clients.olm_client import OlmClient
from tests.e2e.conftest import unique
from tests.e2e.people import Friendly, js_person, olm_person
from tests.e2e.wire import is_send, wire

pytestmark = [pytest.mark.e2e, pytest.mark.crash]


@pytest.fixture(scope="module")
async def hs(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Homeserver]:
    """A homeserver of its own: it is stopped and killed."""
    async with servers.one(tmp_path_factory.mktemp("server")) as hs:
        yield hs


async def talk(person: Friendly, texts: list[str]) -> None:
    """Send without waiting for answers; a client that gives up meanwhile says it again."""
    for text in texts:
        while True:
            try:
                await person.client.send(person.room, text)
                break
            except Exception:  # whatever a client says to a homeserver that is away
                await asyncio.sleep(0.3)


async def quiet(bot: BotProcess, *people: Friendly, hs: Homeserver, signed_out: str | None = None) -> list[Chat]:
    """Wait until every question that the homeserver has is answered; the chats."""
    books = Books(bot.database)
    for person in people:
        asked = [
            event["event_id"]
            for event in await room_events(hs, person)
            if event["type"] == "m.room.encrypted" and event["sender"] == person.user_id
        ]

        def handled(asked: list[str] = asked) -> bool:
            marks = ",".join("?" * len(asked))
            return books.count(f"SELECT count(*) FROM handled WHERE event_id IN ({marks})", *asked) == len(asked)

        await until(handled, 90, "every question is handled")
    await books.outbox_empty(60)
    return [await chat_of(hs, person, bot.user_id, signed_out=signed_out) for person in people]


async def test_the_homeserver_restarts_in_mid_traffic(hs: Homeserver, js: JsProcess, tmp_path: Path) -> None:
    async with running_bot(tmp_path, hs, unique("courtyard")) as bot, OlmClient() as client:
        alice = await olm_person(client, hs, unique("alice"), bot)
        bob = await js_person(js, hs, unique("bob"), bot)
        for end in (hs.stop, hs.kill):
            async with asyncio.TaskGroup() as tasks:
                for person in (alice, bob):
                    tasks.create_task(talk(person, ["ping"] * 15))
                mark = client.mark()
                await client.wait_messages(alice.room, lambda m: "pong" in m.body, 3, since=mark)
                await end()
                await asyncio.sleep(2)  # the length of the outage
                await hs.start()
        chats = await quiet(bot, alice, bob, hs=hs)
        for chat in chats:
            assert len(chat.questions) >= 30
            assert_answered_once(chat)
        assert bot.log().count("homeserver unreachable") <= 20
        assert "Traceback" not in bot.log()
        assert await bot.stop() == 0
        Books(bot.database).assert_sound()


async def test_sixty_messages_while_the_bot_is_down(hs: Homeserver, tmp_path: Path) -> None:
    """More than one sync's timeline: the gap is read."""
    async with running_bot(tmp_path, hs, unique("courtyard")) as bot, OlmClient() as client:
        alice = await olm_person(client, hs, unique("alice"), bot)
        await alice.ask("ping")
        await bot.kill()
        await talk(alice, ["ping"] * 60)
        await bot.start()
        (chat,) = await quiet(bot, alice, hs=hs)
        assert len(chat.questions) == 61
        assert_answered_once(chat)
        order = [message.reply_to for message in client.timeline(alice.room) if message.reply_to]
        assert order == chat.questions
        assert await bot.stop() == 0
        Books(bot.database).assert_sound()


async def delete_device(hs: Homeserver, user_id: str) -> str:
    """Sign the bot's device out, as its operator could in any client; the id of the device."""
    base = f"{hs.url}/_matrix/client/v3"
    login = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": user_id},
        "password": PASSWORD,
    }
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{base}/login", json=login) as answer:
            session = await answer.json()
        headers = {"Authorization": f"Bearer {session['access_token']}"}
        async with http.get(f"{base}/devices", headers=headers) as answer:
            devices = (await answer.json())["devices"]
        (device,) = [d["device_id"] for d in devices if d["display_name"] == "Courtyard"]
        async with http.delete(f"{base}/devices/{device}", headers=headers, json={}) as answer:
            asked = await answer.json()
        if answer.status == 401:
            auth = {**login, "session": asked["session"]}
            async with http.delete(f"{base}/devices/{device}", headers=headers, json={"auth": auth}) as answer:
                assert answer.status == 200
        async with http.post(f"{base}/logout", headers=headers, json={}) as answer:
            assert answer.status == 200
    return str(device)


async def test_the_token_is_revoked(hs: Homeserver, js: JsProcess, tmp_path: Path) -> None:
    """In mid-work. It comes back as a new device that Element trusts, and says nothing twice."""
    async with (
        wire(hs.url) as line,
        OlmClient() as client,
        running_bot(
            tmp_path,
            hs,
            unique("courtyard"),
            {"matrix": {"homeserver": line.url}, "limits": {"sync_timeout_seconds": 3}},
        ) as bot,
    ):
        alice = await olm_person(client, hs, unique("alice"), bot)
        bob = await js_person(js, hs, unique("bob"), bot)
        for person in (alice, bob):
            assert "pong" in await person.ask("ping")
        before = await bob.client.device_trust(bot.user_id)  # type: ignore[union-attr]
        talking = asyncio.gather(*(talk(person, ["ping"] * 5) for person in (alice, bob)))
        async with line.caught(is_send, "answered") as exchange:
            await talking
            # One answer has arrived, and the bot will not be told so; the next try has another device.
            exchange.lost = True
            old = await delete_device(hs, bot.user_id)
            requests = line.count
        assert old in before

        async def signed() -> bool:
            trust = await bob.client.device_trust(bot.user_id)  # type: ignore[union-attr]
            return any(device["signed"] for name, device in trust.items() if name != old)

        end = monotonic() + 30
        while not await signed():
            assert monotonic() < end, bot.log()[-2000:]
            await asyncio.sleep(0.2)
        for person in (alice, bob):
            assert "pong" in await person.ask("ping")
        answer = await bob.client.ask(bob.room, "ping")
        assert answer.shield is None
        chats = await quiet(bot, alice, bob, hs=hs, signed_out=old)
        for chat in chats:
            assert_answered_once(chat)
        assert bot.log().count("the access token was revoked") == 1
        assert line.count - requests < 150
        stored = [
            event
            for person in (alice, bob)
            for event in await room_events(hs, person)
            if event["type"] == "m.room.encrypted" and event["sender"] == bot.user_id
        ]
        assert_indices_used_once(line.sends, stored)
        assert await bot.stop() == 0
        Books(bot.database).assert_sound()


async def test_rate_limits(js: JsProcess, tmp_path: Path) -> None:
    """A homeserver with the limits of a public one: a burst is answered whole and in order."""
    limits = {"per_second": 4, "burst_count": 6}
    async with (
        servers.one(tmp_path / "server", rc_message=limits) as hs,
        wire(hs.url) as line,
        running_bot(tmp_path, hs, unique("courtyard"), {"matrix": {"homeserver": line.url}}) as bot,
        OlmClient() as first,
        OlmClient() as second,
    ):
        people = [await olm_person(client, hs, unique("alice"), bot) for client in (first, second)]
        begun = monotonic()
        await asyncio.gather(*(talk(person, ["ping"] * 15) for person in people))
        chats = await quiet(bot, *people, hs=hs)
        took = monotonic() - begun
        for chat, person in zip(chats, people, strict=True):
            assert len(chat.questions) == 15
            assert_answered_once(chat)
            assert isinstance(person.client, OlmClient)
            order = [message.reply_to for message in person.client.timeline(person.room) if message.reply_to]
            assert order == chat.questions
        refused = [exchange for exchange in line.sends if exchange.status == 429]
        assert refused, "the limits were never reached"
        # 30 answers at 4 a second take 6 s at least; who asks at random needs far more tries than this.
        assert len(refused) <= 60
        assert took < 40
        Books(bot.database).assert_sound()


async def run_to_its_end(bot: BotProcess, timeout: float = 30) -> tuple[int, list[str]]:
    """`courtyard run` where it can't run: exit status, and its lines on standard error."""
    done = await courtyard("run", "-c", str(bot.config), timeout=timeout)
    assert done.out == ""
    return done.code, done.err.splitlines()


async def test_what_can_not_run_says_why(hs: Homeserver, tmp_path: Path) -> None:
    bot = await prepare_bot(tmp_path, hs, unique("courtyard"))
    secret = tmp_path / "matrix-password"
    secret.write_text("not the password\n")
    status, lines = await run_to_its_end(bot)
    assert status == 2
    assert len(lines) == 1
    assert "refused the login" in lines[0]
    assert "not the password" not in lines[0]
    secret.write_text(PASSWORD + "\n")
    try:
        await bot.start()

        status, lines = await run_to_its_end(bot)
        assert status == 2
        assert len(lines) == 1
        assert "another courtyard runs" in lines[0]
        assert bot.running

        assert await bot.stop() == 0
        (key,) = [p for p in bot.directory.rglob("*") if p.is_file() and "store" in p.name and "key" in p.name]
        right = key.read_bytes()
        key.write_bytes(bytes(reversed(right.strip())) + b"\n")
        status, lines = await run_to_its_end(bot)
        assert status == 2
        assert len(lines) == 1
        assert "key" in lines[0]
        key.unlink()
        status, lines = await run_to_its_end(bot)
        assert status == 2
        assert len(lines) == 1
        assert "key" in lines[0]
        assert not key.exists()
        key.touch(mode=0o600)
        key.write_bytes(right)
        await bot.start()
    finally:
        await bot.kill()


async def test_stopped_in_the_middle_of_work(hs: Homeserver, tmp_path: Path) -> None:
    async with running_bot(tmp_path, hs, unique("courtyard")) as bot, OlmClient() as client:
        alice = await olm_person(client, hs, unique("alice"), bot)
        mark = client.mark()
        for round_ in range(2):
            talking = asyncio.create_task(talk(alice, ["ping"] * 15))
            await client.wait_messages(alice.room, lambda m: "pong" in m.body, 3 + round_ * 15, since=mark)
            begun = monotonic()
            assert await bot.stop() == 0
            assert monotonic() - begun < 5
            await talking
            await bot.start()
        (chat,) = await quiet(bot, alice, hs=hs)
        assert len(chat.questions) == 30
        assert_answered_once(chat)
        assert await bot.stop() == 0
        Books(bot.database).assert_sound()
        assert "Traceback" not in bot.log()
