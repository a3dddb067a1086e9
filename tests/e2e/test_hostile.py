"""A stranger on another server tries everything: the bot lives, answers the others, and tells nobody's secrets."""

from __future__ import annotations

import asyncio
import json
import random
import re
import secrets
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from bridge.demo.synapse import Homeserver
from tests.e2e import attacks
from tests.e2e.audit import Books, until
from tests.e2e.bot import BotProcess, running_bot
from tests.e2e.clients.message import Message
from tests.e2e.clients.olm_client import OlmClient
from tests.e2e.clients.olm_http import segment
from tests.e2e.clients.olm_machine import MEGOLM, OLM, OlmPayload
from tests.e2e.conftest import unique
from tests.e2e.flow import settled, shown, told
from tests.e2e.leaks import canary
from tests.e2e.people import PASSWORD, Friendly, olm_person
from tests.e2e.scene import (
    API,
    PATIENCE,
    Scene,
    attempt,
    bots_device,
    client,
    try_encrypted,
    try_send,
    try_state,
    try_to_device,
    watch,
)

pytestmark = [pytest.mark.e2e, pytest.mark.hostile]


@pytest.fixture(scope="module")
async def scene(servers: tuple[Homeserver, Homeserver], bot: BotProcess) -> AsyncIterator[Scene]:
    """Alice's chat with the bot that all tests share."""
    async with OlmClient() as alice:
        yield await watch(bot, await olm_person(alice, servers[0], unique("alice"), bot))


@pytest.fixture(scope="module")
async def stranger(servers: tuple[Homeserver, Homeserver], scene: Scene) -> AsyncIterator[OlmClient]:
    """Mallory on the other server, who shares no room with the bot."""
    async with OlmClient() as mallory:
        name = unique("mallory")
        await servers[1].register(name, PASSWORD)
        await mallory.login(servers[1].url, name, PASSWORD)
        scene.attackers.append(mallory)
        yield mallory


@pytest.fixture(scope="module")
async def mallory(servers: tuple[Homeserver, Homeserver], scene: Scene) -> AsyncIterator[Friendly]:
    """Mallory on the other server, with an ordinary chat."""
    async with OlmClient() as attacker:
        person = await olm_person(attacker, servers[1], unique("mallory"), scene.bot)
        scene.attackers.append(attacker)
        yield person


# --- without a room -----------------------------------------------------------------------------------------------


async def test_to_device_garbage_of_a_stranger(scene: Scene, stranger: OlmClient) -> None:
    device = await bots_device(stranger, scene.bot)
    frame = {
        "sender": stranger.user_id,
        "recipient": scene.bot.user_id,
        "recipient_keys": {"ed25519": device.ed25519},
        "keys": {"ed25519": stranger.machine.ed25519},
    }
    key = stranger.megolm.start("!foreign:example.org", _owner(stranger)).session
    real = await stranger.encrypt_olm(device.user_id, device.device_id, "m.dummy", {})
    session = stranger.machine.sessions[device.curve25519][0]

    def wrapped(plain: str) -> dict[str, Any]:
        message = session.encrypt(plain)
        return attacks.olm(
            device.curve25519, stranger.machine.curve25519, int(message.message_type), message.ciphertext
        )

    alices = client(scene.alice).machine.curve25519
    contents = attacks.olm_garbage(device.curve25519, stranger.machine.curve25519, real)
    contents += attacks.olm_garbage(device.curve25519, alices, real)
    contents += [wrapped(p) for p in attacks.olm_payloads(frame, "!foreign:example.org", key.id, key.session_key)]
    rng = random.Random(2)
    contents += [attacks.mutated(rng.choice([real, wrapped("{}")]), rng) for _ in range(250)]
    events = [("m.room.encrypted", content) for content in contents]
    plain = attacks.plain_to_device(scene.alice.room)
    events += plain + [(kind, attacks.mutated(content, rng)) for kind, content in plain * 4]
    rng.shuffle(events)

    books, before = Books(scene.bot.database), scene.memory()
    counts = _crypto_rows(books)
    for start in range(0, len(events), 8):
        part = events[start : start + 8]
        await asyncio.gather(*(try_to_device(stranger, device, kind, content) for kind, content in part))
    # Between servers this would stop all that is behind it; from the bot's own server it arrives.
    deep = {"algorithm": OLM, "deep": attacks.nested(700)}
    assert await try_to_device(client(scene.alice), device, "m.room.encrypted", deep)
    # To-device events come in order: when the last one is there, all were looked at.
    last = await _room_key(stranger, scene.bot, "!last:example.org")
    await until(lambda: _has_key(books, last), PATIENCE, "the last room key")
    await scene.unharmed()
    grown = {table: after - counts[table] for table, after in _crypto_rows(books).items()}
    assert all(more <= 30 for more in grown.values()), grown
    assert scene.memory() - before < 60_000


