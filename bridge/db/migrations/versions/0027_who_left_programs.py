"""Under which ids programs know people, and telling those on servers that somebody left."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    leavings = "program_leavings"
    op.add_column(leavings, sa.Column("due_at", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column(leavings, sa.Column("tries", sa.Integer(), server_default="0", autoincrement=False, nullable=False))
    op.add_column(leavings, sa.Column("until_at", sa.BigInteger(), nullable=True))
    op.add_column(leavings, sa.Column("owner", sa.BigInteger(), nullable=True))
    op.add_column(leavings, sa.Column("done_at", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_program_leavings_done_at_due_at"), leavings, ["done_at", "due_at"], unique=False)
    op.create_index(op.f("ix_program_leavings_owner"), leavings, ["owner"], unique=False)
    op.create_table(
        "program_known",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("program_id", _Id, nullable=False),
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("lookup", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_program_known_person_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["program_id"], ["programs.id"], name=op.f("fk_program_known_program_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program_known")),
        sa.UniqueConstraint("lookup", name=op.f("uq_program_known_lookup")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_program_known_person_id"), "program_known", ["person_id"], unique=False)
    op.create_index(op.f("ix_program_known_program_id"), "program_known", ["program_id"], unique=False)
