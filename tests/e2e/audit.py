"""What must hold after any crash: of the conversation, of what went over the wire, and of the database."""

from __future__ import annotations

import asyncio
import base64
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import quote

import aiohttp

from bridge.demo.synapse import Homeserver
from bridge.vault import KeyStore, MasterKeys, Vault
from bridge.vault.master import parse_master_keys
from tests.e2e.clients.js import JsClient
from tests.e2e.clients.message import Message
from tests.e2e.people import Friendly
from tests.e2e.wire import Exchange

TXN = "chat.courtyard.txn"


async def until(holds: Callable[[], bool], timeout: float, what: str) -> None:
    """Wait for a condition that nobody announces."""
    end = monotonic() + timeout
    while not holds():
        assert monotonic() < end, f"not within {timeout} s: {what}"
        await asyncio.sleep(0.05)


async def room_events(hs: Homeserver, person: Friendly) -> list[dict[str, Any]]:
    """The whole chat as the person's homeserver has it, oldest first."""
    events: list[dict[str, Any]] = []
    path = f"{hs.url}/_matrix/client/v3/rooms/{quote(person.room, safe='')}/messages"
    headers = {"Authorization": f"Bearer {person.client.access_token}"}
    params = {"dir": "b", "limit": "1000"}
    async with aiohttp.ClientSession(headers=headers) as http:
        while True:
            async with http.get(path, params=params) as answer:
                page = await answer.json()
            assert answer.status == 200, page
            events += page["chunk"]
            if "end" not in page or not page["chunk"]:
                return events[::-1]
            params["from"] = page["end"]


def seen(person: Friendly) -> list[Message]:
    """Everything that the person's client shows of others, in the order of arrival."""
    if isinstance(person.client, JsClient):
        return list(person.client.received(person.room))
    return [m for m in person.client.timeline(person.room) if m.sender != person.user_id]


@dataclass(frozen=True, slots=True)
class Chat:
    """One person's chat after all is quiet."""

    questions: list[str]
    """Event ids of the encrypted messages of the person, as the homeserver has them."""
    answers: Mapping[str, list[Message]]
    """Question → what replies to it."""
    others: list[Message]
    """Of the bot, and a reply to nothing."""


def edit_of(event: Mapping[str, Any]) -> str | None:
    """What an encrypted event is an edit of: clients show it there, and not as a message of its own."""
    relation = event["content"].get("m.relates_to", {})
    return str(relation["event_id"]) if relation.get("rel_type") == "m.replace" else None


async def chat_of(
    hs: Homeserver, person: Friendly, bot: str, timeout: float = 60.0, *, signed_out: str | None = None
) -> Chat:
    """The chat, once the client has all that its homeserver has.

    Asserts that the client reads all of the bot and trusts it, and that no message came twice. Of a device that was
    `signed_out` since, a client may say that it does not know it any more, and nothing else.
    """
    events = await room_events(hs, person)
    said = [e for e in events if e["type"] == "m.room.encrypted" and "redacted_because" not in e.get("unsigned", {})]
    edited = {e["event_id"]: target for e in said if e["sender"] == bot and (target := edit_of(e)) is not None}
    of_bot = {e["event_id"] for e in said if e["sender"] == bot} - edited.keys()

    def complete() -> bool:
        shown = {m.event_id: m for m in seen(person) if m.decryption_failure is None}
        # An edit is seen at what it edits: the transaction id stands beside the new content, not in it.
        stale = {target for target in edited.values() if target in shown and TXN in shown[target].content}
        return of_bot <= shown.keys() and not stale

    try:
        await until(complete, timeout, "the client reads all that the bot said")
    except AssertionError as error:
        looks = {m.event_id: m.decryption_failure for m in seen(person)}
        wrong = [
            (e["event_id"], e["content"].get("session_id"), looks.get(e["event_id"], "not there"))
            for e in said
            if e["sender"] == bot and looks.get(e["event_id"], "not there") is not None
        ]
        client = person.client
        state = client.sync_state if isinstance(client, JsClient) else f"ended: {client.inbox.ended!r}"
        lacks = f"{type(client).__name__} ({state}) lacks {len(wrong)} of {len(of_bot)}: {wrong[:5]}"
        raise AssertionError(f"{error}; {lacks}") from None
    shown = [m for m in seen(person) if m.event_id in of_bot]
    of_old = {e["event_id"] for e in said if signed_out is not None and e["content"].get("device_id") == signed_out}
    distrusted = [m for m in shown if m.shield not in (None, "unknown_device" if m.event_id in of_old else None)]
    assert not distrusted, distrusted
    transactions = Counter(m.content.get(TXN) for m in shown if m.event_id not in edited.values())
    assert None not in transactions, "a message without its transaction id"
    assert not [txn for txn, n in transactions.items() if n > 1], "one outbox row became two messages"
    answers: dict[str, list[Message]] = {}
    others: list[Message] = []
    for message in shown:
        if message.reply_to is None:
            others.append(message)
        else:
            answers.setdefault(message.reply_to, []).append(message)
    questions = [e["event_id"] for e in said if e["sender"] == person.user_id]
    assert answers.keys() <= set(questions), "an answer to what nobody asked"
    return Chat(questions, answers, others)