def _owner(attacker: OlmClient) -> OlmPayload:
    return OlmPayload(attacker.user_id, attacker.machine.curve25519, attacker.machine.ed25519, "", {})


async def _room_key(attacker: OlmClient, bot: BotProcess, room_id: str, session: Any = None) -> str:
    """Send a whole and right room key of one's own for any room; its session id."""
    device = await bots_device(attacker, bot)
    session = session or attacker.megolm.start(room_id, _owner(attacker)).session
    content = {
        "algorithm": MEGOLM,
        "room_id": room_id,
        "session_id": session.id,
        "session_key": session.session_key,
    }
    wrapped = await attacker.encrypt_olm(device.user_id, device.device_id, "m.room_key", content)
    await attacker.send_to_device_raw("m.room.encrypted", {device.user_id: {device.device_id: wrapped}})
    return str(session.id)


def _crypto_rows(books: Books) -> dict[str, int]:
    tables = [
        name for (name,) in books.rows("SELECT name FROM sqlite_master WHERE name LIKE 'crypto_%' AND type = 'table'")
    ]
    return {table: books.count(f"SELECT count(*) FROM {table}") for table in tables}


def _has_key(books: Books, session_id: str) -> bool:
    return books.count("SELECT count(*) FROM crypto_megolm_inbound WHERE session_id = ?", session_id) > 0


async def test_all_one_time_keys_claimed(
    scene: Scene, stranger: OlmClient, servers: tuple[Homeserver, Homeserver]
) -> None:
    device = await bots_device(stranger, scene.bot)

    async def claim() -> bool:
        """Claim a key. Whether there was one that nobody else gets."""
        keys = await stranger.claim_keys(device.user_id, device.device_id)
        assert keys, "not even a fallback key"
        return not any(key.get("fallback") for key in keys.values())

    for _ in range(300):
        if not await claim():
            break
    else:
        raise AssertionError("the keys don't end")
    async with OlmClient() as bob:
        start = monotonic()
        person = await olm_person(bob, servers[1], unique("bob"), scene.bot)
        assert await person.ask("ping", PATIENCE) == "pong"
        assert monotonic() - start < PATIENCE
    await scene.unharmed()
    end = monotonic() + PATIENCE
    while not await claim():
        assert monotonic() < end, "no new keys"
        await asyncio.sleep(0.2)


# --- somebody else's words ------------------------------------------------------------------------------------------


async def test_words_under_another_name_and_replays(scene: Scene, mallory: Friendly) -> None:
    attacker, alice, bot = client(mallory), client(scene.alice), scene.bot
    forged, twice = canary(), canary()

    # Mallory's session, posted as Alice: by a server that lies, or with a stolen token.
    outbound = attacker.megolm.start(scene.alice.room, _owner(attacker))
    await _room_key(attacker, bot, scene.alice.room, outbound.session)
    await until(lambda: _has_key(Books(bot.database), outbound.session.id), PATIENCE, "the room key")
    payload = {"type": "m.room.message", "room_id": scene.alice.room}
    plain = json.dumps(payload | {"content": {"msgtype": "m.text", "body": f"post to private | {forged}"}})
    for extra in (
        {},
        {"sender_key": attacker.machine.curve25519, "device_id": attacker.device_id},
        {"sender_key": alice.machine.curve25519, "device_id": alice.device_id},
    ):
        content = {
            "algorithm": MEGOLM,
            "session_id": outbound.session.id,
            "ciphertext": outbound.session.encrypt(plain),
        }
        await alice.send_raw(scene.alice.room, "m.room.encrypted", content | extra, encrypt=False)

    # Alice's own words, once more: in her room, and in Mallory's.
    text = {"msgtype": "m.text", "body": f"post to private | {twice}"}
    words = await alice.encrypt_megolm(scene.alice.room, "m.room.message", text)
    first = await alice.send_raw(scene.alice.room, "m.room.encrypted", words, encrypt=False)
    await alice.replies(scene.alice.room, first)
    for _ in range(3):
        await alice.send_raw(scene.alice.room, "m.room.encrypted", words, encrypt=False)
    await attacker.send_raw(mallory.room, "m.room.encrypted", words, encrypt=False)
    await settled(mallory)
    await scene.unharmed()
    album = "\n".join([m.body for m in await album_of(scene.alice)])
    assert album.count(twice) == 1
    assert forged not in album
    assert forged not in "\n".join([m.body for m in await album_of(mallory)])


