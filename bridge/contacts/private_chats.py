"""Private chats (I9): rooms that the bot makes for two people and leaves, as jobs that outlive a restart.

The other is invited first, and who asked only when the other is in: so somebody who is blocked, who waits for nobody,
sees the same as somebody whose invitation is not taken.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from bridge.chat.command import Person
from bridge.chat.people import People, user_ids
from bridge.contacts import store
from bridge.contacts.model import ContactLimits
from bridge.db import Tx
from bridge.delivery.outbox import Outbox
from bridge.errors import UserError
from bridge.ids import AccountId, PersonId, RoomId, UserId

INVITED, OVER = "private-chat", "private-chat-over"
"""Kinds of the notices: an invitation is on its way; nothing has come of it. Their subject is the job."""
_DAY_MS = 24 * 3600 * 1000


class State(Enum):
    SILENT = "silent"
    """Nothing happens but that the asker is told in the end that nothing has come of it."""
    CREATE = "create"
    """The room is to be made, if it was not made already."""
    FIRST = "first"
    """The other is to be invited, and to join."""
    SECOND = "second"
    """The other is in; who asked is to be invited, and to join."""
    OPEN = "open"
    """Both are in: the room is to be given to them."""
    LEAVE = "leave"
    """It is theirs; the bot is to leave."""
    DONE = "done"
    CLOSE = "close"
    """It is to be emptied and left."""
    OVER = "over"
    """Nothing has come of it, and the asker was told."""


_ENDED = (State.DONE.value, State.OVER.value)


@dataclass(frozen=True, slots=True)
class Job:
    id: int
    asker: PersonId
    other: PersonId
    asker_user: UserId
    other_user: UserId
    state: State
    marker: str
    room_id: RoomId | None
    invited: int
    """1: the other, 2: also the asker."""
    until: int
    """When it is given up, ms."""


class PrivateChats:
    """All methods run inside the transaction that they are given."""

    def __init__(self, outbox: Outbox, people: People, limits: ContactLimits) -> None:
        self._outbox = outbox
        self._people = people
        self._limits = limits
        self.wake: Callable[[], None] = lambda: None
        """Called after a commit that made work for who carries jobs out."""
        self.allows: Callable[[UserId], bool] = lambda user: True
        """Whether the operator lets this person use the bot."""

    # --- asking ---------------------------------------------------------------------------------------------
    def ask(self, tx: Tx, person: Person, user_id: UserId, account: AccountId) -> None:
        """Begin a private chat of two friends. What it raises depends only on what `person` may know.

        Raises:
            UserError: they are no friends, the person blocks the other, or asked already or too often.
        """
        are_friends = store.are_friends(tx, person.id, self._people.named(tx, user_id))
        other = self._people.known(tx, user_id) if are_friends else None
        if other is None:
            raise UserError("friend-none", user=user_id)
        if store.stance(tx, person.id, other.id, "blocked"):
            raise UserError("friend-you-block", user=user_id)
        for asker, open_states in ((person.id, ""), (other.id, "'first', 'second', 'open', 'leave'")):
            both = (asker, other.id if asker == person.id else person.id)
            wanted = f"state IN ({open_states})" if open_states else "state NOT IN ('done', 'over')"
            found = tx.sql(f"SELECT 1 FROM private_chats WHERE asker_id = ? AND other_id = ? AND {wanted}", both)
            if found.first() is not None:
                raise UserError("chat-waits" if asker == person.id else "chat-invited-already", user=user_id)
        today = tx.sql(
            "SELECT COUNT(*) FROM private_chats WHERE asker_id = ? AND created_at > ?", (person.id, tx.now - _DAY_MS)
        ).scalar_one()
        if today >= self._limits.chats_per_day:
            raise UserError("chat-limit", limit=self._limits.chats_per_day)
        state = State.CREATE if self._may(tx, person.id, other) else State.SILENT
        tx.sql(
            "INSERT INTO private_chats (account_id, asker_id, other_id, state, marker, until, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                account,
                person.id,
                other.id,
                state.value,
                secrets.token_hex(16),
                tx.now + self._limits.chat_wait_ms,
                tx.now,
            ),
        )
        tx.after_commit(lambda: self.wake())

    # --- for who carries jobs out -----------------------------------------------------------------------------
    def jobs(self, tx: Tx, account: AccountId) -> tuple[list[Job], set[str], set[str]]:
        """The jobs that have not ended; the rooms and the markers of all that are remembered."""
        rows = tx.sql(
            "SELECT id, asker_id, other_id, state, marker, room_id, invited, until FROM private_chats"
            " WHERE account_id = ? ORDER BY id",
            (account,),
        ).all()
        going = [row for row in rows if row.state not in _ENDED]
        users = user_ids(tx, {PersonId(i) for row in going for i in (row.asker_id, row.other_id)})
        jobs = [_job(row, users) for row in going if row.asker_id in users and row.other_id in users]
        return jobs, {row.room_id for row in rows if row.room_id is not None}, {row.marker for row in going}

    def rooms(self, tx: Tx, account: AccountId) -> set[RoomId]:
        """All rooms that were ever made: no key of any of them is kept."""
        found = tx.sql("SELECT room_id FROM private_rooms WHERE account_id = ?", (account,))
        return {RoomId(room) for room in found.scalars()}

    def may(self, tx: Tx, job: Job) -> bool:
        """Whether the two may still have a private chat."""
        other = self._people.by_id(tx, job.other)
        blocks = store.stance(tx, job.asker, job.other, "blocked")
        return other is not None and not blocks and self._may(tx, job.asker, other) and self.allows(job.asker_user)

    def reachable(self, tx: Tx, person: PersonId) -> bool:
        """Whether somebody gets what is for them: a chat is open, and nothing waits for a proof that it is them."""
        return self._people.dm(tx, person) is not None

    def made(self, tx: Tx, job: Job, account: AccountId, room_id: RoomId) -> None:
        """The room is there. Nobody knows of it yet: from now on no key of it is taken."""
        tx.sql(
            "INSERT INTO private_rooms (account_id, room_id) VALUES (?, ?)"
            " ON CONFLICT (account_id, room_id) DO NOTHING",
            (account, room_id),
        )
        tx.sql("UPDATE private_chats SET room_id = ? WHERE id = ?", (room_id, job.id))
        self.move(tx, job, State.FIRST)

    def invited(self, tx: Tx, job: Job, count: int) -> None:
        """One more has been invited: tell them what the invitation is."""
        tx.sql("UPDATE private_chats SET invited = ? WHERE id = ?", (count, job.id))
        self._outbox.copy(tx, job.other if count == 1 else job.asker, INVITED, job.id, once=True)

    def move(self, tx: Tx, job: Job, state: State) -> None:
        tx.sql("UPDATE private_chats SET state = ? WHERE id = ?", (state.value, job.id))

    def other_is_in(self, tx: Tx, job: Job) -> None:
        """Now who asked has the whole time to join."""
        tx.sql("UPDATE private_chats SET until = ? WHERE id = ?", (tx.now + self._limits.chat_wait_ms, job.id))
        self.move(tx, job, State.SECOND)

    def closed(self, tx: Tx, job: Job) -> None:
        """The room is empty and left. When that was before its time, nobody is told before the time is over."""
        self._outbox.withdraw(tx, INVITED, job.id)
        if tx.now < job.until:
            tx.sql("UPDATE private_chats SET room_id = NULL, state = ? WHERE id = ?", (State.SILENT.value, job.id))
            return
        self.move(tx, job, State.OVER)
        self._outbox.copy(tx, job.asker, OVER, job.id, once=True)
        if job.invited == 2:  # the other was in it and waited
            self._outbox.copy(tx, job.other, OVER, job.id, once=True)

    @staticmethod
    def forget_old(tx: Tx) -> None:
        """Forget who had a private chat with whom."""
        tx.sql(
            "DELETE FROM private_chats WHERE state IN ('done', 'over') AND until < ? AND created_at < ?",
            (tx.now - _DAY_MS, tx.now - _DAY_MS),
        )

    # --- for the renderers ----------------------------------------------------------------------------------
    def noticed(self, tx: Tx, reader: PersonId, job_id: int, kind: str) -> tuple[str, UserId] | None:
        """The text of a notice and whom it names; None: it does not hold any more."""
        row = tx.sql(
            "SELECT id, asker_id, other_id, state, marker, room_id, invited, until FROM private_chats WHERE id = ?",
            (job_id,),
        ).first()
        if row is None or reader not in (row.asker_id, row.other_id):
            return None
        users = user_ids(tx, [PersonId(row.asker_id), PersonId(row.other_id)])
        if len(users) < 2:
            return None
        job = _job(row, users)
        asks = reader == job.asker
        named = job.other_user if asks else job.asker_user
        if kind == OVER:
            return ("private-chat-over", named) if job.state is State.OVER and (asks or self.may(tx, job)) else None
        if job.state is not (State.SECOND if asks else State.FIRST) or not self.may(tx, job):
            return None
        return "private-chat-ready" if asks else "private-chat-asked", named

    # --- inside ---------------------------------------------------------------------------------------------
    def _may(self, tx: Tx, asker: PersonId, other: Person) -> bool:
        return (
            store.are_friends(tx, asker, other.id)
            and not store.stance(tx, other.id, asker, "blocked")
            and self.allows(other.user_id)
        )


def _job(row: Any, users: dict[PersonId, UserId]) -> Job:
    asker, other = PersonId(row.asker_id), PersonId(row.other_id)
    room_id = None if row.room_id is None else RoomId(row.room_id)
    return Job(
        row.id,
        asker,
        other,
        users[asker],
        users[other],
        State(row.state),
        row.marker,
        room_id,
        row.invited,
        row.until,
    )
