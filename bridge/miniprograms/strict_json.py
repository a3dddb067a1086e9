"""JSON from programs: bounded in size and depth, without what means different things to different readers."""

import json
import math
import re
from typing import Any

from pydantic import JsonValue

from bridge.miniprograms.faults import Fault, Faulty

MAX_DEPTH = 32
"""Levels of lists and objects in each other."""
MAX_INTEGER = 2**53 - 1
"""Larger whole numbers are not exact in JavaScript, so none goes either way."""

# The last quote may be missing: else each quote of a text without end would be tried as its beginning.
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")


def parse(raw: bytes, max_bytes: int) -> JsonValue:
    """The value that `raw` spells.

    Raises:
        Faulty: it is too large or too deep, is no JSON, or has NaN, a key twice, an inexact number or broken Unicode.
    """
    if len(raw) > max_bytes:
        raise _fault(f"is larger than {max_bytes} bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _fault("is not UTF-8") from None
    if _depth(text) > MAX_DEPTH:
        raise _fault(f"is nested more than {MAX_DEPTH} levels deep")
    try:
        value: JsonValue = json.loads(
            text, object_pairs_hook=_object, parse_int=_integer, parse_float=_number, parse_constant=_constant
        )
        # "\ud800" is JSON, but no text that could be stored or sent.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise _fault("has half a character (an unpaired surrogate) in it") from None
    except ValueError:
        raise _fault("is no valid JSON") from None
    return value


def dump(value: object) -> bytes:
    """`value` as JSON, the same bytes each time."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False).encode("utf-8")


def _depth(text: str) -> int:
    """How deep the brackets are; those inside strings do not count."""
    deepest = depth = 0
    for found in _BRACKET.finditer(_STRING.sub("", text)):
        if found[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MAX_DEPTH:
                break
        else:
            depth -= 1
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _fault("has the same key twice in one object")
    return found


def _integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > MAX_INTEGER:
        raise _fault("has a whole number that is too large to be exact")
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _fault("has a number that is too large")
    return number


def _constant(text: str) -> float:
    raise _fault(f"has {text}, which is no JSON")


def _fault(message: str) -> Faulty:
    return Faulty([Fault("", message)])