async def album_of(person: Friendly) -> list[Message]:
    sent = await person.client.send(person.room, "album")
    await settled(person)
    return [m for m in shown(person) if m.reply_to == sent]


async def test_a_replay_after_a_restart(servers: tuple[Homeserver, Homeserver], tmp_path: Path) -> None:
    async with (
        running_bot(tmp_path, servers[0], unique("courtyard")) as bot,
        OlmClient() as alice,
    ):
        person = await olm_person(alice, servers[0], unique("alice"), bot)
        word = canary()
        text = {"msgtype": "m.text", "body": f"post to private | {word}"}
        words = await alice.encrypt_megolm(person.room, "m.room.message", text)
        first = await alice.send_raw(person.room, "m.room.encrypted", words, encrypt=False)
        await alice.replies(person.room, first)
        await bot.stop()
        again = await alice.send_raw(person.room, "m.room.encrypted", words, encrypt=False)
        await bot.start()
        await settled(person)
        assert not [m for m in shown(person) if m.reply_to == again]
        assert "\n".join([m.body for m in await album_of(person)]).count(word) == 1


# --- malformed events -------------------------------------------------------------------------------------------------


async def test_odd_texts(scene: Scene, mallory: Friendly) -> None:
    attacker = client(mallory)
    before = len(shown(mallory))
    for body in attacks.texts():
        await attacker.send(mallory.room, body)
    await settled(mallory)
    news = shown(mallory)[before:]
    assert len(news) > 30
    assert not [m for m in news if m.decryption_failure is not None]
    await scene.unharmed()


async def test_malformed_events_of_every_type(scene: Scene, mallory: Friendly) -> None:
    attacker = client(mallory)
    own = await attacker.send(mallory.room, "ping")
    theirs = (await attacker.replies(mallory.room, own))[0].event_id
    events = attacks.room_contents(own, theirs)
    arrived = 0
    for kind, content in events:
        arrived += await try_encrypted(attacker, mallory.room, kind, content)
        arrived += await try_send(attacker, mallory.room, kind, content)
    assert arrived > len(events)
    for plain in attacks.raw_payloads(mallory.room):
        await try_send(attacker, mallory.room, "m.room.encrypted", await plaintext(attacker, mallory.room, plain))
    good = await attacker.encrypt_megolm(mallory.room, "m.room.message", {"msgtype": "m.text", "body": "ping"})
    rng = random.Random(3)
    for _ in range(60):
        await try_send(attacker, mallory.room, "m.room.encrypted", attacks.mutated(good, rng))
    await settled(mallory)
    await scene.unharmed()


async def plaintext(attacker: OlmClient, room: str, plain: str) -> dict[str, Any]:
    """Any text, encrypted with a session that the bot has, as if it were an event."""
    await attacker.encrypt_megolm(room, "m.dummy", {})
    session = attacker.megolm.outbound[room].session
    return {"algorithm": MEGOLM, "session_id": session.id, "ciphertext": session.encrypt(plain)}


