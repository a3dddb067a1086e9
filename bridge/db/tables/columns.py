"""How tables and their columns are made."""

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def table(name: str, *items: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(name, metadata, *items, sqlite_autoincrement=True)


def row_id() -> "sa.Column[int]":
    return sa.Column("id", ID, primary_key=True, autoincrement=True)


def ref(name: str, target: str, *, nullable: bool = False, primary_key: bool = False) -> "sa.Column[int]":
    return sa.Column(name, ID, sa.ForeignKey(target, ondelete="CASCADE"), nullable=nullable, primary_key=primary_key)


def text(name: str, *, nullable: bool = False, primary_key: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.Text, nullable=nullable, primary_key=primary_key)


def ms(name: str, *, nullable: bool = False, default: int | None = None) -> "sa.Column[int]":
    server = None if default is None else str(default)
    return sa.Column(name, sa.BigInteger, nullable=nullable, server_default=server)


def big(name: str, *, nullable: bool = False) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def integer(
    name: str, *, nullable: bool = False, primary_key: bool = False, default: int | None = None
) -> "sa.Column[int]":
    server = None if default is None else str(default)
    return sa.Column(
        name,
        sa.Integer,
        nullable=nullable,
        primary_key=primary_key,
        autoincrement=False,
        server_default=server,
    )


def key(name: str) -> "sa.Column[bytes]":
    return sa.Column(name, sa.LargeBinary, primary_key=True, nullable=False)


def blob(name: str, *, nullable: bool = False) -> "sa.Column[bytes]":
    return sa.Column(name, sa.LargeBinary, nullable=nullable)
