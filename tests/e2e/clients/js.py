"""People with Element's crypto: an async face of ``tests/e2e/js/client.mjs``.

One :class:`JsProcess` runs Node; each :class:`JsClient` is one logged-in device in it::

    async with JsProcess() as js:
        alice = await js.login("alice", hs.url, "alice", "password")
        room = await alice.create_dm(bot)
        await alice.wait_membership(room, bot, "join")
        answer = await alice.ask(room, "ping")
        assert answer.shield is None

Every wait has a time-out in seconds and raises TimeoutError with what was seen instead. The process ends when its
stdin closes, so it can't outlive the tests, however these end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.e2e.clients.js_message import JsMessage
from tests.e2e.clients.js_process import TIMEOUT, JsError, NodeProcess

__all__ = ["JsClient", "JsError", "JsMessage", "JsProcess", "Sas", "VerificationState"]


@dataclass(frozen=True, slots=True)
class Sas:
    """The short authentication string that a person compares."""

    emoji: tuple[tuple[str, str], ...]
    """Seven times symbol and English name."""
    decimal: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class VerificationState:
    """How a verification stands; ``code`` and ``by`` say why and by whom it was cancelled."""

    phase: str
    code: str | None
    by: str | None


Membership = Literal["join", "invite", "leave", "ban", "knock"]


def _absolute(path: Path) -> str:
    return str(path.absolute())


class JsProcess(NodeProcess):
    """A Node process in which people log in. Use it as an async context manager."""

    async def login(
        self,
        name: str,
        homeserver: str,
        user: str,
        password: str,
        *,
        exclude_insecure: bool = True,
        cross_signing: Literal["auto", "none", "reset"] = "auto",
        recovery_key: str | None = None,
        device_name: str | None = None,
        hold_devices_of: str | None = None,
        timeout: float = TIMEOUT,
    ) -> JsClient:
        """Log a new device in, cross-sign it and wait for its first sync; ``name`` is unique in this process.

        "auto" makes the account's cross-signing identity if there is none; for a further device of an account, give the
        ``recovery_key`` from :meth:`JsClient.set_up_recovery`. ``exclude_insecure`` is the mode of MSC4153.
        ``hold_devices_of``: see :meth:`JsClient.hold_devices`.
        """
        client = JsClient(self, name)
        self.listen(name, client._pushed)
        try:
            session = await self.call(
                name,
                "login",
                timeout,
                homeserver=homeserver,
                user=user,
                password=password,
                deviceName=device_name,
                excludeInsecure=exclude_insecure,
                crossSigning=cross_signing,
                recoveryKey=recovery_key,
                holdDevicesOf=hold_devices_of,
            )
        except BaseException:
            self.forget(name)
            raise
        client.user_id, client.device_id = session["userId"], session["deviceId"]
        client.access_token = session["accessToken"]
        return client


class JsClient:
    """One device of one person. Made by :meth:`JsProcess.login`."""

    def __init__(self, process: JsProcess, name: str) -> None:
        self.user_id = ""
        self.device_id = ""
        self.access_token = ""
        self.sync_state: str | None = None
        self.phases: dict[int, list[str]] = {}
        """The phases that each verification has gone through."""
        self._process = process
        self._name = name
        self._messages: dict[str, JsMessage] = {}  # by event id, in the order of arrival
        self._changed_at: dict[str, int] = {}  # event id -> number of the change that made it look as it does
        self._came_at: dict[str, int] = {}  # event id -> number of the change that it was seen first with
        self._changes = 0
        self._news = asyncio.Event()

    # -- what arrives ---------------------------------------------------------------------------------------------

    def mark(self) -> int:
        """A position to wait from: what changed before it does not count for ``since=mark``."""
        return self._changes

    def received(self, room_id: str | None = None, *, since: int = 0) -> list[JsMessage]:
        """Messages of others as they look now, in the order of arrival; edits and redactions count as changes."""
        return [
            message
            for event_id, message in self._messages.items()
            if self._changed_at[event_id] > since and room_id in (None, message.room_id)
        ]

    def is_new(self, event_id: str, since: int) -> bool:
        """Whether a message of others came after ``since=mark``, and was not only edited or redacted then."""
        return self._came_at[event_id] > since

    async def wait_messages(
        self,
        room_id: str,
        predicate: Callable[[JsMessage], bool],
        count: int,
        timeout: float = TIMEOUT,
        *,
        since: int = 0,
    ) -> list[JsMessage]:
        """The first ``count`` messages of others that fit, in the order of arrival; past ones count, too."""
        try:
            async with asyncio.timeout(timeout):
                while True:
                    found = [message for message in self.received(room_id, since=since) if predicate(message)]
                    if len(found) >= count:
                        return found[:count]
                    if self._process.ended:
                        raise RuntimeError("the JavaScript client ended while a test waited for a message")
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            seen = "\n".join(f"  {message}" for message in self.received(room_id, since=since)[-10:]) or "  nothing"
            raise TimeoutError(
                f"{self._name}: {len(found)} of {count} expected messages within {timeout} s; seen last:\n{seen}"
            ) from None

    async def wait_message(
        self,
        room_id: str,
        predicate: Callable[[JsMessage], bool],
        timeout: float = TIMEOUT,
        *,
        since: int = 0,
    ) -> JsMessage:
        """The first message of others that fits; see :meth:`wait_messages`."""
        return (await self.wait_messages(room_id, predicate, 1, timeout, since=since))[0]

    async def replies(self, room_id: str, event_id: str, count: int = 1, timeout: float = TIMEOUT) -> list[JsMessage]:
        """The first ``count`` readable answers to an event."""

        def answers(message: JsMessage) -> bool:
            return message.readable and message.reply_to == event_id

        return await self.wait_messages(room_id, answers, count, timeout)

    async def ask(
        self,
        room_id: str,
        text: str,
        timeout: float = TIMEOUT,
        *,
        reply_to: str | None = None,
        thread_root: str | None = None,
    ) -> JsMessage:
        """Send ``text`` and wait for the first readable answer to exactly that event."""
        return (await self.ask_all(room_id, text, 1, timeout, reply_to=reply_to, thread_root=thread_root))[0]

    async def ask_all(
        self,
        room_id: str,
        text: str,
        count: int,
        timeout: float = TIMEOUT,
        *,
        reply_to: str | None = None,
        thread_root: str | None = None,
    ) -> list[JsMessage]:
        """Like :meth:`ask`, for ``count`` answers."""
        sent = await self.send(room_id, text, reply_to=reply_to, thread_root=thread_root)
        return await self.replies(room_id, sent, count, timeout)

    async def messages(self, room_id: str, *, limit: int | None = None, everything: bool = False) -> list[JsMessage]:
        """The timeline as shown now, own messages too, oldest first; ``everything``: also state, edits, redactions."""
        views = await self._call("messages", roomId=room_id, limit=limit, all=everything)
        return [JsMessage.parse(view) for view in views]

    def _pushed(self, event: Mapping[str, Any] | None) -> None:
        match event:
            case {"event": "message", "message": view}:
                message = JsMessage.parse(view)
                self._changes += 1
                self._messages[message.event_id] = message
                self._changed_at[message.event_id] = self._changes
                self._came_at.setdefault(message.event_id, self._changes)
            case {"event": "sync", "state": str(state)}:
                self.sync_state = state
            case {"event": "verification", "verification": int(number), "phase": str(phase)}:
                self.phases.setdefault(number, []).append(phase)
        self._news.set()

    # -- rooms ----------------------------------------------------------------------------------------------------

    async def create_dm(self, user_id: str, *, encrypted: bool = True) -> str:
        """A direct chat, encrypted from its first event; returns its room id."""
        return str((await self._call("createDm", userId=user_id, encrypted=encrypted))["roomId"])

    async def create_room(
        self,
        *,
        invite: Sequence[str] = (),
        encrypted: bool = True,
        name: str | None = None,
        is_direct: bool = False,
        initial_state: Sequence[Mapping[str, Any]] = (),
        room_version: str | None = None,
    ) -> str:
        result = await self._call(
            "createRoom",
            invite=list(invite),
            encrypted=encrypted,
            name=name,
            isDirect=is_direct,
            initialState=list(initial_state),
            roomVersion=room_version,
        )
        return str(result["roomId"])

    async def join(self, room_id: str, *, via: Sequence[str] | None = None) -> str:
        return str((await self._call("join", roomId=room_id, via=list(via) if via else None))["roomId"])

    async def invite(self, room_id: str, user_id: str) -> None:
        await self._call("invite", roomId=room_id, userId=user_id)

    async def leave(self, room_id: str) -> None:
        await self._call("leave", roomId=room_id)

    async def kick(self, room_id: str, user_id: str, reason: str | None = None) -> None:
        await self._call("kick", roomId=room_id, userId=user_id, reason=reason)

    async def members(self, room_id: str) -> dict[str, str]:
        """User id -> membership, as this client knows it."""
        return {member["userId"]: member["membership"] for member in await self._call("members", roomId=room_id)}

    async def rooms(self) -> list[dict[str, Any]]:
        """roomId, name, membership, encrypted, direct, inviter, members (their number) of every known room."""
        return list(await self._call("rooms"))

    async def wait_membership(
        self, room_id: str, user_id: str, membership: Membership, timeout: float = TIMEOUT
    ) -> None:
        await self._wait("waitMembership", timeout, roomId=room_id, userId=user_id, membership=membership)

    async def wait_invite(
        self, inviter: str | None = None, timeout: float = TIMEOUT, *, known: Sequence[str] = ()
    ) -> str:
        """The room id of an invite, other than the ``known`` rooms."""
        params = {"membership": "invite", "inviter": inviter, "not": list(known)}
        return str((await self._wait("waitRoom", timeout, **params))["roomId"])

    async def set_state(self, room_id: str, type: str, content: Mapping[str, Any], state_key: str = "") -> str:
        result = await self._call("setState", roomId=room_id, type=type, content=dict(content), stateKey=state_key)
        return str(result["eventId"])

    async def state(self, room_id: str, type: str, state_key: str = "") -> dict[str, Any] | None:
        content: dict[str, Any] | None = await self._call("state", roomId=room_id, type=type, stateKey=state_key)
        return content

    # -- sending; each returns the id of the new event ------------------------------------------------------------

    async def send(
        self,
        room_id: str,
        body: str,
        *,
        formatted: str | None = None,
        reply_to: str | None = None,
        thread_root: str | None = None,
        msgtype: str | None = None,
        mentions: Sequence[str] | None = None,
    ) -> str:
        return await self._send(
            "send",
            roomId=room_id,
            body=body,
            formatted=formatted,
            replyTo=reply_to,
            threadRoot=thread_root,
            msgtype=msgtype,
            mentions=list(mentions) if mentions is not None else None,
        )

    async def send_image(
        self,
        room_id: str,
        path: Path,
        mimetype: str,
        *,
        caption: str | None = None,
        reply_to: str | None = None,
        thread_root: str | None = None,
        msgtype: str | None = None,
        info: Mapping[str, Any] | None = None,
    ) -> str:
        """Encrypt and upload a file and send it; ``info`` overrides what the client would say about it."""
        return await self._send(
            "sendImage",
            roomId=room_id,
            path=_absolute(path),
            mimetype=mimetype,
            caption=caption,
            replyTo=reply_to,
            threadRoot=thread_root,
            msgtype=msgtype,
            info=dict(info) if info is not None else None,
        )

    async def edit(self, room_id: str, event_id: str, body: str, *, formatted: str | None = None) -> str:
        return await self._send("edit", roomId=room_id, eventId=event_id, body=body, formatted=formatted)

    async def react(self, room_id: str, event_id: str, key: str) -> str:
        return await self._send("react", roomId=room_id, eventId=event_id, key=key)

    async def redact(self, room_id: str, event_id: str, reason: str | None = None) -> str:
        return await self._send("redact", roomId=room_id, eventId=event_id, reason=reason)

    async def send_raw(self, room_id: str, type: str, content: Mapping[str, Any], *, encrypted: bool) -> str:
        """Any event; ``encrypted=False`` sends it in the clear, whatever the room says."""
        return await self._send("sendRaw", roomId=room_id, type=type, content=dict(content), encrypted=encrypted)

    async def send_to_device(
        self, type: str, messages: Mapping[str, Mapping[str, Any]], *, encrypted: bool = False
    ) -> None:
        """``messages``: user id -> device id (or ``*`` if not encrypted) -> content."""
        await self._call("sendToDevice", type=type, messages=messages, encrypted=encrypted)

    async def discard_session(self, room_id: str) -> None:
        """Make the next message start a new Megolm session."""
        await self._call("discardSession", roomId=room_id)

    async def read(self, room_id: str, event_id: str) -> None:
        await self._call("read", roomId=room_id, eventId=event_id)

    async def begin_to_type(self, room_id: str) -> None:
        """Press a key: the client sees to it that whoever is in the room can read what comes."""
        await self._call("beginToType", roomId=room_id)

    async def typing(self, room_id: str, on: bool) -> None:
        await self._call("typing", roomId=room_id, on=on)

    async def download_image(
        self, room_id: str, event_id: str, path: Path, *, thumbnail: bool = False
    ) -> dict[str, Any]:
        """Download, check the hash, decrypt, write to ``path``; returns size, mimetype, encrypted, info."""
        return dict(
            await self._call(
                "downloadImage", roomId=room_id, eventId=event_id, path=_absolute(path), thumbnail=thumbnail
            )
        )

    # -- trust ----------------------------------------------------------------------------------------------------

    async def device_trust(self, user_id: str) -> dict[str, dict[str, Any]]:
        """Device id -> displayName, signed (by its owner's identity), trusted (by this client)."""
        return {device["deviceId"]: device for device in await self._call("deviceTrust", userId=user_id)}

    async def user_trust(self, user_id: str) -> dict[str, bool]:
        """hasIdentity, verified, wasVerified, needsApproval."""
        return dict(await self._call("userTrust", userId=user_id))

    async def hold_devices(self, user_id: str) -> None:
        """Keep from the client what the server answers when it asks for this user's devices."""
        await self._call("holdDevices", userId=user_id)

    async def release_devices(self) -> int:
        """Give it the answers; how many were held back."""
        return int((await self._call("releaseDevices"))["held"])

    async def set_isolation(self, *, exclude_insecure: bool) -> None:
        await self._call("setIsolation", excludeInsecure=exclude_insecure)

    async def set_up_recovery(self) -> str:
        """Put the cross-signing keys into secret storage; returns the recovery key."""
        return str((await self._call("setUpRecovery"))["recoveryKey"])

    # -- verification by emoji ------------------------------------------------------------------------------------

    async def request_verification(
        self, user_id: str, *, room_id: str | None = None, device_id: str | None = None
    ) -> tuple[int, str]:
        """Ask in the room, or one device by to-device messages; the number of the verification, and its flow id."""
        asked = await self._call("requestVerification", userId=user_id, roomId=room_id, deviceId=device_id)
        return int(asked["verification"]), str(asked["flow"])

    async def start_sas(self, verification: int, timeout: float = TIMEOUT) -> None:
        """Send the start, once the other side is ready."""
        await self._wait("startSas", timeout, verification=verification)

    async def wait_sas(self, verification: int, timeout: float = TIMEOUT) -> Sas:
        """What this person is shown, whichever side sent the start."""
        shown = await self._wait("waitSas", timeout, verification=verification)
        emoji = tuple((symbol, name) for symbol, name in shown["emoji"] or ())
        return Sas(emoji, tuple(shown["decimal"] or ()))

    async def confirm_sas(self, verification: int) -> None:
        await self._call("confirmSas", verification=verification)

    async def mismatch_sas(self, verification: int) -> None:
        await self._call("mismatchSas", verification=verification)

    async def cancel_verification(self, verification: int) -> None:
        await self._call("cancelVerification", verification=verification)

    async def wait_verification(
        self, verification: int, phase: Literal["ready", "started", "cancelled", "done"], timeout: float = TIMEOUT
    ) -> VerificationState:
        """Wait for a phase; JsError when it ended in another one."""
        state = await self._wait("waitVerification", timeout, verification=verification, phase=phase)
        return VerificationState(state["phase"], state["code"], state["by"])

    # -- the rest -------------------------------------------------------------------------------------------------

    async def wait_sync_state(self, state: str, timeout: float = TIMEOUT) -> None:
        """Wait for SYNCING, RECONNECTING or ERROR."""
        async with asyncio.timeout(timeout):
            while self.sync_state != state:
                self._news.clear()
                await self._news.wait()

    async def request(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> Any:
        """Any request of the client-server API with this account's token; ``path`` is below /_matrix/client/v3."""
        params = {"method": method, "path": path, "query": query, "body": body}
        return await self._process.call(self._name, "request", TIMEOUT, **params)

    async def logout(self) -> None:
        await self._call("logout")
        self._process.forget(self._name)

    async def stop(self) -> None:
        """Stop syncing and forget the keys, as if the device were switched off for good."""
        await self._call("stop")
        self._process.forget(self._name)

    async def _call(self, method: str, **params: Any) -> Any:
        return await self._process.call(self._name, method, TIMEOUT, **params)

    async def _send(self, method: str, **params: Any) -> str:
        return str((await self._call(method, **params))["eventId"])

    async def _wait(self, method: str, timeout: float, **params: Any) -> Any:
        return await self._process.call(self._name, method, timeout + 5, timeoutMs=int(timeout * 1000), **params)
