"""The digest: once a day, in one event, what is new of one's friends (M18). It is queued by the clock alone, and made
when it is sent, of what its reader may see then and was not shown yet: so nothing else can be felt in it."""

from bridge.chat.command import Person
from bridge.chat.people import People
from bridge.chat.reply import CopyRef, Lines, Message, Text
from bridge.contacts.names import labels
from bridge.db import Tx
from bridge.db.sealing import Unreadable
from bridge.delivery.outbox import Outbox
from bridge.ids import PersonId
from bridge.moments import copy_store, notify, store
from bridge.moments.feed import feed_page
from bridge.moments.kinds import DIGEST
from bridge.moments.notify import Mode

MOST = 50
"""Moments that are looked at for one digest."""
_AT_ONCE = 100
_SHOWN = 10


class Digests:
    def __init__(self, outbox: Outbox, people: People, minute: int) -> None:
        """`minute`: the minute of the day, in everybody's own zone, for who chose none."""
        self._outbox = outbox
        self._people = people
        self._minute = minute

    def step(self, tx: Tx) -> bool:
        """Queue the digests that are due, of some people. Whether there may be more."""
        rows = tx.sql(
            "SELECT p.id, n.digest_at FROM people p LEFT JOIN notify_settings n ON n.person_id = p.id"
            " WHERE p.opened_at IS NOT NULL AND (n.digest_at IS NULL OR n.digest_at <= ?)"
            f" ORDER BY p.id LIMIT {_AT_ONCE}",
            (tx.now,),
        ).all()
        tx.vault.prepare([row.id for row in rows])  # in everybody's own zone: that is sealed
        for row in rows:
            self._plan(tx, PersonId(row.id), due=row.digest_at is not None)
        return len(rows) == _AT_ONCE

    def _plan(self, tx: Tx, person_id: PersonId, *, due: bool) -> None:
        wanted = notify.load(tx, person_id)
        try:
            person = self._people.by_id(tx, person_id)
        except Unreadable:
            person = None
        zone = "UTC" if person is None else person.time_zone
        minute = self._minute if wanted.digest_minute is None else wanted.digest_minute
        following = notify.next_time(tx.now, zone, minute)
        tx.sql(
            "INSERT INTO notify_settings (person_id, mode, digest_at, digest_from, digest_until)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT (person_id) DO UPDATE SET digest_at = excluded.digest_at,"
            " digest_from = COALESCE(notify_settings.digest_from, excluded.digest_from),"
            " digest_until = COALESCE(notify_settings.digest_until, excluded.digest_until)",
            (person_id, wanted.mode.value, following, tx.now, tx.now),
        )
        modes = {wanted.mode, *notify.tag_modes(tx, person_id).values()}
        if not due:
            return
        if person is None or Mode.DIGEST not in modes:
            tx.sql(
                "UPDATE notify_settings SET digest_from = ?, digest_until = ? WHERE person_id = ?",
                (tx.now, tx.now, person_id),
            )
            return
        if not self._outbox.is_waiting(tx, person_id, DIGEST, person_id):
            # It begins where the last one ended.
            tx.sql("UPDATE notify_settings SET digest_from = digest_until WHERE person_id = ?", (person_id,))
        tx.sql("UPDATE notify_settings SET digest_until = ? WHERE person_id = ?", (tx.now, person_id))
        delay = notify.quiet_ms(tx, self._people, person_id)
        self._outbox.copy(tx, person_id, DIGEST, person_id, delay_ms=delay, once=True, unasked=True)

    def render(self, tx: Tx, reader: Person, ref_id: int) -> Message | None:
        """The digest of a reader; None: there is nothing new."""
        row = tx.sql("SELECT digest_from, digest_until FROM notify_settings WHERE person_id = ?", (reader.id,)).first()
        if row is None or ref_id != reader.id:
            return None
        counts: dict[PersonId, int] = {}
        page = feed_page(tx, reader.id, None, MOST)
        found = [moment for moment_id in page.moments if (moment := store.moment(tx, moment_id)) is not None]
        modes = notify.modes_for(tx, reader.id, sorted({moment.author for moment in found}))
        for moment in found:
            is_new = row.digest_from <= moment.created_at < row.digest_until
            if not is_new or moment.author == reader.id or modes[moment.author] is not Mode.DIGEST:
                continue
            if not copy_store.was_shown(tx, moment.id, reader.id):
                counts[moment.author] = counts.get(moment.author, 0) + 1
        if not counts:
            return None
        shown = list(counts)[:_SHOWN]
        names = labels(tx, reader.id, shown)
        lines = [Text("digest-author", {"author": names[author], "count": counts[author]}) for author in shown]
        if len(counts) > len(shown):
            lines.append(Text("digest-others", {"count": sum(counts.values()) - sum(counts[one] for one in shown)}))
        total = {"count": sum(counts.values())}
        return Message(
            (Text("digest-head", total), Lines(tuple(lines)), Text("digest-howto")), CopyRef(DIGEST, reader.id)
        )
