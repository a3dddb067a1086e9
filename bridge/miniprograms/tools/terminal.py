"""What a program shows, as lines of a terminal."""

from collections.abc import Iterator
from datetime import UTC, datetime

from bridge.miniprograms.tools.simulator import Output
from bridge.miniprograms.ui import Content
from bridge.miniprograms.values import DateValue, MoneyValue
from bridge.miniprograms.written import AnyValue, filled, table_lines

_WITHOUT_CENTS = frozenset({"CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF"})


def lines(output: Output) -> Iterator[str]:
    """The lines of one output, without control characters."""
    to = f" (to {output.person})" if output.person is not None else ""
    sign = "!" if output.trap else "*" if output.updates else "|"
    body = list(_content(output.content)) if output.content is not None else output.note.split("\n")
    for index, line in enumerate(body):
        safe = "".join(char if char.isprintable() else "�" for char in line)
        yield f"{sign} {safe}{to if index == 0 else ''}".rstrip()


def _content(content: Content) -> Iterator[str]:
    if content.text:
        yield from filled(content.text, content.values, shown).split("\n")
    if content.picture is not None:
        what = "QR code" if content.picture.qr else "picture"
        yield f"[{what}: {content.picture.alt}]"
    if content.table is not None:
        yield from (("  " + line).rstrip() for line in table_lines(content.table, shown))
    if content.choices is not None:
        for number, choice in enumerate(content.choices, 1):
            yield f"  {number}. {choice.label}"


def shown(value: AnyValue) -> str:
    """A value as text. Money and dates plainly: the bot writes them as each reader is used to."""
    if isinstance(value, MoneyValue):
        amount, currency = value.money.amount, value.money.currency
        if currency in _WITHOUT_CENTS:
            return f"{amount} {currency}"
        sign = "-" if amount < 0 else ""
        return f"{sign}{abs(amount) // 100}.{abs(amount) % 100:02} {currency}"
    if isinstance(value, DateValue):
        when = datetime.fromtimestamp(value.date, UTC)
        return when.strftime({"date": "%Y-%m-%d", "time": "%H:%M", "datetime": "%Y-%m-%d %H:%M"}[value.style])
    return str(value)
