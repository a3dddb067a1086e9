"""The contract as JSON Schema (2020-12), for developers in any language."""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter

from bridge.miniprograms import reserved
from bridge.miniprograms.answer import AnswerDocument
from bridge.miniprograms.events import Event
from bridge.miniprograms.manifest import Manifest
from bridge.miniprograms.remote.responses import ResponseDocument

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def documents() -> Iterator[tuple[str, str]]:
    """The name and the text of each."""
    every: list[tuple[str, Any, str]] = [
        ("event", Event, "What a mini-program is told: the argument of handle."),
        ("answer", AnswerDocument, "What a mini-program answers: the result of handle."),
        ("response", ResponseDocument, "What the server of a mini-program answers: status 200 and this."),
        ("manifest", Manifest, "What a mini-program says of itself: manifest.yaml or manifest.json."),
    ]
    for name, what, described in every:
        schema: dict[str, Any] = TypeAdapter(what).json_schema(mode="validation")
        about: dict[str, Any] = {"$schema": _DIALECT, "title": name, "description": described}
        if name in reserved.EVERY:
            about["x-reserved"] = reserved.EVERY[name]
        schema = {**about, **_without_titles(schema)}
        yield f"{name}.schema.json", json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _without_titles(schema: dict[str, Any]) -> dict[str, Any]:
    """Pydantic gives every key a title made from its own name, which says nothing."""

    def clean(node: Any, *, names: bool = False) -> Any:
        if isinstance(node, dict):
            return {
                key: clean(value, names=key in ("properties", "$defs"))
                for key, value in node.items()
                if names or key != "title"
            }
        return [clean(item) for item in node] if isinstance(node, list) else node

    cleaned: dict[str, Any] = clean(schema)
    cleaned.pop("description", None)
    return cleaned
