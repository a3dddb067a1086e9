"""Tokens of the choices that programs offer."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "program_choices",
        sa.Column("lookup", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", _Id, nullable=False),
        sa.Column("message_id", _Id, nullable=True),
        sa.Column("person_id", _Id, nullable=True),
        sa.ForeignKeyConstraint(
            ["message_id"], ["program_messages.id"], name=op.f("fk_program_choices_message_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_program_choices_person_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["program_sessions.id"], name=op.f("fk_program_choices_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("lookup", name=op.f("pk_program_choices")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_program_choices_message_id"), "program_choices", ["message_id"], unique=False)
    op.create_index(op.f("ix_program_choices_person_id"), "program_choices", ["person_id"], unique=False)
    op.create_index(op.f("ix_program_choices_session_id"), "program_choices", ["session_id"], unique=False)
