"""A page of moments as one event: what each is about, in short, with the number that opens it."""

from bridge.chat.clean import shorten
from bridge.chat.command import Person
from bridge.chat.reply import Block, CopyRef, Lines, Message, Text, Time
from bridge.contacts.model import one_line
from bridge.contacts.names import labels
from bridge.db import Tx
from bridge.ids import PersonId
from bridge.moments import copy_store, numbers, pages, picture_store, responses, store
from bridge.moments.face import place
from bridge.moments.items import Items
from bridge.moments.kinds import PAGE
from bridge.moments.model import Moment
from bridge.moments.service import Moments


class PageCopies:
    def __init__(self, moments: Moments) -> None:
        self._moments = moments
        self._limits = moments.limits

    def render(self, tx: Tx, reader: Person, ref_id: int) -> Message | None:
        """A page, of those of its moments that its reader may see now."""
        found = visible(tx, reader.id, ref_id)
        if not found:
            return Message((Text("moment-gone"),), CopyRef(PAGE, ref_id))
        ids = [moment.id for moment in found]
        known = numbers.numbers_of(tx, reader.id, ids)
        names = labels(tx, reader.id, {moment.author for moment in found})
        blocks: list[Block] = []
        lasting: list[Block] = []
        for moment in found:
            args: dict[str, int | Text | Time] = {
                "number": known[moment.id],
                "author": names[moment.author],
                "time": Time(moment.created_at),
            }
            new = moment.author != reader.id and not copy_store.was_shown(tx, moment.id, reader.id)
            lines = (*self._lines(tx, reader.id, moment), Text("page-gap"))
            blocks.append(Lines((Text("moment-head-new" if new else "moment-head", args), *lines)))
            lasting.append(Lines((Text("moment-head", args), *lines)))
        howto = Text("page-howto", {"number": known[ids[0]]})
        more = [Text("moment-more")] if self._moments.reading.is_page_end(tx, reader, found[-1]) else []
        return Message((*blocks, howto, *more), CopyRef(PAGE, ref_id), None, (*lasting, howto))

    def _lines(self, tx: Tx, reader: PersonId, moment: Moment) -> list[Text]:
        content = moment.content
        if moment.damaged:
            lines = [Text("moment-damaged")]
        elif content.warning is not None:
            lines = [Text("moment-warning", {"warning": content.warning})]
        else:
            text = shorten(one_line(moment.text), self._limits.shown_text)
            lines = [Text("page-text", {"text": text})] if text else []
            if content.place is not None:
                lines.append(place(content.place))
        pictures = 0 if content.warning is not None else picture_store.count(tx, moment.id)
        likes, comments = self._responses(tx, reader, moment)
        answers = 0 if content.warning is not None or content.poll is None else len(content.poll.answers)
        counts = {"page-pictures": pictures, "page-poll": answers, "page-likes": likes, "page-comments": comments}
        facts = [Text(message_id, {"count": count}) for message_id, count in counts.items() if count]
        if moment.edited_at is not None:
            facts.append(Text("page-edited"))
        if facts:
            shown = facts[0]
            for fact in facts[1:]:
                shown = Text("page-facts", {"first": shown, "next": fact})
            lines.append(shown)
        return lines

    @staticmethod
    def _responses(tx: Tx, reader: PersonId, moment: Moment) -> tuple[int, int]:
        """How many likes and comments of a moment its reader sees."""
        liked = responses.likers(tx, moment.id, reader, moment.author)
        said = responses.commenters(tx, moment.id, reader, moment.author)
        items = Items(tx, [reader, moment.author], {*liked, *said}, [moment])
        likes, comments = (
            sum(1 for writer in writers if items.sees_response(reader, moment, writer)) for writers in (liked, said)
        )
        return likes, comments


def visible(tx: Tx, reader: PersonId, page_id: int) -> list[Moment]:
    """The moments of a page that its reader may see, in order."""
    found = store.with_texts(tx, pages.moments_on(tx, reader, page_id))
    items = Items(tx, [reader], {moment.author for moment in found}, found)
    return [moment for moment in found if items.sees(reader, moment)]
