"""The job that tells programs what happened, and does what they answer. Its work stands in the database."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import TypeAlias

import structlog

from bridge.chat.command import Person
from bridge.chat.people import People
from bridge.chat.picture import StoredPicture
from bridge.chat.reply import Message, Text
from bridge.config.programs import ProgramsConfig
from bridge.db import DATABASE_DOWN, Database, Tx
from bridge.db.alarm import Alarm
from bridge.db.sealing import Unreadable
from bridge.errors import OperatorError
from bridge.miniprograms import effects
from bridge.miniprograms.events import Event
from bridge.miniprograms.fuel import FUEL_PER_MS
from bridge.miniprograms.host import deliveries, fetching, grants, known, remotely, sessions, timers
from bridge.miniprograms.host.allowance import Allowances, Pace
from bridge.miniprograms.host.gate import Gate
from bridge.miniprograms.host.generations import generation_of
from bridge.miniprograms.host.installed import Programs
from bridge.miniprograms.host.leavings import Leavings
from bridge.miniprograms.host.outside import Outside
from bridge.miniprograms.host.performing import About, Performer, title
from bridge.miniprograms.host.pictures import Pictures, Shown, servers, with_profile
from bridge.miniprograms.host.profile import avatar_of
from bridge.miniprograms.host.requests import Requests
from bridge.miniprograms.host.sessions import Session, Source, Waiting
from bridge.miniprograms.host.telling import close, event_of
from bridge.miniprograms.program import Handled, NotNow, Program, Runtime, Trapped
from bridge.miniprograms.ui import Content

Note: TypeAlias = Callable[[Tx, Person, str, str], None]
"""Writes into a person's log that a program, by its title, read fields of their profile."""

