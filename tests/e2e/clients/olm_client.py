"""A person with a client that still stands on libolm: written from the specification, apart from all the bot stands on.

::

    async with OlmClient() as alice:
        await alice.login(hs.url, "alice", "password")
        room = await alice.create_dm(bot)
        await alice.wait_membership(room, bot, "join")
        answer = await alice.ask(room, "ping")
        assert answer.shield is None

Every wait has a time-out in seconds and raises TimeoutError. Requests raise MatrixHttpError. The sections named are
those of the client-server API.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from secrets import token_hex
from typing import Any

from tests.e2e.clients.message import Message
from tests.e2e.clients.olm_attachment import AttachmentError, decrypt_attachment, encrypt_attachment
from tests.e2e.clients.olm_device import API, Content, OlmDevice
from tests.e2e.clients.olm_http import MatrixHttpError, segment
from tests.e2e.clients.olm_machine import MEGOLM
from tests.e2e.clients.signed_json import text

__all__ = ["MatrixHttpError", "OlmClient"]

TIMEOUT = 30.0


class OlmClient(OlmDevice):
    """One device of one person; its login and its lower levels are :class:`OlmDevice`'s.

    ``OlmClient(deprecated_fields=False)`` leaves ``sender_key`` and ``device_id`` out of the room events it writes.
    """

    # -- rooms ----------------------------------------------------------------------------------------------------

    async def create_dm(self, user_id: str) -> str:
        """A direct chat, encrypted from its first event, and marked as direct ("Direct Messaging")."""
        room_id = await self.create_room([user_id], is_direct=True, preset="trusted_private_chat")
        path = f"{API}/user/{segment(self.user_id)}/account_data/m.direct"
        try:
            direct = await self.http("GET", path)
        except MatrixHttpError as error:
            if error.status != 404:
                raise
            direct = {}
        rooms = direct.get(user_id)
        direct[user_id] = [*(rooms if isinstance(rooms, list) else []), room_id]
        await self.http("PUT", path, direct)
        return room_id

    async def create_room(
        self,
        invite: Sequence[str] = (),
        encrypted: bool = True,
        name: str | None = None,
        *,
        is_direct: bool = False,
        preset: str = "private_chat",
        **extra: Any,
    ) -> str:
        """A room, known to this client when this returns; ``extra`` goes into the request ("Creation")."""
        body: Content = {"invite": list(invite), "preset": preset, "is_direct": is_direct, **extra}
        if name is not None:
            body["name"] = name
        if encrypted:
            state = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": MEGOLM}}
            body["initial_state"] = [state, *body.get("initial_state", [])]
        room_id = text((await self.http("POST", f"{API}/createRoom", body)).get("room_id"))
        await self.wait_membership(room_id, self.user_id, "join")
        for user_id in invite:
            await self._wait_member(room_id, user_id, ("invite", "join", "leave"), TIMEOUT)
        return room_id

    async def join(self, room_id: str, *, via: Sequence[str] = ()) -> None:
        """Accept an invite, or walk into a public room."""
        query = "&".join(f"via={segment(server)}" for server in via)
        path = f"{API}/join/{segment(room_id)}" + (f"?{query}" if query else "")
        for pause in (0.5, 1.0, 2.0, None):
            try:
                await self.http("POST", path, {})
                break
            except MatrixHttpError as error:
                # Just after an invite over federation, the other server may not have it yet.
                if error.status != 403 or pause is None or room_id not in self.invites():
                    raise
                await asyncio.sleep(pause)
        await self.wait_membership(room_id, self.user_id, "join")

    async def invite(self, room_id: str, user_id: str) -> None:
        await self.http("POST", f"{API}/rooms/{segment(room_id)}/invite", {"user_id": user_id})
        await self._wait_member(room_id, user_id, ("invite", "join", "leave"), TIMEOUT)

    async def kick(self, room_id: str, user_id: str) -> None:
        await self.http("POST", f"{API}/rooms/{segment(room_id)}/kick", {"user_id": user_id})
        await self.wait_membership(room_id, user_id, "leave")

    async def leave(self, room_id: str) -> None:
        await self.http("POST", f"{API}/rooms/{segment(room_id)}/leave", {})
        await self.wait_membership(room_id, self.user_id, "leave")

    def members(self, room_id: str) -> dict[str, str]:
        """User id -> membership, as this client knows it."""
        return dict(self._room(room_id).members)

    def invites(self) -> dict[str, str | None]:
        """Rooms that this account is invited to, and by whom."""
        return {room.room_id: room.inviter for room in self.inbox.rooms.values() if room.membership == "invite"}

    async def wait_invite(
        self, inviter: str | None = None, timeout: float = TIMEOUT, *, known: Sequence[str] = ()
    ) -> str:
        """The room id of an invite, other than to the ``known`` rooms."""

        def invited() -> str | None:
            return next((r for r, who in self.invites().items() if inviter in (None, who) and r not in known), None)

        return await self.inbox.until(invited, timeout, "invite")

    async def wait_membership(self, room_id: str, user_id: str, membership: str, timeout: float = TIMEOUT) -> None:
        await self._wait_member(room_id, user_id, (membership,), timeout)

    async def _wait_member(self, room_id: str, user_id: str, memberships: Sequence[str], timeout: float) -> None:
        def there() -> bool | None:
            room = self.inbox.rooms.get(room_id)
            return True if room is not None and room.members.get(user_id) in memberships else None

        await self.inbox.until(there, timeout, f"membership {' or '.join(memberships)}")

    # -- sending --------------------------------------------------------------------------------------------------

    async def send(
        self,
        room_id: str,
        body: str,
        reply_to: str | None = None,
        thread_root: str | None = None,
        content_extra: Content | None = None,
    ) -> str:
        """A text message, encrypted if the room is; returns its event id."""
        content = {"msgtype": "m.text", "body": body, **self._relation(room_id, reply_to, thread_root)}
        return await self._send(room_id, content | (content_extra or {}))

    def _relation(self, room_id: str, reply_to: str | None, thread_root: str | None) -> Content:
        """``m.relates_to`` of a reply ("Rich replies") or in a thread, with the fallback for clients that know none."""
        if thread_root is None:
            return {} if reply_to is None else {"m.relates_to": {"m.in_reply_to": {"event_id": reply_to}}}
        latest = [message.event_id for message in self.timeline(room_id) if message.thread_root == thread_root]
        relation = {
            "rel_type": "m.thread",
            "event_id": thread_root,
            "is_falling_back": reply_to is None,
            "m.in_reply_to": {"event_id": reply_to or [thread_root, *latest][-1]},
        }
        return {"m.relates_to": relation}

    async def edit(self, room_id: str, event_id: str, body: str) -> str:
        """Replace a text message of one's own ("Event replacements"); returns the id of the edit."""
        content = {
            "msgtype": "m.text",
            "body": f"* {body}",
            "m.new_content": {"msgtype": "m.text", "body": body},
            "m.relates_to": {"rel_type": "m.replace", "event_id": event_id},
        }
        return await self._send(room_id, content)

    async def react(self, room_id: str, event_id: str, key: str) -> str:
        """A reaction, in the clear as everybody sends it ("Event annotations and reactions")."""
        relation = {"rel_type": "m.annotation", "event_id": event_id, "key": key}
        return await self.send_raw(room_id, "m.reaction", {"m.relates_to": relation}, encrypt=False)

    async def redact(self, room_id: str, event_id: str, reason: str | None = None) -> str:
        path = f"{API}/rooms/{segment(room_id)}/redact/{segment(event_id)}/{token_hex(12)}"
        answer = await self.http("PUT", path, {} if reason is None else {"reason": reason})
        return text(answer.get("event_id"))

    async def send_image(
        self,
        room_id: str,
        data: bytes,
        mimetype: str,
        caption: str | None = None,
        *,
        filename: str = "picture",
        content_extra: Content | None = None,
    ) -> str:
        """A picture, its file encrypted if the room is ("m.image"); with a caption, ``body`` is that."""
        content: Content = {"msgtype": "m.image", "body": caption or filename, "filename": filename}
        content["info"] = {"mimetype": mimetype, "size": len(data)}
        if self._room(room_id).encryption is None:
            content["url"] = await self.upload(data, mimetype)
        else:
            cipher, file = encrypt_attachment(data)
            content["file"] = {**file, "url": await self.upload(cipher, "application/octet-stream")}
        return await self._send(room_id, content | (content_extra or {}))

    async def upload(self, data: bytes, content_type: str) -> str:
        """Put bytes into the media repository as they are; returns the ``mxc:`` address."""
        answer = await self.homeserver.request("POST", "/_matrix/media/v3/upload", data=data, content_type=content_type)
        return text(answer.get("content_uri"))

    async def download_image(self, message: Message) -> bytes:
        """The picture of a message, over authenticated media. Raises AttachmentError if it is unusable."""
        file = message.content.get("file")
        address = text(file.get("url") if isinstance(file, dict) else message.content.get("url"))
        server, _, media_id = address.removeprefix("mxc://").partition("/")
        if not address.startswith("mxc://") or not server or not media_id:
            raise AttachmentError("the message has no mxc address")
        path = f"/_matrix/client/v1/media/download/{segment(server)}/{segment(media_id)}"
        data = await self.homeserver.download(path)
        return decrypt_attachment(data, file) if isinstance(file, dict) else data

    async def _send(self, room_id: str, content: Content) -> str:
        encrypted = self._room(room_id).encryption is not None
        return await self.send_raw(room_id, "m.room.message", content, encrypt=encrypted)

    async def send_raw(
        self, room_id: str, type: str, content: Content, encrypt: bool, *, transaction: str | None = None
    ) -> str:
        """Any event; ``encrypt=False`` sends it as it is, whatever the room says."""
        if encrypt:
            content, type = await self.encrypt_megolm(room_id, type, content), "m.room.encrypted"
        path = f"{API}/rooms/{segment(room_id)}/send/{segment(type)}/{transaction or token_hex(12)}"
        return text((await self.http("PUT", path, content)).get("event_id"))

    async def begin_to_type(self, room_id: str) -> None:
        """See to it that whoever is in the room can read what comes, as clients do before anything is sent."""
        await self.encrypt_megolm(room_id, "m.room.message", {"msgtype": "m.text", "body": ""})

    # -- what arrives ---------------------------------------------------------------------------------------------

    def timeline(self, room_id: str, *, everything: bool = False) -> list[Message]:
        """What is shown of a room, oldest first; with ``everything`` also state, edits and redactions."""
        room = self._room(room_id)
        return [self.inbox.show(room, entry) for entry in room.entries.values() if everything or not entry.minor]

    def mark(self) -> int:
        """A position to wait from: what changed before it does not count for ``since=mark``."""
        return self.inbox.changes

    async def wait_messages(
        self,
        room_id: str,
        predicate: Callable[[Message], bool],
        count: int,
        timeout: float = TIMEOUT,
        *,
        since: int = 0,
    ) -> list[Message]:
        """The first ``count`` messages of others that fit, past ones too; an edit or a redaction is a change."""

        def found() -> list[Message] | None:
            room = self.inbox.rooms.get(room_id)
            if room is None:
                return None
            shown = [
                self.inbox.show(room, entry)
                for entry in room.entries.values()
                if not entry.minor and entry.sender != self.user_id and entry.changed > since
            ]
            fitting = [message for message in shown if predicate(message)]
            return fitting[:count] if len(fitting) >= count else None

        return await self.inbox.until(found, timeout, f"{count} such messages")

    async def wait_message(
        self, room_id: str, predicate: Callable[[Message], bool], timeout: float = TIMEOUT, *, since: int = 0
    ) -> Message:
        """The first message of others that fits; see :meth:`wait_messages`."""
        return (await self.wait_messages(room_id, predicate, 1, timeout, since=since))[0]

    async def ask(
        self,
        room_id: str,
        text: str,
        timeout: float = TIMEOUT,
        *,
        reply_to: str | None = None,
        thread_root: str | None = None,
    ) -> Message:
        """Send ``text`` and wait for the first readable answer to exactly that event."""
        sent = await self.send(room_id, text, reply_to, thread_root)
        return (await self.replies(room_id, sent, 1, timeout))[0]

    async def replies(self, room_id: str, event_id: str, count: int = 1, timeout: float = TIMEOUT) -> list[Message]:
        """The first ``count`` readable answers to an event."""

        def answers(message: Message) -> bool:
            return message.reply_to == event_id and message.decryption_failure is None and not message.redacted

        return await self.wait_messages(room_id, answers, count, timeout)

    async def wait_trusted(self, room_id: str, event_id: str, timeout: float = TIMEOUT) -> Message:
        """The event once nothing is to be warned of: readable, without a shield.

        Over federation a message may come a moment before its sender's cross-signing keys: then its shield goes away.
        """

        def trusted() -> Message | None:
            room = self.inbox.rooms.get(room_id)
            entry = room.entries.get(event_id) if room is not None else None
            message = self.inbox.show(room, entry) if room is not None and entry is not None else None
            return message if message and message.shield is None and message.decryption_failure is None else None

        return await self.inbox.until(trusted, timeout, "message without a warning")
