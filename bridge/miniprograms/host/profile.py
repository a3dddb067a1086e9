"""The fields of somebody's profile that a program may know: exactly those that they granted."""

from collections.abc import Iterable

from bridge.contacts import profiles
from bridge.db import Tx
from bridge.ids import PersonId

_PREFIX = "profile."
_MOST = 500


def granted_fields(tx: Tx, person: PersonId, scopes: Iterable[str]) -> dict[str, str]:
    """Name and value of each; without scopes nothing is even opened. Pictures are never told."""
    wanted = {scope.removeprefix(_PREFIX) for scope in scopes if scope.startswith(_PREFIX)}
    if not wanted:
        return {}
    return {
        one.field.name: one.value[:_MOST]
        for one in profiles.fields(tx, person)
        if not one.field.free and one.field.name in wanted and one.value
    }
