"""When a room key was used last: so that it can go when it is not used any more."""

import time

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Not in a batch: no table need be copied for this.
    op.get_bind().exec_driver_sql("ALTER TABLE crypto_megolm_inbound ADD COLUMN used_at BIGINT DEFAULT '0' NOT NULL")
    inbound = sa.table("crypto_megolm_inbound", sa.column("used_at"))
    op.execute(inbound.update().values(used_at=int(time.time() * 1000)))
