"""`make test-faults`: try the whole matrix, or the kinds that are named; 1 where something went wrong.

FAULTS scales how many points are tried: 0.1 for a tenth. POINT tries those alone whose names begin so.
"""

import os
import shutil
import sys
import time

from faults import s3, training
from faults.kinds import KINDS, chosen
from faults.points import tried


def main() -> int:
    """Print the table, and each point that went wrong as soon as it does."""
    names, scale, point = sys.argv[1:] or list(KINDS), float(os.environ.get("FAULTS", "1")), os.environ.get("POINT", "")
    began, lines, wrong = time.monotonic(), [], 0
    print(f"trying {', '.join(names)}", file=sys.stderr, flush=True)
    with s3.served() as server:
        for name in names:
            since, failed = time.monotonic(), 0
            points = chosen(KINDS[name], server, scale, point)
            for number, (found, reason) in enumerate(tried(points), start=1):
                if reason:
                    failed += 1
                    print(f"WRONG: POINT='{found.name}'\n  {reason}", file=sys.stderr, flush=True)
                if number % 100 == 0:
                    print(f"  {number:,} of {len(points):,} {name}, {failed} wrong", file=sys.stderr, flush=True)
            lines.append(f"| {name} | {len(points):,} | {len(points) - failed:,} | {failed} | {_minutes(since)} |")
            print(lines[-1], file=sys.stderr, flush=True)
            wrong += failed
    shutil.rmtree(training.INPUTS, ignore_errors=True)
    print("| kind | points | right | wrong | minutes |\n|---|---:|---:|---:|---:|")
    print("\n".join(lines))
    print(f"in {_minutes(began)} minutes")
    return 1 if wrong else 0


def _minutes(since: float) -> str:
    return f"{(time.monotonic() - since) / 60:.1f}"


if __name__ == "__main__":
    sys.exit(main())
