"""Answers that are claimed as they are queued.

Most answers are one message, ready as it is, for a room in which nothing else waits. The worker need not look for such
a row: it is queued as one that is being sent, and handed over when that is committed. So nothing has to be found,
opened and written once more before it leaves. Whatever is not that simple waits for the worker's next look.
"""

from collections.abc import Callable, Sequence

from bridge.chat.command import Person
from bridge.chat.render import relate
from bridge.chat.reply import CopyRef
from bridge.db import Tx
from bridge.delivery import queue
from bridge.delivery.claimed import Claimed, What
from bridge.delivery.ports import Outgoing
from bridge.ids import AccountId


class AtOnce:
    """Queues and claims in one. It runs inside the transaction that decides what is to be sent."""

    def __init__(
        self,
        txn_id: Callable[[Tx, AccountId, int], str],
        is_running: Callable[[], bool],
        hand: Callable[[Claimed], None],
    ) -> None:
        """`txn_id`: the Matrix transaction id of a row. `is_running`: whether anybody takes it now; asked in the
        database's thread. `hand`: called on the loop once it is committed."""
        self._txn_id = txn_id
        self._is_running = is_running
        self._hand = hand

    def answer(self, tx: Tx, rows: Sequence[queue.NewRow], person: Person) -> bool:
        """Queue and claim an answer to this person, if that can be. Whether it was."""
        if len(rows) != 1 or not self._is_running():
            return False
        row = rows[0]
        if row.kind != "message" or row.content is None or row.account is None or row.room_id is None:
            return False
        if row.delay_ms or _waits(tx, row):
            return False
        row_id = queue.insert(tx, rows, sending=True)[0]
        claimed = Claimed(
            row_id=row_id,
            what=What.SEND,
            outgoing=Outgoing(
                account=row.account,
                room_id=row.room_id,
                txn_id=self._txn_id(tx, row.account, row_id),
                content=relate(row.content, row.reply_to, row.thread, row.target_event),
                only_dm_with=None if row.person_id is None else person.user_id,
                first_attempt_at=None,
            ),
            attempts=1,
            copy=CopyRef(row.copy_kind or queue.ANSWER, row.copy_ref),
            person_id=row.person_id,
            target_event=row.target_event,
            answers=row.source_event,
            alone=True,
            due_since=row.due(tx),
        )
        tx.after_commit(lambda: self._hand(claimed))
        return True


def _waits(tx: Tx, row: queue.NewRow) -> bool:
    """Whether anything else is to be sent to the room, or to wherever its person is: it may have to go first."""
    statement = "SELECT 1 FROM outbox WHERE account_id = ? AND room_id = ? AND state IN ('queued', 'sending')"
    params: tuple[object, ...] = (row.account, row.room_id)
    if row.person_id is not None:
        statement += " UNION ALL SELECT 1 FROM outbox WHERE person_id = ? AND state = 'queued' AND room_id IS NULL"
        params += (row.person_id,)
    return tx.sql(statement + " LIMIT 1", params).first() is not None
