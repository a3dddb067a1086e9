"""When the room keys that others gave us were used last: what is not used any more goes, and what is too much."""

GroupKey = tuple[str, str, str]
"""Room, curve25519 key of the device that gave it, session id."""


class Usage:
    """All inbound Megolm sessions of one account. Times in ms."""

    def __init__(self) -> None:
        self.used: dict[GroupKey, int] = {}
        self._of: dict[str, set[GroupKey]] = {}

    def note(self, key: GroupKey, at: int) -> None:
        """It is there, and was used."""
        self.used[key] = at
        self._of.setdefault(key[1], set()).add(key)

    def drop(self, key: GroupKey) -> None:
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
