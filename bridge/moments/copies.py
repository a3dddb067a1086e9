"""Copies of moments, comments and likes: rendered for one reader when they are sent, with the policy asked again."""

import json

from bridge.chat.clean import shorten
from bridge.chat.command import Person
from bridge.chat.render import MAX_CONTENT
from bridge.chat.reply import Block, CopyRef, Lines, Message, Text, Written
from bridge.contacts import tags
from bridge.contacts.audiences import described
from bridge.contacts.model import one_line
from bridge.contacts.names import enumeration, labels
from bridge.db import Tx
from bridge.delivery.ports import Renderer
from bridge.ids import PersonId
from bridge.moments import copy_store, numbers, responders, responses, store
from bridge.moments.face import face, other_picture, place
from bridge.moments.items import Items, visible_comment
from bridge.moments.kinds import COMMENT, LIKES, MENTION, MOMENT, OTHER_PICTURES, PLACE, VOTES, WHOLE
from bridge.moments.model import Comment, Moment
from bridge.moments.part_copies import Around, message_of
from bridge.moments.service import Moments

_SNIPPET = 60
_VOTERS = 3
"""People that are named behind an answer of a poll."""
_RESERVED, _PER_COMMENT = 4_000, 300
"""Bytes for what stands around the text of a moment, and of a comment."""


