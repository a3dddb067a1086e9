"""What people let programs know or do: granted once or always, or never; listed, taken back, expiring by themselves."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from bridge.db import Tx, ledger
from bridge.ids import PersonId
from bridge.miniprograms.manifest import Manifest
from bridge.miniprograms.strict_json import dump

Verdict: TypeAlias = Literal["once", "always", "never"]
VERDICTS: tuple[Verdict, ...] = ("once", "always", "never")
NOTIFY, SUBSCRIBE = "notify", "subscribe"
"""One message later for one yes; and messages until the person stops them."""
MESSAGES = frozenset({NOTIFY, SUBSCRIBE})
_CHOICES: dict[str, tuple[Verdict, ...]] = {NOTIFY: ("once", "never"), SUBSCRIBE: ("always", "never")}
_SERVER, _RUNS = "server:", "runs:"
_COLUMNS = "id, program_id, person_id, number, scope, verdict, session_id, sealed, created_at, expires_at"


@dataclass(frozen=True, slots=True)
class Grant:
    id: int
    program_id: int
    number: int
    """The person's own number of it, never used again while it is there."""
    scope: str
    verdict: Verdict
    session_id: int | None
    purpose: str
    """What it was granted for: the manifest's words, as JSON."""
    created_at: int
    expires_at: int | None


def of_person(tx: Tx, person: PersonId) -> list[Grant]:
    """All that holds now, by number."""
    rows = tx.sql(
        f"SELECT {_COLUMNS} FROM program_grants WHERE person_id = ? AND (expires_at IS NULL OR expires_at > ?)"
        " ORDER BY number",
        (person, tx.now),
    ).all()
    found = []
    for row in rows:
        sealed = tx.vault.read(person, "program_grants", row.id, "sealed", row.sealed)
        if sealed is not None:
            found.append(
                Grant(
                    row.id,
                    row.program_id,
                    row.number,
                    row.scope,
                    row.verdict,
                    row.session_id,
                    sealed["purpose"],
                    row.created_at,
                    row.expires_at,
                )
            )
    return found


def of_program(tx: Tx, person: PersonId, program_id: int, manifest: Manifest) -> dict[str, Grant]:
    """What this program may or never may, by scope. What it asks for with other words now was not agreed to."""
    return {
        grant.scope: grant
        for grant in of_person(tx, person)
        if grant.program_id == program_id
        and (grant.verdict == "never" or purpose_of(manifest, grant.scope) == grant.purpose)
    }


def held(tx: Tx, person: PersonId, program_id: int, manifest: Manifest, session_id: int) -> tuple[str, ...]:
    """The scopes that the program has in this session."""
    return tuple(
        sorted(
            scope
            for scope, grant in of_program(tx, person, program_id, manifest).items()
            if grant.verdict == "always" or (grant.verdict == "once" and grant.session_id == session_id)
        )
    )


def verdicts(scope: str) -> tuple[Verdict, ...]:
    """What a person may answer when they are asked for it."""
    return _CHOICES.get(scope, VERDICTS)


def purpose_of(manifest: Manifest, scope: str) -> str | None:
    """What the manifest wants a scope for; None: it does not ask for it."""
    host = server_of(scope)
    if host is not None:
        return "" if host in manifest.domains else None
    if runs_on(scope) is not None:
        return "" if runs_on(scope) == manifest.server else None
    purpose = manifest.scopes.get(scope)
    return None if purpose is None else dump(purpose).decode("utf-8")


def server(host: str) -> str:
    """The scope of asking a server; it stands in no manifest and in no event."""
    return _SERVER + host


def runs(host: str) -> str:
    """The scope of a program that runs on a server; it stands in no manifest and in no event, either."""
    return _RUNS + host


def runs_on(scope: str) -> str | None:
    """The server that a program may run on by this scope; None: it is about something else."""
    return scope.removeprefix(_RUNS) if scope.startswith(_RUNS) else None


