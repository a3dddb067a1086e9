"""What becomes of somebody's own chat with the bot when their account ends: the port `Eraser` for all that is theirs
alone."""

from collections.abc import Mapping

from bridge.chat.command import Person
from bridge.chat.pipeline import device_mark, opening_mark
from bridge.db import Tx
from bridge.delivery import queue
from bridge.delivery.outbox import Outbox
from bridge.ids import AccountId, EventId, RoomId
from bridge.privacy.recovery import Guarded
from bridge.rights import access_log


class OwnChatEraser:
    def __init__(self, outbox: Outbox, guarded: Guarded) -> None:
        self._outbox = outbox
        self._guarded = guarded

    def count(self, tx: Tx, person: Person) -> Mapping[str, int]:
        one = (person.id,)
        return {
            "messages": int(tx.sql("SELECT COUNT(*) FROM copies WHERE person_id = ?", one).scalar_one()),
            "log": int(tx.sql("SELECT COUNT(*) FROM access_log WHERE person_id = ?", one).scalar_one()),
        }

    def erase(self, tx: Tx, person: Person, most: int) -> bool:
        """Take back what the bot said in their chat: much of it is about others."""
        rows = tx.sql(
            "SELECT account_id, event_id, room_id FROM copies WHERE person_id = ? ORDER BY outbox_id DESC LIMIT ?",
            (person.id, most),
        ).all()
        rooms: dict[tuple[AccountId, RoomId], list[EventId]] = {}
        for row in rows:
            rooms.setdefault((row.account_id, row.room_id), []).append(row.event_id)
        for (account, room_id), events in rooms.items():
            queue.redact_events(tx, account, room_id, events)
        tx.sql(
            "DELETE FROM copies WHERE account_id = ? AND event_id = ?", [(row.account_id, row.event_id) for row in rows]
        )
        tx.after_commit(self._outbox.wake)
        return len(rows) == most

    def finish(self, tx: Tx, person: Person) -> None:
        while self.erase(tx, person, 500):
            pass
        queue.disown(tx, person.id)
        self._forget_marks(tx, person)
        self._guarded.set(tx, person.user_id, False)

    @staticmethod
    def _forget_marks(tx: Tx, person: Person) -> None:
        """Who comes anew is greeted, told and noted as anybody is who comes for the first time."""
        row = tx.sql("SELECT dm_room_id FROM people WHERE id = ?", (person.id,)).one()
        marks = [] if row.dm_room_id is None else [opening_mark(row.dm_room_id)]
        for _, said in access_log.entries(tx, person.id):
            if said["kind"] == "device":
                marks += [device_mark(tx, what, person.user_id, said["device"]) for what in ("device", "unsigned")]
        tx.sql("DELETE FROM handled WHERE event_id = ?", [(mark,) for mark in marks])
