"""What the contract is made of: the base of its models, and the small types that several of them use."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag

VERSION = 1
"""The version of the contract: `v` of events and answers."""


class Value(BaseModel):
    """Frozen, and strict about what it takes: an unknown key is a typing error, so it is refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        json_schema_serialization_defaults_required=True,
        defer_build=True,  # when it is used: a start waits for none of this
    )


PATTERNS: dict[str, str] = {}
"""What each regular expression of the contract asks for, in words."""


def pattern(expression: str, words: str, *, least: int | None = None, most: int | None = None) -> StringConstraints:
    """A text that matches `expression`; `words` is what its writer is told when it does not."""
    PATTERNS[expression] = words
    return StringConstraints(pattern=expression, min_length=least, max_length=most)


Id = Annotated[str, pattern(r"^[A-Za-z0-9_-]{1,64}$", "should be 1 to 64 letters, digits, _ or -")]
"""An opaque id that the host makes."""
Name = Annotated[
    str,
    pattern(r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$", "should be 1 to 64 letters, digits or _ . : - after the first"),
]
"""A name that the program gives: of a message, a choice, a form, a timer, a question to the host."""
EffectId = Annotated[str, pattern(r"^[A-Za-z0-9_-]{1,64}:[0-9]{1,3}$", "should be the id of an effect, EVENT:INDEX")]
"""`event.id:index`: the effect at `index` of the answer to that event. Each is performed once."""
Scope = Annotated[str, pattern(r"^[a-z]+(\.[a-z]+)?$", "should be the name of a scope, like profile.name", most=40)]
Locale = Annotated[str, pattern(r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$", "should be a language, like en or zh")]
"""A language tag (BCP 47), like `en` or `zh`."""
Seconds = Annotated[int, Field(ge=0, le=253_402_300_799)]
"""A point in time: whole seconds since 1970, UTC."""
HOST = r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$"
Host = Annotated[
    str,
    pattern(
        HOST,
        "should be the exact name of a host in small letters, without https://, port and wildcards",
        least=4,
        most=253,
    ),
]
"""A host's name in lower case, without port; never an address of numbers."""
Space = Literal["person", "chat", "program"]
"""Where a value is kept: for this person alone, for everybody in this chat, or for all who use the program."""
KvKey = Annotated[str, pattern(r"^[A-Za-z0-9_.:/-]{1,64}$", "should be 1 to 64 letters, digits or _ . : / -")]


class Amount(Value):
    """Money. The host shows it as the reader is used to."""

    amount: int = Field(ge=-(10**12), le=10**12, description="In the currency's smallest unit: 1250 is 12.50 EUR.")
    currency: Annotated[str, pattern(r"^[A-Z]{3}$", "should be three capital letters, like EUR")] = Field(
        description="ISO 4217, like EUR."
    )


class MoneyValue(Value):
    money: Amount


class DateValue(Value):
    date: Seconds = Field(description="Shown in the reader's time zone, which the program is never told.")
    style: Literal["date", "time", "datetime"] = "datetime"


def _kind(value: object) -> str:
    if isinstance(value, dict):
        return "money value" if "money" in value else "date value"
    if isinstance(value, MoneyValue):
        return "money value"
    if isinstance(value, DateValue):
        return "date value"
    return "number value" if isinstance(value, int) else "text value"


Shown = Annotated[
    Annotated[str, StringConstraints(max_length=500), Tag("text value")]
    | Annotated[int, Tag("number value")]
    | Annotated[MoneyValue, Tag("money value")]
    | Annotated[DateValue, Tag("date value")],
    Discriminator(_kind),
]
"""A text, a whole number, `{"money": …}` or `{"date": …}`."""
