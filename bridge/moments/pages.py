"""The compact form: a page of moments in one event (M8). Who wants that, and which moments stand on which page."""

from collections.abc import Sequence

from bridge.db import Tx
from bridge.ids import PersonId
from bridge.moments.kinds import PAGE
from bridge.moments.places import position, set_position

_FORM = "form"
"""The place with the form that a person chose."""
_DAY_MS = 24 * 3600 * 1000


def is_compact(tx: Tx, reader: PersonId) -> bool:
    """Whether lists are shown to them as pages; who chose nothing gets one event for each moment."""
    chosen = position(tx, reader, _FORM)
    return chosen is not None and bool(chosen["compact"])


def choose(tx: Tx, reader: PersonId, *, compact: bool) -> None:
    set_position(tx, reader, _FORM, {"compact": compact})


def add(tx: Tx, reader: PersonId, moments: Sequence[int]) -> int:
    """A new page with these moments in this order; its id."""
    [page_id] = tx.new_ids("pages")
    tx.sql("INSERT INTO pages (id, person_id, created_at) VALUES (?, ?, ?)", (page_id, reader, tx.now))
    tx.sql(
        "INSERT INTO page_moments (page_id, moment_id, position) VALUES (?, ?, ?)",
        [(page_id, moment_id, place) for place, moment_id in enumerate(moments)],
    )
    return page_id


def moments_on(tx: Tx, reader: PersonId, page_id: int) -> list[int]:
    """The moments of a reader's page, in order; whether they may still be seen is decided elsewhere."""
    rows = tx.sql(
        "SELECT m.moment_id FROM page_moments m JOIN pages p ON p.id = m.page_id"
        " WHERE p.id = ? AND p.person_id = ? ORDER BY m.position",
        (page_id, reader),
    )
    return [int(row.moment_id) for row in rows]


def with_moment(tx: Tx, moment_id: int, reader: PersonId | None = None) -> list[tuple[int, PersonId]]:
    """(page, reader): the pages on which a moment stands, of one reader or of all, in the order in which they came."""
    person = "" if reader is None else " AND p.person_id = ?"
    rows = tx.sql(
        "SELECT p.id, p.person_id FROM page_moments m JOIN pages p ON p.id = m.page_id"
        f" WHERE m.moment_id = ?{person} ORDER BY p.id",
        (moment_id,) if reader is None else (moment_id, reader),
    )
    return [(int(row.id), PersonId(row.person_id)) for row in rows]


def forget_gone(tx: Tx) -> None:
    """Forget pages that stand in no chat any more, nor are to be sent."""
    tx.sql(
        "DELETE FROM pages WHERE created_at < ?"
        " AND NOT EXISTS (SELECT 1 FROM copies c WHERE c.kind = ? AND c.ref_id = pages.id)"
        " AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.copy_kind = ? AND o.copy_ref = pages.id)",
        (tx.now - _DAY_MS, PAGE, PAGE),
    )
