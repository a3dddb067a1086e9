"""What somebody, who may be made up, gets of one author's moments: for `view as` and `why`."""

from dataclasses import replace

from bridge.db import Tx
from bridge.ids import PersonId
from bridge.moments import store
from bridge.moments.model import Moment, Position
from bridge.privacy import Audience, MomentItem
from bridge.privacy.model import STRANGERS_SEE
from bridge.privacy.viewer import Viewer

_LOOKS, _LOOK = 20, 50
"""How far back it is looked for what may be shown: batches, and moments in each."""


def shown_to(tx: Tx, owner: PersonId, viewer: Viewer, most: int) -> tuple[list[Moment], int | None]:
    """The newest moments of `owner` that `viewer` would get, at most `most`; and how many of all were looked at, when
    that was not enough to tell whether there are more."""
    shown: list[Moment] = []
    before: Position | None = None
    for _ in range(_LOOKS):
        some = store.newest_by(tx, owner, owner, before, None, _LOOK)
        shown += [moment for moment in some if viewer.sees(item_for(tx, viewer, moment))]
        if len(shown) >= most or len(some) < _LOOK:
            return shown[:most], None
        before = some[-1].position
    return shown, _LOOKS * _LOOK


def item_for(tx: Tx, viewer: Viewer, moment: Moment) -> MomentItem:
    """The moment as the policy has to know it to decide for a viewer who may be made up."""
    if viewer.tag in moment.named_tags:
        return replace(moment.item, to=replace(moment.to, people=moment.to.people | {viewer.id}))
    if viewer.is_friend or moment.to.kind is not Audience.PUBLIC:
        return moment.item
    return moment.item_for_strangers(store.count_newer_public(tx, moment, viewer.id, STRANGERS_SEE))
