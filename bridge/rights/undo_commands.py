"""`undo`: takes the last post, deletion or change of privacy back, within a short time (X10)."""

from bridge.chat.command import Command, Request
from bridge.chat.reply import Reply
from bridge.errors import UserError
from bridge.moments import numbers, store
from bridge.moments.readdress import Readdress
from bridge.moments.service import Moments
from bridge.privacy import undo
from bridge.rights.settings_commands import PrivacySettings


class UndoCommand:
    def __init__(self, moments: Moments, readdress: Readdress, settings: PrivacySettings) -> None:
        self._moments = moments
        self._readdress = readdress
        self._settings = settings

    def undo(self, request: Request) -> Reply:
        tx, person = request.tx, request.person
        seconds = self._moments.limits.undo_ms // 1000
        last = undo.take(tx, person.id)
        if last is None:
            raise UserError("undo-none", seconds=seconds)
        if last.kind == undo.SETTING:
            return self._settings.restore(request, last.value)
        moment = store.moment(tx, last.ref_id or 0)
        if moment is None or moment.author != person.id:
            raise UserError("undo-none", seconds=seconds)
        number = numbers.number_of(tx, person.id, moment.id)
        if last.kind == undo.POST:
            # Nothing of it is kept: what was posted by mistake is not to lie about.
            self._moments.remove(tx, moment)
            return Reply.text("undo-post", number=number)
        if last.kind == undo.AUDIENCE:
            if self._moments.visible(tx, person, moment.id) is None:
                raise UserError("undo-none", seconds=seconds)
            return self._readdress.restore(request, moment, last.value["to"])
        if not self._moments.restore(tx, moment, last.value["expires_at"]):
            raise UserError("undo-none", seconds=seconds)
        return Reply.text("undo-delete", number=number)


def build(do: UndoCommand) -> list[Command]:
    return [Command("undo", (), do.undo, group="moments")]
