"""How people are told of new moments, and whom is still to be told."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _subject(table: str, column: str, target: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column(column, _Id, nullable=False),
        sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint(column, name=op.f(f"pk_{table}")),
    ]


def upgrade() -> None:
    op.create_table(
        "fanouts",
        *_subject("fanouts", "moment_id", "moments.id"),
        sa.Column("after_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "notify_settings",
        *_subject("notify_settings", "person_id", "people.id"),
        sa.Column("mode", sa.Text(), nullable=False),
        *(
            sa.Column(name, sa.Integer(), autoincrement=False, nullable=True)
            for name in ("digest_minute", "quiet_from", "quiet_to")
        ),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in ("digest_at", "digest_from", "digest_until")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "tag_notify",
        *_subject("tag_notify", "tag_id", "tags.id"),
        sa.Column("mode", sa.Text(), nullable=False),
        sqlite_autoincrement=True,
    )
