"""kill -9: nothing is lost, nothing is said twice, the database stays sound."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bridge.demo.synapse import Homeserver
from tests.e2e.audit import Books, assert_answered_once, assert_indices_used_once, chat_of, room_events, seen, until
from tests.e2e.bot import BotProcess, prepare_bot
from tests.e2e.clients.js import JsClient, JsProcess
from tests.e2e.clients.olm_client import OlmClient
from tests.e2e.conftest import unique
from tests.e2e.people import Friendly, befriend, js_person, olm_person
from tests.e2e.wire import Exchange, Stage, Wire, brings_to_device, is_send, is_sync, wire

pytestmark = [pytest.mark.e2e, pytest.mark.crash]

PAGE = 3
COMMANDS = 40
"""Of each of the five people."""


@contextlib.asynccontextmanager
async def wired_bot(directory: Path, hs: Homeserver) -> AsyncIterator[tuple[BotProcess, Wire]]:
    """A bot that reaches its homeserver over a wire that can be cut."""
    async with wire(hs.url) as line:
        settings = {"matrix": {"homeserver": line.url}, "limits": {"page_size": PAGE, "sync_timeout_seconds": 10}}
        bot = await prepare_bot(directory, hs, unique("courtyard"), settings)
        try:
            await bot.start()
            yield bot, line
        finally:
            await bot.kill()


async def restart(bot: BotProcess) -> None:
    await bot.kill()
    await bot.start()


@dataclass(slots=True)
class Said:
    """What a person has asked for in the storm: command → event ids."""

    events: dict[str, list[str]] = field(default_factory=dict)
    posts: list[str] = field(default_factory=list)
    comments: list[tuple[int, str]] = field(default_factory=list)
    likes: set[int] = field(default_factory=set)


async def speak(person: Friendly, name: str, seed: int) -> Said:
    """Give commands as fast as the homeserver takes them, without waiting for answers."""
    rng, said = random.Random(seed), Said()
    commands = ["ping"] * 14 + ["post"] * 6 + ["feed"] * 4 + ["like"] * 5 + ["comment"] * 7 + ["friends"] * 4
    assert len(commands) == COMMANDS
    rng.shuffle(commands)
    for i, command in enumerate(commands):
        number, words, text = rng.randint(1, PAGE), f"{name}-{i}-words", command
        match command:
            case "post":
                said.posts.append(words)
                text = f"post {words}"
            case "comment":
                said.comments.append((number, words))
                text = f"comment {number} {words}"
            case "like":
                said.likes.add(number)
                text = f"like {number}"
        said.events.setdefault(command, []).append(await person.client.send(person.room, text))
    return said


async def kill_often(bot: BotProcess, line: Wire, seed: int) -> int:
    """Kill the bot at moments that the seed chooses, spread over its first 180 messages; how often."""
    rng = random.Random(seed)
    thresholds = sorted(rng.randint(1, 180) for _ in range(5))
    kinds: list[tuple[str, Stage]] = [
        ("send", "asked"),
        ("send", "answered"),
        ("sync", "answered"),
        ("send", "answered"),
        ("any", "answered"),
    ]
    rng.shuffle(kinds)
    base = len(line.sends)
    for threshold, (kind, stage) in zip(thresholds, kinds, strict=True):

        def fits(exchange: Exchange, kind: str = kind, threshold: int = threshold) -> bool:
            right = kind == "any" or (is_send(exchange) if kind == "send" else is_sync(exchange))
            return len(line.sends) - base >= threshold and right

        async with line.caught(fits, stage) as exchange:
            exchange.lost = rng.random() < 0.5
            if exchange.lost:
                await bot.kill()
        if not exchange.lost:
            # It has the answer, and a few milliseconds to make something of it.
            await asyncio.sleep(rng.uniform(0, 0.06))
        await restart(bot)
    return len(thresholds)


async def answered(person: Friendly, said: Said) -> None:
    """Wait until every command has an answer."""
    wanted = {event for events in said.events.values() for event in events}

    def complete() -> bool:
        return wanted <= {m.reply_to for m in seen(person)}

    await until(complete, 90, "every command has an answer")


def home(person: Friendly, servers: tuple[Homeserver, Homeserver]) -> Homeserver:
    return next(hs for hs in servers if person.user_id.endswith(f":{hs.server_name}"))


async def test_two_hundred_commands_and_kill_9(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path
) -> None:
    here, there = servers
    async with (
        wired_bot(tmp_path, here) as (bot, line),
        OlmClient() as client_a,
        OlmClient() as client_b,
        OlmClient() as client_c,
    ):
        people = await asyncio.gather(
            olm_person(client_a, here, unique("alice"), bot),
            js_person(js, here, unique("bob"), bot),
            olm_person(client_b, there, unique("carol"), bot),
            js_person(js, there, unique("bob"), bot),
            olm_person(client_c, here, unique("carol"), bot),
        )
        alice, *friends = people
        for friend in friends:
            await befriend(alice, friend)
        for n in range(1, PAGE + 1):
            await alice.ask(f"post setup {n}")
        for friend in friends:
            await friend.client.send(friend.room, "feed")
            await friend.client.wait_messages(friend.room, lambda m: "setup" in m.body, PAGE)
        names = [f"person{i}" for i in range(len(people))]

        async with asyncio.TaskGroup() as tasks:
            killing = tasks.create_task(kill_often(bot, line, 7))
            speaking = [tasks.create_task(speak(p, n, i)) for i, (p, n) in enumerate(zip(people, names, strict=True))]
        said = [task.result() for task in speaking]
        assert killing.result() == 5

        await asyncio.gather(*(answered(p, w) for p, w in zip(people, said, strict=True)))
        books = Books(bot.database)
        await books.outbox_empty(60)
        chats = [await chat_of(home(p, servers), p, bot.user_id) for p in people]
        assert await bot.stop() == 0

        for chat, words in zip(chats, said, strict=True):
            assert set().union(*words.events.values()) <= set(chat.questions)
            feeds = [q for q in chat.questions if len(chat.answers.get(q, [])) > 1]
            assert_answered_once(chat, but=feeds)
            for feed in words.events["feed"]:
                heads = [message.body.split(" ", 1)[0] for message in chat.answers[feed]]
                assert len(heads) == PAGE
                assert len(set(heads)) == PAGE
            for command, sign in (("ping", "pong"), ("post", "Posted as #"), ("like", "You like #")):
                assert all(sign in chat.answers[event][0].body for event in words.events[command])
            assert all("Your comment is on #" in chat.answers[event][0].body for event in words.events["comment"])
            assert len(feeds) <= len(words.events["feed"]) + 1  # and the one before the storm

        # Each comment was told to alice, the author, once; her own are not.
        told = Counter(m.body for m in chats[0].others if "-words" in m.body and "commented" in m.body)
        told_words = [text for text in told for _ in range(told[text])]
        comments = [text for words in said[1:] for _, text in words.comments]
        assert len(told_words) == len(comments)
        assert all(sum(comment in text for text in told_words) == 1 for comment in comments)

        books.assert_sound()
        assert sorted(text for text in books.texts("moments", "author_id") if text.endswith("-words")) == sorted(
            text for words in said for text in words.posts
        )
        assert sorted(books.texts("comments", "person_id")) == sorted(
            text for words in said for _, text in words.comments
        )
        # Everybody's numbers 1 to 3 are alice's three moments.
        assert books.count("SELECT count(*) FROM likes") == sum(len(words.likes) for words in said)
        for chat in chats:
            for event in chat.questions:
                assert books.count("SELECT count(*) FROM handled WHERE event_id = ?", event) == 1
        stored = [
            event
            for person in people
            for event in await room_events(home(person, servers), person)
            if event["type"] == "m.room.encrypted" and event["sender"] == bot.user_id
        ]
        assert assert_indices_used_once(line.sends, stored) >= len(stored)


def begin_session(person: Friendly) -> object:
    """Have the person's next message begin a new Megolm session, whose key must travel first."""
    if isinstance(person.client, JsClient):
        return person.client.discard_session(person.room)
    person.client.megolm.outbound.pop(person.room, None)
    return asyncio.sleep(0)


