"""The bot's Matrix accounts: what each knows of its rooms, and its crypto store. See `bridge.db.tables`."""

import sqlalchemy as sa

from bridge.db.tables.columns import blob, integer, key, ms, ref, row_id, table, text

accounts = table(
    "accounts",
    row_id(),
    text("user_id"),
    text("device_id", nullable=True),
    blob("access_token", nullable=True),  # sealed
    text("sync_token", nullable=True),
    text("instance"),  # random; the prefix of the transaction ids of this account
    ms("created_at"),
    sa.UniqueConstraint("user_id"),
)
rooms = table(
    "rooms",
    ref("account_id", "accounts.id", primary_key=True),
    text("room_id", primary_key=True),
    blob("sealed", nullable=True),  # under the store key: members, encryption, power levels, what sending needs
)
waiting_events = table(  # encrypted events whose key has not come yet
    "waiting_events",
    ref("account_id", "accounts.id", primary_key=True),
    text("event_id", primary_key=True),
    text("room_id"),
    text("session_id"),
    blob("sealed", nullable=True),  # under the store key: the event, itself still encrypted
    ms("since"),
)
handled = table(  # events that were handled; written in the transaction of what they changed
    "handled",
    ref("account_id", "accounts.id", primary_key=True),
    text("event_id", primary_key=True),
    ms("at"),
    text("command", nullable=True),  # name of the command that it ran, for edits
    integer("effect", default=0),  # 1: it changed something and must not be run again by an edit
)

# crypto store: rows of one account; blobs are pickles sealed under the operator's key
crypto_accounts = table(
    "crypto_accounts",
    ref("account_id", "accounts.id", primary_key=True),
    blob("pickle"),
    integer("shared", default=0),
    ms("fallback_at", nullable=True),
)
crypto_secrets = table(  # private cross-signing keys and the like, sealed
    "crypto_secrets",
    ref("account_id", "accounts.id", primary_key=True),
    text("name", primary_key=True),
    blob("value"),
)
crypto_olm_sessions = table(
    "crypto_olm_sessions",
    ref("account_id", "accounts.id", primary_key=True),
    text("session_id", primary_key=True),
    text("sender_key"),
    blob("pickle"),
    ms("created_at"),
    ms("used_at"),
    integer("retired", default=0),  # 1: from before an unclean end; it opens, and encrypts nothing any more
)
crypto_megolm_inbound = table(
    "crypto_megolm_inbound",
    ref("account_id", "accounts.id", primary_key=True),
    text("room_id", primary_key=True),
    text("sender_key", primary_key=True),
    text("session_id", primary_key=True),
    text("ed25519"),
    text("forwarding_chain"),  # JSON list
    blob("pickle"),
    ms("used_at", default=0),  # to the day
)
crypto_megolm_outbound = table(
    "crypto_megolm_outbound",
    ref("account_id", "accounts.id", primary_key=True),
    text("room_id", primary_key=True),
    blob("pickle"),
    ms("created_at"),
    integer("messages"),
    blob("sealed", nullable=True),  # {user: {device: curve25519}}: who has the key
)
crypto_room_keys_owed = table(
    "crypto_room_keys_owed",
    ref("account_id", "accounts.id", primary_key=True),
    text("room_id", primary_key=True),
    blob("sealed"),  # sessions that were replaced: who lacks them from which message on, and the keys from there on
)
known_users = table(  # users whose devices are tracked
    "known_users",
    ref("account_id", "accounts.id", primary_key=True),
    key("user_lookup"),  # keyed hash of the user id
    blob("sealed"),  # user id, whether their device list is outdated, identity they are known by
)
known_devices = table(
    "known_devices",
    ref("account_id", "accounts.id", primary_key=True),
    key("user_lookup"),
    key("device_lookup"),
    blob("sealed"),  # both ids, public keys, trust, when the identity was first seen to vouch for it
)
crypto_key_requests = table(
    "crypto_key_requests",
    ref("account_id", "accounts.id", primary_key=True),
    text("session_id", primary_key=True),
    text("request_id"),
    text("room_id"),
    text("algorithm"),
)
