"""The commented configuration, made from the models: `python -m bridge.config.example` prints the example file."""

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bridge.config.model import Config

_HEAD = """\
# Courtyard's configuration.
#
# Each key may also come from the environment: matrix.homeserver is COURTYARD_MATRIX__HOMESERVER, and lists are
# written with commas. A secret (password, access_token, url) may stand in a file of its own instead: KEY_file.
# `courtyard check-config -c FILE` reports every mistake with its line.
"""


def render(values: Mapping[str, Mapping[str, str]], *, defaults_live: bool) -> str:
    """A commented configuration file in which every key stands.

    Keys in `values` are set. Others show their default: as a setting if `defaults_live`, else as a comment, so that
    a later version may choose better. Keys without a default show an example in a comment.
    """
    parts = [_HEAD]
    for name, field in Config.model_fields.items():
        model = field.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            parts.append(_section(name, model, values.get(name, {}), defaults_live))
        else:
            parts.append("\n".join(_entry(name, field, None, defaults_live, "")) + "\n")
    return "\n".join(parts)


def _section(name: str, model: type[BaseModel], values: Mapping[str, str], defaults_live: bool) -> str:
    lines = [*_comment(model.__doc__ or "", ""), f"{name}:"]
    for key, field in model.model_fields.items():
        lines += _entry(key, field, values.get(key), defaults_live, "  ")
    return "\n".join(lines) + "\n"


def _entry(key: str, field: FieldInfo, value: str | None, defaults_live: bool, indent: str) -> list[str]:
    lines = _comment(field.description or "", indent)
    if value is not None:
        return [*lines, f"{indent}{key}: {_scalar(value)}"]
    if field.is_required() or field.default is None:
        example = _scalar(field.examples[0]) if field.examples else "…"
        return [*lines, f"{indent}# {key}: {example}"]
    return [*lines, f"{indent}{'' if defaults_live else '# '}{key}: {_scalar(field.default)}"]


def _comment(text: str, indent: str) -> list[str]:
    return [f"{indent}# {line}" for line in textwrap.wrap(" ".join(text.split()), 110 - len(indent))]


def _scalar(value: Any) -> str:
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(_scalar(item) for item in value) + "]"
    if isinstance(value, str) and value.replace("-", "").replace("/", "").replace(".", "").isalnum():
        is_word = value[0].isalpha() and value.lower() not in (
            "yes",
            "no",
            "on",
            "off",
            "true",
            "false",
            "null",
            "y",
            "n",
        )
        return value if is_word else json.dumps(value)
    # JSON is YAML: quotes and escapes are right for any text.
    return json.dumps(value, ensure_ascii=False)


EXAMPLE_VALUES: Mapping[str, Mapping[str, str]] = {
    "matrix": {
        "homeserver": "https://matrix.example.org",
        "user_id": "@courtyard:example.org",
        "password_file": "secrets/matrix-password",
    }
}

if __name__ == "__main__":
    print(render(EXAMPLE_VALUES, defaults_live=True), end="")
