"""What the tries to send something said, to see whether they all said the same."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Not in a batch: no table need be copied for this.
    blob = "BLOB" if op.get_bind().dialect.name == "sqlite" else "BYTEA"
    op.get_bind().exec_driver_sql(f"ALTER TABLE outbox ADD COLUMN tried {blob}")
