"""Run by Alembic. The connection comes from `bridge.db.migrate`, inside its transaction."""

from alembic import context

from bridge.db.migrate import VERSION_TABLE
from bridge.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,  # SQLite can't change a column: Alembic copies the table then
)
with context.begin_transaction():
    context.run_migrations()
