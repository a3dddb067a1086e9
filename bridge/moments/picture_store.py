"""Rows of the pictures of moments."""

import sqlalchemy as sa

from bridge.chat.picture import StoredPicture
from bridge.db import Tx
from bridge.db.tables import pictures
from bridge.ids import PersonId
from bridge.moments.model import Moment


def add_picture(tx: Tx, moment_id: int, author: PersonId, position: int, picture: StoredPicture) -> None:
    """Store a picture's keys and address, under the key of the moment's author."""
    [picture_id] = tx.new_ids("pictures")
    value = {
        "file": dict(picture.file),
        "thumbnail": None if picture.thumbnail is None else dict(picture.thumbnail),
        "info": dict(picture.info),
    }
    sealed = tx.vault.seal(author, "pictures", picture_id, "sealed", value)
    tx.execute(sa.insert(pictures).values(id=picture_id, moment_id=moment_id, position=position, sealed=sealed))


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
    value = None if row is None else tx.vault.read(moment.author, "pictures", row.id, "sealed", row.sealed)
    return None if value is None else StoredPicture(value["file"], value["thumbnail"], value["info"])
