"""Verification of the bot by people, started from their client (spec: "Key verification framework").

In the DM and by to-device messages. The sync loop only calls `hear`; each flow is a task of its own, so that its
messages keep their order and a slow server delays nobody else. `sas` holds the protocol; here are its limits: who may
begin a flow, how many there may be, how long they may take.

Automatic mode: nobody looks at the bot's emoji, so that the bot signs nobody. Operator-confirmed mode: the operator
compares them in their DM; then the bot signs the person's master key.
"""

import asyncio
import secrets
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

import structlog
from cachetools import LRUCache

from bridge.chat.inbound import Origin
from bridge.db.engine import now_ms
from bridge.delivery.ports import Held, Later, Refused
from bridge.ids import DeviceId, RoomId, UserId, is_device_id, is_event_id, parse_user_id
from bridge.matrix.cross_signing import CrossSigningKeys
from bridge.matrix.cryptostore import CryptoStore
from bridge.matrix.http import Homeserver, MatrixError, TokenRevoked, TooLarge, Unreachable, segment
from bridge.matrix.keys import Keys
from bridge.matrix.rooms import Rooms
from bridge.matrix.sas import Sas, Step
from bridge.matrix.sas_values import CANCEL, DONE, PREFIX, READY, REQUEST, START, Code, Flow, Party, Send, ShortAuth
from bridge.matrix.sender import RoomSender

log = structlog.get_logger(__name__)

_MAX_FLOWS = 64
_MAX_FLOWS_PER_USER = 4
_MAX_HEARD = 1_000
_MAX_INBOX = 20
_MAX_REMEMBERED = 2_000
_START_AFTER_S = 10.0
"""Whoever asked usually sends the start. If they leave it to us, we do after this time."""
_NOT_OLDER_MS = 10 * 60 * 1000
_NOT_NEWER_MS = 5 * 60 * 1000
"""A request from further ago, or ahead, is ignored (spec: "m.key.verification.request", `timestamp`)."""
_RETRY_S = 2.0


@dataclass(frozen=True, slots=True)
class VerificationSettings:
    """How the bot answers those who verify it. Times in seconds."""

    mode: Literal["automatic", "operator", "off"] = "automatic"
    total_s: float = 600.0
    idle_s: float = 120.0
    """How long the other client may be silent where no person has to look at anything."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One verification message as it came in. Whoever made it up, the sender is what the homeserver says."""

    sender: UserId
    type: str
    content: Mapping[str, Any]
    where: Origin | None = None
    """The event in a room; None: a to-device message."""


def heard_by_device(sender: object, kind: object, content: object) -> Heard | None:
    """A to-device message, if it is one of a verification."""
    if not isinstance(kind, str) or not kind.startswith(PREFIX) or not isinstance(content, dict):
        return None
    user = parse_user_id(sender) if isinstance(sender, str) else None
    return None if user is None else Heard(user, kind, content)


def heard_in_room(where: Origin, kind: object, content: object) -> Heard | None:
    """A room event, if it is one of a verification. Clients send them encrypted or in the clear: either is allowed."""
    if not isinstance(kind, str) or not isinstance(content, dict):
        return None
    if kind == "m.room.message" and content.get("msgtype") == REQUEST:
        return Heard(where.sender, REQUEST, content, where)
    if kind.startswith(PREFIX) and kind != REQUEST:
        return Heard(where.sender, kind, content, where)
    return None


class Operator(Protocol):
    """Asks the operator to compare; `bridge.matrix.confirmations` is one."""

    async def ask(self, ref: int, person: UserId, shown: ShortAuth, ttl_s: float) -> bool:
        """Whether the operator could be asked. Their answer comes by `Verification.decide(ref, …)`."""
        ...

    async def ended(self, ref: int, person: UserId, *, signed: bool) -> None:
        """The flow about which the operator was asked is over."""
        ...


_Item: TypeAlias = Heard | Code | bool
"""What a flow is given: a message, an order to cancel, the operator's answer."""