def is_told(scope: str) -> bool:
    """Whether the program itself is told that it has this scope."""
    return server_of(scope) is None and runs_on(scope) is None


def server_of(scope: str) -> str | None:
    """The server that the scope is about; None: it is about something else."""
    return scope.removeprefix(_SERVER) if scope.startswith(_SERVER) else None


def decide(
    tx: Tx,
    person: PersonId,
    program_id: int,
    scope: str,
    purpose: str,
    verdict: Verdict,
    session_id: int,
    expires_at: int | None,
) -> None:
    """Write down what somebody decided; what they decided before about the same is gone."""
    tx.sql(
        "DELETE FROM program_grants WHERE program_id = ? AND person_id = ? AND scope = ?", (program_id, person, scope)
    )
    [grant_id] = tx.new_ids("program_grants")
    last = tx.sql("SELECT MAX(number) FROM program_grants WHERE person_id = ?", (person,)).scalar() or 0
    sealed = tx.vault.seal(person, "program_grants", grant_id, "sealed", {"purpose": purpose})
    tx.sql(
        "INSERT INTO program_grants"
        " (id, program_id, person_id, number, scope, verdict, session_id, sealed, created_at, expires_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            grant_id,
            program_id,
            person,
            last + 1,
            scope,
            verdict,
            session_id if verdict == "once" else None,
            sealed,
            tx.now,
            expires_at,
        ),
    )
    _note(tx, person, "agreed", program_id, scope=scope, verdict=verdict)


def revoke(tx: Tx, person: PersonId, number: int) -> Grant | None:
    """Take a decision back; the program knows nothing of it from its next event on. None: there is no such number."""
    found = next((grant for grant in of_person(tx, person) if grant.number == number), None)
    if found is not None:
        tx.sql("DELETE FROM program_grants WHERE id = ?", (found.id,))
        _note(tx, person, "revoked", found.program_id, scope=found.scope)
    return found


def _note(tx: Tx, person: PersonId, what: str, program_id: int, **details: str) -> None:
    """What somebody agrees to and takes back stands in the ledger, sealed for them."""
    name = tx.sql("SELECT name FROM programs WHERE id = ?", (program_id,)).scalar()
    ledger.append(tx, person, what, program=name, **details)


def shown_verdict(grant: Grant) -> str:
    """What of a grant is listed: a verdict, or the kind of messages that were agreed to."""
    return grant.scope if grant.scope in MESSAGES and grant.verdict != "never" else grant.verdict


def use_up(tx: Tx, person: PersonId, program_id: int) -> None:
    """The one message that somebody agreed to is on its way."""
    tx.sql(
        "DELETE FROM program_grants WHERE person_id = ? AND program_id = ? AND scope = ?", (person, program_id, NOTIFY)
    )


def stop_messages(tx: Tx, person: PersonId, program_id: int | None) -> int:
    """Take back that a program, or any, may send messages by itself; how many decisions that were."""
    where, params = ("", (person,)) if program_id is None else (" AND program_id = ?", (person, program_id))
    scopes = f"FROM program_grants WHERE person_id = ? AND scope IN ('{NOTIFY}', '{SUBSCRIBE}') AND verdict <> 'never'"
    found = tx.sql(f"SELECT id, program_id, scope {scopes}{where} ORDER BY id", params).all()
    for row in found:
        tx.sql("DELETE FROM program_grants WHERE id = ?", (row.id,))
        _note(tx, person, "revoked", row.program_id, scope=row.scope)
    return len(found)


def forget_once(tx: Tx, person: PersonId, session_id: int, scopes: Iterable[str] = ()) -> None:
    """What was granted for this session alone is over: all of it, or these scopes."""
    wanted = tuple(scopes)
    where = f" AND scope IN ({','.join('?' * len(wanted))})" if wanted else ""
    tx.sql(
        f"DELETE FROM program_grants WHERE person_id = ? AND session_id = ? AND verdict = 'once'{where}",
        (person, session_id, *wanted),
    )
