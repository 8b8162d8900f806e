"""`make fuzz`: try every reader, or those that are named, with so many mutated inputs in all; 1 where one fails."""

import os
import sys
import time
from pathlib import Path

from fuzz.readers import READERS
from fuzz.trial import Tally, rows_of, try_reader

KEPT = Path("build") / "fuzz"


def main() -> int:
    """Print the table, and each kind of failure with the input that shows it."""
    names = sys.argv[1:] or list(READERS)
    total, seed = int(os.environ.get("FUZZ", "1000000")), int(os.environ.get("SEED", "1"))
    weights = sum(READERS[name].weight for name in names)
    tallies = {}
    for name in names:
        began, count = time.monotonic(), total * READERS[name].weight // weights
        tallies[name] = try_reader(name, READERS[name], count, seed, KEPT)
        print(f"{name}: {count:,} in {time.monotonic() - began:,.0f} s", file=sys.stderr, flush=True)
        _show(name, tallies[name], seed)
    print("\n".join(rows_of(tallies)))
    return 1 if any(tally.kinds for tally in tallies.values()) else 0


def _show(name: str, tally: Tally, seed: int) -> None:
    for kind, (count, first) in sorted(tally.kinds.items(), key=lambda one: -one[1][0]):
        print(f"  {count:,} x {kind}: {KEPT}/{name}-{seed}-{first}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
