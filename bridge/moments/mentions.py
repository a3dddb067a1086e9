"""Mentions in texts (M7): `@bob:example.org`, a pill of it, or `@` and the name by which its author knows a friend;
where that is nobody's, `@` and how the friend's Matrix id begins.

A name is replaced by the Matrix id: a remark is its owner's alone, and others know people by other names. What stands
between backticks is no mention.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bridge.chat.grammar import parse_user
from bridge.contacts import profiles, store
from bridge.contacts.model import NAME, folded
from bridge.db import Tx
from bridge.errors import UserError
from bridge.ids import PersonId, UserId

MOST = 20
"""People that one text may mention."""
_CODE = re.compile(r"(?P<ticks>`+).*?(?P=ticks)", re.DOTALL)
_AT = re.compile(
    r"\[[^\]\n]{0,255}\]\((?P<link>[^()\s]{1,1024})\)"
    r"|(?<![\w@.:/])@(?P<id>[^\s@:\[\]()<>,，。！？;；]{1,200}:[^\s@\[\]()<>,，。！？;；]{1,200})"
    r"|(?<![\w@.:/])@(?P<name>[^\s@:\[\]()<>`])"
)


@dataclass(frozen=True, slots=True)
class Mentioned:
    text: str
    """With Matrix ids in the place of names."""
    friends: tuple[PersonId, ...] = ()
    others: tuple[UserId, ...] = ()
    """Who is mentioned by Matrix id and is no friend of the author."""


def find(tx: Tx, author: PersonId, text: str) -> Mentioned:
    """Whom a text mentions.

    Raises:
        UserError: a name is that of several friends, or it mentions too many.
    """
    if "@" not in text:
        return Mentioned(text)
    friends = {friend.user_id: friend.id for friend in store.friends_of(tx, author)}
    users = {person: user for user, person in friends.items()}
    names = _names(tx, author, friends)
    beginnings: dict[str, list[PersonId]] = {}
    for friend, person_id in friends.items():
        beginnings.setdefault(folded(friend[1:].partition(":")[0]), []).append(person_id)
    found: dict[PersonId, None] = {}
    others: dict[UserId, None] = {}
    parts: list[str] = []
    position = 0
    code = [match.span() for match in _CODE.finditer(text)]
    for match in _AT.finditer(text):
        if match.start() < position or any(start <= match.start() < end for start, end in code):
            continue
        user = parse_user(match["link"] or f"@{match['id'] or ''}")
        end = match.end()
        if user is not None:
            if user in friends:
                found[friends[user]] = None
            else:
                others[user] = None
            continue
        if match["name"] is None:
            continue
        at = match.start() + 1
        person, length = _named(text[at : at + 80], names)
        if person is None:
            person, length = _named(text[at : at + 80], beginnings)
        if person is None:
            continue
        end = at + length
        found[person] = None
        parts += [text[position : match.start()], users[person]]
        position = end
    if len(found) + len(others) > MOST:
        raise UserError("mention-too-many", limit=MOST)
    return Mentioned("".join([*parts, text[position:]]), tuple(found), tuple(others))


def _names(tx: Tx, author: PersonId, friends: Mapping[UserId, PersonId]) -> dict[str, list[PersonId]]:
    """The friends whom each name means, folded: remarks, and names that the author may see."""
    people = list(friends.values())
    names: dict[str, list[PersonId]] = {}
    for called in (profiles.visible_values(tx, author, people, NAME), store.remarks(tx, author, people)):
        for person, name in called.items():
            plain = folded(name)
            if plain and person not in names.setdefault(plain, []):
                names[plain].append(person)
    return names


def _named(text: str, names: Mapping[str, list[PersonId]]) -> tuple[PersonId | None, int]:
    """The friend whose name a text begins with, and how long that is: the longest name counts."""
    for length in range(len(text), 0, -1):
        if length < len(text) and text[length].isalnum() and text[length].isascii():
            continue
        if text[length - 1].isspace():
            continue
        people = names.get(folded(text[:length]), [])
        if len(people) > 1:
            raise UserError("mention-which", name=text[:length])
        if people:
            return people[0], length
    return None, 0
