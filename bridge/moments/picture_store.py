"""Rows of the pictures of moments."""

import sqlalchemy as sa

from bridge.chat.picture import StoredPicture
from bridge.db import Tx
from bridge.db.tables import pictures
from bridge.moments.model import Moment
from bridge.moments.sealed import read, seal


def add_picture(tx: Tx, moment: Moment, position: int, picture: StoredPicture) -> None:
    """Store a picture's keys and address, under the key of the moment's author."""
    [picture_id] = tx.new_ids("pictures")
    value = {
        "file": dict(picture.file),
        "thumbnail": None if picture.thumbnail is None else dict(picture.thumbnail),
        "info": dict(picture.info),
    }
    sealed = seal(tx, moment.key, moment.author, "pictures", picture_id, "sealed", value)
    tx.execute(sa.insert(pictures).values(id=picture_id, moment_id=moment.id, position=position, sealed=sealed))


def has_picture(tx: Tx, moment_id: int) -> bool:
    return tx.execute(sa.select(pictures.c.id).where(pictures.c.moment_id == moment_id).limit(1)).first() is not None


def first_picture(tx: Tx, moment: Moment) -> StoredPicture | None:
    """None also when its row is damaged."""
    row = tx.execute(
        sa.select(pictures.c.id, pictures.c.sealed)
        .where(pictures.c.moment_id == moment.id)
        .order_by(pictures.c.position)
        .limit(1)
    ).first()
    value = None if row is None else read(tx, moment.key, moment.author, "pictures", row.id, "sealed", row.sealed)
    return None if value is None else StoredPicture(value["file"], value["thumbnail"], value["info"])


def set_key(tx: Tx, moment: Moment, key: int) -> None:
    """Seal the pictures of a moment under this key too. One that is damaged stays as it is."""
    for row in tx.sql("SELECT id, sealed FROM pictures WHERE moment_id = ?", (moment.id,)).all():
        value = read(tx, moment.key, moment.author, "pictures", row.id, "sealed", row.sealed)
        if value is not None:
            sealed = seal(tx, key, moment.author, "pictures", row.id, "sealed", value)
            tx.sql("UPDATE pictures SET sealed = ? WHERE id = ?", (sealed, row.id))
