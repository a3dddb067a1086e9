"""The contract as TypeScript declarations, made from the same models as everything else."""

import json
import textwrap
from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter

from bridge.miniprograms.effects import Effect
from bridge.miniprograms.events import Event

_HEAD = """\
// The contract between a mini-program and its host, version 1. Made by `courtyard mp new`.
// In main.js: /** @param {Courtyard.Event} event  @returns {Courtyard.Answer} */

declare namespace Courtyard {
  /** Anything that JSON can say. */
  type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

  /** Called once for each event, with nothing left over from the last one but `event.state`. */
  type Handle = (event: Event) => Answer;

  interface Answer {
    v?: 1;
    /** Comes back with the next event of this session. To keep it: event.state. */
    state: Json;
    /** Performed in this order, after all was checked. */
    effects: Effect[];
  }
"""


def render() -> str:
    """The file `courtyard.d.ts`."""
    # What the program is given has every key; of what it gives, some may be left out.
    events = TypeAdapter(Event).json_schema(mode="serialization")
    given = TypeAdapter(Effect).json_schema(mode="validation")
    defs = {**given["$defs"], **events["$defs"]}
    parts = [_HEAD]
    for name, union in (("Event", events), ("Effect", given)):
        members = [_reference(option["$ref"]) for option in union["oneOf"]]
        parts.append(f"  type {name} =\n" + "\n".join(f"    | {member}" for member in members) + ";\n")
    parts += ["\n".join(_interface(name, defs[name])) + "\n" for name in sorted(defs) if name != "JsonValue"]
    return "\n".join(parts) + "}\n"


def _interface(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield from _comment(schema.get("description"), "  ")
    yield f"  interface {name} {{"
    required = set(schema.get("required", ()))
    for key, value in schema.get("properties", {}).items():
        yield from _comment(value.get("description"), "    ")
        # Only the program knows what its own state is like.
        kind = "any" if key == "state" else _type(value)
        yield f"    {key}{'' if key in required else '?'}: {kind};"
    yield "  }"


def _comment(text: str | None, indent: str) -> Iterator[str]:
    if text:
        plain = " ".join(text.split()).replace("*/", "* /")
        lines = textwrap.wrap(plain, 110 - len(indent))
        if len(lines) == 1:
            yield f"{indent}/** {lines[0]} */"
        else:
            yield f"{indent}/**"
            yield from (f"{indent} * {line}" for line in lines)
            yield f"{indent} */"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return _reference(schema["$ref"])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return " | ".join(dict.fromkeys(_type(option) for option in schema[union]))
    kind = schema.get("type")
    if kind == "array":
        inner = _type(schema.get("items", {}))
        return f"({inner})[]" if "|" in inner else f"{inner}[]"
    if kind == "object":
        values = schema.get("additionalProperties")
        if not isinstance(values, dict):
            values = next(iter(schema.get("patternProperties", {}).values()), {})
        return f"{{ [key: string]: {_type(values)} }}"
    return {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}.get(
        kind or "", "Json"
    )


def _reference(reference: str) -> str:
    name = reference.rpartition("/")[2]
    return "Json" if name == "JsonValue" else name
