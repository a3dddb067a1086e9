"""`moments keep`: how long one's own moments stay. What is older goes for good, so it is asked about first."""

import re

from bridge.chat import prompts
from bridge.chat.command import Command, Kind, Param, Request
from bridge.chat.reply import CopyRef, Message, Reply, Text
from bridge.contacts.model import folded
from bridge.errors import UserError
from bridge.moments import keep_times
from bridge.moments.keep_times import DAY_MS
from bridge.moments.service import Moments

KEEP = "moments-keep"
"""Kind of the question whether older moments may go; its subject is how long the others stay, days."""
YES, NO = "yes", "no"
_TTL_MS = 24 * 3600 * 1000
_MOST_DAYS = 36_500
_TIME = re.compile(r"(\d{1,5}) ?(d|days?|天|日|w|weeks?|周|m|months?|个?月|y|years?|年)", re.ASCII)
_DAYS = {"d": 1, "天": 1, "日": 1, "w": 7, "周": 7, "m": 30, "月": 30, "个": 30, "y": 365, "年": 365}
_ALL = frozenset(("all", "forever", "for ever", "always", "永久", "一直", "全部"))


class KeepCommands:
    """`moments keep`."""

    def __init__(self, moments: Moments) -> None:
        self._moments = moments

    @property
    def commands(self) -> list[Command]:
        return [
            Command("moments keep", (Param("when", (Kind.REST,), required=False),), self._keep, group="moments"),
        ]

    def _keep(self, request: Request) -> Reply:
        tx, person = request.tx, request.person
        said = folded(request.args.get("when", ""))
        if not said:
            return self._shown(request, keep_times.load_days(tx, person.id), "keep-shown")
        if said in _ALL:
            return self._save(request, None)
        match = _TIME.fullmatch(said)
        days = 0 if match is None else int(match[1]) * _DAYS[match[2][0]]
        if not 1 <= days <= _MOST_DAYS:
            raise UserError("keep-when")
        older = keep_times.count_older(tx, person.id, days * DAY_MS)
        if not older:
            return self._save(request, days)
        prompt_id = prompts.open(tx, person.id, KEEP, days, (YES, NO), _TTL_MS)
        blocks = (Text("keep-question", {"days": days, "count": older}), Text("keep-choices"))
        return Reply((Message(blocks, CopyRef(prompts.COPY_KIND, prompt_id)),))

    def choose(self, request: Request, days: int, option: str) -> Reply:
        """The answer to the question."""
        return self._save(request, days) if option == YES else Reply.text("keep-left")

    def _save(self, request: Request, days: int | None) -> Reply:
        keep_times.save(request.tx, request.person.id, None if days is None else days * DAY_MS)
        return self._shown(request, days, "keep-set")

    def _shown(self, request: Request, days: int | None, text: str) -> Reply:
        """What holds: the shorter of what the person and what the operator wants."""
        operator = self._moments.operator_days(request.tx, request.person.id)
        if operator is not None and (days is None or days > operator):
            return Reply.text("keep-operator", days=operator)
        return Reply.text("keep-all") if days is None else Reply.text(text, days=days)
