"""The part of the crypto store that keeps our outbound Megolm sessions, and who is still owed the key of which."""

from collections.abc import Collection

from bridge.db.engine import now_ms
from bridge.ids import RoomId
from bridge.matrix.cryptorows import Dirty
from bridge.matrix.debts import MAX_AGE_MS, MAX_PER_ROOM, Debt
from bridge.matrix.outbound import GroupSession


class OutboundStore:
    """One current session a room, and what is owed of former ones. What changes is noted in `_dirty`."""

    def __init__(self) -> None:
        self.outbound: dict[RoomId, GroupSession] = {}
        self.debts: dict[RoomId, list[Debt]] = {}
        """Of sessions that have been replaced; the oldest first."""
        self.encrypted = 0
        """Room messages, since the start."""
        self._dirty = Dirty()

    def save_outbound(self, session: GroupSession) -> None:
        """Note an outbound session that is new or has changed; it is the room's current one from now on."""
        old = self.outbound.get(session.room_id)
        if old is not None and old is not session:
            self._owe(old)
        self.outbound[session.room_id] = session
        self._changed(session)

    def use_outbound(self, session: GroupSession) -> None:
        """Note that a message is encrypted with a session. Written is only that it is in use, with the first message
        since the start, by taking its row away: after a crash it encrypts nothing more, however far it had gone."""
        session.messages += 1
        self.encrypted += 1
        if session.resting:
            session.resting = False
            self.save_outbound(session)

    def rest_outbound(self) -> None:
        """The process ends: have it written how far each session has gone, so that the next one can go on."""
        for session in self.outbound.values():
            if not session.resting:
                session.resting = True
                self._changed(session)

    def _changed(self, session: GroupSession) -> None:
        session.changes += 1
        self._dirty.outbound[session.room_id] = session

    def drop_outbound(self, room_id: RoomId) -> None:
        """Forget the room's outbound session: the next message begins a new one."""
        session = self.outbound.pop(room_id, None)
        if session is not None:
            self._owe(session)
            self._dirty.outbound[room_id] = None

    def _owe(self, session: GroupSession) -> None:
        """A session is not used any more: who could not be given its key still gets it when they can be reached."""
        debt = session.debt(now_ms())
        if debt is not None:
            debts = self.debts.setdefault(session.room_id, [])
            debts.append(debt)
            del debts[:-MAX_PER_ROOM]
            self.save_debts(session.room_id)

    def save_debts(self, room_id: RoomId) -> None:
        """Note what became of the room keys that are owed in a room."""
        oldest = now_ms() - MAX_AGE_MS
        debts = [debt for debt in self.debts.pop(room_id, []) if debt.lacking and debt.since >= oldest]
        if debts:
            self.debts[room_id] = debts
        self._dirty.debts[room_id] = debts

    def forgive(self, users: Collection[str] | None = None, room_id: RoomId | None = None) -> None:
        """Who was not given a room key gets none any more: these users (None: all), in this room (None: in all)."""
        for room, session in self.outbound.items():
            if room_id in (None, room) and session.forgive(session.lacking if users is None else users):
                self._changed(session)
        for room in list(self.debts) if room_id is None else [room_id]:
            debts = self.debts.get(room, ())
            if any([debt.forgive(list(debt.lacking) if users is None else users) for debt in debts]):
                self.save_debts(room)

    def drop_all_outbound(self) -> None:
        """Forget all outbound sessions."""
        for room_id in list(self.outbound):
            self.drop_outbound(room_id)

    def share_again(self, user_id: str, device_id: str) -> None:
        """A device may not have been able to read the room keys that it was sent: it gets the current ones again."""
        for session in self.outbound.values():
            if session.lost(user_id, device_id):
                self.save_outbound(session)
