"""Pages of moments in one event."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "pages",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_pages_person_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pages")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_pages_person_id"), "pages", ["person_id"], unique=False)
    op.create_table(
        "page_moments",
        sa.Column("page_id", _Id, nullable=False),
        sa.Column("moment_id", _Id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["page_id"], ["pages.id"], name=op.f("fk_page_moments_page_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["moment_id"], ["moments.id"], name=op.f("fk_page_moments_moment_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("page_id", "moment_id", name=op.f("pk_page_moments")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_page_moments_moment_id"), "page_moments", ["moment_id"], unique=False)
