"""Log entries and friend requests under keys of days."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().exec_driver_sql
    op.create_table(
        "day_keys",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("day", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "day", name=op.f("pk_day_keys")),
    )
    for table in ("access_log", "friend_requests"):
        run(f"ALTER TABLE {table} ADD COLUMN key_id BIGINT")
        op.create_index(op.f(f"ix_{table}_key_id"), table, ["key_id"], unique=False)
