"""The texts that people read, in Fluent files: `locales/LANGUAGE/FEATURE.ftl`.

Reading all of them takes a sixth of a start, and most of them nobody asks for: a text is read when it is first said.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from importlib.resources import files
from itertools import zip_longest
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
_HEAD = re.compile(r"^[A-Za-z][\w-]*", re.MULTILINE)
"""Where a message begins, its id: what else belongs to it is indented."""

_log = structlog.get_logger(__name__)


class _Opaque(str, FluentType):
    """A string argument: selectors compare its value, the output gets its token."""

    token: str

    def format(self, locale: object) -> str:  # type: ignore[override]
        return self.token


class CatalogueError(Exception):
    """A message, an argument or a file of the catalogue is missing or wrong: a fault of the program."""


class _Texts:
    """The texts of one language. None refers to another, so that each can be read by itself."""

    def __init__(self, language: str, files: Iterable[tuple[str, str]]) -> None:
        self._language = language
        self._sources: dict[str, tuple[str, str]] = {}
        """By the message's id: its file, and what stands there from its id on to the next."""
        for name, source in files:
            heads = list(_HEAD.finditer(source))
            for head, following in zip_longest(heads, heads[1:]):
                if head[0] in self._sources:
                    raise CatalogueError(f"{language}: {head[0]} is in {self._sources[head[0]][0]} and in {name}")
                end = len(source) if following is None else following.start()
                self._sources[head[0]] = name, source[head.start() : end]
        self.bundle = FluentBundle([language], use_isolating=False)  # `clean_argument` isolates what needs it

    def pattern(self, message_id: str) -> Any:
        """What `format_pattern` takes; `message.attribute` names an attribute. None: there is none."""
        name, _, attribute = message_id.partition(".")
        if not self.bundle.has_message(name):
            if name not in self._sources:
                return None
            self._read(name)
        message = self.bundle.get_message(name)
        return message.attributes.get(attribute) if attribute else message.value

    def _read(self, message_id: str) -> None:
        # Two threads may do this at once: both come to the same, and the bundle keeps one.
        file, source = self._sources[message_id]
        resource = FluentResource(source)
        for entry in resource.body:
            if not isinstance(entry, ast.Message | ast.BaseComment):
                raise CatalogueError(f"{self._language}/{file}: not a text: {source.strip()[:80]!r}")
        self.bundle.add_resource(resource)

    def check(self) -> None:
        for message_id in self._sources:
            self._read(message_id)


class Catalogue:
    """Formats texts. Safe to use from several threads."""

    def __init__(self, sources: Mapping[str, Iterable[tuple[str, str]]], *, strict: bool = False) -> None:
        """Build from `{language: [(file name, Fluent source)]}`.

        With `strict`, a text that is unknown or lacks an argument raises CatalogueError instead of falling back to
        English.

        Raises:
            CatalogueError: two files define the same message.
        """
        self._strict = strict
        self._texts = {language: _Texts(language, items) for language, items in sources.items()}
        self._same: dict[tuple[str, str], str] = {}
        """Texts without arguments, by language and id: they always read the same."""
        self._times: dict[tuple[str | int, ...], str] = {}
        if FALLBACK not in self._texts:
            raise CatalogueError(f"the catalogue lacks the language {FALLBACK}")

    @classmethod
    def load(cls, *, strict: bool = False) -> "Catalogue":
        """The catalogue that ships with the program: one object, as what is read of it need be read once only."""
        return _shipped(strict)

    def check(self) -> None:
        """Read everything.

        Raises:
            CatalogueError: a text is not Fluent.
        """
        for texts in self._texts.values():
            texts.check()

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(self._texts)

    def has(self, language: str, message_id: str) -> bool:
        """Whether `language` itself has the text; `message.attribute` names an attribute."""
        texts = self._texts.get(language)
        return texts is not None and texts.pattern(message_id) is not None

    def format(self, language: str, text: Text, time_zone: str = "UTC") -> str:
        """The plain text in `language`, times in `time_zone` (an IANA name; an unknown one counts as UTC)."""
        return markup.to_plain(*self.template(language, text, time_zone))

    def template(self, language: str, text: Text, time_zone: str = "UTC") -> tuple[str, list[str]]:
        """The text with tokens in the place of its arguments, and the arguments (see `markup`)."""
        arguments: list[str] = []
        return self._format(language, text, time_zone, arguments), arguments

    def _format(self, language: str, text: Text, time_zone: str, arguments: list[str]) -> str:
        if not text.args and (same := self._same.get((language, text.id))) is not None:
            return same
        texts = self._texts.get(language)
        pattern = None if texts is None else texts.pattern(text.id)
        is_own = pattern is not None
        if texts is None or pattern is None:
            if self._strict:
                raise CatalogueError(f"no text {text.id} in {language}")
            texts = self._texts[FALLBACK]
            pattern = texts.pattern(text.id)
            if pattern is None:
                _log.error("text missing in the catalogue", id=text.id)
                return text.id
            _log.warning("text missing in a language", id=text.id, language=language)
        args = {name: self._argument(language, value, time_zone, arguments) for name, value in text.args.items()}
        value, errors = texts.bundle.format_pattern(pattern, args)
        if errors:
            # The error's own text may quote arguments.
            problem = ", ".join(type(error).__name__ for error in errors)
            if self._strict:
                raise CatalogueError(f"text {text.id} in {language}: {problem}")
            _log.error("text can't be formatted", id=text.id, language=language, problem=problem)
        elif not text.args and is_own:
            self._same[language, text.id] = str(value)
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
