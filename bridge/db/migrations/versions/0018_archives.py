"""Exports and imports: jobs, and the names by which moments are known in archives."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _foreign(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE")


def upgrade() -> None:
    op.create_table(
        "archive_jobs",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        _foreign("archive_jobs", "person_id", "people.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_archive_jobs")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_archive_jobs_person_id_kind"), "archive_jobs", ["person_id", "kind"])
    op.create_index(op.f("ix_archive_jobs_due_at"), "archive_jobs", ["due_at"])
    op.create_table(
        "archive_ids",
        sa.Column("moment_id", _Id, nullable=False),
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("lookup", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        _foreign("archive_ids", "moment_id", "moments.id"),
        _foreign("archive_ids", "person_id", "people.id"),
        sa.PrimaryKeyConstraint("moment_id", name=op.f("pk_archive_ids")),
        sa.UniqueConstraint("person_id", "lookup", name=op.f("uq_archive_ids_person_id_lookup")),
        sqlite_autoincrement=True,
    )
