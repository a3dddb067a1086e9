"""When the room keys that others gave us were used last: what is not used any more goes, and what is too much."""

_DAY_MS = 24 * 3600 * 1000

GroupKey = tuple[str, str, str]
"""Room, curve25519 key of the device that gave it, session id."""


class Usage:
    """All inbound Megolm sessions of one account. Times in ms."""

    def __init__(self) -> None:
        self.used: dict[GroupKey, int] = {}
        self._noted: dict[GroupKey, int] = {}
        """As it was written down."""
        self._of: dict[str, set[GroupKey]] = {}

    def note(self, key: GroupKey, at: int) -> None:
        """It is there, and was used; this is written down."""
        self.used[key] = self._noted[key] = at
        self._of.setdefault(key[1], set()).add(key)

    def use(self, key: GroupKey, at: int) -> bool:
        """It was used. Whether that is worth writing down: once a day."""
        self.used[key] = at
        return self._noted[key] < at - _DAY_MS

    def drop(self, key: GroupKey) -> None:
        self._noted.pop(key, None)
        if self.used.pop(key, None) is not None:
            keys = self._of[key[1]]
            keys.discard(key)
            if not keys:
                del self._of[key[1]]

    def of(self, sender_key: str) -> list[GroupKey]:
        """The room keys that a device gave us."""
        return list(self._of.get(sender_key, ()))

    def count(self, sender_key: str) -> int:
        return len(self._of.get(sender_key, ()))

    def oldest(self, sender_key: str, room_id: str | None = None) -> GroupKey:
        """The one of a device, or of a device in a room, that was used the longest ago. There is one."""
        keys = [key for key in self._of[sender_key] if room_id is None or key[0] == room_id]
        return min(keys, key=self.used.__getitem__)

    def unused(self, before: int) -> list[GroupKey]:
        return [key for key, at in self.used.items() if at < before]