def assert_answered_once(chat: Chat, but: Iterable[str] = ()) -> None:
    """Each question has exactly one answer; those in `but` may have several different ones."""
    several = set(but)
    missing = [q for q in chat.questions if not chat.answers.get(q)]
    assert not missing, f"{len(missing)} of {len(chat.questions)} questions were not answered"
    single = [chat.answers[q] for q in chat.questions if q not in several]
    double = [[m.body for m in answers] for answers in single if len(answers) > 1]
    assert not double, f"answered more than once: {double[:3]}"


# --- what went over the wire ------------------------------------------------------------------------------------


def message_index(ciphertext: str) -> int:
    """Index of a Megolm message (spec: "Message format": version byte, then field 1 of a protocol buffer)."""
    raw = base64.b64decode(ciphertext + "=" * (-len(ciphertext) % 4))
    assert raw[0] == 3, "the version of the Megolm message format"
    assert raw[1] == 0x08, "the message index comes first"
    value, shift, position = 0, 0, 2
    while True:
        byte = raw[position]
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value
        shift += 7
        position += 1


def assert_indices_used_once(sends: Iterable[Exchange], stored: Iterable[Mapping[str, Any]]) -> int:
    """No Megolm index protects two plaintexts: not on the server, nor among the tries that it never kept.

    The number of different indices.
    """
    ciphertexts: dict[tuple[str, int], set[str]] = {}
    for content in [*(s.content for s in sends), *(e["content"] for e in stored)]:
        key = content["session_id"], message_index(content["ciphertext"])
        ciphertexts.setdefault(key, set()).add(content["ciphertext"])
    twice = [key for key, different in ciphertexts.items() if len(different) > 1]
    assert not twice, f"{len(twice)} message indices were used twice"
    return len(ciphertexts)


# --- the database -----------------------------------------------------------------------------------------------


class Books:
    """The bot's database, read beside it or after it has ended."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def rows(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=10)) as db:
            return db.execute(sql, params).fetchall()

    def count(self, sql: str, *params: object) -> int:
        return int(self.rows(sql, *params)[0][0])

    def texts(self, table: str, owner: str) -> list[str]:
        """What people wrote, of a table with sealed texts; `owner` is the column with whose key they are sealed."""
        master = self._path.with_name("master.key").read_text()
        keys = KeyStore.open(
            f"sqlite:///{self._path.with_name('keys.db')}",
            MasterKeys(lambda: parse_master_keys(master, "the test")),
            change=False,
        )
        try:
            vault = Vault(keys)
            rows = self.rows(f"SELECT id, {owner}, sealed FROM {table} ORDER BY id")
            return [vault.open(owner_id, table, row_id, "sealed", sealed)["text"] for row_id, owner_id, sealed in rows]
        finally:
            keys.close()

    @property
    def outbox(self) -> int:
        return self.count("SELECT count(*) FROM outbox")

    async def outbox_empty(self, timeout: float) -> None:
        """Wait until all that was to be sent is sent."""
        try:
            await until(lambda: self.outbox == 0, timeout, "the outbox is empty")
        except AssertionError as error:
            rows = self.rows("SELECT id, kind, copy_kind, state, attempts, not_before FROM outbox LIMIT 10")
            raise AssertionError(f"{error}; left: {rows}") from None

    def assert_sound(self) -> None:
        """Whatever happened: no damage, no orphans, nothing half done."""
        assert self.rows("PRAGMA integrity_check") == [("ok",)]
        assert self.rows("PRAGMA foreign_key_check") == []
        assert self.rows("SELECT state, attempts FROM outbox") == []
        assert self.rows("SELECT event_id FROM waiting_events") == []
        assert self.rows("SELECT sync_token FROM accounts") != [(None,)]
        one_sided = "SELECT count(*) FROM friendships f WHERE NOT EXISTS (SELECT 1 FROM friendships g"
        assert self.count(f"{one_sided} WHERE g.person_id = f.friend_id AND g.friend_id = f.person_id)") == 0
        for person, numbers, highest in self.rows(
            "SELECT person_id, count(*), max(number) FROM numbers GROUP BY person_id"
        ):
            assert numbers == highest, f"the numbers of reader {person} have gaps"
        for kind, table in (("moment", "moments"), ("comment", "comments")):
            for column in ("sources", "copies"):
                orphans = f"SELECT count(*) FROM {column} WHERE kind = ? AND ref_id NOT IN (SELECT id FROM {table})"
                assert self.count(orphans, kind) == 0, f"{column} of a {kind} that is not there"
