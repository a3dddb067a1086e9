"""Retention (O4): what the operator lets go when it is old. Off unless it is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.chat import prompts
from bridge.chat.people import People, lookup
from bridge.chat.reply import Message, Text, Time
from bridge.contacts.service import PROMPT
from bridge.db import Database, Tx, day_keys, own_limits, two_keys
from bridge.db.sealing import Unreadable
from bridge.delivery.outbox import Outbox
from bridge.ids import PersonId, UserId
from bridge.moments import keep_times, store
from bridge.moments.service import Moments
from bridge.rights.deletions import Deletions

_AT_ONCE = 100
_KEYS_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """Ages in ms after which something goes; None: never."""

    moments_ms: int | None = None
    log_ms: int | None = None
    requests_ms: int | None = None
    inactive_ms: int | None = None
    notice_ms: int = 30 * 24 * 3600 * 1000
    """So long before people are told that their account will end."""
    people: Mapping[UserId, Mapping[str, int | None]] = field(default_factory=dict)
    """Limits of single people, in place of those above: class (see `own_limits`) → days; None: never."""

    def of(self, what: str) -> int | None:
        """The age of a class."""
        ages = {
            own_limits.MOMENTS: self.moments_ms,
            own_limits.LOG: self.log_ms,
            own_limits.REQUESTS: self.requests_ms,
            own_limits.INACTIVE: self.inactive_ms,
        }
        return ages[what]

    def wants(self, what: str) -> bool:
        """Whether anybody has a limit for a class."""
        return self.of(what) is not None or any(own.get(what) is not None for own in self.people.values())


@dataclass(frozen=True, slots=True)
class _Kind:
    """Something that is let go."""

    what: str
    """The class whose limit it has."""
    table: str
    owner: str
    at: str
    """SQL of its time, ms."""
    besides: str = ""

    @property
    def old(self) -> str:
        """What of it is too old; its parameters: now, and the age of everybody's."""
        joined = own_limits.joined(self.what, self.owner)
        return f"FROM {self.table} r {joined} WHERE {self.at} < ? - {own_limits.AGE}{self.besides}"


_KINDS = {
    "moments": _Kind(own_limits.MOMENTS, "moments", "r.author_id", "r.created_at"),
    "log_entries": _Kind(own_limits.LOG, "access_log", "r.person_id", "r.at"),
    "told_to_programs": _Kind(own_limits.LOG, "program_deliveries", "r.person_id", "r.at"),
    "requests": _Kind(own_limits.REQUESTS, "friend_requests", "r.from_id", "r.created_at"),
    "inactive_people": _Kind(
        own_limits.INACTIVE,
        "people",
        "r.id",
        "COALESCE(r.seen_at, r.opened_at)",
        " AND r.opened_at IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM deletions d WHERE d.person_id = r.id AND d.state <> 'asked')",
    ),
}
_DATED = {day_keys.LOG: "log_entries", day_keys.TOLD: "told_to_programs", day_keys.REQUESTS: "requests"}
"""What is sealed under keys of days."""


def put_in_force(tx: Tx, settings: RetentionSettings) -> None:
    """Have limits of single people hold from now on. Who is named and was never here has none."""
    limits = {}
    for user_id, own in settings.people.items():
        person = tx.sql("SELECT id FROM people WHERE lookup = ?", (lookup(tx, user_id),)).scalar()
        if person is not None:
            limits[int(person)] = own
    own_limits.put_in_force(tx, limits)


class _Counted(Exception):
    """Takes a transaction back."""

    def __init__(self, counts: dict[str, int | None]) -> None:
        super().__init__()
        self.counts = counts


def dry_run(db: Database, settings: RetentionSettings) -> dict[str, int | None]:
    """How much would go now by these settings, as `count` says it, whichever are in force. Changes nothing."""

    def work(tx: Tx) -> None:
        put_in_force(tx, settings)
        raise _Counted(count(tx, settings))

    try:
        db.run_sync(work)
    except _Counted as done:
        return done.counts
    raise AssertionError("counted nothing")


