"""Which files the bot has on its homeserver, and what shows them: so that a file goes when nothing shows it any more.

What shows a file holds it, by a row that refers to it and goes with it, however that goes: deleted, expired, erased, by
a job or by a foreign key. So nothing has to think of files when it deletes, and what several things show stays until
the last of them is gone.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from bridge.db.engine import Tx
from bridge.db.sealing import HOUSE

PICTURE, DRAFT, INVITE, JOB = "picture", "draft", "invite", "job"
"""What holds a file by a row of its own: its id is that of the row."""
AVATAR, EXPORT, PROGRAM = "avatar", "export", "program"
"""What people hold until they go: what is shown in their profile, and what lies in their chat."""
ROOM = "room"
"""What mini-programs showed in rooms with several people: nobody's, so it stays."""
_COLUMNS = {PICTURE: "picture_id", DRAFT: "draft_id", INVITE: "invite_id", JOB: "job_id"}
_WINDOW = 2000
"""Files that are looked at in one transaction: most of them are shown, and others have the database in between."""
_UNUSED_MS = 24 * 3600 * 1000
"""After so long, what was uploaded and never shown comes to nothing."""
_UNHELD = (
    "FROM media m WHERE (m.loose = 0 OR m.created_at < ?)"
    " AND NOT EXISTS (SELECT 1 FROM media_holders h WHERE h.media_id = m.id)"
)
File: TypeAlias = Mapping[str, Any]
"""`EncryptedFile` of the specification: its `url` is what counts here."""


def note(tx: Tx, uri: str) -> int:
    """Remember a file that was uploaded. Its id here."""
    lookup = tx.vault.lookup("media", uri)
    found = tx.sql("SELECT id FROM media WHERE lookup = ?", (lookup,)).scalar()
    if found is None:
        [found] = tx.new_ids("media")
        sealed = tx.vault.seal(HOUSE, "media", found, "sealed", uri)
        tx.sql(
            "INSERT INTO media (id, lookup, sealed, created_at) VALUES (?, ?, ?, ?)", (found, lookup, sealed, tx.now)
        )
    return int(found)


def hold(tx: Tx, what: str, ref: int | None, files: Iterable[File | None]) -> None:
    """These files are shown by it from now on, besides those that are: a picture's row, a draft, a person."""
    column = _COLUMNS.get(what, "person_id")
    for file in files:
        uri = None if file is None else file.get("url")
        if isinstance(uri, str):
            media_id = note(tx, uri)
            there = f"SELECT 1 FROM media_holders WHERE media_id = ? AND what = ? AND COALESCE({column}, 0) = ?"
            if tx.sql(there, (media_id, what, ref or 0)).first() is None:
                tx.sql(f"INSERT INTO media_holders (media_id, what, {column}) VALUES (?, ?, ?)", (media_id, what, ref))
                tx.sql("UPDATE media SET loose = 0 WHERE id = ?", (media_id,))


def release(tx: Tx, what: str, ref: int) -> None:
    """It shows no file any more."""
    tx.sql(f"DELETE FROM media_holders WHERE {_COLUMNS.get(what, 'person_id')} = ? AND what = ?", (ref, what))


def unheld(tx: Tx, after: int) -> tuple[list[tuple[int, str | None]], int | None]:
    """Of the next files after an id (0: from the beginning), those that nothing shows any more: id and URI; None: its
    row is damaged. And the id after which to go on; None: these were the last."""
    window = (after, after + _WINDOW)
    query = f"SELECT m.id, m.sealed {_UNHELD} AND m.id > ? AND m.id <= ? ORDER BY m.id"
    rows = tx.sql(query, (tx.now - _UNUSED_MS, *window)).all()
    found = [(int(row.id), tx.vault.read(HOUSE, "media", row.id, "sealed", row.sealed)) for row in rows]
    following: int | None = tx.sql("SELECT MIN(id) FROM media WHERE id > ?", (window[1],)).scalar()
    return found, None if following is None else following - 1


def count_unheld(tx: Tx) -> int:
    """How many there are of these."""
    return int(tx.sql(f"SELECT COUNT(*) {_UNHELD}", (tx.now - _UNUSED_MS,)).scalar_one())


def forget(tx: Tx, ids: Iterable[int]) -> None:
    """These are no longer there, or nobody will delete them. One that is shown again meanwhile stays."""
    for media_id in ids:
        query = "DELETE FROM media WHERE id = ? AND NOT EXISTS (SELECT 1 FROM media_holders h WHERE h.media_id = ?)"
        tx.sql(query, (media_id, media_id))
