"""`make bench`: what things cost, as a table and as JSON. Never part of `make test`: figures are no facts."""

import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.bench import (
    busy_cost,
    denial_timing,
    feed_cost,
    memory_cost,
    moments_cost,
    programs_cost,
    rooms_cost,
    sandbox_cost,
    store_growth,
    talk_cost,
    vault_cost,
)
from tests.bench.measure import machine

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "60"))
CALLS = int(os.environ.get("BENCH_CALLS", "5"))
TALKS = int(os.environ.get("BENCH_TALKS", "3"))
DENIALS = int(os.environ.get("BENCH_DENIALS", "1000"))
COMMANDS = int(os.environ.get("BENCH_COMMANDS", "100000"))
OUTPUT = Path(os.environ.get("BENCH_OUTPUT", "build/bench.json"))


def main() -> int:
    with tempfile.TemporaryDirectory() as directory:
        rows = vault_cost.run(Path(directory), ROUNDS, CALLS)
        crowd = moments_cost.run(Path(directory), ROUNDS)
    about = machine() | {"rounds": str(ROUNDS), "calls": str(CALLS)}
    print(f"The vault: CPU of a command with it and without, {ROUNDS} rounds of {CALLS} calls; {about['cpu']}\n")
    print(f"{'operation':<18}{'plain ms':>10}{'sealed ms':>11}{'ratio':>8}{'quartiles':>16}{'target':>8}")
    missed = []
    for row in rows:
        target = vault_cost.TARGETS.get(row.operation, 1.10)
        quartiles = f"{row.spread[0]:.3f}–{row.spread[1]:.3f}"
        print(f"{row.operation:<18}{row.base_ms:>10.3f}{row.ms:>11.3f}{row.ratio:>8.3f}{quartiles:>16}{target:>8.2f}")
        missed += [row.operation] if row.ratio > target else []
    figures = [*sandbox_cost.run(ROUNDS * CALLS), *programs_cost.run(TALKS)]
    for title, some in (("Moments", crowd), ("Mini-programs", figures)):
        print(f"\n{title}\n")
        for figure in some:
            bound = "" if figure.target is None else f"   target {figure.target:.1f}"
            print(f"{figure.what:<72}{figure.value:>9.2f} {figure.unit}{bound}")
        missed += [figure.what for figure in some if figure.missed]
    with tempfile.TemporaryDirectory() as directory:
        pages = feed_cost.run(Path(directory), 100)
        denials = denial_timing.run(Path(directory), DENIALS)
    talks = talk_cost.run(TALKS)
    missed += feed_cost.told(pages) + denial_timing.told(denials) + talk_cost.told(talks)
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    found = {"machine": about, "vault": [asdict(row) for row in rows], "miniprograms": [asdict(f) for f in figures]}
    found |= {"pages": [asdict(row) for row in pages], "denials": [asdict(row) for row in denials]}
    found["commands"] = [asdict(row) for row in talks]
    rooms = rooms_cost.run()
    missed += rooms_cost.told(rooms)
    found["rooms"] = [asdict(row) for row in rooms]
    busy = busy_cost.run()
    missed += busy_cost.told(busy)
    found["busy"] = [asdict(row) for row in busy]
    memory, growth = memory_cost.run(COMMANDS), store_growth.run()
    missed += memory_cost.told(memory) + store_growth.told(growth)
    found |= {"memory": asdict(memory), "store": [asdict(row) for row in growth]}
    found["moments"] = [asdict(figure) for figure in crowd]
    OUTPUT.write_text(json.dumps(found, indent=2) + "\n")
    print(f"\nWritten to {OUTPUT}." + (f" Over the target: {', '.join(missed)}." if missed else ""))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
