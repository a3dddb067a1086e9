"""Settings from the environment: `COURTYARD_MATRIX__HOMESERVER` is `matrix.homeserver`."""

import types
import typing
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from bridge.config.model import Config
from bridge.config.yaml_source import KeyPath

PREFIX = "COURTYARD_"


def read(env: Mapping[str, str]) -> dict[KeyPath, tuple[str, Any]]:
    """Key path → (variable, value). An unknown key is passed on, so that it is reported like one in the file."""
    found: dict[KeyPath, tuple[str, Any]] = {}
    for variable in sorted(env):
        if not variable.startswith(PREFIX) or not env[variable]:
            continue
        path = tuple(variable[len(PREFIX) :].lower().split("__"))
        # Others name variables like this too (COURTYARD_SERVICE_HOST on Kubernetes): without `__` only known keys.
        if len(path) == 1 and path[0] not in Config.model_fields:
            continue
        found[path] = (variable, _convert(env[variable], _leaf(path)))
    return found


def _leaf(path: KeyPath) -> Any:
    model: Any = Config
    for key in path:
        if not (isinstance(model, type) and issubclass(model, BaseModel)) or key not in model.model_fields:
            return None
        model = model.model_fields[key].annotation
    return model


def _convert(text: str, annotation: Any) -> Any:
    """The value in the field's type; text that does not fit stays text, and is then refused with all the rest."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        annotation = next(a for a in typing.get_args(annotation) if a is not type(None))
    if annotation is bool:
        return {"true": True, "false": False}.get(text.strip().lower(), text)
    if annotation in (int, float) and len(text) < 30:
        try:
            return annotation(text)
        except ValueError:
            return text
    if typing.get_origin(annotation) is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text
