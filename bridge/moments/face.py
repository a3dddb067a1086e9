"""What a moment itself looks like in a copy: its text and pictures, closed as lists show them, or opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridge.chat.picture import StoredPicture
from bridge.chat.reply import Block, Hidden, Lines, Picture, Text, Written
from bridge.db import Tx
from bridge.moments import picture_store
from bridge.moments.content import Content
from bridge.moments.model import Moment
from bridge.moments.picture_store import Described
from bridge.moments.place import Place


@dataclass(frozen=True, slots=True)
class Face:
    blocks: tuple[Block, ...]
    picture: Picture | None = None


def face(tx: Tx, moment: Moment, number: int, *, opened: bool, votes: Mapping[int, Text] | None = None) -> Face:
    """The face of a moment that a reader may see, whose number for them is `number`. `votes`: who chose an answer (from
    0) of its poll, as far as they see it."""
    return face_with(picture_store.of_moment(tx, moment), moment, number, opened=opened, votes=votes)


def face_with(
    several: Sequence[Described | None],
    moment: Moment,
    number: int,
    *,
    opened: bool,
    votes: Mapping[int, Text] | None = None,
) -> Face:
    """The same where its pictures are known."""
    content = moment.content
    if moment.damaged:
        blocks: list[Block] = [Text("moment-damaged")]
    elif content.warning is not None and not opened:
        return Face(_closed(moment, number, len(several)))
    else:
        blocks = [] if content.warning is None else [Text("moment-warning", {"warning": content.warning})]
        if content.text:
            blocks.append(Written(content.text))
        blocks += _details(content, number, votes or {})
    if not several:
        return Face(tuple(blocks))
    first = several[0]
    if len(several) > 1:
        which = "picture-first" if opened else "picture-first-of"
        blocks.append(Text(which, {"count": len(several), "number": number}))
    if first is None:
        return Face((*blocks, Text("picture-damaged")))
    if first.alt:
        blocks.append(Text("picture-alt", {"text": first.alt}))
    return Face(tuple(blocks), shown(first.picture))


def _details(content: Content, number: int, votes: Mapping[int, Text]) -> list[Block]:
    """The poll and the place."""
    blocks: list[Block] = []
    if content.poll is not None:
        lines: list[Text] = []
        for index, answer in enumerate(content.poll.answers):
            people = votes.get(index)
            line = Text("poll-answer", {"index": index + 1, "answer": answer})
            lines.append(line if people is None else Text("poll-answer-votes", {"line": line, "people": people}))
        lines.append(Text("poll-closed") if content.poll.closed else Text("poll-howto", {"number": number}))
        blocks.append(Lines(tuple(lines)))
    if content.place is not None:
        blocks.append(place(content.place))
    return blocks


def place(where: Place) -> Text:
    return Text("moment-place-exact" if where.exact else "moment-place", where.texts)


def other_picture(tx: Tx, moment: Moment, index: int) -> Face | None:
    """The picture at `index` (from 0) as an event of its own. None: there is none."""
    several = picture_store.of_moment(tx, moment)
    if index >= len(several):
        return None
    place = {"index": index + 1, "count": len(several)}
    one = several[index]
    if one is None:
        return Face((Text("picture-nth", place), Text("picture-damaged")))
    if not one.alt:
        return Face((Text("picture-nth", place),), shown(one.picture))
    return Face((Text("picture-nth-alt", {**place, "text": one.alt}),), shown(one.picture))


def shown(picture: StoredPicture) -> Picture:
    """A stored picture as it is sent."""
    return Picture(picture.file, picture.image_info())


def _closed(moment: Moment, number: int, pictures: int) -> tuple[Block, ...]:
    warning = moment.content.warning or ""
    blocks: list[Block] = [Text("moment-warning", {"warning": warning})]
    if moment.text:
        blocks.append(Hidden(moment.text, warning))
    blocks.append(
        Text("moment-closed-pictures" if pictures else "moment-closed", {"number": number, "count": pictures})
    )
    return tuple(blocks)
