"""Invite codes (I3): whoever types one becomes a friend of who made it."""

import secrets
from dataclasses import dataclass

from bridge.db import Tx
from bridge.ids import PersonId

_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # without what is easily mistaken: 0 O 1 I
_GROUPS, _GROUP = 3, 4
"""12 characters of 32: 60 bits, and guessing is limited by the quota of commands."""


@dataclass(frozen=True, slots=True)
class Invite:
    id: int
    owner: PersonId
    code: str
    """"?" when its row is damaged."""
    uses_left: int
    expires_at: int
    """ms"""


def new_code() -> str:
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))


def _lookup(tx: Tx, code: str) -> bytes:
    plain = "".join(c for c in code.upper() if c.isalnum())[:64]
    return tx.vault.lookup("invite", plain)


def create(tx: Tx, owner: PersonId, code: str, uses: int, expires_at: int) -> int:
    """Its row's id."""
    [invite_id] = tx.new_ids("invites")
    tx.sql(
        "INSERT INTO invites (id, owner_id, lookup, sealed, uses_left, expires_at, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            invite_id,
            owner,
            _lookup(tx, code),
            tx.vault.seal(owner, "invites", invite_id, "sealed", code),
            uses,
            expires_at,
            tx.now,
        ),
    )
    return invite_id


def valid(tx: Tx, owner: PersonId) -> list[Invite]:
    """The codes of a person that still work, the newest first."""
    rows = tx.sql(
        "SELECT id, owner_id, sealed, uses_left, expires_at FROM invites"
        " WHERE owner_id = ? AND uses_left > 0 AND expires_at > ? ORDER BY id DESC",
        (owner, tx.now),
    ).all()
    return [
        Invite(
            row.id,
            owner,
            tx.vault.read(owner, "invites", row.id, "sealed", row.sealed) or "?",
            row.uses_left,
            row.expires_at,
        )
        for row in rows
    ]


def owner_of(tx: Tx, code: str) -> tuple[int, PersonId] | None:
    """The invite and its owner, when the code works now."""
    row = tx.sql(
        "SELECT id, owner_id FROM invites WHERE lookup = ? AND uses_left > 0 AND expires_at > ?",
        (_lookup(tx, code), tx.now),
    ).first()
    return None if row is None else (row.id, PersonId(row.owner_id))


def use(tx: Tx, invite_id: int) -> None:
    tx.sql("UPDATE invites SET uses_left = uses_left - 1 WHERE id = ?", (invite_id,))


def revoke(tx: Tx, owner: PersonId, code: str) -> bool:
    """False when there was no such code of this person."""
    done = tx.sql("DELETE FROM invites WHERE owner_id = ? AND lookup = ?", (owner, _lookup(tx, code)))
    return done.rowcount > 0


def forget_old(tx: Tx) -> None:
    """Delete what no longer works."""
    tx.sql("DELETE FROM invites WHERE expires_at <= ? OR uses_left <= 0", (tx.now,))
