"""Measuring: CPU-seconds of this process, in rounds that take turns, so that what disturbs disturbs all alike."""

import gc
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Operation = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Row:
    """One operation in two variants."""

    operation: str
    base_ms: float
    """CPU of one call, the median of all rounds."""
    ms: float
    ratio: float
    """The median of the rounds' ratios."""
    spread: tuple[float, float]
    """Quartiles of the rounds' ratios."""


def compare(base: Mapping[str, Operation], other: Mapping[str, Operation], *, rounds: int, calls: int) -> Sequence[Row]:
    """Run each operation `calls` times a round in both variants, by turns."""
    assert base.keys() == other.keys()
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in base}
    gc.collect()
    gc.disable()
    try:
        for turn in range(rounds + 1):
            for name in base:
                variants = ((0, base[name]), (1, other[name]))
                for index, operation in variants if turn % 2 else reversed(variants):
                    spent = _cpu(operation, calls)
                    if turn:  # the first one warms up
                        times[name][index].append(spent)
            gc.collect()
    finally:
        gc.enable()
    return [_row(name, *both) for name, both in times.items()]


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    model = ""
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = lines[0].partition(":")[2].strip() if lines else ""
    return {"cpu": model or platform.processor(), "system": platform.system(), "python": platform.python_version()}


def _cpu(operation: Operation, calls: int) -> float:
    start = time.process_time_ns()
    for _ in range(calls):
        operation()
    return (time.process_time_ns() - start) / calls / 1e6


def _row(name: str, base: list[float], other: list[float]) -> Row:
    ratios = sorted(b / a for a, b in zip(base, other, strict=True))
    low, _, high = statistics.quantiles(ratios, n=4)
    return Row(name, statistics.median(base), statistics.median(other), statistics.median(ratios), (low, high))
