"""Copies of moments are edited in place when what their reader may see under them has changed.

Only readers whose own view changed are named to the outbox, and the policy is asked again when an edit is rendered.
"""

from bridge.db import Tx
from bridge.delivery.outbox import Outbox
from bridge.ids import PersonId
from bridge.moments import copy_store, pages
from bridge.moments.items import Items
from bridge.moments.kinds import MOMENT_COPIES, OTHER_PICTURES, PAGE, SHOWN
from bridge.moments.model import Moment


class Refreshing:
    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def text_changed(self, tx: Tx, moment: Moment) -> None:
        """The moment itself reads otherwise: every copy of everybody who may see it."""
        readers = copy_store.readers_since(tx, SHOWN, moment.id, 0)
        items = Items(tx, [moment.author], readers, [moment])
        seeing = {reader for reader in readers if items.sees(reader, moment)}
        self._outbox.refresh(tx, MOMENT_COPIES, moment.id, seeing, every=True)
        for page, reader in pages.with_moment(tx, moment.id):
            if reader in seeing:
                self._outbox.refresh(tx, (PAGE,), page, {reader})

    def picture_changed(self, tx: Tx, moment: Moment, index: int) -> None:
        """What one of the pictures shows reads otherwise, by its place from 1: every copy of that picture."""
        kinds = (OTHER_PICTURES[index - 1],)
        readers = copy_store.readers_since(tx, kinds, moment.id, 0)
        items = Items(tx, [moment.author], readers, [moment])
        seeing = {reader for reader in readers if items.sees(reader, moment)}
        self._outbox.refresh(tx, kinds, moment.id, seeing, every=True)

    def response_changed(self, tx: Tx, moment: Moment, writer: PersonId) -> None:
        """A like or comment of `writer` came, reads otherwise or goes: the newest copy of those who may see it. The
        writer knows what they did."""
        seeing = self._seeing(tx, moment, writer, 0)
        self._outbox.refresh(tx, MOMENT_COPIES, moment.id, seeing)
        newest = {reader: page for page, reader in pages.with_moment(tx, moment.id) if reader in seeing}
        for reader, page in newest.items():
            self._outbox.refresh(tx, (PAGE,), page, {reader})

    def response_withdrawn(self, tx: Tx, moment: Moment, writer: PersonId, since: int) -> None:
        """What `writer` wrote at `since` (ms) goes: whoever may have been shown it loses what showed it, also the
        writer. Copies for those who can't see it never showed it, and must not tell that there was anything. Pages say
        only how much was said: they are edited."""
        for reader in sorted({*self._seeing(tx, moment, writer, since), writer}):
            self._outbox.take_back_since(tx, MOMENT_COPIES, moment.id, reader, since)
        self.response_changed(tx, moment, writer)

    @staticmethod
    def _seeing(tx: Tx, moment: Moment, writer: PersonId, since: int) -> set[PersonId]:
        readers = copy_store.readers_since(tx, SHOWN, moment.id, since)
        items = Items(tx, [moment.author, writer], readers, [moment])
        return {one for one in readers if one != writer and items.sees_response(one, moment, writer)}
