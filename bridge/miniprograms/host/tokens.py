"""Each choice that a program offers has a token: random, and of use to nobody but whom the choice was offered to.

The tokens stand in the event, beside the text, for clients that draw buttons of them; programs never see one. They are
kept as keyed hashes, with whom they are for, and go with what they stand for: the message as it is, the question of a
form until it is answered, the session.
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bridge.db import Tx
from bridge.ids import PersonId
from bridge.miniprograms.host.messages import Message
from bridge.miniprograms.ui import Choice


@dataclass(frozen=True, slots=True)
class Offer:
    """What a token was given out for."""

    session_id: int
    message_id: int | None
    """None: the question of a form."""


def new(count: int) -> tuple[str, ...]:
    """Tokens that mean nothing yet."""
    return tuple(secrets.token_urlsafe(16) for _ in range(count))


def offer(
    tx: Tx, session_id: int, tokens: Collection[str], chooser: PersonId | None, message_id: int | None = None
) -> None:
    """Let these be of use to `chooser`, or to anybody in the room (None): for choices of a message, or of a form."""
    for token in tokens:
        tx.sql(
            "INSERT INTO program_choices (lookup, session_id, message_id, person_id) VALUES (?, ?, ?, ?)",
            (_hash(tx, token), session_id, message_id, chooser),
        )


def renew(tx: Tx, message: Message, choices: Sequence[Choice], chooser: PersonId | None) -> tuple[str, ...]:
    """Tokens for the choices that a message has from now on. A choice that reads and means the same as before, to the
    same person, keeps its token: whoever presses it just now means that one."""
    old = dict(zip(message.said.content.choices or (), message.said.tokens, strict=False))
    kept = {choice: old[choice] for choice in choices if choice in old and _is_for(tx, old[choice], chooser)}
    take_back(tx, [token for choice, token in old.items() if choice not in kept])
    added = [choice for choice in choices if choice not in kept]
    fresh = dict(zip(added, new(len(added)), strict=True))
    offer(tx, message.session_id, fresh.values(), chooser, message.id)
    return tuple((kept | fresh)[choice] for choice in choices)


def take_back(tx: Tx, tokens: Collection[str]) -> None:
    """These are as if they had never been."""
    for token in tokens:
        tx.sql("DELETE FROM program_choices WHERE lookup = ?", (_hash(tx, token),))


def find(tx: Tx, token: str, person: PersonId) -> Offer | None:
    """What this person was offered by this token. None: nothing, whatever others were."""
    row = tx.sql(
        "SELECT session_id, message_id FROM program_choices WHERE lookup = ? AND (person_id = ? OR person_id IS NULL)",
        (_hash(tx, token), person),
    ).first()
    return None if row is None else Offer(row.session_id, row.message_id)


def _is_for(tx: Tx, token: str, chooser: PersonId | None) -> bool:
    row = tx.sql("SELECT person_id FROM program_choices WHERE lookup = ?", (_hash(tx, token),)).first()
    return row is not None and row.person_id == chooser


def _hash(tx: Tx, token: str) -> bytes:
    return tx.vault.lookup("program choice", token)
