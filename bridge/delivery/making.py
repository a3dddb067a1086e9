"""What is sent for a row of the outbox: its content, rendered for its reader when the row lets it go."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import structlog
from sqlalchemy.engine import Row

from bridge.chat.catalogue import Catalogue
from bridge.chat.command import Person
from bridge.chat.render import relate, render
from bridge.chat.reply import CopyRef, Message, Question, Text
from bridge.db import Tx, is_conflict
from bridge.db.sealing import Unreadable
from bridge.delivery import queue
from bridge.delivery.ports import Again, Directory, ForMany, Renderer
from bridge.delivery.queue import EDIT
from bridge.ids import AccountId, PersonId, RoomId

Target: TypeAlias = tuple[AccountId, RoomId]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Made:
    """What is sent for a row."""

    content: Mapping[str, Any]
    copy: CopyRef
    """What it is a copy of."""
    fingerprint: bytes | None = None
    """What to know it by; None: it is the same each time."""
    rendering: bytes | None = None
    """What to know by whether an edit would say something else."""


class Same(Exception):
    """An edit that would change nothing."""


class Broken(Exception):
    """This row can't be rendered, now or later."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """What was looked up and rendered for several rows at once, in one transaction."""

    messages: dict[int, Message | None] = field(default_factory=dict)
    """By row; None: its reader may not see it."""
    people: dict[PersonId, Person] = field(default_factory=dict)
    """By id."""
    contents: dict[tuple[int, str, str], dict[str, Any]] = field(default_factory=dict)
    """Events by message, language and time zone: many readers read the same."""
    lasting: dict[int, str] = field(default_factory=dict)
    """By message: what is read of it, for the fingerprints."""


