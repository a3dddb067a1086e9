"""What servers are to be asked for programs, as rows: asked for, agreed to, done."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from bridge.db import Tx
from bridge.ids import PersonId
from bridge.miniprograms.effects import Fetch
from bridge.miniprograms.host import grants, sessions
from bridge.miniprograms.host.outside import Answered, Asked
from bridge.miniprograms.host.sessions import Session, Source
from bridge.miniprograms.manifest import Manifest
from bridge.miniprograms.ui import https_host

Wish: TypeAlias = Literal["agreed", "undecided", "refused"]
"""Whether a person wants a server to be asked."""
PICTURE = "picture"
"""The tag of results that are about a picture."""
MAX_WAITING = 10
"""Of one session; further ones are refused."""


@dataclass(frozen=True, slots=True)
class Waiting:
    id: int
    session_id: int
    person_id: PersonId
    chain: int
    effect: str
    tag: str
    asked: Asked
    source: Source
    picture: int | None = None
    """The message whose picture is to be fetched."""

    @property
    def host(self) -> str:
        return https_host(self.asked.url) or ""


def queue(
    tx: Tx,
    session: Session,
    person: PersonId,
    effect_id: str,
    effect: Fetch,
    source: Source,
    *,
    chain: int,
    agreed: bool,
    picture: int | None = None,
) -> bool:
    """Have a server asked, now or once the person agrees. Whether they are asked about this server already."""
    host = _lookup(tx, session.id, https_host(effect.url) or "")
    known = tx.sql(
        "SELECT 1 FROM program_fetches WHERE session_id = ? AND lookup = ? AND state = 'asked' LIMIT 1",
        (session.id, host),
    ).first()
    [row_id] = tx.new_ids("program_fetches")
    said = {
        "effect": effect_id,
        "tag": effect.tag,
        "url": effect.url,
        "method": effect.method,
        "headers": dict(effect.headers),
        "body": effect.body,
        "picture": picture,
        **source.kept,
    }
    sealed = tx.vault.seal(person, "program_fetches", row_id, "sealed", said)
    tx.sql(
        "INSERT INTO program_fetches (id, session_id, person_id, lookup, sealed, state, chain, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (row_id, session.id, person, host, sealed, "waiting" if agreed else "asked", chain, tx.now),
    )
    return known is not None


def wish(tx: Tx, session: Session, person: PersonId, manifest: Manifest, host: str, source: Source) -> Wish:
    """What a person wants about a server. In rooms nobody agrees, and who does nothing just now is asked nothing."""
    scope = grants.server(host)
    if session.in_room or host not in manifest.domains:
        return "refused"
    if scope in grants.held(tx, person, session.program_id, manifest, session.id):
        return "agreed"
    decided = grants.of_program(tx, person, session.program_id, manifest).get(scope)
    never = decided is not None and decided.verdict == "never"
    return "refused" if never or source.push is not None else "undecided"


def wishes(tx: Tx, session: Session, person: PersonId, manifest: Manifest, source: Source) -> dict[str, Wish]:
    """The same for all servers of the manifest."""
    return {host: wish(tx, session, person, manifest, host, source) for host in manifest.domains}


def take(tx: Tx, row_id: int) -> bool:
    """A request is done with. False: it was before."""
    return tx.sql("DELETE FROM program_fetches WHERE id = ?", (row_id,)).rowcount == 1


def failed(effect: str, tag: str, error: str) -> dict[str, Any]:
    """The data of a `fetch.result` of what came to nothing."""
    return {"effect": effect, "tag": tag, "ok": False, "error": error}


def count(tx: Tx, session: Session) -> int:
    query = "SELECT COUNT(*) FROM program_fetches WHERE session_id = ?"
    return int(tx.sql(query, (session.id,)).scalar_one())


def decided(tx: Tx, session: Session, host: str, *, agreed: bool) -> None:
    """Go on with what waited for the person's decision about a server."""
    where = "session_id = ? AND lookup = ? AND state = 'asked'"
    params = (session.id, _lookup(tx, session.id, host))
    if agreed:
        tx.sql(f"UPDATE program_fetches SET state = 'waiting' WHERE {where}", params)
        return
    for row_id in tx.sql(f"SELECT id FROM program_fetches WHERE {where} ORDER BY id", params).scalars().all():
        waiting = load(tx, row_id)
        if waiting is not None:
            done(tx, session, waiting, Answered("refused"))


def due(tx: Tx, most: int, busy: Collection[int] = (), full: Collection[int] = ()) -> list[tuple[int, int]]:
    """Requests that wait, and their programs; 0 for one whose session is gone. Not those that are `busy`, nor any of
    programs that are `full`."""
    but = "".join(
        f" AND COALESCE({column}, 0) NOT IN ({','.join('?' * len(some))})"
        for column, some in (("f.id", busy), ("s.program_id", full))
        if some
    )
    rows = tx.sql(
        "SELECT f.id, s.program_id FROM program_fetches f LEFT JOIN program_sessions s ON s.id = f.session_id"
        f" WHERE f.state = 'waiting'{but} ORDER BY f.id LIMIT ?",
        (*busy, *full, most),
    )
    return [(row.id, row.program_id or 0) for row in rows]


def load(tx: Tx, row_id: int) -> Waiting | None:
    """None: it is gone, or can't be read."""
    row = tx.sql("SELECT session_id, person_id, sealed, chain FROM program_fetches WHERE id = ?", (row_id,)).first()
    if row is None:
        return None
    said: Mapping[str, Any] | None = tx.vault.read(row.person_id, "program_fetches", row_id, "sealed", row.sealed)
    if said is None:
        tx.sql("DELETE FROM program_fetches WHERE id = ?", (row_id,))
        return None
    asked = Asked(said["url"], said["method"], said["headers"], said["body"])
    source = Source.read(said)
    person = PersonId(row.person_id)
    about = (said["effect"], said["tag"], asked, source, said.get("picture"))
    return Waiting(row_id, row.session_id, person, row.chain, *about)


def done(tx: Tx, session: Session, waiting: Waiting, answered: Answered) -> bool:
    """Tell the program what came of it. False: that was done before."""
    if not take(tx, waiting.id):
        return False
    data = {"effect": waiting.effect, "tag": waiting.tag, **answered.data}
    sessions.tell(tx, session, waiting.person_id, "fetch.result", data, waiting.source, chain=waiting.chain + 1)
    return True


def forget(tx: Tx, row_id: int) -> None:
    tx.sql("DELETE FROM program_fetches WHERE id = ?", (row_id,))


def _lookup(tx: Tx, session_id: int, host: str) -> bytes:
    return tx.vault.lookup("program server", f"{session_id} {host}")
