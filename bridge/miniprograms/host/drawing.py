"""What a program shows, as a message of the bot: marked as the program's, without mentions, in the reader's ways."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import dates, numbers

from bridge.chat.command import Person
from bridge.chat.reply import Block, CopyRef, Lines, Message, Picture, Text, Written
from bridge.miniprograms.host.sessions import COPY, Said
from bridge.miniprograms.manifest import Manifest, in_language
from bridge.miniprograms.ui import Content
from bridge.miniprograms.values import DateValue, MoneyValue
from bridge.miniprograms.written import AnyValue, Show, filled, table_lines

# Links that clients show as people or rooms: a program has nobody to name.
_PILL = re.compile(r"(?:https?://)?matrix\.to/[^\s)>\]]*|matrix:[^\s)>\]]*", re.IGNORECASE)
_FENCE = re.compile(r"`{3,}")
_BABEL = {"zh": "zh_Hans"}


def message(said: Said, manifest: Manifest, person: Person, *, in_room: bool = False) -> Message:
    """The event that shows it to this person, or to a room."""
    content = said.content
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
            blocks.append(Text("program-alt", {"alt": content.picture.alt}))
        else:
            blocks.append(Text("program-picture", {"alt": content.picture.alt}))
    if content.choices is not None:
        blocks.append(
            Lines(
                tuple(
                    Text("program-choice", {"number": number, "label": choice.label})
                    for number, choice in enumerate(content.choices, 1)
                )
            )
        )
        blocks.append(Text("program-choose-room" if in_room else "program-choose"))
    if said.push is not None:
        blocks.append(Text(f"program-push-{said.push}", {"name": manifest.name}))
    return Message(tuple(blocks), CopyRef(COPY, said.id), picture)


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
