"""Room for sealed values, beside what they replace. `bridge.adopt` fills it before 0003 takes the old columns away."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_SEALED = (
    "rooms",
    "waiting_events",
    "crypto_megolm_outbound",
    "profile_fields",
    "friend_requests",
    "moments",
    "pictures",
    "comments",
    "outbox",
)


def upgrade() -> None:
    for table in _SEALED:
        op.add_column(table, sa.Column("sealed", sa.LargeBinary(), nullable=True))
    op.add_column("people", sa.Column("lookup", sa.LargeBinary(), nullable=True))
    op.add_column("people", sa.Column("card", sa.LargeBinary(), nullable=True))
    op.create_index(op.f("ix_people_lookup"), "people", ["lookup"], unique=True)
    for table, keys in (("known_users", ("user_lookup",)), ("known_devices", ("user_lookup", "device_lookup"))):
        op.create_table(
            table,
            sa.Column("account_id", _Id, nullable=False),
            *(sa.Column(key, sa.LargeBinary(), nullable=False) for key in keys),
            sa.Column("sealed", sa.LargeBinary(), nullable=False),
            sa.ForeignKeyConstraint(
                ["account_id"], ["accounts.id"], name=op.f(f"fk_{table}_account_id"), ondelete="CASCADE"
            ),
            sa.PrimaryKeyConstraint("account_id", *keys, name=op.f(f"pk_{table}")),
            sqlite_autoincrement=True,
        )
