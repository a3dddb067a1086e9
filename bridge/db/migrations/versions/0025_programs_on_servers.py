"""Mini-programs on servers of their developers."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    def integer(name: str) -> "sa.Column[int]":
        return sa.Column(name, sa.Integer(), server_default="0", autoincrement=False, nullable=False)

    op.add_column("programs", integer("remote"))
    op.add_column("program_events", sa.Column("due_at", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("program_events", integer("tries"))
    op.add_column("program_events", sa.Column("first_at", sa.BigInteger(), nullable=True))
    op.add_column("program_events", integer("deferred"))
