"""What a program shows, as text: values in their places, tables in even columns. Pure."""

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from bridge.miniprograms.ui import Table
from bridge.miniprograms.values import DateValue, MoneyValue

AnyValue: TypeAlias = str | int | MoneyValue | DateValue
Show: TypeAlias = Callable[[AnyValue], str]
"""A value as its reader is used to."""


def filled(text: str, values: Mapping[str, AnyValue], show: Show) -> str:
    """The text with each `{name}` that there is a value for."""
    for name, value in values.items():
        text = text.replace("{" + name + "}", show(value))
    return text


def table_lines(table: Table, show: Show) -> Iterator[str]:
    """The rows of a table, each in one line."""
    rows = [[_one_line(show(cell)) for cell in row] for row in table.rows]
    if any(column.label for column in table.columns):
        rows.insert(0, [_one_line(column.label) for column in table.columns])
    widths = [max((_width(row[at]) for row in rows), default=0) for at in range(len(table.columns))]
    for row in rows:
        yield "  ".join(_cells(row, widths, [column.align for column in table.columns])).rstrip()


def _cells(row: Sequence[str], widths: Sequence[int], aligns: Sequence[str]) -> Iterator[str]:
    for cell, width, align in zip(row, widths, aligns, strict=True):
        space = " " * (width - _width(cell))
        yield space + cell if align == "end" else cell + space


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _width(text: str) -> int:
    """Columns of a fixed-width font that it takes."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
