"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=True),
        sa.Column("access_token", sa.LargeBinary(), nullable=True),
        sa.Column("sync_token", sa.Text(), nullable=True),
        sa.Column("instance", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("user_id", name=op.f("uq_accounts_user_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "crypto_accounts",
        sa.Column("account_id", _Id, nullable=False),
        sa.Column("pickle", sa.LargeBinary(), nullable=False),
        sa.Column("shared", sa.Integer(), server_default="0", autoincrement=False, nullable=False),
        sa.Column("fallback_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_crypto_accounts_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_crypto_accounts")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "crypto_devices",
        sa.Column("account_id", _Id, nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("ed25519", sa.Text(), nullable=False),
        sa.Column("curve25519", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("deleted", sa.Integer(), server_default="0", autoincrement=False, nullable=False),
        sa.Column("trust", sa.Integer(), server_default="0", autoincrement=False, nullable=False),
        sa.Column("signed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_crypto_devices_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "user_id", "device_id", name=op.f("pk_crypto_devices")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "crypto_key_requests",
        sa.Column("account_id", _Id, nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("room_id", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_crypto_key_requests_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "session_id", name=op.f("pk_crypto_key_requests")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "crypto_megolm_inbound",
        sa.Column("account_id", _Id, nullable=False),
        sa.Column("room_id", sa.Text(), nullable=False),
        sa.Column("sender_key", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("ed25519", sa.Text(), nullable=False),
        sa.Column("forwarding_chain", sa.Text(), nullable=False),
        sa.Column("pickle", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_crypto_megolm_inbound_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "room_id", "sender_key", "session_id", name=op.f("pk_crypto_megolm_inbound")
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "crypto_megolm_outbound",
        sa.Column("account_id", _Id, nullable=False),
        sa.Column("room_id", sa.Text(), nullable=False),
        sa.Column("pickle", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("messages", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("shared_with", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_crypto_megolm_outbound_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "room_id", name=op.f("pk_crypto_megolm_outbound")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "crypto_olm_sessions",
        sa.Column("account_id", _Id, nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("sender_key", sa.Text(), nullable=False),
        sa.Column("pickle", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_crypto_olm_sessions_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "session_id", name=op.f("pk_crypto_olm_sessions")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "crypto_secrets",
        sa.Column("account_id", _Id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_crypto_secrets_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "name", name=op.f("pk_crypto_secrets")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "crypto_users",
        sa.Column("account_id", _Id, nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("outdated", sa.Integer(), server_default="1", autoincrement=False, nullable=False),
        sa.Column("master_key", sa.Text(), nullable=True),
        sa.Column("new_master_key", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_crypto_users_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "user_id", name=op.f("pk_crypto_users")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "handled",
        sa.Column("account_id", _Id, nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("command", sa.Text(), nullable=True),
        sa.Column("effect", sa.Integer(), server_default="0", autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_handled_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "event_id", name=op.f("pk_handled")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "people",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("time_zone", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=True),
        sa.Column("dm_account_id", _Id, nullable=True),
        sa.Column("dm_room_id", sa.Text(), nullable=True),
        sa.Column("recovery_hash", sa.Text(), nullable=True),
        sa.Column("paused_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["dm_account_id"], ["accounts.id"], name=op.f("fk_people_dm_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("user_id", name=op.f("uq_people_user_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "rooms",
        sa.Column("account_id", _Id, nullable=False),
        sa.Column("room_id", sa.Text(), nullable=False),
        sa.Column("encryption", sa.Text(), nullable=True),
        sa.Column("joined_at", sa.BigInteger(), nullable=True),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_rooms_account_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id", "room_id", name=op.f("pk_rooms")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "waiting_events",
        sa.Column("account_id", _Id, nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("room_id", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_waiting_events_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "event_id", name=op.f("pk_waiting_events")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "copies",
        sa.Column("account_id", _Id, nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("room_id", sa.Text(), nullable=False),
        sa.Column("person_id", _Id, nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ref_id", sa.BigInteger(), nullable=True),
        sa.Column("source_event", sa.Text(), nullable=True),
        sa.Column("thread", sa.Text(), nullable=True),
        sa.Column("replaces", sa.Text(), nullable=True),
        sa.Column("outbox_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_copies_account_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_copies_person_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id", "event_id", name=op.f("pk_copies")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_copies_account_id_replaces"), "copies", ["account_id", "replaces"], unique=False)
    op.create_index(op.f("ix_copies_kind_ref_id"), "copies", ["kind", "ref_id"], unique=False)
    op.create_index(op.f("ix_copies_person_id"), "copies", ["person_id"], unique=False)
    op.create_index(op.f("ix_copies_source_event"), "copies", ["source_event"], unique=False)
    op.create_table(
        "cursors",
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("list", sa.Text(), nullable=False),
        sa.Column("position", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_cursors_person_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("person_id", "list", name=op.f("pk_cursors")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "friend_requests",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("from_id", _Id, nullable=False),
        sa.Column("to_id", _Id, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["from_id"], ["people.id"], name=op.f("fk_friend_requests_from_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["to_id"], ["people.id"], name=op.f("fk_friend_requests_to_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_friend_requests")),
        sa.UniqueConstraint("from_id", "to_id", name=op.f("uq_friend_requests_from_id_to_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_friend_requests_to_id_state"), "friend_requests", ["to_id", "state"], unique=False)
    op.create_table(
        "friendships",
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("friend_id", _Id, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["friend_id"], ["people.id"], name=op.f("fk_friendships_friend_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_friendships_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", "friend_id", name=op.f("pk_friendships")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_friendships_friend_id"), "friendships", ["friend_id"], unique=False)
    op.create_table(
        "moments",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("author_id", _Id, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("edited_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["author_id"], ["people.id"], name=op.f("fk_moments_author_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_moments")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_moments_author_id_created_at"), "moments", ["author_id", "created_at"], unique=False)
    op.create_index(op.f("ix_moments_created_at"), "moments", ["created_at"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("account_id", _Id, nullable=True),
        sa.Column("room_id", sa.Text(), nullable=True),
        sa.Column("floating", sa.Integer(), server_default="0", autoincrement=False, nullable=False),
        sa.Column("person_id", _Id, nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("copy_kind", sa.Text(), nullable=True),
        sa.Column("copy_ref", sa.BigInteger(), nullable=True),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("target_event", sa.Text(), nullable=True),
        sa.Column("reply_to", sa.Text(), nullable=True),
        sa.Column("thread", sa.Text(), nullable=True),
        sa.Column("source_event", sa.Text(), nullable=True),
        sa.Column("priority", sa.Integer(), server_default="0", autoincrement=False, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", autoincrement=False, nullable=False),
        sa.Column("first_attempt_at", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn", sa.Integer(), server_default="0", autoincrement=False, nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_outbox_account_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_outbox_person_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_outbox_account_id_room_id_state"), "outbox", ["account_id", "room_id", "state"], unique=False
    )
    op.create_index(op.f("ix_outbox_copy_kind_copy_ref"), "outbox", ["copy_kind", "copy_ref"], unique=False)
    op.create_index(op.f("ix_outbox_person_id_state"), "outbox", ["person_id", "state"], unique=False)
    op.create_index(op.f("ix_outbox_source_event"), "outbox", ["source_event"], unique=False)
    op.create_index(op.f("ix_outbox_state_not_before"), "outbox", ["state", "not_before"], unique=False)
    op.create_table(
        "profile_fields",
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_profile_fields_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", "field", name=op.f("pk_profile_fields")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "prompts",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ref_id", sa.BigInteger(), nullable=True),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_prompts_person_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompts")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_prompts_person_id_state"), "prompts", ["person_id", "state"], unique=False)
    op.create_table(
        "sources",
        sa.Column("account_id", _Id, nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ref_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_sources_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_sources_person_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id", "event_id", name=op.f("pk_sources")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_sources_kind_ref_id"), "sources", ["kind", "ref_id"], unique=False)
    op.create_index(op.f("ix_sources_person_id"), "sources", ["person_id"], unique=False)
    op.create_table(
        "comments",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("moment_id", _Id, nullable=False),
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("answer_to", _Id, nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("edited_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["answer_to"], ["comments.id"], name=op.f("fk_comments_answer_to"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["moment_id"], ["moments.id"], name=op.f("fk_comments_moment_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_comments_person_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comments")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_comments_answer_to"), "comments", ["answer_to"], unique=False)
    op.create_index(op.f("ix_comments_moment_id_id"), "comments", ["moment_id", "id"], unique=False)
    op.create_index(op.f("ix_comments_person_id"), "comments", ["person_id"], unique=False)
    op.create_table(
        "likes",
        sa.Column("moment_id", _Id, nullable=False),
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.Integer(), server_default="0", autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["moment_id"], ["moments.id"], name=op.f("fk_likes_moment_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_likes_person_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("moment_id", "person_id", name=op.f("pk_likes")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_likes_person_id"), "likes", ["person_id"], unique=False)
    op.create_table(
        "moment_people",
        sa.Column("moment_id", _Id, nullable=False),
        sa.Column("person_id", _Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["moment_id"], ["moments.id"], name=op.f("fk_moment_people_moment_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_moment_people_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("moment_id", "person_id", name=op.f("pk_moment_people")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_moment_people_person_id"), "moment_people", ["person_id"], unique=False)
    op.create_table(
        "numbers",
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("moment_id", _Id, nullable=False),
        sa.ForeignKeyConstraint(["moment_id"], ["moments.id"], name=op.f("fk_numbers_moment_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_numbers_person_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("person_id", "number", name=op.f("pk_numbers")),
        sa.UniqueConstraint("person_id", "moment_id", name=op.f("uq_numbers_person_id_moment_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_numbers_moment_id"), "numbers", ["moment_id"], unique=False)
    op.create_table(
        "pictures",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("moment_id", _Id, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("thumbnail", sa.Text(), nullable=True),
        sa.Column("info", sa.Text(), nullable=False),
        sa.Column("alt", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["moment_id"], ["moments.id"], name=op.f("fk_pictures_moment_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pictures")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_pictures_moment_id"), "pictures", ["moment_id"], unique=False)
