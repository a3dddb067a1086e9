"""Retention (O4): what the operator lets go when it is old. Off unless it is asked for."""

from dataclasses import dataclass

from bridge.chat import prompts
from bridge.chat.people import People
from bridge.chat.reply import Message, Text, Time
from bridge.contacts.service import PROMPT
from bridge.db import Tx, day_keys, two_keys
from bridge.db.sealing import Unreadable
from bridge.delivery.outbox import Outbox
from bridge.ids import PersonId
from bridge.moments import keep_times, store
from bridge.moments.service import Moments
from bridge.rights.deletions import Deletions

_AT_ONCE = 100
_KEYS_AT_ONCE = 20
_NEVER = 1 << 62


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """Ages in ms after which something goes; None: never."""

    moments_ms: int | None = None
    log_ms: int | None = None
    requests_ms: int | None = None
    inactive_ms: int | None = None
    notice_ms: int = 30 * 24 * 3600 * 1000
    """So long before people are told that their account will end."""


_DATED = {
    day_keys.LOG: ("access_log", "person_id", "at"),
    day_keys.REQUESTS: ("friend_requests", "from_id", "created_at"),
}
"""What is sealed under keys of days: table, owner, time."""
_OLD = {
    "moments": "FROM moments WHERE created_at < ?",
    "log_entries": "FROM access_log WHERE at < ?",
    "requests": "FROM friend_requests WHERE created_at < ?",
    "inactive_people": "FROM people WHERE opened_at IS NOT NULL AND COALESCE(seen_at, opened_at) < ?"
    " AND NOT EXISTS (SELECT 1 FROM deletions d WHERE d.person_id = people.id AND d.state <> 'asked')",
}


def count(tx: Tx, settings: RetentionSettings) -> dict[str, int | None]:
    """How much would go now, by class; None: it is never let go."""
    ages = {
        "moments": settings.moments_ms,
        "log_entries": settings.log_ms,
        "requests": settings.requests_ms,
        "inactive_people": settings.inactive_ms,
    }
    counts = {
        name: None if age is None else int(tx.sql(f"SELECT COUNT(*) {_OLD[name]}", (tx.now - age,)).scalar_one())
        for name, age in ages.items()
    }
    bare = None
    if settings.moments_ms is not None:
        bare = int(tx.sql("SELECT COUNT(*) FROM moments WHERE key_id IS NULL").scalar_one())
    counts["moments_by_wish_of_their_authors"] = keep_times.count_over(tx)
    # Those get one in the next hour; what is let go before is under its author's key alone, who keeps it.
    return {**counts, "moments_without_own_key": bare}


