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
class SpaceOfOne:
    """One space of one program: a person's, a chat's, or the one that all its users share.

    A version is never given twice, also not after a value was deleted and stored anew: who read the old value would
    otherwise overwrite the new one without knowing it.
    """

    values: dict[str, Stored] = field(default_factory=dict)
    last_version: int = 0
    size: int = 0
    """Bytes of all keys and values."""

    def read(self, effect: KvGet | KvSet | KvDel) -> dict[str, Stored]:
        """What is stored now under the keys that the effect is about."""
        keys = effect.keys if isinstance(effect, KvGet) else (effect.key,)
        return {key: self.values.get(key, NOTHING) for key in keys}

    def change(self, effect: KvSet | KvDel, limits: MiniProgramsConfig) -> Refusal | None:
        """Perform the effect, or say why not; then nothing is changed."""
        old = self.values.get(effect.key, NOTHING)
        if effect.if_version is not None and effect.if_version != old.version:
            return "conflict"
        before = size_of(effect.key, old.value) if effect.key in self.values else 0
        if isinstance(effect, KvDel):
            self.values.pop(effect.key, None)
            self.size -= before
            return None
        most = limits.shared_space_bytes if effect.space == "program" else limits.space_bytes
        grown = self.size - before + size_of(effect.key, effect.value)
        if grown > most or (effect.key not in self.values and len(self.values) >= limits.space_keys):
            return "quota"
        self.last_version += 1
        self.values[effect.key] = Stored(value=effect.value, version=self.last_version)
        self.size = grown
        return None


def size_of(key: str, value: JsonValue) -> int:
    """Bytes that a value takes."""
    return len(key) + len(dump(value))
