"""P12 on real homeservers: somebody of another server is erased, and nothing that is left opens anything of theirs."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyrage
import pytest
import sqlalchemy as sa

from bridge.backup.epochs import Epochs
from bridge.config import load, load_or_create_store_key
from bridge.db import Database
from bridge.db.engine import now_ms
from bridge.demo.synapse import Homeserver
from bridge.errors import CourtyardError
from bridge.ids import AccountId, DeviceId, RoomId, UserId
from bridge.matrix.cryptostore import CryptoStore
from bridge.matrix.machine import Machine
from bridge.matrix.seal import Sealer
from tests.backup.attacker import attack, present_files
from tests.backup.conftest import POSTGRESQL, SQLITE, House
from tests.conftest import create_postgres_database
from tests.e2e.archives import export, send_file, take_it
from tests.e2e.births import printed
from tests.e2e.bot import BotProcess, running_bot
from tests.e2e.clients.js import JsProcess
from tests.e2e.flow import answers, meeting, number, settled, shown, told
from tests.e2e.leaks import server_rows
from tests.e2e.people import Friendly, befriend, open_dm, unique

pytestmark = pytest.mark.e2e

SOON = {"erasure": {"grace_days": 3 / 86_400}}
DAY = 24 * 3600 * 1000
_NOW = "CAST(strftime('%s', 'now') AS INTEGER) * 1000"


def ciphertexts(hs: Homeserver, room: str) -> list[Mapping[str, Any]]:
    """Every encrypted event of a room, as its homeserver keeps them."""
    query = (
        "SELECT e.event_id, j.json FROM events e JOIN event_json j ON j.event_id = e.event_id"
        " WHERE e.room_id = ? AND e.type = 'm.room.encrypted' ORDER BY e.stream_ordering"
    )
    rows = server_rows(hs, query, room)
    events = [{"event_id": event_id, **json.loads(text)} for event_id, text in rows]
    return [event for event in events if event["content"]]


async def opened(bot: BotProcess, url: str, directory: Path, room: str, events: list[Mapping[str, Any]]) -> int:
    """How many of these events open with what is in a crypto store, whoever sent them."""
    db = Database.open(url)
    try:
        sealer = Sealer(load_or_create_store_key(directory / "store.key", may_create=False))
        account = AccountId(db.run_sync(lambda tx: tx.sql("SELECT id FROM accounts").scalar_one()))
        device = db.run_sync(lambda tx: tx.sql("SELECT device_id FROM accounts").scalar_one())
        store = CryptoStore(db, account, sealer)
        db.run_sync(store.load)
        machine = Machine(UserId(bot.user_id), DeviceId(device), store)
        count = 0
        async with store.awake(RoomId(room)):
            for event in events:
                for sender in (event["sender"], bot.user_id):
                    try:
                        machine.decrypt_room_event({**event, "sender": sender}, RoomId(room))
                    except CourtyardError:
                        continue
                    count += 1
                    break
        return count
    finally:
        await db.close()


async def end(person: Friendly) -> str:
    """Delete the account; the receipt."""
    mark = person.client.mark()
    [asked] = await answers(person, "account delete")
    [code] = re.findall(r"account delete ([A-Z]{4}-[A-Z]{4})", asked.body)
    [decided] = await answers(person, f"account delete {code}")
    assert "account keep" in decided.body
    receipt = await person.client.wait_message(
        person.room,
        lambda m: m.decryption_failure is None and "Your account was erased" in m.body,
        90,
        since=mark,
    )
    return str(receipt.body)


def check(receipt: str) -> None:
    """Make the digest again."""
    [digest] = re.findall(r"\b[0-9a-f]{64}\b", receipt)
    [line] = re.findall(r"\{.*\}", receipt)
    assert hashlib.sha256(line.encode()).hexdigest() == digest


@pytest.mark.parametrize("olm", [False, True], ids=["js", "olm"])
async def test_somebody_of_another_server_is_erased(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path, olm: bool
) -> None:
    async with (
        running_bot(tmp_path / "bot", servers[0], unique("courtyard"), SOON) as bot,
        meeting(servers, js, bot) as meet,
    ):
        alice, bob = await meet("alice"), await meet("bob", 1, olm=olm)
        await befriend(alice, bob)
        await live(alice, bob)
        await alice.ask("privacy set keep-comments on")
        about = number(next(m for m in await answers(alice, "feed") if "Of Bob, two" in m.body))
        await alice.ask(f"comment {about} Alice keeps this")
        await settled(bob)
        sessions = olm_sessions(servers[1], bob)
        url = f"sqlite:///{bot.database}"
        await until(url, sessions)
        before = [m for m in shown(alice) if any(words in m.body for words in ("Of Bob", "Bob says"))]
        assert len(before) >= 3
        messages = ciphertexts(servers[0], bob.room)
        receipt = await end(bob)
        check(receipt)
        for what in ("2 moments", "one comment", "one like", "one friendship"):
            assert what in receipt
        # Alice's client shows nothing of him any more, and the bot is out of his chat.
        await alice.client.wait_messages(
            alice.room, lambda m: m.redacted and m.event_id in {b.event_id for b in before}, len(before), 60
        )
        await bob.client.wait_membership(bob.room, bot.user_id, "leave", 60)
        assert [m for m in shown(bob) if not m.redacted and m.body] == [m for m in shown(bob) if m.body == receipt]
        for text in ("feed", "friends", f"profile {bob.user_id}", "moment 1"):
            for answer in await answers(alice, text):
                assert "Of Bob" not in answer.body
                assert "Bob says" not in answer.body
        assert "Alice keeps this" in "\n".join(m.body for m in await answers(alice, "comments"))
        await forgotten(bot, bob)
        await until(url, f"SELECT CASE WHEN ({sessions}) = 0 THEN 1 ELSE 0 END")
        assert await bot.stop() == 0
        assert await opened(bot, url, bot.directory / "var", bob.room, messages) == 0
        assert "as they were written" in await printed("admin", "verify-log", "-c", str(bot.config))
        await bot.start()
        # Who comes back is a stranger, with a chat that works.
        again = await open_dm(bob.client, bot)
        assert again.room != bob.room
        assert "no friends" in await again.ask("friends", 60)
        await befriend(alice, again)
        assert "Posted as #1" in await again.ask("post Anew")
        assert any("Anew" in m.body for m in await answers(alice, "feed"))


async def test_who_keeps_their_account_keeps_everything(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path
) -> None:
    async with (
        running_bot(tmp_path / "bot", servers[0], unique("courtyard"), {"erasure": {"grace_days": 10 / 86_400}}) as bot,
        meeting(servers, js, bot) as meet,
    ):
        alice, bob = await meet("alice"), await meet("bob", 1)
        await befriend(alice, bob)
        await bob.ask("post Of Bob")
        [shown_before] = [m for m in await answers(alice, "feed") if "Of Bob" in m.body]
        [asked] = await answers(bob, "account delete")
        [code] = re.findall(r"account delete ([A-Z]{4}-[A-Z]{4})", asked.body)
        assert "Nothing was changed" in await bob.ask("account delete AAAA-AAAA")
        await bob.ask(f"account delete {code}")
        assert "stays" in await bob.ask("account keep")
        # The time at which it would have come is over, over a restart as well.
        await bot.kill()
        await bot.start()
        await until(f"sqlite:///{bot.database}", f"SELECT CASE WHEN {now_ms() + 11_000} < {_NOW} THEN 1 ELSE 0 END")
        assert "Of Bob" in "\n".join(m.body for m in await answers(alice, "feed"))
        assert not [m for m in shown(alice) if m.event_id == shown_before.event_id and m.redacted]
        assert alice.user_id in await bob.ask("friends")


async def live(alice: Friendly, bob: Friendly) -> None:
    """Bob leaves traces with Alice."""
    await alice.ask("post Of Alice")
    for text in ("Of Bob, one", "Of Bob, two"):
        await bob.ask(f"post {text}")
    mine = number(next(m for m in await answers(bob, "feed") if "Of Alice" in m.body))
    mark = alice.client.mark()
    await bob.ask(f"comment {mine} Bob says")
    await bob.ask(f"like {mine}")
    await told(alice, mark, "Bob says")
    await told(alice, mark, "likes")
    await answers(alice, "feed")
    await answers(alice, "moment 1")
    await settled(alice)


def olm_sessions(hs: Homeserver, person: Friendly) -> str:
    """A query of the bot's database that counts the Olm sessions with somebody's devices."""
    devices = server_rows(hs, "SELECT key_json FROM e2e_device_keys_json WHERE user_id = ?", person.user_id)
    keys = [key for (text,) in devices for name, key in json.loads(text)["keys"].items() if name.startswith("curve")]
    assert keys
    assert all(re.fullmatch("[A-Za-z0-9+/]{43}", key) for key in keys)
    names = ", ".join(f"'{key}'" for key in keys)
    return f"SELECT COUNT(*) FROM crypto_olm_sessions WHERE sender_key IN ({names})"


async def forgotten(bot: BotProcess, person: Friendly) -> None:
    """Wait until the bot's database holds no room, session or farewell of somebody."""
    tables = ("rooms", "crypto_megolm_inbound", "crypto_megolm_outbound", "crypto_room_keys_owed", "waiting_events")
    counts = [f"(SELECT COUNT(*) FROM {table} WHERE room_id = '{person.room}')" for table in (*tables, "copies")]
    total = " + ".join([*counts, "(SELECT COUNT(*) FROM farewells)"])
    await until(load(bot.config).database_url, f"SELECT CASE WHEN {total} = 0 THEN 1 ELSE 0 END")


