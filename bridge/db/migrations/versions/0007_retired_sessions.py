"""Olm sessions that open what comes, and encrypt nothing any more."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Not in a batch: no table need be copied for this.
    op.get_bind().exec_driver_sql("ALTER TABLE crypto_olm_sessions ADD COLUMN retired INTEGER DEFAULT '0' NOT NULL")
