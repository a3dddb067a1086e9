"""Taking back what may no longer be seen when one moment changes."""

from collections.abc import Callable

from bridge.db import Tx
from bridge.delivery.outbox import Outbox
from bridge.ids import PersonId
from bridge.moments import copy_store, responses, store
from bridge.moments.items import Items
from bridge.moments.kinds import COMMENT, EVERY
from bridge.moments.model import Comment, Moment


class Narrowing:
    """Looks before and after a change of one moment, and takes back what somebody lost."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def around(self, tx: Tx, moment: Moment, change: Callable[[], object]) -> None:
        """Do `change`. Every copy that shows what its reader may no longer see is redacted, ahead of all else: of the
        moment itself, and of what others wrote under it who lost it."""
        before = _Seen(tx, moment)
        change()
        changed = store.moment(tx, moment.id)
        if changed is None:
            return
        after = _Seen(tx, changed)
        for holder in before.holders:
            if before.moment(holder) and (not after.moment(holder) or self._shows_lost(holder, before, after)):
                copy_store.take_back(tx, self._outbox, moment.id, holder)
        for comment in before.comments:
            for holder in self._outbox.holders(tx, COMMENT, comment.id):
                if before.response(holder, comment.writer) and not after.response(holder, comment.writer):
                    self._outbox.withdraw(tx, COMMENT, comment.id, only_for=holder)

    @staticmethod
    def _shows_lost(holder: PersonId, before: "_Seen", after: "_Seen") -> bool:
        lost = (writer for writer in before.writers if not after.moment(writer))
        return any(before.response(holder, writer) and not after.response(holder, writer) for writer in lost)


class _Seen:
    """Who sees what of a moment, among those who were shown anything of it."""

    def __init__(self, tx: Tx, moment: Moment) -> None:
        self._about = moment
        self.comments: list[Comment] = responses.comments_on(tx, moment.id, moment.author, moment.author)
        likers = responses.likers(tx, moment.id, moment.author, moment.author)
        voters = responses.voters(tx, moment.id)
        self.writers = sorted({*likers, *voters, *(comment.writer for comment in self.comments)})
        self.holders = copy_store.readers_since(tx, EVERY, moment.id, 0)
        self._items = Items(tx, [moment.author, *self.writers], self.holders, [moment])

    def moment(self, viewer: PersonId) -> bool:
        return bool(self._items.sees(viewer, self._about))

    def response(self, viewer: PersonId, writer: PersonId) -> bool:
        return bool(self._items.sees_response(viewer, self._about, writer))
