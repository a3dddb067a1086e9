"""What the crypto store writes: how what changed becomes rows."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import vodozemac
from nio.crypto import InboundGroupSession, OlmAccount, OlmDevice, OutgoingKeyRequest
from nio.crypto.sessions import Session

from bridge.db import Tx
from bridge.ids import AccountId, RoomId
from bridge.matrix.debts import Debt
from bridge.matrix.outbound import GroupSession
from bridge.matrix.seal import Sealer
from bridge.matrix.usage import GroupKey

Write = Callable[[Tx], None]

_OF_THE_DEVICE = (
    "crypto_accounts",
    "crypto_olm_sessions",
    "crypto_megolm_outbound",
    "crypto_room_keys_owed",
    "crypto_key_requests",
)


@dataclass(slots=True)
class TrackedUser:
    """A user whose device list we keep up to date (spec: "Tracking the device list for a user")."""

    outdated: bool
    master_key: str | None
    """Public part of the identity that the user is known by."""
    new_master_key: str | None = None
    """Another one that has come since; the person has not been told yet."""
    changes: int = 0
    """How often the list was said to be outdated, since the start."""


@dataclass(slots=True)
class Dirty:
    """What changed since it was written last. None: it is gone."""

    wipe: bool = False
    """All that belongs to the device goes first."""
    retire: bool = False
    """Then no Olm session that is there encrypts any more."""
    account: bool = False
    sessions: dict[str, tuple[str, Session] | None] = field(default_factory=dict)
    groups: dict[GroupKey, InboundGroupSession | None] = field(default_factory=dict)
    outbound: dict[RoomId, GroupSession | None] = field(default_factory=dict)
    debts: dict[RoomId, list[Debt]] = field(default_factory=dict)
    devices: dict[tuple[str, str], OlmDevice | None] = field(default_factory=dict)
    users: dict[str, TrackedUser | None] = field(default_factory=dict)
    requests: dict[str, OutgoingKeyRequest | None] = field(default_factory=dict)
    secrets: dict[str, bytes | None] = field(default_factory=dict)

    @property
    def any(self) -> bool:
        kinds = (self.sessions, self.groups, self.outbound, self.debts, self.devices, self.users, self.requests)
        return self.wipe or self.retire or self.account or any(kinds) or bool(self.secrets)

    def and_then(self, newer: "Dirty") -> "Dirty":
        """What is to be written when this could not be, and `newer` has changed meanwhile."""
        of_device = Dirty() if newer.wipe else self  # what belonged to the former device goes anyhow
        return Dirty(
            self.wipe or newer.wipe,
            of_device.retire or newer.retire,
            of_device.account or newer.account,
            {**of_device.sessions, **newer.sessions},
            {**self.groups, **newer.groups},
            {**of_device.outbound, **newer.outbound},
            {**of_device.debts, **newer.debts},
            {**self.devices, **newer.devices},
            {**self.users, **newer.users},
            {**of_device.requests, **newer.requests},
            {**self.secrets, **newer.secrets},
        )


def write_of(
    dirty: Dirty,
    me: AccountId,
    sealer: Sealer,
    account: OlmAccount | None,
    signed_at: Mapping[tuple[str, str], int],
    former: Mapping[str, TrackedUser],
    used: Mapping[GroupKey, int],
    retired: Collection[str],
) -> Write:
    """Pickle what changed, now; write it later, in a thread. Mappings and collections are those of the store."""
    key = sealer.pickle_passphrase
    statements: list[tuple[str, list[tuple[Any, ...]]]] = []
    if dirty.account and account is not None:
        statements.append(
            (
                "INSERT INTO crypto_accounts (account_id, pickle, shared) VALUES (?, ?, ?)"
                " ON CONFLICT (account_id) DO UPDATE SET pickle = excluded.pickle, shared = excluded.shared",
                [(me, account.pickle(key), int(account.shared))],
            )
        )
    statements.append(
        (
            "INSERT INTO crypto_olm_sessions (account_id, session_id, sender_key, pickle, created_at, used_at, retired)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account_id, session_id)"
            " DO UPDATE SET pickle = excluded.pickle, used_at = excluded.used_at",
            [
                (me, sid, curve, s.pickle(key), _ms(s.creation_time), _ms(s.use_time), int(sid in retired))
                for sid, (curve, s) in ((k, v) for k, v in dirty.sessions.items() if v is not None)
            ],
        )
    )
    statements.append(
        (
            "DELETE FROM crypto_olm_sessions WHERE account_id = ? AND session_id = ?",
            [(me, sid) for sid, s in dirty.sessions.items() if s is None],
        )
    )
    statements.append(
        (
            "DELETE FROM crypto_megolm_inbound"
            " WHERE account_id = ? AND room_id = ? AND sender_key = ? AND session_id = ?",
            [(me, *key) for key, g in dirty.groups.items() if g is None],
        )
    )
    statements.append(
        (
            "INSERT INTO crypto_megolm_inbound"
            " (account_id, room_id, sender_key, session_id, ed25519, forwarding_chain, pickle, used_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account_id, room_id, sender_key, session_id)"
            " DO UPDATE SET pickle = excluded.pickle, ed25519 = excluded.ed25519, used_at = excluded.used_at",
            [
                (me, *name, g.ed25519, json.dumps(g.forwarding_chain), g.pickle(key), used[name])
                for name, g in dirty.groups.items()
                if g is not None
            ],
        )
    )
    statements.append(
        (
            "INSERT INTO crypto_megolm_outbound (account_id, room_id, pickle, created_at, messages, sealed)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account_id, room_id) DO UPDATE SET pickle = excluded.pickle,"
            " created_at = excluded.created_at, messages = excluded.messages, sealed = excluded.sealed",
            [
                (
                    me,
                    room,
                    sealer.seal(f"outbound {room}", _packed(sealer, o)),
                    o.created_at,
                    o.messages,
                    sealer.seal_json(shared_context(room), o.shared_with),
                )
                for room, o in dirty.outbound.items()
                if o is not None and o.outlives_a_crash
            ],
        )
    )
    statements.append(
        (
            "DELETE FROM crypto_megolm_outbound WHERE account_id = ? AND room_id = ?",
            [(me, room) for room, o in dirty.outbound.items() if o is None or not o.outlives_a_crash],
        )
    )
    statements.append(
        (
            "INSERT INTO crypto_room_keys_owed (account_id, room_id, sealed) VALUES (?, ?, ?)"
            " ON CONFLICT (account_id, room_id) DO UPDATE SET sealed = excluded.sealed",
            [
                (me, room, sealer.seal_json(owed_context(room), {"debts": [debt.as_json() for debt in debts]}))
                for room, debts in dirty.debts.items()
                if debts
            ],
        )
    )
    statements.append(
        (
            "DELETE FROM crypto_room_keys_owed WHERE account_id = ? AND room_id = ?",
            [(me, room) for room, debts in dirty.debts.items() if not debts],
        )
    )
    statements.append(
        (
            "INSERT INTO known_devices (account_id, user_lookup, device_lookup, sealed) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (account_id, user_lookup, device_lookup) DO UPDATE SET sealed = excluded.sealed",
            [device_row(sealer, me, o, signed_at.get((u, d))) for (u, d), o in dirty.devices.items() if o is not None],
        )
    )
    statements.append(
        (
            "DELETE FROM known_devices WHERE account_id = ? AND user_lookup = ? AND device_lookup = ?",
            [
                (me, sealer.lookup("user", u), sealer.lookup("device", d))
                for (u, d), o in dirty.devices.items()
                if o is None
            ],
        )
    )
    statements.append(
        (
            "INSERT INTO known_users (account_id, user_lookup, sealed) VALUES (?, ?, ?)"
            " ON CONFLICT (account_id, user_lookup) DO UPDATE SET sealed = excluded.sealed",
            [user_row(sealer, me, u, t, former=u in former) for u, t in dirty.users.items() if t is not None],
        )
    )
    gone = [(me, sealer.lookup("user", u)) for u, t in dirty.users.items() if t is None]
    statements.append(("DELETE FROM known_users WHERE account_id = ? AND user_lookup = ?", gone))
    statements.append(
        (
            "INSERT INTO crypto_key_requests (account_id, session_id, request_id, room_id, algorithm)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT (account_id, session_id) DO NOTHING",
            [(me, sid, r.request_id, r.room_id, r.algorithm) for sid, r in dirty.requests.items() if r is not None],
        )
    )
    statements.append(
        (
            "DELETE FROM crypto_key_requests WHERE account_id = ? AND session_id = ?",
            [(me, sid) for sid, r in dirty.requests.items() if r is None],
        )
    )
    statements.append(
        (
            "INSERT INTO crypto_secrets (account_id, name, value) VALUES (?, ?, ?)"
            " ON CONFLICT (account_id, name) DO UPDATE SET value = excluded.value",
            [(me, n, sealer.seal(f"secret {n}", v)) for n, v in dirty.secrets.items() if v is not None],
        )
    )
    statements.append(
        (
            "DELETE FROM crypto_secrets WHERE account_id = ? AND name = ?",
            [(me, n) for n, v in dirty.secrets.items() if v is None],
        )
    )

    def write(tx: Tx) -> None:
        if dirty.wipe:
            for table in _OF_THE_DEVICE:
                tx.sql(f"DELETE FROM {table} WHERE account_id = ?", (me,))
        if dirty.retire:
            tx.sql("UPDATE crypto_olm_sessions SET retired = 1 WHERE account_id = ? AND retired = 0", (me,))
        for statement, rows in statements:
            if rows:
                tx.sql(statement, rows)

    return write


def _packed(sealer: Sealer, session: GroupSession) -> bytes:
    """The secret part of an outbound session, to be sealed."""
    pickle = session.session.pickle(_pickle_key(sealer))
    value = {"session": pickle, "lacking": session.lacking, "kept": session.kept, "resting": session.resting}
    return json.dumps(value).encode()


def outbound_of(
    sealer: Sealer, room_id: RoomId, pickle: bytes, created_at: int, messages: int, sealed: bytes
) -> GroupSession:
    """The outbound session of a row."""
    text = sealer.open(f"outbound {room_id}", pickle).decode()
    # Older versions sealed the pickle alone.
    data: dict[str, Any] = json.loads(text) if text.startswith("{") else {"session": text}
    return GroupSession(
        room_id,
        vodozemac.GroupSession.from_pickle(data["session"], _pickle_key(sealer)),
        created_at,
        messages,
        sealer.open_json(shared_context(room_id), sealed),
        data.get("lacking", {}),
        {int(index): key for index, key in data.get("kept", {}).items()},
        data.get("resting", True),  # older versions wrote each message
    )


def _pickle_key(sealer: Sealer) -> bytes:
    return bytes.fromhex(sealer.pickle_passphrase)


def user_row(
    sealer: Sealer, account: AccountId, user_id: str, user: TrackedUser, *, former: bool = False
) -> tuple[AccountId, bytes, bytes]:
    """A row of `known_users`. `former`: we share no room with them now."""
    value: dict[str, Any] = {"user": user_id, "outdated": user.outdated, "former": former}
    value |= {"master": user.master_key, "new_master": user.new_master_key}
    return account, sealer.lookup("user", user_id), sealer.seal_json("user", value)


def device_row(
    sealer: Sealer, account: AccountId, device: OlmDevice, signed_at: int | None
) -> tuple[AccountId, bytes, bytes, bytes]:
    """A row of `known_devices`. The device's name, which its owner chose, is not kept: nobody needs it."""
    value = {
        "user": device.user_id,
        "device": device.id,
        "ed25519": device.ed25519,
        "curve25519": device.curve25519,
        "deleted": device.deleted,
        "trust": device.trust_state.value,
        "signed_at": signed_at,
    }
    return (
        account,
        sealer.lookup("user", device.user_id),
        sealer.lookup("device", device.id),
        sealer.seal_json("device", value),
    )


def owed_context(room_id: str) -> str:
    """What the room keys that are owed in a room are bound to."""
    return f"owed {room_id}"


def shared_context(room_id: str) -> str:
    """What the list of those who have a room's session is bound to."""
    return f"shared {room_id}"


def _ms(time: datetime) -> int:
    return int(time.timestamp() * 1000)
