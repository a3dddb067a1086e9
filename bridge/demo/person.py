"""A person of the demo: an ordinary Matrix account with an encrypted, cross-signed device of its own."""

import asyncio
import contextlib
import itertools
import mimetypes
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from bridge.adopt import bring_up_to_date
from bridge.chat.inbound import (
    DmOpened,
    EditedMessage,
    Inbound,
    PictureMessage,
    Reaction,
    Redaction,
    RoomView,
    TextMessage,
)
from bridge.db import Database
from bridge.delivery.ports import Held, Later, Outgoing, Refused
from bridge.errors import CourtyardError
from bridge.ids import EventId, RoomId, UserId
from bridge.matrix.account import MatrixAccount
from bridge.matrix.account_settings import AccountSettings
from bridge.matrix.http import Homeserver, MatrixError, TokenRevoked, TooLarge, Unreachable
from bridge.matrix.machine import MEGOLM
from bridge.matrix.media import encrypt
from bridge.matrix.seal import Sealer

T = TypeVar("T")

_TRIES = 20
_GREETING_S = 60.0


class CannotSend(CourtyardError):
    """A message of this person could not be sent. The text says why."""


class Person:
    """Somebody who talks to the bot. `show` gets each thing that this person's client would show."""

    def __init__(
        self, name: str, account: MatrixAccount, bot: UserId, show: "Callable[[Person, Inbound], None]"
    ) -> None:
        self.name = name
        self.account = account
        self.bot = bot
        self.room: RoomId | None = None
        self.last_answer: EventId | None = None
        """The bot's latest message: what `/reply` and `/react` refer to."""
        self.last_sent: EventId | None = None
        self._show = show
        self._answers: dict[EventId, asyncio.Event] = {}
        self._asking = asyncio.Lock()
        """Held until it is known which answer is not to be shown."""
        self._unshown: EventId | None = None
        self._opened, self._greeted = asyncio.Event(), asyncio.Event()
        self._txn = (f"{secrets.token_hex(6)}.{n}" for n in itertools.count())

    async def take(self, event: Inbound, room: RoomView) -> None:
        """What the account received."""
        if isinstance(event, DmOpened):
            self._opened.set()
            return
        if event.origin.sender != self.bot:
            return
        answered = None
        if isinstance(event, TextMessage | PictureMessage):
            answered = event.relation.reply_to
        elif isinstance(event, EditedMessage):
            answered = event.target
        async with self._asking:
            unshown = answered is not None and answered == self._unshown
        if not unshown:
            if isinstance(event, TextMessage | PictureMessage):
                self.last_answer = event.origin.event_id
            self._greeted.set()
            self._show(self, event)
        if answered is not None:
            self._answers.setdefault(answered, asyncio.Event()).set()

    async def open_chat(self) -> None:
        """Have an encrypted chat with the bot: the one from an earlier run, or a new one, greeted."""
        for room_id in self.account.rooms.dms_with(self.bot):
            self.room = room_id
            return
        answer = await self.account.http.request(
            "POST",
            "/_matrix/client/v3/createRoom",
            {
                "preset": "trusted_private_chat",
                "is_direct": True,
                "invite": [self.bot],
                "initial_state": [{"type": "m.room.encryption", "state_key": "", "content": {"algorithm": MEGOLM}}],
            },
        )
        self.room = room_id = RoomId(answer["room_id"])
        try:
            async with asyncio.timeout(_GREETING_S):
                await self._opened.wait()
                # Whoever begins to type is greeted at once: the bot sees that their client knows it.
                await _patiently(lambda: self.account.sender.prepare(room_id, self.bot))
                await self._greeted.wait()
        except TimeoutError:
            raise CannotSend(f"the bot did not join the chat of {self.name} within {_GREETING_S:.0f} s") from None

    async def say(self, text: str, **extra: Any) -> EventId:
        """Send a text message; `extra` goes into its content."""
        return await self._send({"msgtype": "m.text", "body": text, **extra})

    async def reply(self, text: str) -> EventId:
        """Answer the bot's latest message."""
        return await self.say(text, **{"m.relates_to": {"m.in_reply_to": {"event_id": self.last_answer}}})

    async def edit(self, text: str) -> EventId:
        """Edit one's own latest message. The answer to an edit refers to what was edited."""
        target = self.last_sent
        assert target is not None
        self._answers.pop(target, None)
        content = {"msgtype": "m.text", "body": text}
        relation = {"rel_type": "m.replace", "event_id": target}
        await self._send({**content, "body": f"* {text}", "m.new_content": content, "m.relates_to": relation})
        self.last_sent = target
        return target

    async def react(self, key: str) -> None:
        """React to the bot's latest message."""
        assert self.room is not None
        assert self.last_answer is not None
        room, target, txn_id = self.room, self.last_answer, next(self._txn)
        await _patiently(lambda: self.account.sender.react(self.account.id, room, target, key, txn_id))

    async def remove(self) -> None:
        """Redact one's own latest message."""
        assert self.room is not None
        assert self.last_sent is not None
        room, target, txn_id = self.room, self.last_sent, next(self._txn)
        await _patiently(lambda: self.account.sender.redact(self.account.id, room, target, txn_id))

    async def send_picture(self, path: Path, caption: str) -> EventId:
        """Send a picture, encrypted, with a caption."""
        try:
            data = await asyncio.to_thread(lambda: path.expanduser().read_bytes())
        except (OSError, RuntimeError) as error:  # RuntimeError: `~` of a user that there is none of
            reason = getattr(error, "strerror", None) or "no such user"
            raise CannotSend(f"{path} can't be read ({reason})") from None
        ciphertext, file = encrypt(data)
        try:
            url = await self.account.http.upload(ciphertext)
        except (MatrixError, Unreachable, TokenRevoked, TooLarge):
            raise CannotSend("the homeserver does not take the picture") from None
        mimetype = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return await self._send(
            {
                "msgtype": "m.image",
                "body": caption,
                "filename": path.name,
                "file": {**file, "url": url},
                "info": {"mimetype": mimetype, "size": len(data)},
            }
        )

    async def answered(self, event_id: EventId, timeout_s: float) -> bool:
        """Wait for the bot's answer to a message. False: none came in time."""
        waiter = self._answers.setdefault(event_id, asyncio.Event())
        try:
            async with asyncio.timeout(timeout_s):
                await waiter.wait()
        except TimeoutError:
            return False
        finally:
            self._answers.pop(event_id, None)
        return True

    async def settled(self, timeout_s: float) -> bool:
        """Wait until the bot has done what has no answer, like a reaction: it takes what somebody says in order, so a
        question is sent behind it, and its answer is not shown. False: no answer came in time."""
        last_sent = self.last_sent
        async with self._asking:
            self._unshown = await self.say("ping")
        self.last_sent = last_sent
        return await self.answered(self._unshown, timeout_s)

    async def _send(self, content: dict[str, Any]) -> EventId:
        assert self.room is not None
        event = Outgoing(self.account.id, self.room, next(self._txn), content, self.bot, None)
        self.last_sent = await _patiently(lambda: self.account.sender.send(event))
        return self.last_sent


