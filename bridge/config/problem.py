"""What is wrong with a configuration, and where."""

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.errors import OperatorError


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault. Never holds a value, since any value may be a secret."""

    source: str
    """The file, or the environment variable."""
    line: int | None
    """Line in the file, from 1; None for the environment or the file as a whole."""
    key: str
    """Dotted: `limits.page_size`; empty for the file as a whole."""
    message: str

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source}:{self.line}"
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


class ConfigError(OperatorError):
    """The configuration can't be used. Its text has one line a problem."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
