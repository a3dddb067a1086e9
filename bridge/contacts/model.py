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
    field: int = 200
    """Of the other fields of a profile."""
    free_fields: int = 10
    tags: int = 200
    tag_name: int = 40
    tag_members: int = 1000
    remark: int = 50
    remark_note: int = 500
    invites: int = 20
    """Invite codes of one person that are valid at the same time."""
    invite_uses: int = 100
    invite_days: int = 30
    blocks: int = 1000
    chats_per_day: int = 5
    """Private chats that one person may ask for in a day."""
    chat_wait_ms: int = 2 * _DAY_MS
    """How long a private chat waits for somebody to join."""
    ask_again_ms: int = 90 * _DAY_MS
    """How long a repeated request stays silent. It is the same for declined and for unanswered ones."""
    prompt_ms: int = 90 * _DAY_MS


class RequestState(Enum):
    PENDING = "pending"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    DECLINED_WITHDRAWN = "declined, withdrawn"
    """Taken back after it was declined, which the asker does not know: asked again it is declined, as before."""

    @property
    def stands(self) -> bool:
        """Whether the asker still asks, as far as they know."""
        return self in (RequestState.PENDING, RequestState.DECLINED)

    @property
    def taken_back(self) -> "RequestState":
        """What it becomes when the asker takes it back."""
        return _TAKEN_BACK.get(self, self)


_TAKEN_BACK = {
    RequestState.PENDING: RequestState.WITHDRAWN,
    RequestState.DECLINED: RequestState.DECLINED_WITHDRAWN,
}


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


NAME, BIO, AVATAR = "name", "bio", "avatar"
KNOWN_FIELDS = (NAME, AVATAR, BIO, "region", "birthday", "phone", "email")
"""Fields that every profile has, in the order shown. Their names in the catalogue are `field-NAME`."""
LONG_FIELDS = frozenset((BIO,))
"""Fields of several lines."""
_FIELD_WORDS = {
    **{name: name for name in KNOWN_FIELDS},
    "名字": NAME,
    "昵称": NAME,
    "头像": AVATAR,
    "picture": AVATAR,
    "简介": BIO,
    "签名": BIO,
    "地区": "region",
    "生日": "birthday",
    "电话": "phone",
    "手机": "phone",
    "e-mail": "email",
    "mail": "email",
    "邮箱": "email",
}
_MAX_FIELD_NAME = 30
_NO_FIELDS = frozenset(
    (
        *("window", "strangers", "by-id", "by-code", "by-room", "reactions", "mine", "theirs", "chats-only", "post"),
        *("窗口", "陌生人", "按账号", "按邀请码", "按聊天室", "表情回应", "我的", "他们的", "仅聊天", "发布"),
        *("keep-comments", "保留评论"),
    )
)
"""What `privacy set` takes for a setting: a field of that name could not be given an audience."""


@dataclass(frozen=True, slots=True)
class Field:
    """Which field of a profile: a known one, or a free one with a name of its owner's choice."""

    name: str
    free: bool = False

    @staticmethod
    def of(word: str) -> "Field | None":
        """The field that a person means by `word`, in English or Chinese; None for what can't be a name."""
        plain = folded(word)
        if plain in _FIELD_WORDS:
            return Field(_FIELD_WORDS[plain])
        if not plain or len(plain) > _MAX_FIELD_NAME or plain in _NO_FIELDS or not any(c.isalpha() for c in plain):
            return None
        return Field(plain, free=True)


def folded(text: str) -> str:
    """`text` as names are compared: compatibility forms (NFKC), case and invisible characters make no difference."""
    plain = one_line(unicodedata.normalize("NFKC", one_line(text)).casefold())
    return "".join(c for c in plain if c not in _INVISIBLE).strip()


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
# Letters and marks that are drawn as nothing: fillers, the blank Braille pattern, variation selectors.
_INVISIBLE = {*_JOINERS, "\u034f", "\u115f", "\u1160", "\u2800", *map(chr, range(0xFE00, 0xFE10))}
