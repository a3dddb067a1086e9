"""Drafts under keys of days."""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql("ALTER TABLE drafts ADD COLUMN key_id BIGINT")
    op.create_index(op.f("ix_drafts_key_id"), "drafts", ["key_id"], unique=False)
