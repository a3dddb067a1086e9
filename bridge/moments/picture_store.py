"""Rows of the pictures of moments."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from bridge.chat.picture import StoredPicture
from bridge.db import Tx, media
from bridge.db.tables import pictures
from bridge.db.two_keys import read, seal
from bridge.moments.model import Moment


@dataclass(frozen=True, slots=True)
class Described:
    """A picture, and what it shows in words, for who can't see it (M15)."""

    picture: StoredPicture
    alt: str = ""

    def to_json(self) -> dict[str, object]:
        """As it is sealed."""
        thumbnail = self.picture.thumbnail
        return {
            "file": dict(self.picture.file),
            "thumbnail": None if thumbnail is None else dict(thumbnail),
            "info": dict(self.picture.info),
            "alt": self.alt,
        }

    @staticmethod
    def of_json(value: "dict[str, object]") -> "Described":
        file, thumbnail, info = value["file"], value["thumbnail"], value["info"]
        assert isinstance(file, dict)
        assert isinstance(thumbnail, dict | None)
        assert isinstance(info, dict)
        return Described(StoredPicture(file, thumbnail, info), str(value.get("alt", "")))


def add_pictures(tx: Tx, moment: Moment, several: Sequence[Described]) -> None:
    """Store keys and addresses of pictures, under the key of the moment's author. Their order is kept."""
    if not several:
        return
    for position, (picture_id, one) in enumerate(zip(tx.new_ids("pictures", len(several)), several, strict=True)):
        sealed = seal(tx, moment.key, moment.author, "pictures", picture_id, "sealed", one.to_json())
        tx.execute(sa.insert(pictures).values(id=picture_id, moment_id=moment.id, position=position, sealed=sealed))
        media.hold(tx, media.PICTURE, picture_id, one.picture.files)


def count(tx: Tx, moment_id: int) -> int:
    return int(tx.sql("SELECT COUNT(*) FROM pictures WHERE moment_id = ?", (moment_id,)).scalar_one())


def of_moment(tx: Tx, moment: Moment) -> list[Described | None]:
    """The pictures of a moment in order; None stands for one whose row is damaged."""
    rows = tx.sql("SELECT id, sealed FROM pictures WHERE moment_id = ? ORDER BY position, id", (moment.id,))
    values = [read(tx, moment.key, moment.author, "pictures", row.id, "sealed", row.sealed) for row in rows]
    return [None if value is None else Described.of_json(value) for value in values]


def alts(tx: Tx, moments: Sequence[Moment]) -> dict[int, list[str]]:
    """What the pictures of a few moments show in words, by the moment's id; what is damaged is left out."""
    by_id = {moment.id: moment for moment in moments}
    if not by_id:
        return {}
    marks = ",".join("?" * len(by_id))
    rows = tx.sql(f"SELECT id, moment_id, sealed FROM pictures WHERE moment_id IN ({marks}) ORDER BY id", tuple(by_id))
    found: dict[int, list[str]] = {}
    for row in rows.all():
        moment = by_id[row.moment_id]
        value = read(tx, moment.key, moment.author, "pictures", row.id, "sealed", row.sealed)
        if value is not None:
            found.setdefault(moment.id, []).append(Described.of_json(value).alt)
    return found


def set_alt(tx: Tx, moment: Moment, index: int, alt: str) -> bool:
    """Put a picture, by its place from 0, into other words. False when there is none that can be read."""
    several = of_moment(tx, moment)
    described = several[index] if index < len(several) else None
    if described is None:
        return False
    rows = tx.sql("SELECT id FROM pictures WHERE moment_id = ? ORDER BY position, id", (moment.id,)).scalars().all()
    value = replace(described, alt=alt).to_json()
    sealed = seal(tx, moment.key, moment.author, "pictures", rows[index], "sealed", value)
    tx.sql("UPDATE pictures SET sealed = ? WHERE id = ?", (sealed, rows[index]))
    return True


def set_key(tx: Tx, moment: Moment, key: int) -> None:
    """Seal the pictures of a moment under this key too. One that is damaged stays as it is."""
    for row in tx.sql("SELECT id, sealed FROM pictures WHERE moment_id = ?", (moment.id,)).all():
        value = read(tx, moment.key, moment.author, "pictures", row.id, "sealed", row.sealed)
        if value is not None:
            sealed = seal(tx, key, moment.author, "pictures", row.id, "sealed", value)
            tx.sql("UPDATE pictures SET sealed = ? WHERE id = ?", (sealed, row.id))
