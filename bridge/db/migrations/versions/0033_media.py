"""Files that were uploaded, and what shows them."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_HOLDERS = {
    "picture_id": "pictures",
    "draft_id": "drafts",
    "invite_id": "invites",
    "job_id": "archive_jobs",
    "person_id": "people",
}


def upgrade() -> None:
    op.create_table(
        "media",
        sa.Column("id", _Id, nullable=False, autoincrement=True),
        sa.Column("lookup", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("loose", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media")),
        sa.UniqueConstraint("lookup", name=op.f("uq_media_lookup")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "media_holders",
        sa.Column("id", _Id, nullable=False, autoincrement=True),
        sa.Column("media_id", _Id, nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        *(sa.Column(name, _Id, nullable=True) for name in _HOLDERS),
        *(
            sa.ForeignKeyConstraint([name], [f"{table}.id"], name=op.f(f"fk_media_holders_{name}"), ondelete="CASCADE")
            for name, table in {"media_id": "media", **_HOLDERS}.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media_holders")),
        sqlite_autoincrement=True,
    )
    for name in ("media_id", *_HOLDERS):
        op.create_index(op.f(f"ix_media_holders_{name}"), "media_holders", [name], unique=False)
