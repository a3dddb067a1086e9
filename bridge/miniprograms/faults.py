"""What is wrong with something that a program, or its developer, wrote: exact, and safe to show to that developer."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bridge.config.explain import message, siblings_in
from bridge.errors import CourtyardError
from bridge.miniprograms.values import PATTERNS

MAX_FAULTS = 20
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.-]{1,40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake. Never holds a value, since values may be personal."""

    key: str
    """Where: `effects[2].choices[0].label`; empty for the whole."""
    message: str

    def __str__(self) -> str:
        return f"{self.key}: {self.message}" if self.key else self.message


class Faulty(CourtyardError):
    """Something can't be used. The text has one line a fault."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults[:MAX_FAULTS])
        super().__init__("\n".join(str(fault) for fault in self.faults))


def faults_of(error: ValidationError, model: type[BaseModel], at: str = "") -> list[Fault]:
    """The faults that pydantic found in a value of `model` that stands at the place `at`."""
    found = []
    for details in details_of(error)[:MAX_FAULTS]:
        loc = tuple(without_types(details["loc"]))
        siblings = siblings_in(model, [str(part) for part in loc]) if details["type"] == "extra_forbidden" else []
        found.append(Fault(path(loc, at), message(details, siblings, PATTERNS)))
    return found


def details_of(error: ValidationError) -> list[ErrorDetails]:
    """What pydantic found, without what only follows: a list whose entry is wrong is too short for it, as well."""
    every = error.errors(include_url=False, include_input=False)
    inside = {details["loc"][:length] for details in every for length in range(len(details["loc"]))}
    return [details for details in every if details["type"] != "too_short" or details["loc"] not in inside]


def path(parts: Sequence[int | str], at: str = "") -> str:
    """`("rows", 2, "label")` as `rows[2].label`."""
    text = at
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            key = part if _PLAIN_KEY.fullmatch(part) else "…"
            text += f".{key}" if text else key
    return text


def without_types(loc: Sequence[int | str]) -> Iterator[int | str]:
    """Pydantic puts the chosen member of a union into the path: the reader's JSON has no such key."""
    for index, part in enumerate(loc):
        if isinstance(part, str):
            of_field = part in FIELD_TYPES and index + 1 < len(loc) and index > 0 and isinstance(loc[index - 1], int)
            if of_field or part.endswith(" value"):
                continue
        yield part


FIELD_TYPES = ("text", "integer", "number", "boolean", "choice", "date")
"""The types of form fields and of commands' arguments."""
