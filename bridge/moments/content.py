"""What a moment says, as a value and as it is sealed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.ids import PersonId


@dataclass(frozen=True, slots=True)
class Content:
    """What a moment says, but for its pictures."""

    text: str = ""
    """Markdown, as its author typed it."""
    warning: str | None = None
    """M12: text and pictures stay hidden until they are opened; a reader is told this before."""

    mentions: tuple[PersonId, ...] = ()
    """M7: whom the text mentions; they are told, if they may see it."""

    def to_json(self) -> dict[str, Any]:
        """As it is sealed; what is not there takes no place."""
        value: dict[str, Any] = {"text": self.text}
        if self.warning is not None:
            value["warning"] = self.warning
        if self.mentions:
            value["mentions"] = list(self.mentions)
        return value

    @staticmethod
    def of_json(value: Mapping[str, Any]) -> "Content":
        mentions = tuple(PersonId(person) for person in value.get("mentions", ()))
        return Content(value["text"], value.get("warning"), mentions)


NOTHING = Content()