@dataclass(slots=True, eq=False)
class _Live:
    flow: Flow
    user: UserId
    device_id: DeviceId
    ref: int = field(default_factory=lambda: secrets.randbelow(2**53))
    evicted: bool = False
    """It has to make room for somebody else's."""
    inbox: asyncio.Queue[_Item] = field(default_factory=lambda: asyncio.Queue(_MAX_INBOX))

    def put(self, item: _Item) -> None:
        if not self.inbox.full():  # no client has so much to say
            self.inbox.put_nowait(item)


class Verification:
    """All verifications of one account. `run` lives in the account's TaskGroup."""

    def __init__(
        self,
        me: UserId,
        homeserver: Homeserver,
        store: CryptoStore,
        rooms: Rooms,
        sender: RoomSender,
        keys: Callable[[], Keys],
        identity: Callable[[], CrossSigningKeys | None],
        settings: VerificationSettings,
        accepts: Callable[[UserId], bool],
        operator: Operator | None = None,
    ) -> None:
        """`identity`: our cross-signing keys, None while they are not on the homeserver. `accepts`: whether a person
        may begin a verification now; it counts how often it is asked."""
        assert settings.mode != "operator" or operator is not None
        self._me = me
        self._http = homeserver
        self._store = store
        self._rooms = rooms
        self._sender = sender
        self._keys = keys
        self._identity = identity
        self._settings = settings
        self._accepts = accepts
        self._operator = operator if settings.mode == "operator" else None
        self._heard: deque[Heard] = deque()
        self._news = asyncio.Event()
        self._live: dict[tuple[UserId, Flow], _Live] = {}
        self._over: LRUCache[tuple[UserId, Flow], None] = LRUCache(_MAX_REMEMBERED)
        """Flows that have ended: what still comes for them is nothing new."""

    def hear(self, heard: Heard) -> None:
        """Take one message. Called by the sync loop: it only puts it down."""
        if len(self._heard) < _MAX_HEARD:
            self._heard.append(heard)
            self._news.set()

    def decide(self, ref: int, matches: bool) -> None:
        """The operator's answer about a flow. One that is over by now is passed over."""
        for live in self._live.values():
            if live.ref == ref:
                live.put(matches)

    def is_open(self, ref: int) -> bool:
        """Whether the operator's answer about a flow is still waited for. May be called from any thread."""
        return any(live.ref == ref for live in list(self._live.values()))

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._news.wait()
                self._news.clear()
                while self._heard:
                    self._route(tasks, self._heard.popleft())

    # --- who may, and how many ---
    def _route(self, tasks: asyncio.TaskGroup, heard: Heard) -> None:
        flow = _flow(heard)
        if flow is None or heard.sender == self._me:
            return
        key = (heard.sender, flow)
        live = self._live.get(key)
        if live is not None:
            if heard.type != REQUEST:
                live.put(heard)
            return
        if key in self._over or heard.type in (CANCEL, READY, DONE) or not self._is_admitted(heard):
            return
        begins = heard.type == REQUEST or (heard.type == START and flow.room_id is None)
        device_id = heard.content.get("from_device")
        if not begins or not is_device_id(device_id) or self._settings.mode == "off":
            self._over[key] = None
            code = Code.UNKNOWN_TRANSACTION if not begins else Code.INVALID
            tasks.create_task(self._refuse(heard, flow, Code.USER if self._settings.mode == "off" else code))
            return
        own = [live for (user, _), live in self._live.items() if user == heard.sender]
        if len(own) >= _MAX_FLOWS_PER_USER or not self._makes_room(heard.sender):
            return
        again = [live for live in own if live.device_id == device_id]
        if again:
            # Spec: "When the same device attempts to initiate multiple verification attempts, the recipient should
            # cancel all attempts with that device." Each would be one more chance to guess.
            for live in again:
                live.put(Code.UNEXPECTED)
            self._over[key] = None
            tasks.create_task(self._refuse(heard, flow, Code.UNEXPECTED))
            return
        live = self._live[key] = _Live(flow, heard.sender, DeviceId(device_id))
        tasks.create_task(self._run(live, heard))

    def _makes_room(self, user: UserId) -> bool:
        """Whether one more flow of this user may run. When there are too many, one goes of the server, or of the user,
        that has more of them than this one."""
        going = [live for live in self._live.values() if not live.evicted]
        if len(going) < _MAX_FLOWS:
            return True
        servers = Counter(_server(live.user) for live in going)
        ((server, most),) = servers.most_common(1)
        if most <= servers[_server(user)]:
            server, most = _server(user), 0
        users = Counter(live.user for live in going if _server(live.user) == server)
        ((victim, many),) = users.most_common(1)
        if len(self._live) >= 2 * _MAX_FLOWS or (not most and many <= users[user] + 1):
            return False
        live = next(live for live in going if live.user == victim)
        live.evicted = True
        live.put(Code.TIMEOUT)
        return True

    def _is_admitted(self, heard: Heard) -> bool:
        """Whether this message, which belongs to no flow, is worth an answer at all."""
        if heard.where is not None:
            room = self._rooms.get(heard.where.room_id)
            if room is None or room.dm_with(self._me) != heard.sender or not _is_recent(heard.where.sent_at):
                return False
            if heard.type == REQUEST and heard.content.get("to") != self._me:
                return False
        elif heard.type == REQUEST and not _is_recent(heard.content.get("timestamp")):
            return False
        # Whom we share no encrypted room with is a stranger: their devices are not known here.
        return heard.sender in self._store.users and self._accepts(heard.sender)

    async def _refuse(self, heard: Heard, flow: Flow, code: Code) -> None:
        device_id = heard.content.get("from_device")
        try:
            async with asyncio.timeout(self._settings.idle_s):
                await self._put(flow, heard.sender, device_id if is_device_id(device_id) else "*", flow.cancel(code))
        except Exception as error:  # nobody waits for it, and nothing that a stranger does may end the bot
            log.info("a verification could not be refused", error=type(error).__name__)

    # --- one flow ---
    async def _run(self, live: _Live, first: Heard) -> None:
        try:
            await self._verify(live, first)
        except (Held, Refused, TimeoutError, MatrixError, Unreachable, TokenRevoked, TooLarge) as error:
            log.info("a verification broke off", error=type(error).__name__)
        except Exception as error:  # one flow may fail; the bot goes on
            log.error("a verification failed", error=type(error).__name__)
        finally:
            del self._live[(live.user, live.flow)]
            self._over[(live.user, live.flow)] = None

    async def _verify(self, live: _Live, first: Heard) -> None:
        now = asyncio.get_running_loop().time
        end = now() + self._settings.total_s
        sas = await self._open(live, first.type == REQUEST)
        if sas is None:
            await self._put(live.flow, live.user, live.device_id, live.flow.cancel(Code.INVALID))
            return
        methods = first.content.get("methods")
        sends = sas.answer(methods) if first.type == REQUEST else sas.receive(START, first.content)
        asked = False
        try:
            while True:
                async with asyncio.timeout_at(end + self._settings.idle_s):
                    for send in sends:
                        await self._put(live.flow, live.user, live.device_id, send)
                if sas.outcome is not None:
                    break
                if sas.short_auth is not None and self._operator is not None and not asked:
                    asked = await self._operator.ask(live.ref, live.user, sas.short_auth, max(1.0, end - now()))
                    if not asked:
                        sends = sas.cancel(Code.USER)
                        continue
                sends = await self._next(live, sas, end - now())
                if self._keys().machine.device_id != sas.ours.device_id:
                    return  # we are another device now
            log.info("a verification is over", done=sas.outcome.done, code=sas.outcome.code, by_us=sas.outcome.by_us)
        finally:
            if asked and self._operator is not None:
                done = sas.outcome is not None and sas.outcome.done
                signed = done and sas.outcome is not None and await self._vouch(live.user, sas.outcome.verified)
                await self._operator.ended(live.ref, live.user, signed=signed)

    async def _next(self, live: _Live, sas: Sas, left: float) -> list[Send]:
        """Wait for what comes next, and take it."""
        wait = left
        if sas.step is not Step.COMPARING:
            wait = min(left, self._settings.idle_s)
        starts = sas.step is Step.READY and wait > _START_AFTER_S
        try:
            async with asyncio.timeout(max(0.0, _START_AFTER_S if starts else wait)):
                item = await live.inbox.get()
        except TimeoutError:
            return sas.start() if starts else sas.time_out()
        if isinstance(item, Heard):
            return sas.receive(item.type, item.content)
        if isinstance(item, Code):
            return sas.cancel(item)
        return sas.confirm() if item else sas.cancel(Code.MISMATCHED_SAS)

    async def _open(self, live: _Live, requested: bool) -> Sas | None:
        """The state machine of a flow; None: the device is not known."""
        keys = self._keys()
        known = keys.machine.device_store[live.user].get(live.device_id)
        if known is None or known.deleted or self._store.users[live.user].outdated:
            self._store.save_user(live.user, outdated=True)
            await keys.query([live.user])
            known = keys.machine.device_store[live.user].get(live.device_id)
        if known is None or known.deleted:
            return None
        theirs = {f"ed25519:{live.device_id}": str(known.ed25519)}
        user = self._store.users[live.user]
        master = user.new_master_key or user.master_key
        if master is not None:
            if master == live.device_id:
                return None  # ids of devices and of cross-signing keys share one name space: this is no accident
            theirs[f"ed25519:{master}"] = master
        device_id = DeviceId(keys.machine.device_id)
        ours = {f"ed25519:{device_id}": str(keys.machine.account.identity_keys["ed25519"])}
        identity = self._identity()
        if identity is not None:
            ours[f"ed25519:{identity.master.public}"] = identity.master.public
        return Sas(
            live.flow,
            Party(self._me, device_id, ours),
            Party(live.user, live.device_id, theirs),
            step=Step.REQUESTED if requested else Step.READY,
            requested=requested,
            automatic=self._operator is None,
        )

    async def _put(self, flow: Flow, user: UserId, device_id: str, send: Send) -> None:
        """Send one message, again and again while the homeserver can't take it. The caller bounds the time."""
        txn_id = f"verification-{secrets.token_hex(12)}"
        while True:
            try:
                if flow.room_id is not None:
                    await self._sender.send_event(flow.room_id, user, send.type, send.content, txn_id)
                else:
                    path = f"/_matrix/client/v3/sendToDevice/{segment(send.type)}/{txn_id}"
                    await self._http.request("PUT", path, {"messages": {user: {device_id: send.content}}})
                return
            except Later as later:
                wait = later.after_ms / 1000
            except Unreachable:
                wait = _RETRY_S
            except MatrixError as error:
                if not error.temporary:
                    raise
                wait = _RETRY_S if error.retry_after_ms is None else error.retry_after_ms / 1000
            await asyncio.sleep(max(wait, 0.1))

    async def _vouch(self, user: UserId, verified: Mapping[str, str]) -> bool:
        """Sign the master key of a person whose emoji the operator compared (spec: "Cross-signing")."""
        known = self._store.users.get(user)
        master = None if known is None else known.new_master_key or known.master_key
        identity = self._identity()
        if master is None or identity is None or verified.get(f"ed25519:{master}") != master:
            return False
        key = {"user_id": user, "usage": ["master"], "keys": {f"ed25519:{master}": master}}
        body = {user: {master: identity.user_signing.sign(key, self._me)}}
        try:
            answer = await self._http.request("POST", "/_matrix/client/v3/keys/signatures/upload", body)
        except (MatrixError, Unreachable, TokenRevoked, TooLarge) as error:
            log.warning("the signature of a verified person could not be uploaded", error=str(error))
            return False
        return not answer.get("failures")


def _flow(heard: Heard) -> Flow | None:
    """The flow that a message names."""
    content = heard.content
    if heard.where is None:
        name = content.get("transaction_id")
        if not isinstance(name, str) or not 0 < len(name) <= 255 or not name.isprintable():
            return None
        return Flow(name)
    if heard.type == REQUEST:
        return Flow(heard.where.event_id, RoomId(heard.where.room_id))
    relation = content.get("m.relates_to")
    if not isinstance(relation, dict) or relation.get("rel_type") != "m.reference":
        return None
    target = relation.get("event_id")
    return Flow(target, RoomId(heard.where.room_id)) if is_event_id(target) else None


def _server(user: UserId) -> str:
    return user.partition(":")[2]


def _is_recent(sent_at: object) -> bool:
    if not isinstance(sent_at, int) or isinstance(sent_at, bool):
        return False
    return -_NOT_NEWER_MS <= now_ms() - sent_at <= _NOT_OLDER_MS
