"""An audience in words, for its owner alone: people are called as the owner calls them."""

from collections.abc import Iterable

from bridge.chat.people import user_ids
from bridge.chat.reply import Text
from bridge.contacts import tags
from bridge.contacts.names import enumeration, own_labels
from bridge.db import Tx
from bridge.ids import PersonId
from bridge.privacy import Addressed, Audience

_SHOWN = 10
_SHOWN_TAGS = 20


def described(
    tx: Tx, owner: PersonId, to: Addressed, named_tags: Iterable[int] = (), *, always_live: bool = False
) -> Text:
    """Whom an audience is for: `your friends except #work`, `#family, bob`. `always_live`: where tags are always
    followed it goes without saying."""
    named = frozenset(named_tags)
    inside: list[Text] = []
    match to.kind:
        case Audience.PUBLIC:
            inside.append(Text("audience-word-public"))
        case Audience.FRIENDS:
            inside.append(Text("audience-word-friends"))
        case Audience.PEOPLE:
            # Who is in by a tag that was named is told by the tag.
            by_tag = set(tags.members(tx, named)) if named else set()
            inside += _tags(tx, named, "audience-word-tag")
            inside += _tags(tx, to.tags, "audience-word-tag" if always_live else "audience-word-tag-live")
            inside += _people(tx, owner, to.people - by_tag)
    if not inside:
        return Text("audience-word-private")
    outside = [*_tags(tx, to.except_tags, "audience-word-tag"), *_people(tx, owner, to.except_people)]
    listed = enumeration(inside)
    return Text("audience-word-except", {"in": listed, "out": enumeration(outside)}) if outside else listed


def named_people(tx: Tx, owner: PersonId, people: Iterable[PersonId], words: list[Text]) -> Text | None:
    """People (and what else stands in `words`) in one text; None when there is nobody."""
    listed = [*words, *_people(tx, owner, people)]
    return enumeration(listed) if listed else None


def _tags(tx: Tx, ids: Iterable[int], message_id: str) -> list[Text]:
    return tag_words((tag.name for _, tag in sorted(tags.by_ids(tx, ids).items())), message_id)


def tag_words(names: Iterable[str], message_id: str = "audience-word-tag") -> list[Text]:
    """Tags by name; of very many the first, and how many more there are."""
    words = [Text(message_id, {"tag": name}) for name in names]
    more = len(words) - _SHOWN_TAGS
    return words if more <= 0 else [*words[:_SHOWN_TAGS], Text("audience-word-more-tags", {"count": more})]


def _people(tx: Tx, owner: PersonId, people: Iterable[PersonId]) -> list[Text]:
    people = set(people)
    users = user_ids(tx, people)
    # By Matrix id: row ids are random.
    wanted = sorted(users, key=lambda person: users[person])
    wanted += sorted(set(people) - users.keys())  # their entry is damaged: they are in it all the same
    names = own_labels(tx, owner, wanted[:_SHOWN])
    listed = [names[person] for person in wanted[:_SHOWN]]
    if len(wanted) > _SHOWN:
        listed.append(Text("audience-word-more", {"count": len(wanted) - _SHOWN}))
    return listed
