"""Friend requests, friendships and profiles."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bridge.chat import prompts
from bridge.chat.command import Person
from bridge.chat.people import NOBODY, People, user_ids
from bridge.contacts import invites, store, tags
from bridge.contacts.changes import Changes
from bridge.contacts.model import (
    Asked,
    ContactLimits,
    Friend,
    FriendRequest,
    RequestState,
    one_line,
)
from bridge.db import Tx
from bridge.db.sealing import Unreadable
from bridge.delivery.outbox import Outbox
from bridge.errors import UserError
from bridge.ids import PersonId, UserId, server_name
from bridge.privacy import FriendshipItem, RequestItem, load_world, may_see, settings
from bridge.privacy.impact import Impact

PROMPT = "friend-request"
"""Kind of the question that a request is delivered as."""
FRIEND_COPY = "friend"
"""Kind of the notice that a request was accepted; its subject is the new friend's row id."""
INVITED_COPY = "invited"
"""Kind of the answer to a code that worked; its subject is the row id of who made the code."""
_NUMBERS_MS = 24 * 3600 * 1000
"""So long a number that was shown means what it meant."""
ACCEPT, DECLINE, ACCEPT_CHATS = "accept", "decline", "accept-chats"

Meeting: TypeAlias = Callable[[UserId, UserId], bool]
"""Whether two people share a room with the bot (I2)."""


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A request as its reader sees it."""

    number: int
    """The reader's own number for it."""
    request: FriendRequest
    user_id: UserId


@dataclass(frozen=True, slots=True)
class Kept:
    """What outlives a friendship, and holds again when there is a new one."""

    stances: tuple[str, ...]
    """As typed: `chats-only`, `mine`, `theirs`."""
    tags: tuple[str, ...]


