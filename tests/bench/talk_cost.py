"""What a command costs ours and its peers, by turns on the same stub homeserver: see `tests.bench.stub.talk`."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.bench.stub import bots
from tests.bench.stub.talk import Talk, talk

OURS = "courtyard"
PEERS = ("nio", "mautrix", "js")
PEOPLE, NEAR, FAR, FAR_MS = 20, 1000, 400, 50.0
CPU_TARGET_MS, P50_TARGET_MS = 1.2, 110.0
RATIO_TARGETS: Mapping[str, float] = {"nio": 2 / 3, "mautrix": 1 / 4, "js": 1 / 4}


@dataclass(frozen=True, slots=True)
class Row:
    bot: str
    cpu_ms: float
    """CPU of a command, the homeserver near; the median of the rounds, like all else."""
    ratio: float | None
    """Of ours to it, in the same round."""
    per_second: float
    far_p50_ms: float
    """What people wait, the homeserver 50 ms away."""
    requests: float
    """A command, but for /sync."""


def run(rounds: int) -> Sequence[Row]:
    """Every bot that is there, by turns."""
    names = [OURS, *(name for name in PEERS if bots.is_there(name))]
    near: dict[str, list[Talk]] = {name: [] for name in names}
    far: dict[str, list[Talk]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            near[name].append(asyncio.run(talk(name, PEOPLE, NEAR, 0.0)))
            far[name].append(asyncio.run(talk(name, PEOPLE, FAR, FAR_MS)))
    return [_row(name, near, far) for name in names]


def _row(name: str, near: Mapping[str, Sequence[Talk]], far: Mapping[str, Sequence[Talk]]) -> Row:
    ratios = [ours.cpu_ms / its.cpu_ms for ours, its in zip(near[OURS], near[name], strict=True)]
    return Row(
        name,
        statistics.median(one.cpu_ms for one in near[name]),
        None if name == OURS else statistics.median(ratios),
        statistics.median(one.per_second for one in near[name]),
        statistics.median(one.p50_ms for one in far[name]),
        statistics.median(sum(n for kind, n in one.requests.items() if kind != "sync") for one in near[name]),
    )


def told(rows: Sequence[Row]) -> list[str]:
    """Print the table. What is over the target."""
    print(f"\nA command, {PEOPLE} people at once, on a homeserver that answers at once, and one {FAR_MS:.0f} ms away\n")
    print(f"{'bot':<12}{'CPU ms':>8}{'ours to it':>12}{'a second':>10}{'p50 far, ms':>13}{'requests':>10}")
    missed: list[str] = []
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        print(
            f"{row.bot:<12}{row.cpu_ms:>8.2f}{ratio:>12}{row.per_second:>10.0f}{row.far_p50_ms:>13.0f}{row.requests:>10.2f}"
        )
        if row.ratio is not None and row.ratio > RATIO_TARGETS[row.bot]:
            missed.append(f"command: CPU beside {row.bot}")
        if row.ratio is None:
            missed += ["command: CPU"] if row.cpu_ms > CPU_TARGET_MS else []
            missed += ["command: p50 far"] if row.far_p50_ms > P50_TARGET_MS else []
            missed += ["command: requests"] if row.requests > 1.01 else []
    return missed
