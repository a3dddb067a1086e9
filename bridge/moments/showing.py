"""What a change of privacy changes: who loses sight of what, and taking back the copies of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bridge.chat.people import People
from bridge.contacts.store import friend_ids
from bridge.db import Tx
from bridge.delivery.outbox import Outbox
from bridge.ids import PersonId
from bridge.moments import copy_store, notify, reach, responses, store
from bridge.moments.items import Items
from bridge.moments.kinds import COMMENT, EVERY, LIKES, SHOWN
from bridge.moments.model import Moment, MomentLimits
from bridge.privacy.impact import Impact

_LEAST = 20
"""Of so many of the newest moments a change tells at least, however many friends there are."""


@dataclass(frozen=True, slots=True)
class Sight:
    """Who saw which of somebody's newest moments before a change, as far as the author may know."""

    author: PersonId
    viewers: tuple[PersonId, ...]
    moments: tuple[Moment, ...]
    seen: frozenset[tuple[PersonId, int]]
    meant: frozenset[tuple[PersonId, int]]
    """(viewer, moment): friends who saw it then or earlier, before time alone took it from them."""
    complete: bool
    """All moments were looked at."""
    copies: frozenset[tuple[PersonId, int]]
    """(viewer, moment): what was shown and could still be seen, to whomever. They are not counted: that would tell who
    has been reading. What merely grew too old stays: to take it back now would tell that something was changed."""
    comments: frozenset[tuple[PersonId, int]]
    """(viewer, comment), in the same way."""
    responses: frozenset[tuple[PersonId, int, PersonId]]
    """(viewer, moment, writer): copies in which a like or comment was shown: of the author, to those whom the change
    concerns, and of these, under moments of the author, to whomever."""
    liked: frozenset[tuple[int, PersonId]]
    """(moment, writer): likes of which a notice told the author."""
    voted: frozenset[tuple[int, PersonId]]
    """(moment, writer): votes of which a notice may have told the author."""


