"""Friends, requests and profiles as values; the rules about their texts."""

import unicodedata
from dataclasses import dataclass
from enum import Enum

from bridge.chat.clean import clean_text
from bridge.ids import PersonId, UserId

_DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class ContactLimits:
    """Bounds of what one person may keep. Lengths are in characters."""

    friends: int = 500
    """Friends and open requests of one's own together, so that an acceptance always fits."""
    open_requests: int = 50
    """Own requests that nobody accepted, in the last `ask_again_ms`."""
    notices: int = 20
    """Requests that are announced to one person while others are still open; more wait in `friends`."""
    listed_requests: int = 15
    note: int = 200
    name: int = 60
    bio: int = 500
    ask_again_ms: int = 90 * _DAY_MS
    """How long a repeated request stays silent. It is the same for declined and for unanswered ones."""
    prompt_ms: int = 90 * _DAY_MS


class RequestState(Enum):
    PENDING = "pending"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class FriendRequest:
    id: int
    asker: PersonId
    asked: PersonId
    note: str
    state: RequestState
    created_at: int
    """ms"""


class Asked(Enum):
    """What `friend add` led to. DONE says the same whatever the other person does, did or is."""

    DONE = "done"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Friend:
    id: PersonId
    user_id: UserId


class ProfileKey(Enum):
    NAME = "name"
    BIO = "bio"

    @staticmethod
    def of(word: str) -> "ProfileKey | None":
        """The field that a person means by `word`, in English or Chinese."""
        return _PROFILE_WORDS.get(word.strip().casefold())


_PROFILE_WORDS = {
    "name": ProfileKey.NAME,
    "名字": ProfileKey.NAME,
    "昵称": ProfileKey.NAME,
    "bio": ProfileKey.BIO,
    "简介": ProfileKey.BIO,
    "签名": ProfileKey.BIO,
}


def cleaned(text: str) -> str:
    """`text` as it is stored: without control characters, unpaired surrogates and blank ends."""
    return clean_text(text).strip()


def one_line(text: str) -> str:
    """`text` as a single line without invisible characters, which could forge or reorder what stands around it.

    Joiners stay, because emoji and several scripts need them between letters.
    """
    spaced = " ".join(cleaned(text).split())
    return "".join(c for c in spaced if unicodedata.category(c) not in _UNSAFE or c in _JOINERS).strip()


_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn"}
_JOINERS = {"\u200c", "\u200d"}
