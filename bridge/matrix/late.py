"""Events whose room key has not come yet. They wait, in the database too, until it comes or they are too old."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bridge.db import Tx
from bridge.db.engine import now_ms
from bridge.ids import AccountId, RoomId
from bridge.matrix.known_devices import KEY32
from bridge.matrix.machine import RoomKey, Withheld
from bridge.matrix.seal import Sealer

_MAX_PER_ROOM = 200
_MAX_BYTES_PER_ROOM = 1_000_000
_MAX_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """One event that waits."""

    event_id: str
    room_id: RoomId
    event: Mapping[str, Any]
    session_id: str
    since: int
    """ms since the epoch."""

    @property
    def sender(self) -> str:
        return str(self.event["sender"])

    @property
    def sender_key(self) -> str | None:
        """The curve25519 key of the sender's device, as the event names it; nothing may be believed of it."""
        key = self.event["content"].get("sender_key")
        return None if key is None else str(key)

    @property
    def size(self) -> int:
        """Bytes that it takes, about."""
        return 500 + len(self.event["content"]["ciphertext"])


def _bare(event: Mapping[str, Any]) -> dict[str, Any]:
    """What is needed of an encrypted event to open it. The rest could be 64 KB of anything."""
    content = event["content"]
    kept = {name: content[name] for name in ("algorithm", "session_id", "ciphertext")}
    if isinstance(sender_key := content.get("sender_key"), str) and KEY32.fullmatch(sender_key):
        kept["sender_key"] = sender_key
    relation = content.get("m.relates_to")
    if isinstance(relation, Mapping):
        answers = relation.get("m.in_reply_to")
        flat = {name: value for name, value in relation.items() if _is_flat(name, value)}
        if isinstance(answers, Mapping):
            flat["m.in_reply_to"] = {name: value for name, value in answers.items() if _is_flat(name, value)}
        kept["m.relates_to"] = flat
    return {name: event[name] for name in ("event_id", "sender", "type", "origin_server_ts")} | {"content": kept}


def _is_flat(name: str, value: object) -> bool:
    return len(name) <= 255 and (isinstance(value, bool | int) or (isinstance(value, str) and len(value) <= 255))