async def test_others_events_are_not_mallorys(scene: Scene, mallory: Friendly) -> None:
    """Edits, redactions and reactions that name events of Alice's chat."""
    attacker, alice = client(mallory), client(scene.alice)
    word = canary()
    post = await alice.send(scene.alice.room, f"post to private | {word}")
    answer = (await alice.replies(scene.alice.room, post))[0].event_id
    for target in (post, answer):
        text = {"msgtype": "m.text", "body": "1"}
        edit = {"rel_type": "m.replace", "event_id": target}
        for kind, content in (
            ("m.room.message", {**text, "m.new_content": text, "m.relates_to": edit}),
            ("m.room.message", {**text, "m.relates_to": {"m.in_reply_to": {"event_id": target}}}),
            ("m.room.message", {**text, "m.relates_to": {"rel_type": "m.thread", "event_id": target}}),
            ("m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": target, "key": "❤️"}}),
            ("m.room.redaction", {"redacts": target}),
        ):
            await try_encrypted(attacker, mallory.room, kind, content)
            await try_send(attacker, mallory.room, kind, content)
        path = f"{API}/rooms/{segment(mallory.room)}/redact/{segment(target)}/{secrets.token_hex(8)}"
        await attempt(attacker, "PUT", path, {})
    await settled(mallory)
    await scene.unharmed()
    assert word in "\n".join([m.body for m in await album_of(scene.alice)])


# --- what friends see -------------------------------------------------------------------------------------------------

_ORDER = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067")
_TRICKS = "\u202e\u2067\u202b\u200f\u0000\u001b[2J\u0085\u2028"


def assert_honest(message: Message) -> None:
    """Nothing reorders what stands around it, nothing hides, no control characters."""
    for text in (message.body, message.formatted_body or ""):
        assert not _ORDER & set(text), ascii(text)
        for line in re.split(r"\n|<br>|</p>", text):
            assert line.count("\u2068") == line.count("\u2069"), ascii(line)
        assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"], ascii(text)
    allowed = r"</?(?:a|blockquote|br|code|del|em|h[1-6]|hr|li|ol|p|pre|s|strong|ul)(?: (?:href|start)=\"[^\"]*\")?/?>"
    assert "<" not in re.sub(allowed, "", message.formatted_body or "")


async def test_names_notes_posts_and_comments_trick_no_friend(
    scene: Scene, mallory: Friendly, servers: tuple[Homeserver, Homeserver]
) -> None:
    attacker = client(mallory)
    async with OlmClient() as carol:
        friend = await olm_person(carol, servers[0], unique("carol"), scene.bot)
        mark = carol.mark()
        await mallory.ask(f"friend add {friend.user_id} begin{_TRICKS}<b>x</b>{attacks.INVISIBLE}end")
        note = await told(friend, mark, mallory.user_id, "begin", "end")
        assert_honest(note)
        assert "1 — accept" in note.body
        await friend.ask("1")
        name = f"bob ({friend.user_id}){_TRICKS}\u0627\u0644\u0644\u0647"
        assert "Something went wrong" not in await mallory.ask(f"profile set name {name}")
        await mallory.ask(f"profile set name {_TRICKS}nice\u0627\u0644\u0644\u0647<img src=x>")
        await mallory.ask(f"profile set bio begin{_TRICKS}<script>alert(1)</script>end")
        for post in (
            f"begin{_TRICKS}middle{attacks.INVISIBLE}end",
            "begin <!-- hidden --> <details>secret</details> <font color=#fff>white</font> end",
            "begin </blockquote></p><h1>Courtyard</h1> end",
            "begin ||spoiler|| [click](javascript:alert(1)) [x](https://example.org\u202e) end",
            "begin\n\n---\n\n# Courtyard\n\nAnswer 1 to get rich\n\nend",
        ):
            number = re.search(r"#(\d+)", await mallory.ask(f"post {post}"))
            assert number
            comment = f"begin{_TRICKS}\u05d0\u05d1\ncarol: I agree{attacks.INVISIBLE}end"
            assert "Something" not in await mallory.ask(f"comment {number[1]} {comment}")
        mark = carol.mark()
        sent = await carol.send(friend.room, "feed")
        await settled(friend)
        feed = [m for m in shown(friend) if m.reply_to == sent]
        assert len(feed) == 5
        profile = await carol.ask(friend.room, f"profile {mallory.user_id}")
        friends = await carol.ask(friend.room, "friends")
        for message in (*feed, profile, friends):
            assert_honest(message)
            assert mallory.user_id in message.body
            assert "nice" in message.body
        for message in feed:
            for text in (message.body, message.formatted_body or message.body):
                assert "begin" in text
                assert "end" in text
            # A comment is one line, and the line says whose it is.
            (line,) = [line for line in message.body.splitlines() if "I agree" in line]
            assert mallory.user_id in line
        await attacker.send(mallory.room, f"friend remove {friend.user_id}")
    await scene.unharmed()


