"""Who may see what: one pure function."""

from bridge.privacy.audience import FRIENDS, PRIVATE, PUBLIC, Addressed, Audience
from bridge.privacy.model import (
    AccountItem,
    FriendshipItem,
    Item,
    MomentItem,
    NoteItem,
    ProfileItem,
    RequestItem,
    ResponseItem,
    Shows,
    World,
    may_see,
)
from bridge.privacy.rules import Decision, Rule
from bridge.privacy.world import load_world

__all__ = [
    "FRIENDS",
    "PRIVATE",
    "PUBLIC",
    "AccountItem",
    "Addressed",
    "Audience",
    "Decision",
    "FriendshipItem",
    "Item",
    "MomentItem",
    "NoteItem",
    "ProfileItem",
    "RequestItem",
    "ResponseItem",
    "Rule",
    "Shows",
    "World",
    "load_world",
    "may_see",
]
