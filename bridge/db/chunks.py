"""Many values for one statement, some at a time: engines bound how many a statement may have."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
_MOST = 400


def chunked(values: Sequence[T], most: int = _MOST, mark: str = "?") -> Iterator[tuple[tuple[T, ...], str]]:
    """Some of the values and the `?,?,?` for them, until all of them were there. `mark`: what stands for one value."""
    for start in range(0, len(values), most):
        some = tuple(values[start : start + most])
        yield some, ",".join([mark] * len(some))