class Copies:
    """Renderers. Each returns None for what the reader may not see (any more)."""

    def __init__(self, moments: Moments) -> None:
        self._moments = moments
        self._limits = moments.limits

    def moment(self, tx: Tx, reader: Person, ref_id: int) -> Message | None:
        """A moment as lists show it, with its last comments."""
        return self._moment(tx, reader, ref_id, MOMENT)

    def whole(self, tx: Tx, reader: Person, ref_id: int) -> Message | None:
        """A moment with as many comments as one event holds."""
        return self._moment(tx, reader, ref_id, WHOLE)

    def other_pictures(self) -> dict[str, Renderer]:
        """For each kind in `OTHER_PICTURES`: that picture of a moment, as an event of its own."""

        def renderer(index: int, kind: str) -> Renderer:
            return lambda tx, reader, ref_id: self._other_picture(tx, reader, ref_id, index, kind)

        return {kind: renderer(index, kind) for index, kind in enumerate(OTHER_PICTURES, 1)}

    def place(self, tx: Tx, reader: Person, ref_id: int) -> Message | None:
        """Where it was, as an event of its own, which clients show on a map."""
        moment = self._moments.visible(tx, reader, ref_id)
        where = None if moment is None else moment.content.place
        return None if where is None else Message((place(where),), CopyRef(PLACE, ref_id), place=where.uri)

    def comment(self, tx: Tx, reader: Person, ref_id: int) -> Message | None:
        """A comment, for who is told of it."""
        found = visible_comment(tx, reader.id, ref_id)
        if found is None:
            return None
        comment, moment = found
        answered = None
        if comment.answer_to is not None:
            answered = visible_comment(tx, reader.id, comment.answer_to)
        number = numbers.number_of(tx, reader.id, moment.id)
        who = labels(tx, reader.id, [comment.writer])[comment.writer]
        answers_me = answered is not None and answered[0].writer == reader.id
        about = answered[0].text if answered is not None and answers_me else moment.text
        head = "comment-notice-answer" if answers_me else "comment-notice"
        mentions_me = reader.id in comment.mentions
        if mentions_me and not answers_me and moment.author != reader.id:
            # What the moment says may be behind a warning, and is not what this is about.
            head, about = "mention-notice-comment", ""
        blocks: list[Block] = [Text(head, {"who": who, "number": number})]
        if about:
            blocks.append(Text("comment-notice-about", {"text": shorten(one_line(about), _SNIPPET)}))
        blocks += [
            Text("comment-damaged") if comment.damaged else Written(comment.text),
            Text("comment-notice-howto"),
        ]
        return Message(tuple(blocks), CopyRef(COMMENT, ref_id), pings=(reader.user_id,) if mentions_me else ())

    def mention(self, tx: Tx, reader: Person, ref_id: int) -> Message | None:
        """A moment, for somebody whom it mentions."""
        moment = self._moments.visible(tx, reader, ref_id)
        if moment is None or reader.id not in moment.content.mentions:
            return None
        number = numbers.number_of(tx, reader.id, moment.id)
        who = labels(tx, reader.id, [moment.author])[moment.author]
        looks = face(tx, moment, number, opened=False)
        blocks = (Text("mention-notice", {"who": who, "number": number}), *looks.blocks)
        return Message(blocks, CopyRef(MENTION, ref_id), looks.picture, pings=(reader.user_id,))

    def likes(self, tx: Tx, reader: Person, ref_id: int) -> Message | None:
        """All likes of one's moment that were not told yet."""
        moment = store.moment(tx, ref_id)
        if moment is None or moment.author != reader.id:
            return None
        # A notice that failed half-way is rendered again with the same turn: copies count what was sent.
        turn = 1 + copy_store.count_copies(tx, (LIKES,), ref_id, reader.id)
        fresh = [person for person in responses.untold_likers(tx, ref_id, turn) if person != reader.id]
        items = Items(tx, [reader.id], fresh, [moment])
        seen = [person for person in fresh if items.sees_response(reader.id, moment, person)]
        if not seen:
            return None
        responses.tell_likes(tx, ref_id, seen, turn)
        number = numbers.number_of(tx, reader.id, ref_id)
        text = self._people(tx, reader, seen, "likes-notice", number=number, count=len(seen))
        blocks: list[Block] = [text]
        if moment.text:
            blocks.append(Text("comment-notice-about", {"text": shorten(one_line(moment.text), _SNIPPET)}))
        return Message(tuple(blocks), CopyRef(LIKES, ref_id))

    def votes(self, tx: Tx, reader: Person, ref_id: int) -> Message | None:
        """Who has voted in the poll of one's moment; how, the moment itself shows."""
        moment = store.moment(tx, ref_id)
        if moment is None or moment.author != reader.id or self._moments.visible(tx, reader, ref_id) is None:
            return None
        voted = [person for person in responses.voters(tx, ref_id) if person != reader.id]
        items = Items(tx, [reader.id], voted, [moment])
        seen = [person for person in voted if items.sees_response(reader.id, moment, person)]
        if not seen:
            return None
        number = numbers.number_of(tx, reader.id, ref_id)
        blocks: list[Block] = [self._people(tx, reader, seen, "votes-notice", number=number, count=len(seen))]
        if moment.text:
            blocks.append(Text("comment-notice-about", {"text": shorten(one_line(moment.text), _SNIPPET)}))
        return Message(tuple(blocks), CopyRef(VOTES, ref_id))

    # --- inside ---------------------------------------------------------------------------------------------
    def _moment(self, tx: Tx, reader: Person, ref_id: int, kind: str) -> Message | None:
        moment = self._moments.visible(tx, reader, ref_id)
        if moment is None:
            return None
        liked = responses.likers(tx, moment.id, reader.id, moment.author)
        comments = responses.comments_on(tx, moment.id, reader.id, moment.author)
        votes = [] if moment.content.poll is None else responses.votes_on(tx, moment, reader.id)
        writers = {*liked, *(comment.writer for comment in comments), *(person for person, _ in votes)}
        items = Items(tx, [reader.id, moment.author], writers, [moment])
        liked = [person for person in liked if items.sees_response(reader.id, moment, person)]
        comments = [c for c in comments if items.sees_response(reader.id, moment, c.writer)]
        votes = [vote for vote in votes if items.sees_response(reader.id, moment, vote[0])]

        number = numbers.number_of(tx, reader.id, moment.id)
        own = moment.author == reader.id
        # What is behind a warning shows in lists neither its pictures nor what is said about it.
        closed = kind == MOMENT and moment.content.warning is not None
        responded: list[Block] = [] if not liked else [self._people(tx, reader, liked, "moment-likes")]
        responded += self._comments(tx, reader, comments, number, moment.text, whole=kind == WHOLE, closed=closed)
        around = Around(
            number,
            labels(tx, reader.id, [moment.author])[moment.author],
            new=not own and kind == MOMENT and not copy_store.was_shown(tx, moment.id, reader.id),
            ends_page=kind == MOMENT and self._moments.reading.is_page_end(tx, reader, moment),
            own=(self._audience(tx, reader, moment), *_responders(tx, moment)) if own else (),
            responded=responded,
        )
        looks = face(tx, moment, number, opened=kind == WHOLE, votes=self._votes(tx, reader, votes))
        return message_of(kind, moment, looks, around)

    def _other_picture(self, tx: Tx, reader: Person, ref_id: int, index: int, kind: str) -> Message | None:
        moment = self._moments.visible(tx, reader, ref_id)
        looks = None if moment is None else other_picture(tx, moment, index)
        return None if looks is None else Message(looks.blocks, CopyRef(kind, ref_id), looks.picture)

    def _audience(self, tx: Tx, reader: Person, moment: Moment) -> Text:
        return Text("moment-for", {"audience": described(tx, reader.id, moment.to, moment.named_tags)})

    def _people(
        self, tx: Tx, reader: Person, people: list[PersonId], message_id: str, *, most: int | None = None, **args: int
    ) -> Text:
        """A text about people: the first of them by name, of the others only how many."""
        shown = people[: self._limits.shown_names if most is None else most]
        names = labels(tx, reader.id, shown)
        listed = enumeration([names[person] for person in shown])
        if len(people) > len(shown):
            listed = Text("people-and-more", {"people": listed, "count": len(people) - len(shown)})
        return Text(message_id, {"people": listed, **args})

    def _votes(self, tx: Tx, reader: Person, votes: list[tuple[PersonId, int]]) -> dict[int, Text]:
        """Who chose which answer: the first of them by name, of the others only how many."""
        by_answer: dict[int, list[PersonId]] = {}
        for person, answer in votes:
            by_answer.setdefault(answer, []).append(person)
        return {
            answer: self._people(tx, reader, people, "poll-votes", most=_VOTERS, count=len(people))
            for answer, people in by_answer.items()
        }

    def _comments(
        self, tx: Tx, reader: Person, comments: list[Comment], number: int, text: str, *, whole: bool, closed: bool
    ) -> list[Block]:
        if closed:
            count = {"count": len(comments), "number": number}
            return [Text("comments-closed", count)] if comments else []
        limit = self._limits.whole_comments if whole else self._limits.shown_comments
        shown = comments[-limit:]
        if whole:
            shown = _fitting(shown, MAX_CONTENT - _RESERVED - _size(text))
        if not shown:
            return []
        names = labels(tx, reader.id, {comment.writer for comment in comments})
        writers = {comment.id: comment.writer for comment in comments}
        lines: list[Text] = []
        if len(comments) > len(shown):
            earlier = "comments-earlier-left" if whole else "comments-earlier"
            lines.append(Text(earlier, {"count": len(comments) - len(shown), "number": number}))
        for comment in shown:
            said: str | Text = Text("comment-damaged")
            if not comment.damaged:
                said = one_line(comment.text)
                said = said if whole else shorten(said, self._limits.shown_comment)
            who = names[comment.writer]
            # Whom it answers is told only where the answered comment itself is visible.
            answered = writers.get(comment.answer_to) if comment.answer_to is not None else None
            if answered is None or answered == comment.writer:
                lines.append(Text("comment-line", {"who": who, "text": said}))
            else:
                lines.append(Text("comment-line-answer", {"who": who, "whom": names[answered], "text": said}))
        return [Lines(tuple(lines))]


def _responders(tx: Tx, moment: Moment) -> list[Block]:
    """For its author: who may like and comment, where it is not everybody."""
    who = responders.load(tx, moment.id)
    if who is None:
        return []
    found = {} if who.tag is None else tags.by_ids(tx, [who.tag])
    if who.tag not in found:
        return [Text("moment-responses-nobody")]
    return [Text("moment-responses-tag", {"tag": found[who.tag].name})]


def _size(text: str) -> int:
    return len(json.dumps(text))


def _fitting(comments: list[Comment], room: int) -> list[Comment]:
    """The newest of the comments that one event holds, at least one."""
    shown: list[Comment] = []
    for comment in reversed(comments):
        room -= _size(comment.text) + _PER_COMMENT
        if room < 0 and shown:
            break
        shown.insert(0, comment)
    return shown
