"""The programs of this installation, as rows."""

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field, replace
from typing import Any

from bridge.config.programs import ProgramsConfig
from bridge.db import Tx
from bridge.db.sealing import HOUSE
from bridge.miniprograms import package
from bridge.miniprograms.manifest import Manifest
from bridge.miniprograms.package import Package
from bridge.miniprograms.program import Program
from bridge.miniprograms.remote.signing import SEED_BYTES

_COLUMNS = "id, name, version, signers, sealed, builtin, allowed, suspended_until, former, changed_at"
_KEPT = 2000
"""Programs whose manifest is kept ready."""


@dataclass(frozen=True, slots=True)
class Installed:
    id: int
    manifest: Manifest
    secret: bytes
    """What the program's ids of people and chats follow from. It never leaves the host."""
    signers: tuple[str, ...]
    builtin: bool
    allowed: bool
    """By the operator."""
    suspended_until: int | None
    """ms; it failed too often."""
    former: str | None
    """The version that an update took the place of."""
    signing: bytes = field(repr=False)
    """The secret key under which requests to its server are signed."""
    next_signing: bytes | None = field(default=None, repr=False)
    """The one that is used next, once its developer knows it."""

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def version(self) -> str:
        return self.manifest.version


class Programs:
    """Reads and writes the table `programs`.

    Args:
        limits: which of the programs people may open.
    """

    def __init__(self, limits: ProgramsConfig) -> None:
        self._limits = limits
        self._ready: dict[tuple[int, str, int], Manifest] = {}

    def by_id(self, tx: Tx, program_id: int) -> Installed | None:
        return self._one(tx.sql(f"SELECT {_COLUMNS} FROM programs WHERE id = ?", (program_id,)).first(), tx)

    def by_name(self, tx: Tx, name: str) -> Installed | None:
        """Not one that was removed, whatever stands in its row."""
        query = f"SELECT {_COLUMNS} FROM programs WHERE name = ? AND removed = 0"
        return self._one(tx.sql(query, (name.casefold(),)).first(), tx)

    def every(self, tx: Tx) -> list[Installed]:
        """All of them, by name."""
        rows = tx.sql(f"SELECT {_COLUMNS} FROM programs WHERE removed = 0 ORDER BY name").all()
        return [found for found in (self._one(row, tx) for row in rows) if found is not None]

    def program(self, tx: Tx, one: Installed) -> Program:
        """With its code, which is read each time: programs that nobody uses take no memory."""
        return replace(package.program_in(_package(tx, one.id)), signing=one.signing)

    def open_to_people(self, tx: Tx) -> list[Installed]:
        return [one for one in self.every(tx) if self.is_open_to_people(one)]

    def is_open_to_people(self, one: Installed) -> bool:
        """Whether the operator lets people open it, by the configuration and by command."""
        wanted = self._limits.programs
        if one.builtin and not self._limits.builtin:
            return False
        if one.manifest.server is not None and not self._limits.remote:
            return False
        return one.allowed and one.name not in self._limits.denied and (wanted is None or one.name in wanted)

    def install(self, tx: Tx, new: Package, *, builtin: bool = False) -> int:
        """Install a program, or put it in the place of the version that is installed. Its id.

        Who runs an older version goes on with the new one; what it stored stays.
        """
        manifest = new.program.manifest
        old = tx.sql(f"SELECT {_COLUMNS} FROM programs WHERE name = ?", (manifest.name,)).first()
        about = (manifest.version, new.payload, json.dumps(list(new.signers)))
        if old is None:
            [program_id] = tx.new_ids("programs")
            secret = {"secret": secrets.token_hex(32), "signing": secrets.token_hex(SEED_BYTES)}
            sealed = tx.vault.seal(HOUSE, "programs", program_id, "sealed", secret)
            tx.sql(
                "INSERT INTO programs"
                " (id, name, version, package, signers, sealed, builtin, remote, installed_at, changed_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (program_id, manifest.name, *about, sealed, int(builtin), _is_remote(manifest), tx.now, tx.now),
            )
            return program_id
        before = {"version": old.version, "package": _package(tx, old.id), "signers": json.loads(old.signers)}
        former = json.dumps(before)
        tx.sql(
            "UPDATE programs SET version = ?, package = ?, signers = ?, former = ?, builtin = ?, remote = ?,"
            " suspended_until = NULL, changed_at = ? WHERE id = ?",
            (*about, former, int(builtin), _is_remote(manifest), _later(tx, old), old.id),
        )
        _release(tx, old.id)
        return int(old.id)

    def roll_back(self, tx: Tx, name: str) -> Installed | None:
        """Take the version before the last update; None: there is none."""
        row = tx.sql(f"SELECT {_COLUMNS} FROM programs WHERE name = ?", (name,)).first()
        if row is None or row.former is None:
            return None
        former = json.loads(row.former)
        tx.sql(
            "UPDATE programs SET version = ?, package = ?, signers = ?, former = NULL, builtin = 0, remote = ?,"
            " suspended_until = NULL, changed_at = ? WHERE id = ?",
            (
                former["version"],
                former["package"],
                json.dumps(former["signers"]),
                _is_remote(package.program_in(former["package"]).manifest),
                _later(tx, row),
                row.id,
            ),
        )
        _release(tx, row.id)
        return self.by_id(tx, row.id)

    def former(self, tx: Tx, name: str) -> Manifest | None:
        """The manifest of the version before the last update."""
        row = tx.sql("SELECT former FROM programs WHERE name = ? AND removed = 0", (name,)).first()
        if row is None or row.former is None:
            return None
        return package.program_in(json.loads(row.former)["package"]).manifest

    def set_aside(self, tx: Tx, one: Installed) -> Installed:
        """A removed program that is the same: for what it is still to be told when another version takes its place."""
        [row_id] = tx.new_ids("programs")
        tx.sql(
            "INSERT INTO programs"
            " (id, name, version, package, signers, sealed, remote, removed, installed_at, changed_at)"
            " VALUES (?, ?, ?, ?, '[]', ?, ?, 1, ?, ?)",
            (
                row_id,
                name_aside(one.name, row_id),
                one.version,
                _package(tx, one.id),
                _sealed(tx, replace(one, id=row_id)),
                _is_remote(one.manifest),
                tx.now,
                tx.now,
            ),
        )
        aside = self.by_id(tx, row_id)
        assert aside is not None
        return aside

    @staticmethod
    def allow(tx: Tx, name: str, allowed: bool) -> bool:
        """Let people open it, or not; either way it is not suspended any more. False: there is none."""
        tx.sql("DELETE FROM program_failures WHERE program_id IN (SELECT id FROM programs WHERE name = ?)", (name,))
        done = tx.sql("UPDATE programs SET allowed = ?, suspended_until = NULL WHERE name = ?", (int(allowed), name))
        return done.rowcount == 1

    def new_key(self, tx: Tx, one: Installed) -> Installed:
        """Make the key that is used next for requests to its server."""
        return self._keep_keys(tx, one, one.signing, secrets.token_bytes(SEED_BYTES))

    def use_new_key(self, tx: Tx, one: Installed) -> Installed:
        """Use it from now on; the one before is gone.

        Raises:
            ValueError: there is none.
        """
        if one.next_signing is None:
            raise ValueError("no new key")
        return self._keep_keys(tx, one, one.next_signing, None)

    @staticmethod
    def _keep_keys(tx: Tx, one: Installed, signing: bytes, following: bytes | None) -> Installed:
        changed = replace(one, signing=signing, next_signing=following)
        tx.sql("UPDATE programs SET sealed = ? WHERE id = ?", (_sealed(tx, changed), one.id))
        return changed

    def failed(self, tx: Tx, program_id: int) -> bool:
        """Note that it failed. True: it did too often of late, and is suspended; it begins anew after that."""
        limits = self._limits
        forget_failures(tx, limits)
        [row_id] = tx.new_ids("program_failures")
        tx.sql("INSERT INTO program_failures (id, program_id, at) VALUES (?, ?, ?)", (row_id, program_id, tx.now))
        count = tx.sql("SELECT COUNT(*) FROM program_failures WHERE program_id = ?", (program_id,)).scalar_one()
        if count < limits.traps:
            return False
        _begin_anew(tx, program_id)
        until = tx.now + limits.suspend_minutes * 60_000
        tx.sql("UPDATE programs SET suspended_until = ? WHERE id = ?", (until, program_id))
        return True

    def _one(self, row: Any, tx: Tx) -> Installed | None:
        if row is None:
            return None
        secret = tx.vault.read(HOUSE, "programs", row.id, "sealed", row.sealed)
        if secret is None:
            return None  # damaged; the vault has told the operator
        return Installed(
            row.id,
            self._manifest(tx, row),
            bytes.fromhex(secret["secret"]),
            tuple(json.loads(row.signers)),
            bool(row.builtin),
            bool(row.allowed),
            row.suspended_until if row.suspended_until is not None and row.suspended_until > tx.now else None,
            None if row.former is None else json.loads(row.former)["version"],
            _signing(secret),
            bytes.fromhex(secret["next"]) if "next" in secret else None,
        )

    def _manifest(self, tx: Tx, row: Any) -> Manifest:
        """Reading it takes longer than a statement: it is kept for as long as it stays the same."""
        known = (row.id, row.version, row.changed_at)
        manifest = self._ready.get(known)
        if manifest is None:
            manifest = package.program_in(_package(tx, row.id)).manifest
            while len(self._ready) >= _KEPT:
                del self._ready[next(iter(self._ready))]
            self._ready[known] = manifest
        return manifest


