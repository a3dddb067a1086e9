"""Commands that change a moment after it was posted."""

from bridge.chat.command import Command, Kind, Param, Request
from bridge.chat.hooks import OnChoice
from bridge.chat.reply import Reply, Time
from bridge.contacts import tags
from bridge.contacts.model import cleaned, folded
from bridge.delivery.outbox import Outbox
from bridge.errors import UserError
from bridge.moments import responders
from bridge.moments.audience import AudienceError, parse_audience
from bridge.moments.ends import parse_end
from bridge.moments.model import Moment
from bridge.moments.readdress import WIDEN, Readdress
from bridge.moments.responders import Responders
from bridge.moments.service import Moments

_N = Param("number", (Kind.NUMBER,))
_NOBODY = frozenset(("nobody", "none", "off", "没有人", "关"))
_ALL = frozenset(("all", "everybody", "everyone", "on", "所有人", "开"))


class ChangeCommands:
    def __init__(self, moments: Moments, outbox: Outbox) -> None:
        self._moments = moments
        self._readdress = Readdress(moments, outbox)

    def edit(self, request: Request) -> Reply:
        moment = self._own(request)
        self._moments.edit(request.tx, request.person, moment.id, request.args["text"])
        return Reply.text("moment-changed", number=request.args["number"])

    def audience(self, request: Request) -> Reply:
        moment = self._own(request)
        try:
            said = parse_audience(cleaned(request.args["audience"]))
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
        word: str = request.args["who"].strip()
        number: int = request.args["number"]
        if word.startswith(("#", "＃")):
            tag = tags.find(request.tx, request.person.id, word[1:])
            if tag is None:
                raise UserError("tag-none", tag=word[1:])
            responders.save(request.tx, moment.id, Responders(tag.id))
            return Reply.text("responses-tag", number=number, tag=tag.name)
        if folded(word) in _NOBODY:
            responders.save(request.tx, moment.id, Responders())
            return Reply.text("responses-nobody", number=number)
        if folded(word) not in _ALL:
            raise UserError("responses-who")
        responders.save(request.tx, moment.id, None)
        return Reply.text("responses-all", number=number)

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
