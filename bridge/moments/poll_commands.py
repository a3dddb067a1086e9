"""Polls in moments (M17): answering one, taking that back, and closing it. Votes are seen by who would see a like."""

from collections.abc import Sequence
from dataclasses import replace

from bridge.chat.command import Command, Kind, Param, Request
from bridge.chat.reply import Reply
from bridge.errors import UserError
from bridge.moments import numbers, store
from bridge.moments.model import Moment
from bridge.moments.refreshing import Refreshing
from bridge.moments.service import Moments

_N = Param("number", (Kind.NUMBER,))


class PollCommands:
    def __init__(self, moments: Moments, refreshing: Refreshing) -> None:
        self._moments = moments
        self._refreshing = refreshing

    def vote(self, request: Request) -> Reply:
        moment = self._moments.numbered(request.tx, request.person, request.args["number"])
        return self.voted(request, moment, request.args["answer"])

    def voted(self, request: Request, moment: Moment, answer: int) -> Reply:
        """Choose an answer, from 1, of a moment that the person may see."""
        words = self._moments.responding.vote(request.tx, request.person, moment, answer)
        number = numbers.number_of(request.tx, request.person.id, moment.id)
        return Reply.text("poll-voted", number=number, answer=words)

    def unvote(self, request: Request) -> Reply:
        number: int = request.args["number"]
        moment = self._moments.numbered(request.tx, request.person, number)
        gone = self._moments.responding.unvote(request.tx, request.person, moment.id)
        return Reply.text("poll-unvoted" if gone else "poll-no-vote", number=number)

    def close(self, request: Request) -> Reply:
        number: int = request.args["number"]
        moment = self._moments.numbered(request.tx, request.person, number)
        if moment.author != request.person.id:
            raise UserError("moment-none", number=number)
        poll = moment.content.poll
        if poll is None:
            raise UserError("poll-none")
        if not poll.closed:
            closed = replace(moment.content, poll=replace(poll, closed=True))
            store.set_content(request.tx, moment, closed)
            self._refreshing.text_changed(request.tx, moment)
        return Reply.text("poll-closed-done", number=number)

    @property
    def commands(self) -> Sequence[Command]:
        return (
            Command("vote", (_N, Param("answer", (Kind.NUMBER,))), self.vote, group="moments"),
            Command("unvote", (_N,), self.unvote, group="moments"),
            Command("poll close", (_N,), self.close, group="moments"),
        )
