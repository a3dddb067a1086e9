"""What a program answered: checked, and each effect with the id under which it is performed once."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, ValidationError

from bridge.config.programs import MiniProgramsConfig
from bridge.miniprograms import effects, reserved, strict_json
from bridge.miniprograms.effects import EFFECTS, Effect
from bridge.miniprograms.events import Event
from bridge.miniprograms.faults import Fault, Faulty, faults_of, path
from bridge.miniprograms.manifest import Manifest
from bridge.miniprograms.ui import Content, https_host
from bridge.miniprograms.values import VERSION, Value

_AFTER_CLOSE = ("kv.set", "kv.del", "log")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One effect that is to be performed."""

    id: str
    """`event.id:index`."""
    effect: Effect


@dataclass(frozen=True, slots=True)
class Answer:
    """What one event came to."""

    state: JsonValue
    effects: tuple[Wanted, ...]


class AnswerDocument(Value):
    """An answer as JSON; `read` takes nothing else."""

    v: Literal[1] = 1
    state: JsonValue = Field(description="Comes back with the next event of this session. To keep it: event.state.")
    effects: Annotated[tuple[Effect, ...], Field(description="Performed in this order, after all was checked.")]


def read(raw: bytes, event: Event, manifest: Manifest, limits: MiniProgramsConfig) -> Answer:
    """The answer that `raw` spells, which `event` led to.

    Raises:
        Faulty: with each thing that is wrong, for the developer. Nothing of the answer is to be performed then.
    """
    document = strict_json.parse(raw, limits.answer_bytes)
    if not isinstance(document, dict):
        raise Faulty([Fault("", "handle should return an object: {state, effects}")])
    faults = list(_of_document(document))
    found: list[Effect] = []
    listed = document.get("effects")
    if isinstance(listed, list):
        if len(listed) > limits.effects:
            faults.append(Fault("effects", f"should have at most {limits.effects} entries"))
        for index, entry in enumerate(listed[: limits.effects]):
            effect = _effect(entry, index, faults)
            if effect is not None:
                found.append(effect)
    if not faults:
        faults += _beyond_bounds(document["state"], found, event, manifest, limits)
    if faults:
        raise Faulty(faults)
    return Answer(document["state"], tuple(Wanted(f"{event.id}:{index}", effect) for index, effect in enumerate(found)))


def _of_document(document: dict[str, Any]) -> Iterator[Fault]:
    if document.get("v", VERSION) != VERSION:
        yield Fault("v", f"should be {VERSION}")
    if "state" not in document:
        yield Fault("state", "is missing; return event.state to keep it, or null")
    if "effects" not in document:
        yield Fault("effects", "is missing; return [] for none")
    elif not isinstance(document["effects"], list):
        yield Fault("effects", "should be a list")
    for key in document.keys() - {"v", "state", "effects"}:
        yield Fault(path([key]), "unknown key; an answer has v, state and effects")


def _effect(entry: JsonValue, index: int, faults: list[Fault]) -> Effect | None:
    at = f"effects[{index}]"
    if not isinstance(entry, dict):
        faults.append(Fault(at, "should be an object with a type"))
        return None
    kind = entry.get("type")
    model = EFFECTS.get(kind) if isinstance(kind, str) else None
    if isinstance(kind, str) and kind in reserved.EFFECTS:
        faults.append(Fault(f"{at}.type", "is for a later version of Courtyard"))
        return None
    if model is None:
        near = difflib.get_close_matches(kind, EFFECTS, n=1, cutoff=0.75) if isinstance(kind, str) else []
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(EFFECTS)}"
        faults.append(Fault(f"{at}.type", "is missing" if kind is None else f"no such effect; {hint}"))
        return None
    try:
        return model.model_validate_json(strict_json.dump(entry))  # type: ignore[return-value]
    except ValidationError as error:
        faults += faults_of(error, model, at)
        return None


def _beyond_bounds(
    state: JsonValue, found: list[Effect], event: Event, manifest: Manifest, limits: MiniProgramsConfig
) -> Iterator[Fault]:
    if len(strict_json.dump(state)) > limits.state_bytes:
        yield Fault("state", f"is larger than {limits.state_bytes} bytes")
    fetches = messages = 0
    keys: set[str] = set()
    for index, effect in enumerate(found):
        at = f"effects[{index}]"
        if event.type == "close" and effect.type not in _AFTER_CLOSE:
            yield Fault(f"{at}.type", f"after close there are only {', '.join(_AFTER_CLOSE)}")
        if isinstance(effect, Content) and effect.picture is not None and effect.picture.url is not None:
            fetches += 1
            yield from _domain(effect.picture.url, f"{at}.picture.url", manifest)
        if isinstance(effect, effects.UiSend) and effect.key is not None:
            if effect.key in keys:
                yield Fault(f"{at}.key", "another message of this answer has the same key")
            keys.add(effect.key)
        elif isinstance(effect, effects.KvSet):
            if len(strict_json.dump(effect.value)) > limits.value_bytes:
                yield Fault(f"{at}.value", f"is larger than {limits.value_bytes} bytes")
        elif isinstance(effect, effects.Fetch):
            fetches += 1
            yield from _domain(effect.url, f"{at}.url", manifest)
        elif isinstance(effect, effects.ScopeRequest):
            for number, scope in enumerate(effect.scopes):
                if scope not in manifest.scopes:
                    yield Fault(f"{at}.scopes[{number}]", "is not in the manifest, with a purpose")
        if isinstance(effect, Content):
            messages += 1
            if messages > limits.messages:
                yield Fault(at, f"one answer may have {limits.messages} messages")
        if fetches > limits.fetches and _asks_server(effect):
            yield Fault(at, f"one answer may have {limits.fetches} fetches, pictures by url among them")


def _asks_server(effect: Effect) -> bool:
    if isinstance(effect, Content):
        return effect.picture is not None and effect.picture.url is not None
    return isinstance(effect, effects.Fetch)


def _domain(url: str, at: str, manifest: Manifest) -> Iterator[Fault]:
    if https_host(url) not in manifest.domains:
        yield Fault(at, "is on none of the domains of the manifest")
