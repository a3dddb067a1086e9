"""Telling programs that somebody has left for good: all that they ever learn of an account that ends (D11)."""

import secrets
from dataclasses import dataclass

from bridge.db import Tx
from bridge.db.sealing import HOUSE
from bridge.ids import PersonId
from bridge.miniprograms import pseudonym
from bridge.miniprograms.events import Chat, Closed, CloseEvent, User
from bridge.miniprograms.host.installed import Installed

_LOCALE = "en"


@dataclass(frozen=True, slots=True)
class Leaving:
    id: int
    program_id: int
    user: str
    chat: str
    event: str
    at: int


def note(tx: Tx, installed: Installed, person: PersonId, generation: int) -> None:
    """Have a program told that somebody left, under the id that it knew."""
    [row_id] = tx.new_ids("program_leavings")
    said = {
        "user": pseudonym.user_id(installed.secret, str(person), generation=generation),
        "chat": pseudonym.chat_id(installed.secret, str(person), generation=generation),
        "event": secrets.token_hex(12),
    }
    sealed = tx.vault.seal(HOUSE, "program_leavings", row_id, "sealed", said)
    tx.sql(
        "INSERT INTO program_leavings (id, program_id, sealed, created_at) VALUES (?, ?, ?, ?)",
        (row_id, installed.id, sealed, tx.now),
    )


def next_leaving(tx: Tx) -> Leaving | None:
    while True:
        row = tx.sql("SELECT id, program_id, sealed, created_at FROM program_leavings ORDER BY id LIMIT 1").first()
        if row is None:
            return None
        said = tx.vault.read(HOUSE, "program_leavings", row.id, "sealed", row.sealed)
        if said is not None:
            return Leaving(row.id, row.program_id, said["user"], said["chat"], said["event"], row.created_at)
        tx.sql("DELETE FROM program_leavings WHERE id = ?", (row.id,))


def told(tx: Tx, leaving: Leaving) -> bool:
    """It is done with. False: it was before."""
    return tx.sql("DELETE FROM program_leavings WHERE id = ?", (leaving.id,)).rowcount == 1


def event_of(installed: Installed, leaving: Leaving) -> CloseEvent:
    return CloseEvent(
        id=leaving.event,
        now=leaving.at // 1000,
        seed=pseudonym.seed(installed.secret, leaving.event),
        locale=_LOCALE,
        user=User(id=leaving.user),
        chat=Chat(id=leaving.chat, kind="dm"),
        data=Closed(reason="left"),
    )
