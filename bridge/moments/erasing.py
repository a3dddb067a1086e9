"""What becomes of somebody's moments, likes and comments when their account ends: the port `Eraser` for moments."""

from collections.abc import Mapping
from dataclasses import replace

from bridge.chat.command import Person
from bridge.contacts.store import friend_ids
from bridge.db import Tx
from bridge.delivery import queue
from bridge.delivery.outbox import Outbox
from bridge.ids import PersonId
from bridge.moments import copy_store, responses, store
from bridge.moments.items import Items
from bridge.moments.kinds import DIGEST, LIKES, SHOWN
from bridge.moments.model import Moment
from bridge.moments.service import Moments

_TOLD = 1_000_000_000
"""In `likes.told`: by a notice that was taken back. No notice has this number."""
_CHUNK = 400
_DIGEST_MS = 50 * 3600 * 1000
"""So long after a moment the digest that tells of it has been sent, quiet hours included."""
_COUNTS = {
    "moments": "SELECT COUNT(*) FROM moments WHERE author_id = ?",
    "pictures": "SELECT COUNT(*) FROM pictures p JOIN moments m ON m.id = p.moment_id WHERE m.author_id = ?",
    "comments": "SELECT COUNT(*) FROM comments WHERE person_id = ?",
    "likes": "SELECT COUNT(*) FROM likes WHERE person_id = ?",
    "votes": "SELECT COUNT(*) FROM votes WHERE person_id = ?",
    "drafts": "SELECT COUNT(*) FROM drafts WHERE person_id = ?",
    "kept-comments": "SELECT COUNT(*) FROM kept_comments WHERE person_id = ?",
}


class MomentsEraser:
    def __init__(self, outbox: Outbox, moments: Moments) -> None:
        self._outbox = outbox
        self._moments = moments

    def count(self, tx: Tx, person: Person) -> Mapping[str, int]:
        return {name: int(tx.sql(query, (person.id,)).scalar_one()) for name, query in _COUNTS.items()}

    def erase(self, tx: Tx, person: Person, most: int) -> bool:
        """First their moments, with all that was said under them; then what they said under those of others."""
        left = most
        own = (
            tx.sql("SELECT id FROM moments WHERE author_id = ? ORDER BY id LIMIT ?", (person.id, left)).scalars().all()
        )
        for moment_id in own:
            moment = store.moment(tx, moment_id)
            if moment is not None:
                self._take_back_digests(tx, moment)
                self._moments.remove(tx, moment, traced=False)
        left -= len(own)
        said = (
            tx.sql("SELECT id FROM comments WHERE person_id = ? ORDER BY id LIMIT ?", (person.id, left)).scalars().all()
        )
        for comment_id in said:
            self._delete_comment(tx, person, comment_id)
        left -= len(said)
        liked = tx.sql(
            "SELECT moment_id, created_at, told FROM likes WHERE person_id = ? ORDER BY moment_id LIMIT ?",
            (person.id, left),
        ).all()
        for row in liked:
            self._unlike(tx, person, row.moment_id, row.created_at, told=bool(row.told))
        left -= len(liked)
        voted = tx.sql(
            "SELECT moment_id, created_at FROM votes WHERE person_id = ? ORDER BY id LIMIT ?", (person.id, left)
        ).all()
        for row in voted:
            moment = store.moment(tx, row.moment_id)
            if moment is not None:
                self._take_back_shown(tx, person.id, moment, row.created_at)
                delay = self._moments.responding.gathered_ms(tx, moment.author)
                copy_store.take_back_votes(tx, self._outbox, moment.id, moment.author, delay)
            self._moments.responding.unvote(tx, person, row.moment_id)
        return len(voted) >= left

    def finish(self, tx: Tx, person: Person) -> None:
        while self.erase(tx, person, 100):  # what came in since the last step
            pass

    # --- inside ---------------------------------------------------------------------------------------------
    def _delete_comment(self, tx: Tx, person: Person, comment_id: int) -> None:
        comment = responses.comment(tx, comment_id)
        moment = None if comment is None else store.moment(tx, comment.moment_id)
        if comment is not None and moment is not None:
            self._take_back_shown(tx, person.id, moment, comment.created_at)
        if not self._moments.responding.delete_comment(tx, person, comment_id):
            responses.delete_comment(tx, comment_id)

    def _unlike(self, tx: Tx, person: Person, moment_id: int, since: int, *, told: bool) -> None:
        moment = store.moment(tx, moment_id)
        if moment is not None:
            self._take_back_shown(tx, person.id, moment, since)
            if told:
                self._take_back_notices(tx, moment)
        self._moments.responding.forget_like(tx, person, moment_id)

    def _take_back_shown(self, tx: Tx, writer: PersonId, moment: Moment, since: int) -> None:
        """Take back the copies of somebody's moment that show what `writer` said or liked since then. Who could not see
        it has none of these, and must not learn that there was anything."""
        readers = copy_store.readers_since(tx, SHOWN, moment.id, since)
        items = Items(tx, [moment.author, writer], readers, [moment])
        # Also copies of what has become too old for their reader since.
        ageless = {person: replace(shows, window_ms=None) for person, shows in items.world.shows.items()}
        items.world = replace(items.world, shows=ageless)
        for reader in readers:
            if items.sees_response(reader, moment, writer):
                copy_store.take_back_since(tx, self._outbox, moment.id, reader, since)

    def _take_back_digests(self, tx: Tx, moment: Moment) -> None:
        """Take back the daily messages in which friends may have been told that there was this moment."""
        readers = friend_ids(tx, moment.author)
        items = Items(tx, [moment.author], readers, [moment])
        seeing = [reader for reader in readers if items.sees(reader, moment)]
        for start in range(0, len(seeing), _CHUNK):
            chunk = seeing[start : start + _CHUNK]
            rows = tx.sql(
                f"SELECT account_id, event_id, room_id FROM copies WHERE kind = '{DIGEST}' AND created_at >= ?"
                f" AND created_at < ? AND ref_id IN ({','.join('?' * len(chunk))})",
                (moment.created_at, moment.created_at + _DIGEST_MS, *chunk),
            ).all()
            for row in rows:
                queue.redact(tx, queue.Copy(row.account_id, row.event_id, row.room_id))
        tx.after_commit(self._outbox.wake)

    def _take_back_notices(self, tx: Tx, moment: Moment) -> None:
        """Take back what the author was told of likes: the notices don't tell apart who stands in them. The likes of
        others that were told are not told again; those that were not are."""
        waiting = queue.is_waiting(tx, moment.author, LIKES, moment.id)
        tx.sql("UPDATE likes SET told = ? WHERE moment_id = ? AND told > 0", (_TOLD, moment.id))
        self._outbox.withdraw(tx, LIKES, moment.id)
        if waiting:
            delay = self._moments.responding.gathered_ms(tx, moment.author)
            self._outbox.copy(tx, moment.author, LIKES, moment.id, delay_ms=delay, once=True)