async def _patiently(send: Callable[[], Awaitable[T]]) -> T:
    """What `send` returns; when the homeserver asks to wait, it is tried again."""
    for tries in range(1, _TRIES + 1):
        try:
            return await send()
        except Later as later:
            if tries == _TRIES:
                raise CannotSend("the homeserver does not take it") from None
            await asyncio.sleep(later.after_ms / 1000)
        except Held:
            raise CannotSend("the chat is not encrypted, or the bot is not in it") from None
        except Refused:
            raise CannotSend("the homeserver refused it") from None
    raise AssertionError("unreachable")


@contextlib.asynccontextmanager
async def logged_in(
    name: str,
    password: str,
    homeserver: str,
    server_name: str,
    directory: Path,
    bot: UserId,
    show: Callable[[Person, Inbound], None],
) -> AsyncIterator[Person]:
    """Log somebody in and keep their client running for as long as the block lasts."""
    db = Database.open(f"sqlite:///{directory / f'{name}.db'}")
    try:
        # The demo's own key: these accounts exist on this machine only, with passwords that are printed.
        sealer = Sealer(password.encode().ljust(32, b"\0")[:32])
        await asyncio.to_thread(bring_up_to_date, db, lambda: sealer)
        async with Homeserver.connect(homeserver) as http:
            settings = AccountSettings(
                UserId(f"@{name}:{server_name}"), password, device_name="Courtyard demo", sync_timeout_s=10
            )
            holder: list[Person] = []

            async def take(event: Inbound, room: RoomView) -> None:
                await holder[0].take(event, room)

            account = MatrixAccount(db, http, sealer, settings, take, lambda _user, _direct: False)
            person = Person(name, account, bot, show)
            holder.append(person)
            await account.start()
            ready = asyncio.Event()
            try:
                async with asyncio.TaskGroup() as tasks:
                    task = tasks.create_task(account.run(ready.set))
                    await ready.wait()
                    await person.open_chat()
                    yield person
                    task.cancel()
            finally:
                await account.close()
    finally:
        await db.close()


def shown(event: Inbound) -> str | None:
    """An event as a plain-text client shows it."""
    match event:
        case TextMessage(body=body):
            return body
        case EditedMessage(body=body):
            return f"(edited) {body}"
        case PictureMessage(caption=caption):
            return f"[picture] {caption}".rstrip()
        case Reaction(key=key):
            return f"(reacts with {key})"
        case Redaction():
            return "(removed a message)"
    return None
