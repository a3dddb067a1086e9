"""Making private rooms for two people and leaving them (I9), without ever holding a key of them.

A room is made empty, and only when it is written down that no key of it is taken does anybody learn of it. Until both
are in, nobody can send anything (power levels; in room versions before 12 creators have no power beyond these). Then
one event gives the room to the two, takes the bot's power away, and the bot leaves.
"""

import asyncio
import time
from typing import Any

import structlog

from bridge.contacts.private_chats import Job, PrivateChats, State
from bridge.db import Database, Tx
from bridge.db.alarm import Alarm
from bridge.ids import AccountId, PersonId, RoomId, UserId
from bridge.matrix.http import Homeserver, MatrixError, TokenRevoked, TooLarge, Unreachable, segment
from bridge.matrix.machine import MEGOLM
from bridge.matrix.rooms import MARKER, Room, Rooms

log = structlog.get_logger(__name__)

VERSIONS = ("11", "10")
"""Room versions, the best first. From 12 on the creator of a room keeps all power for ever."""
_LOOK_EVERY_S = 30.0
_PAUSE_S, _MAX_PAUSE_S = 2.0, 300.0
_UNREACHABLE_PAUSE_S = 60.0
_REQUEST_S = 90.0
_PARALLEL = 4
_NOBODY = 100


def closed_levels(me: UserId) -> dict[str, Any]:
    """Power levels under which nobody but the bot can do anything at all."""
    ours = ("events_default", "state_default", "ban", "kick", "redact", "invite")
    return {"users": {me: _NOBODY}, "users_default": 0, "events": {}, **dict.fromkeys(ours, _NOBODY)}


def open_levels(people: tuple[UserId, UserId]) -> dict[str, Any]:
    """Power levels that give a room to its two people, and the bot no power."""
    settings = ("encryption", "history_visibility", "power_levels", "server_acl", "tombstone")
    return {
        "users": dict.fromkeys(people, 100),
        "users_default": 0,
        "events": {f"m.room.{name}": 100 for name in settings},
        "events_default": 0,
        **dict.fromkeys(("state_default", "ban", "kick", "redact", "invite"), 50),
    }


