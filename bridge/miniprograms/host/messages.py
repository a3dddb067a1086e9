"""What a program has said in a session, as long as it can still be changed or chosen from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.db import Tx, media
from bridge.ids import PersonId
from bridge.miniprograms.host.sessions import Push, Session
from bridge.miniprograms.ui import Content

COPY = "program"
"""Kind of the copies: their ref is the id of the program's message."""
MAX_MESSAGES = 60
"""Messages of a session that can still be changed or chosen from."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one message says, and to whom."""

    content: Content
    key: str | None = None
    """The program's own name for it."""
    picture: Mapping[str, Any] | None = None
    """`file` and `info` of the spec, once it was uploaded."""
    push: Push | None = None
    """It came by itself, by what the person agreed to."""
    to_all: bool = False
    """Everybody in the room reads it."""
    tokens: tuple[str, ...] = ()
    """Of its choices, in their order."""


@dataclass(frozen=True, slots=True)
class Message:
    id: int
    session_id: int
    person_id: PersonId
    """For whom it is; of what a whole room reads, who opened the program."""
    said: Said


def say(tx: Tx, session: Session, person: PersonId, said: Said) -> int:
    """Keep a message of the program; its id, for the copy that is sent. `person`: for whom it is; of what a whole room
    reads, who opened the program."""
    [message_id] = tx.new_ids("program_messages")
    lookup = None if said.key is None else _named(tx, session, said.key)
    if lookup is not None:
        tx.sql("UPDATE program_messages SET lookup = NULL WHERE session_id = ? AND lookup = ?", (session.id, lookup))
    tx.sql(
        "INSERT INTO program_messages (id, session_id, person_id, lookup, sealed, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (message_id, session.id, person, lookup, _seal(tx, person, message_id, said), tx.now),
    )
    _hold(tx, person, said)
    tx.sql(
        "DELETE FROM program_messages WHERE session_id = ? AND id <="
        " (SELECT id FROM program_messages WHERE session_id = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
        (session.id, session.id, MAX_MESSAGES),
    )
    return message_id


def find(tx: Tx, session: Session, key: str) -> Message | None:
    """The newest message of that name."""
    found: int | None = tx.sql(
        "SELECT id FROM program_messages WHERE session_id = ? AND lookup = ?", (session.id, _named(tx, session, key))
    ).scalar()
    return None if found is None else by_id(tx, found)


def change(tx: Tx, message: Message, said: Said) -> None:
    """Let a message say something else."""
    sealed = _seal(tx, message.person_id, message.id, said)
    tx.sql("UPDATE program_messages SET sealed = ? WHERE id = ?", (sealed, message.id))
    _hold(tx, message.person_id, said)


def by_id(tx: Tx, message_id: int) -> Message | None:
    row = tx.sql("SELECT session_id, person_id, sealed FROM program_messages WHERE id = ?", (message_id,)).first()
    sealed = None
    if row is not None:
        sealed = tx.vault.read(row.person_id, "program_messages", message_id, "sealed", row.sealed)
    if row is None or sealed is None:
        return None
    said = Said(
        Content.model_validate_json(sealed["content"]),
        sealed["key"],
        sealed["picture"],
        sealed.get("push"),
        sealed.get("to_all", False),
        tuple(sealed.get("tokens", ())),
    )
    return Message(message_id, row.session_id, PersonId(row.person_id), said)


def _hold(tx: Tx, person: PersonId, said: Said) -> None:
    """What was shown stays for as long as the chat: messages are forgotten here long before."""
    if said.picture is not None:
        files = (said.picture["file"], said.picture["info"].get("thumbnail_file"))
        if said.to_all:
            media.hold(tx, media.ROOM, None, files)
        else:
            media.hold(tx, media.PROGRAM, person, files)


def _seal(tx: Tx, person: PersonId, message_id: int, said: Said) -> bytes:
    plain = Content.model_validate({name: getattr(said.content, name) for name in Content.model_fields})
    value = {
        "key": said.key,
        "content": plain.model_dump_json(),
        "picture": None if said.picture is None else dict(said.picture),
        "push": said.push,
        "to_all": said.to_all,
        "tokens": list(said.tokens),
    }
    return tx.vault.seal(person, "program_messages", message_id, "sealed", value)


def _named(tx: Tx, session: Session, key: str) -> bytes:
    return tx.vault.lookup("program message", f"{session.id} {key}")
