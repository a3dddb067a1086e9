"""Posts that are not published yet, and the audience that a person's posts have when they say none."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _person(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f(f"fk_{table}_person_id"), ondelete="CASCADE")


def upgrade() -> None:
    op.create_table(
        "drafts",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("touched_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("moment_id", sa.BigInteger(), nullable=True),
        _person("drafts"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drafts")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_drafts_person_id_state"), "drafts", ["person_id", "state"], unique=False)
    op.create_table(
        "post_defaults",
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        _person("post_defaults"),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_post_defaults")),
        sqlite_autoincrement=True,
    )
