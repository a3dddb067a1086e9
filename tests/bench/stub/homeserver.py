"""The homeserver: what a bot asks for, answered at once from memory, or after a delay that stands for distance.

It knows one account, the bot's, by HTTP; the crowd lives in this process. It is no homeserver for anything else: it
believes everything, and forgets all when it ends.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.bench.stub.person import MEGOLM, DeviceKeys, StubPerson

SERVER = "stub.test"
BOT = f"@courtyard:{SERVER}"
_MAX_BATCH = 500

Answer = dict[str, Any]


class StubHomeserver:
    """Endpoints and the timeline of events. `delay_s` is waited before each answer but that of `/sync`."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self.delay_s = delay_s
        self.people: dict[str, StubPerson] = {}
        self.rooms: dict[str, StubPerson] = {}
        self.requests: Counter[str] = Counter()
        self.joined: set[str] = set()
        self.on_said: Callable[[str, Answer, float], None] = lambda room, content, at: None
        """Called with each encrypted event of the bot: room, content, and when it came (monotonic seconds)."""
        self.on_joined: Callable[[], None] = lambda: None
        self.bot: DeviceKeys | None = None
        self._unread: dict[str, list[Answer]] = {}
        self._one_time: dict[str, Any] = {}
        self._fallback: dict[str, Any] = {}
        self._cross_signing: Answer = {}
        self._device_keys: Answer = {}
        self._account_data: dict[str, Answer] = {}
        self._transactions: dict[str, str] = {}
        self._log: list[tuple[str, str, Answer]] = []
        """(kind, room, event) in the order in which `/sync` tells them."""
        self._begin = 0
        self._ids = itertools.count(1)
        self._news = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self.url = ""

    # --- running ---------------------------------------------------------------------------------------------
    async def start(self) -> None:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    # --- the crowd -------------------------------------------------------------------------------------------
    def add_person(self, name: str, *, joined: bool = False) -> StubPerson:
        """A person with an encrypted room into which the bot is invited; or, with `joined`, is in already."""
        person = StubPerson(f"@{name}:{SERVER}", f"!{name}:{SERVER}")
        self.people[person.user_id] = person
        self.rooms[person.room_id] = person
        if joined:
            self.joined.add(person.room_id)
        else:
            self._append("invite", person.room_id, {})
        return person

    def give_room_key(self, person: StubPerson) -> None:
        """The person's client shares the key of its next messages with the bot's device."""
        assert self.bot is not None
        content = person.share_room_key(self.bot, self._claim_of_bot)
        self._append("to_device", "", {"type": "m.room.encrypted", "sender": person.user_id, "content": content})

    def say(self, person: StubPerson, body: str) -> str:
        """The person says something to the bot. The event's id."""
        event = self._event(person.user_id, "m.room.encrypted", person.said(body))
        self._append("timeline", person.room_id, event)
        return str(event["event_id"])

    def unread(self, person: StubPerson) -> list[Answer]:
        """What the bot said to a person since the last call, decrypted."""
        return [person.read(content) for content in self._unread.pop(person.room_id, [])]

    def heard(self, person: StubPerson) -> bool:
        """Whether the bot said something to a person since then."""
        return person.room_id in self._unread

    def forget_unread(self, person: StubPerson) -> None:
        """As if they had read it."""
        self._unread.pop(person.room_id, None)

    def _claim_of_bot(self) -> str:
        keys = self._one_time or self._fallback
        key_id = next(iter(keys))
        return str((self._one_time.pop(key_id) if self._one_time else keys[key_id])["key"])

    # --- events ----------------------------------------------------------------------------------------------
    def _event(self, sender: str, kind: str, content: Answer, **more: Any) -> Answer:
        return {
            "type": kind,
            "sender": sender,
            "event_id": f"$e{next(self._ids)}",
            "origin_server_ts": int(time.time() * 1000),
            "content": content,
            **more,
        }

    def _append(self, kind: str, room: str, event: Answer) -> None:
        self._log.append((kind, room, event))
        self._news.set()

    def _state(self, person: StubPerson) -> list[Answer]:
        def state(sender: str, kind: str, content: Answer, key: str = "") -> Answer:
            event = self._event(sender, kind, content, state_key=key)
            return {**event, "event_id": f"$state-{kind}-{key}-{person.room_id}", "origin_server_ts": 1}

        me = person.user_id
        levels = {"users": {me: 100}, "users_default": 0, "events_default": 0, "state_default": 50}
        return [
            state(me, "m.room.create", {"room_version": "11", "creator": me}),
            state(me, "m.room.member", {"membership": "join"}, me),
            state(me, "m.room.power_levels", levels),
            state(me, "m.room.join_rules", {"join_rule": "invite"}),
            state(me, "m.room.history_visibility", {"history_visibility": "shared"}),
            state(me, "m.room.encryption", {"algorithm": MEGOLM}),
            state(BOT, "m.room.member", {"membership": "join"}, BOT),
        ]

    # --- HTTP ------------------------------------------------------------------------------------------------
    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        for pattern, name in _ROUTES:
            match = pattern.fullmatch(path)
            if match is None:
                continue
            self.requests[name] += 1
            raw = await request.read()
            body = json.loads(raw) if raw and request.content_type == "application/json" else {}
            if self.delay_s and name != "sync":
                await asyncio.sleep(self.delay_s)
            handler: Callable[..., Awaitable[Answer] | Answer] = getattr(self, f"_{name}")
            answer = handler(request, body, *match.groups())
            if isinstance(answer, Awaitable):
                answer = await answer
            status = answer.pop("_status", 200)
            return web.Response(body=json.dumps(answer).encode(), content_type="application/json", status=status)
        self.requests["unknown"] += 1
        return web.json_response({"errcode": "M_UNRECOGNIZED", "error": "unknown"}, status=404)

    def _versions(self, request: web.Request, body: Answer) -> Answer:
        return {"versions": ["v1.1", "v1.6", "v1.11", "v1.12"], "unstable_features": {}}

    def _login(self, request: web.Request, body: Answer) -> Answer:
        if request.method == "GET":
            return {"flows": [{"type": "m.login.password"}]}
        return {"user_id": BOT, "access_token": "token", "device_id": body.get("device_id") or "STUB"}

    def _whoami(self, request: web.Request, body: Answer) -> Answer:
        return {"user_id": BOT, "device_id": self._device_id}

    @property
    def _device_id(self) -> str:
        return str(self._device_keys.get("device_id", "STUB"))

    def _upload(self, request: web.Request, body: Answer) -> Answer:
        if body.get("device_keys"):
            keys = self._device_keys = body["device_keys"]
            device = keys["device_id"]
            self.bot = DeviceKeys(BOT, device, keys["keys"][f"curve25519:{device}"], keys["keys"][f"ed25519:{device}"])
        self._one_time.update(body.get("one_time_keys") or {})
        self._fallback.update(body.get("fallback_keys") or {})
        return {"one_time_key_counts": {"signed_curve25519": len(self._one_time)}}

    def _query(self, request: web.Request, body: Answer) -> Answer:
        answer: Answer = {"device_keys": {}, "master_keys": {}, "self_signing_keys": {}, "failures": {}}
        for user in body.get("device_keys", {}):
            if user == BOT:
                answer["device_keys"][user] = {self._device_id: self._device_keys} if self._device_keys else {}
                for part, keys in self._cross_signing.items():
                    answer.setdefault(f"{part}s", {})[user] = keys
            elif (person := self.people.get(user)) is not None:
                answer["device_keys"][user] = {person.device_id: person.device_keys}
                answer["master_keys"][user] = person.master_key
                answer["self_signing_keys"][user] = person.self_signing_key
        return answer

    def _claim(self, request: web.Request, body: Answer) -> Answer:
        claimed: Answer = {}
        for user, devices in body.get("one_time_keys", {}).items():
            person = self.people.get(user)
            if person is not None and person.device_id in devices:
                claimed[user] = {person.device_id: person.one_time_key()}
        return {"one_time_keys": claimed, "failures": {}}

    def _to_device(self, request: web.Request, body: Answer, kind: str, txn: str) -> Answer:
        for user, devices in body.get("messages", {}).items():
            person = self.people.get(user)
            for content in devices.values() if person is not None and kind == "m.room.encrypted" else ():
                assert person is not None
                person.take_to_device(content)
        return {}

    def _device_signing(self, request: web.Request, body: Answer) -> Answer:
        self._cross_signing = {name: keys for name, keys in body.items() if name.endswith("_key")}
        return {}

    def _signatures(self, request: web.Request, body: Answer) -> Answer:
        for devices in body.values():
            for signed in devices.values():
                if signed.get("device_id") == self._device_id:
                    for user, more in signed.get("signatures", {}).items():
                        self._device_keys.setdefault("signatures", {}).setdefault(user, {}).update(more)
                elif "usage" in signed:
                    self._cross_signing["master_key"] = signed
        return {"failures": {}}

    def _account_datum(self, request: web.Request, body: Answer, user: str, kind: str) -> Answer:
        if request.method == "PUT":
            self._account_data[kind] = body
            return {}
        if kind not in self._account_data:
            return {"_status": 404, "errcode": "M_NOT_FOUND", "error": "none"}
        return dict(self._account_data[kind])

    def _filter(self, request: web.Request, body: Answer, user: str) -> Answer:
        return {"filter_id": "1"}

    def _devices(self, request: web.Request, body: Answer) -> Answer:
        return {"devices": [{"device_id": self._device_id}]}

    def _joined_rooms(self, request: web.Request, body: Answer) -> Answer:
        return {"joined_rooms": sorted(self.joined)}

    def _join(self, request: web.Request, body: Answer, room: str) -> Answer:
        if room not in self.rooms:
            return {"_status": 404, "errcode": "M_NOT_FOUND", "error": "none"}
        if room not in self.joined:
            self.joined.add(room)
            self._append("join", room, {})
            self.on_joined()
        return {"room_id": room}

    def _members(self, request: web.Request, body: Answer, room: str) -> Answer:
        return {"chunk": [event for event in self._state(self.rooms[room]) if event["type"] == "m.room.member"]}

    def _joined_members(self, request: web.Request, body: Answer, room: str) -> Answer:
        return {"joined": {self.rooms[room].user_id: {}, BOT: {}}}

    def _messages(self, request: web.Request, body: Answer, room: str) -> Answer:
        return {"chunk": [], "start": request.query.get("from", "")}

    def _profile(self, request: web.Request, body: Answer, user: str) -> Answer:
        return {}

    def _push_rules(self, request: web.Request, body: Answer) -> Answer:
        return {"global": {}}

    def _send(self, request: web.Request, body: Answer, room: str, kind: str, txn: str) -> Answer:
        known = self._transactions.get(txn)
        if known is not None:
            return {"event_id": known}
        event_id = self._transactions[txn] = f"$e{next(self._ids)}"
        if len(self._transactions) > 20_000:
            self._transactions.pop(next(iter(self._transactions)))
        if kind == "m.room.encrypted":
            self._unread.setdefault(room, []).append(body)
            self.on_said(room, body, time.monotonic())
        event = self._event(BOT, kind, body, unsigned={"transaction_id": txn})
        self._append("timeline", room, {**event, "event_id": event_id})
        return {"event_id": event_id}

    def _redact(self, request: web.Request, body: Answer, room: str, event: str, txn: str) -> Answer:
        return {"event_id": f"$e{next(self._ids)}"}

    def _receipt(self, request: web.Request, body: Answer, room: str) -> Answer:
        return {}

    # --- sync ------------------------------------------------------------------------------------------------
    async def _sync(self, request: web.Request, body: Answer) -> Answer:
        since = request.query.get("since")
        timeout = int(request.query.get("timeout", "0")) / 1000
        if since is None:
            return self._initial()
        at = int(since.removeprefix("s"))
        self._forget(at)
        end = asyncio.get_running_loop().time() + timeout
        while self._end <= at:
            self._news.clear()
            left = end - asyncio.get_running_loop().time()
            if left <= 0:
                break
            try:
                async with asyncio.timeout(left):
                    await self._news.wait()
            except TimeoutError:
                break
        return self._batch(at)

    @property
    def _end(self) -> int:
        return self._begin + len(self._log)

    def _forget(self, at: int) -> None:
        """What the bot has confirmed is not told again."""
        count = min(max(0, at - self._begin), len(self._log))
        del self._log[:count]
        self._begin += count

    def _initial(self) -> Answer:
        join = {room: self._joined_room(room, []) for room in self.joined}
        invite = {room: self._invited_room(room) for kind, room, _ in self._log if kind == "invite"}
        changed = [person.user_id for person in self.people.values()]
        return self._answer(self._end, {"join": join, "invite": invite}, [], changed)

    def _batch(self, at: int) -> Answer:
        some = self._log[at - self._begin : at - self._begin + _MAX_BATCH]
        join: dict[str, Answer] = {}
        invite: dict[str, Answer] = {}
        to_device: list[Answer] = []
        changed: list[str] = []
        for kind, room, event in some:
            if kind == "to_device":
                to_device.append(event)
            elif kind == "invite":
                invite[room] = self._invited_room(room)
            elif kind == "join":
                join[room] = self._joined_room(room, [])
                changed.append(self.rooms[room].user_id)
            else:
                join.setdefault(room, _room([], []))["timeline"]["events"].append(event)
        return self._answer(at + len(some), {"join": join, "invite": invite}, to_device, changed)

    def _answer(self, at: int, rooms: Answer, to_device: list[Answer], changed: list[str]) -> Answer:
        return {
            "next_batch": f"s{at}",
            "rooms": rooms,
            "to_device": {"events": to_device},
            "device_lists": {"changed": changed, "left": []},
            "device_one_time_keys_count": {"signed_curve25519": len(self._one_time)},
            "device_unused_fallback_key_types": ["signed_curve25519"] if self._fallback else [],
        }

    def _joined_room(self, room: str, timeline: list[Answer]) -> Answer:
        return _room(self._state(self.rooms[room]), timeline)

    def _invited_room(self, room: str) -> Answer:
        person = self.rooms[room]
        events = [event for event in self._state(person) if event.get("state_key") != BOT]
        content = {"membership": "invite", "is_direct": True}
        events.append({"type": "m.room.member", "sender": person.user_id, "state_key": BOT, "content": content})
        return {"invite_state": {"events": events}}


