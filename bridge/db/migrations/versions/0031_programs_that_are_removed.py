"""Programs on servers that were removed and are still to be told that everybody has left."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "programs", sa.Column("removed", sa.Integer(), autoincrement=False, server_default="0", nullable=False)
    )
