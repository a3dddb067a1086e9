"""Who may like and comment a moment, where it is not everybody who sees it."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "moment_responders",
        sa.Column("moment_id", _Id, nullable=False),
        sa.Column("tag_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["moment_id"], ["moments.id"], name=op.f("fk_moment_responders_moment_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("moment_id", name=op.f("pk_moment_responders")),
        sqlite_autoincrement=True,
    )
