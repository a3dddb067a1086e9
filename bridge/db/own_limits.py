"""Limits that the operator set for single people, in place of those of everybody (O4): as they are in force.

They stand in the database because who writes has to know under which key of the day, and in whatever process.
"""

from collections.abc import Mapping

from bridge.db.engine import Tx

MOMENTS, LOG, REQUESTS, INACTIVE = "moments", "log", "requests", "inactive"
"""Classes of data."""
DAY_MS = 24 * 3600 * 1000
_FOR_EVER = 1 << 62


def put_in_force(tx: Tx, limits: Mapping[int, Mapping[str, int | None]]) -> None:
    """These hold from now on, and no others. By person and class: days, None: never."""
    wanted = {(person, what): days for person, own in limits.items() for what, days in own.items()}
    rows = tx.sql("SELECT person_id, what, days FROM own_limits").all()
    there = {(int(row.person_id), str(row.what)): row.days for row in rows}
    for person, what in there:
        if (person, what) not in wanted or wanted[person, what] != there[person, what]:
            tx.sql("DELETE FROM own_limits WHERE person_id = ? AND what = ?", (person, what))
    for (person, what), days in wanted.items():
        if (person, what) not in there or there[person, what] != days:
            tx.sql("INSERT INTO own_limits (person_id, what, days) VALUES (?, ?, ?)", (person, what, days))


def count(tx: Tx) -> int:
    """People who have any."""
    return int(tx.sql("SELECT COUNT(DISTINCT person_id) FROM own_limits").scalar_one())


def days(tx: Tx, person: int, what: str, everybody: int | None) -> int | None:
    """What holds for a person, where `everybody` holds for those without a limit of their own. None: never."""
    row = tx.sql("SELECT days FROM own_limits WHERE person_id = ? AND what = ?", (person, what)).first()
    return everybody if row is None else row.days


def joined(what: str, owner: str) -> str:
    """SQL that joins the limit of a row's owner as `o`."""
    return f"LEFT JOIN own_limits o ON o.person_id = {owner} AND o.what = '{what}'"


AGE = f"CASE WHEN o.person_id IS NULL THEN ? ELSE COALESCE(CAST(o.days AS BIGINT) * {DAY_MS}, {_FOR_EVER}) END"
"""SQL of the age, ms, at which a row goes whose owner's limit was joined; its parameter is `age` of everybody's."""


def age(everybody_ms: int | None) -> int:
    """The parameter of `AGE`: so that it also holds for ever."""
    return _FOR_EVER if everybody_ms is None else everybody_ms


def group(tx: Tx, person: int, kind: str, what: str) -> str:
    """Under which keys of days somebody's rows stand: those of everybody, or those of all with the same limit."""
    row = tx.sql("SELECT days FROM own_limits WHERE person_id = ? AND what = ?", (person, what)).first()
    return kind if row is None else f"{kind}/{'never' if row.days is None else row.days}"


def group_sql(kind: str) -> str:
    """The same as SQL, where the owner's limit was joined."""
    own = f"'{kind}/' || COALESCE(CAST(o.days AS TEXT), 'never')"
    return f"CASE WHEN o.person_id IS NULL THEN '{kind}' ELSE {own} END"
