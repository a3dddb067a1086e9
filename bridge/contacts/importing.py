"""Taking back what an archive holds of somebody's tags, decisions and profile (P11). Nothing is wider than it was.

Each method may be called again: what is there already is left as it is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bridge.chat.command import Person
from bridge.chat.people import People, user_ids
from bridge.chat.picture import StoredPicture
from bridge.contacts import profiles, store, tags
from bridge.contacts.changes import Changes
from bridge.contacts.model import (
    AVATAR,
    KNOWN_FIELDS,
    LONG_FIELDS,
    NAME,
    ContactLimits,
    Field,
    cleaned,
    folded,
    one_line,
)
from bridge.contacts.service import Contacts
from bridge.db import Tx
from bridge.db.sealing import Unreadable
from bridge.errors import UserError
from bridge.ids import PersonId, UserId
from bridge.privacy import PRIVATE, Addressed, Audience, field_rules

_TAG_SIGNS = frozenset("|｜,，、@#＃")


@dataclass(frozen=True, slots=True)
class Origin:
    """Who was who where an archive was made."""

    friends: frozenset[UserId]
    tags: Mapping[str, frozenset[UserId]] = field(default_factory=dict)
    """Members by name."""
    strangers: bool = False
    """Strangers saw public moments there."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """An audience of an archive, as it can be here."""

    to: Addressed
    named_tags: frozenset[int] = frozenset()
    narrowed: bool = False
    """It is for fewer than it was."""


_NOBODY = Fitted(PRIVATE, narrowed=True)


class ContactsImporter:
    def __init__(self, people: People, contacts: Contacts, changes: Changes, limits: ContactLimits) -> None:
        self._people = people
        self._contacts = contacts
        self._changes = changes
        self._limits = limits

    # --- audiences --------------------------------------------------------------------------------------------
    def fitted(
        self,
        tx: Tx,
        person: Person,
        said: Mapping[str, Any],
        origin: Origin,
        *,
        strangers: bool | None,
        planned: bool = False,
    ) -> Fitted:
        """An audience of the archive here: what it was, where exactly the same people mean the same; else for nobody.

        `strangers`: they see public moments here; None: it is of a field, and public is for everybody.
        `planned`: tags that are not here will be made as they were.
        """
        kind = Audience.of(str(said["kind"]))
        if kind is None or kind is Audience.PRIVATE:
            return Fitted(PRIVATE)
        friends = {friend.user_id: friend.id for friend in store.friends_of(tx, person.id)}
        # Where nobody knows one yet, nobody could say that these are the same.
        same = bool(friends) and friends.keys() <= origin.friends
        alone = not friends and not origin.friends
        for_all = kind is Audience.PUBLIC and strangers is None
        if kind is not Audience.PEOPLE and not (same or alone or for_all):
            return _NOBODY
        if kind is Audience.PUBLIC and strangers and not origin.strangers:
            return _NOBODY
        named = [UserId(user) for user in said.get("people", ())]
        if any(user not in friends for user in named):
            return _NOBODY
        live = self._tags(tx, person, said.get("tags", ()))
        for name, tag in live.items():
            there = origin.tags.get(name)
            if planned and tag is None and there is not None:
                continue
            if tag is None or there is None or not self._users(tx, tags.members(tx, [tag.id])) <= there:
                return _NOBODY
        out = {UserId(user) for user in said.get("except_people", ())}
        left_out = self._tags(tx, person, said.get("except_tags", ()))
        for name, tag in left_out.items():
            members = origin.tags.get(name)
            if members is None:
                return _NOBODY
            out |= members - (set() if tag is None else self._users(tx, tags.members(tx, [tag.id])))
        if person.user_id in out or len(out) > self._limits.blocks:
            return _NOBODY
        try:
            except_people = frozenset(friends.get(user) or self._people.named_or_new(tx, user) for user in sorted(out))
        except Unreadable:
            return _NOBODY
        marks = self._tags(tx, person, said.get("named_tags", ()))
        to = Addressed(
            kind,
            frozenset(friends[user] for user in named) - except_people,
            frozenset(tag.id for tag in live.values() if tag is not None),
            except_people,
            frozenset(tag.id for tag in left_out.values() if tag is not None),
        )
        return Fitted(to, frozenset(tag.id for tag in marks.values() if tag is not None))

    def tag(self, tx: Tx, person: Person, name: str) -> int | None:
        """The tag of this name; None: there is none."""
        found = tags.find(tx, person.id, name)
        return None if found is None else found.id

    @staticmethod
    def _tags(tx: Tx, person: Person, names: Iterable[str]) -> dict[str, tags.Tag | None]:
        return {name: tags.find(tx, person.id, name) for name in names}

    @staticmethod
    def _users(tx: Tx, ids: Iterable[PersonId]) -> set[UserId]:
        return set(user_ids(tx, ids).values())

    # --- tags and decisions -----------------------------------------------------------------------------------
    def restore_people(self, tx: Tx, person: Person, lines: Sequence[Mapping[str, Any]]) -> int:
        """Decisions about people, and what one keeps about them. How many of these are new here."""
        count = 0
        for line in lines:
            user = UserId(line["user"])
            if user == person.user_id:
                continue
            try:
                count += self._restore_person(tx, person, user, line)
            except (UserError, Unreadable):
                continue  # a limit of one's own, or a damaged row
        return count

    def _restore_person(self, tx: Tx, person: Person, user: UserId, line: Mapping[str, Any]) -> bool:
        other = self._people.named_or_new(tx, user)
        done = False
        if line["blocked"] and not store.stance(tx, person.id, other, "blocked"):
            self._contacts.block(tx, person, user)
            done = True
        for name in ("chats_only", "shut_out", "hidden"):
            if line[name] and not store.stance(tx, person.id, other, name):
                self._set_stance(tx, person.id, other, name)
                done = True
        kept = store.remark(tx, person.id, other)
        said = {
            "name": one_line(line["name"] or "")[: self._limits.remark],
            "note": cleaned(line["note"] or "")[: self._limits.remark_note],
        }
        new = {name: value for name, value in said.items() if value and not kept.get(name)}
        if new:
            store.set_remark(tx, person.id, other, {**kept, **new})
        return done or bool(new)

    def restore_tags(self, tx: Tx, person: Person, lines: Sequence[Mapping[str, Any]]) -> int:
        """Tags that are not here, with those of their members who are friends here. One that is here stays as it is,
        but that its members are shut out as they were. How many are new."""
        friends = {friend.user_id: friend.id for friend in store.friends_of(tx, person.id)}
        count = 0
        for line in lines:
            name = one_line(line["name"]).lstrip("#＃")
            wrong = any(c.isspace() or c in _TAG_SIGNS for c in name)
            if not folded(name) or len(name) > self._limits.tag_name or wrong:
                continue
            tag = tags.find(tx, person.id, name)
            if tag is None:
                if len(tags.every(tx, person.id)) >= self._limits.tags:
                    break
                tag = tags.create(tx, person.id, name)
                for user in line["members"][: self._limits.tag_members]:
                    if user in friends:
                        tags.add(tx, tag.id, friends[user])
                count += 1
            if line["shut_out"] and not tag.shut_out:
                self._shut_out(tx, person.id, tag.id)
        return count

    def _set_stance(self, tx: Tx, person: PersonId, other: PersonId, name: str) -> None:
        self._changes.make_between(tx, person, other, lambda: store.set_stance(tx, person, other, name, True))

    def _shut_out(self, tx: Tx, person: PersonId, tag: int) -> None:
        self._changes.make(tx, person, tags.members(tx, [tag]), lambda: tags.set_shut_out(tx, tag, True))

    def narrow(self, tx: Tx, person: Person, change: Callable[[], object]) -> None:
        """Change what one shows in general, and take back what may be seen no longer."""
        self._changes.make(tx, person.id, None, change)

    # --- profile ----------------------------------------------------------------------------------------------
    def restore_field(
        self,
        tx: Tx,
        person: Person,
        line: Mapping[str, Any],
        origin: Origin,
        picture: StoredPicture | None = None,
    ) -> bool:
        """A field that is empty here, for whom it was or for nobody. False: it is not, or can't be here."""
        name, free = line["field"], line["free"]
        found = Field.of(name)
        if found is None or found.free != free or (not free and name not in KNOWN_FIELDS):
            return False
        if profiles.has(tx, person.id, found):
            return False
        is_avatar = found.name == AVATAR and not found.free
        value = cleaned(line["value"]) if found.name in LONG_FIELDS and not found.free else one_line(line["value"])
        if len(value) > self._limit(found):
            return False
        if found.free and (not value or profiles.count_free(tx, person.id) >= self._limits.free_fields):
            return False
        column = profiles.column(tx, person.id, found)
        rules = field_rules.load(tx, [person.id])

        def change() -> None:
            if is_avatar and picture is not None:
                profiles.store_avatar(tx, person.id, picture)
            elif not is_avatar:
                profiles.store(tx, person.id, found, value)
            if (person.id, column) not in rules:
                fitted = self.fitted(tx, person, line["audience"], origin, strangers=None)
                if fitted.to != field_rules.default(column):
                    field_rules.save(tx, person.id, column, fitted.to)

        self._changes.make_profile(tx, person.id, change)
        return bool(value) or (is_avatar and picture is not None)

    def needs_picture(self, tx: Tx, person: Person) -> bool:
        """Whether an avatar of the archive would be taken."""
        return not profiles.has(tx, person.id, Field(AVATAR))

    def _limit(self, one: Field) -> int:
        if one.name == NAME and not one.free:
            return self._limits.name
        return self._limits.bio if one.name in LONG_FIELDS and not one.free else self._limits.field
