"""Commands, hooks and copies of friends and profiles."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from bridge.chat.command import Command, Kind, Param, Person, Request
from bridge.chat.hooks import Hooks
from bridge.chat.people import People
from bridge.chat.picture import Publish
from bridge.chat.prompts import COPY_KIND as PROMPT_COPY
from bridge.chat.reply import Block, CopyRef, Lines, Message, Reply, Text
from bridge.contacts import (
    block_commands,
    chat_commands,
    invite_commands,
    lookalikes,
    profile_commands,
    store,
    tag_commands,
)
from bridge.contacts.changes import PROFILE, Changes, Showing
from bridge.contacts.erasing import ContactsEraser
from bridge.contacts.model import Asked, ContactLimits
from bridge.contacts.names import enumeration, labels, pages, plain
from bridge.contacts.past import PAST, Past, past_choices
from bridge.contacts.private_chats import PrivateChats
from bridge.contacts.service import (
    ACCEPT,
    ACCEPT_CHATS,
    FRIEND_COPY,
    INVITED_COPY,
    PROMPT,
    Contacts,
    Meeting,
    OpenRequest,
)
from bridge.db import Tx
from bridge.delivery.outbox import Outbox
from bridge.delivery.ports import Renderer
from bridge.ids import UserId
from bridge.privacy.eraser import Eraser

_GROUP = "contacts"
_USER = Param("user", (Kind.USER,))
_WHO = Param("who", (Kind.USER, Kind.NUMBER))
_SHOWN_TAGS = 10


class _Commands:
    def __init__(self, contacts: Contacts, past: Past | None) -> None:
        self._contacts = contacts
        self._past = past

    def friends(self, request: Request) -> Reply:
        tx, person = request.tx, request.person
        friends = self._contacts.friends(tx, person)
        asked = self._contacts.open_requests(tx, person, shown=request.again)
        ids = [friend.id for friend in friends]
        names = labels(tx, person.id, ids, {friend.id: friend.user_id for friend in friends})
        blocked = set(store.with_stance(tx, person.id, "blocked"))
        names |= {one: Text("friend-line-blocked", {"who": names[one]}) for one in ids if one in blocked}
        parts: list[Message] = []
        if friends:
            for i, lines in enumerate(pages([names[friend.id] for friend in friends])):
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
        if asked is Asked.DONE:
            return Reply.text("friend-asked", user=user)
        return Reply((self._new_friend(request.tx, request.person, user),))

    def accept(self, request: Request) -> Reply:
        asked = self._contacts.request_of(request.tx, request.person, request.args["who"])
        user = self._contacts.accept(request.tx, request.person, asked)
        return Reply((self._new_friend(request.tx, request.person, user),))

    def decline(self, request: Request) -> Reply:
        asked = self._contacts.request_of(request.tx, request.person, request.args["who"])
        return Reply.text("friend-declined", user=self._contacts.decline(request.tx, request.person, asked))

    def choose(self, request: Request, ref_id: int, option: str) -> Reply:
        asked = self._contacts.request_by_id(request.tx, request.person, ref_id)
        if option == ACCEPT_CHATS:
            user = self._contacts.accept(request.tx, request.person, asked, chats_only=True)
            return Reply((self._new_friend(request.tx, request.person, user, "friend-new-chats"),))
        if option == ACCEPT:
            user = self._contacts.accept(request.tx, request.person, asked)
            return Reply((self._new_friend(request.tx, request.person, user),))
        return Reply.text("friend-declined", user=self._contacts.decline(request.tx, request.person, asked))

    def remove(self, request: Request) -> Reply:
        user: UserId = request.args["user"]
        impact = self._contacts.remove(request.tx, request.person, user)
        if impact is not None:
            return past_choices(request, user, self._past, impact.copies)
        return Reply.text("friend-not-removed", user=user)

    # --- copies ---------------------------------------------------------------------------------------------
    def render_prompt(self, tx: Tx, reader: Person, ref_id: int) -> Message | None:
        announced = self._contacts.announced(tx, reader, ref_id)
        if announced is None:
            return None
        asked, user = announced
        blocks: list[Block] = [Text("request-notice", {"who": plain(user)})]
        blocks += lookalikes.of_people(tx, reader.id, [user])
        if asked.note:
            blocks.append(Text("request-notice-note", {"note": asked.note}))
        blocks.append(
            Lines((Text("request-choice-accept"), Text("request-choice-decline"), Text("request-choice-chats")))
        )
        blocks.append(Text("request-notice-howto"))
        return Message(tuple(blocks), CopyRef(PROMPT_COPY, ref_id))

    def render_friend(self, tx: Tx, reader: Person, ref_id: int) -> Message | None:
        user = self._contacts.new_friend(tx, reader, ref_id)
        if user is None:
            return None
        return replace(self._new_friend(tx, reader, user), copy=CopyRef(FRIEND_COPY, ref_id))

    def render_invited(self, tx: Tx, reader: Person, ref_id: int) -> Message | None:
        user = self._contacts.new_friend(tx, reader, ref_id)
        new = Message((Text("invite-none"),)) if user is None else self._new_friend(tx, reader, user)
        return replace(new, copy=CopyRef(INVITED_COPY, ref_id))

    def _new_friend(self, tx: Tx, person: Person, user: UserId, message_id: str = "friend-new") -> Message:
        """That they are friends now; and what `person` had set about them before they parted, which holds again."""
        kept = self._contacts.kept(tx, person, user)
        blocks: list[Block] = [Text(message_id, {"user": user})]
        said = message_id == "friend-new-chats"
        blocks += [Text(f"kept-{name}", {"user": user}) for name in kept.stances if not (said and name == "chats-only")]
        names = [Text("audience-word-tag", {"tag": tag}) for tag in kept.tags[:_SHOWN_TAGS]]
        if len(kept.tags) > _SHOWN_TAGS:
            names.append(Text("audience-word-more", {"count": len(kept.tags) - _SHOWN_TAGS}))
        if names:
            blocks.append(Text("kept-tags", {"tags": enumeration(names)}))
        return Message(tuple(blocks))


def build(
    outbox: Outbox,
    people: People,
    limits: ContactLimits,
    showing: Showing,
    past: Past | None = None,
    meeting: Meeting = lambda a, b: False,
    *,
    bot: UserId,
    serves: Callable[[UserId], bool] = lambda user: True,
    publish: Publish | None = None,
) -> tuple[list[Command], Hooks, Mapping[str, Renderer], Changes, PrivateChats, Eraser]:
    """Everything that contacts add to the chat. `showing` looks before and after each change of who sees what; `past`
    takes back what somebody said under another's moments. `bot`: who is invited to; `serves`: whether the operator lets
    people of somebody's server use the bot; `publish`: uploads pictures."""
    changes = Changes(outbox, showing)
    contacts = Contacts(outbox, people, limits, changes, meeting, serves)
    do = _Commands(contacts, past)
    chats = PrivateChats(outbox, people, limits)
    chat_command, chat_renderers = chat_commands.build(chats)
    commands = [
        Command("friends", (), do.friends, effect=False, late=True, group=_GROUP),
        Command("friend add", (_USER, Param("note", (Kind.REST,), required=False)), do.add, group=_GROUP),
        Command("friend accept", (_WHO,), do.accept, group=_GROUP),
        Command("friend decline", (_WHO,), do.decline, group=_GROUP),
        Command("friend remove", (_USER,), do.remove, group=_GROUP),
        *chat_command,
        *block_commands.build(contacts),
        *invite_commands.build(contacts, limits, bot, publish),
        *tag_commands.build(contacts, changes, limits),
        *profile_commands.build(people, changes, limits),
    ]
    on_choice = {PROMPT: do.choose}
    if past is not None:
        on_choice[PAST] = past.choose
    hooks = Hooks(on_choice=on_choice, on_opened=(contacts.opened,), menus=frozenset({PAST}))
    renderers: dict[str, Renderer] = {
        PROMPT_COPY: do.render_prompt,
        FRIEND_COPY: do.render_friend,
        INVITED_COPY: do.render_invited,
        PROFILE: profile_commands.render,
        **chat_renderers,
    }
    return commands, hooks, renderers, changes, chats, ContactsEraser(outbox, people, chats)


def _request_line(entry: OpenRequest) -> Text:
    if entry.request.note:
        return Text("request-line-note", {"number": entry.number, "user": entry.user_id, "note": entry.request.note})
    return Text("request-line", {"number": entry.number, "user": entry.user_id})
