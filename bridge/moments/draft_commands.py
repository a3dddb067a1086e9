"""Commands about drafts: what is in one besides texts and pictures, and the list of all."""

from dataclasses import replace

from bridge.chat import prompts
from bridge.chat.command import Command, Kind, Param, Request
from bridge.chat.grammar import parse_number
from bridge.chat.reply import Block, CopyRef, Lines, Message, Reply, Text
from bridge.contacts.model import folded
from bridge.errors import UserError
from bridge.moments import drafts, picture_store, responders
from bridge.moments.audience import AudienceError, parse_audience
from bridge.moments.compose import (
    checked_end,
    checked_place,
    checked_poll,
    checked_responders,
    checked_warning,
    checked_when,
)
from bridge.moments.drafting import Drafting
from bridge.moments.publishing import Publisher
from bridge.moments.said import called_by

GROUP = "moments"
LIST = "drafts"
"""Kind of the question which draft is meant; each list takes the place of the one before."""
_LIST_MS = 24 * 3_600_000
_OFF = frozenset(("off", "none", "关", "无"))
_EXACT, _COARSE = frozenset(("exact", "精确")), frozenset(("coarse", "粗略"))


class DraftCommands:
    def __init__(self, publisher: Publisher, drafting: Drafting) -> None:
        self._publisher = publisher
        self._drafting = drafting
        self._view = drafting.view
        self._limits = publisher.limits

    def current(self, request: Request) -> Reply:
        return self._view.show(request, self._drafting.latest(request))

    def set_audience(self, request: Request) -> Reply:
        try:
            said = parse_audience(request.args["audience"], called_by(request.tx, request.person.id))
        except AudienceError as error:
            raise UserError(error.message_id, **({"value": error.value[:60]} if error.value else {})) from None
        draft = replace(self._drafting.latest(request), to=said)
        self._publisher.reach(request.tx, request.person, said)
        return self._view.show(request, draft)

    def set_time(self, request: Request) -> Reply:
        draft = self._drafting.latest(request)
        when: str = request.args["when"]
        off = folded(when) in _OFF
        due_at = None if off else checked_when(when, request.tx.now, request.person.time_zone)
        return self._view.show(request, self._drafting.timed(request, draft, due_at))

    def set_warning(self, request: Request) -> Reply:
        words: str = request.args["warning"]
        warning = None if folded(words) in _OFF else checked_warning(words)
        return self._view.show(request, replace(self._drafting.latest(request), warning=warning))

    def set_poll(self, request: Request) -> Reply:
        words: str = request.args["answers"]
        poll = () if folded(words) in _OFF else checked_poll(words)
        return self._view.show(request, replace(self._drafting.latest(request), poll=poll))

    def set_end(self, request: Request) -> Reply:
        draft = self._drafting.latest(request)
        words: str = request.args["when"]
        expires = None if folded(words) in _OFF else checked_end(words, request.tx.now, request.person.time_zone)
        return self._view.show(request, replace(draft, expires=expires))

    def set_responders(self, request: Request) -> Reply:
        who = checked_responders(request.args["who"])
        responders.named(request.tx, request.person, who)
        return self._view.show(request, replace(self._drafting.latest(request), responses=who))

    def set_place(self, request: Request) -> Reply:
        draft = self._drafting.latest(request)
        words: str = request.args["place"]
        if folded(words) in _OFF:
            return self._view.show(request, replace(draft, place=None, place_event=None))
        if folded(words) in _EXACT | _COARSE:
            if draft.place is None:
                raise UserError("place-unknown")
            return self._view.show(request, replace(draft, place=replace(draft.place, exact=folded(words) in _EXACT)))
        return self._view.show(request, replace(draft, place=checked_place(words), place_event=None))

    def set_alt(self, request: Request) -> Reply:
        """`alt 2 TEXT`: the second picture of the draft; `alt #3 2 TEXT`: of a moment that is posted."""
        which: str = request.args["picture"]
        number = parse_number(which)
        if number is None:
            raise UserError("alt-which")
        if which.startswith("#"):
            return self._set_alt_of_posted(request, number, request.args["text"])
        draft = self._drafting.latest(request)
        if number > len(draft.pictures):
            raise UserError("draft-no-picture", number=number)
        return self._drafting.describe(request, draft, number - 1, request.args["text"])

    def _set_alt_of_posted(self, request: Request, number: int, text: str) -> Reply:
        moment = self._publisher.own(request.tx, request.person, number)
        count = picture_store.count(request.tx, moment.id)
        which: int | None = 1
        if count > 1:
            first, _, text = text.partition(" ")
            which = parse_number(first)
        if which is None or not 1 <= which <= count or not text.strip():
            raise UserError("alt-which-posted", number=number, count=count)
        alt = self._drafting.checked_alt(text)
        if not self._publisher.describe(request.tx, request.person, moment.id, alt, which - 1):
            raise UserError("moment-damaged-change")
        return Reply.text("picture-described")

    def list(self, request: Request) -> Reply:
        tx, person = request.tx, request.person
        waiting = drafts.waiting(tx, person.id)
        if not waiting:
            return Reply.text("drafts-none")
        lines = [
            Text("privacy-row", {"number": number, "line": self._view.line(draft)})
            for number, draft in enumerate(waiting, 1)
        ]
        options = [str(draft.id) for draft in waiting]
        prompt_id = prompts.open(tx, person.id, LIST, 0, options, _LIST_MS)
        blocks: tuple[Block, ...] = (Text("drafts-head"), Lines(tuple(lines)), Text("drafts-howto"))
        return Reply((Message(blocks, CopyRef(prompts.COPY_KIND, prompt_id)),))


def build(do: DraftCommands) -> list[Command]:
    def rest(name: str) -> Param:
        return Param(name, (Kind.REST,))

    return [
        Command("drafts", (), do.list, effect=False, group=GROUP),
        Command("draft", (), do.current, effect=False, group=GROUP),
        Command("draft to", (rest("audience"),), do.set_audience, group=GROUP),
        Command("draft at", (rest("when"),), do.set_time, group=GROUP),
        Command("draft cw", (rest("warning"),), do.set_warning, group=GROUP),
        Command("draft poll", (rest("answers"),), do.set_poll, group=GROUP),
        Command("draft place", (rest("place"),), do.set_place, group=GROUP),
        Command("draft expire", (rest("when"),), do.set_end, group=GROUP),
        Command("draft responses", (rest("who"),), do.set_responders, group=GROUP),
        Command("alt", (Param("picture", (Kind.WORD,)), rest("text")), do.set_alt, group=GROUP),
    ]
