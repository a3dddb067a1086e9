"""`chat @user`, and what the two are told on the way."""

from collections.abc import Callable, Mapping

from bridge.chat.command import Command, Kind, Param, Person, Request
from bridge.chat.reply import CopyRef, Message, Reply, Text
from bridge.contacts.private_chats import INVITED, OVER, PrivateChats
from bridge.db import Tx
from bridge.delivery.ports import Renderer
from bridge.ids import UserId


class _Commands:
    def __init__(self, chats: PrivateChats) -> None:
        self._chats = chats

    def chat(self, request: Request) -> Reply:
        user: UserId = request.args["user"]
        self._chats.ask(request.tx, request.person, user, request.account)
        return Reply.text("chat-asked", user=user)

    def renderer(self, kind: str) -> Callable[[Tx, Person, int], Message | None]:
        def render(tx: Tx, reader: Person, job_id: int) -> Message | None:
            found = self._chats.noticed(tx, reader.id, job_id, kind)
            if found is None:
                return None
            return Message((Text(found[0], {"user": found[1]}),), CopyRef(kind, job_id))

        return render


def build(chats: PrivateChats) -> tuple[list[Command], Mapping[str, Renderer]]:
    do = _Commands(chats)
    commands = [Command("chat", (Param("user", (Kind.USER,)),), do.chat, group="contacts")]
    return commands, {kind: do.renderer(kind) for kind in (INVITED, OVER)}
