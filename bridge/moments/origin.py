"""By which of its author's messages a moment was written: so that who edits one of them edits what it brought (M9).
Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from bridge.ids import EventId

BETWEEN = "\n\n"
"""What stands between the texts of several messages."""
Heads: TypeAlias = tuple[tuple[str, str], ...]
"""What a message that posts says before its text: the name of each head, and its words."""


def changed(old: Heads, new: Heads) -> set[str]:
    """Names of the heads that came, went or say something else."""
    return {name for name, _ in {*old} ^ {*new}}


@dataclass(frozen=True, slots=True)
class Origin:
    texts: tuple[tuple[EventId, int], ...] = ()
    """Where several messages made it: those whose texts stand in it, in order, and how long these are (characters; -1:
    that is not known any more)."""
    pictures: tuple[EventId, ...] = ()
    """The same: what brought its pictures, in their order."""
    heads: Heads = ()
    """As they were in the message that posted it, or when that was edited last."""

    def around(self, text: str, event_id: EventId) -> tuple[str, str] | None:
        """What stands before and behind the part of a message in the text of the moment; None: that is not known (any
        more)."""
        lengths = [length for _, length in self.texts]
        if min(lengths, default=-1) < 0 or len(text) != sum(lengths) + len(BETWEEN) * (len(lengths) - 1):
            return None
        start = 0
        for part, length in self.texts:
            if part == event_id:
                return text[:start], text[start + length :]
            start += length + len(BETWEEN)
        return None

    def with_part(self, event_id: EventId, around: tuple[str, str], text: str) -> "Origin":
        """The part of a message was changed, and the moment says `text` now; `around`: what stood around it."""
        before, behind = around
        if not (text.startswith(before) and text.endswith(behind)):
            return self._unknown()  # a name elsewhere is read otherwise now
        length = len(text) - len(before) - len(behind)
        return replace(self, texts=tuple((part, length if part == event_id else old) for part, old in self.texts))

    def with_whole(self, length: int) -> "Origin":
        """The text was changed as a whole: whose part is where is known only of a single one."""
        return (
            self._unknown() if len(self.texts) > 1 else replace(self, texts=tuple((p, length) for p, _ in self.texts))
        )

    def _unknown(self) -> "Origin":
        return replace(self, texts=tuple((part, -1) for part, _ in self.texts))

    def to_json(self) -> dict[str, Any]:
        """As it is sealed; what is not there takes no place."""
        value = {
            "texts": [list(part) for part in self.texts],
            "pictures": list(self.pictures),
            "heads": dict(self.heads),
        }
        return {name: what for name, what in value.items() if what}

    @staticmethod
    def of_json(value: Mapping[str, Any]) -> "Origin":
        return Origin(
            tuple((EventId(event_id), length) for event_id, length in value.get("texts", ())),
            tuple(EventId(event_id) for event_id in value.get("pictures", ())),
            tuple(value.get("heads", {}).items()),
        )


NOWHERE = Origin()
