"""What servers are to be asked for mini-programs."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "program_fetches",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("session_id", _Id, nullable=False),
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("lookup", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("chain", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_program_fetches_person_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["program_sessions.id"], name=op.f("fk_program_fetches_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program_fetches")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_program_fetches_person_id"), "program_fetches", ["person_id"], unique=False)
    op.create_index(op.f("ix_program_fetches_session_id"), "program_fetches", ["session_id"], unique=False)
    op.create_index(op.f("ix_program_fetches_state_id"), "program_fetches", ["state", "id"], unique=False)
