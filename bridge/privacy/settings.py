"""What a person set in general: visible window, strangers, ways to be added, reactions."""

from dataclasses import dataclass, fields

from bridge.db import Tx
from bridge.ids import PersonId

DAY_MS = 24 * 3600 * 1000
WINDOWS: dict[str, int | None] = {"3d": 3 * DAY_MS, "1m": 30 * DAY_MS, "6m": 182 * DAY_MS, "all": None}
"""Visible windows by name (P1)."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The columns of `privacy_settings`, with their defaults."""

    window_ms: int | None = None
    strangers: bool = False
    by_id: bool = True
    """I2: may be added by Matrix id."""
    by_code: bool = True
    """I2: may be added by an invite code."""
    by_room: bool = True
    """I2: may be added, by Matrix id, by who shares a room with them and the bot."""
    reactions: bool = True
    """M5: a reaction counts as a like. Reactions travel unencrypted."""
    keep_comments: bool = False
    """P12: what they write under moments of others is also kept for themselves."""

    @property
    def window(self) -> str:
        """The name of the window."""
        return next((name for name, ms in WINDOWS.items() if ms == self.window_ms), "all")


_NAMES = tuple(field.name for field in fields(Settings))


def load(tx: Tx, person: PersonId) -> Settings:
    row = tx.sql(f"SELECT {', '.join(_NAMES)} FROM privacy_settings WHERE person_id = ?", (person,)).first()
    if row is None:
        return Settings()
    return Settings(row.window_ms, *(bool(value) for value in row[1:]))


def save(tx: Tx, person: PersonId, settings: Settings) -> None:
    values = [settings.window_ms, *(int(getattr(settings, name)) for name in _NAMES[1:])]
    marks = ", ".join("?" * (1 + len(values)))
    tx.sql(
        f"INSERT INTO privacy_settings (person_id, {', '.join(_NAMES)}) VALUES ({marks})"
        " ON CONFLICT (person_id) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in _NAMES),
        (person, *values),
    )
