"""Tags: making, filling, renaming, deleting."""

from bridge.chat.command import Command, Kind, Param, Request
from bridge.chat.grammar import parse_user
from bridge.chat.people import user_ids
from bridge.chat.reply import Block, Lines, Message, Reply, Text
from bridge.contacts import store, tags
from bridge.contacts.changes import Changes
from bridge.contacts.impacts import impact_lines
from bridge.contacts.model import ContactLimits, folded, one_line
from bridge.contacts.names import enumeration, labels, own_labels, pages
from bridge.contacts.service import Contacts
from bridge.errors import UserError
from bridge.ids import PersonId, UserId
from bridge.privacy import field_rules

_GROUP = "contacts"
_TAG = Param("tag", (Kind.WORD,))
_SHOWN = 20
"""People of one tag that are listed, or named in one command."""
_LEAST_SHOWN = 2
_SHOWN_IN_ALL = 200
"""People that are listed where there are many tags, but for these least ones."""


class _Commands:
    def __init__(self, contacts: Contacts, changes: Changes, limits: ContactLimits) -> None:
        self._contacts = contacts
        self._changes = changes
        self._limits = limits

    def listed(self, request: Request) -> Reply:
        tx, person = request.tx, request.person
        every = tags.every(tx, person.id)
        if not every:
            return Reply.text("tags-none")
        most = max(_LEAST_SHOWN, min(_SHOWN, _SHOWN_IN_ALL // len(every)))
        first = {tag.id: tags.members(tx, [tag.id])[:most] for tag in every}
        names = labels(tx, person.id, {one for people in first.values() for one in people})
        lines: list[Text] = []
        for tag in every:
            shown = [names[one] for one in first[tag.id]]
            if tag.count > most:
                shown.append(Text("audience-word-more", {"count": tag.count - most}))
            if shown:
                lines.append(Text("tag-line", {"tag": tag.name, "people": enumeration(shown)}))
            else:
                lines.append(Text("tag-line-empty", {"tag": tag.name}))
        head: tuple[Block, ...] = (Text("tags-head"),)
        return Reply(tuple(Message((*(() if i else head), Lines(part))) for i, part in enumerate(pages(lines))))

    def add(self, request: Request) -> Reply:
        tx, person = request.tx, request.person
        name = self._name(request.args["tag"])
        friends = [self._contacts.friend(tx, person, user) for user in _users(request)]
        tag = tags.find(tx, person.id, name)
        if tag is None:
            if len(tags.every(tx, person.id)) >= self._limits.tags:
                raise UserError("tag-limit", limit=self._limits.tags)
            tag = tags.create(tx, person.id, name)
        if tag.count + len(friends) > self._limits.tag_members:
            raise UserError("tag-members-limit", limit=self._limits.tag_members)
        tag_id = tag.id
        impact = self._changes.make(tx, person.id, friends, lambda: [tags.add(tx, tag_id, one) for one in friends])
        who = self._names(request, friends)
        return Reply((Message((Text("tag-added", {"tag": tag.name, "people": who}), *impact_lines(impact))),))

    def remove(self, request: Request) -> Reply:
        tx, person = request.tx, request.person
        tag = self._find(request)
        people = [self._member(request, user, tag) for user in _users(request)]
        impact = self._changes.make(tx, person.id, people, lambda: [tags.remove(tx, tag.id, one) for one in people])
        who = self._names(request, people)
        return Reply((Message((Text("tag-removed", {"tag": tag.name, "people": who}), *impact_lines(impact))),))

    def rename(self, request: Request) -> Reply:
        tag, name = self._find(request), self._name(request.args["name"])
        other = tags.find(request.tx, request.person.id, name)
        if other is not None and other.id != tag.id:
            raise UserError("tag-exists", tag=other.name)
        tags.rename(request.tx, request.person.id, tag.id, name)
        return Reply.text("tag-renamed", old=tag.name, new=name)

    def delete(self, request: Request) -> Reply:
        tx, person = request.tx, request.person
        tag = self._find(request)
        people = tags.members(tx, [tag.id])

        def change() -> None:
            # Whom it left out stays left out, by name: deleting a tag never shows anybody more.
            self._changes.showing.forget_tag(tx, tag.id, people)
            field_rules.forget_tag(tx, person.id, tag.id, people)
            if tag.shut_out:
                for one in people:
                    store.set_stance(tx, person.id, one, "shut_out", True)
            tags.delete(tx, tag.id)

        impact = self._changes.make(tx, person.id, people, change)
        blocks: list[Block] = [Text("tag-deleted", {"tag": tag.name}), *impact_lines(impact)]
        return Reply((Message(tuple(blocks)),))

    # --- inside ---------------------------------------------------------------------------------------------
    def _name(self, word: str) -> str:
        name = one_line(word).lstrip("#＃")
        wrong = any(c.isspace() or c in "|｜,，、@" for c in name)
        if not folded(name) or len(name) > self._limits.tag_name or wrong:
            raise UserError("tag-name", limit=self._limits.tag_name)
        return name

    def _find(self, request: Request) -> tags.Tag:
        name = self._name(request.args["tag"])
        tag = tags.find(request.tx, request.person.id, name)
        if tag is None:
            raise UserError("tag-none", tag=name)
        return tag

    @staticmethod
    def _member(request: Request, user: UserId, tag: tags.Tag) -> PersonId:
        found = user_ids(request.tx, tags.members(request.tx, [tag.id]))
        for person, one in found.items():
            if one == user:
                return person
        raise UserError("tag-not-in", tag=tag.name, user=user)

    @staticmethod
    def _names(request: Request, people: list[PersonId]) -> Text:
        names = own_labels(request.tx, request.person.id, people)
        return enumeration([names[one] for one in people])


def _users(request: Request) -> list[UserId]:
    words = request.args["people"].replace(",", " ").replace("，", " ").replace("、", " ").split()
    users = [parse_user(word) for word in words]
    if not users or len(users) > _SHOWN or None in users:
        raise UserError("tag-people", limit=_SHOWN)
    return list(dict.fromkeys(user for user in users if user is not None))


def build(contacts: Contacts, changes: Changes, limits: ContactLimits) -> list[Command]:
    do = _Commands(contacts, changes, limits)
    people = Param("people", (Kind.REST,))
    return [
        Command("tags", (), do.listed, effect=False, late=True, group=_GROUP),
        Command("tag add", (_TAG, people), do.add, group=_GROUP),
        Command("tag remove", (_TAG, people), do.remove, group=_GROUP),
        Command("tag rename", (_TAG, Param("name", (Kind.WORD,))), do.rename, group=_GROUP),
        Command("tag delete", (_TAG,), do.delete, group=_GROUP),
    ]
