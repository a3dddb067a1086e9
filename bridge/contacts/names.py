"""How a person is called in front of another one."""

from collections.abc import Iterable, Mapping, Sequence

from bridge.chat.people import user_ids
from bridge.chat.reply import Text
from bridge.contacts import profiles, store
from bridge.contacts.model import NAME
from bridge.db import Tx
from bridge.ids import PersonId, UserId

_MESSAGE_BYTES = 12_000
"""Estimated bytes of one part of a list; longer lists take several messages."""


def labels(
    tx: Tx, viewer: PersonId, ids: Iterable[PersonId], users: Mapping[PersonId, UserId] | None = None
) -> dict[PersonId, Text]:
    """A text for each person: the remark that `viewer` keeps, or the own name where `viewer` may see it, and always the
    Matrix id, so that a name can't pass for somebody else's. `viewer` is called "you". `users`: the Matrix ids of them
    all, where the caller has opened them."""
    wanted = set(ids)
    return _labels(tx, viewer, wanted, profiles.visible_values(tx, viewer, wanted - {viewer}, NAME), users)


def _labels(
    tx: Tx,
    viewer: PersonId,
    ids: Iterable[PersonId],
    visible: dict[PersonId, str],
    users: Mapping[PersonId, UserId] | None = None,
) -> dict[PersonId, Text]:
    wanted = set(ids)
    names = visible | store.remarks(tx, viewer, wanted)
    users = user_ids(tx, wanted) if users is None else users
    result: dict[PersonId, Text] = {}
    for person in wanted:
        user_id = users.get(person)
        if person == viewer:
            result[person] = Text("person-you")
        elif user_id is None:
            result[person] = Text("person-damaged")
        elif person in names:
            result[person] = Text("person-named", {"name": names[person], "user": user_id})
        else:
            result[person] = plain(user_id)
    return result


def labels_for(tx: Tx, viewers: Sequence[PersonId], person: PersonId) -> dict[PersonId, Text]:
    """What `labels` gives each of many viewers, none of whom is the person, for one person. Who gets the same gets the
    same object."""
    name, seeing = profiles.visible_to(tx, viewers, person, NAME)
    remarks = store.remarks_about(tx, viewers, person)
    user_id = user_ids(tx, [person]).get(person)
    if user_id is None:
        return dict.fromkeys(viewers, Text("person-damaged"))
    called = dict.fromkeys(viewers, plain(user_id))
    if name is not None:
        called |= dict.fromkeys(seeing, Text("person-named", {"name": name, "user": user_id}))
    for viewer, remark in remarks.items():
        called[viewer] = Text("person-named", {"name": remark, "user": user_id})
    return called


def own_labels(tx: Tx, viewer: PersonId, ids: Iterable[PersonId]) -> dict[PersonId, Text]:
    """The same by nothing but what `viewer` keeps or said themselves: remark and Matrix id. For answers that are
    rendered when they are asked: a name that its owner withdraws until they are sent must not be in them."""
    return _labels(tx, viewer, ids, {})


def plain(user_id: UserId) -> Text:
    """A person by Matrix id alone."""
    return Text("person-id", {"user": user_id})


def enumeration(items: Sequence[Text]) -> Text:
    """Several people in one text, with the separator of the reader's language."""
    listed = items[0]
    for item in items[1:]:
        listed = Text("person-list", {"first": listed, "next": item})
    return listed


def pages(lines: Iterable[Text]) -> list[tuple[Text, ...]]:
    """Lines in as many parts as take several messages."""
    parts: list[tuple[Text, ...]] = []
    page: list[Text] = []
    size = 0
    for line in lines:
        cost = 8 + _cost(line)
        if page and size + cost > _MESSAGE_BYTES:
            parts.append(tuple(page))
            page, size = [], 0
        page.append(line)
        size += cost
    if page:
        parts.append(tuple(page))
    return parts


def _cost(text: Text) -> int:
    total = 0
    for value in text.args.values():
        if isinstance(value, Text):
            total += 8 + _cost(value)
        else:
            # JSON may take six bytes for a character.
            plain_text = str(value)
            total += len(plain_text) if plain_text.isascii() else 6 * len(plain_text)
    return total
