"""The grammar of arguments. `parse` raises nothing but UserError, whatever it gets."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from bridge.chat.clean import shorten
from bridge.chat.command import Command, Kind, Param
from bridge.chat.reply import Text
from bridge.errors import Arg, UserError
from bridge.ids import UserId, parse_user_id

MAX_NUMBER = 2**31 - 1
_SHOWN = 60
"""Characters of a wrong argument that an error repeats."""

_QUOTES = {'"': '"', "“": "”“", "„": "“”", "「": "」"}
_PILL = re.compile(r"\[[^\]\n]{0,255}\]\((?P<link>[^()\s]{1,1024})\)")
_MATRIX_TO = re.compile(r"https?://matrix\.to/#/(?P<id>[^?\s]+)(?:\?\S*)?", re.IGNORECASE)
_NO_LETTERS = re.compile(r"[^a-z]+")
_MATRIX_URI = re.compile(r"matrix:u/(?P<id>[^?/\s]+)(?:\?\S*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Word:
    """One word of the input: its value without quotes, and where it stands."""

    value: str
    start: int
    end: int


class UnclosedQuote(Exception):
    """A quoted word that never ends."""


class WrongArguments(UserError):
    """Something is missing, wrong or left over. `texts` are the arguments that depend on the reader's language."""

    def __init__(self, message_id: str, command: Command, param: Param | None = None, **args: Arg) -> None:
        super().__init__(message_id, **args)
        self.texts: Mapping[str, Text] = {"usage": usage(command)}
        if param is not None:
            self.texts = {**self.texts, "name": Text(f"param-{_slug(param)}")}


def next_word(text: str, position: int) -> Word | None:
    """The word that begins at or after `position`: a quoted one, a Markdown link, or up to the next white space.

    Raises:
        UnclosedQuote: the word begins with a quotation mark that nothing closes.
    """
    start = position
    while start < len(text) and text[start].isspace():
        start += 1
    if start == len(text):
        return None
    closers = _QUOTES.get(text[start])
    if closers is not None:
        return _quoted(text, start, closers)
    pill = _PILL.match(text, start)
    if pill is not None:
        return Word(pill["link"], start, pill.end())
    end = start
    while end < len(text) and not text[end].isspace():
        end += 1
    return Word(text[start:end], start, end)


def parse(command: Command, text: str) -> Mapping[str, Any]:
    """The arguments of `command` in `text`, by parameter name; optional ones that are absent are missing.

    Raises:
        WrongArguments: something is missing, wrong or left over. Its text shows the usage.
    """
    args: dict[str, Any] = {}
    position = 0
    try:
        for param in command.params:
            if param.kinds == (Kind.REST,):
                rest = text[position:].strip()
                if rest:
                    args[param.name] = rest
                elif param.required:
                    raise WrongArguments("missing-argument", command, param)
                return args
            word = next_word(text, position)
            if word is None:
                if param.required:
                    raise WrongArguments("missing-argument", command, param)
                return args
            args[param.name] = _value(command, param, word, text)
            position = (
                len(text) if Kind.REST in param.kinds and args[param.name] == text[word.start :].strip() else word.end
            )
    except UnclosedQuote:
        raise WrongArguments("unclosed-quote", command) from None
    rest = text[position:].strip()
    if rest:
        raise WrongArguments("too-many-arguments", command, rest=shorten(rest, _SHOWN))
    return args


def shortened(text: str) -> str:
    """What an error repeats of a wrong argument."""
    return shorten(text, _SHOWN)


def parse_user(text: str) -> UserId | None:
    """The user id in `text`: plain, as a matrix.to link or as a `matrix:` URI (spec: appendix "Uniform Resource
    Identifiers"); punctuation that a client's completion added behind it is ignored."""
    link = _MATRIX_TO.fullmatch(text)
    uri = None if link is not None else _MATRIX_URI.fullmatch(text)
    if link is not None:
        text = unquote(link["id"], errors="strict") if _decodable(link["id"]) else ""
    elif uri is not None:
        text = "@" + unquote(uri["id"]) if _decodable(uri["id"]) else ""
    return parse_user_id(text.rstrip(".,:;!?"))


def parse_number(text: str) -> int | None:
    """The positive whole number that `text` spells, at most MAX_NUMBER; digits of any script, a leading `#` is ok."""
    digits = text[1:] if text.startswith(("#", "＃")) else text
    # isdecimal, not isdigit: int() takes exactly the former. The length bounds the work.
    if not digits.isdecimal() or len(digits) > 10:
        return None
    number = int(digits)
    return number if 1 <= number <= MAX_NUMBER else None


def usage(command: Command) -> Text:
    """How the command is written, e.g. `friend add @user [note]`, with the names of parameters in any language."""
    shown = Text("usage-name", {"name": command.name})
    for param in command.params:
        shown = Text("usage-words", {"first": shown, "next": _usage(param)})
    return shown


def _usage(param: Param) -> Text:
    if not param.required and param.kinds[0] is not Kind.USER:
        return Text("usage-optional", {"name": Text(f"param-{_slug(param)}")})
    known = {Kind.USER: "usage-user", Kind.NUMBER: "usage-number"}
    # A word beside a Matrix id is a name for the same: the id is shown, as it always works.
    kinds = [kind for kind in param.kinds if kind is not Kind.WORD or Kind.USER not in param.kinds]
    own = f"param-{_slug(param)}.required"
    # A number that names nothing is called by what it is: `vote N ANSWER`.
    if param.kinds == (Kind.NUMBER,) and param.name != "number":
        return Text(own)
    either = [Text(known.get(kind, own)) for kind in kinds]
    shown = either[0]
    for text in either[1:]:
        shown = Text("usage-either", {"first": shown, "next": text})
    return shown if param.required else Text("usage-optional", {"name": shown})


def _slug(param: Param) -> str:
    """The name as a part of message ids."""
    return _NO_LETTERS.sub("-", param.name)


def _value(command: Command, param: Param, word: Word, text: str) -> Any:
    for kind in param.kinds:
        if kind is Kind.USER:
            user = parse_user(word.value)
            if user is not None:
                return user
        elif kind is Kind.NUMBER:
            number = parse_number(word.value)
            if number is not None:
                return number
        elif kind is Kind.REST:
            return text[word.start :].strip()
        elif word.value:
            return word.value
    value = shorten(word.value, _SHOWN)
    if Kind.USER in param.kinds and Kind.NUMBER in param.kinds:
        raise WrongArguments("bad-user-or-number", command, value=value)
    if Kind.USER in param.kinds:
        raise WrongArguments("bad-user", command, value=value)
    if Kind.NUMBER in param.kinds:
        raise WrongArguments("bad-number", command, value=value)
    raise WrongArguments("missing-argument", command, param)


def _quoted(text: str, start: int, closers: str) -> Word:
    value: list[str] = []
    position = start + 1
    while position < len(text):
        char = text[position]
        if char == "\\" and text[position + 1 : position + 2] in ("\\", *closers):
            value.append(text[position + 1])
            position += 2
        elif char in closers:
            return Word("".join(value), start, position + 1)
        else:
            value.append(char)
            position += 1
    raise UnclosedQuote


def _decodable(text: str) -> bool:
    try:
        unquote(text, errors="strict")
    except UnicodeError:
        return False
    return True