async def until(url: str, query: str) -> None:
    """Wait until a query of the bot's database gives anything but 0."""
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg") if "postgres" in url else url)
    try:
        async with asyncio.timeout(90):
            while not rows(engine, query)[0]:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.01)
    finally:
        engine.dispose()


def rows(engine: sa.Engine, query: str) -> list[int]:
    with engine.connect() as connection:
        return [int(value) for value in connection.exec_driver_sql(query).scalars()]


@pytest.mark.parametrize("engine", [SQLITE, POSTGRESQL])
async def test_with_every_key_and_an_expired_backup_nothing_of_them_opens(
    servers: tuple[Homeserver, Homeserver],
    js: JsProcess,
    tmp_path: Path,
    engine: str,
    request: pytest.FixtureRequest,
) -> None:
    """Killed in the middle of the erasure, too."""
    settings: dict[str, dict[str, object]] = {"log": {"level": "info"}, **SOON}  # type: ignore[dict-item]
    if engine == POSTGRESQL:
        server, mark = request.getfixturevalue("postgres_url"), secrets.token_hex(4)
        urls = [create_postgres_database(server, f"erased_{mark}{suffix}") for suffix in ("", "_keys")]
        settings |= {"database": {"url": urls[0]}, "vault": {"key_store_url": urls[1]}}
    key = pyrage.x25519.Identity.generate()
    identity = tmp_path / "identity"
    identity.write_text(f"# made by a test\n{key}\n")
    words = {what: f"zq{secrets.token_hex(8)}" for what in ("name", "text", "bio", "comment", "tag", "note", "kept")}
    others = {what: f"zx{secrets.token_hex(8)}" for what in ("text", "bio")}
    async with (
        running_bot(tmp_path / "bot", servers[0], unique("courtyard"), settings) as bot,
        meeting(servers, js, bot) as meet,
    ):
        alice, bob = await meet("alice"), await meet(words["name"], 1, exact=True)
        await befriend(alice, bob)
        await say_words(alice, bob, words, others, tmp_path)
        config = load(bot.config)
        house = House(bot.directory / "var", config, str(key.to_public()), identity)
        backup = tmp_path / "before.backup"
        await printed("backup", "--output", str(backup), "--recipient", house.recipient, "-c", str(bot.config))
        owners = ids_of(config.database_url) | {0, -1}
        messages = ciphertexts(servers[0], bob.room)
        assert await bot.stop() == 0
        before = tmp_path / "copy"
        shutil.copytree(bot.directory / "var", before)
        if engine == SQLITE:
            copied = await opened(bot, f"sqlite:///{before / 'courtyard.db'}", before, bob.room, messages)
            assert copied > len(messages) // 2, "the attacker can find"
        await bot.start()
        [asked] = await answers(bob, "account delete")
        [code] = re.findall(r"account delete ([A-Z]{4}-[A-Z]{4})", asked.body)
        mark_ = bob.client.mark()
        await answers(bob, f"account delete {code}")
        await killed_half_way(bot, config.database_url)
        await bob.client.wait_message(
            bob.room, lambda m: m.decryption_failure is None and "Your account was erased" in m.body, 90, since=mark_
        )
        await bob.client.wait_membership(bob.room, bot.user_id, "leave", 60)
        await forgotten(bot, bob)
        assert others["text"] in "\n".join(m.body for m in await answers(alice, "album"))
        # As it lies there while the bot runs, with its journals: a stop would empty these.
        running = tmp_path / "running"
        shutil.copytree(bot.directory / "var", running)
        journals = [path for path in running.iterdir() if path.name.endswith("-wal")]
        assert engine == POSTGRESQL or any(path.stat().st_size for path in journals)
        assert await bot.stop() == 0
        messages += [m for m in ciphertexts(servers[0], bob.room) if m not in messages]
        assert await opened(bot, config.database_url, bot.directory / "var", bob.room, messages) == 0
        assert Epochs(config.epoch_dir, 7, lambda: now_ms() + 8 * DAY).destroy_ended() == 1
        loot, count = attack(house, [*present_files(house, engine), *journals, bot.log_file], backup, owners)
        assert count == 0
        assert [what for what, word in words.items() if word.encode() in loot] == []
        if engine == POSTGRESQL:
            # Of its files and its write-ahead log, tests/backup/test_wal.py says more.
            data = Path(str(sa.make_url(config.database_url).query["host"])) / "data"
            for content in (file.read_bytes() for file in data.rglob("*") if file.is_file()):
                assert not [what for what, word in words.items() if word.encode() in content]
        for word in others.values():
            assert word.encode() in loot, "who is still there is read with the keys of the present"


