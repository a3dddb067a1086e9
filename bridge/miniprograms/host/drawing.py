"""What a program shows, as a message of the bot: marked as the program's, without mentions, in the reader's ways."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import dates, numbers

from bridge.chat.command import Person
from bridge.chat.reply import Block, Button, CopyRef, Lines, Message, Picture, Text, Written
from bridge.miniprograms.host import messages
from bridge.miniprograms.host.messages import COPY
from bridge.miniprograms.manifest import Manifest, in_language
from bridge.miniprograms.ui import Choice, Content
from bridge.miniprograms.values import DateValue, MoneyValue
from bridge.miniprograms.written import AnyValue, Show, filled, table_lines

# Links that clients show as people or rooms: a program has nobody to name.
_PILL = re.compile(r"(?:https?://)?matrix\.to/[^\s)>\]]*|matrix:[^\s)>\]]*", re.IGNORECASE)
_FENCE = re.compile(r"`{3,}")
_BABEL = {"zh": "zh_Hans"}


def message(one: messages.Message, manifest: Manifest, person: Person, *, in_room: bool = False) -> Message:
    """The event that shows it to this person; `in_room`: of a program that is open in a room."""
    said, content = one.said, one.said.content
    title = in_language(manifest.title, person.language)
    blocks: list[Block] = [Text("program-says", {"title": title})]
    show = shower(person)
    written = "\n\n".join(_written(content, show))
    if written:
        blocks.append(Written(written))
    picture = None
    if content.picture is not None:
        if said.picture is not None:
            picture = Picture(said.picture["file"], said.picture["info"])
            blocks.append(Text("program-alt", {"alt": unnamed(content.picture.alt)}))
        else:
            blocks.append(Text("program-picture", {"alt": unnamed(content.picture.alt)}))
    choices = content.choices or ()
    if choices:
        howto = "program-choose" if not in_room else "program-choose-room" if said.to_all else "program-choose-reply"
        blocks += (*choice_lines(choices), Text(howto))
    if said.push is not None:
        blocks.append(Text(f"program-push-{said.push}", {"name": manifest.name}))
    return Message(tuple(blocks), CopyRef(COPY, one.id), picture, buttons=buttons(choices, said.tokens))


def choice_lines(choices: Sequence[Choice]) -> tuple[Lines, ...]:
    """Choices with their numbers; nothing where there are none."""
    if not choices:
        return ()
    labels = [unnamed(one.label) for one in choices]
    lines = [Text("program-choice", {"number": number, "label": label}) for number, label in enumerate(labels, 1)]
    return (Lines(tuple(lines)),)


def buttons(choices: Sequence[Choice], tokens: Sequence[str]) -> tuple[Button, ...]:
    """The same for clients that draw buttons."""
    return tuple(Button(unnamed(choice.label), token) for choice, token in zip(choices, tokens, strict=False))


def unnamed(text: str) -> str:
    """A short text of a program without links that clients show as people or rooms."""
    return _PILL.sub("", text).strip() or "…"


def shower(person: Person) -> Show:
    """Writes values as this person is used to: in their language and time zone."""
    locale = _BABEL.get(person.language, person.language)

    def show(value: AnyValue) -> str:
        if isinstance(value, MoneyValue):
            return money(value, locale)
        if isinstance(value, DateValue):
            return date(value, locale, person.time_zone)
        return str(value)

    return show


def money(value: MoneyValue, locale: str) -> str:
    """`12,50 €`: with as many decimals as the currency has."""
    digits = numbers.get_currency_precision(value.money.currency)
    amount = Decimal(value.money.amount).scaleb(-digits)
    return numbers.format_currency(amount, value.money.currency, locale=locale)


def date(value: DateValue, locale: str, time_zone: str) -> str:
    try:
        when = datetime.fromtimestamp(value.date, UTC).astimezone(zone(time_zone))
    except (OverflowError, ValueError, OSError):
        return "—"
    if value.style == "date":
        return dates.format_date(when, "long", locale=locale)
    clock = f"{when:%H:%M}"
    if value.style == "time":
        return clock
    return f"{dates.format_date(when, 'long', locale=locale)}, {clock}"


@lru_cache(maxsize=512)
def zone(name: str) -> ZoneInfo:
    """The time zone of that name; UTC for one that there is not."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def _written(content: Content, show: Show) -> list[str]:
    parts = []
    if content.text:
        parts.append(_PILL.sub("", filled(content.text, content.values, show)).strip("\n"))
    if content.table is not None:
        lines = "\n".join(table_lines(content.table, show))
        longest = max((len(run) for run in _FENCE.findall(lines)), default=2)
        fence = "`" * (longest + 1)
        parts.append(f"{fence}\n{_PILL.sub('', lines)}\n{fence}")
    return [part for part in parts if part.strip()]