_LOOK_S = 30.0
_AT_ONCE = 4
_MESSAGE_MS, _PICTURE_MS = 20.0, 100.0
"""Work of a homeserver and of ours for one message, and for one picture that has to be drawn anew."""
_LOOKED_AT = 100
_RESTING = 32
"""Sessions that may wait for pictures beside those."""
_HOUR_MS = 3600 * 1000
_OURS = frozenset({"busy", "failed", "event"})
"""What a program is not to blame for."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Ready:
    """An event that a program can be told of."""

    waiting: Waiting
    event: Event
    about: About
    program: Program
    avatar: StoredPicture | None = None
    """The picture of the person, where the program may know it."""


class Host:
    """Runs what waits in `program_events`, in order within a session, sessions side by side.

    Args:
        runtime: runs programs.
        pictures: makes what programs show fit to be shown.
        note: see `Note`.
        look: looks up again where programs are open.
        outside: asks servers; None: every request is refused.
    """

    def __init__(
        self,
        db: Database,
        programs: Programs,
        performer: Performer,
        people: People,
        runtime: Runtime,
        limits: ProgramsConfig,
        allowances: Allowances,
        *,
        pictures: Pictures,
        note: Note = lambda tx, person, program, fields: None,
        look: Callable[[Tx], None] = lambda tx: None,
        outside: Outside | None = None,
    ) -> None:
        self._db = db
        self._programs = programs
        self._performer = performer
        self._gate = Gate(performer, limits)
        self._leavings = Leavings(db, programs, performer, runtime)
        self._people = people
        self._runtime = runtime
        self._limits = limits
        self._allowances = allowances
        self._pictures = pictures
        self._note = note
        self._look = look
        self._wake = Alarm()
        self._requests = Requests(db, programs, people, performer, pictures, outside, limits, self._wake.ring)
        self._busy: dict[int, int | None] = {}
        """Sessions that are worked on; of programs on servers, with the program."""
        self._near: dict[int, int] = {}
        """The programs of those that run here."""
        self._pace = Pace(limits.messages_per_second)
        self._stopped: set[int] = set()
        """Of those that are busy, those whose program has said enough for now."""
        self._resting: set[int] = set()
        """Of those that are busy, those that wait for a picture."""

    def wake(self) -> None:
        """Something waits."""
        self._wake.ring()
        self._leavings.wake()

    async def run(self) -> None:
        """Tell programs what there is to be told, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._leavings.run())
            while True:
                self._wake.reset()
                wait = _LOOK_S
                try:
                    wait, near, far, due = await self._db.run(self._round)
                    self._near.update(near)
                    self._busy.update({**dict.fromkeys(near), **far})
                    for session_id in (*near, *far):
                        tasks.create_task(self._work(session_id))
                    self._requests.begin(tasks, due)
                except DATABASE_DOWN as error:
                    log.error("mini-programs could not be told of what happened", error=type(error).__name__)
                except Exception as error:
                    # Whatever it is: the bot goes on, and so do programs, half a minute later.
                    log.error("what a mini-program was to be told could not be handled", error=type(error).__name__)
                await self._wake.sleep(wait)

    def _round(self, tx: Tx) -> tuple[float, dict[int, int], dict[int, int], dict[int, int]]:
        """Seconds until there is more; sessions, with their programs, and requests that can be begun with now. Sessions
        of programs on servers come apart: these have hands of their own, so that nobody else waits for a server."""
        wait = self._tick(tx)
        late = self._pace.late()
        wait = min(wait, *late.values()) if late else wait
        at_work = {session_id for session_id, program_id in self._busy.items() if program_id is None}
        free = _AT_ONCE - len(at_work - self._resting)
        near = self._turns(tx, free, late) if free > 0 else {}
        far = dict(remotely.turns(tx, self._busy, self._limits.remote_at_once, late))
        return wait, near, far, self._requests.due(tx)

    def _turns(self, tx: Tx, free: int, late: Collection[int]) -> dict[int, int]:
        """Whose turn it is. No program takes the places of others: each has as many as there are workers."""
        having = Counter(program for session, program in self._near.items() if session not in self._resting)
        full = {program for program, count in having.items() if count >= self._limits.workers}
        found: dict[int, int] = {}
        for turn in sessions.waiting_sessions(tx, self._busy, _LOOKED_AT, remote=False, full=(*late, *full)):
            if having[turn.program_id] < self._limits.workers and len(found) < free:
                having[turn.program_id] += 1
                found[turn.session_id] = turn.program_id
        return found

    async def settle(self) -> None:
        """Tell all that waits now, and return."""
        while True:
            await self._db.run(self._tick)
            await self._leavings.settle()
            for fetch_id, _ in await self._db.run(lambda tx: fetching.due(tx, 100)):
                await self._requests.ask(fetch_id)
            found = 0
            for remote in (False, True):
                for turn in await self._db.run(
                    lambda tx: sessions.waiting_sessions(tx, (), 100, remote=remote)  # noqa: B023
                ):
                    found += 1
                    while await self._step(turn.session_id):
                        pass
            if not found:
                return

    async def _work(self, session_id: int) -> None:
        try:
            while await self._step(session_id) and session_id not in self._stopped:
                pass
        except DATABASE_DOWN as error:
            log.error("mini-programs could not be told of what happened", error=type(error).__name__)
            await asyncio.sleep(1)
        except Exception as error:
            # A fault of ours: that one thing comes to nothing, and nobody else notices.
            log.error("what a mini-program was to be told could not be handled", error=type(error).__name__)
            await self._give_up(session_id)
        finally:
            self._busy.pop(session_id, None)
            self._near.pop(session_id, None)
            self._stopped.discard(session_id)
            self._wake.ring()

    async def _give_up(self, session_id: int) -> None:
        def work(tx: Tx) -> None:
            tx.sql("DELETE FROM program_events WHERE session_id = ?", (session_id,))

        with contextlib.suppress(*DATABASE_DOWN):
            await self._db.run(work)

    # --- time -----------------------------------------------------------------------------------------------------

    def _tick(self, tx: Tx) -> float:
        """Let timers ring, and close what is idle. Seconds until there is more."""
        for timer in timers.take_due(tx, 100):
            self._ring(tx, timer)
        for session in sessions.idle_since(tx, tx.now - self._limits.idle_hours * _HOUR_MS, 100):
            close(tx, session, session.person_id, "idle", Source())
        self._look(tx)
        due = min((at for at in (timers.next_due(tx), remotely.next_due(tx)) if at is not None), default=None)
        return _LOOK_S if due is None else min(_LOOK_S, max(0.05, (due - tx.now) / 1000))

    def _ring(self, tx: Tx, timer: timers.Timer) -> None:
        """A timer rings only for somebody who agreed: to one message, or to messages until they stop them."""
        session = sessions.by_id(tx, timer.session_id)
        installed = None if session is None else self._programs.by_id(tx, session.program_id)
        if session is None or installed is None or not session.is_open or session.in_room:
            return
        manifest = installed.manifest
        held = grants.held(tx, session.person_id, installed.id, manifest, session.id)
        push: sessions.Push
        if grants.SUBSCRIBE in held and self._allowances.push(session.person_id, installed.id):
            push = "standing"
        elif grants.NOTIFY in held:
            push = "once"
            grants.use_up(tx, session.person_id, installed.id)
        else:
            return
        sessions.save(tx, replace(session, pushes=session.pushes + 1))
        # It counts as something that followed: a program must not go on by itself for ever.
        told = {"tag": timer.tag, "payload": timer.payload}
        sessions.tell(tx, session, session.person_id, "timer", told, Source(push=push), chain=1)

    # --- one event ------------------------------------------------------------------------------------------------

    async def _step(self, session_id: int) -> bool:
        """Tell one thing. Whether there was any."""
        ready = await self._db.run(lambda tx: self._load(tx, session_id))
        if ready is None:
            return False
        if not isinstance(ready, _Ready):
            return True
        about = ready.about
        ready = replace(ready, event=await self._pictures.with_avatar(ready.event, ready.avatar))
        try:
            handled = await self._runtime.handle(ready.program, ready.event)
        except NotNow as not_now:
            later = not_now
            await self._db.run(lambda tx: self._gate.postpone(tx, ready.waiting, ready.about, later))
            return False
        except Trapped as trapped:
            self._allowances.worked(about.person.id, about.installed.id, self._limits.cpu_ms / 4)
            await self._trapped(ready, trapped.kind)
            return True
        except (OperatorError, OSError) as error:
            log.error("mini-programs can't be run", error=type(error).__name__)
            await self._trapped(ready, "failed")
            return True
        said = _messages(handled)
        work = handled.fuel / FUEL_PER_MS + _MESSAGE_MS * max(0, said - 1) + _PICTURE_MS * _redrawn(handled)
        self._allowances.worked(about.person.id, about.installed.id, work)
        if self._pace.said(about.installed.id, said):
            self._stopped.add(session_id)
        pictures = await self._shown(session_id, ready, handled)
        await self._db.run(lambda tx: self._commit(tx, ready, handled, pictures))
        return True

    async def _shown(self, session_id: int, ready: _Ready, handled: Handled) -> Shown:
        """The pictures of an answer. Fetching takes its time: another session may be told something meanwhile."""
        about = ready.about
        wanted = servers(handled)
        if not wanted:
            return await self._pictures.shown(handled, about.installed.name, {})

        def look(tx: Tx) -> dict[str, fetching.Wish]:
            session = sessions.by_id(tx, session_id)
            if session is None:
                return {}
            return fetching.wishes(tx, session, about.person.id, about.installed.manifest, about.source)

        wishes = await self._db.run(look)
        rests = session_id in self._busy and len(self._resting) < _RESTING
        if rests:
            self._resting.add(session_id)
            self._wake.ring()
        try:
            return await self._pictures.shown(handled, about.installed.name, wishes)
        finally:
            self._resting.discard(session_id)

    def _load(self, tx: Tx, session_id: int) -> "_Ready | bool | None":
        """The next event of a session; None: there is none. True: one came to nothing, go on."""
        waiting = sessions.next_event(tx, session_id)
        if waiting is None:
            return None
        session = sessions.by_id(tx, session_id)
        try:
            person = self._people.by_id(tx, waiting.person_id)
        except Unreadable:
            person = None
        installed = None if session is None else self._programs.by_id(tx, session.program_id)
        if session is None or person is None or installed is None or not waiting.type:
            sessions.told(tx, waiting)
            return True
        about = About(installed, person, generation_of(tx, installed.id, person.id), waiting.source, waiting.chain)
        if not session.is_open and waiting.type != "close":
            sessions.told(tx, waiting)  # it was closed meanwhile: that was not for it any more
            return True
        if installed.suspended_until is not None or not self._programs.is_open_to_people(installed):
            sessions.told(tx, waiting)
            if session.is_open:
                sessions.end(tx, session)
                self._say(tx, session, about, "program-off")
            return True
        if not self._gate.may_leave(tx, session, about, waiting):
            return True
        event = event_of(tx, session, about, waiting)
        if event is None:
            sessions.told(tx, waiting)
            self._say(tx, session, about, "program-trap")
            return True
        avatar = avatar_of(tx, person.id, event.user.scopes)
        ready = _Ready(waiting, event, about, self._programs.program(tx, installed), avatar)
        if session.in_room or installed.manifest.server is not None:
            known.note(tx, session, person.id, about.generation)
        if installed.manifest.server is not None and remotely.sending(tx, waiting):
            # It counts as told from now on, whatever becomes of it.
            told = ready if avatar is None else replace(ready, event=with_profile(event, {"avatar": "…"}))
            sessions.save(tx, self._note_reading(tx, session, told))
            deliveries.record(tx, person.id, installed.id, told.event)
        return ready

    def _commit(self, tx: Tx, ready: _Ready, handled: Handled, pictures: Shown) -> None:
        """All that came of it, or nothing; but that servers were asked for pictures stays."""
        person_id, installed = ready.about.person.id, ready.about.installed
        if pictures.asked and self._people.by_id(tx, person_id) is not None:
            for asked in pictures.asked:
                deliveries.record_text(tx, person_id, installed.id, asked.shown)
        if not sessions.told(tx, ready.waiting):
            return
        session = sessions.by_id(tx, ready.waiting.session_id)
        if session is None or (not session.is_open and ready.waiting.type != "close"):
            return
        session = self._note_reading(tx, session, ready)
        if installed.manifest.server is None:
            deliveries.record(tx, person_id, installed.id, ready.event)
        self._performer.perform(tx, session, ready.about, handled.answer, pictures)

    def _note_reading(self, tx: Tx, session: Session, ready: _Ready) -> Session:
        """What a program reads of somebody's profile stands in their log, once for each time that it is open."""
        new = tuple(sorted(set(ready.event.user.profile) - set(session.noted)))
        if not new:
            return session
        self._note(tx, ready.about.person, title(ready.about), ", ".join(new))
        return replace(session, noted=(*session.noted, *new))

    async def _trapped(self, ready: _Ready, kind: str) -> None:
        installed = ready.about.installed
        log.info("a mini-program came to nothing", program=installed.name, kind=kind)

        def work(tx: Tx) -> None:
            if not sessions.told(tx, ready.waiting):
                return
            session = sessions.by_id(tx, ready.waiting.session_id)
            if session is None:
                return
            sessions.drop_following(tx, session.id)
            if session.is_open:
                self._say(tx, session, ready.about, "program-unavailable" if kind in _OURS else "program-trap")
            if kind not in _OURS and self._programs.failed(tx, installed.id):
                tx.after_commit(lambda: _tell_operator(installed.name))

        await self._db.run(work)

    def _say(self, tx: Tx, session: Session, about: About, text: str) -> None:
        self._performer.say(tx, session, about, Message((Text(text, {"title": title(about)}),)))


def _messages(handled: Handled) -> int:
    return sum(isinstance(wanted.effect, effects.UiSend | effects.UiUpdate) for wanted in handled.answer.effects)


def _redrawn(handled: Handled) -> int:
    shown = [wanted.effect for wanted in handled.answer.effects]
    return sum(isinstance(one, Content) and one.picture is not None and one.picture.qr is None for one in shown)


def _tell_operator(name: str) -> None:
    log.error("a mini-program failed too often and is suspended", program=name)