async def test_a_room_key_is_never_lost(servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path) -> None:
    """Killed around the moment when a new room key comes, before or after the homeserver may forget it."""
    here, there = servers
    rng = random.Random(11)
    async with wired_bot(tmp_path, here) as (bot, line), OlmClient() as client:
        people = await asyncio.gather(
            olm_person(client, there, unique("alice"), bot), js_person(js, here, unique("bob"), bot)
        )
        for round_ in range(6):
            person = people[round_ % 2]
            await begin_session(person)  # type: ignore[misc]
            sending = asyncio.ensure_future(person.client.send(person.room, "ping"))
            async with line.caught(brings_to_device, "answered") as exchange:
                exchange.lost = round_ == 0
                await sending
            if 0 < round_ < 4:
                await asyncio.sleep(rng.uniform(0, 0.03))
            else:
                # The next sync tells the homeserver that this one arrived: from then on the key is ours alone.
                async with line.caught(is_sync, "answered"):
                    await bot.kill()
            await restart(bot)
        for person in people:
            await person.client.wait_messages(person.room, lambda m: "pong" in m.body, 3, timeout=60)
        await Books(bot.database).outbox_empty(30)
        for person, hs in zip(people, (there, here), strict=True):
            chat = await chat_of(hs, person, bot.user_id)
            assert len(chat.questions) == 3
            assert_answered_once(chat)
        assert await bot.stop() == 0
        Books(bot.database).assert_sound()
