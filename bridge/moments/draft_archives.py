"""Drafts in archives: as an export holds them, and as an import brings them back. Nothing of them is published."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bridge.chat.command import Person
from bridge.db import Tx
from bridge.errors import UserError
from bridge.ids import AccountId, EventId
from bridge.moments import drafts
from bridge.moments.audience import Said
from bridge.moments.compose import checked_poll
from bridge.moments.drafts import Draft, Piece, Shot, State
from bridge.moments.export_notes import picture_value
from bridge.moments.picture_store import Described
from bridge.moments.place import parse_geo
from bridge.privacy.exporter import ExportMedia, stamp

_NO_EVENT = EventId("")
"""What came with an archive came by no message of its author."""


def value(draft: Draft, number: int, media: list[ExportMedia]) -> dict[str, Any]:
    """As `moments.json` has it. `number`: from 1, names its pictures, which go to `media`."""
    pictures = [
        picture_value(shot.picture, f"draft-{number}-{place}", media, "")
        for place, shot in enumerate(draft.pictures, 1)
    ]
    found: dict[str, Any] = {"text": draft.text, "audience": draft.to.to_json(), "pictures": pictures}
    if draft.warning is not None:
        found["warning"] = draft.warning
    if draft.due_at is not None:
        found["due"] = stamp(draft.due_at)
    if draft.poll:
        found["poll"] = list(draft.poll)
    if draft.place is not None:
        found["place"] = draft.place.uri
    if draft.expires is not None:
        found["expires"] = draft.expires
    if draft.responses is not None:
        found["responses"] = draft.responses
    return found


def missing(tx: Tx, person: Person, archived: Sequence[Mapping[str, Any]]) -> list[int]:
    """Which drafts of an archive, from 0, are not here: one that is there twice has to be here twice."""
    here = Counter(_same(value(draft, 1, [])) for draft in drafts.waiting(tx, person.id))
    found: list[int] = []
    for index, one in enumerate(archived):
        key = _same(one)
        if here[key] > 0:
            here[key] -= 1
        else:
            found.append(index)
    return found


def _same(one: Mapping[str, Any]) -> str:
    """What tells drafts apart: all but when they were to be published, and where their pictures lie."""
    kept = {name: what for name, what in one.items() if name not in ("due", "pictures") and what not in (None, [])}
    kept["pictures"] = [picture.get("name") for picture in one["pictures"]]
    return json.dumps(kept, sort_keys=True)


def restored(person: Person, account: AccountId, one: Mapping[str, Any], pictures: Sequence[Described]) -> Draft:
    """A draft of an archive, to be kept until its author decides: what was scheduled has no time any more.

    Raises:
        UserError: these are no answers that a poll may have here, or there is nothing in it.
    """
    text = one["text"]
    place = None if one.get("place") is None else parse_geo(one["place"], exact=";u=" not in one["place"])
    poll = tuple(one.get("poll") or ())
    if poll:
        checked_poll("/".join(answer.replace("/", "\u2215") for answer in poll))
    if not text and not pictures and place is None:
        raise UserError("moment-empty")
    return Draft(
        0,
        person.id,
        State.KEPT,
        Said.of_json(one["audience"]),
        account,
        (Piece(_NO_EVENT, text),) if text else (),
        tuple(Shot(_NO_EVENT, picture) for picture in pictures),
        one.get("warning"),
        poll=poll,
        expires=one.get("expires"),
        responses=one.get("responses"),
        place=place,
    )