class Retention:
    """Methods run inside the transaction that they are given."""

    def __init__(
        self, settings: RetentionSettings, people: People, outbox: Outbox, moments: Moments, deletions: Deletions
    ) -> None:
        self._settings = settings
        self._people = people
        self._outbox = outbox
        self._moments = moments
        self._deletions = deletions
        self._keyed = 0
        """Up to this one, moments have keys of their own, or can't."""
        self._dated: dict[str, int] = {}
        """The same of what has keys of days."""

    def step(self, tx: Tx) -> bool:
        """Let some of what is old go. Whether there may be more."""
        done = [self._old_moments(tx), self._old_log(tx), self._old_requests(tx), self._warn(tx)]
        keyed = self._give_keys(tx)
        resealed = [self._give_day_keys(tx, kind) for kind in (day_keys.LOG, day_keys.REQUESTS)]
        if any((*done, keyed, *resealed)):
            tx.scrub_later()
        if sum(self._end_days(tx, kind) for kind in (day_keys.LOG, day_keys.REQUESTS)):
            tx.after_commit(self._moments.on_expiry)
        return any(count == _AT_ONCE for count in (*done, *resealed)) or keyed == _KEYS_AT_ONCE

    def _ids(self, tx: Tx, what: str, age: int | None) -> list[int]:
        if age is None:
            return []
        rows = tx.sql(f"SELECT id {_OLD[what]} ORDER BY id LIMIT {_AT_ONCE}", (tx.now - age,))
        return [int(i) for i in rows.scalars()]

    def _old_moments(self, tx: Tx) -> int:
        """As if their authors deleted them: every copy is taken back."""
        ids = self._ids(tx, "moments", self._settings.moments_ms)
        own = keep_times.over(tx, _AT_ONCE)
        for moment_id in {*ids, *own}:
            moment = store.moment(tx, moment_id)
            if moment is not None:
                self._moments.remove(tx, moment)
        return max(len(ids), len(own))

    def _give_keys(self, tx: Tx) -> int:
        """A key of its own for moments from before this was asked for, so that it can be destroyed with them."""
        age = self._settings.moments_ms
        # Damaged ones can't have one: the next look begins behind them.
        rows = tx.sql(
            "SELECT id FROM moments WHERE key_id IS NULL AND id > ? AND (created_at >= ?"
            " OR EXISTS (SELECT 1 FROM keep_times k WHERE k.person_id = author_id))"
            f" ORDER BY id LIMIT {_KEYS_AT_ONCE}",
            (self._keyed, _NEVER if age is None else tx.now - age),
        )
        ids = list(rows.scalars())
        for moment_id in ids:
            moment = store.moment(tx, moment_id)
            if moment is not None and not moment.damaged:
                self._moments.give_key(tx, moment)
        reached = ids[-1] if len(ids) == _KEYS_AT_ONCE else 0
        tx.after_commit(lambda: self._went_on(reached))
        return len(ids)

    def _went_on(self, reached: int) -> None:
        self._keyed = reached

    def _age(self, kind: str) -> int | None:
        return self._settings.log_ms if kind == day_keys.LOG else self._settings.requests_ms

    def _give_day_keys(self, tx: Tx, kind: str) -> int:
        """The key of its day for what was written before there were such keys, so that it can be destroyed with it."""
        age = self._age(kind)
        if age is None:
            return 0
        table, owner, at = _DATED[kind]
        rows = tx.sql(
            f"SELECT id, {owner} AS owner, {at} AS at, sealed FROM {table} WHERE key_id IS NULL AND sealed IS NOT NULL"
            f" AND {at} >= ? AND id > ? ORDER BY id LIMIT {_AT_ONCE}",
            (tx.now - age, self._dated.get(kind, 0)),
        ).all()
        for row in rows:
            value = tx.vault.read(row.owner, table, row.id, "sealed", row.sealed)
            if value is not None:  # else it is damaged, and opens for nobody
                key = day_keys.key_of(tx, kind, row.at)
                sealed = two_keys.seal(tx, key, row.owner, table, row.id, "sealed", value)
                tx.sql(f"UPDATE {table} SET sealed = ?, key_id = ? WHERE id = ?", (sealed, key, row.id))
        reached = rows[-1].id if len(rows) == _AT_ONCE else 0
        tx.after_commit(lambda: self._dated.update({kind: reached}))
        return len(rows)

    def _end_days(self, tx: Tx, kind: str) -> int:
        age = self._age(kind)
        return 0 if age is None else day_keys.end(tx, kind, tx.now - age)

    def _old_log(self, tx: Tx) -> int:
        ids = self._ids(tx, "log_entries", self._settings.log_ms)
        tx.sql("DELETE FROM access_log WHERE id = ?", [(i,) for i in ids])
        return len(ids)

    def _old_requests(self, tx: Tx) -> int:
        # What is of 1970 lost its key to a time before this copy of the database: that goes in any case.
        ids = self._ids(tx, "requests", self._settings.requests_ms or tx.now - 1)
        for request_id in ids:
            asked = tx.sql("SELECT id FROM prompts WHERE kind = ? AND ref_id = ?", (PROMPT, request_id)).scalars()
            for prompt_id in asked.all():
                self._outbox.withdraw(tx, prompts.COPY_KIND, prompt_id)
            prompts.close(tx, PROMPT, request_id)
            tx.sql("DELETE FROM friend_requests WHERE id = ?", (request_id,))
        return len(ids)

    def _warn(self, tx: Tx) -> int:
        """Tell people who said nothing for long that their account will end."""
        ids = self._ids(tx, "inactive_people", self._settings.inactive_ms)
        for person_id in map(PersonId, ids):
            due = self._deletions.end_inactive(tx, person_id, self._settings.notice_ms)
            try:
                person = self._people.by_id(tx, person_id)
            except Unreadable:
                continue
            if person is not None:
                self._outbox.message(tx, person, Message((Text("retention-inactive", {"time": Time(due)}),)))
        return len(ids)
