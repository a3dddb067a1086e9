"""The fields of somebody's profile that a program may know: exactly those that they granted."""

from collections.abc import Iterable

from bridge.chat.picture import StoredPicture
from bridge.contacts import profiles
from bridge.contacts.model import AVATAR, Field
from bridge.db import Tx
from bridge.ids import PersonId

_PREFIX = "profile."
_MOST = 500


def granted_fields(tx: Tx, person: PersonId, scopes: Iterable[str]) -> dict[str, str]:
    """Name and value of each, but for the picture; without scopes nothing is even opened."""
    wanted = {scope.removeprefix(_PREFIX) for scope in scopes if scope.startswith(_PREFIX)}
    if not wanted:
        return {}
    return {
        one.field.name: one.value[:_MOST]
        for one in profiles.fields(tx, person)
        if not one.field.free and one.field.name in wanted and one.value
    }


def avatar_of(tx: Tx, person: PersonId, scopes: Iterable[str]) -> StoredPicture | None:
    """The picture in somebody's profile, if it was granted and there is one."""
    if _PREFIX + AVATAR not in scopes:
        return None
    return next((one.picture for one in profiles.fields(tx, person) if one.field == Field(AVATAR)), None)
