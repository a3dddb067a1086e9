"""Whom somebody leaves out, as lines of `privacy`, and as choices whom to let in again."""

from bridge.chat.people import user_ids
from bridge.chat.reply import Text
from bridge.contacts import store, tags
from bridge.contacts.audiences import named_people, tag_words
from bridge.contacts.names import own_labels
from bridge.db import Tx
from bridge.ids import PersonId

PAIRS = {"mine": "shut_out", "theirs": "hidden", "chats-only": "chats_only"}
"""Key as typed → stance. `mine @bob off`: Bob doesn't see mine (P2); `theirs @bob off`: I don't see Bob's (P3)."""
BLOCKED = "blocked"
LEFT_OUT = {**PAIRS, BLOCKED: BLOCKED}
"""Key → stance."""
_MOST = 20
"""Choices of one question."""


def left_out_lines(tx: Tx, owner: PersonId) -> list[tuple[str, Text]]:
    """Each key under which somebody is left out, with who they are."""
    lines: list[tuple[str, Text]] = []
    for key, stance in LEFT_OUT.items():
        names = [tag.name for tag in _tags(tx, owner, key)]
        listed = named_people(tx, owner, store.with_stance(tx, owner, stance), tag_words(names))
        if listed is not None:
            lines.append((key, Text(f"privacy-{stance.replace('_', '-')}", {"people": listed})))
    return lines


def left_out_choices(tx: Tx, owner: PersonId, key: str) -> list[tuple[Text, str]]:
    """Who can be let in again under this key, and what stands for them: no name that anybody made up, no Matrix id."""
    users = user_ids(tx, store.with_stance(tx, owner, LEFT_OUT[key]))
    people = sorted(users, key=lambda person: users[person])
    names = own_labels(tx, owner, people[:_MOST])
    found = [(Text("audience-word-tag", {"tag": tag.name}), f"#{tag.id}") for tag in _tags(tx, owner, key)]
    found += [(names[person], str(person)) for person in people[:_MOST]]
    return [(Text(f"privacy-again-{key}", {"who": who}), value) for who, value in found[:_MOST]]


def chosen(tx: Tx, owner: PersonId, value: str) -> str | None:
    """Whom a choice means, as it is typed: a tag or a Matrix id; None: there is no such any more."""
    if not value.startswith("#"):
        person = PersonId(int(value))
        return user_ids(tx, [person]).get(person)
    wanted = int(value[1:])
    return next((f"#{tag.name}" for tag in tags.every(tx, owner) if tag.id == wanted), None)


def _tags(tx: Tx, owner: PersonId, key: str) -> list[tags.Tag]:
    return [tag for tag in tags.every(tx, owner) if tag.shut_out] if key == "mine" else []
