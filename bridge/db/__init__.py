"""The database: engine, units of work, tables, migrations. SQLite and PostgreSQL."""

from bridge.db.engine import DATABASE_DOWN, Database, Tx, is_conflict

__all__ = ["DATABASE_DOWN", "Database", "Tx", "is_conflict"]
