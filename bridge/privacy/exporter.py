"""The port by which each feature hands out what it holds about a person (P10): `export`."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeAlias
from urllib.parse import quote

from bridge.chat.command import Person
from bridge.chat.reply import Text
from bridge.db import Tx
from bridge.ids import UserId

AS2 = "https://www.w3.org/ns/activitystreams"
EXTENSION = "urn:x-courtyard:ns:"
"""Where our own terms are; a name, and nothing that could be fetched."""
CONTEXT: list[object] = [
    AS2,
    {
        "@version": 1.1,
        "cy": EXTENSION,
        "sensitive": "as:sensitive",
        "expires": {"@id": "cy:expires", "@type": "xsd:dateTime"},
        "audience_rule": {"@id": "cy:audience_rule", "@type": "@json"},
        "responders": {"@id": "cy:responders", "@type": "@json"},
        "fields": {"@id": "cy:fields", "@type": "@json"},
        "poll_closed": {"@id": "cy:poll_closed", "@type": "xsd:boolean"},
        "chosen": {"@id": "cy:chosen", "@type": "xsd:boolean"},
    },
]
"""`@context` of every ActivityStreams document in an archive."""

Say: TypeAlias = Callable[[Text], str]
"""A text of the catalogue, plain, in the language of the person."""


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A file of the archive."""

    name: str
    """Its path in there: ASCII, relative, with `/`."""
    data: bytes
    title: str = ""
    """What it is called in the table of contents; empty: it is not for reading."""


@dataclass(frozen=True, slots=True)
class ExportMedia:
    """A picture that has to be fetched first."""

    name: str
    file: Mapping[str, Any]
    """EncryptedFile of the spec."""
    size: int
    """Bytes, as it was noted when it was stored."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one transaction hands out."""

    files: tuple[ExportFile, ...] = ()
    media: tuple[ExportMedia, ...] = ()
    after: Any = None
    """Where to go on, as JSON; None: that is all."""


class Exporter(Protocol):
    """One per feature. Reads only what the person may see, some at a time."""

    @property
    def name(self) -> str:
        """Told from the others by it, also after a restart."""
        ...

    def export(self, tx: Tx, person: Person, after: Any | None, say: Say, /) -> Piece:
        """The next piece. `after`: what the one before gave; None at the beginning."""
        ...


def uri(user: UserId) -> str:
    """A person as an IRI (spec: "Matrix URI scheme")."""
    return f"matrix:u/{quote(user[1:], safe=':')}"


def stamp(ms: int) -> str:
    """A time as xsd:dateTime, UTC, to the millisecond."""
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{ms % 1000:03d}Z"


def document(value: Mapping[str, Any]) -> bytes:
    """A JSON document, the same bytes for the same value."""
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")


def activity(value: Mapping[str, Any]) -> bytes:
    """An ActivityStreams document."""
    return document({"@context": CONTEXT, **value})


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A CSV list (RFC 4180, UTF-8). What a spreadsheet would take for a formula gets an apostrophe in front."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue().encode("utf-8", "replace")


_FORMULA = frozenset("=+-@\t\r\n＝＋－＠")
"""What begins a formula in some spreadsheet, in East Asian widths as well."""


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in _FORMULA else text
