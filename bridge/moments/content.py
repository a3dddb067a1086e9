"""What a moment says, as a value and as it is sealed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Content:
    """What a moment says, but for its pictures."""

    text: str = ""
    """Markdown, as its author typed it."""
    warning: str | None = None
    """M12: text and pictures stay hidden until they are opened; a reader is told this before."""

    def to_json(self) -> dict[str, Any]:
        """As it is sealed; what is not there takes no place."""
        value: dict[str, Any] = {"text": self.text}
        if self.warning is not None:
            value["warning"] = self.warning
        return value

    @staticmethod
    def of_json(value: Mapping[str, Any]) -> "Content":
        return Content(value["text"], value.get("warning"))


NOTHING = Content()
