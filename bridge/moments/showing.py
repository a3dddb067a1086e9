"""What a change of privacy changes: who loses sight of what, and taking back the copies of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bridge.contacts.store import friend_ids
from bridge.db import Tx
from bridge.delivery.outbox import Outbox
from bridge.ids import PersonId
from bridge.moments import copy_store, responses, store
from bridge.moments.items import Items
from bridge.moments.kinds import COMMENT, MOMENT_COPIES
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
    complete: bool
    """All moments were looked at."""
    copies: frozenset[tuple[PersonId, int]]
    """(viewer, moment): what was shown and could still be seen, to whomever. They are not counted: that would tell who
    has been reading. What merely grew too old stays: to take it back now would tell that something was changed."""
    comments: frozenset[tuple[PersonId, int]]
    """(viewer, comment), in the same way."""
    responses: frozenset[tuple[PersonId, int]]
    """(viewer, moment): copies of others' moments in which a like or comment of the author was shown."""


class Showing:
    """The port `bridge.contacts.showing.Showing` for moments."""

    def __init__(self, outbox: Outbox, limits: MomentLimits) -> None:
        self._outbox = outbox
        self._limits = limits

    def before(self, tx: Tx, owner: PersonId, viewers: Iterable[PersonId] | None) -> Sight:
        """Look before a change of what `owner` shows to `viewers`; None: to all friends."""
        people = tuple(sorted(set(friend_ids(tx, owner) if viewers is None else viewers) - {owner}))
        most = max(_LEAST, self._limits.reviewed // max(1, len(people)))
        moments = store.newest_by(tx, owner, owner, None, None, most + 1) if people else []
        looked = tuple(moments[:most])
        holders = copy_store.holders(tx, MOMENT_COPIES, owner) if viewers is None else []
        shown_to = sorted({*people, *holders} - {owner})
        shown = {
            (viewer, moment_id)
            for viewer in (people if viewers is not None else ())
            for moment_id in copy_store.moments_with_responses(tx, MOMENT_COPIES, viewer, owner)
            if self._sees_response(tx, viewer, moment_id, owner)
        }
        return Sight(
            owner,
            people,
            looked,
            self._seen(tx, owner, people, looked),
            len(moments) <= most,
            frozenset(pair for viewer in shown_to for pair in self._copies(tx, owner, viewer)),
            frozenset(pair for viewer in shown_to for pair in self._comments(tx, owner, viewer)),
            frozenset(shown),
        )

    def after(self, tx: Tx, sight: Sight) -> Impact:
        """Compare, and take back every copy of what may no longer be seen."""
        now = self._seen(tx, sight.author, sight.viewers, sight.moments)
        for viewer, moment_id in sorted(sight.copies):
            if not self._sees(tx, viewer, moment_id):
                self._withdraw(tx, moment_id, viewer)
        for viewer, comment_id in sorted(sight.comments):
            if not self._sees_comment(tx, viewer, comment_id):
                self._outbox.withdraw(tx, COMMENT, comment_id, only_for=viewer)
        for viewer, moment_id in sorted(sight.responses):
            # A copy that shows what may no longer be seen; the next reading shows it as it is.
            if not self._sees_response(tx, viewer, moment_id, sight.author):
                self._withdraw(tx, moment_id, viewer)
        lost, gained = sight.seen - now, now - sight.seen
        return Impact(
            len({viewer for viewer, _ in lost}),
            len({moment for _, moment in lost}),
            len({viewer for viewer, _ in gained}),
            len({moment for _, moment in gained}),
            sight.complete,
        )

    def _copies(self, tx: Tx, owner: PersonId, viewer: PersonId) -> Iterable[tuple[PersonId, int]]:
        """Moments of `owner` that `viewer` was shown and may still see. What is still queued, the policy drops when it
        would be sent."""
        for moment_id in copy_store.moments_copied(tx, MOMENT_COPIES, viewer, owner):
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

    def _sees_comment(self, tx: Tx, viewer: PersonId, comment_id: int) -> bool:
        comment = responses.comment(tx, comment_id)
        return comment is not None and self._sees_response(tx, viewer, comment.moment_id, comment.writer)

    @staticmethod
    def _sees_response(tx: Tx, viewer: PersonId, moment_id: int, writer: PersonId) -> bool:
        moment = store.moment(tx, moment_id)
        if moment is None:
            return False
        items = Items(tx, [viewer, moment.author, writer], [], [moment])
        return bool(items.sees_response(viewer, moment, writer))

    def _withdraw(self, tx: Tx, moment_id: int, viewer: PersonId) -> None:
        for kind in MOMENT_COPIES:
            self._outbox.withdraw(tx, kind, moment_id, only_for=viewer)

    @staticmethod
    def _seen(
        tx: Tx, owner: PersonId, viewers: Sequence[PersonId], moments: Sequence[Moment]
    ) -> frozenset[tuple[PersonId, int]]:
        items = Items(tx, [owner], viewers, moments)
        return frozenset(
            (viewer, moment.id) for viewer in viewers for moment in moments if items.as_author_knows(viewer, moment)
        )

    def forget_tag(self, tx: Tx, tag_id: int, members: Sequence[PersonId]) -> None:
        """A tag is about to be deleted."""
        store.forget_tag(tx, tag_id, members)
