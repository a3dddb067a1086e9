"""What many rotations of room keys leave behind in the crypto store.

    python -m tests.bench.store_growth

Twenty people begin a new Megolm session each day, as clients do after so many messages or days, and the bot does the
same in each of their chats, for a year; what opened nothing for `limits.handled_days` (30) is forgotten once a day, as
the bot does it. Each session of theirs opens something the day after as well: a message comes late.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from unittest.mock import patch

import vodozemac

from bridge.db import Database
from bridge.db.tables import metadata
from bridge.ids import AccountId, DeviceId, RoomId, UserId
from bridge.matrix.cryptostore import CryptoStore
from bridge.matrix.machine import Machine
from bridge.matrix.seal import Sealer

PEOPLE = 20
DAYS = 360
KEEP_DAYS = 30
_DAY_MS = 24 * 3600 * 1000
_START = 1_750_000_000_000


@dataclass(frozen=True, slots=True)
class Growth:
    """After so many days."""

    day: int
    made: int
    """Sessions that were begun so far, by everybody."""
    kept: int
    """Inbound sessions in memory and in the database: the two are compared."""
    database_mib: float


async def measure() -> Sequence[Growth]:
    """A year in a minute."""
    found: list[Growth] = []
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "store.db"
        db = Database.open(f"sqlite:///{path}")
        metadata.create_all(db.engine)
        insert = "INSERT INTO accounts (id, user_id, instance, created_at) VALUES (1, '@bot:x.org', 'i', 0)"
        db.run_sync(lambda tx: tx.sql(insert))
        store = CryptoStore(db, AccountId(1), Sealer(bytes(32)))
        db.run_sync(store.load)
        machine = Machine(UserId("@bot:x.org"), DeviceId("BOT"), store)
        people = [(RoomId(f"!r{n}:x.org"), vodozemac.Account()) for n in range(PEOPLE)]
        made, yesterday = 0, list[tuple[RoomId, str, str]]()
        for day in range(1, DAYS + 1):
            now = _START + day * _DAY_MS
            with contextlib.ExitStack() as clocks:
                for module in ("inbound_store", "outgoing"):
                    clocks.enter_context(patch(f"bridge.matrix.{module}.now_ms", lambda: now))  # noqa: B023
                today: list[tuple[RoomId, str, str]] = []
                for room_id, account in people:
                    session = vodozemac.GroupSession()
                    curve = account.curve25519_key.to_base64()
                    today.append((room_id, curve, session.session_id))
                    machine.create_group_session(
                        curve,
                        account.ed25519_key.to_base64(),
                        room_id,
                        session.session_id,
                        session.session_key.to_base64(),
                    )
                    machine.room_session(room_id, [], 1, 100)
                    made += 2
                for room, sender, session_id in yesterday:
                    store.use_group(machine.inbound_group_store._entries[room][sender][session_id])
                yesterday = today
                store.drop_unused_groups(now - KEEP_DAYS * _DAY_MS)
                await store.commit()
            if day % KEEP_DAYS == 0:
                rows = db.run_sync(lambda tx: tx.sql("SELECT COUNT(*) FROM crypto_megolm_inbound").scalar_one())
                kept = len(store.usage.used)
                assert rows == kept
                found.append(Growth(day, made, kept, round(path.stat().st_size / 2**20, 2)))
        await db.close()
    return found


def run() -> Sequence[Growth]:
    return asyncio.run(measure())


def told(rows: Sequence[Growth]) -> list[str]:
    """Print the table. What is over the target: after the first two months nothing may be added."""
    print(f"\nRoom keys over many rotations, kept for {KEEP_DAYS} days after their last use\n")
    print(f"{'day':>5}{'made':>8}{'kept':>8}{'database, MiB':>15}")
    for row in rows:
        print(f"{row.day:>5}{row.made:>8}{row.kept:>8}{row.database_mib:>15.2f}")
    return ["room keys over rotations"] if rows[-1].kept > rows[1].kept else []


def main() -> None:
    print(json.dumps([asdict(row) for row in run()], indent=2))


if __name__ == "__main__":
    main()
