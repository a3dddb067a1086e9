"""Votes in polls of moments."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "votes",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("moment_id", _Id, nullable=False),
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["moment_id"], ["moments.id"], name=op.f("fk_votes_moment_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_votes_person_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_votes")),
        sa.UniqueConstraint("moment_id", "person_id", name=op.f("uq_votes_moment_id_person_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_votes_person_id"), "votes", ["person_id"], unique=False)
