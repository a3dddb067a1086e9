"""`notify`: how one is told of new moments of one's friends (M18)."""

import re
from dataclasses import replace

from bridge.chat.command import Command, Kind, Param, Request
from bridge.chat.people import People
from bridge.chat.reply import Block, Lines, Message, Reply, Text
from bridge.contacts import tags
from bridge.contacts.model import folded
from bridge.delivery.outbox import Outbox
from bridge.errors import UserError
from bridge.moments import notify
from bridge.moments.kinds import UNASKED
from bridge.moments.notify import Mode

_MODES = {
    **dict.fromkeys(("off", "never", "关", "不通知"), Mode.OFF),
    **dict.fromkeys(("digest", "daily", "摘要", "每天"), Mode.DIGEST),
    **dict.fromkeys(("now", "at once", "立即", "马上"), Mode.NOW),
}
_USUAL = frozenset(("default", "usual", "默认"))
_AT = frozenset(("at", "在"))
_QUIET = frozenset(("quiet", "安静", "免打扰"))
_TIME = r"(\d{1,2})(?:点|[:.：](\d{2}))?"
_CLOCK = re.compile(_TIME, re.ASCII)
_SPAN = re.compile(rf"{_TIME} ?(?:-|–|to|到|至|~) ?{_TIME}", re.ASCII)


class NotifyCommands:
    def __init__(self, default_minute: int, people: People, outbox: Outbox) -> None:
        self._default = default_minute
        self._people = people
        self._outbox = outbox

    def notify(self, request: Request) -> Reply:
        said = folded(request.args.get("what", ""))
        if not said:
            return self._shown(request)
        first, _, rest = said.partition(" ")
        if first in _AT:
            self._save(request, digest_minute=_minute(_CLOCK.fullmatch(rest)))
        elif first in _QUIET:
            self._save(request, quiet=None if rest in ("off", "关") else _span(rest))
            # What was held back until the old ones end.
            ends = notify.quiet_ms(request.tx, self._people, request.person.id)
            self._outbox.put_off(request.tx, request.person.id, UNASKED, ends)
        elif rest.startswith(("#", "＃")):
            self._set_tag(request, first, rest[1:])
        elif said in _MODES:
            self._save(request, mode=_MODES[said])
        else:
            raise UserError("notify-unknown")
        return self._shown(request)

    def _save(self, request: Request, **changes: Mode | int | tuple[int, int] | None) -> None:
        now = notify.load(request.tx, request.person.id)
        notify.save(request.tx, request.person.id, replace(now, **changes))  # type: ignore[arg-type]

    @staticmethod
    def _set_tag(request: Request, word: str, name: str) -> None:
        if word not in _MODES and word not in _USUAL:
            raise UserError("notify-unknown")
        tag = tags.find(request.tx, request.person.id, name)
        if tag is None:
            raise UserError("tag-none", tag=name)
        notify.set_tag_mode(request.tx, tag.id, _MODES.get(word))

    def _shown(self, request: Request) -> Reply:
        tx, person = request.tx, request.person.id
        wanted, by_tag = notify.load(tx, person), notify.tag_modes(tx, person)
        minute = self._default if wanted.digest_minute is None else wanted.digest_minute
        blocks: list[Block] = [Text(f"notify-{wanted.mode.value}", {"time": _shown_time(minute)})]
        named = tags.by_ids(tx, by_tag)
        lines = [
            Text(f"notify-tag-{by_tag[tag_id].value}", {"tag": tag.name})
            for tag_id, tag in sorted(named.items(), key=lambda item: folded(item[1].name))
        ]
        if lines:
            blocks.append(Lines(tuple(lines)))
        if wanted.quiet is not None:
            start, end = map(_shown_time, wanted.quiet)
            blocks.append(Text("notify-quiet", {"from": start, "to": end}))
        blocks.append(Text("notify-howto"))
        return Reply((Message(tuple(blocks)),))

    @property
    def commands(self) -> list[Command]:
        what = Param("what", (Kind.REST,), required=False)
        return [Command("notify", (what,), self.notify, group="moments")]


def _minute(found: re.Match[str] | None) -> int:
    if found is None:
        raise UserError("notify-unknown")
    hour, minute = int(found[1]), int(found[2] or 0)
    if hour > 23 or minute > 59:
        raise UserError("notify-unknown")
    return hour * 60 + minute


def _span(text: str) -> tuple[int, int]:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise UserError("notify-unknown")
    start = _minute(_CLOCK.fullmatch(f"{found[1]}:{found[2] or '00'}"))
    end = _minute(_CLOCK.fullmatch(f"{found[3]}:{found[4] or '00'}"))
    if start == end:
        raise UserError("notify-unknown")
    return start, end


def _shown_time(minute: int) -> str:
    return f"{minute // 60}:{minute % 60:02}"
