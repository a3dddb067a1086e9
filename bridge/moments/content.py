"""What a moment says, as a value and as it is sealed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.ids import PersonId
from bridge.moments.origin import NOWHERE, Origin
from bridge.moments.place import Place


@dataclass(frozen=True, slots=True)
class Poll:
    """M17: a question, which is the text, with answers that readers choose one of."""

    answers: tuple[str, ...]
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """What a moment says, but for its pictures."""

    text: str = ""
    """Markdown, as its author typed it."""
    warning: str | None = None
    """M12: text and pictures stay hidden until they are opened; a reader is told this before."""

    mentions: tuple[PersonId, ...] = ()
    """M7: whom the text mentions; they are told, if they may see it."""
    poll: Poll | None = None
    place: Place | None = None
    """M14: as exact as it is shown."""
    origin: Origin = NOWHERE
    """M9: which messages of its author it was made of."""

    def to_json(self) -> dict[str, Any]:
        """As it is sealed; what is not there takes no place."""
        value: dict[str, Any] = {"text": self.text}
        if self.warning is not None:
            value["warning"] = self.warning
        if self.mentions:
            value["mentions"] = list(self.mentions)
        if self.poll is not None:
            value["poll"] = {"answers": list(self.poll.answers), "closed": self.poll.closed}
        if self.place is not None:
            value["place"] = self.place.to_json()
        if self.origin != NOWHERE:
            value["origin"] = self.origin.to_json()
        return value

    @staticmethod
    def of_json(value: Mapping[str, Any]) -> "Content":
        mentions = tuple(PersonId(person) for person in value.get("mentions", ()))
        poll, place = value.get("poll"), value.get("place")
        return Content(
            value["text"],
            value.get("warning"),
            mentions,
            None if poll is None else Poll(tuple(poll["answers"]), poll["closed"]),
            None if place is None else Place.of_json(place),
            Origin.of_json(value.get("origin", {})),
        )


NOTHING = Content()
