"""Who could see a moment earlier, and the chats that people had: for `moment N copies`."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column(
        "moments", sa.Column("once_public", sa.Integer(), autoincrement=False, server_default="0", nullable=False)
    )
    op.create_table(
        "former_chats",
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("account_id", _Id, nullable=False),
        sa.Column("room_id", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_former_chats_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_former_chats_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", "account_id", "room_id", name=op.f("pk_former_chats")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "moment_once_seen",
        sa.Column("moment_id", _Id, nullable=False),
        sa.Column("person_id", _Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["moment_id"], ["moments.id"], name=op.f("fk_moment_once_seen_moment_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_moment_once_seen_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("moment_id", "person_id", name=op.f("pk_moment_once_seen")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_moment_once_seen_person_id"), "moment_once_seen", ["person_id"], unique=False)
    op.create_table(
        "gone_moments",
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_gone_moments_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", "number", name=op.f("pk_gone_moments")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_gone_moments_until"), "gone_moments", ["until"], unique=False)
