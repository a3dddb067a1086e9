"""Who may like and comment a moment (M13), among those who see it. Without a row: all its author's friends."""

from dataclasses import dataclass

from bridge.chat.command import Person
from bridge.contacts import tags
from bridge.db import Tx
from bridge.errors import UserError
from bridge.ids import PersonId


@dataclass(frozen=True, slots=True)
class Responders:
    """Not everybody."""

    tag: int | None = None
    """Who is in this tag now; None, or a tag that is gone: nobody."""


def named(tx: Tx, author: Person, who: str) -> Responders | None:
    """What `nobody`, `all` or a tag with its # means.

    Raises:
        UserError: there is no such tag.
    """
    if who == "all":
        return None
    if not who.startswith("#"):
        return Responders()
    tag = tags.find(tx, author.id, who[1:])
    if tag is None:
        raise UserError("tag-none", tag=who[1:])
    return Responders(tag.id)


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
