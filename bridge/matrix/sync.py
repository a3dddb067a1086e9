"""One batch of /sync, from the wire to `Inbound` values (spec: "Syncing").

Order: to-device events and device lists first, then state, then what was said. All that the batch changed in keys,
rooms and waiting events is committed before the next request can tell the homeserver that we have it.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import structlog

from bridge.chat.inbound import NO_ROOM, DmOpened, IdentityChanged, Inbound, Origin, Readable, Unreadable
from bridge.db import Tx
from bridge.db.engine import now_ms
from bridge.ids import AccountId, RoomId, UserId, is_room_id
from bridge.matrix.cryptostore import CryptoStore
from bridge.matrix.events import origin, relation_of, sender_of
from bridge.matrix.generation import ACCOUNT_DATA
from bridge.matrix.http import Homeserver, MatrixError, TooLarge, Unreachable, retrying, segment
from bridge.matrix.keys import Keys
from bridge.matrix.late import LateKeys, Waiting
from bridge.matrix.loose import as_dict, as_list, as_strings
from bridge.matrix.machine import OlmMessage, RoomKey, Withheld
from bridge.matrix.opening import Opener
from bridge.matrix.rooms import STATE_TYPES, Room, Rooms, write_rooms
from bridge.matrix.sas_values import PREFIX
from bridge.matrix.verification import Heard, heard_by_device

log = structlog.get_logger(__name__)

_BACKFILL_PAGE = 100
_MAX_PAGE_TRIES = 4
_MEMBERS_S, _MEMBERS_LEAST_S = 3.0, 0.5


@lru_cache(32)
def sync_filter(timeline_limit: int, *, lazy: bool = False) -> str:
    """The filter of every sync, as JSON: only what is used. `lazy`: without the members of rooms that are new."""
    none: dict[str, list[str]] = {"types": []}
    timeline = ["m.room.encrypted", "m.room.message", "m.reaction", "m.room.redaction", f"{PREFIX}*", *STATE_TYPES]
    return json.dumps(
        {
            "presence": none,
            "account_data": {"types": [ACCOUNT_DATA]},
            "room": {
                "ephemeral": none,
                "account_data": none,
                "state": {"types": list(STATE_TYPES), "lazy_load_members": lazy},
                "timeline": {"types": timeline, "limit": timeline_limit},
            },
        },
        separators=(",", ":"),
    )


def account_data(answer: Mapping[str, Any], event_type: str) -> list[object]:
    """What a sync brought of the account's own data of one type (spec: "Client Config")."""
    events = as_list(as_dict(answer.get("account_data")).get("events"))
    return [event.get("content") for event in events if isinstance(event, dict) and event.get("type") == event_type]


@dataclass(slots=True)
class Batch:
    """What one sync brought."""

    token: str
    events: list[Inbound] = field(default_factory=list)
    identities: list[IdentityChanged] = field(default_factory=list)
    """To be handled before any of the events: the first of those may come from whoever reset the identity."""
    invites: list[RoomId] = field(default_factory=list)
    """Rooms that we were invited to; `Room.invite` says by whom."""
    clear_rooms: list[RoomId] = field(default_factory=list)
    """Joined rooms without encryption in which somebody spoke, or which were just joined."""
    crowded: list[tuple[RoomId, UserId]] = field(default_factory=list)
    """Rooms that we have just joined as a chat of two, with who called them so, and there are more people in them."""
    incomplete: list[RoomId] = field(default_factory=list)
    """Rooms whose members the homeserver can't tell, so that nobody knows who would read along: to be left."""
    one_time_keys: int | None = None
    fallback_unused: bool = True


