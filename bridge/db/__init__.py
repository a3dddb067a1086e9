"""The database: engine, units of work, tables, migrations. SQLite and PostgreSQL."""

from bridge.db.engine import Database, Tx, is_conflict

__all__ = ["Database", "Tx", "is_conflict"]
