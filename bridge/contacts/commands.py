"""Commands, hooks and copies of friends and profiles."""

from collections.abc import Iterable, Mapping, Sequence

from bridge.chat.command import Command, Kind, Param, Person, Request
from bridge.chat.hooks import Hooks
from bridge.chat.people import People
from bridge.chat.prompts import COPY_KIND as PROMPT_COPY
from bridge.chat.reply import Block, CopyRef, Lines, Message, Reply, Text, Written
from bridge.contacts.model import Asked, ContactLimits, ProfileKey
from bridge.contacts.names import labels, plain
from bridge.contacts.service import ACCEPT, FRIEND_COPY, PROMPT, Contacts, OpenRequest, Parted
from bridge.db import Tx
from bridge.delivery.outbox import Outbox
from bridge.delivery.ports import Renderer
from bridge.errors import UserError
from bridge.ids import UserId
from bridge.privacy import load_world

_GROUP = "contacts"
_USER = Param("user", (Kind.USER,))
_WHO = Param("who", (Kind.USER, Kind.NUMBER))
_MESSAGE_BYTES = 12_000
"""Estimated bytes of one list of friends; longer lists take several messages."""


class _Commands:
    def __init__(self, contacts: Contacts) -> None:
        self._contacts = contacts

    def friends(self, request: Request) -> Reply:
        tx, person = request.tx, request.person
        friends = self._contacts.friends(tx, person)
        asked = self._contacts.open_requests(tx, person)
        ids = [friend.id for friend in friends]
        names = labels(tx, person.id, ids, load_world(tx, [person.id], ids))
        parts: list[Message] = []
        if friends:
            for i, lines in enumerate(_pages([names[friend.id] for friend in friends])):
                head: tuple[Block, ...] = () if i else (Text("friends-head", {"count": len(friends)}),)
                parts.append(Message((*head, Lines(lines))))
        else:
            parts.append(Message((Text("friends-none"),)))
        if asked:
            blocks: list[Block] = [Text("requests-head")]
            blocks.append(Lines(tuple(_request_line(entry) for entry in asked)))
            blocks.append(Text("requests-howto"))
            parts[-1] = Message(parts[-1].blocks + tuple(blocks))
        return Reply(tuple(parts))

    def add(self, request: Request) -> Reply:
        user: UserId = request.args["user"]
        asked = self._contacts.add(request.tx, request.person, user, request.args.get("note", ""))
        return Reply.text("friend-asked" if asked is Asked.DONE else "friend-new", user=user)

    def accept(self, request: Request) -> Reply:
        asked = self._contacts.request_of(request.tx, request.person, request.args["who"])
        return Reply.text("friend-new", user=self._contacts.accept(request.tx, request.person, asked))

    def decline(self, request: Request) -> Reply:
        asked = self._contacts.request_of(request.tx, request.person, request.args["who"])
        return Reply.text("friend-declined", user=self._contacts.decline(request.tx, request.person, asked))

    def choose(self, request: Request, ref_id: int, option: str) -> Reply:
        asked = self._contacts.request_by_id(request.tx, request.person, ref_id)
        if option == ACCEPT:
            return Reply.text("friend-new", user=self._contacts.accept(request.tx, request.person, asked))
        return Reply.text("friend-declined", user=self._contacts.decline(request.tx, request.person, asked))

    def remove(self, request: Request) -> Reply:
        user: UserId = request.args["user"]
        if self._contacts.remove(request.tx, request.person, user):
            return Reply.text("friend-removed", user=user)
        return Reply.text("friend-not-removed", user=user)

    def profile(self, request: Request) -> Reply:
        tx, person = request.tx, request.person
        user: UserId = request.args.get("user", person.user_id)
        fields = self._contacts.profile(tx, person, user)
        if fields is None:
            raise UserError("profile-none", user=user)
        blocks: list[Block] = [Text("profile-head", {"user": user})]
        if ProfileKey.NAME in fields:
            blocks.append(Text("profile-name", {"name": fields[ProfileKey.NAME]}))
        if ProfileKey.BIO in fields:
            blocks.append(Written(fields[ProfileKey.BIO]))
        if not fields:
            blocks.append(Text("profile-empty"))
        if user == person.user_id:
            blocks.append(Text("profile-howto"))
        return Reply((Message(tuple(blocks)),))

    def profile_set(self, request: Request) -> Reply:
        key = ProfileKey.of(request.args["field"])
        if key is None:
            raise UserError("profile-field-unknown", field=request.args["field"])
        filled = self._contacts.set_profile(request.tx, request.person, key, request.args.get("value", ""))
        return Reply.text("profile-set" if filled else "profile-cleared", field=key.value)

    # --- copies ---------------------------------------------------------------------------------------------
    def render_prompt(self, tx: Tx, reader: Person, ref_id: int) -> Message | None:
        announced = self._contacts.announced(tx, reader, ref_id)
        if announced is None:
            return None
        asked, user = announced
        blocks: list[Block] = [Text("request-notice", {"who": plain(user)})]
        if asked.note:
            blocks.append(Text("request-notice-note", {"note": asked.note}))
        blocks.append(Lines((Text("request-choice-accept"), Text("request-choice-decline"))))
        blocks.append(Text("request-notice-howto"))
        return Message(tuple(blocks), CopyRef(PROMPT_COPY, ref_id))

    def render_friend(self, tx: Tx, reader: Person, ref_id: int) -> Message | None:
        user = self._contacts.new_friend(tx, reader, ref_id)
        if user is None:
            return None
        return Message((Text("friend-new", {"user": user}),), CopyRef(FRIEND_COPY, ref_id))


