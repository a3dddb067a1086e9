"""What the end-to-end tests of the flows share: asking, looking, and people as they are needed."""

from __future__ import annotations

import contextlib
import importlib.util
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from bridge.demo.synapse import Homeserver
from tests.e2e.bot import BotProcess
from tests.e2e.clients.js import JsClient, JsProcess
from tests.e2e.clients.message import Message
from tests.e2e.clients.olm_client import OlmClient
from tests.e2e.people import Friendly, js_person, olm_person, unique

_NUMBER = re.compile(r"#(\d+)")
_WAIT = 20.0

HAS_LIBOLM = importlib.util.find_spec("olm") is not None
"""Not for Python 3.13 and newer: there everybody's client is Element's."""


@dataclass(frozen=True, slots=True)
class Three:
    """Alice and Bob on the first server, Carol on the second. Bob's client stands on libolm."""

    alice: Friendly
    bob: Friendly
    carol: Friendly


Meet: TypeAlias = Callable[..., Awaitable[Friendly]]
"""`await meet("alice")`, `await meet("carol", 1)`, `await meet("bob", olm=True)`: somebody new, in a DM with the bot.
With `exact` the name is not made unique; with `bot` it is another bot."""


@contextlib.asynccontextmanager
async def meeting(servers: tuple[Homeserver, Homeserver], js: JsProcess, bot: BotProcess) -> AsyncIterator[Meet]:
    """People who log out at the end of the block."""
    async with contextlib.AsyncExitStack() as stack:

        async def meet(
            name: str, server: int = 0, *, olm: bool = False, exact: bool = False, bot: BotProcess = bot
        ) -> Friendly:
            name = name if exact else unique(name)
            if olm and HAS_LIBOLM:
                return await olm_person(await stack.enter_async_context(OlmClient()), servers[server], name, bot)
            person = await js_person(js, servers[server], name, bot)
            assert isinstance(person.client, JsClient)
            stack.push_async_callback(person.client.stop)
            return person

        yield meet


def shown(person: Friendly, room: str | None = None) -> list[Message]:
    """All of others that the person's client shows now, oldest first."""
    if isinstance(person.client, JsClient):
        return list(person.client.received(room or person.room))
    return [m for m in person.client.timeline(room or person.room) if m.sender != person.user_id]


async def answers(
    person: Friendly,
    text: str,
    *,
    room: str | None = None,
    reply_to: str | None = None,
    thread_root: str | None = None,
) -> list[Message]:
    """Send a message; everything that the bot answers to it, no more and no less, in the room that it was sent to."""
    room = room or person.room
    sent = await person.client.send(room, text, reply_to=reply_to, thread_root=thread_root)
    await settled(person, room)
    return [m for m in shown(person, room) if m.reply_to == sent and not m.redacted]


async def settled(person: Friendly, room: str | None = None) -> None:
    """Wait until the bot has said all that it had to say in a room: it answers in order."""
    answer = await person.client.ask(room or person.room, "!ping", _WAIT)
    assert answer.body == "pong"


async def told(person: Friendly, mark: int, *words: str) -> Message:
    """The first message after `mark` that has all these words in it."""
    return await person.client.wait_message(
        person.room, lambda m: m.decryption_failure is None and all(word in m.body for word in words), _WAIT, since=mark
    )


async def nothing_new(person: Friendly, mark: int) -> None:
    """Assert that nothing but pongs has arrived since `mark`. What came before may be edited: changes are gathered."""
    await settled(person)
    client = person.client

    def is_new(message: Message) -> bool:
        return not isinstance(client, JsClient) or client.is_new(message.event_id, mark)

    [first] = await client.wait_messages(person.room, is_new, 1, _WAIT, since=mark)
    assert first.body == "pong", first


async def gone(person: Friendly, *event_ids: str) -> None:
    """Wait until these messages are redacted for the person."""
    wanted = set(event_ids)
    await person.client.wait_messages(person.room, lambda m: m.redacted and m.event_id in wanted, len(wanted), _WAIT)


def number(message: Message | str) -> int:
    """The number of the moment that a message is about."""
    found = _NUMBER.search(message if isinstance(message, str) else message.body)
    assert found, message
    return int(found[1])
