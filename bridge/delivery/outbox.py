"""Queueing what is to be sent, inside the transaction that decides it."""

from collections.abc import Callable

from bridge.chat.command import Person
from bridge.chat.hooks import SentCopy
from bridge.chat.inbound import Inbound, RoomView
from bridge.chat.reply import Message, Reply
from bridge.db import Tx
from bridge.ids import AccountId, EventId, PersonId, RoomId


class Outbox:
    """Writes outbox rows; the worker sends them. `wake` is called on the loop after each commit that queued a row."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def answer(self, tx: Tx, event: Inbound, room: RoomView, person: Person, reply: Reply) -> None:
        """See `bridge.chat.hooks.Delivery.answer`."""
        raise NotImplementedError

    def find_copy(self, tx: Tx, account: AccountId, room_id: RoomId, event_id: EventId) -> SentCopy | None:
        """What the event that the bot sent is a copy of."""
        raise NotImplementedError

    def message(self, tx: Tx, person: Person, message: Message) -> None:
        """Queue a rendered message to a person's current DM."""
        raise NotImplementedError

    def copy(
        self, tx: Tx, person_id: PersonId, kind: str, ref_id: int, *, delay_ms: int = 0, once: bool = False
    ) -> None:
        """Queue a copy to a person's current DM; it is rendered, and the policy asked, when it is sent.

        Without a DM yet the row waits for one. With `once`, nothing is added while the same one is still queued.
        """
        raise NotImplementedError

    def withdraw(self, tx: Tx, kind: str, ref_id: int, *, only_for: PersonId | None = None) -> int:
        """Redact every delivered copy, ahead of other rows, and drop the queued ones. The number of delivered ones."""
        raise NotImplementedError
