"""Which events were copies that were taken back, so that answers to them are told so."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "gone_copies",
        sa.Column("lookup", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("told", sa.Integer(), autoincrement=False, server_default="0", nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_gone_copies_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("lookup", name=op.f("pk_gone_copies")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_gone_copies_at"), "gone_copies", ["at"], unique=False)
    op.create_index(op.f("ix_gone_copies_person_id"), "gone_copies", ["person_id"], unique=False)