class SyncReader:
    """Turns /sync answers into batches. One per running device."""

    def __init__(
        self,
        account: AccountId,
        me: UserId,
        homeserver: Homeserver,
        store: CryptoStore,
        keys: Keys,
        rooms: Rooms,
        *,
        max_backfill: int,
        late: LateKeys,
        hear: Callable[[Heard], None],
        guards: Callable[[str], bool] = lambda user: False,
    ) -> None:
        """`hear` takes verification messages; it must only put them down. `guards`: see `Machine.guards`."""
        self._account = account
        self._me = me
        self._http = homeserver
        self._store = store
        self._keys = keys
        self._rooms = rooms
        self._max_backfill = max_backfill
        self.late = late
        self._hear = hear
        self._guards = guards
        self.opener = Opener(account, me, store, keys, rooms, late, hear)
        self._tracked = -1
        """Of `Rooms.changes`, when people were last looked for whose devices are to be kept."""

    async def read(self, answer: Mapping[str, Any], since: str | None, *, lazy: bool = False) -> Batch:
        """Process one answer and commit what it changed. Without `since` the timeline is history: not handled.

        `lazy`: members of rooms that are new are not in it, they are asked for.
        """
        token = answer.get("next_batch")
        if not isinstance(token, str):
            raise MatrixError(502, "M_UNKNOWN", {})
        batch = Batch(token)
        self.opener.begin()
        self._device_facts(answer, batch)
        new_keys, withheld = self._to_device(answer)
        rooms = as_dict(answer.get("rooms"))
        for room_id in filter(is_room_id, as_dict(rooms.get("leave"))):
            self._left(RoomId(room_id))
        for room_id, data in as_dict(rooms.get("invite")).items():
            if is_room_id(room_id):
                self._invited(RoomId(room_id), as_dict(data), batch)
        said: list[tuple[RoomId, Mapping[str, Any]]] = []
        for room_id, data in as_dict(rooms.get("join")).items():
            if not is_room_id(room_id):
                continue
            said += await self._joined(RoomId(room_id), as_dict(data), since, batch, lazy)
        self._track()
        self._untrack(answer)
        for room_id, event in said:
            inbound = await self.opener.open(room_id, event)
            if inbound is not None:
                batch.events.append(inbound)
        for waiting in self.late.ready(new_keys, self._keys.may_query):
            inbound = await self.opener.open(waiting.room_id, waiting.event)
            if inbound is not None:
                batch.events.append(inbound)
        self._tell(batch, withheld)
        self.late.give_up()
        await self._commit()
        return batch

    # --- keys ---
    def _device_facts(self, answer: Mapping[str, Any], batch: Batch) -> None:
        counts = answer.get("device_one_time_keys_count")
        if isinstance(counts, dict):
            count = counts.get("signed_curve25519", 0)
            batch.one_time_keys = count if isinstance(count, int) else None
        unused = answer.get("device_unused_fallback_key_types")
        if isinstance(unused, list):
            batch.fallback_unused = "signed_curve25519" in unused
        lists = as_dict(answer.get("device_lists"))
        for user in as_strings(lists.get("changed")):
            if user in self._store.users:
                self._store.save_user(user, outdated=True)

    def _to_device(self, answer: Mapping[str, Any]) -> tuple[list[RoomKey], list[Withheld]]:
        received: list[RoomKey] = []
        withheld: list[Withheld] = []
        for event in as_list(as_dict(answer.get("to_device")).get("events")):
            if not isinstance(event, dict):
                continue
            heard = heard_by_device(event.get("sender"), event.get("type"), event.get("content"))
            got = self._keys.machine.receive(event) if heard is None else None
            if isinstance(got, OlmMessage):
                heard = heard_by_device(got.sender, got.type, got.content)
            elif isinstance(got, Withheld):
                withheld.append(got)
            elif got is not None:
                received.append(got)
            if heard is not None:
                self._hear(heard)
        return received, withheld

    def _track(self) -> None:
        if self._tracked != self._rooms.changes:  # looking at all rooms takes milliseconds where there are thousands
            self._tracked = self._rooms.changes
            for user in self._rooms.users():
                self._store.track(user)

    def _untrack(self, answer: Mapping[str, Any]) -> None:
        """Whom we share no room with any more, now that the rooms of the batch are known: nobody tells of their devices
        from now on."""
        left = as_strings(as_dict(answer.get("device_lists")).get("left"))
        for user in set(left) - self._rooms.users() - {self._me} if left else ():
            if user in self._store.users and self._guards(user):
                # Whoever has their account could leave, reset the identity, and come back as if for the first time.
                self._store.save_user(user, outdated=True)
            else:
                self._keys.machine.untrack(user)

    # --- rooms ---
    def _left(self, room_id: RoomId) -> None:
        self._rooms.forget(room_id)
        self._store.drop_outbound(room_id)
        self._store.forgive(room_id=room_id)
        self.late.forget_room(room_id)

    def _invited(self, room_id: RoomId, data: Mapping[str, Any], batch: Batch) -> None:
        for event in as_list(as_dict(data.get("invite_state")).get("events")):
            if isinstance(event, dict) and event.get("type") == "m.room.member" and event.get("state_key") == self._me:
                content, sender = as_dict(event.get("content")), sender_of(event)
                if content.get("membership") == "invite" and sender is not None:
                    known = self._rooms.get(room_id)
                    if known is not None and known.joined:
                        self._left(room_id)  # kicked and invited again, between two syncs
                    room = self._rooms.ensure(room_id)
                    room.invite = {"sender": sender, "direct": content.get("is_direct") is True}
                    batch.invites.append(room_id)

    async def _joined(
        self, room_id: RoomId, data: Mapping[str, Any], since: str | None, batch: Batch, lazy: bool
    ) -> list[tuple[RoomId, Mapping[str, Any]]]:
        """Apply state and timeline of one room; what was said in it since we were invited, oldest first."""
        known = self._rooms.get(room_id)
        was_joined = known is not None and known.joined
        timeline = as_dict(data.get("timeline"))
        events = [e for e in as_list(timeline.get("events")) if isinstance(e, dict)]
        if was_joined and known is not None and since is not None and self._is_talk(known, data, timeline, events):
            return self._said(room_id, events)
        dm_before = known.dm_with(self._me) if known is not None else None
        invite = known.invite if known is not None else None
        state = [e for e in as_list(as_dict(data.get("state")).get("events")) if isinstance(e, dict)]
        if timeline.get("limited") is True and since is not None:
            events = await self._backfill(room_id, timeline.get("prev_batch"), since, events) + events
        room = self._rooms.get(room_id) or self._rooms.ensure(room_id)
        if not was_joined or state or any("state_key" in event for event in events):
            self._rooms.changed(room_id)  # what is said in a room changes nothing about it
        members_before = dict(room.members)
        for event in state:
            room.apply(event, self._me)
        if lazy and not was_joined and not await self._load_members(room) and not room.private:
            self._left(room_id)
            batch.incomplete.append(room_id)
            return []
        said: list[tuple[RoomId, Mapping[str, Any]]] = []
        for event in events:
            if "state_key" in event:
                room.apply(event, self._me)
                if not was_joined and self._is_our_invite(event):
                    # What was said before we were invited is none of our business. What was said between the
                    # invite and our join was said to us: clients send the first message with the invite.
                    said.clear()
            elif event.get("sender") != self._me:
                said.append((room_id, event))
            else:
                self.opener.note_own(event)
        if not room.joined:
            # Rooms that we are not in stand elsewhere. Where two branches of a room's history meet, as when somebody on
            # another server speaks while we join, Synapse may tell the invite once more, as state, after the join.
            room.apply(_joins(self._me), self._me)
        if room.private:
            self._rooms.private_news.add(room_id)
            return []  # whatever is said there is not said to us
        others = len(room.members.keys() - {self._me}) + len(room.strange)
        if not was_joined and room.joined and invite is not None and invite["direct"] and others > 1:
            batch.crowded.append((room_id, UserId(invite["sender"])))
        dm_now = room.dm_with(self._me)
        if dm_before is not None and dm_now != dm_before:
            self._store.drop_outbound(room_id)  # who comes in gets nothing of the session that was there before
        if gone := set(members_before) - set(room.members):
            self._store.drop_outbound(room_id)
            self._store.forgive(gone, room_id)
        if since is None:
            said.clear()
        if not room.encrypted and (said or not was_joined) and room.joined:
            batch.clear_rooms.append(room_id)
        if dm_now is not None and dm_now != dm_before:
            batch.events.append(self._opened(room_id, dm_now, batch.token))
        return said

    @staticmethod
    def _is_talk(
        room: Room, data: Mapping[str, Any], timeline: Mapping[str, Any], events: list[dict[str, Any]]
    ) -> bool:
        """Whether a chat that we are in has had nothing but what was said: most of what a sync brings."""
        return (
            room.encrypted
            and not room.private
            and timeline.get("limited") is not True
            and not as_dict(data.get("state")).get("events")
            and not any("state_key" in event for event in events)
        )

    def _said(self, room_id: RoomId, events: list[dict[str, Any]]) -> list[tuple[RoomId, Mapping[str, Any]]]:
        """What others said; of our own it is noted that it is there."""
        said: list[tuple[RoomId, Mapping[str, Any]]] = []
        for event in events:
            if event.get("sender") != self._me:
                said.append((room_id, event))
            else:
                self.opener.note_own(event)
        return said

    async def _load_members(self, room: Room) -> bool:
        """Ask who is in a room. Whether there was an answer, soon."""
        path = f"/_matrix/client/v3/rooms/{segment(room.room_id)}/members"
        patience = max(_MEMBERS_LEAST_S, self.opener.patience_ends + _MEMBERS_S - time.monotonic())
        try:
            answer = await self._http.request("GET", path, params={"not_membership": "leave"}, timeout_s=patience)
        except (Unreachable, MatrixError, TooLarge) as error:
            log.warning("a room is left: the homeserver can't tell its members", error=str(error))
            return False
        for event in as_list(answer.get("chunk")):
            if isinstance(event, dict):
                room.apply(event, self._me)
        return True

    def _is_our_invite(self, event: Mapping[str, Any]) -> bool:
        if event.get("type") != "m.room.member" or event.get("state_key") != self._me:
            return False
        membership = as_dict(event.get("content")).get("membership")
        before = as_dict(as_dict(event.get("unsigned")).get("prev_content")).get("membership")
        return membership == "invite" or (membership == "join" and before not in ("invite", "join"))

    def _opened(self, room_id: RoomId, person: UserId, token: str) -> Inbound:
        # No single event opens a DM; the id stands for the fact. It is another one each time that a third member goes:
        # what was held meanwhile must be sent.
        fact = self._store.fact("opened", f"{room_id} {person} {token}")
        return DmOpened(Origin(self._account, room_id, fact, person, now_ms(), True))

    async def _backfill(
        self, room_id: RoomId, start: object, since: str, have: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """The events of a gap, oldest first: back from `start` to the last sync or to our own invite."""
        missed: list[dict[str, Any]] = []
        if not isinstance(start, str) or any(self._is_our_invite(e) for e in have):
            return missed
        known = self._rooms.get(room_id)
        was_joined = known is not None and known.joined
        token = start
        while len(missed) < self._max_backfill:
            params = {"dir": "b", "from": token, "limit": str(_BACKFILL_PAGE)}
            if was_joined:
                params["to"] = since

            faults = 0

            async def page(params: dict[str, str] = params) -> dict[str, Any]:
                nonlocal faults
                try:
                    return await self._http.request(
                        "GET", f"/_matrix/client/v3/rooms/{segment(room_id)}/messages", params=params
                    )
                except MatrixError as error:
                    faults += error.status == 500
                    if faults >= _MAX_PAGE_TRIES:  # a room that the server chokes on stops no other
                        raise MatrixError(422, error.errcode, {}) from None
                    raise

            try:
                answer = await retrying(page, "reading a gap")
            except (MatrixError, TooLarge) as error:
                log.warning("a gap could not be read", error=str(error))
                break
            chunk = [e for e in as_list(answer.get("chunk")) if isinstance(e, dict)]
            for event in chunk:
                if not was_joined and self._is_our_invite(event):
                    return missed[::-1]
                missed.append(event)
            end = answer.get("end")
            if not chunk or not isinstance(end, str) or end == token:
                break
            token = end
        else:
            log.warning("a gap was filled in part only: what is older is not answered", events=len(missed))
        return missed[::-1]

    # --- events ---
    def _tell(self, batch: Batch, withheld: list[Withheld]) -> None:
        """What people should know: unreadable messages, solved ones, a changed identity. In their DM alone."""
        late = [(waiting, True) for waiting in self.late.explained(withheld)]
        for waiting in self.late.overdue():
            kept = self._keys.machine.is_withheld(waiting.sender, waiting.room_id, waiting.session_id)
            self._keys.want(waiting.sender, waiting.room_id, waiting.session_id, waiting.sender_key)
            late.append((waiting, kept))
        for waiting in self.late.of(self._keys.machine.broken):
            if self._keys.is_lost(waiting.sender, waiting.session_id):
                self._keys.want(waiting.sender, waiting.room_id, waiting.session_id, waiting.sender_key)
        for waiting, kept in late:
            where = self._about(waiting)
            if where is not None:
                relation = relation_of(waiting.event["content"], True)
                batch.events.append(Unreadable(where, kept, relation))
        for waiting in self.late.solved():
            where = self._about(waiting)
            if where is not None:
                batch.events.append(Readable(where))
        batch.identities = self.identities()

    def identities(self) -> list[IdentityChanged]:
        """People whose identity is another one, as far as that has not been handled."""
        found: list[IdentityChanged] = []
        for user, tracked in self._store.users.items():
            if tracked.new_master_key is not None:
                fact = self._store.fact("identity", f"{user} {tracked.new_master_key}")
                room_id = next(iter(self._rooms.dms_with(UserId(user))), NO_ROOM)
                found.append(IdentityChanged(Origin(self._account, room_id, fact, UserId(user), now_ms(), True)))
        return found

    def _about(self, waiting: Waiting) -> Origin | None:
        """The origin of an event that waits in its sender's DM."""
        room = self._rooms.get(waiting.room_id)
        if room is None or room.dm_with(self._me) != waiting.sender:
            return None
        return origin(waiting.event, waiting.room_id, self._account, encrypted=True)

    def handled(self, event: Inbound) -> None:
        """An event was handled: what had to wait for it can go."""
        if isinstance(event, IdentityChanged):
            user = event.origin.sender
            tracked = self._store.users.get(user)
            new = None if tracked is None else tracked.new_master_key
            if new is not None and event.origin.event_id == self._store.fact(
                "identity", f"{user} {new}"
            ):  # it may be yet another by now
                self._store.accept_identity(user)
        elif not isinstance(event, Unreadable | Readable):
            self.late.settled(event.origin.event_id)

    async def _commit(self) -> None:
        me = self._account
        rooms = self._rooms.take_changes()
        late = self.late.take_changes()
        if not (rooms or late or self._store.dirty):
            return

        def write(tx: Tx) -> None:
            write_rooms(tx, me, rooms)
            if late is not None:
                late(tx)

        await self._store.commit(write)


def _joins(user: UserId) -> dict[str, Any]:
    return {"type": "m.room.member", "state_key": user, "content": {"membership": "join"}}
