"""Servers that are asked for programs: several at a time, and each request once, as far as anybody can tell."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

import structlog

from bridge.chat.people import People
from bridge.config.programs import ProgramsConfig
from bridge.db import DATABASE_DOWN, Database, Tx
from bridge.ids import PersonId
from bridge.miniprograms.host import deliveries, fetching, messages, sessions
from bridge.miniprograms.host.generations import generation_of
from bridge.miniprograms.host.installed import Installed, Programs
from bridge.miniprograms.host.outside import Answered, Outside
from bridge.miniprograms.host.performing import About, Performer
from bridge.miniprograms.host.pictures import Pictures
from bridge.miniprograms.host.sessions import Session, Source

_AT_ONCE, _OF_ONE_PROGRAM = 8, 3

log = structlog.get_logger(__name__)


class Requests:
    """Works off `program_fetches`.

    Args:
        outside: asks servers; None: every request is refused.
        wake: called when one is done.
    """

    def __init__(
        self,
        db: Database,
        programs: Programs,
        people: People,
        performer: Performer,
        pictures: Pictures,
        outside: Outside | None,
        limits: ProgramsConfig,
        wake: Callable[[], None],
    ) -> None:
        self._db = db
        self._programs = programs
        self._people = people
        self._performer = performer
        self._pictures = pictures
        self._outside = outside
        self._limits = limits
        self._wake = wake
        self._busy: dict[int, int] = {}
        """Requests that are on their way, and their programs."""

    def due(self, tx: Tx) -> dict[int, int]:
        """Requests that can be begun with now, and their programs. A program whose servers are slow leaves others their
        places."""
        having, found = Counter(self._busy.values()), dict[int, int]()
        while len(self._busy) + len(found) < _AT_ONCE:
            full = [program for program, count in having.items() if count >= _OF_ONE_PROGRAM]
            waiting = fetching.due(tx, _AT_ONCE, {*self._busy, *found}, full)
            if not waiting:
                break
            for fetch_id, program in waiting:
                if having[program] < _OF_ONE_PROGRAM and len(self._busy) + len(found) < _AT_ONCE:
                    having[program] += 1
                    found[fetch_id] = program
        return found

    def begin(self, tasks: asyncio.TaskGroup, due: Mapping[int, int]) -> None:
        """Ask these, side by side."""
        self._busy.update(due)
        for fetch_id in due:
            tasks.create_task(self._apart(fetch_id))

    async def _apart(self, fetch_id: int) -> None:
        try:
            await self.ask(fetch_id)
        except DATABASE_DOWN as error:
            log.error("mini-programs could not be told of what happened", error=type(error).__name__)
            await asyncio.sleep(1)
        except Exception as error:
            log.error("what a mini-program was to be told could not be handled", error=type(error).__name__)
            with contextlib.suppress(*DATABASE_DOWN):
                await self._db.run(lambda tx: fetching.forget(tx, fetch_id))
        finally:
            self._busy.pop(fetch_id, None)
            self._wake()

    async def ask(self, fetch_id: int) -> None:
        """Ask a server. After a crash in between it is asked once more, and the program told once."""
        loaded = await self._db.run(lambda tx: self._load(tx, fetch_id))
        if loaded is None:
            return
        waiting, installed, domains = loaded
        outside, agreed = self._outside, waiting.host in domains
        if waiting.picture is not None:
            await self._picture(waiting, waiting.picture, installed, domains)
            return
        if agreed and outside is not None:
            answered = await outside.ask(waiting.asked, domains)
        else:
            answered = Answered("refused")

        def work(tx: Tx) -> None:
            session = sessions.by_id(tx, waiting.session_id)
            if session is None or not session.is_open:
                fetching.forget(tx, fetch_id)
            else:
                fetching.done(tx, session, waiting, answered)

        await self._db.run(work)

    async def _picture(
        self, waiting: fetching.Waiting, message_id: int, installed: Installed, domains: Collection[str]
    ) -> None:
        """Fetch a picture that the person agreed to after the message was shown in words: it is shown once more."""
        came: Mapping[str, Any] | str = "refused"
        if waiting.host in domains:
            came = await self._pictures.fetched(waiting.asked.url, installed.name, domains)

        def work(tx: Tx) -> None:
            session = sessions.by_id(tx, waiting.session_id)
            if not fetching.take(tx, waiting.id) or session is None or not session.is_open:
                return
            if isinstance(came, str):
                told, chain = fetching.failed(waiting.effect, waiting.tag, came), waiting.chain + 1
                sessions.tell(tx, session, waiting.person_id, "fetch.result", told, waiting.source, chain=chain)
            elif _put_in(tx, message_id, waiting.asked.url, came):
                person = self._people.by_id(tx, waiting.person_id)
                if person is not None:
                    generation = generation_of(tx, installed.id, person.id)
                    about = About(installed, person, generation, waiting.source, waiting.chain)
                    self._performer.show_again(tx, session, about, message_id)

        await self._db.run(work)

    def _load(self, tx: Tx, fetch_id: int) -> "tuple[fetching.Waiting, Installed, list[str]] | None":
        """What is to be asked, and the servers that the person agrees to still. What leaves now is noted before it
        does, whatever comes of it."""
        waiting = fetching.load(tx, fetch_id)
        session = None if waiting is None else sessions.by_id(tx, waiting.session_id)
        installed = None if session is None else self._programs.by_id(tx, session.program_id)
        if waiting is None or session is None or installed is None:
            fetching.forget(tx, fetch_id)
            return None
        allowed = self._limits.fetch and self._programs.is_open_to_people(installed)
        agreed = self._agreed(tx, session, waiting.person_id, installed) if allowed else []
        if waiting.host in agreed and self._outside is not None:
            deliveries.record_text(tx, waiting.person_id, installed.id, waiting.asked.shown)
        return waiting, installed, agreed

    @staticmethod
    def _agreed(tx: Tx, session: Session, person: PersonId, installed: Installed) -> list[str]:
        """The servers that somebody agreed to."""
        wishes = fetching.wishes(tx, session, person, installed.manifest, Source())
        return [host for host, wish in wishes.items() if wish == "agreed"]


def _put_in(tx: Tx, message_id: int, url: str, picture: Mapping[str, Any]) -> bool:
    """Put the picture of that address into a message. False: the message shows something else now, or is gone."""
    message = messages.by_id(tx, message_id)
    if message is None or message.said.content.picture is None or message.said.content.picture.url != url:
        return False
    messages.change(tx, message, replace(message.said, picture=picture))
    return True