def _room(state: list[Answer], timeline: list[Answer]) -> Answer:
    return {
        "state": {"events": state},
        "timeline": {"events": timeline, "limited": False, "prev_batch": "s0"},
        "ephemeral": {"events": []},
        "account_data": {"events": []},
        "unread_notifications": {},
        "summary": {},
    }


_V3 = r"/_matrix/client/(?:v3|r0|v1)"
_ROUTES = [
    (re.compile(pattern), name)
    for pattern, name in (
        (rf"{_V3}/sync", "sync"),
        (rf"{_V3}/rooms/([^/]+)/send/([^/]+)/([^/]+)", "send"),
        (rf"{_V3}/sendToDevice/([^/]+)/([^/]+)", "to_device"),
        (rf"{_V3}/keys/claim", "claim"),
        (rf"{_V3}/keys/query", "query"),
        (rf"{_V3}/keys/upload(?:/[^/]+)?", "upload"),
        (rf"{_V3}/keys/device_signing/upload", "device_signing"),
        (rf"{_V3}/keys/signatures/upload", "signatures"),
        (r"/_matrix/client/versions", "versions"),
        (rf"{_V3}/login", "login"),
        (rf"{_V3}/account/whoami", "whoami"),
        (rf"{_V3}/user/([^/]+)/account_data/([^/]+)", "account_datum"),
        (rf"{_V3}/user/([^/]+)/filter", "filter"),
        (rf"{_V3}/devices", "devices"),
        (rf"{_V3}/joined_rooms", "joined_rooms"),
        (rf"{_V3}/(?:rooms/)?join/([^/]+)", "join"),
        (rf"{_V3}/rooms/([^/]+)/join", "join"),
        (rf"{_V3}/rooms/([^/]+)/members", "members"),
        (rf"{_V3}/rooms/([^/]+)/joined_members", "joined_members"),
        (rf"{_V3}/rooms/([^/]+)/messages", "messages"),
        (rf"{_V3}/rooms/([^/]+)/redact/([^/]+)/([^/]+)", "redact"),
        (rf"{_V3}/rooms/([^/]+)/(?:receipt/.*|typing/.*|read_markers)", "receipt"),
        (rf"{_V3}/profile/([^/]+)(?:/.*)?", "profile"),
        (rf"{_V3}/pushrules/?", "push_rules"),
    )
]
