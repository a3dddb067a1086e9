"""Tags, stances, settings, rules of fields, invites, the access log; whom audiences leave out."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _id() -> sa.Column[int]:
    return sa.Column("id", _Id, autoincrement=True, nullable=False)


def _ref(name: str) -> sa.Column[int]:
    return sa.Column(name, _Id, nullable=False)


def _foreign(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE")


def _flag(name: str, default: int) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), server_default=str(default), autoincrement=False, nullable=False)


def upgrade() -> None:
    op.create_table(
        "tags",
        _id(),
        _ref("owner_id"),
        sa.Column("lookup", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        _flag("shut_out", 0),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        _foreign("tags", "owner_id", "people.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tags")),
        sa.UniqueConstraint("owner_id", "lookup", name=op.f("uq_tags_owner_id_lookup")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "tag_members",
        _ref("tag_id"),
        _ref("person_id"),
        _foreign("tag_members", "tag_id", "tags.id"),
        _foreign("tag_members", "person_id", "people.id"),
        sa.PrimaryKeyConstraint("tag_id", "person_id", name=op.f("pk_tag_members")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_tag_members_person_id"), "tag_members", ["person_id"], unique=False)
    op.create_table(
        "stances",
        _ref("person_id"),
        _ref("other_id"),
        *(_flag(name, 0) for name in ("blocked", "chats_only", "shut_out", "hidden")),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        _foreign("stances", "person_id", "people.id"),
        _foreign("stances", "other_id", "people.id"),
        sa.PrimaryKeyConstraint("person_id", "other_id", name=op.f("pk_stances")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_stances_other_id"), "stances", ["other_id"], unique=False)
    op.create_table(
        "privacy_settings",
        _ref("person_id"),
        sa.Column("window_ms", sa.BigInteger(), nullable=True),
        _flag("strangers", 0),
        *(_flag(name, 1) for name in ("by_id", "by_code", "by_room", "reactions")),
        _foreign("privacy_settings", "person_id", "people.id"),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_privacy_settings")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "field_rules",
        _ref("person_id"),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        _foreign("field_rules", "person_id", "people.id"),
        sa.PrimaryKeyConstraint("person_id", "field", name=op.f("pk_field_rules")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "invites",
        _id(),
        _ref("owner_id"),
        sa.Column("lookup", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("uses_left", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        _foreign("invites", "owner_id", "people.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invites")),
        sa.UniqueConstraint("lookup", name=op.f("uq_invites_lookup")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_invites_owner_id"), "invites", ["owner_id"], unique=False)
    op.create_table(
        "access_log",
        _id(),
        _ref("person_id"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        _foreign("access_log", "person_id", "people.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_log")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_access_log_person_id_id"), "access_log", ["person_id", "id"], unique=False)
    op.create_table(
        "moment_tags",
        _ref("moment_id"),
        _ref("tag_id"),
        sa.Column("mode", sa.Text(), nullable=False),
        _foreign("moment_tags", "moment_id", "moments.id"),
        _foreign("moment_tags", "tag_id", "tags.id"),
        sa.PrimaryKeyConstraint("moment_id", "tag_id", name=op.f("pk_moment_tags")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_moment_tags_tag_id"), "moment_tags", ["tag_id"], unique=False)
    op.add_column("moment_people", _flag("left_out", 0))
