"""Who has left a program for good, which it is told under each id that it knew (D11): all that it ever learns of an
account that ends. Rows, until it was told; with what came back, until the person was told that."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from bridge.config.programs import ProgramsConfig
from bridge.db import Tx
from bridge.db.sealing import HOUSE
from bridge.ids import PersonId
from bridge.miniprograms import pseudonym
from bridge.miniprograms.events import Chat, Closed, CloseEvent, User
from bridge.miniprograms.host import known
from bridge.miniprograms.host.installed import Installed
from bridge.miniprograms.manifest import Deletion
from bridge.miniprograms.program import Receipt

Where: TypeAlias = Literal["dm", "room"]
_LOCALE = "en"
_DAY_MS = 24 * 3600 * 1000
_COLUMNS = "id, program_id, sealed, created_at, tries, until_at, owner, done_at"


@dataclass(frozen=True, slots=True)
class Leaving:
    id: int
    program_id: int
    user: str
    chat: str
    event: str
    at: int
    tries: int
    until: int | None
    """ms, by when a server has promised to have deleted what it keeps; None: the program runs here."""
    owner: PersonId | None
    """Whose account ends, while they can still be told what came of it."""
    kind: Where = "dm"
    done_at: int | None = None
    receipt: Mapping[str, Any] | None = None
    shares: int | None = None
    """The program in whose shared space it deletes what it keeps, where this is a version of it that was set aside."""


def note(tx: Tx, installed: Installed, person: PersonId, generation: int, limits: ProgramsConfig, *, ends: bool) -> int:
    """Have a program told that somebody left, under each id that it knew; how many those are. Rooms are told of each at
    a time of its own: else the times would say who was the same person there.

    Args:
        ends: their account ends, and they are told what comes of it.
    """
    rooms = known.rooms(tx, installed.id, person, generation)
    known.forget(tx, installed.id, person)
    if installed.manifest.server is None and known.OWN not in rooms:
        rooms.append(known.OWN)
    for room in rooms:
        _note(tx, installed, person, generation, room, tx.now + _wait(room, limits), owner=person if ends else None)
    return len(rooms)


def note_moved(
    tx: Tx, before: Installed, program_id: int, person: PersonId, generation: int, limits: ProgramsConfig
) -> None:
    """Have the server that a program ran on before told that somebody left, who may well go on with it elsewhere."""
    for room in known.rooms(tx, program_id, person, generation):
        _note(tx, before, person, generation, room, tx.now + _wait(room, limits), owner=None)


def hand_over(tx: Tx, program_id: int, before: Installed) -> None:
    """What is still to be told is for the version of a program that is set aside."""
    for row in tx.sql(f"SELECT {_COLUMNS} FROM program_leavings WHERE program_id = ?", (program_id,)).all():
        found = _leaving(tx, row)
        if found is not None:
            said = _said(replace(found, shares=found.shares or program_id))
            sealed = _seal(tx, row.id, said)
            tx.sql("UPDATE program_leavings SET program_id = ?, sealed = ? WHERE id = ?", (before.id, sealed, row.id))


def _wait(room: str, limits: ProgramsConfig) -> int:
    return secrets.randbelow(limits.leave_hours * 3600 * 1000 + 1) if room != known.OWN else 0


def _note(
    tx: Tx, installed: Installed, person: PersonId, generation: int, room: str, due: int, *, owner: PersonId | None
) -> None:
    [row_id] = tx.new_ids("program_leavings")
    own = room == known.OWN
    user = pseudonym.user_id(installed.secret, str(person), generation=generation, room=None if own else room)
    chat = pseudonym.chat_id(installed.secret, str(person) if own else room, generation=generation if own else 0)
    # When it is told, and not when they left: that is the same moment for every room.
    said = {"user": user, "chat": chat, "event": secrets.token_hex(12), "kind": "dm" if own else "room", "at": due}
    promised = installed.manifest.deletion or Deletion()
    until = None if installed.manifest.server is None else tx.now + promised.days * _DAY_MS
    tx.sql(
        "INSERT INTO program_leavings (id, program_id, sealed, created_at, due_at, until_at, owner)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (row_id, installed.id, _seal(tx, row_id, said), tx.now, due, until, owner),
    )


def next_leaving(tx: Tx) -> Leaving | None:
    """What is to be told now."""
    while True:
        row = tx.sql(
            f"SELECT {_COLUMNS} FROM program_leavings WHERE done_at IS NULL AND due_at <= ?"
            " ORDER BY due_at, id LIMIT 1",
            (tx.now,),
        ).first()
        if row is None:
            return None
        found = _leaving(tx, row)
        if found is not None:
            return found
        tx.sql("DELETE FROM program_leavings WHERE id = ?", (row.id,))


def next_due(tx: Tx) -> int | None:
    """When the next is to be told, ms."""
    due: int | None = tx.sql("SELECT MIN(due_at) FROM program_leavings WHERE done_at IS NULL").scalar()
    return due


def of_owner(tx: Tx, person: PersonId) -> list[Leaving]:
    """All of somebody whose account ends."""
    rows = tx.sql(f"SELECT {_COLUMNS} FROM program_leavings WHERE owner = ? ORDER BY id", (person,)).all()
    return [found for found in (_leaving(tx, row) for row in rows) if found is not None]


def is_awaited(tx: Tx, person: PersonId, wait_ms: int) -> bool:
    """Whether a server is still to confirm that it deletes what it keeps of somebody, and may yet soon."""
    query = (
        "SELECT 1 FROM program_leavings WHERE owner = ? AND done_at IS NULL AND until_at IS NOT NULL"
        " AND created_at > ? AND due_at <= created_at + ? LIMIT 1"
    )
    return tx.sql(query, (person, tx.now - wait_ms, wait_ms)).first() is not None


def forget_owner(tx: Tx, person: PersonId) -> None:
    """The person is told, and goes: whose it was stands nowhere any more. What is still to be told stays."""
    tx.sql("DELETE FROM program_leavings WHERE owner = ? AND done_at IS NOT NULL", (person,))
    tx.sql("UPDATE program_leavings SET owner = NULL WHERE owner = ?", (person,))


def told(tx: Tx, leaving: Leaving, receipt: Receipt | None = None) -> bool:
    """The program was told. False: it was before."""
    if leaving.owner is None or leaving.until is None:
        return tx.sql("DELETE FROM program_leavings WHERE id = ?", (leaving.id,)).rowcount == 1
    signed = None if receipt is None else {"at": receipt.at, "key": receipt.key, "signature": receipt.signature}
    done = tx.sql(
        "UPDATE program_leavings SET done_at = ?, sealed = ? WHERE id = ? AND done_at IS NULL AND owner IS NOT NULL",
        (tx.now, _seal(tx, leaving.id, _said(replace(leaving, receipt=signed))), leaving.id),
    )
    # The person may be gone since it was taken up.
    return done.rowcount == 1 or tx.sql("DELETE FROM program_leavings WHERE id = ?", (leaving.id,)).rowcount == 1


def forget(tx: Tx, leaving: Leaving) -> None:
    tx.sql("DELETE FROM program_leavings WHERE id = ?", (leaving.id,))


def postpone(tx: Tx, leaving: Leaving, wait_s: float) -> bool:
    """Have it told again later. False: its time is over, and it is forgotten."""
    due = tx.now + round(wait_s * 1000)
    if leaving.until is not None and due > leaving.until:
        tx.sql("DELETE FROM program_leavings WHERE id = ?", (leaving.id,))
        return False
    tx.sql("UPDATE program_leavings SET due_at = ?, tries = tries + 1 WHERE id = ?", (due, leaving.id))
    return True


def event_of(installed: Installed, leaving: Leaving) -> CloseEvent:
    return CloseEvent(
        id=leaving.event,
        now=leaving.at // 1000,
        seed=pseudonym.seed(installed.secret, leaving.event),
        locale=_LOCALE,
        user=User(id=leaving.user),
        chat=Chat(id=leaving.chat, kind=leaving.kind),
        data=Closed(reason="left"),
    )


def shown(installed: Installed, leaving: Leaving) -> dict[str, Any]:
    """What the person gets of it, in the text that the digest of their receipt is of: enough to check the developer's
    signature, and to show it to somebody."""
    told: dict[str, Any] = {"program": installed.name, "server": installed.manifest.server}
    told |= {"delivery": leaving.event, "user": leaving.user, "until": leaving.until}
    told["state"] = "pending" if leaving.done_at is None else "deleted" if leaving.receipt else "told"
    return json.loads(json.dumps({**told, **(leaving.receipt or {})}))  # type: ignore[no-any-return]


def _said(leaving: Leaving) -> dict[str, Any]:
    said: dict[str, Any] = {"user": leaving.user, "chat": leaving.chat, "event": leaving.event, "kind": leaving.kind}
    said["at"] = leaving.at
    if leaving.receipt is not None:
        said["receipt"] = dict(leaving.receipt)
    if leaving.shares is not None:
        said["shares"] = leaving.shares
    return said


def _seal(tx: Tx, row_id: int, said: Mapping[str, Any]) -> bytes:
    return tx.vault.seal(HOUSE, "program_leavings", row_id, "sealed", dict(said))


def _leaving(tx: Tx, row: Any) -> Leaving | None:
    said = tx.vault.read(HOUSE, "program_leavings", row.id, "sealed", row.sealed)
    if said is None:
        return None
    return Leaving(
        row.id,
        row.program_id,
        said["user"],
        said["chat"],
        said["event"],
        said.get("at", row.created_at),
        row.tries,
        row.until_at,
        None if row.owner is None else PersonId(row.owner),
        said.get("kind", "dm"),
        row.done_at,
        said.get("receipt"),
        said.get("shares"),
    )
