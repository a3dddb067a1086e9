"""Who was erased and does not know it yet: rows that hold a receipt, and the rooms to leave, until both is done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bridge.db import Tx
from bridge.db.sealing import HOUSE
from bridge.ids import AccountId, RoomId, UserId


@dataclass(frozen=True, slots=True)
class Farewell:
    id: int
    user: UserId
    rooms: tuple[RoomId, ...]
    """To be left."""
    room: RoomId | None
    """Where the receipt goes."""
    content: Mapping[str, Any]
    """Of the receipt, an m.room.message."""
    created_at: int


class Farewells:
    """All methods but `is_leaving` run inside the transaction that they are given. One per process."""

    def __init__(self) -> None:
        self.rooms_of: Callable[[UserId], list[RoomId]] = lambda user: []
        """The chats that the bot has with a person. It is called on the database's thread."""
        self.wake: Callable[[], None] = lambda: None
        """Called when there is something to say or to leave."""
        self._leaving: set[RoomId] = set()

    def is_leaving(self, room_id: RoomId) -> bool:
        """Whether nothing that is said in a room counts any more. May be asked from any thread."""
        return room_id in self._leaving

    def leave(self, rooms: list[RoomId]) -> None:
        """From now on nothing that is said in these rooms counts: it would make somebody out of who is erased."""
        self._leaving.update(rooms)

    def begin(
        self,
        tx: Tx,
        owner: int,
        user: UserId,
        place: tuple[AccountId, RoomId | None],
        rooms: list[RoomId],
        content: Mapping[str, Any],
    ) -> None:
        """Note the farewell of somebody whose key (of `owner`) is destroyed next. `place`: the account that they talked
        to, and the chat in which they did last."""
        account, room = place
        [row_id] = tx.new_ids("farewells")
        value = {"user": user, "rooms": rooms, "room": room, "content": content}
        tx.sql(
            "INSERT INTO farewells (id, account_id, owner, sealed, created_at) VALUES (?, ?, ?, ?, ?)",
            (row_id, account, owner, tx.vault.seal(HOUSE, "farewells", row_id, "sealed", value), tx.now),
        )

    @staticmethod
    def owners(tx: Tx) -> list[int]:
        """Whose keys are still to be destroyed."""
        return [int(o) for o in tx.sql("SELECT owner FROM farewells WHERE owner IS NOT NULL ORDER BY id").scalars()]

    @staticmethod
    def destroyed(tx: Tx, owner: int) -> None:
        """The key is destroyed. Whose farewell it is stands nowhere any more."""
        tx.sql("UPDATE farewells SET owner = NULL WHERE owner = ?", (owner,))

    def load(self, tx: Tx, account: AccountId) -> list[Farewell]:
        """Those that can be said: keys destroyed. What can't be read is dropped: there is nobody to be told."""
        found: list[Farewell] = []
        rows = tx.sql(
            "SELECT id, owner, sealed, created_at FROM farewells WHERE account_id = ? ORDER BY id", (account,)
        ).all()
        for row in rows:
            value = tx.vault.read(HOUSE, "farewells", row.id, "sealed", row.sealed)
            if value is None:
                self.ended(tx, row.id)
                continue
            rooms = tuple(RoomId(room) for room in value["rooms"])
            self.leave(list(rooms))
            if row.owner is None:
                room = None if value["room"] is None else RoomId(value["room"])
                found.append(Farewell(row.id, UserId(value["user"]), rooms, room, value["content"], row.created_at))
        return found

    @staticmethod
    def ended(tx: Tx, farewell_id: int) -> None:
        """It was said, and the rooms are left."""
        tx.sql("DELETE FROM farewells WHERE id = ?", (farewell_id,))
        tx.scrub_later()

    def left(self, farewell: Farewell) -> None:
        """After `ended` is committed."""
        self._leaving.difference_update(farewell.rooms)
