"""Limits of single people, by the operator; what programs were told under keys of days."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "own_limits",
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_own_limits_person_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("person_id", "what", name=op.f("pk_own_limits")),
        sqlite_autoincrement=True,
    )
    op.get_bind().exec_driver_sql("ALTER TABLE program_deliveries ADD COLUMN key_id BIGINT")
    op.create_index(op.f("ix_program_deliveries_key_id"), "program_deliveries", ["key_id"], unique=False)
