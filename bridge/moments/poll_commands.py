"""Polls in moments (M17): answering one, taking that back, and closing it. Votes are seen by who would see a like."""

from collections.abc import Sequence
from dataclasses import replace

from bridge.chat import grammar, prompts, sources
from bridge.chat.command import Command, Kind, Param, Request
from bridge.chat.inbound import EditedMessage
from bridge.chat.reply import NOTHING, Reply
from bridge.chat.router import handled
from bridge.errors import UserError
from bridge.moments import numbers, store
from bridge.moments.kinds import VOTE
from bridge.moments.model import Moment
from bridge.moments.refreshing import Refreshing
from bridge.moments.said import Find
from bridge.moments.service import Moments

_N = Param("number", (Kind.NUMBER,))


class PollCommands:
    def __init__(self, moments: Moments, refreshing: Refreshing, find: Find) -> None:
        self._moments = moments
        self._find = find
        self._refreshing = refreshing

    def vote(self, request: Request) -> Reply:
        moment = self._moments.numbered(request.tx, request.person, request.args["number"])
        return self.voted(request, moment, request.args["answer"])

    def voted(self, request: Request, moment: Moment, answer: int) -> Reply:
        """Choose an answer, from 1, of a moment that the person may see."""
        words = self._moments.responding.vote(request.tx, request.person, moment, answer)
        # Only the event that was last counts: taking an older one back changes nothing.
        sources.forget_of(request.tx, VOTE, moment.id, request.person.id)
        sources.record_request(request, VOTE, moment.id)
        number = numbers.number_of(request.tx, request.person.id, moment.id)
        return Reply.text("poll-voted", number=number, answer=words)

    def unvote(self, request: Request) -> Reply:
        number: int = request.args["number"]
        moment = self._moments.numbered(request.tx, request.person, number)
        gone = self._moments.responding.unvote(request.tx, request.person, moment.id)
        return Reply.text("poll-unvoted" if gone else "poll-no-vote", number=number)

    def redacted(self, request: Request, ref_id: int) -> Reply:
        # No answer: one only where the vote still was would tell why a moment is out of sight.
        self._moments.responding.unvote(request.tx, request.person, ref_id)
        return NOTHING

    def edited(self, request: Request, ref_id: int, text: str) -> Reply:
        assert isinstance(request.event, EditedMessage)
        moment = self._moments.visible(request.tx, request.person, ref_id)
        before = handled(request.tx, request.account, request.event.target)
        if moment is None or before is None:
            raise UserError("edit-too-late")
        answer = prompts.number_of_text(text)
        if before.command == "vote":
            found = self._find(text)
            if found is None or found.command.name != "vote":
                raise UserError("edit-not-understood")
            args = grammar.parse(found.command, found.rest)
            # The number of the moment is what it was: an edit does not vote on another one.
            same = self._moments.numbered(request.tx, request.person, args["number"]).id == moment.id
            answer = args["answer"] if same else None
        if answer is None:
            raise UserError("edit-not-understood")
        return self.voted(request, moment, answer)

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