async def say_words(
    alice: Friendly, bob: Friendly, words: Mapping[str, str], others: Mapping[str, str], directory: Path
) -> None:
    for text in (f"post {others['text']}", f"profile set bio {others['bio']}"):
        await alice.ask(text)
    for text in (
        f"post {words['text']}",
        f"profile set bio {words['bio']}",
        f"tag add #{words['tag']} {alice.user_id}",
        f"note {alice.user_id} {words['note']}",
        "privacy set keep-comments on",
    ):
        await bob.ask(text)
    about = number(next(m for m in await answers(bob, "feed") if others["text"] in m.body))
    for text in (words["comment"], words["kept"]):
        await bob.ask(f"comment {about} {text}")
    for person in (alice, bob):
        await answers(person, "feed")
    # He takes everything of his, brings it back, and asks for it again, and for something to be taken.
    for data in await export(bob, directory):
        await send_file(bob, data, directory, "import")
    await take_it(bob)
    await export(bob, directory)
    await answers(bob, "import")


async def killed_half_way(bot: BotProcess, url: str) -> None:
    """SIGKILL as soon as the erasure has begun, and again when the rows are gone; each time it goes on."""
    for query in (
        "SELECT (SELECT COUNT(*) FROM deletions WHERE state = 'begun') + (SELECT COUNT(*) FROM farewells)",
        "SELECT 1 - COUNT(*) FROM deletions",
    ):
        await until(url, query)
        await bot.kill()
        await bot.start()


def ids_of(url: str) -> set[int]:
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg") if "postgres" in url else url)
    try:
        return set(rows(engine, "SELECT id FROM people"))
    finally:
        engine.dispose()
