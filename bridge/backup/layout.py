"""What goes into a backup, and how each table is protected there."""

import sqlalchemy as sa

from bridge.db.tables import metadata

VERSION = 1

LEFT_OUT = frozenset(
    {
        "crypto_accounts",
        "crypto_olm_sessions",
        "crypto_megolm_inbound",
        "crypto_megolm_outbound",
        "crypto_room_keys_owed",
        "crypto_key_requests",
        "waiting_events",
    }
)
"""The state of encryption. An older copy of it must never be used again; and with it, what people said could be read in
their homeserver's copies."""

SEALED = frozenset(
    {
        "rooms",
        "known_users",
        "known_devices",
        "crypto_secrets",
        "outbox",
        "farewells",
        "program_values",
        "media",
        "media_holders",
    }
)
"""Under the epoch key: what opens without the key of the person whom it is about. Rooms and devices under the store
key; texts in the outbox under the key of the reader, not of the writer; what programs store for all who use them;
addresses of files."""

KEYS = "keys."
"""Before the names of the key store's tables, which are sealed under the epoch key too."""

OMITTED_COLUMNS = {"accounts": frozenset({"device_id", "access_token"})}
"""Null in a backup: who is restored is a new device."""

OMITTED_SECRETS = ("generation", "stopped", "device since")
"""Rows of `crypto_secrets` that belong to a device."""

RANDOM_IDS = frozenset({"people"})
"""Their ids are not counted. The highest may be that of somebody who was erased."""

TEMPORARY = "outbox"
"""Restored from a backup as a whole only, not beside another one's tables."""


def open_tables() -> list[sa.Table]:
    """Tables that stand in the backup as they are in the database, parents first: personal values sealed under the
    keys of their owners."""
    return [t for t in metadata.sorted_tables if t.name not in LEFT_OUT | SEALED]


def open_names() -> frozenset[str]:
    """All names that an open table may have: also of tables that a later version has dropped."""
    return frozenset(t.name for t in open_tables())


def sealed_tables() -> list[sa.Table]:
    return [t for t in metadata.sorted_tables if t.name in SEALED]
