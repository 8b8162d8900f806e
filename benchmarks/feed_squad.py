"""Windows a second from the features to the tensors of a step, without a model: what a GPU can be fed with.

    python benchmarks/feed_squad.py [--batch-size 256] [--windows 20000] [--processes 1,2]

The windows are made up, with SQuAD's lengths. A process gathers its batches in random order, brings each to tensors and
lays it out for attention in groups, as a step on a GPU does; only the copy to the device is left out. All processes of
a line work at once, as those of as many GPUs would.
"""

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Dict, Tuple

import numpy as np
import torch
from podtune.training.engines.sequences import to_device
from squad_shapes import make_up_windows


def main() -> None:
    """Measure each number of processes, and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--windows", type=int, default=20_000, help="for each process")
    parser.add_argument("--processes", default="1,2", help="numbers of processes, separated by commas")
    arguments = parser.parse_args()
    counts = [int(count) for count in arguments.processes.split(",")]
    for count, rate in feed_rates(arguments.windows, arguments.batch_size, counts).items():
        print(f"{count} processes: {rate:,.0f} windows/s")


def feed_rates(windows: int, batch_size: int, counts: "list[int]") -> Dict[int, float]:
    """Windows a second by the number of processes."""
    rates = {}
    for count in counts:
        with ProcessPoolExecutor(count) as pool:
            times = list(pool.map(partial(_feed, windows, batch_size), range(count)))
        begun, ended = min(begin for begin, _ in times), max(end for _, end in times)
        rates[count] = count * windows / (ended - begun)
    return rates


def _feed(count: int, batch_size: int, seed: int) -> Tuple[float, float]:
    """Gather all windows once; when that began and when it ended, by a clock that processes share."""
    torch.set_num_threads(1)
    windows, device = make_up_windows(count), torch.device("cpu")
    order = np.random.default_rng(seed).permutation(count)
    begun = time.monotonic()
    for start in range(0, count, batch_size):
        rows = order[start : start + batch_size]
        to_device(windows.batch(rows), 384, device, None).sequences.in_groups  # noqa: B018  # made when it is read
    return begun, time.monotonic()


if __name__ == "__main__":
    main()