class Maker:
    """Makes what is sent. Each method runs inside the transaction that lets the row go."""

    def __init__(
        self, people: Directory, renderers: Mapping[str, Renderer], catalogue: Catalogue, again: Again | None
    ) -> None:
        self._people = people
        self._renderers = renderers
        self._catalogue = catalogue
        self._again = again

    def ahead(self, tx: Tx, rows: Iterable[Row[Any]]) -> Ahead:
        """Render together what is a copy of one thing for several readers. What fails is left to be made alone."""
        rows = list(rows)
        found = Ahead()
        if len(rows) > 1:
            people = {row.person_id for row in rows if row.person_id is not None}
            found.people.update(self._people.several(tx, sorted(people)))
        groups: dict[tuple[str, int], list[Row[Any]]] = {}
        for row in rows:
            together = isinstance(self._renderers.get(row.copy_kind), ForMany)
            if together and row.kind == "copy" and not row.withdrawn and None not in (row.person_id, row.copy_ref):
                groups.setdefault((row.copy_kind, row.copy_ref), []).append(row)
        for (kind, ref_id), some in groups.items():
            renderer = self._renderers[kind]
            if len(some) > 1 and isinstance(renderer, ForMany):
                found.messages.update(self._together(tx, renderer, ref_id, some, found.people))
        return found

    def _together(
        self, tx: Tx, renderer: ForMany, ref_id: int, rows: Iterable[Row[Any]], people: Mapping[PersonId, Person]
    ) -> dict[int, Message | None]:
        readers = {row.id: people[row.person_id] for row in rows if row.person_id in people}
        savepoint = tx.savepoint()
        try:
            made = renderer.many(tx, list({reader.id: reader for reader in readers.values()}.values()), ref_id)
            savepoint.keep()
        except Exception as error:
            if is_conflict(error):
                raise
            savepoint.undo()
            return {}  # whichever it is that fails is found when it is made alone
        return {row_id: made[reader.id] for row_id, reader in readers.items() if reader.id in made}

    def made(self, tx: Tx, target: Target, row: Row[Any], person: Person | None, ahead: Ahead) -> Made | None:
        """What to send; None: they may not see it any more."""
        if row.kind in ("message", "late"):
            try:
                sealed = queue.open_content(tx, row.person_id, row.id, row.sealed)
            except Unreadable:
                log.error("delivery_unreadable", kind=row.kind)
                language, time_zone = ("en", "UTC") if person is None else (person.language, person.time_zone)
                content = render(Message((Text("answer-damaged"),)), language, time_zone, self._catalogue)
                made: Made | None = Made(content, CopyRef("answer"))
            else:
                if row.kind == "message":
                    made = Made(sealed, CopyRef(row.copy_kind or "answer", row.copy_ref))
                else:
                    made = self._rendered(tx, row, person, lambda who: self._answer(tx, who, target, sealed))
        elif row.id in ahead.messages and person is not None:
            made = self._made_ahead(tx, row, person, ahead)
        else:
            made = self._rendered(tx, row, person, lambda who: self._copy(tx, row, who))
            if made is not None and row.kind == EDIT and row.first_attempt_at is None:
                self._check_differs(tx, row, made.rendering)
        if made is None:
            return None
        return replace(made, content=relate(made.content, row.reply_to, row.thread, row.target_event))

    def _made_ahead(self, tx: Tx, row: Row[Any], person: Person, ahead: Ahead) -> Made | None:
        message = ahead.messages[row.id]
        if message is None:
            return None
        # Messages are known by identity: they are all kept until the last of them has been looked at.
        said = id(message), person.language, person.time_zone
        content = ahead.contents.get(said)
        if content is None:
            content = render(message, person.language, person.time_zone, self._catalogue)
            ahead.contents[said] = content
        lasting = ahead.lasting.get(id(message))
        if lasting is None:
            lasting = ahead.lasting[id(message)] = _lasting(message)
        fingerprint = _fingerprint(tx, person, lasting)
        return Made(content, CopyRef(row.copy_kind, row.copy_ref), fingerprint, fingerprint)

    @staticmethod
    def _check_differs(tx: Tx, row: Row[Any], rendering: bytes | None) -> None:
        shown = tx.sql(
            "SELECT rendering FROM copies WHERE account_id = ? AND event_id = ?", (row.account_id, row.target_event)
        ).first()
        # Without a row the copy was taken back.
        if shown is None or (shown.rendering is not None and bytes(shown.rendering) == rendering):
            raise Same

    def _copy(self, tx: Tx, row: Row[Any], person: Person) -> Message | None:
        renderer = self._renderers.get(row.copy_kind)
        if renderer is None or row.copy_ref is None:
            log.warning("delivery_not_renderable", kind=row.copy_kind)
            raise Broken
        return renderer(tx, person, row.copy_ref)

    def _answer(self, tx: Tx, person: Person, target: Target, asked: Mapping[str, Any]) -> Message | None:
        """One part of the answer to a question that is asked again; None: the answer has fewer parts now."""
        if self._again is None:
            log.warning("delivery_not_renderable", kind="late")
            raise Broken
        parts = self._again(tx, person, Question(asked["command"], asked["args"]), *target)
        part = parts[asked["part"]] if asked["part"] < len(parts) else None
        return part if isinstance(part, Message) else None

    def _rendered(
        self, tx: Tx, row: Row[Any], person: Person | None, make: Callable[[Person], Message | None]
    ) -> Made | None:
        if person is None:
            log.warning("delivery_not_renderable", kind=row.copy_kind)
            raise Broken
        savepoint = tx.savepoint()
        try:
            message = make(person)
            content = None if message is None else render(message, person.language, person.time_zone, self._catalogue)
            savepoint.keep()
        except Broken:
            savepoint.undo()
            raise
        except Exception as error:
            if is_conflict(error):
                raise
            savepoint.undo()
            # The type alone: the text of an error may hold what the person wrote.
            log.error("delivery_render_failed", kind=row.copy_kind, error=type(error).__name__)
            raise Broken from error
        if message is None or content is None:
            return None
        fingerprint = _fingerprint(tx, person, _lasting(message))
        if row.kind == "late":
            # An answer says more than a copy does: the two can't be compared.
            return Made(content, message.copy or CopyRef("answer"), fingerprint)
        return Made(content, CopyRef(row.copy_kind, row.copy_ref), fingerprint, fingerprint)


def _lasting(message: Message) -> str:
    """What is read of a message, without what only concerns the moment of sending."""
    blocks = message.blocks if message.lasting is None else message.lasting
    parts = [blocks, message.picture, *([message.buttons] if message.buttons else [])]
    return ", ".join(map(repr, parts))


def _fingerprint(tx: Tx, person: Person, lasting: str) -> bytes:
    """A keyed hash of what a reader reads. Stored, and compared with: what it is made of may not change."""
    read = f"({person.id!r}, {person.language!r}, {person.time_zone!r}, {lasting})"
    return tx.vault.lookup("rendering", read)
