"""Our outbound Megolm session of one room, and who has its key from which message on (spec: "Megolm")."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import vodozemac

from bridge.ids import RoomId
from bridge.matrix.debts import Debt, Lacking, remove

_MAX_KEPT = 20


@dataclass(slots=True)
class GroupSession:
    """The session that a room's messages are encrypted with.

    Whose devices can't be reached when a message is sent lacks the key. When they are reached they get it from that
    message on: so the key as it was then is kept, and it tells them nothing that was said before.
    """

    room_id: RoomId
    session: vodozemac.GroupSession
    created_at: int
    messages: int = 0
    shared_with: dict[str, dict[str, str]] = field(default_factory=dict)
    """user → device → curve25519 key of the devices that have the session."""
    lacking: Lacking = field(default_factory=dict)
    kept: dict[int, str] = field(default_factory=dict)
    """message index → session key from there on, for the indices in `lacking`."""
    resting: bool = False
    """Nothing is encrypted with it until the database knows that it is in use: what stands there tells exactly how far
    it has gone. Of one that is in use nobody knows that after a crash, so that it is not used again."""
    changes: int = 0
    written: int = 0
    """How many of the changes that a message must not precede stand in the database."""

    @property
    def is_written(self) -> bool:
        """Whether what is encrypted with it may leave."""
        return self.written == self.changes

    @property
    def outlives_a_crash(self) -> bool:
        """Whether it has a row: it can be used again, or somebody is owed its key. In use, none is the same as a row
        that says so, and costs less."""
        return self.resting or bool(self.lacking)

    def key_for(self, user: str, device: str) -> str:
        """The session key for a device: from the first message on that it lacks, or from the next one."""
        theirs = self.lacking.get(user, {})
        known = [index for index in (theirs.get(device), theirs.get("")) if index in self.kept]
        return self.kept[min(known)] if known else self.session.session_key.to_base64()

    def got(self, user: str, device: str, curve25519: str) -> None:
        """A device has the key now."""
        self.shared_with.setdefault(user, {})[device] = curve25519
        remove(self.lacking, user, device)

    def debt(self, now: int) -> Debt | None:
        """Who lacks the key when another session takes the place of this one; None: nobody."""
        if not self.lacking:
            return None
        return Debt(self.session.session_id, self.lacking, self.kept, now)

    def forgive(self, users: Iterable[str]) -> bool:
        """These users don't get the key of what they missed. Whether they would have."""
        return bool([user for user in list(users) if self.lacking.pop(user, None) is not None])

    def lost(self, user: str, device: str) -> bool:
        """A device may never have read what was shared with it: it is to get the key again. Whether it had it."""
        devices = self.shared_with.get(user, {})
        return devices.pop(device, None) is not None

    def note_lacking(self, lack: Iterable[tuple[str, str]]) -> bool:
        """Before a message is encrypted: these (user, device) can't read it. Whether anything changed."""
        now: dict[str, dict[str, int]] = {}
        index = self.session.message_index
        for user, device in lack:
            theirs = self.lacking.get(user, {})
            since = min((i for i in (theirs.get(device), theirs.get("")) if i is not None), default=index)
            if since not in self.kept:
                if len(self.kept) >= _MAX_KEPT:
                    continue
                self.kept[since] = self.session.session_key.to_base64()
            now.setdefault(user, {})[device] = since
        needed = {since for devices in now.values() for since in devices.values()}
        changed = now != self.lacking
        self.lacking = now
        self.kept = {since: key for since, key in self.kept.items() if since in needed}
        return changed
