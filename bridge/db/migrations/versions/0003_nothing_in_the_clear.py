"""What was sealed no longer stands in the clear. Refuses while a row was not sealed."""

import sqlalchemy as sa
from alembic import op

from bridge.db.engine import scrub_later
from bridge.errors import OperatorError

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_CLEAR = {
    "rooms": ("encryption", "joined_at", "snapshot"),
    "waiting_events": ("event",),
    "crypto_megolm_outbound": ("shared_with",),
    "profile_fields": ("value",),
    "friend_requests": ("note",),
    "moments": ("text",),
    "pictures": ("file", "thumbnail", "info", "alt"),
    "comments": ("text",),
    "outbox": ("content",),
}


def upgrade() -> None:
    connection = op.get_bind()
    for table in _CLEAR:
        waiting = f"SELECT 1 FROM {table} WHERE sealed IS NULL"
        if table == "outbox":
            waiting += " AND content IS NOT NULL"
        _refuse_if_any(connection, waiting)
    for query in (
        "SELECT 1 FROM people WHERE card IS NULL OR lookup IS NULL",
        "SELECT 1 FROM crypto_users",
        "SELECT 1 FROM crypto_devices",
        "SELECT 1 FROM handled WHERE substr(event_id, 1, 10) = 'unsigned:@' OR substr(event_id, 1, 11) = '$identity @'"
        " OR substr(event_id, 1, 9) = '$opened !'",
    ):
        _refuse_if_any(connection, query)
    if connection.exec_driver_sql("SELECT 1 FROM accounts LIMIT 1").first() is not None:
        scrub_later(connection)  # free pages may hold what is dropped here
    for table, columns in _CLEAR.items():
        for column in columns:
            # Not in a batch: no table need be copied for this.
            connection.exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN {column}")
    op.drop_table("crypto_users")
    op.drop_table("crypto_devices")
    with op.batch_alter_table("people", table_kwargs={"sqlite_autoincrement": True}) as people:
        people.drop_constraint(op.f("uq_people_user_id"), type_="unique")
        for column in ("user_id", "language", "time_zone"):
            people.drop_column(column)
        people.alter_column("lookup", existing_type=sa.LargeBinary(), nullable=False)
        people.alter_column("card", existing_type=sa.LargeBinary(), nullable=False)


def _refuse_if_any(connection: sa.Connection, query: str) -> None:
    if connection.exec_driver_sql(f"{query} LIMIT 1").first() is not None:
        raise OperatorError("database: it holds rows of an older version that are not sealed; start `courtyard run`.")
