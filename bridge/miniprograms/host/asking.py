"""Asking a person whether a program may know or do something: drawn by the host, one scope after the other, each with
what it is for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bridge.chat import prompts
from bridge.chat.command import Person
from bridge.chat.reply import CopyRef, Lines, Message, Text
from bridge.db import Tx
from bridge.ids import PersonId
from bridge.miniprograms.host import grants
from bridge.miniprograms.host.grants import Verdict
from bridge.miniprograms.host.installed import Installed
from bridge.miniprograms.host.sessions import Source
from bridge.miniprograms.manifest import Manifest, in_language

KIND = "program-consent"
"""Kind of the prompts."""
_TTL_MS = 24 * 3600 * 1000
MAX_OPEN = 5
"""Requests of one session that wait; further ones count as denied."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a program asks a person for."""

    effect: str | None
    """Which effect asked; None: the host itself does, and nobody is told what came of it."""
    tag: str
    scopes: tuple[str, ...]
    granted: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    source: Source = field(default_factory=Source)
    session_id: int = 0

    @property
    def open(self) -> tuple[str, ...]:
        return tuple(scope for scope in self.scopes if scope not in (*self.granted, *self.denied))

    @property
    def result(self) -> dict[str, Any]:
        """The data of the event `scope.result`."""
        return {"effect": self.effect, "tag": self.tag, "granted": list(self.granted), "denied": list(self.denied)}


def ask(tx: Tx, installed: Installed, person: Person, request: Request, grant_days: int) -> Message | dict[str, Any]:
    """The question for the person; or, when nothing is left to ask, what the program is told. Who does nothing just
    now is asked nothing. `grant_days`: how long a yes holds at most."""
    manifest = installed.manifest
    decided = grants.of_program(tx, person.id, installed.id, manifest)
    held = grants.held(tx, person.id, installed.id, manifest, request.session_id)
    request = replace(
        request,
        granted=tuple(scope for scope in request.scopes if scope in held),
        denied=tuple(
            scope
            for scope in request.scopes
            if scope not in held
            and (grants.purpose_of(manifest, scope) is None or (scope in decided and decided[scope].verdict == "never"))
        ),
    )
    waiting = tx.sql("SELECT COUNT(*) FROM program_questions WHERE session_id = ?", (request.session_id,)).scalar_one()
    if not request.open or waiting >= MAX_OPEN or request.source.push is not None:
        return replace(request, denied=(*request.denied, *request.open)).result
    return _question(tx, person, manifest, request, grant_days)


def decide(
    tx: Tx, installed: Installed, person: Person, question_id: int, verdict: Verdict, grant_days: int
) -> tuple[Request, str, Message | None] | None:
    """Write down what was decided about the scope that was asked about last: the request as it is now, that scope, and
    the next question, if there is one. None: the question is of no use any more."""
    request = load(tx, person.id, question_id)
    tx.sql("DELETE FROM program_questions WHERE id = ?", (question_id,))
    manifest = installed.manifest
    if request is None or not request.open:
        return None
    scope = request.open[0]
    purpose = grants.purpose_of(manifest, scope)
    if purpose is None:
        return None  # an update does not ask for it any more
    expires = None if verdict == "never" else tx.now + grant_days * 24 * 3600 * 1000
    grants.decide(tx, person.id, installed.id, scope, purpose, verdict, request.session_id, expires)
    if verdict == "never":
        request = replace(request, denied=(*request.denied, scope))
    else:
        request = replace(request, granted=(*request.granted, scope))
    return request, scope, _question(tx, person, manifest, request, grant_days) if request.open else None


def load(tx: Tx, person: PersonId, question_id: int) -> Request | None:
    row = tx.sql(
        "SELECT session_id, sealed FROM program_questions WHERE id = ? AND person_id = ?", (question_id, person)
    ).first()
    said = None if row is None else tx.vault.read(person, "program_questions", question_id, "sealed", row.sealed)
    if row is None or said is None:
        return None
    return Request(
        said["effect"],
        said["tag"],
        tuple(said["scopes"]),
        tuple(said["granted"]),
        tuple(said["denied"]),
        Source.read(said),
        row.session_id,
    )


def _question(tx: Tx, person: Person, manifest: Manifest, request: Request, grant_days: int) -> Message:
    [question_id] = tx.new_ids("program_questions")
    said = {
        "effect": request.effect,
        "tag": request.tag,
        "scopes": list(request.scopes),
        "granted": list(request.granted),
        "denied": list(request.denied),
        **request.source.kept,
    }
    sealed = tx.vault.seal(person.id, "program_questions", question_id, "sealed", said)
    tx.sql(
        "INSERT INTO program_questions (id, session_id, person_id, sealed, created_at) VALUES (?, ?, ?, ?, ?)",
        (question_id, request.session_id, person.id, sealed, tx.now),
    )
    scope = request.open[0]
    prompt = prompts.open(tx, person.id, KIND, question_id, grants.verdicts(scope), _TTL_MS)
    title, host = in_language(manifest.title, person.language), grants.server_of(scope)
    runs_on = grants.runs_on(scope)
    if runs_on is not None:
        asks = Text("program-wants-runs", {"title": title, "host": runs_on})
        why = Text("program-runs-means", {"title": title, "host": runs_on})
    elif host is not None:
        asks = Text("program-wants-server", {"title": title, "host": host})
        why = Text("program-server-means", {"title": title})
    else:
        asks = _text("program-wants", scope, {"title": title, "scope": scope_text(scope)})
        why = Text("program-purpose", {"purpose": in_language(manifest.scopes[scope], person.language)})
    labels = [_text(f"program-verdict-{verdict}", scope, {"days": grant_days}) for verdict in grants.verdicts(scope)]
    choices = (Text("program-choice", {"number": number, "label": label}) for number, label in enumerate(labels, 1))
    return Message((asks, why, Lines(tuple(choices))), CopyRef(prompts.COPY_KIND, prompt))


def _text(name: str, scope: str, values: Mapping[str, Any] | None = None) -> Text:
    """Messages that come later, and where a program runs, are spoken of in words of their own."""
    own = scope if scope in grants.MESSAGES else "runs" if grants.runs_on(scope) is not None else None
    return Text(f"{name}-{own}" if own is not None else name, values or {})


def decided_text(verdict: Verdict, scope: str, title: str, name: str) -> Text:
    """What somebody is told who has decided. `name`: of the program, as it is typed."""
    return _text(f"program-decided-{verdict}", scope, {"title": title, "scope": scope_text(scope), "name": name})


def revoked_text(scope: str, title: str) -> Text:
    return _text("grants-revoked", scope, {"title": title, "scope": scope_text(scope)})


def scope_text(scope: str) -> Text:
    """A scope in words."""
    host, runs_on = grants.server_of(scope), grants.runs_on(scope)
    if host is not None:
        return Text("program-scope-server", {"host": host})
    if runs_on is not None:
        return Text("program-scope-runs", {"host": runs_on})
    return Text(f"program-scope-{scope.replace('.', '-')}")