class PrivateRooms:
    """Carries the jobs of `PrivateChats` out, beside the sync loop. Each step may be repeated after a crash."""

    def __init__(
        self, db: Database, homeserver: Homeserver, account: AccountId, rooms: Rooms, chats: PrivateChats
    ) -> None:
        self._db = db
        self._http = homeserver
        self._account = account
        self._rooms = rooms
        self._chats = chats
        self._wake = Alarm()
        self._busy: set[int] = set()
        self._failures: dict[int, int] = {}
        self._not_before: dict[int, float] = {}
        self._idle: dict[int, RoomId | None] = {}
        """Of those that wait, the ones that somebody's coming or going would wake, with their rooms."""
        self._news: set[RoomId] = set()
        self._parallel = asyncio.Semaphore(_PARALLEL)
        self._leaving: set[RoomId] = set()
        chats.wake = self._wake.ring

    def load(self, tx: Tx) -> None:
        """Know all private rooms, before the first sync brings a key."""
        self._rooms.keep_private(self._chats.rooms(tx, self._account))

    def synced(self) -> None:
        """A sync has come: somebody may have joined."""
        news = self._rooms.private_news
        if news:
            self._news |= news
            for job_id in [job_id for job_id, room_id in self._idle.items() if room_id in news]:
                self._not_before.pop(job_id, None)
            news.clear()
            self._wake.ring()

    async def run(self) -> None:
        """Work until cancelled; begin when the first sync has told which rooms there are."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.reset()
                try:
                    await self._look(tasks)
                except Exception as error:  # the database is away, most likely
                    log.error("private chats wait: the database did not answer", error=type(error).__name__)
                await self._wake.sleep(self._sleep_s())

    def _sleep_s(self) -> float:
        now = time.monotonic()
        return min([_LOOK_EVERY_S, *(max(0.05, at - now) for at in self._not_before.values())])

    async def _look(self, tasks: asyncio.TaskGroup) -> None:
        jobs, known_rooms, markers = await self._db.run(lambda tx: self._chats.jobs(tx, self._account))
        going = {job.id for job in jobs}
        memories: tuple[dict[int, Any], ...] = (self._not_before, self._failures, self._idle)
        for memory in memories:
            for gone in memory.keys() - going:
                memory.pop(gone)
        for job in jobs:
            if job.id not in self._busy and self._not_before.get(job.id, 0.0) <= time.monotonic():
                self._not_before.pop(job.id, None)
                self._idle.pop(job.id, None)
                self._busy.add(job.id)
                tasks.create_task(self._work(job))
        for room in list(self._rooms.private()):
            stray = room.room_id not in known_rooms and room.marker not in markers
            if stray and room.joined and room.room_id not in self._leaving:
                # Made by a try whose answer never came, or for people who are not here any more.
                self._leaving.add(room.room_id)
                tasks.create_task(self._leave_stray(room.room_id))

    async def _work(self, job: Job) -> None:
        """Do what can be done for a job now."""
        pause: float | None = None
        if job.room_id is not None:
            self._news.discard(job.room_id)
        try:
            async with self._parallel:
                pause = await self._step(job)
            self._failures.pop(job.id, None)
            if pause is not None:
                self._idle[job.id] = job.room_id
                if job.room_id in self._news:  # somebody came or went meanwhile
                    pause = None
        except Exception as error:
            # The type alone: the text of an error may name rooms.
            failures = self._failures[job.id] = self._failures.get(job.id, 0) + 1
            pause = min(_PAUSE_S * 2 ** min(failures - 1, 16), _MAX_PAUSE_S)
            if isinstance(error, MatrixError) and error.retry_after_ms is not None:
                pause = max(pause, error.retry_after_ms / 1000)
            elif not isinstance(error, Unreachable | TokenRevoked):
                why = error.errcode if isinstance(error, MatrixError) else type(error).__name__
                log.warning("a private chat could not be prepared; it is tried again", at=job.state.value, why=why)
        finally:
            self._busy.discard(job.id)
        if pause is not None:
            self._not_before[job.id] = time.monotonic() + pause
        self._wake.ring()  # there is a next step, or another time to wake up at

    async def _step(self, job: Job) -> float | None:
        """One step. None: look at once what is next; else for how many seconds there is nothing to do, unless somebody
        joins.

        Raises:
            MatrixError, Unreachable, TokenRevoked, TooLarge: it did not work, or nobody knows.
        """
        if job.state is State.CLOSE:
            return await self._close(job)
        if job.state is State.OPEN:
            return await self._open(job)
        if job.state is State.LEAVE:
            assert job.room_id is not None
            await self._leave(job.room_id)
            await self._db.run(lambda tx: self._chats.move(tx, job, State.DONE))
            return None
        left_s = (job.until - self._db.clock()) / 1000
        if left_s <= 0 or (
            job.state is not State.SILENT and not await self._db.run(lambda tx: self._chats.may(tx, job))
        ):
            await self._db.run(lambda tx: self._chats.move(tx, job, State.CLOSE))
            return None
        match job.state:
            case State.CREATE:
                await self._create(job)
                return None
            case State.FIRST:
                return await self._first(job, left_s)
            case State.SECOND:
                return await self._second(job, left_s)
        return left_s

    async def _create(self, job: Job) -> None:
        made = next((room.room_id for room in self._rooms.private() if room.marker == job.marker), None)
        room_id = made if made is not None else await self._make(job.marker)
        self._rooms.keep_private([room_id])
        await self._db.run(lambda tx: self._chats.made(tx, job, self._account, room_id))

    async def _make(self, marker: str) -> RoomId:
        """An empty, closed, encrypted room without a name."""
        state = {
            "m.room.encryption": {"algorithm": MEGOLM},
            "m.room.history_visibility": {"history_visibility": "joined"},
            "m.room.guest_access": {"guest_access": "forbidden"},
        }
        body: dict[str, Any] = {
            "preset": "private_chat",
            "visibility": "private",
            "creation_content": {MARKER: marker},
            "power_level_content_override": closed_levels(self._rooms.me),
            "initial_state": [{"type": kind, "state_key": "", "content": it} for kind, it in state.items()],
        }
        for version in VERSIONS:
            try:
                answer = await self._request("POST", "createRoom", {**body, "room_version": version})
            except MatrixError as error:
                if error.errcode == "M_UNSUPPORTED_ROOM_VERSION" and version != VERSIONS[-1]:
                    continue
                raise
            room_id = answer.get("room_id")
            if not isinstance(room_id, str):
                raise MatrixError(502, "M_UNKNOWN", {})
            return RoomId(room_id)
        raise AssertionError("unreachable")

    async def _first(self, job: Job, left_s: float) -> float | None:
        if self._membership(job, job.other_user) == "join":
            await self._db.run(lambda tx: self._chats.other_is_in(tx, job))
            return None
        return await self._invite(job, 1, job.other, job.other_user, left_s)

    async def _second(self, job: Job, left_s: float) -> float | None:
        if all(self._membership(job, user) == "join" for user in (job.other_user, job.asker_user)):
            await self._db.run(lambda tx: self._chats.move(tx, job, State.OPEN))
            return None
        return await self._invite(job, 2, job.asker, job.asker_user, left_s)

    async def _invite(self, job: Job, count: int, person: PersonId, user: UserId, left_s: float) -> float | None:
        """Invite somebody once. Who declines is not asked again."""
        if job.invited >= count:
            return left_s
        if not await self._db.run(lambda tx: self._chats.reachable(tx, person)):
            return min(left_s, _UNREACHABLE_PAUSE_S)
        try:
            await self._request("POST", f"{_path(job)}/invite", {"user_id": user})
        except MatrixError as error:
            # In already, after a try whose answer never came; or not to be invited: then it ends with its time.
            if error.temporary:
                raise
        await self._db.run(lambda tx: self._chats.invited(tx, job, count))
        return left_s

    async def _open(self, job: Job) -> float | None:
        """Give the room away. From the first try on there is no way back: only leaving is left."""
        path = f"{_path(job)}/state/m.room.power_levels/"
        try:
            await self._request("PUT", path, open_levels((job.asker_user, job.other_user)))
        except MatrixError as error:
            if error.temporary:
                raise
            # Done already, by a try whose answer never came; or we have no power, or are not in it.
            try:
                users = (await self._request("GET", path)).get("users")
            except MatrixError as second:
                if second.temporary:
                    raise
                users = {self._rooms.me: 0}
            if isinstance(users, dict) and self._rooms.me in users:
                await self._db.run(lambda tx: self._chats.move(tx, job, State.CLOSE))
                return None
        await self._db.run(lambda tx: self._chats.move(tx, job, State.LEAVE))
        return None

    async def _close(self, job: Job) -> float | None:
        if job.room_id is not None:
            await self._empty(job.room_id, [job.other_user, job.asker_user])
        await self._db.run(lambda tx: self._chats.closed(tx, job))
        return None

    async def _leave_stray(self, room_id: RoomId) -> None:
        room = self._rooms.get(room_id)
        try:
            await self._empty(room_id, [] if room is None else [UserId(user) for user in room.members])
        except (MatrixError, Unreachable, TokenRevoked, TooLarge):
            self._leaving.discard(room_id)

    async def _empty(self, room_id: RoomId, people: list[UserId]) -> None:
        """Send everybody out, without a word, and leave."""
        for user in people:
            if user != self._rooms.me:
                try:
                    await self._request("POST", f"rooms/{segment(room_id)}/kick", {"user_id": user})
                except MatrixError as error:
                    if error.temporary:
                        raise  # else: not in it, or we are not any more
        await self._leave(room_id)

    async def _leave(self, room_id: RoomId) -> None:
        for what in ("leave", "forget"):
            try:
                await self._request("POST", f"rooms/{segment(room_id)}/{what}", {})
            except MatrixError as error:
                if error.temporary:
                    raise  # else: we are not in it any more

    def _membership(self, job: Job, user: UserId) -> str | None:
        room: Room | None = None if job.room_id is None else self._rooms.get(job.room_id)
        return None if room is None else room.members.get(user)

    async def _request(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        return await self._http.request(method, f"/_matrix/client/v3/{path}", body, timeout_s=_REQUEST_S)


def _path(job: Job) -> str:
    assert job.room_id is not None
    return f"rooms/{segment(job.room_id)}"
