"""When programs failed of late, so that a restart does not begin to count anew."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "program_failures",
        sa.Column("id", _Id, nullable=False, autoincrement=True),
        sa.Column("program_id", _Id, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id"], ["programs.id"], name=op.f("fk_program_failures_program_id_programs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program_failures")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_program_failures_at"), "program_failures", ["at"])
    op.create_index(op.f("ix_program_failures_program_id"), "program_failures", ["program_id"])