def name_aside(name: str, program_id: int) -> str:
    """What stands in the place of a name once that is free for another program: no name that one could have."""
    return f"{name} {program_id}"


def _sealed(tx: Tx, one: Installed) -> bytes:
    kept = {"secret": one.secret.hex(), "signing": one.signing.hex()}
    if one.next_signing is not None:
        kept["next"] = one.next_signing.hex()
    return tx.vault.seal(HOUSE, "programs", one.id, "sealed", kept)


def forget_failures(tx: Tx, limits: ProgramsConfig) -> None:
    """Those that count no more."""
    tx.sql("DELETE FROM program_failures WHERE at <= ?", (tx.now - limits.trap_minutes * 60_000,))


def _begin_anew(tx: Tx, program_id: int) -> None:
    tx.sql("DELETE FROM program_failures WHERE program_id = ?", (program_id,))


def _release(tx: Tx, program_id: int) -> None:
    """Another version begins anew: what waited for the version before, or for consent to its server, waits no longer,
    and how often that failed counts no more."""
    _begin_anew(tx, program_id)
    tx.sql(
        "UPDATE program_events SET due_at = 0 WHERE due_at > 0"
        " AND session_id IN (SELECT id FROM program_sessions WHERE program_id = ?)",
        (program_id,),
    )


def _is_remote(manifest: Manifest) -> int:
    return int(manifest.server is not None)


def _signing(secret: dict[str, str]) -> bytes:
    """Who was installed before there were keys has one that follows from its secret."""
    made = secret.get("signing")
    if made is not None:
        return bytes.fromhex(made)
    return hmac.digest(bytes.fromhex(secret["secret"]), b"courtyard signing key", hashlib.sha256)


def _package(tx: Tx, program_id: int) -> str:
    return str(tx.sql("SELECT package FROM programs WHERE id = ?", (program_id,)).scalar_one())


def _later(tx: Tx, row: Any) -> int:
    """A time of change that no earlier state of the row has had."""
    return max(tx.now, int(row.changed_at) + 1)
