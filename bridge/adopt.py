"""Brings a database up to date, and on the way seals what an older version left in the clear: between schema 0002,
which makes room, and 0003, which takes the old columns away.

A few rows a transaction, each found by what is still missing: it may be broken off at any time and goes on at the next
start.
"""

import json
from collections.abc import Callable
from typing import Any

import structlog

from bridge.db import Database, Tx
from bridge.db.migrate import upgrade, version
from bridge.db.sealing import HOUSE
from bridge.matrix.seal import Sealer, fact_id

_BATCH = 500

log = structlog.get_logger(__name__)


ROOM_FOR_SEALED, NOTHING_CLEAR = "0002", "0003"


def bring_up_to_date(db: Database, sealer: Callable[[], Sealer]) -> None:
    """Migrate to this program's schema. `sealer` is asked for once there are tables. Blocks, maybe for long.

    Raises:
        OperatorError: the database is newer than the program, or can't be used.
    """
    was = version(db.engine)
    if was is not None and was < NOTHING_CLEAR:
        upgrade(db.engine, max(was, ROOM_FOR_SEALED))
        _seal(db, sealer())
    upgrade(db.engine)
    # Of what stood in the clear, also in the pages that are free now: the migration asked for it.
    if db.engine.dialect.name == "sqlite":
        clean = db.scrub_if_due()
    else:
        clean = was is None or was >= NOTHING_CLEAR or db.scrub()
    if not clean:
        log.warning("rows of an older version may still lie in the database file; cleaned at the next start")


def _seal(db: Database, sealer: Sealer) -> None:
    total = 0
    for step in (*_people_steps(), *_account_steps(sealer)):
        while count := db.run_sync(step):
            total += count
    if total:
        log.info("rows of an older version were sealed", count=total)


Step = Callable[[Tx], int]


def _people_steps() -> tuple[Step, ...]:
    from bridge.chat.pipeline import device_mark  # no start needs it but that from such a version

    def people(tx: Tx) -> int:
        rows = tx.sql(f"SELECT id, user_id, language, time_zone FROM people WHERE card IS NULL LIMIT {_BATCH}").all()
        for row in rows:
            tx.vault.create(row.id)
            card = {"user_id": row.user_id, "language": row.language, "time_zone": row.time_zone}
            kept = {name: value for name, value in card.items() if value is not None}
            tx.sql(
                "UPDATE people SET lookup = ?, card = ? WHERE id = ?",
                (
                    tx.vault.lookup("person", row.user_id),
                    tx.vault.seal(row.id, "people", row.id, "card", kept),
                    row.id,
                ),
            )
        return len(rows)

    def fields(tx: Tx) -> int:
        rows = tx.sql(f"SELECT person_id, field, value FROM profile_fields WHERE sealed IS NULL LIMIT {_BATCH}").all()
        for row in rows:
            sealed = tx.vault.seal(row.person_id, "profile_fields", row.field, "sealed", row.value)
            tx.sql(
                "UPDATE profile_fields SET sealed = ? WHERE person_id = ? AND field = ?",
                (sealed, row.person_id, row.field),
            )
        return len(rows)

    def marks(tx: Tx) -> int:
        # The names of people and devices stood in these.
        rows = tx.sql(
            f"SELECT account_id, event_id FROM handled WHERE substr(event_id, 1, 10) = 'unsigned:@' LIMIT {_BATCH}"
        ).all()
        for row in rows:
            user, _, device = row.event_id.removeprefix("unsigned:").rpartition(":")
            tx.sql(
                "UPDATE handled SET event_id = ? WHERE account_id = ? AND event_id = ?",
                (device_mark(tx, "unsigned", user, device), row.account_id, row.event_id),
            )
        return len(rows)

    def picture(row: Any) -> Any:
        thumbnail = None if row.thumbnail is None else json.loads(row.thumbnail)
        return {"file": json.loads(row.file), "thumbnail": thumbnail, "info": json.loads(row.info)}

    return (
        people,
        fields,
        marks,
        _by_id("friend_requests", "from_id", "note", lambda row: row.note),
        _by_id("moments", "author_id", "text", lambda row: {"text": row.text}),
        _by_id("comments", "person_id", "text", lambda row: {"text": row.text}),
        _by_id(
            "pictures",
            "(SELECT author_id FROM moments m WHERE m.id = moment_id)",
            "file, thumbnail, info",
            picture,
        ),
        _by_id(
            "outbox",
            f"COALESCE(person_id, {HOUSE})",
            "content",
            lambda row: json.loads(row.content),
            "content IS NOT NULL",
        ),
    )


def _by_id(table: str, owner: str, columns: str, value: Callable[[Any], Any], where: str = "1 = 1") -> Step:
    def step(tx: Tx) -> int:
        rows = tx.sql(
            f"SELECT id, {owner} AS owner_id, {columns} FROM {table} WHERE sealed IS NULL AND {where} LIMIT {_BATCH}"
        ).all()
        for row in rows:
            sealed = tx.vault.seal(row.owner_id, table, row.id, "sealed", value(row))
            tx.sql(f"UPDATE {table} SET sealed = ? WHERE id = ?", (sealed, row.id))
        return len(rows)

    return step


