"""Who may like and comment a moment (M13), among those who see it. Without a row: all its author's friends."""

from dataclasses import dataclass

from bridge.contacts import tags
from bridge.db import Tx
from bridge.ids import PersonId


@dataclass(frozen=True, slots=True)
class Responders:
    """Not everybody."""

    tag: int | None = None
    """Who is in this tag now; None, or a tag that is gone: nobody."""


def load(tx: Tx, moment_id: int) -> Responders | None:
    """None: everybody who sees it as a friend."""
    row = tx.sql("SELECT tag_id FROM moment_responders WHERE moment_id = ?", (moment_id,)).first()
    return None if row is None else Responders(row.tag_id)


def save(tx: Tx, moment_id: int, who: Responders | None) -> None:
    tx.sql("DELETE FROM moment_responders WHERE moment_id = ?", (moment_id,))
    if who is not None:
        tx.sql("INSERT INTO moment_responders (moment_id, tag_id) VALUES (?, ?)", (moment_id, who.tag))


def allow(tx: Tx, moment_id: int, person: PersonId) -> bool:
    """Whether somebody who is not the author is among them."""
    who = load(tx, moment_id)
    return who is None or (who.tag is not None and person in tags.members(tx, [who.tag]))
