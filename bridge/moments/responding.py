"""Liking, voting and commenting."""

from collections.abc import Iterable

from bridge.chat import sources
from bridge.chat.command import Person
from bridge.chat.people import People
from bridge.contacts.model import cleaned
from bridge.contacts.store import are_friends
from bridge.db import Tx
from bridge.delivery.outbox import Outbox
from bridge.errors import UserError
from bridge.ids import AccountId, EventId, PersonId
from bridge.moments import kept_comments, mentions, notify, responders, responses, store
from bridge.moments.items import visible_comment
from bridge.moments.kinds import COMMENT, LIKE, LIKES, VOTE, VOTES
from bridge.moments.model import Comment, Moment, MomentLimits
from bridge.moments.refreshing import Refreshing


class Responding:
    """All methods run inside the transaction that they are given."""

    def __init__(self, outbox: Outbox, people: People, limits: MomentLimits) -> None:
        self._outbox = outbox
        self._people = people
        self._limits = limits
        self._refreshing = Refreshing(outbox)

    def may_respond(self, tx: Tx, person: Person, moment: Moment) -> bool:
        """Whether somebody who sees a moment may like and comment it: strangers only read."""
        if person.id == moment.author:
            return True
        return are_friends(tx, person.id, moment.author) and responders.allow(tx, moment.id, person.id)

    # --- likes ----------------------------------------------------------------------------------------------
    def like(self, tx: Tx, person: Person, moment: Moment) -> None:
        """Like a moment that `person` may see. Its author is told after a while, of all likes together.

        Raises:
            UserError: they see it as a stranger, or its author lets them not.
        """
        self._check_may_respond(tx, person, moment)
        if not responses.like(tx, moment.id, person.id):
            return
        self._refreshing.response_changed(tx, moment, person.id)
        if person.id != moment.author:
            self._tell_author(tx, LIKES, moment)

    def unlike(self, tx: Tx, person: Person, moment: Moment) -> bool:
        """Take a like back, however it was given. False when there was none."""
        return self.forget_like(tx, person, moment.id)

    def forget_like(self, tx: Tx, person: Person, moment_id: int) -> bool:
        """The same for a moment that one may no longer see."""
        sources.forget_of(tx, LIKE, moment_id, person.id)
        return self._unlike(tx, person, moment_id)

    def retract_like(self, tx: Tx, person: Person, moment_id: int, account: AccountId, event_id: EventId) -> None:
        """An event that gave a like was redacted; the like goes with the last such event."""
        sources.forget_event(tx, account, event_id)
        if not sources.has_any(tx, LIKE, moment_id, person.id):
            self._unlike(tx, person, moment_id)

    def _unlike(self, tx: Tx, person: Person, moment_id: int) -> bool:
        gone = responses.unlike(tx, moment_id, person.id)
        moment = store.moment(tx, moment_id) if gone else None
        if moment is not None:
            self._refreshing.response_changed(tx, moment, person.id)
        return gone

    # --- votes ----------------------------------------------------------------------------------------------
    def vote(self, tx: Tx, person: Person, moment: Moment, number: int) -> str:
        """Choose an answer, from 1, of the poll of a moment that `person` may see; the answer's words. Who sees it is
        who would see a like.

        Raises:
            UserError: there is no poll, it is closed or has no such answer, or they may not.
        """
        poll = moment.content.poll
        if poll is None:
            raise UserError("poll-none")
        self._check_may_respond(tx, person, moment)
        if poll.closed:
            raise UserError("poll-over")
        if not 1 <= number <= len(poll.answers):
            raise UserError("prompt-range", count=len(poll.answers))
        is_first = responses.vote(tx, moment, person.id, number - 1)
        self._refreshing.response_changed(tx, moment, person.id)
        if is_first and person.id != moment.author:
            self._tell_author(tx, VOTES, moment)
        return poll.answers[number - 1]

    def unvote(self, tx: Tx, person: Person, moment_id: int) -> bool:
        """Take a vote back, also of a moment that one may no longer see. False when there was none."""
        sources.forget_of(tx, VOTE, moment_id, person.id)
        gone = responses.unvote(tx, moment_id, person.id)
        moment = store.moment(tx, moment_id) if gone else None
        if moment is not None:
            self._refreshing.response_changed(tx, moment, person.id)
        return gone

    # --- comments -------------------------------------------------------------------------------------------
    def comment(self, tx: Tx, person: Person, moment: Moment, text: str, answer_to: Comment | None = None) -> int:
        """Comment a moment that `person` may see. The author is told, and who is answered, if they may see it.

        Raises:
            UserError: it is empty or too long, there are too many, or they may not.
        """
        # Who of the mentioned may see it, the writer is not told: that would say whom the moment is for.
        mentioned = mentions.find(tx, person.id, self._comment_text(text))
        text = self._comment_text(mentioned.text)
        self._check_may_respond(tx, person, moment)
        if responses.count_comments(tx, moment.id, person.id) >= self._limits.comments_each:
            raise UserError("comment-limit", limit=self._limits.comments_each)
        answered = answer_to.id if answer_to else None
        comment_id = responses.add_comment(tx, moment, person.id, text, answered, mentioned.friends)
        self._refreshing.response_changed(tx, moment, person.id)
        if person.id != moment.author:
            kept_comments.note(tx, person.id, comment_id, text)
        told = {moment.author, *mentioned.friends} | ({answer_to.writer} if answer_to else set())
        self._tell(tx, person, comment_id, told)
        return comment_id

    def edit_comment(self, tx: Tx, person: Person, comment_id: int, text: str) -> bool:
        """Change the text. False when there is no such comment of this person."""
        comment = responses.comment(tx, comment_id)
        if comment is None or comment.writer != person.id:
            return False
        mentioned = mentions.find(tx, person.id, self._comment_text(text))
        text = self._comment_text(mentioned.text)
        if text != comment.text or comment.damaged:
            responses.set_comment_text(tx, comment, text, mentioned.friends)
            moment = store.moment(tx, comment.moment_id)
            if moment is not None:
                self._refreshing.response_changed(tx, moment, person.id)
            self._tell(tx, person, comment_id, mentioned.friends)
            kept_comments.change(tx, person.id, comment_id, text)
        return True

    def delete_comment(self, tx: Tx, person: Person, comment_id: int) -> bool:
        """Delete one's own comment, also where copies of the moment show it. False when there is none."""
        comment = responses.comment(tx, comment_id)
        moment = None if comment is None else store.moment(tx, comment.moment_id)
        if comment is None or moment is None or comment.writer != person.id:
            return False
        self._outbox.withdraw(tx, COMMENT, comment_id)
        self._refreshing.response_withdrawn(tx, moment, comment.writer, comment.created_at)
        sources.forget(tx, COMMENT, comment_id)
        kept_comments.forget(tx, comment_id)
        responses.delete_comment(tx, comment_id)
        return True

    def gathered_ms(self, tx: Tx, author: PersonId) -> int:
        """How long likes and votes are gathered until their author is told of them, ms; at night until the morning."""
        return notify.quiet_ms(tx, self._people, author, self._limits.likes_delay_ms)

    # --- inside ---------------------------------------------------------------------------------------------
    def _tell_author(self, tx: Tx, kind: str, moment: Moment) -> None:
        """Tell an author after a while, of all that comes until then together."""
        delay = self.gathered_ms(tx, moment.author)
        self._outbox.copy(tx, moment.author, kind, moment.id, delay_ms=delay, once=True)

    def _tell(self, tx: Tx, writer: Person, comment_id: int, people: Iterable[PersonId]) -> None:
        """Tell people once of a comment, if they may see it."""
        for reader in sorted(set(people) - {writer.id}):
            if self._outbox.is_out(tx, reader, COMMENT, comment_id):
                continue
            if visible_comment(tx, reader, comment_id) is not None:
                delay = notify.quiet_ms(tx, self._people, reader)
                self._outbox.copy(tx, reader, COMMENT, comment_id, delay_ms=delay)

    def _check_may_respond(self, tx: Tx, person: Person, moment: Moment) -> None:
        if self.may_respond(tx, person, moment):
            return
        # The same for nobody and for others: whom its author lets, if anybody, is not told.
        friends = are_friends(tx, person.id, moment.author)
        raise UserError("moment-no-responses" if friends else "moment-only-friends")

    def _comment_text(self, text: str) -> str:
        text = cleaned(text)
        if not text:
            raise UserError("comment-empty")
        if len(text) > self._limits.comment:
            raise UserError("comment-too-long", limit=self._limits.comment)
        return text
