"""What a mistake that pydantic found is called, for whoever wrote the file. Never quotes a value: it may be secret."""

import difflib
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

_NONE: Mapping[str, str] = {}


def message(details: ErrorDetails, siblings: Sequence[str] = (), patterns: Mapping[str, str] = _NONE) -> str:
    """What to do about it. Only texts of ours: those of the library may quote the value.

    Args:
        details: one of `ValidationError.errors()`.
        siblings: the keys that may stand where this one does.
        patterns: what each regular expression asks for, in words.
    """
    context = details.get("ctx", {})
    kind = details["type"]
    if kind == "value_error":
        return str(context.get("error", "not valid"))
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(details["loc"][-1]), siblings, n=1)
        return "unknown key" + (f"; did you mean {near[0]}?" if near else "")
    if kind == "string_pattern_mismatch" and context.get("pattern") in patterns:
        return patterns[context["pattern"]]
    bounds: dict[str, Any] = {
        "greater_than_equal": f"should be at least {context.get('ge')}",
        "less_than_equal": f"should be at most {context.get('le')}",
        "greater_than": f"should be more than {context.get('gt')}",
        "less_than": f"should be less than {context.get('lt')}",
        "literal_error": f"should be one of: {context.get('expected', '')}".replace("'", "").replace(" or ", ", "),
        "string_too_short": f"should have at least {context.get('min_length')} characters",
        "string_too_long": f"should have at most {context.get('max_length')} characters",
        "too_short": f"should have at least {context.get('min_length')} entries",
        "too_long": f"should have at most {context.get('max_length')} entries",
    }
    if kind in bounds:
        return str(bounds[kind])
    return {
        "missing": "is missing",
        "string_type": "should be text; put it in quotes",
        "path_type": "should be a path; put it in quotes",
        "int_type": "should be a whole number",
        "int_parsing": "should be a whole number",
        "int_from_float": "should be a whole number",
        "float_type": "should be a number",
        "float_parsing": "should be a number",
        "finite_number": "should be a number",
        "bool_type": "should be true or false",
        "tuple_type": "should be a list, like [one, two]",
        "list_type": "should be a list, like [one, two]",
        "dict_type": "should be a section with keys of its own",
        "model_type": "should be a section with keys of its own",
        "model_attributes_type": "should be a section with keys of its own",
        "union_tag_not_found": "needs a type",
    }.get(kind, "is not valid")


def siblings_in(model: type[BaseModel], path: Sequence[str]) -> list[str]:
    """The keys that `model` knows at the place of `path`; none when the path leaves the models."""
    here: Any = model
    for key in path[:-1]:
        if typing.get_origin(here) is dict:
            here = typing.get_args(here)[1]
        else:
            here = here.model_fields[key].annotation if key in here.model_fields else None
        if typing.get_origin(here) is not dict and not (isinstance(here, type) and issubclass(here, BaseModel)):
            return []
    return [] if typing.get_origin(here) is dict else list(here.model_fields)