def _account_steps(sealer: Sealer) -> tuple[Step, ...]:
    from bridge.matrix.cryptorows import shared_context  # like all that knows Matrix's library
    from bridge.matrix.late import event_context
    from bridge.matrix.rooms import room_context

    def rooms(tx: Tx) -> int:
        rows = tx.sql(
            f"SELECT account_id, room_id, encryption, snapshot FROM rooms WHERE sealed IS NULL LIMIT {_BATCH}"
        ).all()
        for row in rows:
            value = json.loads(row.snapshot)
            value["encryption"] = json.loads(row.encryption) if row.encryption else None
            value.setdefault("strange", [])
            tx.sql(
                "UPDATE rooms SET sealed = ? WHERE account_id = ? AND room_id = ?",
                (sealer.seal_json(room_context(row.room_id), value), row.account_id, row.room_id),
            )
        return len(rows)

    def waiting(tx: Tx) -> int:
        rows = tx.sql(f"SELECT account_id, event_id, event FROM waiting_events WHERE sealed IS NULL LIMIT {_BATCH}")
        found = rows.all()
        for row in found:
            tx.sql(
                "UPDATE waiting_events SET sealed = ? WHERE account_id = ? AND event_id = ?",
                (sealer.seal_json(event_context(row.event_id), json.loads(row.event)), row.account_id, row.event_id),
            )
        return len(found)

    def outbound(tx: Tx) -> int:
        rows = tx.sql(
            f"SELECT account_id, room_id, shared_with FROM crypto_megolm_outbound WHERE sealed IS NULL LIMIT {_BATCH}"
        ).all()
        for row in rows:
            tx.sql(
                "UPDATE crypto_megolm_outbound SET sealed = ? WHERE account_id = ? AND room_id = ?",
                (
                    sealer.seal_json(shared_context(row.room_id), json.loads(row.shared_with)),
                    row.account_id,
                    row.room_id,
                ),
            )
        return len(rows)

    def users(tx: Tx) -> int:
        rows = tx.sql(
            "SELECT account_id, user_id, outdated, master_key, new_master_key FROM crypto_users"
            f" ORDER BY account_id, user_id LIMIT {_BATCH}"
        ).all()
        for row in rows:
            value = {
                "user": row.user_id,
                "outdated": bool(row.outdated),
                "master": row.master_key,
                "new_master": row.new_master_key,
            }
            tx.sql(
                "INSERT INTO known_users (account_id, user_lookup, sealed) VALUES (?, ?, ?)",
                (row.account_id, sealer.lookup("user", row.user_id), sealer.seal_json("user", value)),
            )
            tx.sql("DELETE FROM crypto_users WHERE account_id = ? AND user_id = ?", (row.account_id, row.user_id))
        return len(rows)

    def devices(tx: Tx) -> int:
        rows = tx.sql(
            "SELECT account_id, user_id, device_id, ed25519, curve25519, deleted, trust, signed_at FROM crypto_devices"
            f" ORDER BY account_id, user_id, device_id LIMIT {_BATCH}"
        ).all()
        for row in rows:
            value = {
                "user": row.user_id,
                "device": row.device_id,
                "ed25519": row.ed25519,
                "curve25519": row.curve25519,
                "deleted": bool(row.deleted),
                "trust": row.trust,
                "signed_at": row.signed_at,
            }
            tx.sql(
                "INSERT INTO known_devices (account_id, user_lookup, device_lookup, sealed) VALUES (?, ?, ?, ?)",
                (
                    row.account_id,
                    sealer.lookup("user", row.user_id),
                    sealer.lookup("device", row.device_id),
                    sealer.seal_json("device", value),
                ),
            )
            tx.sql(
                "DELETE FROM crypto_devices WHERE account_id = ? AND user_id = ? AND device_id = ?",
                (row.account_id, row.user_id, row.device_id),
            )
        return len(rows)

    def facts(tx: Tx) -> int:
        # People's ids stood in the names of what is handled like an event; answers to it can't be edited.
        for table in ("outbox", "copies"):
            tx.sql(f"UPDATE {table} SET source_event = NULL WHERE substr(source_event, 1, 11) = '$identity @'")
        rows = tx.sql(
            "SELECT account_id, event_id FROM handled WHERE substr(event_id, 1, 11) = '$identity @'"
            f" OR substr(event_id, 1, 9) = '$opened !' LIMIT {_BATCH}"
        ).all()
        for row in rows:
            kind, _, what = row.event_id.removeprefix("$").partition(" ")
            tx.sql(
                "UPDATE handled SET event_id = ? WHERE account_id = ? AND event_id = ?",
                (fact_id(sealer, kind, what), row.account_id, row.event_id),
            )
        return len(rows)

    return rooms, waiting, outbound, users, devices, facts
