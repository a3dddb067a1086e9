"""Mini-programs in the chat."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "programs",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("package", sa.Text(), nullable=False),
        sa.Column("signers", sa.Text(), nullable=False),
        sa.Column("former", sa.Text(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("builtin", sa.Integer(), server_default="0", autoincrement=False, nullable=False),
        sa.Column("allowed", sa.Integer(), server_default="1", autoincrement=False, nullable=False),
        sa.Column("suspended_until", sa.BigInteger(), nullable=True),
        sa.Column("installed_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_programs")),
        sa.UniqueConstraint("name", name=op.f("uq_programs_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "program_leavings",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("program_id", _Id, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id"], ["programs.id"], name=op.f("fk_program_leavings_program_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program_leavings")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_program_leavings_program_id"), "program_leavings", ["program_id"], unique=False)
    op.create_table(
        "program_deliveries",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("program_id", _Id, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_program_deliveries_person_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["program_id"], ["programs.id"], name=op.f("fk_program_deliveries_program_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program_deliveries")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_program_deliveries_person_id_id"), "program_deliveries", ["person_id", "id"], unique=False)
    op.create_index(op.f("ix_program_deliveries_program_id"), "program_deliveries", ["program_id"], unique=False)
    op.create_table(
        "program_grants",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("program_id", _Id, nullable=False),
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("session_id", sa.BigInteger(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_program_grants_person_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["program_id"], ["programs.id"], name=op.f("fk_program_grants_program_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program_grants")),
        sa.UniqueConstraint(
            "program_id", "person_id", "scope", name=op.f("uq_program_grants_program_id_person_id_scope")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_program_grants_person_id_number"), "program_grants", ["person_id", "number"], unique=False)
    op.create_table(
        "program_people",
        sa.Column("program_id", _Id, nullable=False),
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("generation", sa.Integer(), server_default="0", autoincrement=False, nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_program_people_person_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["program_id"], ["programs.id"], name=op.f("fk_program_people_program_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("program_id", "person_id", name=op.f("pk_program_people")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_program_people_person_id"), "program_people", ["person_id"], unique=False)
    op.create_table(
        "program_sessions",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("program_id", _Id, nullable=False),
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("account_id", _Id, nullable=False),
        sa.Column("room_id", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("open", sa.Integer(), server_default="1", autoincrement=False, nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_program_sessions_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_program_sessions_person_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["program_id"], ["programs.id"], name=op.f("fk_program_sessions_program_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program_sessions")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_program_sessions_person_id_open"), "program_sessions", ["person_id", "open"], unique=False)
    op.create_index(op.f("ix_program_sessions_program_id"), "program_sessions", ["program_id"], unique=False)
    op.create_index(op.f("ix_program_sessions_used_at"), "program_sessions", ["used_at"], unique=False)
    op.create_table(
        "program_spaces",
        sa.Column("place", sa.LargeBinary(), nullable=False),
        sa.Column("program_id", _Id, nullable=False),
        sa.Column("person_id", _Id, nullable=True),
        sa.Column("last_version", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_program_spaces_person_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["program_id"], ["programs.id"], name=op.f("fk_program_spaces_program_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_program_spaces")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_program_spaces_person_id"), "program_spaces", ["person_id"], unique=False)
    op.create_index(op.f("ix_program_spaces_program_id"), "program_spaces", ["program_id"], unique=False)
    op.create_table(
        "program_values",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("program_id", _Id, nullable=False),
        sa.Column("person_id", _Id, nullable=True),
        sa.Column("place", sa.LargeBinary(), nullable=False),
        sa.Column("lookup", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_program_values_person_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["program_id"], ["programs.id"], name=op.f("fk_program_values_program_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program_values")),
        sa.UniqueConstraint("lookup", name=op.f("uq_program_values_lookup")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_program_values_person_id"), "program_values", ["person_id"], unique=False)
    op.create_index(op.f("ix_program_values_place"), "program_values", ["place"], unique=False)
    op.create_index(op.f("ix_program_values_program_id"), "program_values", ["program_id"], unique=False)
    op.create_table(
        "program_events",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("session_id", _Id, nullable=False),
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("chain", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_program_events_person_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["program_sessions.id"], name=op.f("fk_program_events_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program_events")),
        sa.UniqueConstraint("event", name=op.f("uq_program_events_event")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_program_events_person_id"), "program_events", ["person_id"], unique=False)
    op.create_index(op.f("ix_program_events_session_id_id"), "program_events", ["session_id", "id"], unique=False)
    op.create_table(
        "program_messages",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("session_id", _Id, nullable=False),
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("lookup", sa.LargeBinary(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_program_messages_person_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["program_sessions.id"], name=op.f("fk_program_messages_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program_messages")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_program_messages_person_id"), "program_messages", ["person_id"], unique=False)
    op.create_index(op.f("ix_program_messages_session_id_id"), "program_messages", ["session_id", "id"], unique=False)
    op.create_table(
        "program_questions",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("session_id", _Id, nullable=False),
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_program_questions_person_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["program_sessions.id"], name=op.f("fk_program_questions_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program_questions")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_program_questions_person_id"), "program_questions", ["person_id"], unique=False)
    op.create_index(op.f("ix_program_questions_session_id"), "program_questions", ["session_id"], unique=False)
    op.create_table(
        "program_timers",
        sa.Column("id", _Id, autoincrement=True, nullable=False),
        sa.Column("session_id", _Id, nullable=False),
        sa.Column("person_id", _Id, nullable=False),
        sa.Column("lookup", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_program_timers_person_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["program_sessions.id"], name=op.f("fk_program_timers_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program_timers")),
        sa.UniqueConstraint("lookup", name=op.f("uq_program_timers_lookup")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_program_timers_due_at"), "program_timers", ["due_at"], unique=False)
    op.create_index(op.f("ix_program_timers_person_id"), "program_timers", ["person_id"], unique=False)
    op.create_index(op.f("ix_program_timers_session_id"), "program_timers", ["session_id"], unique=False)