def count(tx: Tx, settings: RetentionSettings) -> dict[str, int | None]:
    """How much would go now, by class, with the limits of single people that are in force; None: it is never let go."""
    counts: dict[str, int | None] = dict.fromkeys(_KINDS)
    for name, kind in _KINDS.items():
        if settings.wants(kind.what):
            age = own_limits.age(settings.of(kind.what))
            counts[name] = int(tx.sql(f"SELECT COUNT(*) {kind.old}", (tx.now, age)).scalar_one())
    counts["moments_by_wish_of_their_authors"] = keep_times.count_over(tx)
    bare = None
    if settings.wants(own_limits.MOMENTS):
        joined = own_limits.joined(own_limits.MOMENTS, "r.author_id")
        everybody = int(settings.moments_ms is not None)
        wanted = "(o.days IS NOT NULL OR (? = 1 AND o.person_id IS NULL))"
        query = f"SELECT COUNT(*) FROM moments r {joined} WHERE r.key_id IS NULL AND {wanted}"
        bare = int(tx.sql(query, (everybody,)).scalar_one())
    # Those get one in the next hour; what is let go before is under its author's key alone, who keeps it.
    return {**counts, "moments_without_own_key": bare, "people_with_limits_of_their_own": own_limits.count(tx)}


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
        put_in_force(tx, self._settings)
        logged = [self._old_entries(tx, name) for name in ("log_entries", "told_to_programs")]
        done = [self._old_moments(tx), *logged, self._old_requests(tx), self._warn(tx)]
        keyed = self._give_keys(tx)
        resealed = [self._give_day_keys(tx, kind) for kind in _DATED]
        if any((*done, keyed, *resealed)):
            tx.scrub_later()
        if sum(self._end_days(tx, kind) for kind in _DATED):
            tx.after_commit(self._moments.on_expiry)
        return any(count == _AT_ONCE for count in (*done, *resealed)) or keyed == _KEYS_AT_ONCE

    def _ids(self, tx: Tx, name: str) -> list[int]:
        """Some of what is too old."""
        kind = _KINDS[name]
        if not self._settings.wants(kind.what):
            return []
        age = own_limits.age(self._settings.of(kind.what))
        rows = tx.sql(f"SELECT r.id {kind.old} ORDER BY r.id LIMIT {_AT_ONCE}", (tx.now, age))
        return [int(i) for i in rows.scalars()]

    def _old_moments(self, tx: Tx) -> int:
        """As if their authors deleted them: every copy is taken back."""
        ids = self._ids(tx, "moments")
        own = keep_times.over(tx, _AT_ONCE)
        for moment_id in {*ids, *own}:
            moment = store.moment(tx, moment_id)
            if moment is not None:
                self._moments.remove(tx, moment)
        return max(len(ids), len(own))

    def _give_keys(self, tx: Tx) -> int:
        """A key of its own for moments from before this was asked for, so that it can be destroyed with them."""
        age = own_limits.age(self._settings.moments_ms)
        joined = own_limits.joined(own_limits.MOMENTS, "r.author_id")
        # Damaged ones can't have one: the next look begins behind them.
        rows = tx.sql(
            f"SELECT r.id FROM moments r {joined} WHERE r.key_id IS NULL AND r.id > ? AND (o.days IS NOT NULL"
            " OR (? = 1 AND o.person_id IS NULL)"
            " OR EXISTS (SELECT 1 FROM keep_times k WHERE k.person_id = r.author_id))"
            f" AND r.created_at >= ? - {own_limits.AGE} ORDER BY r.id LIMIT {_KEYS_AT_ONCE}",
            (self._keyed, int(self._settings.moments_ms is not None), tx.now, age),
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

    def _give_day_keys(self, tx: Tx, name: str) -> int:
        """The right key of its day for what has none, or that of another limit, so that it can be destroyed with it."""
        kind = _KINDS[_DATED[name]]
        everybody = self._settings.of(kind.what)
        rows = tx.sql(
            f"SELECT r.id, {kind.owner} AS owner, {kind.at} AS at, r.sealed, r.key_id FROM {kind.table} r"
            f" {own_limits.joined(kind.what, kind.owner)} LEFT JOIN day_keys d ON d.key_id = r.key_id"
            f" WHERE r.sealed IS NOT NULL AND r.id > ? AND {kind.at} >= ? - {own_limits.AGE}"
            " AND ((r.key_id IS NULL AND (? = 1 OR o.person_id IS NOT NULL))"
            f" OR d.kind <> {own_limits.group_sql(name)}) ORDER BY r.id LIMIT {_AT_ONCE}",
            (self._dated.get(name, 0), tx.now, own_limits.age(everybody), int(everybody is not None)),
        ).all()
        for row in rows:
            value = two_keys.read(tx, row.key_id, row.owner, kind.table, row.id, "sealed", row.sealed)
            if value is not None:  # else it is damaged, and opens for nobody
                key = day_keys.key_of(tx, name, row.owner, row.at)
                sealed = two_keys.seal(tx, key, row.owner, kind.table, row.id, "sealed", value)
                tx.sql(f"UPDATE {kind.table} SET sealed = ?, key_id = ? WHERE id = ?", (sealed, key, row.id))
        reached = rows[-1].id if len(rows) == _AT_ONCE else 0
        tx.after_commit(lambda: self._dated.update({name: reached}))
        return len(rows)

    def _end_days(self, tx: Tx, kind: str) -> int:
        age = self._settings.of(_KINDS[_DATED[kind]].what)
        own = day_keys.end_own(tx, kind)
        return own if age is None else own + day_keys.end(tx, kind, tx.now - age)

    def _old_entries(self, tx: Tx, name: str) -> int:
        ids = self._ids(tx, name)
        tx.sql(f"DELETE FROM {_KINDS[name].table} WHERE id = ?", [(i,) for i in ids])
        return len(ids)

    def _old_requests(self, tx: Tx) -> int:
        # What is of 1970 lost its key to a time before this copy of the database: that goes in any case.
        lost = tx.sql(f"SELECT id FROM friend_requests WHERE created_at < 1 ORDER BY id LIMIT {_AT_ONCE}").scalars()
        ids = lost or self._ids(tx, "requests")
        for request_id in ids:
            asked = tx.sql("SELECT id FROM prompts WHERE kind = ? AND ref_id = ?", (PROMPT, request_id)).scalars()
            for prompt_id in asked.all():
                self._outbox.withdraw(tx, prompts.COPY_KIND, prompt_id)
            prompts.close(tx, PROMPT, request_id)
            tx.sql("DELETE FROM friend_requests WHERE id = ?", (request_id,))
        return len(ids)

    def _warn(self, tx: Tx) -> int:
        """Tell people who said nothing for long that their account will end."""
        ids = self._ids(tx, "inactive_people")
        for person_id in map(PersonId, ids):
            due = self._deletions.end_inactive(tx, person_id, self._settings.notice_ms)
            try:
                person = self._people.by_id(tx, person_id)
            except Unreadable:
                continue
            if person is not None:
                self._outbox.message(tx, person, Message((Text("retention-inactive", {"time": Time(due)}),)))
        return len(ids)
