"""The job that tells programs of people who left them for good; those on servers until they have confirmed it."""

import structlog

from bridge.db import DATABASE_DOWN, Database, Tx
from bridge.db.alarm import Alarm
from bridge.miniprograms.host import leaving, removing
from bridge.miniprograms.host.installed import Installed, Programs
from bridge.miniprograms.host.leaving import Leaving
from bridge.miniprograms.host.performing import Performer
from bridge.miniprograms.program import Handled, NotNow, Program, Runtime, Trapped

_LOOK_S, _FIRST_S, _MAX_S = 30.0, 30.0, 3600.0

log = structlog.get_logger(__name__)


class Leavings:
    """One per `Host`, beside its other work: nobody waits for a server here."""

    def __init__(self, db: Database, programs: Programs, performer: Performer, runtime: Runtime) -> None:
        self._db = db
        self._programs = programs
        self._performer = performer
        self._runtime = runtime
        self._wake = Alarm()

    def wake(self) -> None:
        self._wake.ring()

    async def run(self) -> None:
        """Tell programs what is due, until cancelled."""
        while True:
            self._wake.reset()
            wait = _LOOK_S
            try:
                await self.settle()
                due = await self._db.run(leaving.next_due)
                if due is not None:
                    wait = min(_LOOK_S, max(0.05, (due - self._db.clock()) / 1000))
            except DATABASE_DOWN as error:
                log.error("mini-programs could not be told of what happened", error=type(error).__name__)
            await self._wake.sleep(wait)

    async def settle(self) -> None:
        """Tell all that is due now, and return."""
        while (one := await self._db.run(leaving.next_leaving)) is not None:
            try:
                await self._tell(one)
            except DATABASE_DOWN:
                raise
            except Exception as error:
                # A fault of ours: it must not keep others from being told.
                log.error("what a mini-program was to be told could not be handled", error=type(error).__name__)
                await self._later(one, _MAX_S, "?")
        await self._db.run(removing.forget)

    async def _tell(self, one: Leaving) -> None:
        loaded = await self._db.run(lambda tx: self._load(tx, one))
        if loaded is None:
            return
        installed, program = loaded
        handled: Handled | None = None
        try:
            handled = await self._runtime.handle(program, leaving.event_of(installed, one))
        except NotNow as later:
            wait = later.after if later.kind == "deferred" and later.after is not None else _backoff_s(one.tries)
            await self._later(one, wait, installed.name)
            return
        except Trapped as trapped:
            log.info("a mini-program came to nothing", program=installed.name, kind=trapped.kind)
            if one.until is not None:
                await self._later(one, _backoff_s(one.tries), installed.name)
                return

        def work(tx: Tx) -> None:
            if leaving.told(tx, one, None if handled is None else handled.receipt) and handled is not None:
                self._performer.after_leaving(tx, one.shares or one.program_id, handled.answer)

        await self._db.run(work)

    def _load(self, tx: Tx, one: Leaving) -> tuple[Installed, Program] | None:
        found = self._programs.by_id(tx, one.program_id)
        if found is None:
            leaving.forget(tx, one)
            return None
        return found, self._programs.program(tx, found)

    async def _later(self, one: Leaving, wait_s: float, name: str) -> None:
        if not await self._db.run(lambda tx: leaving.postpone(tx, one, wait_s)):
            log.warning("a mini-program did not confirm in time that it deleted what it kept", program=name)


def _backoff_s(tries: int) -> float:
    """Half a minute, a minute … an hour."""
    return float(min(_FIRST_S * 2 ** min(tries, 10), _MAX_S))
