"""The encryption machine's talk with the homeserver: upload, query, claim, share. Each step commits before it sends."""

import asyncio
import itertools
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import structlog
from cachetools import LRUCache
from nio.crypto import OlmDevice, OutgoingKeyRequest

from bridge.db.engine import now_ms
from bridge.errors import CourtyardError
from bridge.ids import RoomId
from bridge.matrix.cryptostore import CryptoStore
from bridge.matrix.http import Homeserver, MatrixError, TokenRevoked, TooLarge, Unreachable, segment
from bridge.matrix.machine import MEGOLM, Machine
from bridge.matrix.outbound import GroupSession
from bridge.matrix.together import Together

log = structlog.get_logger(__name__)

_QUERY_USERS = 250
_CLAIM_DEVICES = 250
_SHARE_DEVICES = 100
_CLAIM_PAUSE_S = 30.0
_QUERY_PAUSE_S = 30.0
_QUERY_BRIEFLY_S = 2.0
_SETTLE_PAUSE_S, _MAX_SETTLE_PAUSE_S = 30.0, 600.0
_MAX_KEY_REQUESTS = 1_000


class Keys:
    """Key traffic of one device."""

    def __init__(self, homeserver: Homeserver, machine: Machine, store: CryptoStore) -> None:
        self._http = homeserver
        self.machine = machine
        self._store = store
        self._asking: dict[str, asyncio.Task[CourtyardError | None]] = {}
        """Users whose devices are being asked for."""
        self._unasked: dict[str, tuple[list[str], asyncio.Task[CourtyardError | None]]] = {}
        """Of these, by server, who is asked for with the next request: more may join."""
        self._claims = Together(self._claim_for, _CLAIM_DEVICES)
        self._shares = Together(self._send_shares, _SHARE_DEVICES)
        self._upload_lock = asyncio.Lock()
        # A device whose key could not be claimed is tried again, but not with every message.
        self._claim_after: dict[tuple[str, str], float] = {}
        # Nor does a message wait each time for a server that is down.
        self._query_after: dict[str, float] = {}
        self._settle_after: dict[RoomId, tuple[float, float]] = {}
        """Rooms in which somebody lacks a key: when to try again, and the pause after that."""
        self._withheld_from: LRUCache[str, set[tuple[str, str]]] = LRUCache(1000)
        self._mended: dict[tuple[str, str], OlmDevice] = {}
        """Devices with a new Olm session that have not been told of it."""
        self.wanted: list[tuple[str, RoomId, str, str | None]] = []
        """(sender, room, session, sender's device key if named) of room keys that are to be asked for."""
        self._asked_at: LRUCache[str, int] = LRUCache(_MAX_KEY_REQUESTS)
        """When room keys were asked for, by session, ms."""
        # Transaction ids of to-device sends: random per start, counted within.
        self._txn = (f"{secrets.token_hex(8)}.{n}" for n in itertools.count())

    async def upload(self, one_time_keys: int | None, fallback_unused: bool) -> None:
        """Bring device keys, one-time keys and the fallback key to the server, as far as they lack."""
        async with self._upload_lock:
            body = self.machine.upload_body(one_time_keys, fallback_unused)
            if body is None:
                return
            await self._store.commit()
            try:
                await self._http.request("POST", "/_matrix/client/v3/keys/upload", body)
            except MatrixError as error:
                if error.temporary or "already exists" not in str(error.body.get("error")):
                    raise
                # A key with this id is there already: an earlier upload arrived and its answer was lost.
                log.warning("key upload refused", status=error.status, code=error.errcode)
            self.machine.uploaded()
            await self._store.commit()

    async def query(self, among: Iterable[str] | None = None) -> None:
        """Ask for the devices of tracked users whose lists are outdated (spec: `POST /keys/query`).

        A server that is slow to answer holds up nobody but who wants to write to its people.

        Raises:
            Unreachable, MatrixError: nothing may be encrypted to them until it succeeds.
        """
        # All at once: more people than one request takes. For a room, together with what other rooms ask for; by
        # server, so that one that is slow to answer for its people delays no others.
        tasks = self._ask(self.machine.users_to_query(among), by_server=among is not None)
        if tasks:
            await asyncio.wait(tasks)
        for task in tasks:
            error = Unreachable("given up") if task.cancelled() else task.result()
            if error is not None:
                raise error

    async def query_briefly(self, user: str, seconds: float) -> bool:
        """Ask for the devices of a user, and wait so long at most. False: the answer is not there yet, or never came.

        Raises:
            TokenRevoked
        """
        tasks = self._ask(self.machine.users_to_query([user]))
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        for task in tasks:
            if task.done() and not task.cancelled() and isinstance(error := task.result(), TokenRevoked):
                raise error
        return not self.machine.users_to_query([user])

    @property
    def asking(self) -> bool:
        """Whether an answer is awaited."""
        return bool(self._asking)

    async def stop(self) -> None:
        """Give up what is being asked."""
        tasks = set(self._asking.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._claims.stop()
        await self._shares.stop()

    def _ask(self, users: Iterable[str], *, by_server: bool = True) -> "set[asyncio.Task[CourtyardError | None]]":
        tasks: set[asyncio.Task[CourtyardError | None]] = set()
        for user in users:
            if user in self._asking:
                tasks.add(self._asking[user])
            elif self.may_query(user):
                part, task = self._open_query(_server(user) if by_server else "")
                part.append(user)
                self._asking[user] = task
                tasks.add(task)
        return tasks

    def _open_query(self, kind: str) -> "tuple[list[str], asyncio.Task[CourtyardError | None]]":
        """A query that was not sent yet, and whom it asks for."""
        unasked = self._unasked.get(kind)
        if unasked is None or unasked[1].done() or len(unasked[0]) >= _QUERY_USERS:
            users: list[str] = []
            unasked = self._unasked[kind] = users, asyncio.create_task(self._query(kind, users))
        return unasked

    async def _query(self, kind: str, users: list[str]) -> CourtyardError | None:
        if self._unasked[kind][0] is users:
            del self._unasked[kind]
        try:
            before = {user: self._store.users[user].changes for user in users if user in self._store.users}
            answer = await self._http.request(
                "POST", "/_matrix/client/v3/keys/query", {"device_keys": {u: [] for u in users}, "timeout": 10000}
            )
            users = [user for user in users if user in self._store.users]
            self.machine.receive_devices(answer, users)
            now = time.monotonic()
            self._query_after = {u: t for u, t in self._query_after.items() if t > now}
            self._query_after.update({u: now + _QUERY_PAUSE_S for u in self.machine.users_to_query(users)})
            for user in users:
                if self._store.users[user].changes != before.get(user):  # the answer is older than the last change
                    self._store.save_user(user, outdated=True)
            await self._store.commit()
        except TooLarge:
            return MatrixError(502, "M_TOO_LARGE", {})
        except (Unreachable, MatrixError, TokenRevoked) as error:
            return error
        finally:
            own = asyncio.current_task()
            self._asking = {user: task for user, task in self._asking.items() if task is not own}
        return None

    async def repair(self) -> None:
        """Make new Olm sessions where they broke, and ask for room keys that have not come."""
        wedged = self.machine.take_wedged()
        if wedged:
            claim: dict[str, dict[str, str]] = {}
            for device in wedged:
                claim.setdefault(device.user_id, {})[device.device_id] = "signed_curve25519"
            try:
                answer = await self._http.request(
                    "POST", "/_matrix/client/v3/keys/claim", {"one_time_keys": claim, "timeout": 10000}, timeout_s=60
                )
            except BaseException:
                self.machine.put_back_wedged(wedged)
                raise
            for device in self.machine.receive_claimed(answer):
                self._mended[(device.user_id, device.device_id)] = device
                self._store.share_again(device.user_id, device.device_id)
        if self._mended:
            # Who has no new session can't be told of one. Whom it does not reach is told with the next repair.
            told = list(self._mended.values())
            messages = self.machine.encrypt_dummy(told)
            await self._store.commit()
            await self._to_devices("m.room.encrypted", messages)
            for device in told:
                self._mended.pop((device.user_id, device.device_id), None)
        while self.wanted:
            await self._request_key(*self.wanted[0])
            self.wanted.pop(0)

    def want(self, sender: str, room_id: RoomId, session_id: str, sender_key: str | None = None) -> None:
        """Have a room key asked for, with the next repair. `sender_key`: as the event names it, if it does."""
        wanted = sender, room_id, session_id, sender_key
        if len(self.wanted) < _MAX_KEY_REQUESTS and wanted not in self.wanted:
            self.wanted.append(wanted)

    def is_lost(self, sender: str, session_id: str) -> bool:
        """Whether a room key may have come over a broken session, and was not asked for since that was found."""
        return self._asked_at.get(session_id, 0) < self.machine.broken.get(sender, 0)

    async def _request_key(self, sender: str, room_id: RoomId, session_id: str, sender_key: str | None) -> None:
        """Ask all devices of the sender for a room key (spec: "Key requests"): once, and again after a repair. Clients
        answer if they gave us the key before."""
        asked = self.machine.outgoing_key_requests
        if session_id in asked and not self.is_lost(sender, session_id):
            return
        while len(asked) >= _MAX_KEY_REQUESTS:  # anybody can name sessions that nobody has
            self._store.remove_outgoing_key_request(asked.pop(next(iter(asked))))
        request_id = secrets.token_hex(16)
        body = {"algorithm": MEGOLM, "room_id": room_id, "session_id": session_id}
        if sender_key is not None:  # older clients look their session up by it
            body["sender_key"] = sender_key
        content = {
            "action": "request",
            "body": body,
            "request_id": request_id,
            "requesting_device_id": self.machine.device_id,
        }
        request = OutgoingKeyRequest(request_id, session_id, room_id, MEGOLM)
        former = asked.get(session_id)
        if former is not None:
            self._store.remove_outgoing_key_request(former)
        asked[session_id] = request
        self._store.add_outgoing_key_request(request)
        await self._store.commit()
        sent = False
        try:
            await self._to_devices("m.room_key_request", {sender: {"*": content}})
            sent = True
            self._asked_at[session_id] = now_ms()
        finally:
            if not sent:  # it is noted before, as the answer may overtake ours; now it is to be asked for again
                asked.pop(session_id, None)
                self._store.remove_outgoing_key_request(request)

    async def _withhold(self, session: GroupSession, members: Sequence[str]) -> bool:
        """Tell devices that get no key why, once a session (spec: "m.room_key.withheld"). Whether there were any."""
        excluded = self.machine.excluded(members)
        if not excluded:
            return False
        told = self._withheld_from.get(session.session.session_id, set())
        devices = [d for d in excluded if (d.user_id, d.device_id) not in told]
        if not devices:
            return False
        content = {
            "algorithm": MEGOLM,
            "room_id": session.room_id,
            "session_id": session.session.session_id,
            "sender_key": self.machine.account.identity_keys["curve25519"],
            "code": "m.unverified",
            "reason": "The device is not verified by its owner.",
        }
        messages: dict[str, dict[str, Any]] = {}
        for device in devices:
            messages.setdefault(device.user_id, {})[device.device_id] = content
        await self._to_devices("m.room_key.withheld", messages)
        self._withheld_from[session.session.session_id] = told | {(d.user_id, d.device_id) for d in devices}
        return True

    async def _to_devices(self, event_type: str, messages: Mapping[str, Mapping[str, Any]]) -> None:
        path = f"/_matrix/client/v3/sendToDevice/{event_type}/{segment(next(self._txn))}"
        await self._http.request("PUT", path, {"messages": messages})

    def may_query(self, user: str) -> bool:
        """Whether a query for this user would be sent now: none is under way, and their server has not just failed
        to answer one."""
        return user not in self._asking and self._query_after.get(user, 0.0) <= time.monotonic()

    async def session_for(self, room_id: RoomId, members: Sequence[str], rotation: tuple[int, int]) -> GroupSession:
        """The room's outbound session, in the hands of every device of its members that can be reached.

        Who can't be reached (their server is down) is not marked as served, and gets the key from the next message on
        when they come back. Encrypt with it before anything else is awaited.

        Raises:
            Unreachable, MatrixError
        """
        for user in members:
            self._store.track(user)
        await self.query(members)
        devices = self.machine.devices_of(members)
        session = self.machine.room_session(room_id, devices, *rotation)
        waited = await self._withhold(session, members)
        lacking = [d for d in devices if d.device_id not in session.shared_with.get(d.user_id, {})]
        if lacking:
            await self._share(session, lacking)
        if lacking or waited or session.lacking or self.machine.users_to_query(members):
            self.machine.note_lacking(session, members)
        return session

    async def settle(self, members_of: Callable[[RoomId], Collection[str]]) -> None:
        """Give the keys of what was said to those who could not be given them then, and can be reached now.

        `members_of`: who is in a room; nobody: we are not. Of a room that changed nothing it is tried less and less.

        Raises:
            Unreachable, MatrixError, TokenRevoked
        """
        now = time.monotonic()
        rooms = self._lacking_rooms()
        self._settle_after = {room: after for room, after in self._settle_after.items() if room in rooms}
        for room_id in rooms:
            due, pause = self._settle_after.get(room_id, (0.0, _SETTLE_PAUSE_S))
            if due > now:
                continue
            if members_of(room_id):
                if not self.machine.due_ms(room_id):  # who only has to wait is not tried less and less
                    self._settle_after[room_id] = (now + pause, min(2 * pause, _MAX_SETTLE_PAUSE_S))
                await self._settle(room_id, members_of)
            else:
                self._store.forgive(room_id=room_id)
        await self._store.commit()

    def settle_in_ms(self) -> int | None:
        """When to settle again because a device has waited enough, ms; None: none waits."""
        if not self.machine.newcomers:
            return None
        return min(filter(None, map(self.machine.due_ms, self._lacking_rooms())), default=None)

    def _lacking_rooms(self) -> set[RoomId]:
        """Rooms in which somebody lacks a key."""
        return {room for room, session in self._store.outbound.items() if session.lacking} | self._store.debts.keys()

    async def _settle(self, room_id: RoomId, members_of: Callable[[RoomId], Collection[str]]) -> None:
        debts = self._store.debts.get(room_id, [])
        users = {user for debt in debts for user in debt.lacking}
        if room_id in self._store.outbound:
            users.update(self._store.outbound[room_id].lacking)
        tasks = self._ask(self.machine.users_to_query(users.intersection(members_of(room_id))))
        if tasks:
            await asyncio.wait(tasks, timeout=_QUERY_BRIEFLY_S)  # who answers later is given it the next time
        devices = self.machine.lacking(room_id, members_of(room_id))
        devices += [device for _, owed in self.machine.owed(room_id, members_of(room_id)) for device in owed]
        await self._claim(devices)
        # Somebody may have gone meanwhile, or the session have been replaced: what follows looks again.
        session = self._store.outbound.get(room_id)
        if session is not None:
            await self._give(session, self.machine.lacking(room_id, members_of(room_id)))
        for debt, devices in self.machine.owed(room_id, members_of(room_id)):
            ready = [d for d in devices if self._store.session_to(d.curve25519) is not None]
            for start in range(0, len(ready), _SHARE_DEVICES):
                part = ready[start : start + _SHARE_DEVICES]
                messages = self.machine.encrypt_owed(room_id, debt, part)
                await self._store.commit()
                if messages:
                    await self._to_devices("m.room.encrypted", messages)
                self.machine.paid(room_id, debt, part)

    async def _share(self, session: GroupSession, lacking: Sequence[OlmDevice]) -> None:
        """Give the session to devices, as far as they can be reached."""
        await self._claim(lacking)
        await self._give(session, lacking)

    async def _give(self, session: GroupSession, lacking: Sequence[OlmDevice]) -> None:
        """Give the session to those of the devices that we have an Olm session with."""
        ready = self.machine.unshared(session, lacking)
        for start in range(0, len(ready), _SHARE_DEVICES):
            part = ready[start : start + _SHARE_DEVICES]
            messages = self.machine.encrypt_room_key(session, part)
            await self._shares.add(
                [(user, device, content) for user, own in messages.items() for device, content in own.items()]
            )
            self.machine.shared(session, part)

    async def _send_shares(self, shares: Sequence[tuple[str, str, dict[str, Any]]]) -> None:
        """Send encrypted room keys, of one room or of many, to (user, device) each."""
        await self._store.commit()  # the Olm ratchets have moved
        requests: list[dict[str, dict[str, Any]]] = []
        for user, device, content in shares:
            # A request holds one thing for each device.
            for messages in requests:
                if device not in messages.get(user, {}):
                    break
            else:
                requests.append(messages := {})
            messages.setdefault(user, {})[device] = content
        for messages in requests:
            await self._to_devices("m.room.encrypted", messages)

    async def _claim(self, devices: Sequence[OlmDevice]) -> None:
        """Make Olm sessions with those of the devices that we have none to encrypt with, as far as possible.

        By server, for the same reason as in `query`.
        """
        by_server: dict[str, list[OlmDevice]] = {}
        for device in devices:
            if self._store.session_to(device.curve25519) is None:
                by_server.setdefault(_server(device.user_id), []).append(device)
        calls = [self._claims.add(some, server) for server, some in by_server.items()]
        if len(calls) == 1:
            await calls[0]
            return
        for failure in await asyncio.gather(*calls, return_exceptions=True):
            if failure is not None:
                raise failure

    async def _claim_for(self, devices: Sequence[OlmDevice]) -> None:
        now = time.monotonic()
        claim = self.machine.without_session(
            d for d in devices if self._claim_after.get((d.user_id, d.device_id), 0.0) <= now
        )
        if claim:
            answer = await self._http.request(
                "POST", "/_matrix/client/v3/keys/claim", {"one_time_keys": claim, "timeout": 10000}, timeout_s=60
            )
            self.machine.receive_claimed(answer)
            still = self.machine.without_session(d for d in devices if d.device_id in claim.get(d.user_id, {}))
            self._claim_after = {k: t for k, t in self._claim_after.items() if t > now}
            self._claim_after.update(
                {(user, device): now + _CLAIM_PAUSE_S for user, ds in still.items() for device in ds}
            )


def _server(user: str) -> str:
    return user.partition(":")[2]
