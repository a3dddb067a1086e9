"""Rows of exports and imports. They survive restarts; what they know is sealed under the person's key."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from bridge.db import Tx, media
from bridge.ids import PersonId

EXPORT, IMPORT = "export", "import"
_KEPT_MS = 24 * 3600 * 1000


class State(Enum):
    WORKING = "working"
    """There is something to do."""
    WAITING = "waiting"
    """It waits for the person: for parts, or for an answer."""
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Job:
    id: int
    person: PersonId
    kind: str
    state: State
    value: Mapping[str, Any]
    """How far it is, as JSON."""
    failures: int
    created_at: int
    """ms"""


_COLUMNS = "id, person_id, kind, state, sealed, failures, created_at"


def add(tx: Tx, person: PersonId, kind: str, state: State, value: Mapping[str, Any], due_at: int | None) -> int:
    [job_id] = tx.new_ids("archive_jobs")
    tx.sql(
        "INSERT INTO archive_jobs (id, person_id, kind, state, sealed, due_at, failures, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, 0, ?)",
        (job_id, person, kind, state.value, _seal(tx, person, job_id, value), due_at, tx.now),
    )
    return job_id


def save(tx: Tx, job: Job, state: State, value: Mapping[str, Any], due_at: int | None) -> bool:
    """Note how far it is. False: it is not there any more, or over."""
    done = tx.sql(
        "UPDATE archive_jobs SET state = ?, sealed = ?, due_at = ?, failures = 0 WHERE id = ? AND sealed IS NOT NULL",
        (state.value, _seal(tx, job.person, job.id, value), due_at, job.id),
    )
    return done.rowcount == 1


def end(tx: Tx, job_id: int, state: State) -> bool:
    """It is over; nothing of it is kept but that it was. False: it was over before, or is gone."""
    tx.scrub_later()
    done = tx.sql(
        "UPDATE archive_jobs SET state = ?, sealed = NULL, due_at = NULL WHERE id = ? AND sealed IS NOT NULL",
        (state.value, job_id),
    )
    media.release(tx, media.JOB, job_id)
    return done.rowcount == 1


def postpone(tx: Tx, job_id: int, due_at: int) -> None:
    """A step did not work: try again at this time (ms)."""
    tx.sql("UPDATE archive_jobs SET due_at = ?, failures = failures + 1 WHERE id = ?", (due_at, job_id))


def running(tx: Tx, person: PersonId, kind: str) -> Job | None:
    """What is not over, of this kind; None also where its row is damaged."""
    row = tx.sql(
        f"SELECT {_COLUMNS} FROM archive_jobs WHERE person_id = ? AND kind = ? AND state IN ('working', 'waiting')"
        " ORDER BY id DESC LIMIT 1",
        (person, kind),
    ).first()
    return None if row is None else _job(tx, row)


def get(tx: Tx, job_id: int) -> Job | None:
    """None: it is over, or its row is damaged."""
    row = tx.sql(f"SELECT {_COLUMNS} FROM archive_jobs WHERE id = ? AND sealed IS NOT NULL", (job_id,)).first()
    return None if row is None else _job(tx, row)


def owner(tx: Tx, job_id: int) -> tuple[PersonId, str] | None:
    """Whose it is and of which kind, also where its row is damaged. None: it is over."""
    row = tx.sql("SELECT person_id, kind FROM archive_jobs WHERE id = ? AND sealed IS NOT NULL", (job_id,)).first()
    return None if row is None else (PersonId(row.person_id), row.kind)


def count_since(tx: Tx, person: PersonId, kind: str, since: int) -> int:
    query = "SELECT COUNT(*) FROM archive_jobs WHERE person_id = ? AND kind = ? AND created_at > ?"
    return int(tx.sql(query, (person, kind, since)).scalar_one())


def next_due(tx: Tx) -> tuple[int, int] | None:
    """Id and time (ms) of the job that is to go on next."""
    row = tx.sql("SELECT id, due_at FROM archive_jobs WHERE due_at IS NOT NULL ORDER BY due_at, id LIMIT 1").first()
    return None if row is None else (row.id, row.due_at)


def forget_old(tx: Tx) -> None:
    """Forget those that are over and count for no limit any more."""
    tx.sql(
        "DELETE FROM archive_jobs WHERE state IN ('done', 'failed') AND created_at < ?",
        (tx.now - _KEPT_MS,),
    )


def _seal(tx: Tx, person: PersonId, job_id: int, value: Mapping[str, Any]) -> bytes:
    return tx.vault.seal(person, "archive_jobs", job_id, "sealed", value)


def _job(tx: Tx, row: Any) -> Job | None:
    value = tx.vault.read(row.person_id, "archive_jobs", row.id, "sealed", row.sealed)
    if value is None:
        return None
    return Job(row.id, PersonId(row.person_id), row.kind, State(row.state), value, row.failures, row.created_at)
