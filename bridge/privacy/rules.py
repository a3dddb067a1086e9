"""The rules of the policy by name. docs/privacy.md explains each of them, and `why` names them to the owner."""

from dataclasses import dataclass
from enum import Enum


class Rule(Enum):
    """The rule that decided, with the id of the feature that it belongs to. Their order is their number."""

    DEFAULT = "default: nothing allows it"
    OWN = "own: the owner sees it"
    BLOCKED = "I7: the owner blocks the viewer"
    BLOCKED_BY_VIEWER = "I7: the viewer blocks the owner"
    EXPIRED = "M11: its time is over"
    PRIVATE = "M2: only the author"
    STRANGER = "I1: not friends"
    STRANGERS_OFF = "P4: strangers see nothing"
    STRANGERS_OLDER = "P4: strangers see only the newest"
    STRANGERS = "P4: strangers see the newest public ones"
    CHATS_ONLY = "I6: chats only"
    CHATS_ONLY_BY_VIEWER = "I6: chats only, for the viewer"
    SHUT_OUT = "P2: the owner does not let the viewer see theirs"
    HIDDEN = "P3: the viewer hides them"
    WINDOW = "P1: older than the owner shows"
    EXCLUDED = "M2: left out by the author"
    EXCLUDED_TAG = "M3: in a tag that the author left out"
    PUBLIC = "M2: public"
    FRIENDS = "M2: friends of the author"
    NAMED = "M2: named by the author"
    TAGGED = "M3: in a tag that the author chose, live"
    NOT_NAMED = "M2: not among those named"
    UNKNOWN_AUDIENCE = "M2: unknown audience"
    WRITER_OUTSIDE = "M6: who wrote it is no longer inside the audience"
    WRITER_BLOCKED = "I7: the viewer blocks who wrote it"
    WRITER_SHUT_OUT = "P2: who wrote it does not let the viewer see theirs"
    TO_AUTHOR = "M6: the author of the moment sees it"
    FRIEND_OF_WRITER = "M6: a friend of who wrote it"
    NOT_FRIEND_OF_WRITER = "M6: no friend of who wrote it"
    FIELD_EVERYONE = "P5: the field is for everyone"
    FIELD_FRIENDS = "P5: the field is for friends"
    FIELD_TAGGED = "P5: the field is for this person or tag"
    FIELD_LEFT_OUT = "P5: the field is not for this person or tag"
    FIELD_PRIVATE = "P5: the field is for the owner alone"
    ACCOUNT_TO_FRIENDS = "I1: friends know of each other"
    FRIENDSHIP = "I1: the two friends know it"
    OWNERS_NOTES = "I4: tags and remarks are for their owner alone"
    ASKED = "I1: asked by this person"
    NOT_PENDING = "I1: the request is no longer open"

    @property
    def feature(self) -> str:
        """Id of the feature in the catalogue of features; `default` and `own` belong to all."""
        return self.value.partition(":")[0]

    @property
    def number(self) -> int:
        """Its place in the table of docs/privacy.md, from 1."""
        return _NUMBERS[self]


_NUMBERS = {rule: number for number, rule in enumerate(Rule, 1)}


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether something may be seen, and the rule that said so."""

    allowed: bool
    rule: Rule

    def __bool__(self) -> bool:
        return self.allowed


def allow(rule: Rule) -> Decision:
    return Decision(True, rule)


def deny(rule: Rule) -> Decision:
    return Decision(False, rule)
