"""The end of an account, what somebody keeps of their comments, the ledger, and when people were there last."""

import time

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_DAY_MS = 24 * 3600 * 1000


def _foreign(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE")


def upgrade() -> None:
    # Not in a batch: no table need be copied for this.
    bind = op.get_bind()
    bind.exec_driver_sql("ALTER TABLE privacy_settings ADD COLUMN keep_comments INTEGER DEFAULT '0' NOT NULL")
    bind.exec_driver_sql("ALTER TABLE people ADD COLUMN seen_at BIGINT")
    people = sa.table("people", sa.column("seen_at"), sa.column("opened_at"))
    today = int(time.time() * 1000) // _DAY_MS * _DAY_MS
    op.execute(people.update().where(people.c.opened_at.is_not(None)).values(seen_at=today))
    op.create_table(
        "deletions",
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("code", sa.LargeBinary(), nullable=True),
        sa.Column("code_until", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        _foreign("deletions", "person_id", "people.id"),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_deletions")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_deletions_state_due_at"), "deletions", ["state", "due_at"], unique=False)
    op.create_table(
        "farewells",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("account_id", _Id, nullable=False),
        sa.Column("owner", sa.BigInteger(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        _foreign("farewells", "account_id", "accounts.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_farewells")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "kept_comments",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("comment_id", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        _foreign("kept_comments", "person_id", "people.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_comments")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_kept_comments_person_id_id"), "kept_comments", ["person_id", "id"], unique=False)
    op.create_index(op.f("ix_kept_comments_comment_id"), "kept_comments", ["comment_id"], unique=False)
    op.create_table(
        "ledger",
        sa.Column("number", _Id, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_ledger")),
        sqlite_autoincrement=True,
    )
