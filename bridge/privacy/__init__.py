"""Who may see what: one pure function."""

from bridge.privacy.model import (
    AccountItem,
    Audience,
    Decision,
    Item,
    MomentItem,
    ProfileItem,
    RequestItem,
    ResponseItem,
    Rule,
    World,
    may_see,
)
from bridge.privacy.world import load_world

__all__ = [
    "AccountItem",
    "Audience",
    "Decision",
    "Item",
    "MomentItem",
    "ProfileItem",
    "RequestItem",
    "ResponseItem",
    "Rule",
    "World",
    "load_world",
    "may_see",
]
