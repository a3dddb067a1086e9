"""The texts that people read, in Fluent files: `locales/LANGUAGE/FEATURE.ftl`."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from fluent.runtime import FluentBundle, FluentResource
from fluent.runtime.types import FluentInt, FluentType
from fluent.syntax import ast

from bridge.chat import markup
from bridge.chat.reply import Text, Time
from bridge.errors import Arg

LANGUAGES = ("en", "zh")
FALLBACK = "en"
_KEPT_TIMES = 4096
"""Minutes that are kept as they are written: a page, and a post for many, show few of them."""

_log = structlog.get_logger(__name__)


class _Opaque(str, FluentType):
    """A string argument: selectors compare its value, the output gets its token."""

    token: str

    def format(self, locale: object) -> str:  # type: ignore[override]
        return self.token


class CatalogueError(Exception):
    """A message, an argument or a file of the catalogue is missing or wrong: a fault of the program."""


class Catalogue:
    """Formats texts. Immutable, and safe to use from several threads."""

    def __init__(self, sources: Mapping[str, Iterable[tuple[str, str]]], *, strict: bool = False) -> None:
        """Build from `{language: [(file name, Fluent source)]}`.

        With `strict`, a text that is unknown or lacks an argument raises CatalogueError instead of falling back to
        English.
        """
        self._strict = strict
        self._bundles = {language: _bundle(language, items) for language, items in sources.items()}
        self._times: dict[tuple[str | int, ...], str] = {}
        if FALLBACK not in self._bundles:
            raise CatalogueError(f"the catalogue lacks the language {FALLBACK}")

    @classmethod
    def load(cls, *, strict: bool = False) -> "Catalogue":
        """The catalogue that ships with the program: one object, as its 200 ms of reading need be spent once only.

        Raises:
            CatalogueError: a file can't be parsed, or two files define the same message.
        """
        return _shipped(strict)

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(self._bundles)

    def has(self, language: str, message_id: str) -> bool:
        """Whether `language` itself has the text; `message.attribute` names an attribute."""
        bundle = self._bundles.get(language)
        return bundle is not None and _pattern(bundle, message_id) is not None

    def format(self, language: str, text: Text, time_zone: str = "UTC") -> str:
        """The plain text in `language`, times in `time_zone` (an IANA name; an unknown one counts as UTC)."""
        return markup.to_plain(*self.template(language, text, time_zone))

    def template(self, language: str, text: Text, time_zone: str = "UTC") -> tuple[str, list[str]]:
        """The text with tokens in the place of its arguments, and the arguments (see `markup`)."""
        arguments: list[str] = []
        return self._format(language, text, time_zone, arguments), arguments

    def _format(self, language: str, text: Text, time_zone: str, arguments: list[str]) -> str:
        bundle = self._bundles.get(language)
        pattern = None if bundle is None else _pattern(bundle, text.id)
        if bundle is None or pattern is None:
            if self._strict:
                raise CatalogueError(f"no text {text.id} in {language}")
            bundle = self._bundles[FALLBACK]
            pattern = _pattern(bundle, text.id)
            if pattern is None:
                _log.error("text missing in the catalogue", id=text.id)
                return text.id
            _log.warning("text missing in a language", id=text.id, language=language)
        args = {name: self._argument(language, value, time_zone, arguments) for name, value in text.args.items()}
        value, errors = bundle.format_pattern(pattern, args)
        if errors:
            # The error's own text may quote arguments.
            problem = ", ".join(type(error).__name__ for error in errors)
            if self._strict:
                raise CatalogueError(f"text {text.id} in {language}: {problem}")
            _log.error("text can't be formatted", id=text.id, language=language, problem=problem)
        return str(value)

    def _argument(self, language: str, value: "Arg | Text | Time", time_zone: str, arguments: list[str]) -> FluentType:
        if isinstance(value, bool | int):
            return FluentInt(int(value), useGrouping=False)
        if isinstance(value, Text):
            # Its arguments are tokens already, so the outer text takes it as it is.
            return _opaque("", self._format(language, value, time_zone, arguments))
        if isinstance(value, Time):
            return _opaque("", self._time(language, value, time_zone))
        shown = value if isinstance(value, str) else f"{value:g}"
        arguments.append(shown)
        return _opaque(shown, markup.token(len(arguments) - 1))

    def _time(self, language: str, value: Time, time_zone: str) -> str:
        try:
            local = datetime.fromtimestamp(value.ms / 1000, UTC).astimezone(_zone(time_zone))
        except (OverflowError, ValueError, OSError):
            return "—"
        key = (language, local.year, local.month, local.day, local.hour, local.minute)
        shown = self._times.get(key)
        if shown is None:
            args: dict[str, Arg | Text | Time] = {
                "year": local.year,
                "month": local.month,
                "day": local.day,
                "clock": f"{local:%H:%M}",
            }
            if len(self._times) >= _KEPT_TIMES:
                self._times.clear()
            shown = self._times[key] = self.format(language, Text("time", args), time_zone)
        return shown


@cache
def _shipped(strict: bool) -> Catalogue:
    root = files("bridge.chat") / "locales"
    return Catalogue(
        {
            language: [
                (item.name, item.read_text("utf-8"))
                for item in sorted((root / language).iterdir(), key=lambda item: item.name)
                if item.name.endswith(".ftl")
            ]
            for language in LANGUAGES
        },
        strict=strict,
    )


def _opaque(value: str, shown: str) -> _Opaque:
    opaque = _Opaque(value)
    opaque.token = shown
    return opaque


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def _pattern(bundle: FluentBundle, message_id: str) -> Any:
    name, _, attribute = message_id.partition(".")
    if not bundle.has_message(name):
        return None
    message = bundle.get_message(name)
    return message.attributes.get(attribute) if attribute else message.value


def _bundle(language: str, items: Iterable[tuple[str, str]]) -> FluentBundle:
    bundle = FluentBundle([language], use_isolating=False)  # `clean_argument` isolates what needs it
    seen: dict[str, str] = {}
    for name, source in items:
        resource = FluentResource(source)
        for entry in resource.body:
            if isinstance(entry, ast.Junk):
                raise CatalogueError(f"{language}/{name}: not Fluent: {(entry.content or '').strip()[:80]!r}")
            if isinstance(entry, ast.Message | ast.Term):
                if entry.id.name in seen:
                    raise CatalogueError(f"{language}: {entry.id.name} is in {seen[entry.id.name]} and in {name}")
                seen[entry.id.name] = name
        bundle.add_resource(resource)
    for message_id in seen:
        # Compile now: the bundle fills its cache on use, and texts are formatted in more than one thread.
        if bundle.has_message(message_id):
            bundle.get_message(message_id)
    return bundle
