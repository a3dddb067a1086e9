"""Mini-programs in rooms with several people."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "program_sessions", sa.Column("room", sa.Integer(), server_default="0", autoincrement=False, nullable=False)
    )
    op.create_index(op.f("ix_program_sessions_room_open"), "program_sessions", ["room", "open"], unique=False)
    op.create_index(
        op.f("ix_program_sessions_account_id_room_id"), "program_sessions", ["account_id", "room_id"], unique=False
    )
