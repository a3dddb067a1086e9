"""What leaves for the server of a program, and what is done when nothing comes back."""

from dataclasses import replace

import structlog

from bridge.chat.reply import Message, Text
from bridge.config.programs import ProgramsConfig
from bridge.db import Tx
from bridge.miniprograms.host import asking, remotely, sessions
from bridge.miniprograms.host.performing import About, Performer, title
from bridge.miniprograms.host.sessions import Session, Waiting
from bridge.miniprograms.program import NotNow

log = structlog.get_logger(__name__)


class Gate:
    """All methods run inside the transaction that they are given."""

    def __init__(self, performer: Performer, limits: ProgramsConfig) -> None:
        self._performer = performer
        self._limits = limits

    def may_leave(self, tx: Tx, session: Session, about: About, waiting: Waiting) -> bool:
        """Whether the person lets this go to the program's server. Who has not decided is asked, and it waits; else it
        is done with. Always true of a program that runs here."""
        installed, person = about.installed, about.person
        server = installed.manifest.server
        if server is None or remotely.agreed(tx, installed, person.id, session.id):
            return True
        if session.in_room or not session.is_open or remotely.refused(tx, installed, person.id):
            sessions.told(tx, waiting)
            _forfeit(tx, session, waiting)
            if session.is_open and waiting.source.push is None:
                self._turn_away(tx, session, about, server)
            return False
        wanted = remotely.consent(installed, waiting.source, session)
        asked = asking.ask(tx, installed, person, wanted, self._limits.grant_days)
        if isinstance(asked, Message):
            self._performer.say(tx, session, about, asked)
            remotely.hold(tx, waiting)
        else:
            sessions.told(tx, waiting)
            _forfeit(tx, session, waiting)
        return False

    def postpone(self, tx: Tx, waiting: Waiting, about: About, later: NotNow) -> None:
        """The server has no answer: it is asked again, or it was asked for long enough and the person is told."""
        session = sessions.by_id(tx, waiting.session_id)
        if session is None or remotely.postpone(tx, waiting, later, self._limits):
            return
        log.info("a mini-program came to nothing", program=about.installed.name, kind=later.kind)
        if not sessions.told(tx, waiting) or not session.is_open:
            return
        # What was said since was said to somebody who is not there.
        remotely.drop(tx, session)
        _forfeit(tx, session, waiting)
        self._performer.say(tx, session, about, Message((Text("program-unreachable", {"title": title(about)}),)))

    def _turn_away(self, tx: Tx, session: Session, about: About, server: str) -> None:
        """Somebody has not agreed to the program's server. In a room that concerns them alone."""
        told = {"title": title(about), "host": server, "name": about.installed.name}
        if session.in_room:
            self._performer.say(tx, session, about, Message((Text("program-runs-first", told),)), to_all=False)
            return
        remotely.drop(tx, session)
        sessions.end(tx, session)
        self._performer.say(tx, session, about, Message((Text("program-runs-never", told),)))


def _forfeit(tx: Tx, session: Session, waiting: Waiting) -> None:
    """A message that the program might have sent by itself is none that it may send later."""
    if waiting.source.push is not None:
        sessions.save(tx, replace(session, pushes=max(0, session.pushes - 1)))
