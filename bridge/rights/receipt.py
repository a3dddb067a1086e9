"""The receipt for an erased account: what was erased, and a digest that who has the receipt can make again."""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.chat.reply import Block, Lines, Message, Text, Time
from bridge.privacy.eraser import Told

FORMAT = "courtyard erasure 1"
_SHOWN = 30
"""Lines about others; all of them stand in the canonical text."""


@dataclass(frozen=True, slots=True)
class Receipt:
    counts: Mapping[str, int]
    """Class → how many."""
    at: int
    """ms since the epoch, UTC."""
    nonce: str
    """Random: from the digest alone, which is kept, nobody can guess what was erased."""
    told: tuple[Told, ...] = ()
    """Who else was told."""

    @classmethod
    def of(cls, counts: Mapping[str, int], at: int, told: Sequence[Told] = ()) -> "Receipt":
        return cls(counts, at, secrets.token_hex(16), tuple(told))

    @property
    def canonical(self) -> str:
        """What the digest is of: JSON without blanks, its keys in the order of their names."""
        value: dict[str, Any] = {"at": self.at, "counts": dict(self.counts), "format": FORMAT, "nonce": self.nonce}
        if self.told:
            value["told"] = [dict(one.document) for one in self.told]
        return json.dumps(value, separators=(",", ":"), sort_keys=True)

    @property
    def digest(self) -> str:
        """SHA-256, in hexadecimal. Kept in the ledger, without a word of whose it is."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()

    def message(self) -> Message:
        """The last message that the person gets."""
        blocks: tuple[Block, ...] = (
            Text("erasure-done", {"time": Time(self.at)}),
            Lines(counted(self.counts)),
            *self._told(),
            Text("erasure-digest", {"digest": self.digest}),
            Text("erasure-canonical", {"text": self.canonical}),
            Text("erasure-goodbye"),
        )
        return Message(blocks)

    def _told(self) -> tuple[Block, ...]:
        if not self.told:
            return ()
        lines = tuple(Text(f"erasure-told-{one.state}", one.about) for one in self.told[:_SHOWN])
        return (Text("erasure-told-head"), Lines(lines))


def counted(counts: Mapping[str, int]) -> tuple[Text, ...]:
    """Lines that say how many there are of what there is."""
    lines = tuple(Text(f"erasure-{name}", {"count": count}) for name, count in counts.items() if count)
    return lines or (Text("erasure-nothing"),)
