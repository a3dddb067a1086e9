"""Commands by name: one to four words, the longest match wins; translated aliases; suggestions for typos."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bridge.chat.catalogue import Catalogue
from bridge.chat.command import Command
from bridge.chat.reply import Text

MAX_WORDS = 4
_MAX_TYPED = 32
_ALIAS_SEPARATOR = re.compile(r"\s*[,，、]\s*")


@dataclass(frozen=True, slots=True)
class Found:
    command: Command
    rest: str
    """What follows the name, as written."""


class Registry:
    """All commands. Immutable."""

    def __init__(self, commands: Iterable[Command], catalogue: Catalogue) -> None:
        """Raises ValueError when two commands share a name or an alias: a fault of the program."""
        self.commands: tuple[Command, ...] = tuple(commands)
        self._by_words: dict[tuple[str, ...], Command] = {}
        self._aliases: dict[tuple[str, str], tuple[str, ...]] = {}
        for command in self.commands:
            self._add(command.name, command)
        for command in self.commands:
            for language in catalogue.languages:
                message_id = f"alias-{key(command)}"
                if not catalogue.has(language, message_id):
                    continue
                text = catalogue.format(language, Text(message_id))
                aliases = tuple(alias for alias in _ALIAS_SEPARATOR.split(text.strip()) if alias)
                self._aliases[language, command.name] = aliases
                for alias in aliases:
                    self._add(alias, command)
        # An alias that ends in a script without spaces may be followed by an argument at once: 赞3, 加好友@bob:…
        self._glued = sorted((w[0] for w in self._by_words if len(w) == 1 and _cjk(w[0][-1])), key=len, reverse=True)

    def find(self, text: str) -> Found | None:
        """The command that `text` begins with. The words of its name stand in one line."""
        words: list[str] = []
        ends: list[int] = []
        position = 0
        for match in re.finditer(r"[^\s]+", text[: 4 * _MAX_TYPED * MAX_WORDS]):
            if len(words) == MAX_WORDS or "\n" in text[position : match.start()]:
                break
            words.append(match[0].casefold())
            position = match.end()
            ends.append(position)
        for count in range(len(words), 0, -1):
            command = self._by_words.get(tuple(words[:count]))
            if command is not None:
                return Found(command, text[ends[count - 1] :])
        start = text.lstrip()
        for alias in self._glued:
            follower = start[len(alias) : len(alias) + 1]
            if start.startswith(alias) and (follower in ("@", "＠", "#") or follower.isdecimal()):
                return Found(self._by_words[(alias,)], start[len(alias) :])
        return None

    def get(self, name: str) -> Command | None:
        """The command that is called exactly `name`, in any language."""
        found = self.find(name)
        return found.command if found is not None and not found.rest.strip() else None

    def aliases(self, command: Command, language: str) -> Sequence[str]:
        """Other names of the command in `language`."""
        return self._aliases.get((language, command.name), ())

    def suggest(self, text: str, limit: int = 3) -> tuple[str, ...]:
        """Names that the person may have meant: few typing errors away, or with the same first word."""
        typed = [word.casefold() for word in text[: 4 * _MAX_TYPED * MAX_WORDS].split("\n")[0].split()[:MAX_WORDS]]
        if not typed:
            return ()
        scores: dict[str, int] = {}
        for words, command in self._by_words.items():
            if command.hidden:
                continue
            known = " ".join(words)
            said = " ".join(typed[: len(words)])
            allowed = 0 if len(known) < 3 else 1 if len(known) < 6 else 2
            score = distance(said, known, allowed) if len(said) <= _MAX_TYPED else None
            if score is None and len(words) > 1 and typed[0] == words[0]:
                score = allowed + 1
            if score is not None:
                scores[known] = score
        return tuple(sorted(scores, key=lambda name: (scores[name], name))[:limit])

    def _add(self, name: str, command: Command) -> None:
        words = tuple(name.casefold().split())
        if not 1 <= len(words) <= MAX_WORDS:
            raise ValueError(f"{name!r}: a command has one to {MAX_WORDS} words")
        other = self._by_words.setdefault(words, command)
        if other is not command:
            raise ValueError(f"{name!r} is the name of both {other.name!r} and {command.name!r}")


def key(command: Command) -> str:
    """The command's name as a part of message ids."""
    return command.name.replace(" ", "-").replace("'", "")


def distance(a: str, b: str, limit: int) -> int | None:
    """Damerau-Levenshtein distance (neighbours swapped count once), or None when it is above `limit`."""
    if abs(len(a) - len(b)) > limit:
        return None
    before: list[int] = []
    previous = list(range(len(b) + 1))
    for i, char in enumerate(a, 1):
        current = [i]
        for j, other in enumerate(b, 1):
            cost = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (char != other))
            if i > 1 and j > 1 and char == b[j - 2] and a[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            current.append(cost)
        if min(current) > limit:
            return None
        before, previous = previous, current
    return previous[-1] if previous[-1] <= limit else None


def _cjk(char: str) -> bool:
    return "\u3040" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7af"
