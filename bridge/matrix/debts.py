"""Room keys that devices could not be given when they were used: of sessions that have been replaced since."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Lacking = dict[str, dict[str, int]]
"""user → device → index of the first message that it could not read. Device "": those that we did not know, because
the user's list could not be fetched."""

MAX_PER_ROOM = 20
MAX_AGE_MS = 30 * 24 * 3600 * 1000


@dataclass(slots=True)
class Debt:
    """Who still lacks the key of one session, and from which message on.

    A device gets the key from there on and nothing of what was said before.
    """

    session_id: str
    lacking: Lacking
    kept: dict[int, str]
    """message index → session key from there on."""
    since: int
    """ms: when the session was replaced."""

    def key_for(self, user: str, device: str) -> str | None:
        """The session key that a device lacks."""
        return self.kept.get(self.lacking.get(user, {}).get(device, -1))

    def paid(self, user: str, device: str) -> None:
        """A device has the key now, or can't be given it."""
        remove(self.lacking, user, device)

    def forgive(self, users: Iterable[str]) -> bool:
        """These users get nothing any more. Whether they would have."""
        return bool([user for user in users if self.lacking.pop(user, None) is not None])

    def as_json(self) -> dict[str, Any]:
        return {"session": self.session_id, "lacking": self.lacking, "kept": self.kept, "since": self.since}

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> "Debt":
        kept = {int(index): str(key) for index, key in data["kept"].items()}
        return cls(data["session"], data["lacking"], kept, data["since"])


def owed_to(lacking: Lacking, user: str, devices: Collection[str]) -> list[str]:
    """Which of these devices of a user lack a key. They are all that the user has and that do not have it: no other is
    owed anything any more."""
    theirs = lacking.pop(user, {})
    unknown = theirs.get("")
    since = {
        device: min(index for index in (theirs.get(device), unknown) if index is not None)
        for device in devices
        if device in theirs or unknown is not None
    }
    if since:
        lacking[user] = since
    return list(since)


def remove(lacking: Lacking, user: str, device: str) -> None:
    """A device lacks the key no more."""
    theirs = lacking.get(user, {})
    theirs.pop(device, None)
    if not theirs:
        lacking.pop(user, None)
