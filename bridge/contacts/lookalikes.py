"""Names that may pass for other ones: flagged where a name stands in a question, and never changed.

After UTS #39 (Unicode Security Mechanisms): letters of several scripts in one name, and names that are drawn alike.
"""

import unicodedata
from collections.abc import Iterable, Sequence

from bridge.chat.people import user_ids
from bridge.chat.reply import Text
from bridge.contacts import store, tags
from bridge.contacts.model import folded
from bridge.db import Tx
from bridge.ids import PersonId, UserId

_SHOWN = 3
"""Flags of one question."""
# Scripts that are written together (UTS #39, "highly restrictive"), by the first word of their letters' names.
_TOGETHER = (
    frozenset(("LATIN", "CJK", "HIRAGANA", "KATAKANA")),
    frozenset(("LATIN", "CJK", "BOPOMOFO")),
    frozenset(("LATIN", "CJK", "HANGUL")),
)
_LETTERS = frozenset(("Ll", "Lu", "Lt", "Lo"))
# What is drawn like a Latin letter or like another digit, lower case and (for what follows M) upper case.
_LIKE = str.maketrans(
    "аеорсухіјѕԁһԛԝӏкгпьмтнв" + "αονρικυχγτηωβεμζ" + "օսհոցզ" + "ıɑɡ" + "01|",
    "aeopcyxijsdhqwlkrnbmthb" + "aovpikuxytnwbemz" + "ouhngq" + "iag" + "oll",
)


def is_mixed(name: str) -> bool:
    """Whether a name has letters of scripts that nobody writes together."""
    found = {
        unicodedata.name(char, "UNKNOWN").split(" ")[0].split("-")[0]
        for char in unicodedata.normalize("NFKC", name)
        if unicodedata.category(char) in _LETTERS
    }
    return len(found) > 1 and not any(found <= some for some in _TOGETHER)


def skeleton(name: str) -> str:
    """The same for names that are drawn alike."""
    # A capital I among small letters passes for an l.
    plain = folded(name if name == name.upper() else name.replace("I", "l")).translate(_LIKE)
    bare = "".join(c for c in unicodedata.normalize("NFD", plain) if not unicodedata.combining(c))
    return bare.replace("rn", "m").replace("vv", "w")


def of_people(tx: Tx, viewer: PersonId, users: Sequence[UserId]) -> list[Text]:
    """Flags for Matrix ids in a question to `viewer`: letters beyond ASCII, or much like a friend's or their own."""
    friends = user_ids(tx, [viewer, *store.friend_ids(tx, viewer)]).values()
    alike: dict[str, list[UserId]] = {}
    for friend in sorted(friends):
        alike.setdefault(skeleton(friend), []).append(friend)
    flags: list[Text] = []
    for user in users:
        others = [other for other in alike.get(skeleton(user), ()) if other != user]
        if others:
            flags.append(Text("lookalike-user", {"user": user, "other": others[0]}))
        elif not user.isascii():
            flags.append(Text("lookalike-user-letters", {"user": user}))
    return flags[:_SHOWN]


def of_tags(tx: Tx, owner: PersonId, ids: Iterable[int]) -> list[Text]:
    """Flags for the owner's tags in a question to them."""
    wanted = set(ids)
    if not wanted:
        return []
    every = tags.every(tx, owner)
    flags: list[Text] = []
    for tag in every:
        if tag.id not in wanted:
            continue
        others = [one.name for one in every if one.id != tag.id and skeleton(one.name) == skeleton(tag.name)]
        if others:
            flags.append(Text("lookalike-tag", {"tag": tag.name, "other": others[0]}))
        elif is_mixed(tag.name):
            flags.append(Text("lookalike-tag-letters", {"tag": tag.name}))
    return flags[:_SHOWN]
