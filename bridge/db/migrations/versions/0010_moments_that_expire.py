"""Moments that expire, with keys of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Not in a batch: no table need be copied for this.
    run = op.get_bind().exec_driver_sql
    run("ALTER TABLE moments ADD COLUMN expires_at BIGINT")
    run("ALTER TABLE moments ADD COLUMN key_id BIGINT")
    op.create_index(op.f("ix_moments_expires_at"), "moments", ["expires_at"], unique=False)
    op.create_table(
        "ended_keys",
        sa.Column("key_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_ended_keys")),
    )
