"""What people type while a program is open, as values of the types that the program declared. Pure."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from bridge.miniprograms.manifest import ProgramCommand
from bridge.miniprograms.strict_json import MAX_INTEGER
from bridge.miniprograms.ui import Choice, ChoiceField, DateField, FormField, IntegerField, NumberField, TextField

Given = str | int | float | bool | None

_YES = frozenset({"yes", "y", "true", "1", "ok", "是", "好", "对"})
_NO = frozenset({"no", "n", "false", "0", "否", "不", "不是"})
_INTEGER = re.compile(r"[+-]?[0-9]{1,16}", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,16}([.,][0-9]{1,10})?", re.ASCII)
_DATE_FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M")


class Misread(Exception):
    """What was typed is none of what was asked for.

    Args:
        reason: missing, extra, integer, number, boolean, choice, date, long, small or large.
        what: the argument or field that it is about.
        bound: the limit, for long, small and large.
    """

    def __init__(self, reason: str, what: str = "", bound: float = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.what = what
        self.bound = bound


@dataclass(frozen=True, slots=True)
class Kind:
    """What may be given: one of the types of the manifest and of forms."""

    type: str
    choices: Sequence[Choice] = ()
    least: float | None = None
    most: float | None = None
    max_length: int = 2000


def kind_of(field: FormField) -> Kind:
    """What may be given for a field of a form."""
    if isinstance(field, ChoiceField):
        return Kind(field.type, field.choices)
    if isinstance(field, IntegerField | NumberField | DateField):
        return Kind(field.type, least=field.min, most=field.max)
    if isinstance(field, TextField):
        return Kind(field.type, max_length=field.max_length)
    return Kind(field.type)


def arguments(command: ProgramCommand, rest: str, zone: tzinfo) -> dict[str, Given]:
    """What stands behind a command, by the names of its arguments; null for what was left out.

    Raises:
        Misread: something is missing, too much, or none of its type.
    """
    found: dict[str, Given] = {}
    rest = rest.strip()
    for argument in command.arguments:
        if argument.type == "text":
            word, rest = rest, ""
        else:
            word, _, rest = rest.partition(" ")
            rest = rest.strip()
        if not word:
            if argument.required:
                raise Misread("missing", argument.name)
            found[argument.name] = None
            continue
        found[argument.name] = value(Kind(argument.type, argument.choices or ()), word, zone, argument.name)
    if rest:
        raise Misread("extra")
    return found


def value(kind: Kind, text: str, zone: tzinfo, what: str = "") -> Given:
    """`text` as a value of this kind.

    Raises:
        Misread: it is none.
    """
    text = text.strip()
    found = _READERS[kind.type](kind, text, zone)
    if found is None:
        raise Misread(kind.type, what)
    if isinstance(found, str):
        if kind.type == "text" and len(found) > kind.max_length:
            raise Misread("long", what, kind.max_length)
    elif not isinstance(found, bool):
        if kind.least is not None and found < kind.least:
            raise Misread("small", what, kind.least)
        if kind.most is not None and found > kind.most:
            raise Misread("large", what, kind.most)
    return found


def chosen(choices: Sequence[Choice], text: str) -> str | None:
    """The id of the choice that `text` means: its number, its label or its id."""
    folded = text.strip().casefold()
    return picked(choices, text) or next((one.id for one in choices if folded == one.id.casefold()), None)


def picked(choices: Sequence[Choice], text: str) -> str | None:
    """The same of choices that were shown: people see no ids, so who types one has not chosen."""
    text = text.strip()
    if _INTEGER.fullmatch(text) and 1 <= int(text) <= len(choices):
        return choices[int(text) - 1].id
    folded = text.casefold()
    return next((one.id for one in choices if folded == one.label.casefold()), None)


def _text(_kind: Kind, text: str, _zone: tzinfo) -> Given:
    return text


def _integer(_kind: Kind, text: str, _zone: tzinfo) -> Given:
    number = int(text) if _INTEGER.fullmatch(text) else None
    return number if number is not None and abs(number) <= MAX_INTEGER else None


def _number(_kind: Kind, text: str, _zone: tzinfo) -> Given:
    number = float(text.replace(",", ".")) if _NUMBER.fullmatch(text) else None
    return number if number is not None and math.isfinite(number) else None


def _boolean(_kind: Kind, text: str, _zone: tzinfo) -> Given:
    folded = text.casefold()
    return True if folded in _YES else False if folded in _NO else None


def _choice(kind: Kind, text: str, _zone: tzinfo) -> Given:
    return chosen(kind.choices, text)


def _date(_kind: Kind, text: str, zone: tzinfo) -> Given:
    for form in _DATE_FORMATS:
        try:
            seconds = datetime.strptime(text, form).replace(tzinfo=zone).timestamp()
        except (ValueError, OverflowError):
            continue
        return int(seconds) if seconds >= 0 else None
    return None


_READERS = {
    "text": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "choice": _choice,
    "date": _date,
}
