"""What a program may show: text, a picture, a table, choices, a form. The host draws all of it."""

import base64
import binascii
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from bridge.miniprograms.values import KvKey, Name, Seconds, Shown, Value

MAX_TEXT = 4000
MAX_CHOICES = 12
MAX_FIELDS = 20
MAX_COLUMNS, MAX_ROWS = 8, 50

Label = Annotated[str, StringConstraints(min_length=1, max_length=80)]


def https_host(url: str) -> str | None:
    """The host of an https URL without user, port and fragment; None: it is none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    plain = url.isascii() and url.isprintable() and not any(c.isspace() or c == "\\" for c in url)
    if not plain or parts.scheme != "https" or parts.username is not None or port is not None or "#" in url:
        return None
    return parts.hostname or None


def _https(url: str) -> str:
    if https_host(url) is None:
        raise ValueError("should be an https address without user name, port and #")
    return url


Url = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_https)]


def _base64(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("should be base64") from None
    return text


class Picture(Value):
    """A picture, of which exactly one source is given. The host fetches and re-encodes it itself."""

    alt: Annotated[str, StringConstraints(min_length=1, max_length=300)] = Field(
        description="What is on it, for people who can't see it."
    )
    url: Url | None = Field(default=None, description="On one of the domains of the manifest.")
    data: Annotated[str, StringConstraints(max_length=45_000), AfterValidator(_base64)] | None = Field(
        default=None, description="The file itself, as base64: PNG, JPEG, GIF or WebP."
    )
    qr: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = Field(
        default=None, description="A text that the host draws as a QR code."
    )

    @property
    def bytes(self) -> bytes:
        """The file that `data` is."""
        return base64.b64decode(self.data or "", validate=True)

    @model_validator(mode="after")
    def _one_source(self) -> "Picture":
        if sum(source is not None for source in (self.url, self.data, self.qr)) != 1:
            raise ValueError("needs exactly one of url, data and qr")
        return self


class Column(Value):
    label: Annotated[str, StringConstraints(max_length=80)] = ""
    align: Literal["start", "end"] = "start"


class Table(Value):
    columns: tuple[Column, ...] = Field(min_length=1, max_length=MAX_COLUMNS)
    rows: tuple[tuple[Shown, ...], ...] = Field(max_length=MAX_ROWS)

    @model_validator(mode="after")
    def _even(self) -> "Table":
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("each row should have as many cells as there are columns")
        return self


class Choice(Value):
    id: Name
    label: Label


class _Field(Value):
    name: Name
    label: Label
    required: bool = True


class TextField(_Field):
    type: Literal["text"]
    max_length: int = Field(default=500, ge=1, le=2000)


class IntegerField(_Field):
    type: Literal["integer"]
    min: int | None = None
    max: int | None = None


class NumberField(_Field):
    type: Literal["number"]
    min: float | None = None
    max: float | None = None


class BooleanField(_Field):
    type: Literal["boolean"]


class ChoiceField(_Field):
    type: Literal["choice"]
    choices: tuple[Choice, ...] = Field(min_length=1, max_length=MAX_CHOICES)


class DateField(_Field):
    type: Literal["date"]
    min: Seconds | None = None
    max: Seconds | None = None


FormField = Annotated[
    TextField | IntegerField | NumberField | BooleanField | ChoiceField | DateField, Field(discriminator="type")
]


class Form(Value):
    """Questions that the host asks one after the other. A `form` event has the answers, or null when it was left."""

    name: Name
    fields: tuple[FormField, ...] = Field(min_length=1, max_length=MAX_FIELDS)

    @model_validator(mode="after")
    def _different(self) -> "Form":
        if len({field.name for field in self.fields}) != len(self.fields):
            raise ValueError("two fields have the same name")
        return self


class Content(Value):
    """The parts of a message; at least one is there."""

    text: Annotated[str, StringConstraints(max_length=MAX_TEXT)] | None = Field(
        default=None,
        description="Markdown: paragraphs, lists, quotes, **bold**, *italic*, `code` and links. No HTML, no pictures. "
        "`{name}` stands for the entry of that name in `values`.",
    )
    values: dict[KvKey, Shown] = Field(
        default_factory=dict,
        max_length=50,
        description="Money and dates in the text, which the host writes as the reader is used to.",
    )
    picture: Picture | None = None
    table: Table | None = None
    choices: tuple[Choice, ...] | None = Field(default=None, min_length=1, max_length=MAX_CHOICES)
    chooser: Literal["user", "anyone"] = Field(
        default="user", description="Who may choose: the person of this event, or anybody in the chat."
    )
    form: Form | None = None

    @model_validator(mode="after")
    def _something(self) -> "Content":
        if not any((self.text, self.picture, self.table, self.choices, self.form)):
            raise ValueError("shows nothing; give text, picture, table, choices or form")
        if self.choices is not None and self.form is not None:
            raise ValueError("a message asks one thing: choices or a form, not both")
        if self.choices is not None and len({choice.id for choice in self.choices}) != len(self.choices):
            raise ValueError("two choices have the same id")
        return self