class Showing:
    """The port `bridge.contacts.showing.Showing` for moments."""

    def __init__(self, outbox: Outbox, people: People, limits: MomentLimits) -> None:
        self._outbox = outbox
        self._people = people
        self._limits = limits

    def before(self, tx: Tx, owner: PersonId, viewers: Iterable[PersonId] | None) -> Sight:
        """Look before a change of what `owner` shows to `viewers`; None: to all friends."""
        people = tuple(sorted(set(friend_ids(tx, owner) if viewers is None else viewers) - {owner}))
        most = max(_LEAST, self._limits.reviewed // max(1, len(people)))
        moments = store.newest_of(tx, [store.Span(owner, None, None)], owner, most + 1)[0] if people else []
        looked = tuple(moments[:most])
        holders = copy_store.holders(tx, EVERY, owner) if viewers is None else []
        shown_to = sorted({*people, *holders} - {owner})
        concerned = people if viewers is not None else ()
        shown = {
            (viewer, moment_id, owner)
            for viewer in concerned
            for moment_id in copy_store.moments_with_responses(tx, SHOWN, viewer, owner)
            if self._who_sees(tx, [viewer], moment_id, owner)
        }
        comments = {pair for viewer in shown_to for pair in self._comments(tx, owner, viewer)}
        for writer in concerned:
            shown |= self._answers(tx, owner, writer)
            comments |= self._notices(tx, owner, writer)
        return Sight(
            owner,
            people,
            looked,
            *self._seen(tx, owner, people, looked),
            len(moments) <= most,
            frozenset(pair for viewer in shown_to for pair in self._copies(tx, owner, viewer)),
            frozenset(comments),
            frozenset(shown),
            frozenset(
                (moment_id, writer)
                for writer in concerned
                for moment_id in responses.told_moments(tx, writer, owner)
                if self._who_sees(tx, [owner], moment_id, writer)
            ),
            frozenset(
                (moment_id, writer)
                for writer in concerned
                for moment_id in responses.voted_moments(tx, writer, owner)
                if self._who_sees(tx, [owner], moment_id, writer)
            ),
        )

    def after(self, tx: Tx, sight: Sight) -> Impact:
        """Compare, and take back every copy of what may no longer be seen."""
        now, meant = self._seen(tx, sight.author, sight.viewers, sight.moments)
        reach.note_lost(tx, sight.meant - meant)
        for viewer, moment_id in sorted(sight.copies):
            if not self._sees(tx, viewer, moment_id):
                self._withdraw(tx, moment_id, viewer)
        for viewer, comment_id in sorted(sight.comments):
            if not self._sees_comment(tx, viewer, comment_id):
                self._outbox.withdraw(tx, COMMENT, comment_id, only_for=viewer)
        self._take_back_responses(tx, sight)
        lost, gained = sight.seen - now, now - sight.seen
        unseen = 0 if sight.complete else max(0, store.count_of(tx, sight.author) - len(sight.moments))
        return Impact(
            len({viewer for viewer, _ in lost}),
            len({moment for _, moment in lost}),
            len({viewer for viewer, _ in gained}),
            len({moment for _, moment in gained}),
            len(lost) + unseen * len(sight.viewers),
            sight.complete,
            len(sight.moments),
        )

    def _copies(self, tx: Tx, owner: PersonId, viewer: PersonId) -> Iterable[tuple[PersonId, int]]:
        """Moments of `owner` that `viewer` was shown and may still see. What is still queued, the policy drops when it
        would be sent."""
        for moment_id in copy_store.moments_copied(tx, EVERY, viewer, owner):
            if self._sees(tx, viewer, moment_id):
                yield viewer, moment_id

    def _comments(self, tx: Tx, owner: PersonId, viewer: PersonId) -> Iterable[tuple[PersonId, int]]:
        """Comments of `owner`, or under moments of theirs, that `viewer` was told of and may still see."""
        for comment_id in copy_store.comments_copied(tx, COMMENT, viewer, owner):
            if self._sees_comment(tx, viewer, comment_id):
                yield viewer, comment_id

    @staticmethod
    def _sees(tx: Tx, viewer: PersonId, moment_id: int) -> bool:
        moment = store.moment(tx, moment_id)
        return moment is not None and bool(Items(tx, [viewer, moment.author], [], [moment]).sees(viewer, moment))

    def _answers(self, tx: Tx, author: PersonId, writer: PersonId) -> set[tuple[PersonId, int, PersonId]]:
        """Copies of the author's moments, the author's own among them, that show a like or comment of `writer`."""
        return {
            (viewer, moment_id, writer)
            for moment_id, since in responses.answered_moments(tx, writer, author)
            for viewer in self._who_sees(tx, copy_store.readers_since(tx, SHOWN, moment_id, since), moment_id, writer)
            if viewer != writer
        }

    def _notices(self, tx: Tx, author: PersonId, writer: PersonId) -> set[tuple[PersonId, int]]:
        """(viewer, comment): who was told of comments of `writer` under the author's moments."""
        return {
            (viewer, comment_id)
            for comment_id in responses.comments_under(tx, writer, author)
            for viewer in self._outbox.holders(tx, COMMENT, comment_id)
            if self._sees_comment(tx, viewer, comment_id)
        }

    def _take_back_responses(self, tx: Tx, sight: Sight) -> None:
        """A copy that shows a like or comment that may no longer be seen goes; the next reading shows it as it is."""
        by_response: dict[tuple[int, PersonId], list[PersonId]] = {}
        for viewer, moment_id, writer in sorted(sight.responses):
            by_response.setdefault((moment_id, writer), []).append(viewer)
        for (moment_id, writer), viewers in by_response.items():
            for viewer in sorted(set(viewers) - self._who_sees(tx, viewers, moment_id, writer)):
                self._withdraw(tx, moment_id, viewer)
        for moment_id, writer in sorted(sight.liked):
            if not self._who_sees(tx, [sight.author], moment_id, writer):
                self._outbox.withdraw(tx, LIKES, moment_id)
                responses.forget_told(tx, moment_id)
        for moment_id, writer in sorted(sight.voted):
            if not self._who_sees(tx, [sight.author], moment_id, writer):
                delay = notify.quiet_ms(tx, self._people, sight.author, self._limits.likes_delay_ms)
                copy_store.take_back_votes(tx, self._outbox, moment_id, sight.author, delay)

    def _sees_comment(self, tx: Tx, viewer: PersonId, comment_id: int) -> bool:
        comment = responses.comment(tx, comment_id)
        return comment is not None and bool(self._who_sees(tx, [viewer], comment.moment_id, comment.writer))

    @staticmethod
    def _who_sees(tx: Tx, viewers: Sequence[PersonId], moment_id: int, writer: PersonId) -> set[PersonId]:
        """Which of these see a like or comment of `writer` under a moment."""
        moment = store.moment(tx, moment_id) if viewers else None
        if moment is None:
            return set()
        items = Items(tx, [moment.author, writer], viewers, [moment])
        return {viewer for viewer in viewers if items.sees_response(viewer, moment, writer)}

    def _withdraw(self, tx: Tx, moment_id: int, viewer: PersonId) -> None:
        copy_store.take_back(tx, self._outbox, moment_id, viewer)

    @staticmethod
    def _seen(
        tx: Tx, owner: PersonId, viewers: Sequence[PersonId], moments: Sequence[Moment]
    ) -> tuple[frozenset[tuple[PersonId, int]], frozenset[tuple[PersonId, int]]]:
        """(viewer, moment), as far as the author may know: who sees it now; and friends who do or did so before it
        became too old."""
        items = Items(tx, [owner], viewers, moments)
        over = {moment.id for moment in moments if items.is_over(moment)}
        ever = {(viewer, moment.id) for viewer in viewers for moment in moments if items.as_author_knew(viewer, moment)}
        friends = {viewer for viewer in viewers if items.world.friends(viewer, owner)}
        return (
            frozenset(pair for pair in ever if pair[1] not in over),
            frozenset(pair for pair in ever if pair[0] in friends),
        )

    def forget_tag(self, tx: Tx, tag_id: int, members: Sequence[PersonId]) -> None:
        """A tag is about to be deleted."""
        store.forget_tag(tx, tag_id, members)
