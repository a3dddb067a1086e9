"""Blocking, and private names."""

from bridge.chat.command import Command, Kind, Param, Request
from bridge.chat.reply import Message, Reply, Text
from bridge.contacts import store
from bridge.contacts.impacts import lost_lines
from bridge.contacts.model import cleaned, one_line
from bridge.contacts.service import Contacts
from bridge.errors import UserError
from bridge.ids import UserId

_GROUP = "contacts"
_USER = Param("user", (Kind.USER,))


class _Commands:
    def __init__(self, contacts: Contacts) -> None:
        self._contacts = contacts

    def block(self, request: Request) -> Reply:
        user: UserId = request.args["user"]
        impact = self._contacts.block(request.tx, request.person, user)
        return Reply((Message((Text("block-done", {"user": user}), *lost_lines(impact))),))

    def unblock(self, request: Request) -> Reply:
        user: UserId = request.args["user"]
        done = self._contacts.unblock(request.tx, request.person, user)
        return Reply.text("unblock-done" if done else "unblock-none", user=user)

    def remark(self, request: Request) -> Reply:
        return self._keep(request, "name", one_line(request.args.get("name", "")), self._contacts.limits.remark)

    def note(self, request: Request) -> Reply:
        return self._keep(request, "note", cleaned(request.args.get("text", "")), self._contacts.limits.remark_note)

    def _keep(self, request: Request, what: str, text: str, limit: int) -> Reply:
        user: UserId = request.args["user"]
        friend = self._contacts.friend(request.tx, request.person, user)
        if len(text) > limit:
            raise UserError("remark-too-long", limit=limit)
        kept = store.remark(request.tx, request.person.id, friend)
        kept = {**kept, what: text} if text else {name: value for name, value in kept.items() if name != what}
        store.set_remark(request.tx, request.person.id, friend, kept)
        return Reply.text(f"remark-{what}" if text else f"remark-{what}-none", user=user)


def build(contacts: Contacts) -> list[Command]:
    do = _Commands(contacts)
    return [
        Command("block", (_USER,), do.block, group=_GROUP),
        Command("unblock", (_USER,), do.unblock, group=_GROUP),
        Command("remark", (_USER, Param("name", (Kind.REST,), required=False)), do.remark, group=_GROUP),
        Command("note", (_USER, Param("text", (Kind.REST,), required=False)), do.note, group=_GROUP),
    ]
