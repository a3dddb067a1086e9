"""Private chats of two people: the ones that are being made, and all rooms of which no key may be kept."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _ref(name: str) -> sa.Column[int]:
    return sa.Column(name, _Id, nullable=False)


def _foreign(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE")


def upgrade() -> None:
    op.create_table(
        "private_chats",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        _ref("account_id"),
        _ref("asker_id"),
        _ref("other_id"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("marker", sa.Text(), nullable=False),
        sa.Column("room_id", sa.Text(), nullable=True),
        sa.Column("invited", sa.Integer(), server_default="0", autoincrement=False, nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        _foreign("private_chats", "account_id", "accounts.id"),
        _foreign("private_chats", "asker_id", "people.id"),
        _foreign("private_chats", "other_id", "people.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_private_chats")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_private_chats_asker_id_created_at"), "private_chats", ["asker_id", "created_at"], unique=False
    )
    op.create_index(op.f("ix_private_chats_other_id"), "private_chats", ["other_id"], unique=False)
    op.create_table(
        "private_rooms",
        _ref("account_id"),
        sa.Column("room_id", sa.Text(), nullable=False),
        _foreign("private_rooms", "account_id", "accounts.id"),
        sa.PrimaryKeyConstraint("account_id", "room_id", name=op.f("pk_private_rooms")),
        sqlite_autoincrement=True,
    )