def build(
    outbox: Outbox,
    people: People,
    limits: ContactLimits | None = None,
    parted: Sequence[Parted] = (),
) -> tuple[list[Command], Hooks, Mapping[str, Renderer]]:
    """Everything that contacts add to the chat. `parted` is called in the transaction that ends a friendship."""
    contacts = Contacts(outbox, people, limits or ContactLimits(), parted)
    do = _Commands(contacts)
    commands = [
        Command("friends", (), do.friends, effect=False, group=_GROUP),
        Command("friend add", (_USER, Param("note", (Kind.REST,), required=False)), do.add, group=_GROUP),
        Command("friend accept", (_WHO,), do.accept, group=_GROUP),
        Command("friend decline", (_WHO,), do.decline, group=_GROUP),
        Command("friend remove", (_USER,), do.remove, group=_GROUP),
        Command("profile", (Param("user", (Kind.USER,), required=False),), do.profile, effect=False, group=_GROUP),
        Command(
            "profile set",
            (Param("field", (Kind.WORD,)), Param("value", (Kind.REST,), required=False)),
            do.profile_set,
            group=_GROUP,
        ),
    ]
    hooks = Hooks(on_choice={PROMPT: do.choose}, on_opened=(contacts.opened,))
    return commands, hooks, {PROMPT_COPY: do.render_prompt, FRIEND_COPY: do.render_friend}


def _request_line(entry: OpenRequest) -> Text:
    if entry.request.note:
        return Text("request-line-note", {"number": entry.number, "user": entry.user_id, "note": entry.request.note})
    return Text("request-line", {"number": entry.number, "user": entry.user_id})


def _pages(lines: Iterable[Text]) -> list[tuple[Text, ...]]:
    pages: list[tuple[Text, ...]] = []
    page: list[Text] = []
    size = 0
    for line in lines:
        # JSON may take six bytes for a character.
        cost = 8 + sum(len(str(value)) if str(value).isascii() else 6 * len(str(value)) for value in line.args.values())
        if page and size + cost > _MESSAGE_BYTES:
            pages.append(tuple(page))
            page, size = [], 0
        page.append(line)
        size += cost
    if page:
        pages.append(tuple(page))
    return pages
