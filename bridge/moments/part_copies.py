"""A new moment for many readers at once: everybody is decided about; what is the same for all is looked up once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridge.chat.command import Person
from bridge.chat.reply import Block, CopyRef, Message, Text, Time
from bridge.contacts.names import labels_for
from bridge.db import Tx
from bridge.ids import PersonId
from bridge.moments import copy_store, numbers, picture_store, reading, responses, store
from bridge.moments.face import Face, face_with
from bridge.moments.items import Items
from bridge.moments.kinds import MOMENT
from bridge.moments.model import Moment


@dataclass(frozen=True, slots=True)
class Around:
    """What one reader is shown beside the moment itself, decided and looked up."""

    number: int
    author: Text
    new: bool
    """They were not shown it before."""
    ends_page: bool
    own: Sequence[Block] = ()
    """For its author: whom it is for, and who may respond."""
    responded: Sequence[Block] = ()
    """Likes and comments."""


def message_of(kind: str, moment: Moment, looks: Face, around: Around) -> Message:
    """A moment as lists show it, or opened."""
    args: dict[str, int | Text | Time] = {
        "number": around.number,
        "author": around.author,
        "time": Time(moment.created_at),
    }
    blocks: list[Block] = [*around.own]
    if moment.edited_at is not None:
        blocks.append(Text("moment-edited", {"time": Time(moment.edited_at)}))
    if moment.expires_at is not None:
        blocks.append(Text("moment-until", {"time": Time(moment.expires_at)}))
    blocks += looks.blocks
    blocks += around.responded
    # What it shows apart from where it stands in a list.
    lasting = (Text("moment-head", args), *blocks)
    if around.ends_page:
        blocks.append(Text("moment-more"))
    head = Text("moment-head-new" if around.new else "moment-head", args)
    return Message((head, *blocks), CopyRef(kind, moment.id), looks.picture, lasting)


def for_many(tx: Tx, readers: Sequence[Person], ref_id: int) -> Mapping[PersonId, Message | None]:
    """For each reader what `Copies.moment` gives; None: they may not see it. Who is left out here is to be asked about
    alone: the author, and everybody once somebody has responded."""
    moment = store.moment(tx, ref_id)
    if moment is None:
        return {reader.id: None for reader in readers}
    if responses.any_on(tx, moment.id):
        return {}
    others = [reader.id for reader in readers if reader.id != moment.author]
    items = Items(tx, [moment.author], others, [moment])
    seeing = [reader for reader in others if items.sees(reader, moment)]
    found: dict[PersonId, Message | None] = dict.fromkeys(others)
    given = numbers.numbers_for(tx, seeing, moment.id)
    shown = copy_store.shown_to(tx, moment.id, seeing)
    ends = reading.page_ends(tx, seeing, moment)
    names = labels_for(tx, seeing, moment.author)
    pictures = picture_store.of_moment(tx, moment)
    # Who reads the same gets the same object: it is rendered once.
    made: dict[tuple[int, int, bool, bool], Message] = {}
    for reader in seeing:
        around = Around(given[reader], names[reader], reader not in shown, reader in ends)
        key = around.number, id(around.author), around.new, around.ends_page
        message = made.get(key)
        if message is None:
            looks = face_with(pictures, moment, around.number, opened=False)
            message = made[key] = message_of(MOMENT, moment, looks, around)
        found[reader] = message
    return found
