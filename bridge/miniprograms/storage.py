"""What programs store: values by key, with versions, within quotas. Pure; where it is kept is the host's affair."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from pydantic import JsonValue

from bridge.config.programs import MiniProgramsConfig
from bridge.miniprograms.effects import KvDel, KvGet, KvSet
from bridge.miniprograms.events import Stored
from bridge.miniprograms.strict_json import dump

Refusal: TypeAlias = Literal["conflict", "quota"]
NOTHING = Stored(value=None, version=0)


@dataclass(slots=True)
class Share:
    """What one person, one room, or all together take in a program. A person's own space and that of their own chat are
    both theirs alone, and take from the same share."""

    count: int = 0
    size: int = 0
    """Bytes of all keys and values."""

    def refuses(self, count: int, size: int, effect: KvSet, limits: MiniProgramsConfig) -> bool:
        """Whether so much more is too much. What grows nothing is never: also where the limits were once wider."""
        most = limits.shared_space_bytes if effect.space == "program" else limits.space_bytes
        return (size > 0 and self.size + size > most) or (count > 0 and self.count + count > limits.space_keys)

    def take(self, count: int, size: int) -> None:
        self.count += count
        self.size += size


@dataclass(slots=True)
class SpaceOfOne:
    """One space of one program: a person's, a chat's, or the one that all its users share.

    A version is never given twice, also not after a value was deleted and stored anew: who read the old value would
    otherwise overwrite the new one without knowing it.
    """

    share: Share = field(default_factory=Share)
    values: dict[str, Stored] = field(default_factory=dict)
    last_version: int = 0

    def read(self, effect: KvGet | KvSet | KvDel) -> dict[str, Stored]:
        """What is stored now under the keys that the effect is about."""
        keys = effect.keys if isinstance(effect, KvGet) else (effect.key,)
        return {key: self.values.get(key, NOTHING) for key in keys}

    def change(self, effect: KvSet | KvDel, limits: MiniProgramsConfig) -> Refusal | None:
        """Perform the effect, or say why not; then nothing is changed."""
        old = self.values.get(effect.key, NOTHING)
        if effect.if_version is not None and effect.if_version != old.version:
            return "conflict"
        there = effect.key in self.values
        before = size_of(effect.key, old.value) if there else 0
        if isinstance(effect, KvDel):
            self.values.pop(effect.key, None)
            self.share.take(-int(there), -before)
            return None
        more = size_of(effect.key, effect.value) - before
        if self.share.refuses(int(not there), more, effect, limits):
            return "quota"
        self.share.take(int(not there), more)
        self.last_version += 1
        self.values[effect.key] = Stored(value=effect.value, version=self.last_version)
        return None


def size_of(key: str, value: JsonValue) -> int:
    """Bytes that a value takes."""
    return len(key) + len(dump(value))
