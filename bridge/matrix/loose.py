"""Reading what others sent: whatever has not the shape that it should have counts as empty."""

from typing import Any


def as_dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def as_strings(value: object) -> list[str]:
    return [v for v in as_list(value) if isinstance(v, str)]
