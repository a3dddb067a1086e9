"""The people that Courtyard knows, and the DM in which each of them is reached."""

import contextlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from bridge.chat.command import Person
from bridge.db import Tx
from bridge.db.chunks import chunked
from bridge.db.sealing import HOUSE, Unreadable
from bridge.ids import AccountId, PersonId, RoomId, UserId

NOBODY = PersonId(-3)
"""An id that nobody has."""
_FORMER = 20
"""Chats of one person that are remembered besides the current one."""


def lookup(tx: Tx, user_id: UserId) -> bytes:
    """What a person's row is found by."""
    return tx.vault.lookup("person", user_id)


def user_ids(tx: Tx, ids: Iterable[PersonId]) -> dict[PersonId, UserId]:
    """Matrix ids of people. Who is not known, or whose row is damaged, is left out."""
    found: dict[PersonId, UserId] = {}
    wanted = sorted(set(ids))
    tx.vault.prepare(wanted)
    for chunk, marks in chunked(wanted):
        for row in tx.sql(f"SELECT id, card FROM people WHERE id IN ({marks})", chunk):
            card = tx.vault.read(row.id, "people", row.id, "card", row.card)
            if card is not None:
                found[PersonId(row.id)] = UserId(card["user_id"])
    return found


def random_id() -> int:
    """An id for a new person: random, not counted. It names a key, and neither a transaction that is rolled back nor a
    database that is restored may give an erased person's id to somebody else."""
    return 1 + secrets.randbits(62)