class LateKeys:
    """Who waits for what. `keep_ms`: how long; `notice_ms`: after how long it is worth saying so."""

    def __init__(self, account: AccountId, keep_ms: int, notice_ms: int, sealer: Sealer) -> None:
        self._account = account
        self._sealer = sealer
        self._keep_ms = keep_ms
        self._notice_ms = notice_ms
        self._waiting: dict[str, Waiting] = {}
        self._rooms: dict[RoomId, dict[str, Waiting]] = {}
        """What waits in each room, the oldest first."""
        self._bytes: Counter[RoomId] = Counter()
        """Size of what waits in each room."""
        self._senders: Counter[str] = Counter()
        """Size of what waits of each sender."""
        self._ask_again: dict[str, str] = {}
        """Events whose sender's devices could not be asked for, with the sender."""
        self._noticed: set[str] = set()
        self._explained: set[str] = set()
        """Of those the ones of which it was said that their sender keeps the key."""
        self._solved: list[Waiting] = []
        self._new: list[Waiting] = []
        self._done: list[str] = []
        self._first = True

    def load(self, tx: Tx) -> None:
        """Read the events that wait for a key, or that were opened and not handled when the process ended."""
        for event_id, room_id, session_id, sealed, since in tx.sql(
            "SELECT event_id, room_id, session_id, sealed, since FROM waiting_events WHERE account_id = ?",
            (self._account,),
        ):
            event = self._sealer.read_json(event_context(event_id), sealed, "waiting_events")
            if event is None:
                self._done.append(event_id)
                continue
            self._put(Waiting(event_id, room_id, event, session_id, since))

    def add(self, room_id: RoomId, event: Mapping[str, Any], session_id: str, *, ask_again: bool = False) -> None:
        """An event can't be opened yet. `ask_again`: not for want of the key, but of its sender's devices."""
        event_id = event["event_id"]
        if event_id not in self._waiting:
            waiting = Waiting(event_id, room_id, _bare(event), session_id, now_ms())
            if not self._has_place(waiting):
                return
            self._put(waiting)
            self._new.append(waiting)
            while self._senders.total() > _MAX_BYTES:
                # Whoever takes up the most room makes it, and nobody else.
                ((most, _),) = self._senders.most_common(1)
                self.dropped(next(e for e, w in self._waiting.items() if w.sender == most))
        if ask_again and event_id in self._waiting:
            self._ask_again[event_id] = str(event["sender"])
        else:
            self._ask_again.pop(event_id, None)

    def _put(self, waiting: Waiting) -> None:
        self._waiting[waiting.event_id] = waiting
        self._rooms.setdefault(waiting.room_id, {})[waiting.event_id] = waiting
        self._bytes[waiting.room_id] += waiting.size
        self._senders[waiting.sender] += waiting.size

    def _has_place(self, new: Waiting) -> bool:
        """Make room in its room for one more: whoever takes up the most there loses their newest. False: that would be
        the new one itself."""
        while True:
            others = self._rooms.get(new.room_id, {}).values()
            if len(others) < _MAX_PER_ROOM and self._bytes[new.room_id] + new.size <= _MAX_BYTES_PER_ROOM:
                return True
            by_number = len(others) >= _MAX_PER_ROOM
            share: Counter[str] = Counter({new.sender: 1 if by_number else new.size})
            for waiting in others:
                share[waiting.sender] += 1 if by_number else waiting.size
            ((most, size),) = share.most_common(1)
            if share[new.sender] == size:
                return False
            self.dropped(next(w.event_id for w in reversed(others) if w.sender == most))

    def dropped(self, event_id: str) -> None:
        """It can never be opened. What the person was told of it stays true."""
        self._noticed.discard(event_id)
        self._explained.discard(event_id)
        self.settled(event_id)

    def settled(self, event_id: str) -> None:
        """It was opened and handled. Its row goes with the next commit, not before."""
        self._ask_again.pop(event_id, None)
        waiting = self._waiting.pop(event_id, None)
        if waiting is None:
            return
        del self._rooms[waiting.room_id][event_id]
        self._bytes[waiting.room_id] -= waiting.size
        self._senders[waiting.sender] -= waiting.size
        if self._senders[waiting.sender] <= 0:
            del self._senders[waiting.sender]
        if not self._rooms[waiting.room_id]:
            del self._rooms[waiting.room_id], self._bytes[waiting.room_id]
        self._done.append(event_id)
        self._explained.discard(event_id)
        if event_id in self._noticed:
            self._noticed.discard(event_id)
            if not any(self._waiting[other].room_id == waiting.room_id for other in self._noticed):
                self._solved.append(waiting)

    def forget_room(self, room_id: RoomId) -> None:
        for event_id in list(self._rooms.get(room_id, ())):
            self.dropped(event_id)

    def ready(self, keys: Iterable[RoomKey], may_ask: Callable[[str], bool]) -> list[Waiting]:
        """What is worth another try: its key has come, its sender can be asked for again, or the process is new."""
        got = {(key.room_id, key.session_id) for key in keys}
        everything, self._first = self._first, False
        return [
            waiting
            for event_id, waiting in self._waiting.items()
            if everything
            or (waiting.room_id, waiting.session_id) in got
            or (event_id in self._ask_again and may_ask(self._ask_again[event_id]))
        ]

    def overdue(self) -> list[Waiting]:
        """What has waited so long that the person should know; each once."""
        oldest = now_ms() - self._notice_ms
        late = [w for e, w in self._waiting.items() if w.since <= oldest and e not in self._noticed]
        self._noticed.update(w.event_id for w in late)
        return late

    def of(self, users: Collection[str]) -> list[Waiting]:
        """What waits of these people."""
        return [waiting for waiting in self._waiting.values() if waiting.sender in users] if users else []

    def explained(self, withheld: Iterable[Withheld]) -> list[Waiting]:
        """What the person was told of without the reason, which has come since; each once."""
        reasons = {(said.sender, said.room_id, said.session_id) for said in withheld}
        found = [
            waiting
            for room_id in {said.room_id for said in withheld}
            for event_id, waiting in self._rooms.get(RoomId(room_id), {}).items()
            if event_id in self._noticed
            and event_id not in self._explained
            and (waiting.sender, waiting.room_id, waiting.session_id) in reasons
        ]
        self._explained.update(waiting.event_id for waiting in found)
        return found

    def solved(self) -> list[Waiting]:
        """One event for each room in which nothing waits any more that somebody was told of."""
        solved, self._solved = self._solved, []
        return solved

    def next_ms(self) -> int | None:
        """Milliseconds until something becomes overdue; None: nothing will."""
        due = [w.since + self._notice_ms for e, w in self._waiting.items() if e not in self._noticed]
        return max(0, min(due) - now_ms()) if due else None

    @property
    def asks_again(self) -> bool:
        """Whether somebody's devices are to be asked for again."""
        return bool(self._ask_again)

    def give_up(self) -> None:
        """Keys that have not come for so long don't come any more."""
        oldest = now_ms() - self._keep_ms
        for event_id in [e for e, w in self._waiting.items() if w.since < oldest]:
            self.dropped(event_id)

    def take_changes(self) -> Callable[[Tx], None] | None:
        """What must be written; None: nothing."""
        me = self._account
        new = [(me, w.event_id, w.room_id, w.session_id, self._seal(w.event_id, w.event), w.since) for w in self._new]
        done = [(me, event_id) for event_id in self._done]
        self._new, self._done = [], []
        if not new and not done:
            return None

        def write(tx: Tx) -> None:
            if new:
                tx.sql(
                    "INSERT INTO waiting_events (account_id, event_id, room_id, session_id, sealed, since)"
                    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account_id, event_id) DO NOTHING",
                    new,
                )
            if done:
                tx.sql("DELETE FROM waiting_events WHERE account_id = ? AND event_id = ?", done)

        return write

    def _seal(self, event_id: str, event: Mapping[str, Any]) -> bytes:
        return self._sealer.seal_json(event_context(event_id), event)


def event_context(event_id: str) -> str:
    """What a waiting event's sealed row is bound to."""
    return f"waiting {event_id}"