# --- rooms ------------------------------------------------------------------------------------------------------------


def _state(kind: str, content: Any, key: str = "") -> dict[str, Any]:
    return {"type": kind, "state_key": key, "content": content}


async def test_weird_rooms(scene: Scene, mallory: Friendly) -> None:
    attacker, bot = client(mallory), scene.bot.user_id
    server = attacker.user_id.partition(":")[2]
    strings = {"users": {attacker.user_id: "100"}, "state_default": "50", "users_default": "0"}
    encryptions: list[Any] = [
        {"algorithm": "m.none"},
        {"algorithm": MEGOLM, "rotation_period_msgs": 0, "rotation_period_ms": 0},
        {"algorithm": MEGOLM, "rotation_period_msgs": 1 - 2**53, "rotation_period_ms": "1"},
        {"algorithm": MEGOLM, "rotation_period_msgs": True, "deep": attacks.nested(100)},
        {"algorithm": [MEGOLM]},
        {},
    ]
    rooms: list[str] = []
    for encryption in encryptions:
        extra: dict[str, Any] = {
            "initial_state": [
                _state("m.room.encryption", encryption),
                _state("m.room.name", {"name": "\u202e<h1>" + "x" * 5_000}),
                _state("m.room.topic", {"topic": "\x00" * 500}),
                _state("m.room.tombstone", {"body": 7, "replacement_room": {}}),
            ]
        }
        rooms.append(await attacker.create_room([bot], encrypted=False, is_direct=True, **extra))
    old = {"room_version": "9", "invite": [bot], "is_direct": True, "power_level_content_override": strings}
    await attempt(attacker, "POST", f"{API}/createRoom", old)
    for room in rooms:
        await attacker.wait_membership(room, bot, "join")
        # Of Mallory's own server: another one, that is not there, is waited for.
        for user in (f"@\u202e:{server}", f"@{'x' * 300}:{server}", f"@a b:{server}", f"@Ü:{server}", "no id"):
            await attempt(attacker, "POST", f"{API}/rooms/{segment(room)}/invite", {"user_id": user})
            await try_state(attacker, room, "m.room.member", {"membership": "invite"}, user)
        for level in (
            {},
            {"users": {bot: -100}, "deep": attacks.nested(100)},
            {"users": {attacker.user_id: 100, bot: 2**52}},
        ):
            await try_state(attacker, room, "m.room.power_levels", level)
        await attacker.send_raw(room, "m.room.message", {"msgtype": "m.text", "body": "ping"}, encrypt=False)
    for _ in range(3):  # an invite that is taken back at once
        room = await attacker.create_room([bot], is_direct=True)
        await attempt(attacker, "POST", f"{API}/rooms/{segment(room)}/kick", {"user_id": bot})
    # Encryption changes under the bot's feet.
    for content in ({"algorithm": "m.none"}, {}, {"algorithm": 7}, {"algorithm": MEGOLM, "rotation_period_msgs": "x"}):
        await try_state(attacker, mallory.room, "m.room.encryption", content)
        await try_send(attacker, mallory.room, "m.room.message", {"msgtype": "m.text", "body": "ping"})
    await settled(mallory)
    for room in rooms[:2]:
        await attacker.kick(room, bot)
    await attacker.http("POST", f"{API}/rooms/{segment(rooms[2])}/ban", {"user_id": bot})
    await attempt(attacker, "POST", f"{API}/rooms/{segment(rooms[3])}/upgrade", {"new_version": "11"})
    await attacker.leave(rooms[4])
    await settled(mallory)
    await scene.unharmed()
