"""Commands that change a moment after it was posted."""

from bridge.chat.command import Command, Kind, Param, Request
from bridge.chat.hooks import OnChoice
from bridge.chat.reply import Reply, Time
from bridge.contacts import tags
from bridge.contacts.model import cleaned
from bridge.errors import UserError
from bridge.moments import responders
from bridge.moments.audience import AudienceError, parse_audience
from bridge.moments.compose import checked_responders
from bridge.moments.ends import parse_end
from bridge.moments.model import Moment
from bridge.moments.readdress import WIDEN, Readdress
from bridge.moments.said import called_by
from bridge.moments.service import Moments

_N = Param("number", (Kind.NUMBER,))


class ChangeCommands:
    def __init__(self, moments: Moments, readdress: Readdress) -> None:
        self._moments = moments
        self._readdress = readdress

    def edit(self, request: Request) -> Reply:
        moment = self._own(request)
        self._moments.edit(request.tx, request.person, moment.id, request.args["text"])
        return Reply.text("moment-changed", number=request.args["number"])

    def audience(self, request: Request) -> Reply:
        moment = self._own(request)
        try:
            said = parse_audience(cleaned(request.args["audience"]), called_by(request.tx, request.person.id))
        except AudienceError as error:
            raise UserError(error.message_id, **({"value": error.value[:60]} if error.value else {})) from None
        return self._readdress.change(request, moment, said)

    def expire(self, request: Request) -> Reply:
        moment = self._own(request)
        at = parse_end(request.args["when"], request.tx.now, request.person.time_zone)
        if at == moment.expires_at:
            pass
        elif moment.damaged:
            raise UserError("moment-damaged-change")
        else:
            self._moments.expire(request.tx, moment, at)
        number: int = request.args["number"]
        if at is None:
            return Reply.text("expire-never", number=number)
        return Reply.text("expire-done", number=number, time=Time(at))

    def responses(self, request: Request) -> Reply:
        moment = self._own(request)
        number: int = request.args["number"]
        who = checked_responders(request.args["who"])
        found = responders.named(request.tx, request.person, who)
        responders.save(request.tx, moment.id, found)
        if found is None:
            return Reply.text("responses-all", number=number)
        if found.tag is None:
            return Reply.text("responses-nobody", number=number)
        return Reply.text("responses-tag", number=number, tag=tags.by_ids(request.tx, [found.tag])[found.tag].name)

    def _own(self, request: Request) -> Moment:
        """One's own moment by its number. Somebody else's is nothing that could be changed, seen or not."""
        number: int = request.args["number"]
        moment = self._moments.numbered(request.tx, request.person, number)
        if moment.author != request.person.id:
            raise UserError("moment-none", number=number)
        return moment

    @property
    def commands(self) -> list[Command]:
        return [
            Command("edit", (_N, Param("text", (Kind.REST,))), self.edit, group="moments"),
            Command("audience", (_N, Param("audience", (Kind.REST,))), self.audience, group="moments"),
            Command("responses", (_N, Param("who", (Kind.REST,))), self.responses, group="moments"),
            Command("expire", (_N, Param("when", (Kind.REST,))), self.expire, group="moments"),
        ]

    @property
    def choices(self) -> dict[str, OnChoice]:
        return {WIDEN: self._readdress.answered}
