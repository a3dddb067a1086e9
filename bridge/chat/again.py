"""Asking again: an answer that tells things of others is what it would be at the moment at which it is sent."""

from bridge.chat.command import Person, Request
from bridge.chat.inbound import Origin, RoomView, TextMessage
from bridge.chat.registry import Registry
from bridge.chat.reply import CopyRef, Message, Question, Text
from bridge.db import Tx
from bridge.errors import UserError
from bridge.ids import AccountId, EventId, RoomId


class AskAgain:
    """The port `bridge.delivery.ports.Again`."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def __call__(
        self, tx: Tx, person: Person, question: Question, account: AccountId, room_id: RoomId
    ) -> tuple[Message | CopyRef, ...]:
        command = self._registry.get(question.command)
        if command is None or not command.late:
            return (Message((Text("answer-damaged"),)),)  # asked of an older version
        origin = Origin(account, room_id, EventId(""), person.user_id, tx.now, True)
        room = RoomView(room_id, person.user_id, True)
        request = Request(tx, person, room, account, TextMessage(origin, ""), question.args, again=True)
        try:
            return command.handler(request).parts
        except UserError as error:
            return (Message((Text(error.message_id, error.args_),)),)
