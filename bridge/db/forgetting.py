"""Deleting people, and with them every row that leads to them."""

from collections.abc import Sequence

from bridge.db.engine import Tx

_CHUNK = 400


def forget_people(tx: Tx, ids: Sequence[int]) -> int:
    """Delete the rows of these people; how many there were. What leads to them goes by its foreign keys, but answers to
    their comments stay, as comments of their own: they are others'."""
    count = 0
    for start in range(0, len(ids), _CHUNK):
        chunk = tuple(ids[start : start + _CHUNK])
        marks = ",".join("?" * len(chunk))
        tx.sql(
            "UPDATE comments SET answer_to = NULL"
            f" WHERE answer_to IN (SELECT id FROM comments WHERE person_id IN ({marks}))",
            chunk,
        )
        count += tx.sql(f"DELETE FROM people WHERE id IN ({marks})", chunk).rowcount
    return count
