"""What the reader of a copy reads, as a keyed hash: a copy is edited in place only when that changed."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Not in a batch: no table need be copied for this.
    blob = "BLOB" if op.get_bind().dialect.name == "sqlite" else "BYTEA"
    op.get_bind().exec_driver_sql(f"ALTER TABLE copies ADD COLUMN rendering {blob}")
