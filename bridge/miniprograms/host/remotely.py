"""Events for programs on servers: whether the person agrees that they leave, and when they are sent again."""

import random
from collections import Counter
from collections.abc import Collection, Mapping

from bridge.config.programs import ProgramsConfig
from bridge.db import Tx
from bridge.ids import PersonId
from bridge.miniprograms.host import asking, grants, sessions
from bridge.miniprograms.host.installed import Installed
from bridge.miniprograms.host.sessions import Session, Source, Waiting
from bridge.miniprograms.program import NotNow

HELD = 1 << 60
"""ms: when an event is due that waits for the person's consent."""
DONE_BY_PEOPLE = frozenset({"open", "command", "text", "choice", "form"})
_MAX_BACKOFF_S = 60


def agreed(tx: Tx, installed: Installed, person: PersonId, session_id: int) -> bool:
    """Whether somebody lets what they do in this session go to the program's server."""
    server = installed.manifest.server
    return server is None or grants.runs(server) in grants.held(
        tx, person, installed.id, installed.manifest, session_id
    )


def refused(tx: Tx, installed: Installed, person: PersonId) -> bool:
    """Whether somebody has said that they never want it."""
    server = installed.manifest.server
    decided = grants.of_program(tx, person, installed.id, installed.manifest)
    found = None if server is None else decided.get(grants.runs(server))
    return found is not None and found.verdict == "never"


def consent(installed: Installed, source: Source, session: Session) -> asking.Request:
    """What the person is to be asked before anything leaves."""
    return asking.Request(
        None, "", (grants.runs(installed.manifest.server or ""),), source=source, session_id=session.id
    )


def turns(tx: Tx, busy: Mapping[int, int | None], at_once: int, late: Collection[int] = ()) -> list[tuple[int, int]]:
    """Sessions of programs on servers that can be told something now, with their program: as many as there are hands
    free, of one program no more than half.

    Args:
        busy: sessions that are worked on, with their program where it is on a server.
        at_once: hands.
        late: programs that are told nothing now.
    """
    most, found = max(1, at_once // 2), dict[int, int]()
    at_work = Counter(program_id for program_id in busy.values() if program_id is not None)
    while (free := at_once - at_work.total()) > 0:
        full = [*late, *(program_id for program_id, count in at_work.items() if count >= most)]
        due = sessions.waiting_sessions(tx, {*busy, *found}, free, remote=True, full=full)
        if not due:
            break
        for turn in due:
            if at_work[turn.program_id] < most:
                at_work[turn.program_id] += 1
                found[turn.session_id] = turn.program_id
    return list(found.items())


def hold(tx: Tx, waiting: Waiting) -> None:
    """Keep an event, and all that follow it in its session, until the person has decided."""
    tx.sql("UPDATE program_events SET due_at = ? WHERE id = ?", (HELD, waiting.id))


def is_held(tx: Tx, session_id: int) -> bool:
    """Whether the person has not decided yet."""
    query = "SELECT 1 FROM program_events WHERE session_id = ? AND due_at >= ? LIMIT 1"
    return tx.sql(query, (session_id, HELD)).first() is not None


def release(tx: Tx, session_id: int) -> None:
    """Whatever waits in a session waits no longer."""
    tx.sql("UPDATE program_events SET due_at = 0 WHERE session_id = ? AND due_at > 0", (session_id,))


def drop(tx: Tx, session: Session) -> None:
    """Forget all that the program was to be told in a session, but that it was closed."""
    for row in tx.sql("SELECT id FROM program_events WHERE session_id = ?", (session.id,)).all():
        waiting = sessions.event_by_id(tx, row.id)
        if waiting is not None and waiting.type != "close":
            sessions.told(tx, waiting)


def sending(tx: Tx, waiting: Waiting) -> bool:
    """Note that an event is about to leave, before it does: it is the first in its session until it is done with, so
    that nothing else comes between two tries of it. Whether it is the first try."""
    tx.sql(
        "UPDATE program_events SET tries = tries + 1, first_at = COALESCE(first_at, ?) WHERE id = ?",
        (tx.now, waiting.id),
    )
    tries = tx.sql("SELECT tries FROM program_events WHERE id = ?", (waiting.id,)).scalar()
    return bool(tries == 1)


def postpone(tx: Tx, waiting: Waiting, later: NotNow, limits: ProgramsConfig) -> bool:
    """Have it sent again later. False: it was tried for long enough.

    What somebody did is tried for a short time, as they wait for it; what has to follow from that, or what the server
    said that it works on, for as long as an answer may take.
    """
    row = tx.sql("SELECT tries, first_at, deferred FROM program_events WHERE id = ?", (waiting.id,)).first()
    if row is None:
        return True
    deferred = bool(row.deferred) or later.kind == "deferred"
    impatient = waiting.type in DONE_BY_PEOPLE and not deferred
    if impatient and later.kind == "paused":
        return False  # it did not answer others, so nobody waits for it
    wait_s = later.after if later.after is not None else _backoff_s(int(row.tries))
    until = row.first_at + (limits.remote_retry_seconds if impatient else limits.defer_minutes * 60) * 1000
    due = tx.now + round(wait_s * 1000)
    if due > until:
        return False
    tx.sql("UPDATE program_events SET due_at = ?, deferred = ? WHERE id = ?", (due, int(deferred), waiting.id))
    return True


def next_due(tx: Tx) -> int | None:
    """When the next one is sent again, ms."""
    query = "SELECT MIN(due_at) FROM program_events WHERE due_at > ? AND due_at < ?"
    due: int | None = tx.sql(query, (tx.now, HELD)).scalar()
    return due


def _backoff_s(tries: int) -> float:
    """1, 2, 4 … seconds, up to a minute, and a little more or less: not all at once."""
    return float(min(2 ** (tries - 1), _MAX_BACKOFF_S)) * random.uniform(0.8, 1.2)
