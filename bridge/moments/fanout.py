"""Moments for those who want them at once: queued in parts, so that posting costs the same for three and for 5,000.

Of each moment only so many copies wait to be sent as the worker sends in a moment; the next part follows when they
left. So nobody's post waits behind a large one, and a crash costs nothing: what is left to do is in the database.
"""

from collections.abc import Sequence

from bridge.chat.people import People
from bridge.db import Tx
from bridge.delivery.outbox import Outbox, Queued
from bridge.ids import PersonId
from bridge.moments import notify, picture_store, store
from bridge.moments.items import Items
from bridge.moments.kinds import MOMENT, OTHER_PICTURES
from bridge.moments.model import Moment
from bridge.privacy import Audience

PART = 100
"""Copies of one moment that are queued at a time."""
_AT_ONCE = 50
"""Moments that are looked at in one step."""


class Fanout:
    def __init__(self, outbox: Outbox, people: People) -> None:
        self._outbox = outbox
        self._people = people

    def begin(self, tx: Tx, moment: Moment) -> None:
        """A moment was posted."""
        if moment.to.kind is not Audience.PRIVATE:
            tx.sql("INSERT INTO fanouts (moment_id, after_id, created_at) VALUES (?, 0, ?)", (moment.id, tx.now))

    def step(self, tx: Tx) -> int | None:
        """Queue the next part of each moment that has room for one. How many copies have to leave until there is room
        for more; None: nothing is left to do."""
        # New ones first: most of them are done with their first part.
        rows = tx.sql(
            f"SELECT moment_id, after_id FROM fanouts ORDER BY CASE WHEN after_id = 0 THEN 0 ELSE 1 END,"
            f" created_at, moment_id LIMIT {_AT_ONCE}"
        ).all()
        until: int | None = None
        for row in rows:
            waiting = self._waiting(tx, row.moment_id)
            queued = self._part(tx, row.moment_id, row.after_id) if waiting < PART else 0
            if queued is not None:
                too_many = max(waiting + queued - PART + 1, 0)
                until = too_many if until is None else min(until, too_many)
        return 0 if until is None and len(rows) == _AT_ONCE else until

    @staticmethod
    def _waiting(tx: Tx, moment_id: int) -> int:
        """Copies that are about to be sent; what waits for quiet hours to end, or for a chat, is not."""
        count: int = tx.sql(
            "SELECT COUNT(*) FROM outbox WHERE copy_kind = ? AND copy_ref = ? AND kind = 'copy'"
            " AND state IN ('queued', 'sending') AND not_before <= ?",
            (MOMENT, moment_id, tx.now),
        ).scalar_one()
        return count

    def _part(self, tx: Tx, moment_id: int, after: int) -> int | None:
        """Queue the next part. How many copies it has; None: it was the last one."""
        moment = store.moment(tx, moment_id)
        wanting = [] if moment is None else notify.wanting_now(tx, moment.author, after, PART)
        queued = 0
        if moment is not None and wanting:
            items = Items(tx, [moment.author], wanting, [moment])
            # The policy is asked again when it is sent.
            queued = self._tell(tx, [reader for reader in wanting if items.sees(reader, moment)], moment)
        if len(wanting) < PART:
            tx.sql("DELETE FROM fanouts WHERE moment_id = ?", (moment_id,))
            return None
        tx.sql("UPDATE fanouts SET after_id = ? WHERE moment_id = ?", (wanting[-1], moment_id))
        return queued

    def _tell(self, tx: Tx, readers: Sequence[PersonId], moment: Moment) -> int:
        """Queue it for these. How many of them are about to be sent it."""
        told = [reader for reader in readers if reader not in moment.content.mentions]  # these are told of that
        kinds = [MOMENT]
        if moment.content.warning is None:
            kinds += OTHER_PICTURES[: max(0, picture_store.count(tx, moment.id) - 1)]
        quiet = {reader: notify.quiet_ms(tx, self._people, reader) for reader in notify.quiet_among(tx, told)}
        self._outbox.copies(
            tx, [Queued(reader, kind, moment.id, quiet.get(reader, 0)) for reader in told for kind in kinds]
        )
        return sum(not quiet.get(reader) for reader in told)
