"""`make fuzz`: try every reader, or those that are named, with so many mutated inputs in all; 1 where one fails."""

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from fuzz.readers import READERS
from fuzz.trial import Tally, rows_of, try_reader

KEPT = Path("build") / "fuzz"


def main() -> int:
    """Print the table, and each kind of failure with the input that shows it."""
    names = sys.argv[1:] or list(READERS)
    total, seed = int(os.environ.get("FUZZ", "1000000")), int(os.environ.get("SEED", "1"))
    weights = sum(READERS[name].weight for name in names)
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        running = {name: pool.submit(_try, name, total * READERS[name].weight // weights, seed) for name in names}
        tallies = {name: one.result() for name, one in running.items()}
    print("\n".join(rows_of(tallies)))
    return 1 if any(tally.kinds for tally in tallies.values()) else 0


def _try(name: str, count: int, seed: int) -> Tally:
    tally = try_reader(name, READERS[name], count, seed, KEPT)
    print(rows_of({name: tally})[-1], file=sys.stderr, flush=True)
    for kind, (number, first) in sorted(tally.kinds.items(), key=lambda one: -one[1][0]):
        print(f"  {number:,} x {kind}: {KEPT}/{name}-{seed}-{first}", file=sys.stderr, flush=True)
    return tally


if __name__ == "__main__":
    sys.exit(main())
