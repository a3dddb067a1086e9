"""The people that Courtyard knows, and the DM in which each of them is reached."""

from typing import Any

from bridge.chat.command import Person
from bridge.db import Tx
from bridge.ids import AccountId, PersonId, RoomId, UserId

_COLUMNS = "id, user_id, language, time_zone"


class People:
    """Store of the table `people`. Holds no state but the defaults."""

    def __init__(self, language: str = "en", time_zone: str = "UTC") -> None:
        """The defaults for people who chose nothing: a locale of the catalogue, an IANA name."""
        self._language = language
        self._time_zone = time_zone

    def get(self, tx: Tx, user_id: UserId) -> Person | None:
        row = tx.sql(f"SELECT {_COLUMNS} FROM people WHERE user_id = ?", (user_id,)).first()
        return None if row is None else self._person(row)

    def by_id(self, tx: Tx, person_id: PersonId) -> Person | None:
        row = tx.sql(f"SELECT {_COLUMNS} FROM people WHERE id = ?", (person_id,)).first()
        return None if row is None else self._person(row)

    def ensure(self, tx: Tx, user_id: UserId) -> Person:
        """The person with this id; a new row, without a DM, when nobody named them before."""
        person = self.get(tx, user_id)
        if person is None:
            tx.sql(
                "INSERT INTO people (user_id, created_at) VALUES (?, ?) ON CONFLICT (user_id) DO NOTHING",
                (user_id, tx.now),
            )
            person = self.get(tx, user_id)
            assert person is not None
        return person

    def dm(self, tx: Tx, person_id: PersonId) -> tuple[AccountId, RoomId] | None:
        """The person's current DM: the last used. None when they never opened one, or get nothing just now."""
        row = tx.sql(
            "SELECT dm_account_id, dm_room_id FROM people WHERE id = ? AND paused_at IS NULL", (person_id,)
        ).first()
        if row is None or row[0] is None or row[1] is None:
            return None
        return AccountId(row[0]), RoomId(row[1])

    def set_dm(self, tx: Tx, person_id: PersonId, account: AccountId, room_id: RoomId) -> bool:
        """Make this room the current DM. True when it is the person's first ever."""
        tx.sql("UPDATE people SET dm_account_id = ?, dm_room_id = ? WHERE id = ?", (account, room_id, person_id))
        first = tx.sql("UPDATE people SET opened_at = ? WHERE id = ? AND opened_at IS NULL", (tx.now, person_id))
        return first.rowcount == 1

    def set_language(self, tx: Tx, person_id: PersonId, language: str) -> None:
        tx.sql("UPDATE people SET language = ? WHERE id = ?", (language, person_id))

    def set_time_zone(self, tx: Tx, person_id: PersonId, time_zone: str) -> None:
        tx.sql("UPDATE people SET time_zone = ? WHERE id = ?", (time_zone, person_id))

    def _person(self, row: Any) -> Person:
        return Person(PersonId(row[0]), UserId(row[1]), row[2] or self._language, row[3] or self._time_zone)