class People:
    """Store of the table `people`. Holds no state but the defaults."""

    def __init__(
        self,
        language: str = "en",
        time_zone: str = "UTC",
        is_dm: Callable[[AccountId, RoomId, UserId], bool] = lambda account, room_id, user: True,
        new_id: Callable[[], int] = random_id,
        reaches: Callable[[AccountId, RoomId, UserId], bool] = lambda account, room, user: True,
        is_in: Callable[[AccountId, RoomId, UserId], bool] = lambda account, room, user: True,
    ) -> None:
        """The defaults for people who chose nothing: a locale of the catalogue, an IANA name.

        `is_dm`: whether a room is a DM with this person at this moment. It is called on the database's thread.
        `new_id`: ids that were never given out; random, since they name keys, which outlive databases.
        `reaches`: whether the bot can take back in a room what it said there to this person; asked like `is_dm`.
        `is_in`: whether this person is in a room; asked like `is_dm`.
        """
        self._language = language
        self._time_zone = time_zone
        self._is_dm = is_dm
        self._new_id = new_id
        self._reaches = reaches
        self.is_in = is_in

    def get(self, tx: Tx, user_id: UserId) -> Person | None:
        """The person with this Matrix id.

        Raises:
            Unreadable: their row is damaged.
        """
        found = self._found(tx, user_id, "id, card, paused_at")
        return None if found is None else found[0]

    def _found(self, tx: Tx, user_id: UserId, columns: str) -> tuple[Person, Any] | None:
        """The person with this Matrix id, and their row. Raises as `get`."""
        row = tx.sql(f"SELECT {columns} FROM people WHERE lookup = ?", (lookup(tx, user_id),)).first()
        if row is None:
            return None
        person = self._person(tx, row)
        if person.user_id != user_id:
            # What the row is found by was exchanged: nobody may be taken for somebody else.
            raise Unreadable("damaged")
        return person, row

    def known(self, tx: Tx, user_id: UserId) -> Person | None:
        """The same for somebody whom another person names: a damaged row is nobody."""
        try:
            return self.get(tx, user_id)
        except Unreadable:
            return None

    def named(self, tx: Tx, user_id: UserId) -> PersonId:
        """The id of whom somebody names, or `NOBODY`: to ask the policy, at the same cost whether they are here or not.
        Whose it is was not checked: what is shown then is found by `known`."""
        row = tx.sql("SELECT id FROM people WHERE lookup = ?", (lookup(tx, user_id),)).first()
        return NOBODY if row is None else PersonId(row.id)

    def named_or_new(self, tx: Tx, user_id: UserId) -> PersonId:
        """The same, with a new row for whoever was never here: also a person whose row is damaged can be left out."""
        self._add(tx, user_id)
        return self.named(tx, user_id)

    def stranger(self, user_id: UserId) -> Person:
        """Who is not known, to be answered in the default language; an id that nobody has."""
        return Person(PersonId(0), user_id, self._language, self._time_zone)

    def by_id(self, tx: Tx, person_id: PersonId) -> Person | None:
        """The person with this id.

        Raises:
            Unreadable: their row is damaged.
        """
        row = tx.sql("SELECT id, card, paused_at FROM people WHERE id = ?", (person_id,)).first()
        return None if row is None else self._person(tx, row)

    def several(self, tx: Tx, ids: Sequence[PersonId]) -> dict[PersonId, Person]:
        """The same for several. Who is not known, or whose row is damaged, is left out."""
        found: dict[PersonId, Person] = {}
        for row in self._rows(tx, ids, "SELECT id, card, paused_at FROM people WHERE id IN ({marks})"):
            with contextlib.suppress(Unreadable):
                found[PersonId(row.id)] = self._person(tx, row)
        return found

    def ensure(self, tx: Tx, user_id: UserId) -> Person:
        """The person with this id; a new row, without a DM, when nobody named them before.

        Raises:
            Unreadable: their row is damaged.
        """
        return self.get(tx, user_id) or self.ensure_named(tx, user_id)

    def ensure_with_dm(self, tx: Tx, user_id: UserId) -> tuple[Person, tuple[AccountId, RoomId] | None]:
        """The same with what `dm` says: of whoever speaks both are asked for. Raises as `ensure`."""
        found = self._found(tx, user_id, "id, card, dm_account_id, dm_room_id, paused_at")
        if found is None:
            return self.ensure_named(tx, user_id), None
        person, row = found
        return person, None if person.paused else self._dm(tx, row, user_id)

    def ensure_named(self, tx: Tx, user_id: UserId) -> Person:
        """The same for somebody whom another person names: in the same time whether they were here or not.

        Raises:
            Unreadable: their row is damaged.
        """
        self._add(tx, user_id)
        person = self.get(tx, user_id)
        assert person is not None
        return person

    def _add(self, tx: Tx, user_id: UserId) -> None:
        """A new row; for who has one, the work of it and nothing more."""
        is_new = self.named(tx, user_id) == NOBODY
        new = PersonId(self._new_id()) if is_new else NOBODY
        if is_new:
            tx.vault.create(new)
        card = tx.vault.seal(new if is_new else HOUSE, "people", new, "card", {"user_id": user_id})
        tx.sql(
            "INSERT INTO people (id, lookup, card, created_at) VALUES (?, ?, ?, ?) ON CONFLICT (lookup) DO NOTHING",
            (new, lookup(tx, user_id), card, tx.now),
        )

    def dm(self, tx: Tx, person_id: PersonId, user_id: UserId | None = None) -> tuple[AccountId, RoomId] | None:
        """The person's current DM: the last used. None when they never opened one, it is none any more, or they get
        nothing just now. `user_id`: theirs, where it has been read already."""
        row = tx.sql(
            "SELECT id, dm_account_id, dm_room_id, card FROM people WHERE id = ? AND paused_at IS NULL", (person_id,)
        ).first()
        return None if row is None else self._dm(tx, row, user_id)

    def dms(self, tx: Tx, ids: Sequence[PersonId]) -> dict[PersonId, tuple[AccountId, RoomId]]:
        """The same for several; who has none is left out."""
        found: dict[PersonId, tuple[AccountId, RoomId]] = {}
        columns = "id, dm_account_id, dm_room_id, card"
        for row in self._rows(tx, ids, f"SELECT {columns} FROM people WHERE id IN ({{marks}}) AND paused_at IS NULL"):
            dm = self._dm(tx, row, None)
            if dm is not None:
                found[PersonId(row.id)] = dm
        return found

    @staticmethod
    def _rows(tx: Tx, ids: Sequence[PersonId], statement: str) -> Iterator[Any]:
        tx.vault.prepare(ids)
        for chunk, marks in chunked(ids):
            yield from tx.sql(statement.format(marks=marks), chunk)

    def _dm(self, tx: Tx, row: Any, user_id: UserId | None) -> tuple[AccountId, RoomId] | None:
        if row.dm_account_id is None or row.dm_room_id is None:
            return None
        account, room_id = AccountId(row.dm_account_id), RoomId(row.dm_room_id)
        if user_id is None:
            card = tx.vault.read(row.id, "people", row.id, "card", row.card)
            if card is None:
                return None
            user_id = UserId(card["user_id"])
        return (account, room_id) if self._is_dm(account, room_id, user_id) else None

    def set_dm(self, tx: Tx, person_id: PersonId, account: AccountId, room_id: RoomId) -> bool:
        """Make this room the current DM. True when it is the person's first ever."""
        tx.sql(
            "INSERT INTO former_chats (person_id, account_id, room_id, until)"
            " SELECT id, dm_account_id, dm_room_id, ? FROM people"
            " WHERE id = ? AND dm_account_id IS NOT NULL AND dm_room_id IS NOT NULL"
            " ON CONFLICT (person_id, account_id, room_id) DO UPDATE SET until = excluded.until",
            (tx.now, person_id),
        )
        tx.sql(
            "DELETE FROM former_chats WHERE person_id = ? AND (room_id = ? OR until < (SELECT MIN(until) FROM ("
            f"SELECT until FROM former_chats WHERE person_id = ? ORDER BY until DESC LIMIT {_FORMER}) AS newest))",
            (person_id, room_id, person_id),
        )
        tx.sql("UPDATE people SET dm_account_id = ?, dm_room_id = ? WHERE id = ?", (account, room_id, person_id))
        first = tx.sql("UPDATE people SET opened_at = ? WHERE id = ? AND opened_at IS NULL", (tx.now, person_id))
        return first.rowcount == 1

    def out_of_reach(self, tx: Tx, people: Mapping[PersonId, UserId], since: int) -> set[PersonId]:
        """Who of these has had a chat at or after `since` (ms) in which the bot can't take back anything now: it is not
        in there, or they are not, or it may not. What was ever said there does not matter."""
        found: set[PersonId] = set()
        wanted = sorted(people)
        for chunk, marks in chunked(wanted):
            rows = tx.sql(
                f"SELECT id, dm_account_id AS account_id, dm_room_id AS room_id FROM people WHERE id IN ({marks})"
                " AND dm_account_id IS NOT NULL AND dm_room_id IS NOT NULL"
                " UNION ALL SELECT person_id, account_id, room_id FROM former_chats"
                f" WHERE person_id IN ({marks}) AND until >= ?",
                (*chunk, *chunk, since),
            )
            for row in rows:
                person = PersonId(row.id)
                if not self._reaches(AccountId(row.account_id), RoomId(row.room_id), people[person]):
                    found.add(person)
        return found

    def set_language(self, tx: Tx, person_id: PersonId, language: str) -> None:
        self._change(tx, person_id, "language", language)

    def set_time_zone(self, tx: Tx, person_id: PersonId, time_zone: str) -> None:
        self._change(tx, person_id, "time_zone", time_zone)

    @staticmethod
    def _change(tx: Tx, person_id: PersonId, name: str, value: str) -> None:
        row = tx.sql("SELECT card FROM people WHERE id = ?", (person_id,)).one()
        card = {**tx.vault.open(person_id, "people", person_id, "card", row.card), name: value}
        sealed = tx.vault.seal(person_id, "people", person_id, "card", card)
        tx.sql("UPDATE people SET card = ? WHERE id = ?", (sealed, person_id))

    def _person(self, tx: Tx, row: Any) -> Person:
        card = tx.vault.open(row.id, "people", row.id, "card", row.card)
        language, time_zone = card.get("language"), card.get("time_zone")
        return Person(
            PersonId(row.id),
            UserId(card["user_id"]),
            language or self._language,
            time_zone or self._time_zone,
            row.paused_at is not None,
        )