class Contacts:
    """All methods run inside the transaction that they are given."""

    def __init__(
        self,
        outbox: Outbox,
        people: People,
        limits: ContactLimits,
        changes: Changes,
        meeting: Meeting = lambda a, b: False,
        serves: Callable[[UserId], bool] = lambda user: True,
    ) -> None:
        self._outbox = outbox
        self._people = people
        self._changes = changes
        self._meeting = meeting
        self._serves = serves
        self.limits = limits

    # --- asking ---------------------------------------------------------------------------------------------
    def add(self, tx: Tx, person: Person, user_id: UserId, note: str) -> Asked:
        """Ask somebody, or accept what they asked. What it returns and raises depends only on what `person` may know.

        Raises:
            UserError: it is oneself, a friend already, or a limit of one's own is reached; or the operator lets nobody
                of their server use the bot, which tells nothing of the person.
        """
        note = one_line(note)
        if len(note) > self.limits.note:
            raise UserError("friend-note-too-long", limit=self.limits.note)
        if user_id == person.user_id:
            raise UserError("friend-self")
        if not self._serves(user_id):
            raise UserError("friend-server", server=server_name(user_id))
        # Whoever was never here is asked about like anybody else: the time of the answer must not tell either.
        try:
            them = self._people.ensure_named(tx, user_id).id
        except Unreadable:
            return Asked.DONE  # it reaches nobody, and looks like a request that is not answered
        if store.stance(tx, person.id, them, "blocked"):
            raise UserError("friend-you-block", user=user_id)
        closed = self._is_closed(tx, person, them, user_id)
        if store.are_friends(tx, person.id, them):
            raise UserError("friend-already", user=user_id)
        theirs = store.request_between(tx, them, person.id)
        # A request that this person declined still stands for the asker: adding them now accepts it.
        if theirs is not None and theirs.state.stands:
            self._befriend(tx, person, theirs)
            return Asked.ACCEPTED
        mine = store.request_between(tx, person.id, them)
        if mine is not None and mine.created_at > tx.now - self.limits.ask_again_ms:
            if mine.state is RequestState.WITHDRAWN and not closed:
                # It counts again, but asking and taking back in turns must not ring at the other's door.
                store.set_request_state(tx, mine.id, RequestState.PENDING)
            elif not mine.state.stands:
                store.set_request_state(tx, mine.id, RequestState.DECLINED)
            return Asked.DONE
        if mine is not None:
            prompts.close(tx, PROMPT, mine.id)
            store.delete_request(tx, mine.id)
        self._check_room(tx, person.id)
        request_id = store.add_request(tx, person.id, them, note, RequestState.PENDING)
        request = store.request_by_id(tx, request_id)
        assert request is not None
        # Whoever it is: what is not for them is dropped when it would be sent, and what they have no chat for waits.
        if self._pending_count(tx, them) <= self.limits.notices:
            self._announce(tx, request)
        # Where it is closed, it waits for the asker like one to somebody who never was here; nobody else learns of it.
        store.set_request_state(tx, request_id, RequestState.DECLINED if closed else RequestState.PENDING)
        return Asked.DONE

    def opened(self, tx: Tx, person: Person) -> None:
        """A person's first chat has come into being: announce the requests that waited for it."""
        for request in store.pending_for(tx, person.id, self.limits.notices):
            self._announce(tx, request)

    # --- answering ------------------------------------------------------------------------------------------
    def accept(self, tx: Tx, person: Person, request: FriendRequest, *, chats_only: bool = False) -> UserId:
        """Become friends, with `chats_only` without moments, both ways (I6). Returns the Matrix id of the new friend.

        Raises:
            UserError: the request is not open any more, or there is no room for one more friend.
        """
        self._check_open(tx, person, request)
        if chats_only:
            # As a stranger they may have been shown what is public.
            self._changes.make_between(
                tx,
                person.id,
                request.asker,
                lambda: store.set_stance(tx, person.id, request.asker, "chats_only", True),
            )
        return self._befriend(tx, person, request)

    def decline(self, tx: Tx, person: Person, request: FriendRequest) -> UserId:
        """Decline silently: nothing that the asker can see changes. Returns the asker's Matrix id."""
        asker = self._check_open(tx, person, request)
        store.set_request_state(tx, request.id, RequestState.DECLINED)
        prompts.close(tx, PROMPT, request.id)
        return asker

    def request_of(self, tx: Tx, person: Person, who: UserId | int) -> FriendRequest:
        """The open request that `who` means: the asker, or the reader's number of it.

        Raises:
            UserError: there is no such request, for whatever reason.
        """
        request: FriendRequest | None = None
        if isinstance(who, int):
            numbered = self._numbered(tx, person)
            if 1 <= who <= len(numbered):
                request = store.request_by_id(tx, numbered[who - 1])
            missing = UserError("request-none-number", number=who)
        else:
            request = store.request_between(tx, self._people.named(tx, who), person.id)
            missing = UserError("request-none-user", user=who)
        if request is None or request.asked != person.id or not self._sees(tx, person.id, request):
            raise missing
        return request

    def request_by_id(self, tx: Tx, person: Person, request_id: int) -> FriendRequest:
        """The open request with this row id, from a question that was put to `person`."""
        request = store.request_by_id(tx, request_id)
        if request is None or request.asked != person.id or not self._sees(tx, person.id, request):
            raise UserError("request-gone")
        return request

    # --- parting --------------------------------------------------------------------------------------------
    def remove(self, tx: Tx, person: Person, user_id: UserId) -> Impact | None:
        """End a friendship, or take back one's own request. Nobody is told. Returns what the friend loses sight of;
        None when they were no friends."""
        other = self._people.named(tx, user_id)
        if store.are_friends(tx, person.id, other):
            return self._changes.make_between(tx, person.id, other, lambda: store.part(tx, person.id, other))
        self._take_back(tx, person.id, other)
        return None

    def kept(self, tx: Tx, person: Person, user_id: UserId) -> Kept:
        """What `person` had set about somebody, friend or not, for themselves alone."""
        other = self._people.known(tx, user_id)
        if other is None:
            return Kept((), ())
        stances = {"chats-only": "chats_only", "mine": "shut_out", "theirs": "hidden"}
        return Kept(
            tuple(name for name, column in stances.items() if store.stance(tx, person.id, other.id, column)),
            tuple(tag.name for tag in tags.tags_of(tx, person.id, other.id)),
        )

    # --- reading --------------------------------------------------------------------------------------------
    def friends(self, tx: Tx, person: Person) -> list[Friend]:
        found = store.friends_of(tx, person.id)
        world = load_world(tx, [person.id], [friend.id for friend in found])
        return [friend for friend in found if may_see(person.id, FriendshipItem(person.id, friend.id), world)]

    def friend(self, tx: Tx, person: Person, user_id: UserId) -> PersonId:
        """The friend with this Matrix id.

        Raises:
            UserError: they are no friend.
        """
        # Of whoever is no friend nothing is opened: the time of the answer must not tell whether they are here.
        other = self._people.named(tx, user_id)
        if not store.are_friends(tx, person.id, other) or self._people.known(tx, user_id) is None:
            raise UserError("friend-none", user=user_id)
        return other

    def open_requests(self, tx: Tx, person: Person, *, shown: bool) -> list[OpenRequest]:
        """The oldest open requests, numbered from 1. `shown`: the person is about to see them; from then on the numbers
        mean these, for a day and until they are shown others."""
        requests = [
            r for r in store.pending_for(tx, person.id, self.limits.listed_requests) if self._sees(tx, person.id, r)
        ]
        if shown and requests:
            # A number that is on no later list means what it meant.
            before = store.numbered_requests(tx, person.id, tx.now - _NUMBERS_MS) or []
            store.set_numbered_requests(tx, person.id, [*(r.id for r in requests), *before[len(requests) :]])
        users = user_ids(tx, [r.asker for r in requests])
        return [OpenRequest(i, r, users[r.asker]) for i, r in enumerate(requests, 1) if r.asker in users]

    # --- inviting -------------------------------------------------------------------------------------------
    def use_invite(self, tx: Tx, person: Person, code: str) -> PersonId:
        """Become a friend of who made the code.

        Raises:
            UserError: the code does not work, for whatever reason; it is one's own, or of a friend.
        """
        # Nobody's code takes the same work as one that is closed to this person, and nothing of its owner is opened.
        invite_id, owner = invites.owner_of(tx, code) or (0, NOBODY)
        if owner == person.id:
            raise UserError("invite-own")
        friends = store.are_friends(tx, person.id, owner)
        blocked = store.stance(tx, owner, person.id, "blocked")
        full = store.count_friends(tx, owner) + self._outstanding(tx, owner) >= self.limits.friends
        closed = not settings.load(tx, owner).by_code
        works = owner != NOBODY and not (blocked or full or closed)
        user = user_ids(tx, [owner]).get(owner) if friends or works else None
        if user is None:
            raise UserError("invite-none")
        if friends:
            raise UserError("friend-already", user=user)
        if store.stance(tx, person.id, owner, "blocked"):
            raise UserError("friend-you-block", user=user)
        self._check_room(tx, person.id, open_requests=False)
        invites.use(tx, invite_id)
        for row in (store.request_between(tx, person.id, owner), store.request_between(tx, owner, person.id)):
            if row is not None:
                prompts.close(tx, PROMPT, row.id)
                store.delete_request(tx, row.id)
        store.befriend(tx, person.id, owner)
        self._outbox.copy(tx, owner, FRIEND_COPY, person.id)
        return owner

    # --- blocking -------------------------------------------------------------------------------------------
    def block(self, tx: Tx, person: Person, user_id: UserId) -> Impact:
        """Block somebody (I7), whoever they are: to them one looks like somebody who shows nothing. Returns what a
        friend loses sight of; of others nothing is told, not even whether they are here.

        Raises:
            UserError: it is oneself, or too many are blocked.
        """
        if user_id == person.user_id:
            raise UserError("block-self")
        if len(store.with_stance(tx, person.id, "blocked")) >= self.limits.blocks:
            raise UserError("block-limit", limit=self.limits.blocks)
        other = self._people.named_or_new(tx, user_id)
        impact = self._changes.make_between(
            tx, person.id, other, lambda: store.set_stance(tx, person.id, other, "blocked", True)
        )
        asked = store.request_between(tx, other, person.id)
        if asked is not None and asked.state is RequestState.PENDING:
            store.set_request_state(tx, asked.id, RequestState.DECLINED)
            prompts.close(tx, PROMPT, asked.id)
        # Or they could become a friend by accepting it.
        self._take_back(tx, person.id, other)
        return impact if store.are_friends(tx, person.id, other) else Impact()

    def unblock(self, tx: Tx, person: Person, user_id: UserId) -> bool:
        """End a block. False when there was none."""
        other = self._people.named(tx, user_id)
        if not store.stance(tx, person.id, other, "blocked"):
            return False
        self._changes.make_between(
            tx, person.id, other, lambda: store.set_stance(tx, person.id, other, "blocked", False)
        )
        return True

    # --- for the renderers ----------------------------------------------------------------------------------
    def announced(self, tx: Tx, reader: Person, prompt_id: int) -> tuple[FriendRequest, UserId] | None:
        """The request that a question is about, as long as it is open and `reader` may see it."""
        prompt = prompts.by_id(tx, prompt_id)
        if prompt is None or not prompt.is_open or prompt.kind != PROMPT or prompt.ref_id is None:
            return None
        request = store.request_by_id(tx, prompt.ref_id) if prompt.person_id == reader.id else None
        if request is None or not self._sees(tx, reader.id, request):
            return None
        asker = user_ids(tx, [request.asker]).get(request.asker)
        return None if asker is None else (request, asker)

    def new_friend(self, tx: Tx, reader: Person, friend_id: int) -> UserId | None:
        """The Matrix id of somebody who accepted, as long as they are friends."""
        friend = PersonId(friend_id)
        world = load_world(tx, [reader.id, friend], [])
        if not may_see(reader.id, FriendshipItem(reader.id, friend), world):
            return None
        return user_ids(tx, [friend]).get(friend)

    # --- inside ---------------------------------------------------------------------------------------------
    @staticmethod
    def _take_back(tx: Tx, asker: PersonId, asked: PersonId) -> None:
        """Take back a request, whatever became of it: also one that was declined no longer stands."""
        mine = store.request_between(tx, asker, asked)
        if mine is not None and mine.state.stands:
            store.set_request_state(tx, mine.id, mine.state.taken_back)
            prompts.close(tx, PROMPT, mine.id)

    def _sees(self, tx: Tx, viewer: PersonId, request: FriendRequest) -> bool:
        item = RequestItem(request.asker, request.asked, request.state is RequestState.PENDING)
        return bool(may_see(viewer, item, load_world(tx, [viewer], [request.asker])))

    def _check_open(self, tx: Tx, person: Person, request: FriendRequest) -> UserId:
        """The asker's Matrix id."""
        asker = user_ids(tx, [request.asker]).get(request.asker)
        if asker is None or request.asked != person.id or not self._sees(tx, person.id, request):
            raise UserError("request-gone")
        return asker

    def _befriend(self, tx: Tx, person: Person, request: FriendRequest) -> UserId:
        """Turn `request` to `person` into a friendship, and tell the asker."""
        asker = user_ids(tx, [request.asker])[request.asker]
        mine = store.request_between(tx, person.id, request.asker)
        used = store.count_friends(tx, person.id) + self._outstanding(tx, person.id)
        if used - (mine is not None) >= self.limits.friends:
            raise UserError("friend-limit", limit=self.limits.friends)
        for row in (request, mine):
            if row is not None:
                prompts.close(tx, PROMPT, row.id)
                store.delete_request(tx, row.id)
        store.befriend(tx, person.id, request.asker)
        self._outbox.copy(tx, request.asker, FRIEND_COPY, person.id)
        return asker

    def _outstanding(self, tx: Tx, person: PersonId) -> int:
        return store.count_asked_since(tx, person, tx.now - self.limits.ask_again_ms)

    def _is_closed(self, tx: Tx, person: Person, other: PersonId, user_id: UserId) -> bool:
        """Whether a request of `person` does not get through to `other`, who has this Matrix id (I2, I7)."""
        blocked = store.stance(tx, other, person.id, "blocked")
        ways = settings.load(tx, other)
        return blocked or not (ways.by_id or (ways.by_room and self._meeting(person.user_id, user_id)))

    def _check_room(self, tx: Tx, person: PersonId, *, open_requests: bool = True) -> None:
        outstanding = self._outstanding(tx, person)
        if open_requests and outstanding >= self.limits.open_requests:
            raise UserError("friend-too-many-requests", limit=self.limits.open_requests)
        if store.count_friends(tx, person) + outstanding >= self.limits.friends:
            raise UserError("friend-limit", limit=self.limits.friends)

    def _pending_count(self, tx: Tx, person: PersonId) -> int:
        return len(store.pending_for(tx, person, self.limits.notices + 1))

    def _numbered(self, tx: Tx, person: Person) -> Sequence[int]:
        """Ids of requests in the order of their numbers: as the person was shown them last. For whom none was shown
        lately, `1` means the only one; where there are several, a number would only be guessed at."""
        numbered = store.numbered_requests(tx, person.id, tx.now - _NUMBERS_MS)
        if numbered is not None:
            return numbered
        pending = [r.id for r in store.pending_for(tx, person.id, 2) if self._sees(tx, person.id, r)]
        return pending if len(pending) == 1 else ()

    def _announce(self, tx: Tx, request: FriendRequest) -> None:
        prompt_id = prompts.open(
            tx, request.asked, PROMPT, request.id, (ACCEPT, DECLINE, ACCEPT_CHATS), self.limits.prompt_ms
        )
        self._outbox.copy(tx, request.asked, prompts.COPY_KIND, prompt_id)
